"""The controller killed before and after every step of every call that changes a volume; the call again converges."""
import json
from typing import Callable, Iterator

import pytest

import csi_client
from boundaries import all_deleted, drive_controller, restart
from csi_client import MIB, Controller
from pool import becomes_empty, headers
from world import World

SIZE = 64 * MIB


@pytest.fixture(autouse=True)
def real_daemon(world: World) -> Iterator[None]:
    """Each test ends with the daemon that ships."""
    yield
    restart(world.controller)


def test_create_volume(world: World, controller: Controller) -> None:
    def check(name: str) -> None:
        first = controller.create(name, SIZE)
        assert first.volume_id == controller.create(name, SIZE).volume_id
        assert world.ceph.rbd("ls", "rbd").stdout.split() == [first.volume_id.split("/")[-1]]
        assert len(headers(world)) == 1
        controller.delete(first.volume_id)
        becomes_empty(world)

    drive_controller(world, "CreateVolume", lambda number: f"kill-create-{number}",
                     lambda name: controller.create(name, SIZE), check)


def test_delete_volume(world: World, controller: Controller) -> None:
    def prepare(number: int) -> str:
        restart(world.controller)
        return str(controller.create(f"kill-delete-{number}", SIZE).volume_id)

    def check(volume_id: str) -> None:
        assert volume_id not in [entry.volume.volume_id for entry in controller.list().entries]
        becomes_empty(world)

    drive_controller(world, "DeleteVolume", prepare, controller.delete, check)


def test_publish_and_unpublish(world: World, controller: Controller, volume: Callable[..., str]) -> None:
    node_id = "v1/alpha/192.0.2.101"
    volume_id = volume("kill-publish", SIZE)

    def published(expected: list[str]) -> None:
        assert list(controller.get(volume_id).status.published_node_ids) == expected

    def prepare_publish(number: int) -> str:
        restart(world.controller)
        controller.unpublish(volume_id, node_id)
        return volume_id

    def prepare_unpublish(number: int) -> str:
        restart(world.controller)
        controller.publish(volume_id, node_id)
        return volume_id

    drive_controller(world, "ControllerPublishVolume", prepare_publish,
                     lambda it: controller.publish(it, node_id), lambda it: published([node_id]))
    drive_controller(world, "ControllerUnpublishVolume", prepare_unpublish,
                     lambda it: controller.unpublish(it, node_id), lambda it: published([]))


def test_expand(world: World, controller: Controller, volume: Callable[..., str]) -> None:
    volume_id = volume("kill-expand", SIZE)

    def call(size: int) -> None:
        controller.expand(volume_id, size)

    def check(size: int) -> None:
        assert controller.get(volume_id).volume.capacity_bytes == size

    drive_controller(world, "ControllerExpandVolume", lambda number: SIZE + number * MIB, call, check)


def test_modify(world: World, controller: Controller) -> None:
    def prepare(number: int) -> str:
        restart(world.controller)
        return str(controller.create(f"kill-modify-{number}", SIZE).volume_id)

    def call(volume_id: str) -> None:
        controller.modify(volume_id, {"maxIOPS": "100", "deletionDelay": "0s",
                                      "imageFeatures": "layering,exclusive-lock,deep-flatten"})

    def check(volume_id: str) -> None:
        info = world.ceph.rbd("info", "--format", "json", volume_id.split("/", 1)[1]).stdout
        assert "object-map" not in info and "exclusive-lock" in info
        # A dead controller's guard on the switch ends by itself.
        context = csi_client.again(lambda: controller.publish(volume_id, "v1/alpha/192.0.2.101"), seconds=90)
        assert (context["readIops"], context["writeIops"]) == ("100", "100")
        controller.unpublish(volume_id)
        made.append(volume_id)

    made: list[str] = []
    drive_controller(world, "ControllerModifyVolume", prepare, call, check)
    all_deleted(world, controller, made)


def test_delete_volume_that_is_kept_for_a_while(world: World, controller: Controller) -> None:
    def prepare(number: int) -> str:
        restart(world.controller)
        return str(controller.create(f"kill-kept-{number}", SIZE, mutable={"deletionDelay": "1h"}).volume_id)

    def check(volume_id: str) -> None:
        name = volume_id.split("/")[-1]
        kept = {entry["name"]: entry["id"]
                for entry in json.loads(world.ceph.rbd("trash", "ls", "--format", "json", "rbd").stdout)}
        world.ceph.rbd("trash", "restore", f"rbd/{kept[name]}")
        assert controller.get(volume_id).volume.volume_id == volume_id
        controller.publish(volume_id, "v1/alpha/192.0.2.101")
        controller.unpublish(volume_id)
        world.ceph.rbd("rm", f"rbd/{name}")

    drive_controller(world, "DeleteVolume", prepare, controller.delete, check)
    becomes_empty(world)
