"""VolumeAttachments that are replayed, reordered and repeated, at two controllers: the guard decides."""
from typing import Callable, Iterator

import pytest

import csi_client
from csi_client import MIB, MODE, Controller
from pod import Pod
from scorecard import Score
from world import World

RAW = csi_client.block(MODE.SINGLE_NODE_WRITER)
ALPHA, BETA = "v1/alpha/192.0.2.101", "v1/beta/192.0.2.102"


@pytest.fixture()
def other(world: World) -> Iterator[Controller]:
    """A second controller, which knows nothing of what the first one did."""
    process = world.extra_controller("other")
    process.start()
    process.wait_ready()
    client = Controller(str(process.socket))
    yield client
    client.close()
    process.stop()


def published(controller: Controller, volume_id: str) -> list[str]:
    """As the attacher reads it, and as it is."""
    listed = {entry.volume.volume_id: list(entry.status.published_node_ids) for entry in controller.list().entries}
    got = list(controller.get(volume_id).status.published_node_ids)
    assert listed[volume_id] == got
    return got


def test_a_detach_of_the_past_takes_nothing_from_the_node_of_now(world: World, controller: Controller,
                                                                 other: Controller, volume: Callable[..., str],
                                                                 score: Score) -> None:
    volume_id = volume("replayed", 64 * MIB, capability=RAW)
    before = world.ceph.blocklist()
    old = Pod(world, controller, "node1", volume_id, name="old", capability=RAW).start()
    old.stop()
    new = Pod(world, controller, "node2", volume_id, name="new", capability=RAW).start()
    for client in (controller, other):
        score.trial(4)
        client.unpublish(volume_id, old.node_id)
        client.unpublish(volume_id, "v1/never-there/192.0.2.99")
        code, message = csi_client.refused(lambda: client.publish(volume_id, old.node_id, RAW))
        assert code == "FAILED_PRECONDITION" and "node2" in message
        client.publish(volume_id, new.node_id, RAW)
        assert published(client, volume_id) == [new.node_id]
    new.machine.run(["dd", "if=/dev/zero", f"of={new.target}", "bs=4096", "count=1", "oflag=direct"])
    new.stop()
    assert published(other, volume_id) == []
    assert world.ceph.blocklist() == before


def test_attach_and_detach_in_any_order_at_two_controllers_end_with_what_was_asked_last(
        controller: Controller, other: Controller, volume: Callable[..., str], score: Score, full: bool) -> None:
    volume_id = volume("reordered", 64 * MIB, capability=RAW)
    for number in range(50 if full else 5):
        score.trial()
        first, second = (controller, other) if number % 2 else (other, controller)
        first.publish(volume_id, ALPHA, RAW)
        assert second.publish(volume_id, ALPHA, RAW)["image"] == volume_id.split("/")[-1]
        score.double_writers += int(
            csi_client.refused(lambda: second.publish(volume_id, BETA, RAW))[0] != "FAILED_PRECONDITION")
        second.unpublish(volume_id, BETA)
        assert published(second, volume_id) == [ALPHA]
        second.unpublish(volume_id, ALPHA)
        first.unpublish(volume_id, ALPHA)
        first.publish(volume_id, BETA, RAW)
        second.unpublish(volume_id)
        assert published(first, volume_id) == []


def test_a_volume_that_is_gone_is_detached_and_not_attached(controller: Controller, other: Controller,
                                                            score: Score) -> None:
    volume_id = controller.create("gone", 64 * MIB, capability=RAW).volume_id
    controller.publish(volume_id, ALPHA, RAW)
    score.trial()
    assert csi_client.refused(lambda: other.delete(volume_id))[0] == "FAILED_PRECONDITION"
    controller.unpublish(volume_id, ALPHA)
    other.delete(volume_id)
    controller.unpublish(volume_id, ALPHA)
    assert csi_client.refused(lambda: controller.publish(volume_id, ALPHA, RAW))[0] == "NOT_FOUND"
