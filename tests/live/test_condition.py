"""The condition of a volume in ListVolumes and ControllerGetVolume: what is wrong with it, and what was looked at."""
import json
import threading
from typing import Callable

import csi_client
from csi_client import MIB, Controller
from world import World

SIZE = 64 * MIB


def condition(controller: Controller, volume_id: str) -> tuple[bool, str]:
    found = controller.get(volume_id).status.volume_condition
    return found.abnormal, found.message


def listed(controller: Controller, volume_id: str) -> tuple[bool, str]:
    """The condition in ListVolumes."""
    for entry in controller.list().entries:
        if entry.volume.volume_id == volume_id:
            return entry.status.volume_condition.abnormal, entry.status.volume_condition.message
    return False, "not listed"


def image_id(world: World, name: str) -> str:
    return str(json.loads(world.ceph.rbd("info", "--format", "json", f"rbd/{name}").stdout)["id"])


def rados(world: World, *arguments: str) -> None:
    world.run_in_network(["rados", "--pool", "rbd", *arguments])


def test_a_sound_volume_says_what_was_looked_at(controller: Controller, volume: Callable[..., str]) -> None:
    volume_id = volume("sound", SIZE)
    abnormal, message = condition(controller, volume_id)
    assert not abnormal and "header" in message and "not near full" in message
    assert listed(controller, volume_id) == (abnormal, message)


def test_a_client_that_is_no_node_of_the_volume_is_named(world: World, controller: Controller,
                                                         volume: Callable[..., str]) -> None:
    volume_id = volume("watched", SIZE)
    watch = ["bash", "-c", "sleep 8 | rbd watch rbd/csi.watched"]  # it ends with its input
    watcher = threading.Thread(target=world.run_in_network, args=(watch,), kwargs={"check": False})
    watcher.start()
    csi_client.wait_until(lambda: condition(controller, volume_id)[0], 8, "the watcher is seen")
    assert "192.0.2.1:0/" in condition(controller, volume_id)[1]
    assert listed(controller, volume_id)[0]
    controller.publish(volume_id, "v1/here/192.0.2.1")  # now it is the node that has the volume
    assert not condition(controller, volume_id)[0]
    watcher.join()
    controller.unpublish(volume_id)
    csi_client.wait_until(lambda: not condition(controller, volume_id)[0], 40, "the dead client's watch ends")


def test_an_invalid_object_map_is_abnormal_until_it_is_rebuilt(world: World, controller: Controller,
                                                               volume: Callable[..., str]) -> None:
    volume_id = volume("mapless", SIZE)
    rados(world, "rm", f"rbd_object_map.{image_id(world, 'csi.mapless')}")
    world.run_in_network(["rbd", "bench", "--io-type", "write", "--io-size", "4096", "--io-total", "4096",
                          "rbd/csi.mapless"])
    abnormal, message = condition(controller, volume_id)
    assert abnormal and "object map" in message
    controller.expand(volume_id, SIZE)
    assert not condition(controller, volume_id)[0]


def test_a_volume_whose_header_is_gone_or_unreadable_is_still_listed(world: World, controller: Controller,
                                                                     volume: Callable[..., str]) -> None:
    sound, gone, broken = (volume(name, SIZE) for name in ("beside", "gone", "broken"))
    rados(world, "setomapval", f"rbd_header.{image_id(world, 'csi.broken')}", "size", "x")
    rados(world, "rm", f"rbd_header.{image_id(world, 'csi.gone')}")
    abnormal, message = condition(controller, broken)
    assert abnormal and "cannot be read" in message
    abnormal, message = condition(controller, gone)
    assert abnormal and "missing" in message
    assert listed(controller, broken)[0]
    assert listed(controller, sound)[1] != "not listed" and not listed(controller, sound)[0]
    csi_client.wait_until(lambda: listed(controller, gone)[0], 30, "the volume without a header is listed")
    rados(world, "rm", f"rbd_header.{image_id_in_directory(world, 'csi.broken')}")
    csi_client.again(lambda: controller.delete(broken), seconds=60)


def image_id_in_directory(world: World, name: str) -> str:
    """The id of an image whose header librbd cannot read."""
    value = world.run_in_network(["bash", "-c", f"rados --pool rbd get rbd_id.{name} - | tail -c +5"]).stdout
    return str(value).strip()


def test_the_volumes_of_a_full_pool_are_abnormal(world: World, controller: Controller,
                                                 volume: Callable[..., str]) -> None:
    volume_id = volume("squeezed", SIZE)
    assert not condition(controller, volume_id)[0]
    world.ceph.command("osd", "pool", "set-quota", "rbd", "max_objects", "1")
    try:
        csi_client.wait_until(lambda: condition(controller, volume_id)[0], 60, "the full pool is seen")
        assert "its pool is full" in condition(controller, volume_id)[1]
        assert listed(controller, volume_id)[0]
    finally:
        world.ceph.command("osd", "pool", "set-quota", "rbd", "max_objects", "0")
    csi_client.wait_until(lambda: not condition(controller, volume_id)[0], 60, "the pool has space again")
