"""Changed and allocated blocks through the controller's socket: what a backup program copies is what it needs."""
import pathlib
import random
import time
from typing import Callable, Iterable

import grpc
import pytest

import csi_client
from csi_client import GIB, MIB, Controller, pb
from world import World

SIZE = 64 * MIB
OBJECT = 4 * MIB
TIB = 1 << 40
Range = tuple[int, int]  # begin and end


def image(volume_id: str) -> str:
    """As `rbd` takes it."""
    return "rbd/" + volume_id.split("/")[-1]


def rbd_name(snapshot_id: str) -> str:
    return "rbd/" + snapshot_id.split("/")[-1]


def write(world: World, volume_id: str, count: int, size: int = 4096) -> None:
    """Random data at random places."""
    world.ceph.rbd("bench", "--io-type", "write", "--io-pattern", "rand", "--io-size", str(size), "--io-total",
                   str(count * size), "--io-threads", "1", image(volume_id))


def content(world: World, spec: str, tmp_path: pathlib.Path) -> bytes:
    """All bytes of a snapshot."""
    file = tmp_path / "content"
    file.unlink(missing_ok=True)
    world.ceph.rbd("export", "--no-progress", spec, str(file))
    return file.read_bytes()


def ranges(messages: Iterable[csi_client.Message], limit: int = 10_000) -> list[Range]:
    """The ranges of a stream that keeps the rules of the CSI specification."""
    found: list[Range] = []
    kept = list(messages)
    assert len({message.volume_capacity_bytes for message in kept}) == 1
    for message in kept:
        assert message.block_metadata_type == pb.VARIABLE_LENGTH
        assert len(message.block_metadata) <= limit
        for block in message.block_metadata:
            assert block.size_bytes > 0
            assert not found or found[-1][1] <= block.byte_offset
            found.append((block.byte_offset, block.byte_offset + block.size_bytes))
    assert not found or found[-1][1] <= kept[0].volume_capacity_bytes
    return found


def covered(found: list[Range], size: int, start: int = 0) -> bytes:
    """One byte for each byte of the volume from `start` on: 1 within a range."""
    marks = bytearray(size)
    for begin, end in found:
        marks[begin:end] = b"\1" * (end - begin)
    return bytes(marks[start:])


def missed(before: bytes, after: bytes, found: list[Range]) -> list[int]:
    """Pages that differ and are not covered."""
    page, marks = 4096, covered(found, len(after))
    before = before.ljust(len(after), b"\0")[:len(after)]
    return [at for at in range(0, len(after), page)
            if before[at:at + page] != after[at:at + page] and 0 in marks[at:at + page]]


def test_a_full_and_an_incremental_backup_hold_every_byte(world: World, controller: Controller,
                                                          volume: Callable[..., str], tmp_path: pathlib.Path) -> None:
    volume_id = volume("backup", SIZE)
    write(world, volume_id, 3)
    first = controller.snapshot(volume_id, "backup-1").snapshot_id
    write(world, volume_id, 3)
    controller.snapshot(volume_id, "backup-2")
    controller.expand(volume_id, SIZE + 4 * OBJECT)
    write(world, volume_id, 3)
    last = controller.snapshot(volume_id, "backup-3").snapshot_id
    before = content(world, rbd_name(first), tmp_path)
    after = content(world, rbd_name(last), tmp_path)
    assert missed(b"", before, ranges(controller.allocated(first))) == []
    delta = ranges(controller.delta(first, last))
    assert missed(before, after, delta) == []
    assert sum(end - begin for begin, end in delta) <= 6 * OBJECT
    restored = bytearray(before.ljust(len(after), b"\0"))
    for begin, end in delta:
        restored[begin:end] = after[begin:end]
    assert bytes(restored) == after


def test_a_stream_is_resumed_at_any_offset(world: World, controller: Controller, volume: Callable[..., str]) -> None:
    volume_id = volume("resume", SIZE)
    first = controller.snapshot(volume_id, "resume-1").snapshot_id
    write(world, volume_id, 6)
    last = controller.snapshot(volume_id, "resume-2").snapshot_id
    whole = ranges(controller.delta(first, last))
    for _ in range(50):
        start = random.randrange(SIZE)
        rest = ranges(controller.delta(first, last, start, max_results=random.randrange(3)))
        assert not rest or rest[0][1] > start
        assert covered(rest, SIZE, start) == covered(whole, SIZE, start), start
    (end,) = controller.delta(first, last, SIZE)
    assert (len(end.block_metadata), end.volume_capacity_bytes) == (0, SIZE)


def test_max_results_bounds_each_message_and_not_their_number(world: World, controller: Controller,
                                                              volume: Callable[..., str]) -> None:
    volume_id = volume("bounded", 4 * SIZE)
    write(world, volume_id, 12)
    snapshot = controller.snapshot(volume_id, "bounded").snapshot_id
    whole = ranges(controller.allocated(snapshot))
    assert len(whole) > 2
    messages = controller.allocated(snapshot, max_results=2)
    assert ranges(messages, limit=2) == whole
    assert len(messages) == (len(whole) + 1) // 2


def test_a_member_of_a_group_snapshot_is_a_base_and_a_target(world: World, controller: Controller,
                                                             volume: Callable[..., str],
                                                             tmp_path: pathlib.Path) -> None:
    volume_id = volume("member", SIZE)
    write(world, volume_id, 2)
    world.ceph.rbd("group", "create", "rbd/blocks")
    world.ceph.rbd("group", "image", "add", "rbd/blocks", image(volume_id))
    for name in ("one", "two"):
        world.ceph.rbd("group", "snap", "create", f"rbd/blocks@{name}")
        write(world, volume_id, 2)
    plain = controller.snapshot(volume_id, "member-plain").snapshot_id
    members = [entry.snapshot.snapshot_id for entry in controller.snapshots(volume_id=volume_id).entries
               if entry.snapshot.snapshot_id != plain]
    assert len(members) == 2
    one, two = sorted(members, key=lambda name: controller.get_snapshot(name).creation_time.ToNanoseconds())
    after = content(world, rbd_name(plain), tmp_path)
    for base in (one, two):
        found = ranges(controller.delta(base, plain))
        assert 1 <= sum(end - begin for begin, end in found) // OBJECT <= 4
        assert missed(b"", after, sorted(set(found + ranges(controller.allocated(base))))) == []
    assert ranges(controller.delta(one, two)) != []
    for name in ("one", "two"):
        world.ceph.rbd("group", "snap", "rm", f"rbd/blocks@{name}")
    world.ceph.rbd("group", "rm", "rbd/blocks")


def test_a_restored_volume_has_what_its_source_had(world: World, controller: Controller, volume: Callable[..., str],
                                                   tmp_path: pathlib.Path) -> None:
    source = volume("restored-source", SIZE)
    write(world, source, 4)
    snapshot = controller.snapshot(source, "restored-1").snapshot_id
    clone = volume("restored", 2 * SIZE, source=snapshot)
    untouched = controller.snapshot(clone, "restored-2").snapshot_id
    assert ranges(controller.allocated(untouched)) == ranges(controller.allocated(snapshot))
    write(world, clone, 2)
    written = controller.snapshot(clone, "restored-3").snapshot_id
    after = content(world, rbd_name(written), tmp_path)
    assert missed(b"", after, ranges(controller.allocated(written))) == []
    before = content(world, rbd_name(untouched), tmp_path)
    delta = ranges(controller.delta(untouched, written))
    assert missed(before, after, delta) == [] and sum(end - begin for begin, end in delta) <= 2 * OBJECT


def test_a_deleted_volume_can_still_be_backed_up(world: World, controller: Controller) -> None:
    volume_id = controller.create("deleted", SIZE).volume_id
    first = controller.snapshot(volume_id, "deleted-1").snapshot_id
    write(world, volume_id, 2)
    last = controller.snapshot(volume_id, "deleted-2").snapshot_id
    whole = ranges(controller.delta(first, last))
    controller.delete(volume_id)
    assert whole and ranges(controller.delta(first, last)) == whole
    assert ranges(controller.allocated(last)) == whole


def test_without_change_tracking_each_object_is_asked(world: World, controller: Controller,
                                                      volume: Callable[..., str], tmp_path: pathlib.Path) -> None:
    volume_id = volume("untracked", SIZE, parameters={"pool": "rbd", "imageFeatures": "layering,exclusive-lock"})
    write(world, volume_id, 3)
    first = controller.snapshot(volume_id, "untracked-1").snapshot_id
    write(world, volume_id, 3)
    last = controller.snapshot(volume_id, "untracked-2").snapshot_id
    before, after = (content(world, rbd_name(name), tmp_path) for name in (first, last))
    assert missed(before, after, ranges(controller.delta(first, last))) == []
    assert missed(b"", after, ranges(controller.allocated(last))) == []


def test_without_change_tracking_a_group_snapshot_is_no_base(world: World, controller: Controller,
                                                             volume: Callable[..., str]) -> None:
    volume_id = volume("no-base", SIZE, parameters={"pool": "rbd", "imageFeatures": "layering"})
    world.ceph.rbd("group", "create", "rbd/untracked")
    world.ceph.rbd("group", "image", "add", "rbd/untracked", image(volume_id))
    world.ceph.rbd("group", "snap", "create", "rbd/untracked@one")
    member = controller.snapshots(volume_id=volume_id).entries[0].snapshot.snapshot_id
    plain = controller.snapshot(volume_id, "no-base").snapshot_id
    code, message = csi_client.refused(lambda: controller.delta(member, plain))
    assert code == "FAILED_PRECONDITION" and "full backup" in message
    assert ranges(controller.allocated(member)) == []
    world.ceph.rbd("group", "snap", "rm", "rbd/untracked@one")
    world.ceph.rbd("group", "rm", "rbd/untracked")


def test_what_cannot_be_answered_ends_with_the_code_that_says_why(controller: Controller,
                                                                  volume: Callable[..., str]) -> None:
    one, other = volume("codes", SIZE), volume("codes-other", SIZE)
    old, new, foreign = (controller.snapshot(source, name).snapshot_id for source, name in
                         ((one, "codes-1"), (one, "codes-2"), (other, "codes-3")))
    gone = old.replace("codes-1", "codes-0")

    def code(call: Callable[[], object]) -> str:
        return csi_client.refused(call)[0]

    assert code(lambda: controller.allocated("")) == "INVALID_ARGUMENT"
    assert code(lambda: controller.delta("", new)) == "INVALID_ARGUMENT"
    assert code(lambda: controller.delta(old, "")) == "INVALID_ARGUMENT"
    assert code(lambda: controller.delta(new, old)) == "INVALID_ARGUMENT"
    assert code(lambda: controller.delta(old, foreign)) == "INVALID_ARGUMENT"
    assert code(lambda: controller.allocated(old, max_results=-1)) == "INVALID_ARGUMENT"
    for unknown in ("no snapshot", gone, "world/rbd/csi.never@csi.x", "world/absent/csi.x@csi.x"):
        assert code(lambda name=unknown: controller.allocated(name)) == "NOT_FOUND"  # type: ignore[misc]
        assert code(lambda name=unknown: controller.delta(name, new)) == "NOT_FOUND"  # type: ignore[misc]
        assert code(lambda name=unknown: controller.delta(old, name)) == "NOT_FOUND"  # type: ignore[misc]
    for offset in (-1, SIZE + 1):
        assert code(lambda at=offset: controller.allocated(old, at)) == "OUT_OF_RANGE"  # type: ignore[misc]
        assert code(lambda at=offset: controller.delta(old, new, at)) == "OUT_OF_RANGE"  # type: ignore[misc]


def resident(world: World) -> int:
    """Memory of the controller in bytes."""
    status = pathlib.Path(f"/proc/{world.controller.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def test_a_tebibyte_takes_a_moment_and_little_memory(world: World, controller: Controller,
                                                     volume: Callable[..., str]) -> None:
    volume_id = volume("huge", TIB)
    names = []
    for round_ in range(3):
        write(world, volume_id, 20)
        names.append(controller.snapshot(volume_id, f"huge-{round_}").snapshot_id)
    controller.delta(names[0], names[0 + 1])
    before = resident(world)
    begin = time.monotonic()
    delta = ranges(controller.delta(names[0], names[2]))
    allocated = ranges(controller.allocated(names[2]))
    seconds = time.monotonic() - begin
    grown = resident(world) - before
    print(f"1 TiB: delta {len(delta)} and allocated {len(allocated)} ranges in {seconds:.2f} s, {grown >> 10} KiB more")
    assert 30 <= len(delta) <= 40 < len(allocated) <= 60
    assert seconds < 5 and grown < 32 * MIB


def test_work_ends_when_the_client_is_gone(controller: Controller, volume: Callable[..., str], world: World) -> None:
    volume_id = volume("left", 256 * GIB, parameters={"pool": "rbd", "imageFeatures": "layering"})
    snapshot = controller.snapshot(volume_id, "left").snapshot_id
    stream = controller.metadata.GetMetadataAllocated(pb.GetMetadataAllocatedRequest(snapshot_id=snapshot), timeout=60)
    time.sleep(0.5)
    stream.cancel()
    with pytest.raises(grpc.RpcError):
        list(stream)
    csi_client.wait_until(lambda: "GetMetadataAllocated CANCELLED" in world.controller.log.read_text(), 5,
                          "the log line of the cancelled stream")
