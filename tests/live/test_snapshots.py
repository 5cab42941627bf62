"""Snapshots and volumes from a source through the controller's socket, beside what `rbd` itself shows."""
import json
from typing import Callable, Iterator

import pytest

import csi_client
from csi_client import MIB, Controller
from images import checksum, fill, spec
from world import World
from world.ceph_files import CONTROLLER_USER

SIZE = 64 * MIB


@pytest.fixture()
def snapshot(controller: Controller) -> Iterator[Callable[[str, str], str]]:
    """Takes snapshots that are deleted when the test ends; answers their ids."""
    taken: list[str] = []

    def take(volume_id: str, name: str) -> str:
        taken.append(csi_client.again(lambda: controller.snapshot(volume_id, name)).snapshot_id)
        return taken[-1]

    yield take
    for snapshot_id in taken:
        csi_client.again(lambda: controller.delete_snapshot(snapshot_id))


def names(controller: Controller, volume_id: str = "", snapshot_id: str = "") -> list[str]:
    page = controller.snapshots(volume_id=volume_id, snapshot_id=snapshot_id)
    return [entry.snapshot.snapshot_id for entry in page.entries]


def test_a_snapshot_is_rbds_own_and_its_repeat_is_the_same(
        world: World, controller: Controller, snapshot: Callable[[str, str], str], volume: Callable[..., str]) -> None:
    volume_id = volume("snapped", SIZE)
    snapshot_id = snapshot(volume_id, "snap-1")
    assert snapshot_id == f"{volume_id}@csi.snap-1"
    first, again = controller.get_snapshot(snapshot_id), controller.snapshot(volume_id, "snap-1")
    assert first == again and first.ready_to_use and first.size_bytes == SIZE and first.source_volume_id == volume_id
    listed = json.loads(world.ceph.rbd("snap", "ls", "--format", "json", spec(volume_id)).stdout)
    assert [entry["name"] for entry in listed] == ["csi.snap-1"]


def test_a_name_belongs_to_one_volume(controller: Controller, snapshot: Callable[[str, str], str],
                                      volume: Callable[..., str]) -> None:
    one, two = volume("one", SIZE), volume("two", SIZE)
    snapshot_id = snapshot(one, "unique")
    code, message = csi_client.refused(lambda: controller.snapshot(two, "unique"))
    assert code == "ALREADY_EXISTS" and "csi.one" in message
    controller.delete_snapshot(snapshot_id)
    controller.delete_snapshot(snapshot_id)
    snapshot(two, "unique")


def test_a_snapshot_of_nothing_is_not_found(controller: Controller) -> None:
    assert csi_client.refused(lambda: controller.snapshot("world/rbd/csi.none", "s"))[0] == "NOT_FOUND"
    for source in ("world/rbd/csi.none", "world/rbd/csi.none@csi.s", "world/rbd/@csi.s"):
        assert csi_client.refused(lambda: controller.create("from-none", SIZE, source=source))[0] == "NOT_FOUND"


@pytest.mark.parametrize("of", ["snapshot", "volume"])
def test_a_restored_volume_has_the_bytes_and_both_go_their_own_way(
        world: World, controller: Controller, snapshot: Callable[[str, str], str], volume: Callable[..., str],
        of: str) -> None:
    source = volume(f"source-{of}", SIZE)
    fill(world, source, "before")
    origin = snapshot(source, f"origin-{of}") if of == "snapshot" else source
    before = checksum(world, source)
    clone = volume(f"clone-{of}", SIZE, source=origin)
    assert checksum(world, clone) == before
    fill(world, source, "source goes on")
    fill(world, clone, "clone goes on")
    after = checksum(world, source), checksum(world, clone)
    assert len({before, *after}) == 3
    if of == "snapshot":
        assert checksum(world, origin) == before
    answer = controller.create(f"clone-{of}", SIZE, source=origin)
    assert answer.volume_id == clone and answer.content_source == csi_client.content_source(origin)


def test_a_clone_may_be_larger_but_not_smaller(controller: Controller, snapshot: Callable[[str, str], str],
                                               volume: Callable[..., str]) -> None:
    origin = snapshot(volume("grown-from", SIZE), "for-growth")
    larger = volume("larger", 3 * SIZE, source=origin)
    assert controller.get(larger).volume.capacity_bytes == 3 * SIZE
    as_large = volume("as-large", MIB, source=origin)
    assert controller.get(as_large).volume.capacity_bytes == SIZE
    code, _ = csi_client.refused(lambda: controller.create("smaller", MIB, limit=SIZE // 2, source=origin))
    assert code == "OUT_OF_RANGE"


def test_a_clone_may_live_in_other_pools(world: World, snapshot: Callable[[str, str], str],
                                         volume: Callable[..., str]) -> None:
    world.ceph.command("osd", "pool", "create", "other", "8")
    world.ceph.rbd("pool", "init", "other")
    world.ceph.command("auth", "caps", f"client.{CONTROLLER_USER}", "mon", "profile rbd", "mgr", "profile rbd",
                       "osd", "profile rbd pool=rbd, profile rbd pool=other")
    world.controller.stop()  # capabilities are read when a client connects
    world.controller.start()
    world.controller.wait_ready()
    source = volume("here", SIZE)
    fill(world, source, "from afar")
    origin = snapshot(source, "to-travel")
    there = volume("there", SIZE, parameters={"pool": "other"}, source=origin)
    elsewhere = volume("elsewhere", SIZE, parameters={"pool": "other", "dataPool": "rbd"}, source=source)
    assert len({checksum(world, each) for each in (source, there, elsewhere)}) == 1


def test_a_restored_snapshot_is_deleted_at_once(
        world: World, controller: Controller, snapshot: Callable[[str, str], str], volume: Callable[..., str]) -> None:
    source = volume("parent", SIZE)
    fill(world, source, "kept")
    origin = snapshot(source, "restored")
    clone = volume("child", SIZE, source=origin)
    before = checksum(world, clone)
    controller.delete_snapshot(origin)
    assert names(controller, volume_id=source) == []
    assert csi_client.refused(lambda: controller.get_snapshot(origin))[0] == "NOT_FOUND"
    assert checksum(world, clone) == before


def test_snapshots_outlive_their_volume_and_the_space_comes_back_with_the_last(
        world: World, controller: Controller, volume: Callable[..., str]) -> None:
    source = controller.create("gone", SIZE).volume_id
    fill(world, source, "outlives")
    before = checksum(world, source)
    first, second = (controller.snapshot(source, name).snapshot_id for name in ("outlives-1", "outlives-2"))
    controller.delete(source)
    assert csi_client.refused(lambda: controller.get(source))[0] == "NOT_FOUND"
    assert controller.get_snapshot(first).source_volume_id == source
    assert set(names(controller, volume_id=source)) == {first, second} <= set(names(controller))
    assert names(controller, snapshot_id=first) == [first]
    namesake = volume("gone", SIZE)  # its name is free at once
    assert controller.get(namesake).volume.capacity_bytes == SIZE
    clone = volume("restored-from-gone", SIZE, source=first)
    assert checksum(world, clone) == before

    def is_kept() -> bool:
        trash = json.loads(world.ceph.rbd("trash", "ls", "--format", "json", "rbd").stdout)
        return "csi.gone" in [entry["name"] for entry in trash]

    world.controller.stop()
    world.controller.start(["--reaper-interval=1"])
    world.controller.wait_ready()
    csi_client.again(lambda: controller.delete_snapshot(first))
    assert is_kept()
    controller.delete_snapshot(second)
    controller.delete(clone)
    csi_client.wait_until(lambda: not is_kept(), 60, "the deleted volume's space comes back")


def test_a_snapshot_made_by_hand_is_listed_restored_and_deleted(world: World, controller: Controller,
                                                                volume: Callable[..., str]) -> None:
    source = volume("by-hand", SIZE)
    world.ceph.rbd("snap", "create", f"{spec(source)}@before-upgrade")
    handle = f"{source}@before-upgrade"
    assert names(controller, volume_id=source) == [handle] == names(controller, snapshot_id=handle)
    clone = volume("from-by-hand", SIZE, source=handle)
    assert checksum(world, clone) == checksum(world, source)
    controller.delete_snapshot(handle)
    assert names(controller, volume_id=source) == []


def test_pages_stay_right_while_snapshots_come_and_go(controller: Controller, snapshot: Callable[[str, str], str],
                                                      volume: Callable[..., str]) -> None:
    sources = [volume(f"paged-{number}", SIZE) for number in range(3)]
    ours = {snapshot(source, f"{source[-1]}-{number}") for source in sources for number in range(3)}
    seen: list[str] = []
    token = ""
    while True:
        page = controller.snapshots(2, token)
        seen += [entry.snapshot.snapshot_id for entry in page.entries]
        if len(seen) == 4:
            controller.delete_snapshot(seen[3])  # the one that the token names
        token = page.next_token
        if not token:
            break
        assert len(page.entries) == 2
    assert len(seen) == len(set(seen)) and ours <= set(seen)
    code, _ = csi_client.refused(lambda: controller.snapshots(2, "invalid-token"))
    assert code == "ABORTED"
