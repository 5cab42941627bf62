"""Whatever befalls Ceph, each call answers in time with the reason, and works afterwards without a restart."""
import pathlib
import threading
from dataclasses import dataclass
from typing import Callable, Iterable, Iterator

import pytest

import csi_client
from csi_client import Controller
from faults.calls import AllCalls, Answer
from pool import becomes_empty, objects
from scorecard import Score
from world import World
from world.driver import Controller as Process


@dataclass
class Fault:
    """Something that befalls the cluster, and ends. `fails`: calls that change something cannot work meanwhile."""

    name: str
    begin: Callable[[World], None]
    end: Callable[[World], None]
    fails: bool = True
    short: bool = False  # part of the short form


def flag(world: World, wanted: bool) -> None:
    world.ceph.command("osd", "pool", "set-quota", "rbd", "max_objects", "1" if wanted else "0")

    def flagged() -> bool:
        pools = world.ceph.command("osd", "dump")["pools"]
        return any("full" in pool["flags_names"] for pool in pools if pool["pool_name"] == "rbd")

    csi_client.wait_until(lambda: flagged() == wanted, 60, "the pool's flag `full`")


def inject(option: str, value: str) -> Callable[[World], None]:
    return lambda world: world.ceph.ask_daemon("osd.0", "config set", var=option, val=[value]) and None


def slow(world: World) -> None:
    inject("osd_debug_inject_dispatch_delay_duration", "0.3")(world)
    inject("osd_debug_inject_dispatch_delay_probability", "0.5")(world)


FAULTS = [
    Fault("the monitor is silent", lambda world: world.ceph.pause("mon.a"), lambda world: world.ceph.resume("mon.a"),
          fails=False),
    Fault("the monitor is stopped", lambda world: world.ceph.stop("mon.a"), lambda world: world.ceph.start("mon.a"),
          fails=False),
    Fault("the OSD is silent", lambda world: world.ceph.pause("osd.0"), lambda world: world.ceph.resume("osd.0"),
          short=True),
    Fault("the cluster is paused", lambda world: world.ceph.command("osd", "pause"),
          lambda world: world.ceph.command("osd", "unpause")),
    Fault("the pool is full", lambda world: flag(world, True), lambda world: flag(world, False)),
    Fault("the OSD is slow", slow, inject("osd_debug_inject_dispatch_delay_probability", "0"), fails=False),
    Fault("connections break", inject("ms_inject_socket_failures", "100"), inject("ms_inject_socket_failures", "0"),
          fails=False),
    Fault("the manager is stopped", lambda world: world.ceph.stop("mgr.x"), lambda world: world.ceph.start("mgr.x"),
          fails=False),
]
# After the calls have begun: when they open images, write, and wait for the monitor or for a notification.
AMID = [100, 8, 16, 25, 35, 37, 50, 700]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """The short form has one of them."""
    full = metafunc.config.getoption("--full")
    if "milliseconds" in metafunc.fixturenames:
        metafunc.parametrize("milliseconds", AMID if full else AMID[:1])
    if "fault" in metafunc.fixturenames:
        faults = [fault for fault in FAULTS if fault.short or full]
        metafunc.parametrize("fault", faults, ids=lambda fault: fault.name)


def tell(what: str, answers: Iterable[Answer]) -> None:
    for answer in answers:
        print(f"{what}: {answer.call} {answer.code} after {answer.seconds:.1f} s: {answer.message[:160]}")


def test_each_call_answers_in_time_and_all_is_well_afterwards(world: World, controller: Controller, score: Score,
                                                              fault: Fault) -> None:
    calls = AllCalls(controller)
    calls.prepare()
    pid = world.controller.pid
    fault.begin(world)
    try:
        answers = calls.all_at_once(score)
    finally:
        fault.end(world)
    tell(fault.name, answers)
    assert not fault.fails or next(each for each in answers if each.call == "CreateVolume").code != "OK"
    calls.converge(score)
    assert world.controller.pid == pid
    calls.clear()


def test_an_osd_that_falls_silent_amid_the_calls(world: World, controller: Controller, score: Score,
                                                 milliseconds: int) -> None:
    """Each step may be the one that waits: librados gives some of its requests no time limit."""
    calls = AllCalls(controller, prefix="amid")
    calls.prepare()
    silence = threading.Timer(milliseconds / 1000, world.ceph.pause, ["osd.0"])
    silence.start()
    try:
        answers = calls.all_at_once(score)
    finally:
        silence.join()
        world.ceph.resume("osd.0")
    tell(f"silent after {milliseconds} ms", answers)
    calls.converge(score)
    calls.clear()
    csi_client.wait_until(lambda: objects(world) == unled_headers(world), 120, "all but headers that nothing leads to")
    unled = unled_headers(world)
    print(f"headers that nothing leads to: {unled}")
    assert len(unled) <= len(MAKERS)
    for name in unled:
        world.run_in_network(["rados", "-p", "rbd", "rm", name])
    becomes_empty(world)


# Calls that have librbd make an image or a group: what Ceph makes after librbd has given up stays (limitations.md).
MAKERS = ["CreateVolume", "CreateVolume from a snapshot", "CreateVolumeGroupSnapshot"]


def unled_headers(world: World) -> list[str]:
    known: set[str] = set()
    for directory in ("rbd_directory", "rbd_trash", "rbd_group_directory"):
        listed = world.run_in_network(["rados", "-p", "rbd", "listomapkeys", directory], check=False)
        known.update(listed.stdout.split())
    return [name for name in objects(world)
            if name.startswith(("rbd_header.", "rbd_group_header.")) and f"id_{name.split('.')[1]}" not in known]


@pytest.fixture()
def second(world: World, tmp_path: pathlib.Path) -> Iterator[Process]:
    """A controller with a user of its own, whose key and pool a test can take away."""
    process = world.extra_controller("second")
    world.ceph.command("osd", "pool", "create", "doomed", "8")
    world.ceph.rbd("pool", "init", "doomed")
    start_as(world, process, tmp_path)
    yield process
    process.stop()
    world.ceph.command("auth", "rm", "client.second")


def caps() -> list[str]:
    return ["mon", "profile rbd", "mgr", "profile rbd", "osd", "profile rbd pool=rbd, profile rbd pool=doomed"]


def start_as(world: World, process: Process, place: pathlib.Path) -> None:
    made = world.ceph.command("auth", "get-or-create", "client.second", *caps())
    keys = place / "keys" / "world"
    keys.mkdir(parents=True, exist_ok=True)
    (keys / "userID").write_text("second")
    (keys / "userKey").write_text(made[0]["key"])
    process.start([f"--keys={place / 'keys'}"])
    process.wait_ready()


def test_a_pool_that_is_deleted_while_it_is_used_is_named_and_hurts_no_other(world: World, second: Process,
                                                                             score: Score) -> None:
    client = Controller(str(second.socket))
    doomed, other = AllCalls(client, pool="doomed", prefix="doomed"), AllCalls(client, prefix="other")
    doomed.prepare()
    other.prepare()
    world.ceph.command("config", "set", "mon", "mon_allow_pool_delete", "true")
    world.ceph.command("osd", "pool", "rm", "doomed", "doomed", "--yes-i-really-really-mean-it")
    answers = {answer.call: answer for answer in doomed.all_at_once(score)}
    tell("pool deleted", answers.values())
    assert "doomed" in answers["CreateVolume"].message and answers["CreateVolume"].code != "OK"
    other.converge(score)
    world.ceph.command("osd", "pool", "create", "doomed", "8")
    world.ceph.rbd("pool", "init", "doomed")
    again = csi_client.again(lambda: client.create("anew", csi_client.GIB, {"pool": "doomed"}), seconds=90)
    client.delete(again.volume_id)
    other.clear()
    client.close()


def test_a_key_that_is_revoked_while_it_is_used_and_given_back(world: World, second: Process, score: Score,
                                                               tmp_path: pathlib.Path) -> None:
    client = Controller(str(second.socket))
    calls = AllCalls(client, prefix="revoked")
    calls.prepare()
    world.ceph.command("auth", "rm", "client.second")
    tell("key revoked", calls.all_at_once(score))  # the tickets it has are good for an hour
    second.stop()
    second.start([f"--keys={tmp_path / 'keys'}"])
    second.wait_ready()
    assert csi_client.refused(lambda: client.create("refused", csi_client.GIB))[0] == "UNAUTHENTICATED"
    second.stop()
    start_as(world, second, tmp_path)
    calls.converge(score)
    calls.clear()
    client.close()


def test_a_controller_that_was_blocklisted_connects_anew(world: World, controller: Controller, score: Score) -> None:
    calls = AllCalls(controller, prefix="blocklisted")
    calls.prepare()
    world.ceph.command("osd", "blocklist", "add", "192.0.2.1")
    try:
        calls.all_at_once(score)
    finally:
        world.ceph.command("osd", "blocklist", "rm", "192.0.2.1")
    calls.converge(score)
    calls.clear()
