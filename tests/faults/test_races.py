"""Two controllers in one volume's affairs, one of them stopped in the middle of a call: a race as slow as it needs."""
import concurrent.futures
import contextlib
import os
import re
import signal
from typing import Callable, Iterator

import pytest

import csi_client
import pool
from csi_client import MIB, MODE, Controller, Message
from pod import Pod
from scorecard import Score
from world import World
from world.driver import Controller as Process

RAW = csi_client.block(MODE.SINGLE_NODE_WRITER)
SIZE = 64 * MIB


class Paused:
    """A call at a controller of its own that has stopped at a boundary; `go_on` gives its answer."""

    def __init__(self, process: Process, place: str, call: Callable[[Controller], object]) -> None:
        self._process = process
        process.start(env={"RBDCSI_STOP_AT": place}, faulty=True)
        process.wait_ready()
        self._client = Controller(str(process.socket), deadline=60)
        self._worker = concurrent.futures.ThreadPoolExecutor(1)
        self._answer = self._worker.submit(call, self._client)
        csi_client.wait_until(self._stopped, 30, f"the stop at {place}")

    def _stopped(self) -> bool:
        state = re.search(r"^State:\s+(\w)", open(f"/proc/{self._process.pid}/status", encoding="ascii").read(), re.M)
        return state is not None and state[1] == "T"

    def go_on(self) -> Message:
        os.kill(self._process.pid, signal.SIGCONT)
        return self._answer.result()

    def end(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)
        self._client.close()
        self._worker.shutdown()
        self._process.stop()


Pause = Callable[[str, Callable[[Controller], object]], Paused]


@pytest.fixture()
def pause(world: World) -> Iterator[Pause]:
    """Starts a call that stops at METHOD:BOUNDARY (tests/faulty/step.cc counts them)."""
    with contextlib.ExitStack() as stack:
        def start(place: str, call: Callable[[Controller], object]) -> Paused:
            paused = Paused(world.extra_controller(f"slow{len(started)}"), place, call)
            stack.callback(paused.end)
            started.append(paused)
            return paused

        started: list[Paused] = []
        yield start


def only_snapshot(world: World, controller: Controller, volume_id: str, name: str) -> str:
    """The one snapshot of the volume, and its name is claimed."""
    entries = controller.snapshots(volume_id=volume_id).entries
    assert len(entries) == 1
    assert pool.snapshot_names(world) == [f"csi.{name}"]
    return str(entries[0].snapshot.snapshot_id)


def test_a_snapshot_whose_name_was_freed_while_it_was_made_has_it_again(
        world: World, controller: Controller, volume: Callable[..., str], pause: Pause, score: Score) -> None:
    source = volume("slow-create", SIZE)
    creating = pause("CreateSnapshot:3", lambda client: client.snapshot(source, "slow-create"))
    score.trial()
    controller.delete_snapshot(f"{source}@csi.slow-create")
    assert pool.snapshot_names(world) == []
    snapshot_id = creating.go_on().snapshot_id
    assert only_snapshot(world, controller, source, "slow-create") == snapshot_id
    assert controller.snapshot(source, "slow-create").snapshot_id == snapshot_id
    controller.delete_snapshot(snapshot_id)
    assert pool.snapshot_names(world) == []


def test_a_snapshot_that_was_made_while_its_name_was_freed_is_deleted_as_well(
        world: World, controller: Controller, volume: Callable[..., str], pause: Pause, score: Score) -> None:
    source = volume("slow-delete", SIZE)
    snapshot_id = f"{source}@csi.slow-delete"
    creating = pause("CreateSnapshot:3", lambda client: client.snapshot(source, "slow-delete"))
    deleting = pause("DeleteSnapshot:1", lambda client: client.delete_snapshot(snapshot_id))
    score.trial()
    assert creating.go_on().snapshot_id == snapshot_id
    deleting.go_on()
    assert list(controller.snapshots(volume_id=source).entries) == []
    assert pool.snapshot_names(world) == []


def test_a_detach_of_before_fences_the_attachment_that_it_ends(
        world: World, controller: Controller, volume: Callable[..., str], pause: Pause, score: Score) -> None:
    """The guard has gone and come back, the same controller's of the same node, since the slow one looked at it."""
    volume_id = volume("slow-detach", SIZE, capability=RAW)
    pod = Pod(world, controller, "node1", volume_id, name="slow-detach", capability=RAW)
    pod.attach()
    detaching = pause("ControllerUnpublishVolume:1", lambda client: client.unpublish(volume_id, pod.node_id))
    score.trial()
    before = world.ceph.blocklist()
    controller.unpublish(volume_id, pod.node_id)
    pod.start()
    pod.machine.run(["dd", "if=/dev/zero", f"of={pod.target}", "bs=4096", "count=1", "oflag=direct"])
    detaching.go_on()
    assert list(controller.get(volume_id).status.published_node_ids) == []
    assert len(world.ceph.blocklist()) == len(before) + 1
    late = pod.machine.run(["dd", "if=/dev/zero", f"of={pod.target}", "bs=4096", "count=1", "oflag=direct"],
                           check=False)
    score.double_writers += late.returncode == 0
    assert late.returncode != 0
    pod.stop()
