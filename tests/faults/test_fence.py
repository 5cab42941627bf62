"""A node that is given up in the middle of writing writes nothing late, and its other volumes do not notice."""
import base64
import time
from dataclasses import dataclass
from typing import Any, Callable, Optional

import pytest

import csi_client
from csi_client import MIB, MODE, Controller, Message
from pod import Pod
from scorecard import Score
from world import World
from world.lifecycle import GuestNode
from writer import Writer, image, records

SIZE = 64 * MIB
RAW = csi_client.block(MODE.SINGLE_NODE_WRITER)
DETACHED_WITHIN = 10  # seconds for ControllerUnpublish, whatever the node does
UNSTAGED_WITHIN = 30
FILE = "records"


@dataclass
class Fault:
    """How a node falls silent, or its plugin, and comes back."""

    name: str
    begin: Callable[[World, GuestNode], None]
    end: Callable[[World, GuestNode], None]


def restart_plugin(node: GuestNode) -> None:
    node.plugin.start()
    node.plugin.wait_ready()


FAULTS = [
    Fault("frozen", lambda world, node: node.pause(), lambda world, node: node.resume()),
    Fault("cut from Ceph", lambda world, node: world.network.cut(node.address),
          lambda world, node: world.network.join(node.address)),
    Fault("without its plugin", lambda world, node: node.plugin.kill(), lambda world, node: restart_plugin(node)),
]


class Moved:
    """One volume that node2 writes and node1 takes over: raw with direct writes, or a file in ext4 with dirty pages."""

    def __init__(self, world: World, controller: Controller, volume_id: str, capability: Optional[Message]) -> None:
        self.world = world
        self.controller = controller
        self.volume_id = volume_id
        self.capability = capability
        self.settled = b""

    def pod(self, node: str) -> Pod:
        return Pod(self.world, self.controller, node, self.volume_id, name=node, capability=self.capability).start()

    def write(self, pod: Pod, tag: str) -> Writer:
        raw = self.capability is not None
        writer = Writer(pod.machine, pod.target if raw else f"{pod.target}/{FILE}", tag, direct=raw)
        writer.wait_for("ok", 10)
        return writer

    def begin(self, number: int) -> None:
        self.old = self.pod("node2")
        self.writer = self.write(self.old, f"old{number}")

    def take_over(self, number: int, score: Score) -> None:
        """Detach from node2, which cannot help; node1 finds what was acknowledged, and writes."""
        safe = self.writer.acknowledged()
        begin = time.monotonic()
        csi_client.again(self.old.detach)
        assert time.monotonic() - begin < DETACHED_WITHIN
        self.new = self.pod("node1")
        score.recovered(time.monotonic() - begin)
        found = records(self.bytes(), self.writer.tag)
        score.mismatches += int(not found or found[-1] < safe)
        takeover = self.write(self.new, f"new{number}")
        takeover.end()
        # A mounted file system writes by itself; from here on nobody does who may.
        self.new.unpublish()
        self.new.unstage()
        self.settled = image(self.world, self.volume_id)

    def bytes(self) -> bytes:
        """What node1 sees: the raw volume, or the file."""
        if self.capability is not None:
            return image(self.world, self.volume_id)
        text = self.new.machine.run(["base64", f"{self.new.target}/{FILE}"]).stdout
        return base64.b64decode(text)

    def check(self, score: Score) -> None:
        """After all that the old node tried."""
        score.double_writers += int(image(self.world, self.volume_id) != self.settled)
        self.writer.end()

    def end(self) -> None:
        begin = time.monotonic()
        self.old.unpublish()
        self.old.unstage()
        assert time.monotonic() - begin < UNSTAGED_WITHIN
        self.new.detach()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_node_that_was_given_up_writes_nothing_late(world: World, controller: Controller, volume: Callable[..., str],
                                                      score: Score, full: bool, fault: Fault) -> None:
    """The old writers of several rounds go on trying side by side; each has volumes of its own."""
    rounds, together, trying = (20, 5, 60) if full else (1, 1, 5)
    neighbour = Pod(world, controller, "node2", volume("neighbour", SIZE, capability=RAW), name="neighbour",
                    capability=RAW).start()
    untouched = Writer(neighbour.machine, neighbour.target, "neighbour", stop=True)
    before = len(world.ceph.blocklist())
    given_up: list[Moved] = []
    for number in range(1, rounds + 1):
        score.trial()
        moved = [Moved(world, controller, volume(f"direct{number}", SIZE, capability=RAW), RAW),
                 Moved(world, controller, volume(f"buffered{number}", SIZE), None)]
        for each in moved:
            each.begin(number)
        fault.begin(world, neighbour.machine)
        try:
            for each in moved:
                each.take_over(number, score)
        finally:
            fault.end(world, neighbour.machine)
        untouched.wait_for_more("ok", 20)
        for each in moved:
            each.writer.wait_for_more("error", 5)
        given_up += moved
        if number % together == 0:
            time.sleep(trying)
            untouched.wait_for_more("ok", 5)
            for each in given_up:
                each.check(score)
                each.end()
            given_up = []
            print(f"{fault.name}: round {number}, {len(untouched.lines('ok'))} writes of the neighbour")
    assert untouched.lines("error") == []
    untouched.end()
    neighbour.stop()
    assert len(world.ceph.blocklist()) == before + rounds * len(moved)
    forgive(world)


def forgive(world: World) -> None:
    for address in world.ceph.blocklist():
        world.ceph.command("osd", "blocklist", "rm", address)


def test_a_node_without_power_loses_nothing_and_is_used_again(world: World, controller: Controller,
                                                              volume: Callable[..., str], score: Score,
                                                              full: bool) -> None:
    moved = [Moved(world, controller, volume("direct", SIZE, capability=RAW), RAW),
             Moved(world, controller, volume("buffered", SIZE), None)]
    for number in range(1, (20 if full else 1) + 1):
        score.trial()
        for each in moved:
            each.begin(number)
        world.node("node2").kill()
        for each in moved:
            each.take_over(number, score)
        world.node("node2").boot()
        for each in moved:
            each.check(score)
            each.new.detach()
            again = each.pod("node2")
            each.write(again, f"again{number}").end()
            again.stop()
    forgive(world)


def silent(pod: Pod, world: World, volume_id: str) -> None:
    """Freezes the pod's node until Ceph has forgotten its watches."""
    pod.machine.pause()
    name = volume_id.split("/")[-1]
    csi_client.wait_until(lambda: "watcher=" not in world.ceph.rbd("status", f"rbd/{name}").stdout, 90,
                          "Ceph gives up the watch of the frozen node")


def late_writes(world: World, controller: Controller, old: Pod, volume_id: str, score: Score) -> int:
    """What the fence leaves of a frozen node that wakes up: how many entries of the blocklist it took."""
    score.trial()
    before = len(world.ceph.blocklist())
    csi_client.again(old.detach)
    new = Pod(world, controller, "node1", volume_id, name="new", capability=RAW).start()
    takeover = Writer(new.machine, new.target, "new")
    takeover.wait_for("ok", 20)
    takeover.end()
    settled = image(world, volume_id)
    old.machine.resume()
    late = Writer(old.machine, old.target, "late")
    late.wait_for("error", 10)
    score.double_writers += int(image(world, volume_id) != settled)
    late.end()
    old.unpublish()
    old.unstage()
    new.stop()
    fenced = len(world.ceph.blocklist()) - before
    forgive(world)
    return fenced


# Who has taken the lock of the idle volume meanwhile.
TAKERS = ["nobody", "CreateSnapshot", "ControllerExpandVolume", "DeleteSnapshot", "CreateVolumeGroupSnapshot"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The short form has two of them."""
    if "taken_by" in metafunc.fixturenames:
        metafunc.parametrize("taken_by", TAKERS if metafunc.config.getoption("--full") else TAKERS[:2])


def test_a_node_whose_watch_has_expired_is_fenced_by_its_lock_or_by_the_note_of_it(
        world: World, controller: Controller, volume: Callable[..., str], score: Score, taken_by: str) -> None:
    volume_id = volume(f"expired-{taken_by.lower()}", SIZE, capability=RAW)
    snapshot = controller.snapshot(volume_id, "before").snapshot_id
    old = Pod(world, controller, "node2", volume_id, name="old", capability=RAW).start()
    acts: dict[str, Callable[[], Any]] = {
        "nobody": lambda: None,
        "CreateSnapshot": lambda: controller.snapshot(volume_id, "idle"),
        "DeleteSnapshot": lambda: controller.delete_snapshot(snapshot),
        "ControllerExpandVolume": lambda: controller.expand(volume_id, 2 * SIZE),
        "CreateVolumeGroupSnapshot": lambda: controller.group_snapshot("idle", [volume_id]),
    }
    made = acts[taken_by]()
    silent(old, world, volume_id)
    assert late_writes(world, controller, old, volume_id, score) == 1
    if taken_by == "CreateSnapshot":
        controller.delete_snapshot(made.snapshot_id)
    elif taken_by == "CreateVolumeGroupSnapshot":
        controller.delete_group(made.group_snapshot_id, [member.snapshot_id for member in made.snapshots])
    controller.delete_snapshot(snapshot)


def test_an_image_without_exclusive_lock_gets_it_when_a_single_writer_attaches(
        world: World, controller: Controller, volume: Callable[..., str], score: Score) -> None:
    volume_id = volume("no-lock", SIZE, capability=RAW, parameters={"pool": "rbd", "imageFeatures": "layering"})
    name = volume_id.split("/")[-1]
    readers = csi_client.block(MODE.MULTI_NODE_READER_ONLY)
    controller.publish(volume_id, "v1/reader/192.0.2.77", readers, readonly=True)
    assert "exclusive-lock" not in world.ceph.rbd("info", f"rbd/{name}").stdout
    controller.unpublish(volume_id)
    world.processes.spawn("bench", ["rbd", "bench", "--io-type=write", "--io-total=100G", f"rbd/{name}"],
                          world.ceph.environment())
    csi_client.wait_until(lambda: "watcher=" in world.ceph.rbd("status", f"rbd/{name}").stdout, 30, "rbd bench writes")
    code, message = csi_client.refused(lambda: controller.publish(volume_id, "v1/alpha/192.0.2.78", RAW))
    assert code == "FAILED_PRECONDITION" and "exclusive-lock" in message and "192.0.2.1" in message
    world.processes.end("bench", 9)
    old = csi_client.again(lambda: attached_when_unused(world, controller, volume_id))
    assert "exclusive-lock" in world.ceph.rbd("info", f"rbd/{name}").stdout
    silent(old, world, volume_id)
    assert late_writes(world, controller, old, volume_id, score) == 1


def attached_when_unused(world: World, controller: Controller, volume_id: str) -> Pod:
    """As soon as the killed client's watch is gone."""
    name = volume_id.split("/")[-1]
    csi_client.wait_until(lambda: "watcher=" not in world.ceph.rbd("status", f"rbd/{name}").stdout, 60, "no watcher")
    return Pod(world, controller, "node2", volume_id, name="old", capability=RAW).start()


def test_ordinary_moves_add_no_blocklist_entry(world: World, controller: Controller, volume: Callable[..., str],
                                               score: Score, full: bool) -> None:
    moving = volume("moving", SIZE)
    before = world.ceph.blocklist()
    moves = 100 if full else 10
    for number in range(moves):
        score.trial()
        pod = Pod(world, controller, f"node{number % 2 + 1}", moving, name=f"move{number}").start()
        pod.machine.run(["bash", "-c", f"echo {number} >> {pod.target}/moves && sync"])
        if number == moves - 1:
            lines = pod.machine.run(["cat", f"{pod.target}/moves"]).stdout.split()
            score.mismatches += int(lines != [str(n) for n in range(moves)])
        pod.stop()
    assert world.ceph.blocklist() == before


def test_nobody_but_a_client_of_the_guards_node_is_fenced(world: World, controller: Controller,
                                                          volume: Callable[..., str], score: Score) -> None:
    """An administrator's `rbd` has the image open on another machine while its node is given up."""
    volume_id = volume("watched", SIZE, capability=RAW)
    old = Pod(world, controller, "node2", volume_id, name="old", capability=RAW).start()
    name = volume_id.split("/")[-1]
    watch = f"exec rbd watch rbd/{name} < <(sleep 100)"  # it ends with its input
    world.processes.spawn("looker", ["bash", "-c", watch], world.ceph.environment())
    csi_client.wait_until(lambda: "192.0.2.1:" in world.ceph.rbd("status", f"rbd/{name}").stdout, 30, "rbd watch")
    score.trial()
    before = set(world.ceph.blocklist())
    csi_client.again(old.detach)
    fenced = set(world.ceph.blocklist()) - before
    assert len(fenced) == 1 and fenced.pop().startswith(f"{old.machine.address}:")
    assert "192.0.2.1:" in world.ceph.rbd("status", f"rbd/{name}").stdout
    world.processes.end("looker", 9)
    csi_client.wait_until(lambda: "watcher=" not in world.ceph.rbd("status", f"rbd/{name}").stdout, 60, "no watcher")
    old.unpublish()
    old.unstage()
    forgive(world)
