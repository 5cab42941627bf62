"""Volumes on a real Ceph through the controller's socket: what a PVC asks for is what the pool holds."""
import json
from typing import Callable

import pytest

import csi_client
from csi_client import GIB, MIB, MODE, Controller, pb
from world import World

SIZE = 64 * MIB
NODES = ["v1/alpha/192.0.2.101", "v1/beta/192.0.2.102"]  # node ids that need no machine behind them


def image(volume_id: str) -> str:
    return volume_id.split("/")[-1]


def test_a_volume_is_an_image_of_its_name(world: World, volume: Callable[..., str]) -> None:
    volume_id = volume("pvc-3a6f", 65 * MIB + 1)
    assert volume_id == "world/rbd/csi.pvc-3a6f"
    info = json.loads(world.ceph.rbd("info", "--format", "json", "rbd/csi.pvc-3a6f").stdout)
    assert info["size"] == 66 * MIB


def test_the_same_request_gets_the_same_volume(controller: Controller, volume: Callable[..., str]) -> None:
    first = volume("same", SIZE)
    again = controller.create("same", SIZE)
    assert (again.volume_id, again.capacity_bytes) == (first, SIZE)


@pytest.mark.parametrize("size, parameters", [
    (2 * SIZE, {"pool": "rbd"}),
    (SIZE, {"pool": "rbd", "objectSize": "8388608"}),
    (SIZE, {"pool": "rbd", "mkfsOptions": "-m 5"}),
])
def test_another_request_of_that_name_already_exists(controller: Controller, volume: Callable[..., str], size: int,
                                                     parameters: dict[str, str]) -> None:
    volume("taken", SIZE)
    code, message = csi_client.refused(lambda: controller.create("taken", size, parameters, limit=size))
    assert code == "ALREADY_EXISTS" and "taken" in message


def test_a_size_between_the_limits_that_cannot_be_made_is_out_of_range(controller: Controller) -> None:
    code, _ = csi_client.refused(lambda: controller.create("tight", SIZE + 1, limit=SIZE + 2))
    assert code == "OUT_OF_RANGE"


def test_a_file_system_with_writers_on_two_nodes_is_refused(controller: Controller) -> None:
    code, message = csi_client.refused(
        lambda: controller.create("rwx", SIZE, capability=csi_client.mount(mode=MODE.MULTI_NODE_MULTI_WRITER)))
    assert code == "INVALID_ARGUMENT" and "Block" in message


def test_long_and_odd_names_are_volumes_too(controller: Controller, volume: Callable[..., str]) -> None:
    names = ["n" * 128, "-dash", "with space", "with/slash", "with@at", "ünïcödé", "tab\there"]
    ids = [volume(name, SIZE) for name in names]
    assert len(set(ids)) == len(names)
    assert all(len(volume_id.encode()) <= 128 for volume_id in ids)
    listed = {entry.volume.volume_id for entry in controller.list().entries}
    assert set(ids) <= listed


def test_a_deleted_volume_is_gone_at_once_and_its_name_is_free(world: World, controller: Controller) -> None:
    first = controller.create("brief", SIZE).volume_id
    controller.delete(first)
    assert first not in {entry.volume.volume_id for entry in controller.list().entries}
    assert controller.create("brief", 2 * SIZE).capacity_bytes == 2 * SIZE
    controller.delete(first)
    controller.delete(first)
    assert "csi.brief" not in world.ceph.rbd("ls", "rbd").stdout.split()


def test_a_volume_in_use_is_not_deleted_and_the_answer_names_the_node(controller: Controller,
                                                                      volume: Callable[..., str]) -> None:
    volume_id = volume("used", SIZE)
    controller.publish(volume_id, NODES[0])
    code, message = csi_client.refused(lambda: controller.delete(volume_id))
    assert code == "FAILED_PRECONDITION" and NODES[0] in message


def test_one_node_at_a_time_for_a_single_writer(controller: Controller, volume: Callable[..., str]) -> None:
    volume_id = volume("single", SIZE)
    context = controller.publish(volume_id, NODES[0])
    assert controller.publish(volume_id, NODES[0]) == context
    code, message = csi_client.refused(lambda: controller.publish(volume_id, NODES[1]))
    assert code == "FAILED_PRECONDITION" and NODES[0] in message
    assert list(controller.get(volume_id).status.published_node_ids) == [NODES[0]]
    controller.unpublish(volume_id, NODES[1])  # a stale detach of a node that has nothing
    assert list(controller.get(volume_id).status.published_node_ids) == [NODES[0]]
    controller.unpublish(volume_id, NODES[0])
    controller.publish(volume_id, NODES[1])


def test_several_nodes_for_block_with_many_writers(controller: Controller, volume: Callable[..., str]) -> None:
    shared = csi_client.block(MODE.MULTI_NODE_MULTI_WRITER)
    volume_id = volume("shared", SIZE, capability=shared)
    for node in NODES:
        controller.publish(volume_id, node, shared)
    assert sorted(controller.get(volume_id).status.published_node_ids) == NODES
    controller.unpublish(volume_id)
    assert list(controller.get(volume_id).status.published_node_ids) == []


def test_readonly_again_with_another_readonly_already_exists(controller: Controller,
                                                             volume: Callable[..., str]) -> None:
    volume_id = volume("ro", SIZE)
    controller.publish(volume_id, NODES[0], readonly=False)
    code, _ = csi_client.refused(lambda: controller.publish(volume_id, NODES[0], readonly=True))
    assert code == "ALREADY_EXISTS"


@pytest.mark.parametrize("node", ["fake-node", "v1/alpha", "v2/alpha/192.0.2.101", ""])
def test_a_node_that_is_none_of_ours(controller: Controller, volume: Callable[..., str], node: str) -> None:
    code, _ = csi_client.refused(lambda: controller.publish(volume("nodes", SIZE), node))
    assert code == ("NOT_FOUND" if node else "INVALID_ARGUMENT")


@pytest.mark.parametrize("text", ["fake-vol-id", "world/rbd", "world/rbd/csi.never-made", "world/absent/csi.x",
                                  "x" * 200])
def test_an_id_that_names_nothing(controller: Controller, text: str) -> None:
    assert csi_client.refused(lambda: controller.publish(text, NODES[0]))[0] == "NOT_FOUND"
    assert csi_client.refused(lambda: controller.get(text))[0] == "NOT_FOUND"
    assert csi_client.refused(lambda: controller.expand(text, GIB))[0] == "NOT_FOUND"
    controller.unpublish(text, NODES[0])
    controller.delete(text)


@pytest.mark.parametrize("text", ["nowhere/rbd/csi.x", "w\u043erld/rbd/csi.x"])
def test_a_volume_of_a_cluster_that_is_not_configured_is_never_called_deleted(controller: Controller,
                                                                              text: str) -> None:
    code, message = csi_client.refused(lambda: controller.delete(text))
    assert code == "FAILED_PRECONDITION" and "clusters file" in message


def test_expansion_grows_and_never_shrinks(world: World, controller: Controller, volume: Callable[..., str]) -> None:
    volume_id = volume("grow", SIZE)
    answer = controller.expand(volume_id, 2 * SIZE)
    assert (answer.capacity_bytes, answer.node_expansion_required) == (2 * SIZE, True)
    assert controller.expand(volume_id, SIZE).capacity_bytes == 2 * SIZE
    assert json.loads(world.ceph.rbd("info", "--format", "json", f"rbd/{image(volume_id)}").stdout)["size"] == 2 * SIZE


def test_pages_hold_every_volume_once_while_others_come_and_go(controller: Controller,
                                                               volume: Callable[..., str]) -> None:
    ids = {volume(f"page-{number:02}", SIZE) for number in range(12)}
    passing = controller.create("page-05-passing", SIZE).volume_id
    seen: list[str] = []
    token = ""
    while True:
        page = controller.list(5, token)
        seen += [entry.volume.volume_id for entry in page.entries]
        assert len(page.entries) <= 5
        if len(seen) == 5:
            controller.delete(passing)
        token = page.next_token
        if not token:
            break
    assert len(seen) == len(set(seen))
    assert ids <= set(seen)


def test_capacity_is_that_of_the_pool(world: World, controller: Controller) -> None:
    available = controller.stub.GetCapacity(pb.GetCapacityRequest(parameters={"pool": "rbd"}), timeout=30)
    stats = {pool["name"]: pool["stats"] for pool in world.ceph.command("df")["pools"]}
    assert abs(available.available_capacity - stats["rbd"]["max_avail"]) < GIB
    assert controller.stub.GetCapacity(pb.GetCapacityRequest(), timeout=30).available_capacity > 0


def test_a_static_volume_is_any_image_by_its_name(world: World, controller: Controller) -> None:
    world.ceph.rbd("create", "--size", "64M", "rbd/old-mysql")
    volume_id = "world/rbd/old-mysql"
    context = controller.publish(volume_id, NODES[0])
    assert context["image"] == "old-mysql"
    confirmed = controller.stub.ValidateVolumeCapabilities(pb.ValidateVolumeCapabilitiesRequest(
        volume_id=volume_id, volume_capabilities=[csi_client.mount()]), timeout=30)
    assert len(confirmed.confirmed.volume_capabilities) == 1
    controller.unpublish(volume_id, NODES[0])
    controller.delete(volume_id)
    assert "old-mysql" not in world.ceph.rbd("ls", "rbd").stdout.split()


def test_an_image_with_data_but_without_our_record_is_never_taken(world: World, controller: Controller) -> None:
    world.ceph.rbd("create", "--size", "64M", "rbd/csi.foreign")
    world.run_in_network(["rbd", "bench", "--io-type", "write", "--io-size", "4096", "--io-total", "8192",
                          "rbd/csi.foreign"])
    before = json.loads(world.ceph.rbd("info", "--format", "json", "rbd/csi.foreign").stdout)["id"]
    code, message = csi_client.refused(lambda: controller.create("foreign", 64 * MIB))
    assert code == "ALREADY_EXISTS" and "csi.foreign" in message
    assert json.loads(world.ceph.rbd("info", "--format", "json", "rbd/csi.foreign").stdout)["id"] == before
    world.ceph.rbd("rm", "rbd/csi.foreign")
