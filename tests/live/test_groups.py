"""Group snapshots through the controller's socket, beside what `rbd` itself shows of groups and their members."""
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterable, Iterator

import pytest

import csi_client
from csi_client import MIB, Controller, Message
from images import checksum, fill, spec
from world import World
from world.ceph_files import CONTROLLER_USER

SIZE = 64 * MIB
Take = Callable[[str, Iterable[str]], Any]


def members(group: Message) -> list[str]:
    return sorted(member.snapshot_id for member in group.snapshots)


@pytest.fixture()
def take(controller: Controller) -> Iterator[Take]:
    """Takes group snapshots that are deleted when the test ends."""
    taken: list[Message] = []

    def make(name: str, volume_ids: Iterable[str]) -> Message:
        taken.append(csi_client.again(lambda: controller.group_snapshot(name, volume_ids)))
        return taken[-1]

    yield make
    for group in taken:
        csi_client.again(lambda: controller.delete_group(group.group_snapshot_id, members(group)))


@pytest.fixture()
def pair(volume: Callable[..., str], request: pytest.FixtureRequest) -> list[str]:
    """Two volumes of the test's own."""
    name = request.node.name.removeprefix("test_")[:30]
    return [volume(f"{name}-a", SIZE), volume(f"{name}-b", SIZE)]


def groups(world: World, pool: str = "rbd") -> list[str]:
    return world.ceph.rbd("group", "ls", pool).stdout.split()


def test_a_group_snapshot_is_rbds_own_and_its_repeat_is_the_same(world: World, controller: Controller, take: Take,
                                                                 pair: list[str]) -> None:
    group = take("together", pair)
    assert group.group_snapshot_id == "world/rbd/csi.together"
    assert group.ready_to_use and group.creation_time.seconds > 0
    assert sorted(member.source_volume_id for member in group.snapshots) == sorted(pair)
    assert all(member.ready_to_use and member.size_bytes == SIZE and
               member.group_snapshot_id == group.group_snapshot_id for member in group.snapshots)
    listed = json.loads(world.ceph.rbd("group", "snap", "ls", "--format", "json", "rbd/csi.together").stdout)
    assert [entry["snapshot"] for entry in listed] == ["snap"]
    assert listed[0]["state"] in ("ok", "complete")  # Ceph 16, and later ones
    assert controller.group_snapshot("together", reversed(pair)) == group
    assert controller.get_group(group.group_snapshot_id, members(group)) == group
    assert world.ceph.rbd("group", "image", "ls", "rbd/csi.together").stdout == ""


def test_a_member_is_listed_with_its_group_and_not_deleted_without_it(controller: Controller, take: Take,
                                                                      pair: list[str]) -> None:
    group = take("members", pair)
    for member in group.snapshots:
        assert controller.get_snapshot(member.snapshot_id) == member
        for which in ({"snapshot_id": member.snapshot_id}, {"volume_id": member.source_volume_id}):
            assert [entry.snapshot for entry in controller.snapshots(**which).entries] == [member]
        code, message = csi_client.refused(lambda: controller.delete_snapshot(member.snapshot_id))
        assert code == "INVALID_ARGUMENT" and "group" in message
    every = [entry.snapshot for entry in controller.snapshots().entries]
    assert [member for member in every if member.group_snapshot_id == group.group_snapshot_id]


def test_a_volume_is_in_many_group_snapshots(take: Take, pair: list[str], volume: Callable[..., str]) -> None:
    third = volume("third", SIZE)
    for number, volumes in enumerate((pair, [pair[0]], [pair[1], third], [*pair, third])):
        assert len(take(f"many-{number}", volumes).snapshots) == len(volumes)


def test_a_name_belongs_to_one_set_of_volumes(controller: Controller, take: Take, pair: list[str],
                                              volume: Callable[..., str]) -> None:
    third = volume("name-third", SIZE)
    group = take("set", pair)
    for others in ([pair[0]], [*pair, third], [pair[0], third]):
        code, message = csi_client.refused(lambda: controller.group_snapshot("set", others))
        assert code == "ALREADY_EXISTS" and "csi." in message
    assert controller.group_snapshot("set", pair) == group


def test_a_list_of_other_snapshots_is_refused(controller: Controller, take: Take, pair: list[str]) -> None:
    group = take("list", pair)
    lists: list[list[str]] = [[], members(group)[:1], [*members(group), "world/rbd/csi.none@csi.s"]]
    for listed in lists:
        for call in (controller.get_group, controller.delete_group):
            assert csi_client.refused(lambda: call(group.group_snapshot_id, listed))[0] == "INVALID_ARGUMENT"
    assert controller.group_snapshot("list", pair) == group


@pytest.mark.parametrize("group_id", ["nonsense", "world/rbd/csi.none", "world/no-pool/csi.none", "world/rbd/theirs"])
def test_a_group_that_is_not_there_is_not_found_and_deleted(controller: Controller, group_id: str) -> None:
    assert csi_client.refused(lambda: controller.get_group(group_id, []))[0] == "NOT_FOUND"
    controller.delete_group(group_id, [])


def test_a_restored_member_has_the_bytes_and_outlives_its_group(world: World, controller: Controller,
                                                                pair: list[str], volume: Callable[..., str]) -> None:
    fill(world, pair[0], "before")
    before = checksum(world, pair[0])
    group = controller.group_snapshot("restored", pair)
    fill(world, pair[0], "after")
    member = next(it for it in group.snapshots if it.source_volume_id == pair[0])
    clone = volume("from-member", SIZE, source=member.snapshot_id)
    assert checksum(world, clone) == before != checksum(world, pair[0])
    controller.delete_group(group.group_snapshot_id, members(group))
    assert csi_client.refused(lambda: controller.get_snapshot(member.snapshot_id))[0] == "NOT_FOUND"
    assert checksum(world, clone) == before
    assert groups(world) == []


def test_a_member_outlives_its_volume(world: World, controller: Controller, volume: Callable[..., str]) -> None:
    gone, stays = controller.create("goes-first", SIZE).volume_id, volume("stays", SIZE)
    fill(world, gone, "kept")
    before = checksum(world, gone)
    group = controller.group_snapshot("survivors", [gone, stays])
    controller.delete(gone)
    assert controller.group_snapshot("survivors", [gone, stays]) == group
    assert controller.get_group(group.group_snapshot_id, members(group)) == group
    member = next(it for it in group.snapshots if it.source_volume_id == gone)
    assert controller.get_snapshot(member.snapshot_id) == member
    clone = volume("from-deleted", SIZE, source=member.snapshot_id)
    assert checksum(world, clone) == before
    controller.delete_group(group.group_snapshot_id, members(group))
    assert checksum(world, clone) == before


def test_members_may_be_in_several_pools(world: World, controller: Controller, take: Take,
                                         volume: Callable[..., str]) -> None:
    world.ceph.command("osd", "pool", "create", "apart", "8")
    world.ceph.rbd("pool", "init", "apart")
    world.ceph.command("auth", "caps", f"client.{CONTROLLER_USER}", "mon", "profile rbd", "mgr", "profile rbd",
                       "osd", "profile rbd pool=rbd, profile rbd pool=apart")
    world.controller.stop()  # capabilities are read when a client connects
    world.controller.start()
    world.controller.wait_ready()
    volumes = [volume("here", SIZE), volume("there", SIZE, parameters={"pool": "apart"})]
    group = take("pools", volumes)
    assert group.group_snapshot_id == "world/apart/csi.pools"  # the first pool by name, in whatever order they come
    assert controller.group_snapshot("pools", reversed(volumes)) == group
    for member in group.snapshots:
        assert controller.get_snapshot(member.snapshot_id) == member


def test_what_cannot_be_taken_together_is_refused_and_leaves_nothing(world: World, controller: Controller,
                                                                     pair: list[str],
                                                                     volume: Callable[..., str]) -> None:
    world.ceph.rbd("namespace", "create", "rbd/elsewhere")
    apart = volume("elsewhere", SIZE, parameters={"pool": "rbd", "radosNamespace": "elsewhere"})
    unlocked = volume("unlocked", SIZE, parameters={"pool": "rbd", "imageFeatures": "layering"})
    world.ceph.rbd("group", "create", "rbd/theirs")
    world.ceph.rbd("group", "image", "add", "rbd/theirs", spec(pair[1]))
    refusals: list[tuple[list[str], str, str]] = [
        ([pair[0], apart], "FAILED_PRECONDITION", "RADOS namespaces"),
        ([pair[0], unlocked], "FAILED_PRECONDITION", "exclusive-lock"),
        (pair, "FAILED_PRECONDITION", "rbd/theirs"),
        ([pair[0], "world/rbd/csi.none"], "NOT_FOUND", "csi.none"),
        ([pair[0], "nonsense"], "NOT_FOUND", "nonsense"),
        ([pair[0], pair[0]], "INVALID_ARGUMENT", "twice"),
        ([], "INVALID_ARGUMENT", "source_volume_ids"),
    ]
    for volumes, expected, said in refusals:
        code, message = csi_client.refused(lambda: controller.group_snapshot("apart", volumes))
        print(code, message)
        assert code == expected and said in message
    assert groups(world) == ["theirs"]
    assert len(controller.group_snapshot("alone", [unlocked]).snapshots) == 1
    world.ceph.rbd("group", "rm", "rbd/theirs")
    assert len(controller.group_snapshot("apart", pair).snapshots) == 2
    for name, members_of in (("alone", [unlocked]), ("apart", pair)):
        group = controller.group_snapshot(name, members_of)
        controller.delete_group(group.group_snapshot_id, members(group))


def test_calls_that_want_the_same_volumes_all_get_done(controller: Controller, take: Take, pair: list[str],
                                                       volume: Callable[..., str]) -> None:
    volumes = [*pair, volume("wanted-by-all", SIZE)]
    with ThreadPoolExecutor() as pool:
        made = list(pool.map(lambda n: csi_client.again(
            lambda: controller.group_snapshot(f"crowd-{n}", volumes[n % 3:] + volumes[:n % 3])), range(4)))
    for number, group in enumerate(made):
        assert len(group.snapshots) == len(volumes)
        assert take(f"crowd-{number}", volumes) == group


def test_what_an_attempt_left_behind_is_in_nobodys_way(world: World, controller: Controller, take: Take,
                                                       pair: list[str], volume: Callable[..., str]) -> None:
    world.ceph.rbd("group", "create", "rbd/csi.left")
    world.ceph.rbd("group", "image", "add", "rbd/csi.left", spec(pair[0]))
    world.ceph.rbd("group", "image", "add", "rbd/csi.left", spec(volume("not-asked-for", SIZE)))
    world.ceph.rbd("group", "snap", "create", "rbd/csi.left@deleting")
    code, message = csi_client.refused(lambda: controller.group_snapshot("other", pair))
    assert code == "ABORTED" and "rbd/csi.left" in message
    assert groups(world) == ["csi.left"]
    group = take("left", pair)
    assert sorted(member.source_volume_id for member in group.snapshots) == sorted(pair)
    listed = json.loads(world.ceph.rbd("group", "snap", "ls", "--format", "json", "rbd/csi.left").stdout)
    assert [entry["snapshot"] for entry in listed] == ["snap"]


def test_a_group_snapshot_with_a_lost_image_can_still_be_deleted(world: World, controller: Controller,
                                                                 volume: Callable[..., str]) -> None:
    stays, lost = volume("lost-stays", SIZE), controller.create("lost", SIZE).volume_id
    group = controller.group_snapshot("broken", [stays, lost])
    number = json.loads(world.ceph.rbd("info", "--format", "json", spec(lost)).stdout)["id"]
    for name in (f"rbd_header.{number}", f"rbd_object_map.{number}", f"rbd_id.{lost.split('/')[-1]}"):
        world.run_in_network(["rados", "-p", "rbd", "rm", name])
    code, message = csi_client.refused(lambda: controller.get_group(group.group_snapshot_id, members(group)))
    assert code == "FAILED_PRECONDITION" and "gone" in message
    controller.delete_group(group.group_snapshot_id, members(group))
    assert groups(world) == []
    assert list(controller.snapshots(volume_id=stays).entries) == []
    world.ceph.rbd("rm", spec(lost), check=False)
