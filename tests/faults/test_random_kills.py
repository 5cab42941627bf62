"""Daemons killed at random instants of every call that changes something; the same call again, and all is well.

The kill matrix (tests/kill, tests/kill_node) dies before and after each step of ours; this dies anywhere, in the middle
of librbd too. Many calls are under way at each death.
"""
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Callable, Iterator, Protocol, Sequence

import grpc
import pytest

import csi_client
from csi_client import MIB, MODE, NOT_FINAL, Controller
from pod import Pod
from pool import becomes_empty
from scorecard import Score
from world import World
from world.driver import Controller as Process

SIZE = 64 * MIB
NODE = "v1/alpha/192.0.2.101"
RAW = csi_client.block(MODE.SINGLE_NODE_WRITER)
AT_ONCE = 10  # calls under way when the controller dies
# A dead client's watch and lock last 10 s in this world (conftest.py).
PATIENCE = 90
ARGUMENTS = ["--half-made-grace=2", "--reaper-interval=1"]


class Daemon(Protocol):
    """What dies and is started again."""

    def kill(self) -> None: ...

    def wait_ready(self) -> None: ...


def repeat(call: Callable[[], Any]) -> Any:
    """As a sidecar does; a volume that a dead client still watches is not deleted at first."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return call()
        except grpc.RpcError as error:
            dead = "dead client's watch" in error.details()
            if (error.code() not in NOT_FINAL and not dead) or time.monotonic() > end:
                raise
            time.sleep(0.2)


def attempt(call: Callable[[], Any]) -> None:
    try:
        call()
    except grpc.RpcError:
        pass


def duration(calls: Sequence[Callable[[], Any]]) -> float:
    """Of all at once, undisturbed."""
    begin = time.monotonic()
    with ThreadPoolExecutor(len(calls)) as pool:
        list(pool.map(lambda call: call(), calls))
    return time.monotonic() - begin


def kill_amid(daemon: Daemon, restart: Callable[[], None], calls: Sequence[Callable[[], Any]], after: float,
              score: Score) -> list[Any]:
    """All under way, death, and each again until it is answered; the good answers."""
    with ThreadPoolExecutor(len(calls)) as pool:
        waiting = [pool.submit(attempt, call) for call in calls]
        time.sleep(after)
        daemon.kill()
        for each in waiting:
            each.result()
        restart()
        begin = time.monotonic()
        answers = list(pool.map(repeat, calls))
    score.trial(len(calls))
    score.recovered(time.monotonic() - begin)
    return answers


@dataclass
class Kind:
    """Of call: `prepare` makes what call number n needs, `check` looks at what it has done, `clear` takes it away."""

    name: str
    prepare: Callable[[Controller, str], str]
    call: Callable[[Controller, str], Any]
    check: Callable[[Controller, str, Any], None]
    clear: Callable[[Controller, str], None]


def volume_of(client: Controller, name: str) -> str:
    return f"world/rbd/csi.{name}"


def create(client: Controller, name: str) -> str:
    return str(repeat(lambda: client.create(name, SIZE)).volume_id)


def delete(client: Controller, name: str) -> None:
    repeat(lambda: client.unpublish(volume_of(client, name)))
    repeat(lambda: client.delete(volume_of(client, name)))


def same(left: object, right: object) -> None:
    assert left == right, (left, right)


def published(client: Controller, name: str) -> list[str]:
    return list(client.get(volume_of(client, name)).status.published_node_ids)


def of(client: Controller, name: str) -> str:
    """The id of the snapshot of that volume."""
    return f"{volume_of(client, name)}@csi.{name}"


def with_snapshot(client: Controller, name: str) -> str:
    create(client, name)
    return str(repeat(lambda: client.snapshot(volume_of(client, name), name)).snapshot_id)


def attached(client: Controller, name: str) -> str:
    volume_id = create(client, name)
    client.publish(volume_id, NODE)
    return volume_id


def snapshots(client: Controller, name: str) -> int:
    return len(client.snapshots(volume_id=volume_of(client, name)).entries)


def no_snapshot(client: Controller, name: str) -> None:
    repeat(lambda: client.delete_snapshot(of(client, name)))
    delete(client, name)


def ungroup(client: Controller, name: str) -> None:
    group = repeat(lambda: client.group_snapshot(name, [volume_of(client, name)]))
    repeat(lambda: client.delete_group(group.group_snapshot_id, [member.snapshot_id for member in group.snapshots]))
    delete(client, name)


def no_copy(client: Controller, name: str) -> None:
    delete(client, f"{name}-copy")
    delete(client, name)


def nothing(client: Controller, name: str) -> str:
    return ""


CONTROLLER_CALLS = [
    Kind("CreateVolume", nothing, lambda client, name: client.create(name, SIZE).volume_id,
         lambda client, name, answer: same(answer, client.create(name, SIZE).volume_id), delete),
    Kind("DeleteVolume", create, lambda client, name: client.delete(volume_of(client, name)),
         lambda client, name, answer: same(csi_client.refused(lambda: client.get(volume_of(client, name)))[0],
                                           "NOT_FOUND"), lambda client, name: None),
    Kind("ControllerPublishVolume", create, lambda client, name: client.publish(volume_of(client, name), NODE),
         lambda client, name, answer: same(published(client, name), [NODE]), delete),
    Kind("ControllerUnpublishVolume", attached, lambda client, name: client.unpublish(volume_of(client, name), NODE),
         lambda client, name, answer: same(published(client, name), []), delete),
    Kind("ControllerExpandVolume", create, lambda client, name: client.expand(volume_of(client, name), 2 * SIZE),
         lambda client, name, answer: same(client.get(volume_of(client, name)).volume.capacity_bytes, 2 * SIZE),
         delete),
    Kind("ControllerModifyVolume", create,
         lambda client, name: client.modify(volume_of(client, name), {"maxIOPS": "100",
                                                                      "imageFeatures": "layering,exclusive-lock"}),
         lambda client, name, answer: same(repeat(lambda: client.publish(volume_of(client, name), NODE))["readIops"],
                                           "100"), delete),
    Kind("CreateSnapshot", create,
         lambda client, name: client.snapshot(volume_of(client, name), name).snapshot_id,
         lambda client, name, answer: same((answer, snapshots(client, name)), (of(client, name), 1)), no_snapshot),
    Kind("DeleteSnapshot", with_snapshot, lambda client, name: client.delete_snapshot(of(client, name)),
         lambda client, name, answer: same(snapshots(client, name), 0), delete),
    Kind("CreateVolume from a volume", create,
         lambda client, name: client.create(f"{name}-copy", SIZE, source=volume_of(client, name)).volume_id,
         lambda client, name, answer: same(snapshots(client, name), 0),
         no_copy),
    Kind("CreateVolumeGroupSnapshot", create,
         lambda client, name: client.group_snapshot(name, [volume_of(client, name)]).group_snapshot_id,
         lambda client, name, answer: same(snapshots(client, name), 1), ungroup),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The short form has two of the controller's."""
    if "kind" in metafunc.fixturenames:
        kinds = CONTROLLER_CALLS if metafunc.config.getoption("--full") else CONTROLLER_CALLS[:2]
        metafunc.parametrize("kind", kinds, ids=lambda kind: kind.name)


@pytest.fixture()
def victim(world: World) -> Iterator[Process]:
    process = world.extra_controller("victim")
    process.start(ARGUMENTS)
    process.wait_ready()
    yield process
    process.stop()


def test_a_controller_that_dies_at_any_instant_leaves_nothing_undone(world: World, victim: Process, score: Score,
                                                                     full: bool, kind: Kind) -> None:
    chance = random.Random(kind.name)
    client = Controller(str(victim.socket), deadline=60)
    short = "".join(letter for letter in kind.name if letter.isupper()).lower()

    def restart() -> None:
        victim.start(ARGUMENTS)
        victim.wait_ready()

    names = [f"warm-{short}-{number}" for number in range(AT_ONCE)]
    for name in names:
        kind.prepare(client, name)
    whole = duration([lambda name=name: kind.call(client, name) for name in names])  # type: ignore[misc]
    for name in names:
        kind.clear(client, name)
    for number in range(10 if full else 2):
        names = [f"{short}-{number}-{each}" for each in range(AT_ONCE)]
        for name in names:
            kind.prepare(client, name)
        calls = [lambda name=name: kind.call(client, name) for name in names]  # type: ignore[misc]
        answers = kill_amid(victim, restart, calls, chance.uniform(0, whole), score)
        for name, answer in zip(names, answers):
            kind.check(client, name, answer)
        for name in names:
            kind.clear(client, name)
    becomes_empty(world, 120)
    client.close()


def test_a_node_plugin_that_dies_at_any_instant_leaves_nothing_undone(world: World, controller: Controller,
                                                                      volume: Callable[..., str], score: Score,
                                                                      full: bool) -> None:
    """Stage, publish, expand, unpublish and unstage of four volumes at once, each killed in its turn."""
    node = world.node("node1")
    chance = random.Random(1)
    pods = [Pod(world, controller, "node1", volume(f"dying-{number}", SIZE), name=f"dying-{number}")
            for number in range(4)]
    sizes = [SIZE]

    def restart() -> None:
        node.plugin.start()
        node.plugin.wait_ready()

    def expand(pod: Pod) -> None:
        pod.plugin.expand(pod.volume_id, pod.target, sizes[-1])

    for number in range(25 if full else 1):
        for pod in pods:
            pod.attach()
            pod.machine.run(["mkdir", "-p", pod.staging, pod.volumes])
        for step, window in ((Pod.stage, 2.0), (Pod.publish, 0.5)):
            kill_amid(node.plugin, restart, [lambda pod=pod: step(pod) for pod in pods],  # type: ignore[misc]
                      chance.uniform(0, window), score)
        for pod in pods:
            pod.machine.run(["bash", "-c", f"echo {number} > {pod.target}/word && sync -f {pod.target}/word"])
        sizes.append(sizes[-1] + 16 * MIB)
        for pod in pods:
            repeat(lambda: controller.expand(pod.volume_id, sizes[-1]))
        kill_amid(node.plugin, restart, [lambda pod=pod: expand(pod) for pod in pods],  # type: ignore[misc]
                  chance.uniform(0, 0.5), score)
        table = node.run(["cat", "/proc/self/mountinfo"]).stdout
        for pod in pods:
            assert sum(f" {pod.target} " in line for line in table.splitlines()) == 1
            score.mismatches += int(pod.machine.run(["cat", f"{pod.target}/word"]).stdout != f"{number}\n")
        for step, window in ((Pod.unpublish, 0.5), (Pod.unstage, 1.0)):
            kill_amid(node.plugin, restart, [lambda pod=pod: step(pod) for pod in pods],  # type: ignore[misc]
                      chance.uniform(0, window), score)
        score.leaked += len(node.run(["ls", "/sys/bus/rbd/devices"]).stdout.split())
        for pod in pods:
            pod.detach()
