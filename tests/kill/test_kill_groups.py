"""The controller killed before and after every step of the group RPCs; the call again converges and nothing is left."""
from typing import Callable, Iterator

import pytest

import csi_client
from boundaries import drive_controller, restart
from csi_client import MIB, Controller, Message
from world import World

SIZE = 64 * MIB


@pytest.fixture(autouse=True)
def real_daemon(world: World) -> Iterator[None]:
    yield
    restart(world.controller)


@pytest.fixture()
def volumes(volume: Callable[..., str], request: pytest.FixtureRequest) -> list[str]:
    return [volume(f"{request.node.name}-{letter}", SIZE) for letter in "ab"]


def members(group: Message) -> list[str]:
    return sorted(member.snapshot_id for member in group.snapshots)


def nothing_is_left(world: World, controller: Controller, volumes: list[str]) -> None:
    assert world.ceph.rbd("group", "ls", "rbd").stdout == ""
    listed = world.run_in_network(["rados", "-p", "rbd", "ls"]).stdout.split()
    assert [name for name in listed if name.startswith("rbd_group_header.")] == []
    for volume_id in volumes:
        assert list(controller.snapshots(volume_id=volume_id).entries) == []


def test_create_volume_group_snapshot(world: World, controller: Controller, volumes: list[str]) -> None:
    def check(name: str) -> None:
        group = controller.group_snapshot(name, volumes)
        assert group == controller.get_group(group.group_snapshot_id, members(group))
        for volume_id in volumes:
            assert len(controller.snapshots(volume_id=volume_id).entries) == 1
        assert world.ceph.rbd("group", "image", "ls", f"rbd/csi.{name}").stdout == ""
        controller.delete_group(group.group_snapshot_id, members(group))
        nothing_is_left(world, controller, volumes)

    drive_controller(world, "CreateVolumeGroupSnapshot", lambda number: f"kill-{number}",
                     lambda name: controller.group_snapshot(name, volumes), check, least=6)


def test_delete_volume_group_snapshot(world: World, controller: Controller, volumes: list[str]) -> None:
    def prepare(number: int) -> Message:
        restart(world.controller)
        return controller.group_snapshot(f"kill-delete-{number}", volumes)

    def check(group: Message) -> None:
        assert csi_client.refused(lambda: controller.get_group(group.group_snapshot_id, members(group)))[0] \
            == "NOT_FOUND"
        nothing_is_left(world, controller, volumes)

    drive_controller(world, "DeleteVolumeGroupSnapshot", prepare,
                     lambda group: controller.delete_group(group.group_snapshot_id, members(group)), check, least=6)
