"""Mutable parameters: what a VolumeAttributesClass sets, at creation and later, and what an admin gets back from it."""
import json
from typing import Callable

import pytest

import csi_client
from csi_client import MIB, Controller, pb
from world import World

SIZE = 64 * MIB
NODES = ["v1/alpha/192.0.2.101", "v1/beta/192.0.2.102"]  # node ids that need no machine behind them
LIMITS = ("readIops", "writeIops", "readBps", "writeBps")


def limits(context: dict[str, str]) -> dict[str, str]:
    """The I/O limits in a publish context."""
    return {key: context[key] for key in LIMITS if key in context}


def checksum(world: World, image: str) -> str:
    done = world.run_in_network(["bash", "-c", f"set -o pipefail; rbd export --no-progress {image} - | sha256sum"])
    return str(done.stdout)


def info(world: World, image: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(world.ceph.rbd("info", "--format", "json", image).stdout)
    return found


def test_limits_reach_the_node_with_the_next_attach(controller: Controller, volume: Callable[..., str]) -> None:
    volume_id = volume("limited", SIZE, mutable={"maxIOPS": "500", "maxWriteIOPS": "100", "maxBandwidth": "20Mi"})
    assert limits(controller.publish(volume_id, NODES[0])) == {
        "readIops": "500", "writeIops": "100", "readBps": str(20 * MIB), "writeBps": str(20 * MIB)}
    controller.modify(volume_id, {"maxIOPS": "0", "maxReadBandwidth": "5Mi"})
    assert limits(controller.publish(volume_id, NODES[0])) == {
        "writeIops": "100", "readBps": str(5 * MIB), "writeBps": str(20 * MIB)}


def test_a_bad_parameter_changes_nothing_and_names_what_was_meant(controller: Controller,
                                                                  volume: Callable[..., str]) -> None:
    volume_id = volume("bad", SIZE, mutable={"maxIOPS": "500"})
    code, message = csi_client.refused(lambda: controller.modify(volume_id, {"maxIOPS": "7", "maxIPOS": "7"}))
    assert code == "INVALID_ARGUMENT" and "maxIOPS" in message
    code, message = csi_client.refused(lambda: controller.modify(volume_id, {"maxIOPS": "7", "deletionDelay": "soon"}))
    assert code == "INVALID_ARGUMENT" and "deletionDelay" in message
    assert limits(controller.publish(volume_id, NODES[0]))["readIops"] == "500"
    code, _ = csi_client.refused(lambda: controller.create("bad-too", SIZE, mutable={"maxIPOS": "7"}))
    assert code == "INVALID_ARGUMENT"


@pytest.mark.parametrize("parameters", [{}, {"maxIOPS": "5"}, {"nonsense": "5"}])
def test_a_volume_that_is_not_there_cannot_be_modified(controller: Controller, parameters: dict[str, str]) -> None:
    for text in ("world/rbd/csi.never-made", "fake-vol-id"):
        assert csi_client.refused(lambda: controller.modify(text, parameters))[0] == "NOT_FOUND"
    assert csi_client.refused(lambda: controller.modify("", parameters))[0] == "INVALID_ARGUMENT"


def test_the_same_request_must_have_the_same_mutable_parameters(controller: Controller,
                                                                volume: Callable[..., str]) -> None:
    first = volume("again", SIZE, mutable={"deletionDelay": "1h"})
    assert controller.create("again", SIZE, mutable={"deletionDelay": "60m"}).volume_id == first
    code, message = csi_client.refused(lambda: controller.create("again", SIZE, mutable={"deletionDelay": "2h"}))
    assert code == "ALREADY_EXISTS" and "deletionDelay" in message
    controller.modify(first, {})


def test_mutable_parameters_win_over_the_class(world: World, controller: Controller,
                                               volume: Callable[..., str]) -> None:
    volume_id = volume("wins", SIZE, parameters={"pool": "rbd", "imageFeatures": "layering", "maxIOPS": "5"},
                       mutable={"imageFeatures": "layering,exclusive-lock", "maxIOPS": "9"})
    assert info(world, "rbd/csi.wins")["features"] == ["layering", "exclusive-lock"]
    assert limits(controller.publish(volume_id, NODES[0])) == {"readIops": "9", "writeIops": "9"}


def test_mutable_parameters_that_are_understood_are_confirmed(controller: Controller,
                                                              volume: Callable[..., str]) -> None:
    volume_id = volume("confirmed", SIZE)

    def ask(parameters: dict[str, str]) -> csi_client.Message:
        return controller.stub.ValidateVolumeCapabilities(pb.ValidateVolumeCapabilitiesRequest(
            volume_id=volume_id, volume_capabilities=[csi_client.mount()], mutable_parameters=parameters), timeout=30)
    assert dict(ask({"maxIOPS": "5"}).confirmed.mutable_parameters) == {"maxIOPS": "5"}
    refused = ask({"maxIPOS": "5"})
    assert not refused.HasField("confirmed") and "maxIOPS" in refused.message


def test_features_are_switched_while_nobody_has_the_volume(world: World, controller: Controller,
                                                           volume: Callable[..., str]) -> None:
    volume_id = volume("switched", SIZE)
    controller.publish(volume_id, NODES[0])
    code, message = csi_client.refused(lambda: controller.modify(volume_id, {"imageFeatures": "layering"}))
    assert code == "FAILED_PRECONDITION" and NODES[0] in message
    controller.unpublish(volume_id, NODES[0])
    controller.modify(volume_id, {"imageFeatures": "layering"})
    assert info(world, "rbd/csi.switched")["features"] == ["layering"]
    world.run_in_network(["rbd", "bench", "--io-type", "write", "--io-size", "1M", "--io-total", "8M",
                          "rbd/csi.switched"])
    before = checksum(world, "rbd/csi.switched")
    controller.modify(volume_id, {"imageFeatures": "layering,exclusive-lock,object-map,fast-diff"})
    after = info(world, "rbd/csi.switched")
    assert after["features"] == ["layering", "exclusive-lock", "object-map", "fast-diff"] and after["flags"] == []
    assert checksum(world, "rbd/csi.switched") == before
    code, message = csi_client.refused(
        lambda: controller.modify(volume_id, {"imageFeatures": "layering,deep-flatten"}))
    assert code == "INVALID_ARGUMENT" and "deep-flatten" in message


def test_a_deleted_volume_stays_for_its_delay_and_an_admin_brings_it_back(world: World,
                                                                          controller: Controller) -> None:
    volume_id = controller.create("kept", SIZE, mutable={"deletionDelay": "1h"}).volume_id
    world.run_in_network(["rbd", "bench", "--io-type", "write", "--io-size", "1M", "--io-total", "8M", "rbd/csi.kept"])
    before = checksum(world, "rbd/csi.kept")
    controller.delete(volume_id)
    controller.delete(volume_id)
    assert csi_client.refused(lambda: controller.get(volume_id))[0] == "NOT_FOUND"
    meanwhile = controller.create("kept", 2 * SIZE).volume_id
    kept = [entry for entry in json.loads(world.ceph.rbd("trash", "ls", "--long", "--format", "json", "rbd").stdout)
            if entry["name"] == "csi.kept"]
    assert len(kept) == 1 and kept[0]["status"].startswith("protected until")
    assert controller.get(meanwhile).volume.capacity_bytes == 2 * SIZE
    controller.delete(meanwhile)

    world.ceph.rbd("trash", "restore", "--pool", "rbd", kept[0]["id"])
    assert checksum(world, "rbd/csi.kept") == before
    context = controller.publish(volume_id, NODES[1])
    assert context["image"] == "csi.kept"
    controller.unpublish(volume_id, NODES[1])
    controller.modify(volume_id, {"deletionDelay": "0"})
    controller.delete(volume_id)
    csi_client.wait_until(lambda: kept[0]["id"] not in world.ceph.rbd("trash", "ls", "rbd").stdout, 30,
                          "the reaper removes a volume whose delay was taken away")


def test_a_node_with_a_limit_gets_no_volume_more(controller: Controller, volume: Callable[..., str]) -> None:
    node = "v1/small/192.0.2.103/1"
    first, second = volume("limit-1", SIZE), volume("limit-2", SIZE)
    controller.publish(first, node)
    code, message = csi_client.refused(lambda: controller.publish(second, node))
    assert code == "RESOURCE_EXHAUSTED" and "small" in message
    controller.unpublish(first, node)
    controller.publish(second, node)
