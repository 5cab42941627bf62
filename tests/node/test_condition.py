"""What NodeGetVolumeStats says of a volume's health: what was looked at or what is wrong, in time, nothing invented."""
import json
import time
from typing import Callable

import pytest

import csi_client
from csi_client import MIB, Controller, Message
from pod import Pod
from world import World

SIZE = 320 * MIB
KINDS = {"ext4": csi_client.mount("ext4"), "xfs": csi_client.mount("xfs"), "block": csi_client.block()}


def condition(pod: Pod, path: str = "") -> tuple[bool, str]:
    """The condition at the pod's target."""
    answer = pod.plugin.stats(pod.volume_id, path or pod.target).volume_condition
    return answer.abnormal, answer.message


def device(pod: Pod) -> str:
    """The number of the volume's device."""
    image = pod.volume_id.split("/")[-1]
    return pod.machine.run(["bash", "-c", f"cd /sys/bus/rbd/devices && grep -lx '{image}' */name"]).stdout.split("/")[0]


def fence(world: World, volume_id: str) -> None:
    """Puts the volume's kernel client on the blocklist."""
    status = json.loads(world.ceph.rbd("status", f"rbd/{volume_id.split('/')[-1]}", "--format", "json").stdout)
    for watcher in status["watchers"]:
        world.ceph.command("osd", "blocklist", "add", watcher["address"])


def unfence(world: World) -> None:
    for address in world.ceph.blocklist():
        world.ceph.command("osd", "blocklist", "rm", address)


def pod_of(world: World, controller: Controller, volume: Callable[..., str], name: str, kind: str) -> Pod:
    volume_id = volume(f"{name}-{kind}", SIZE, capability=KINDS[kind])
    return Pod(world, controller, "node1", volume_id, capability=KINDS[kind]).start()


@pytest.mark.parametrize("kind", KINDS)
def test_a_working_volume_is_not_abnormal_and_the_message_says_what_was_checked(
        world: World, controller: Controller, volume: Callable[..., str], kind: str) -> None:
    pod = pod_of(world, controller, volume, "condition", kind)
    assert "VOLUME_CONDITION" in str(pod.plugin.stub.NodeGetCapabilities(csi_client.pb.NodeGetCapabilitiesRequest()))
    for path in (pod.target, pod.staging):
        abnormal, message = condition(pod, path)
        assert not abnormal, message
        assert f"/dev/rbd{device(pod)} answered a read" in message and "writable" in message
        assert kind == "block" or f"{kind} is not shut down" in message
    pod.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_a_fenced_volume_is_abnormal_with_the_reason(world: World, controller: Controller, volume: Callable[..., str],
                                                     kind: str) -> None:
    pod = pod_of(world, controller, volume, "fenced", kind)
    fence(world, pod.volume_id)
    abnormal, message = condition(pod)
    assert abnormal and "fenced" in message
    pod.stop()
    unfence(world)
    assert condition(pod.start())[0] is False
    pod.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_a_hanging_cluster_is_reported_within_seconds_and_by_one_read_only(
        world: World, controller: Controller, volume: Callable[..., str], kind: str) -> None:
    pod = pod_of(world, controller, volume, "hanging", kind)
    world.ceph.pause("osd.0")
    try:
        for patience in (6, 1, 1):
            begin = time.monotonic()
            abnormal, message = condition(pod)
            assert abnormal and "has not answered a read" in message
            assert time.monotonic() - begin < patience
        assert pod.machine.run(["pgrep", "-c", "-P", str(pod.machine.plugin.pid)]).stdout.strip() == "1"
    finally:
        world.ceph.resume("osd.0")
    csi_client.wait_until(lambda: not condition(pod)[0], 30, "an answer again")
    pod.stop()


@pytest.mark.parametrize("kind", KINDS)
def test_a_device_that_is_gone_is_abnormal_and_the_volume_can_be_taken_down_and_used_again(
        world: World, controller: Controller, volume: Callable[..., str], kind: str) -> None:
    pod = pod_of(world, controller, volume, "gone", kind)
    pod.machine.run(["bash", "-c", f"echo {device(pod)} force > /sys/bus/rbd/remove_single_major"])
    abnormal, message = condition(pod)
    assert abnormal and "is gone" in message
    pod.stop()
    assert condition(pod.start())[0] is False
    pod.stop()


def test_a_device_that_became_read_only_is_abnormal(world: World, controller: Controller,
                                                    volume: Callable[..., str]) -> None:
    pod = pod_of(world, controller, volume, "readonly", "ext4")
    path = f"/dev/rbd{device(pod)}"
    pod.machine.run(["blockdev", "--setro", path])
    abnormal, message = condition(pod)
    assert abnormal and "read-only now" in message
    pod.machine.run(["blockdev", "--setrw", path])
    assert condition(pod)[0] is False
    pod.stop()


def test_errors_of_the_file_system_are_counted_until_the_volume_is_staged_anew(
        world: World, controller: Controller, volume: Callable[..., str]) -> None:
    pod = pod_of(world, controller, volume, "errors", "ext4")
    pod.machine.run(["bash", "-c", f"echo 1 > /sys/fs/ext4/rbd{device(pod)}/trigger_fs_error"])
    abnormal, message = condition(pod)
    assert abnormal and "has counted 1 error" in message
    pod.stop()
    assert condition(pod.start())[0] is False
    pod.stop()


def test_a_volume_attached_for_reading_is_not_called_broken(world: World, controller: Controller,
                                                            volume: Callable[..., str]) -> None:
    pod = pod_of(world, controller, volume, "reader", "ext4")
    pod.stop()
    mode = csi_client.MODE.MULTI_NODE_READER_ONLY
    capability: Message = csi_client.mount("ext4", mode=mode)
    reader = Pod(world, controller, "node1", pod.volume_id, capability=capability).start()
    abnormal, message = condition(reader)
    assert not abnormal and "read-only, as asked for" in message
    reader.stop()
