"""Group snapshots under a running writer of two volumes: in each, the second never knows what the first does not."""
import json
import time
from typing import Any, Callable, Iterator

import pytest

import csi_client
from csi_client import MIB, MODE, Controller, Message
from pod import Pod
from world import World

SIZE = 64 * MIB
SNAPSHOTS = 20
LOG = "/tmp/writer.json"
# Counts; each number goes to the first device and, once it is there, to the second one.
WRITER = """
import json, mmap, os, signal, sys, time
going = True
def stop(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)
devices = [os.open(path, os.O_RDWR | os.O_DIRECT | os.O_SYNC) for path in sys.argv[1:3]]
block = mmap.mmap(-1, 4096)
number = 0
longest = 0.0
errors = []
while going:
    number += 1
    block[:8] = number.to_bytes(8, "little")
    for device in devices:
        begin = time.monotonic()
        try:
            os.pwrite(device, block, number % 1024 * 4096)
        except OSError as error:
            errors.append(str(error))
            going = False
            break
        longest = max(longest, time.monotonic() - begin)
    with open(sys.argv[3] + ".new", "w") as log:
        json.dump({"number": number, "longest": longest, "errors": errors}, log)
    os.rename(sys.argv[3] + ".new", sys.argv[3])
"""
# The largest number that the writer left in a snapshot, read by librbd itself.
READER = """
import os, rados, rbd, sys
with rados.Rados(conffile=os.environ["CEPH_CONF"]) as cluster, cluster.open_ioctx("rbd") as pool:
    for pair in sys.argv[1:]:
        numbers = []
        for spec in pair.split(","):
            image_name, snapshot_name = spec.split("@")
            with rbd.Image(pool, image_name, read_only=True) as image:
                ids = [it["id"] for it in image.list_snaps() if it["name"] == snapshot_name]
                image.set_snap_by_id(ids[0])
                data = image.read(0, 1024 * 4096)
            numbers.append(max(int.from_bytes(data[at:at + 8], "little") for at in range(0, len(data), 4096)))
        print(*numbers)
"""


class Writer:
    """The writing process in a node."""

    def __init__(self, pods: list[Pod]) -> None:
        self.machine = pods[0].machine
        self.machine.run(["rm", "-f", LOG])
        self.pid = self.machine.spawn(["python3", "-c", WRITER, *(pod.target for pod in pods), LOG], log="/tmp/writer")
        csi_client.wait_until(lambda: self.seen().get("number", 0) > 20, 30, "a writer that writes")

    def seen(self) -> dict[str, Any]:
        text = self.machine.run(["cat", LOG], check=False).stdout
        return dict(json.loads(text)) if text else {}

    def stop(self) -> dict[str, Any]:
        self.machine.signal(self.pid, 15)
        assert self.machine.wait(self.pid, 60) == 0
        return self.seen()


@pytest.fixture()
def pods(world: World, controller: Controller, volume: Callable[..., str]) -> Iterator[list[Pod]]:
    """Two block volumes on one node."""
    block = csi_client.block(MODE.SINGLE_NODE_WRITER)
    made = [Pod(world, controller, "node1", volume(f"alternate-{letter}", SIZE, capability=block), capability=block)
            for letter in "ab"]
    for pod in made:
        pod.start()
    yield made
    for pod in made:
        pod.stop()


def numbers(world: World, groups: list[Message], volumes: list[str]) -> list[tuple[int, int]]:
    """What each group snapshot knows of the first and of the second volume."""
    def specs(group: Message) -> str:
        of = {member.source_volume_id: member.snapshot_id.split("/")[-1] for member in group.snapshots}
        return ",".join(of[volume_id] for volume_id in volumes)

    lines = world.run_in_network(["/usr/bin/python3", "-c", READER, *map(specs, groups)]).stdout.splitlines()
    return [(int(line.split()[0]), int(line.split()[1])) for line in lines]


def members(group: Message) -> list[str]:
    return [member.snapshot_id for member in group.snapshots]


def test_no_group_snapshot_knows_an_effect_without_its_cause(world: World, controller: Controller,
                                                             pods: list[Pod]) -> None:
    volumes = [pod.volume_id for pod in pods]
    writer = Writer(pods)
    groups: list[Message] = []
    took: list[float] = []
    for number in range(SNAPSHOTS):
        begin = time.monotonic()
        groups.append(csi_client.again(lambda n=number: controller.group_snapshot(f"cut-{n}", volumes)))  # type: ignore
        took.append(time.monotonic() - begin)
    log = writer.stop()
    found = numbers(world, groups, volumes)
    print(f"{SNAPSHOTS} group snapshots, {log['number']} numbers written; longest pause of the writer "
          f"{log['longest']:.2f} s; a call took {min(took):.2f} to {max(took):.2f} s; {found}")
    assert log["errors"] == []
    assert len(found) == SNAPSHOTS
    for first, second in found:
        assert second <= first <= second + 1
    # One of the two may be all that it has written since, on a busy machine.
    assert all(sum(earlier) < sum(later) for earlier, later in zip(found, found[1:])), "the writer stood still"
    for group in groups:
        controller.delete_group(group.group_snapshot_id, members(group))


def test_a_controller_killed_while_it_holds_the_locks_does_not_wedge_the_writer(world: World, controller: Controller,
                                                                                pods: list[Pod]) -> None:
    volumes = [pod.volume_id for pod in pods]
    writer = Writer(pods)
    pauses: list[float] = []
    for delay in (0.3, 0.6, 0.9):
        call = controller.group_stub.CreateVolumeGroupSnapshot.future(csi_client.pb.CreateVolumeGroupSnapshotRequest(
            name=f"killed-{delay}", source_volume_ids=volumes), timeout=30)
        time.sleep(delay)
        world.controller.kill()
        call.cancel()
        begin = time.monotonic()
        before = writer.seen()["number"]
        csi_client.wait_until(lambda n=before: writer.seen()["number"] > n + 20,  # type: ignore
                              90, "a writer that goes on")
        pauses.append(time.monotonic() - begin)
        world.controller.start()
        world.controller.wait_ready()
        group = csi_client.again(lambda d=delay: controller.group_snapshot(f"killed-{d}", volumes), 120)  # type: ignore
        assert [second <= first for first, second in numbers(world, [group], volumes)] == [True]
        controller.delete_group(group.group_snapshot_id, members(group))
    log = writer.stop()
    print(f"after the controller's death the writer went on in {', '.join(f'{it:.1f} s' for it in pauses)}; "
          f"longest pause {log['longest']:.1f} s")
    assert log["errors"] == []
