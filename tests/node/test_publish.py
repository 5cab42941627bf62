"""Stage and publish in a real node: targets, modes, sizes, and what is left when they are gone."""
from typing import Callable

import pytest

import csi_client
from csi_client import MIB, MODE, Controller
from pod import Pod
from world import World

SIZE = 64 * MIB


def devices(pod: Pod) -> list[str]:
    return pod.machine.run(["ls", "/sys/bus/rbd/devices"]).stdout.split()


def other(pod: Pod) -> str:
    return f"{pod.volumes}/other"


@pytest.mark.parametrize("mode, code", [
    (MODE.SINGLE_NODE_WRITER, "FAILED_PRECONDITION"),
    (MODE.SINGLE_NODE_SINGLE_WRITER, "FAILED_PRECONDITION"),
    (MODE.SINGLE_NODE_MULTI_WRITER, "OK"),
])
def test_a_second_target_is_for_several_writers_only(world: World, controller: Controller, volume: Callable[..., str],
                                                     mode: int, code: str) -> None:
    capability = csi_client.mount(mode=mode)
    pod = Pod(world, controller, "node1", volume(f"targets-{mode}", SIZE), capability=capability).start()
    pod.publish()  # the same target again

    def second() -> None:
        pod.plugin.publish(pod.volume_id, pod.context, pod.staging, other(pod), capability)

    if code == "OK":
        second()
        pod.plugin.unpublish(pod.volume_id, other(pod))
    else:
        assert csi_client.refused(second)[0] == code
    assert pod.machine.run(["test", "-e", other(pod)], check=False).returncode != 0
    pod.stop()


def test_the_same_target_read_only_already_exists(world: World, controller: Controller,
                                                  volume: Callable[..., str]) -> None:
    pod = Pod(world, controller, "node1", volume("readonly-again", SIZE)).start()
    code, _ = csi_client.refused(
        lambda: pod.plugin.publish(pod.volume_id, pod.context, pod.staging, pod.target, readonly=True))
    assert code == "ALREADY_EXISTS"
    pod.stop()


def test_a_read_only_target_takes_no_writes(world: World, controller: Controller, volume: Callable[..., str]) -> None:
    pod = Pod(world, controller, "node1", volume("readonly", SIZE))
    pod.attach()
    pod.stage()
    pod.readonly = True
    pod.publish()
    assert pod.machine.run(["touch", f"{pod.target}/x"], check=False).returncode != 0
    pod.stop()


def test_readers_on_two_nodes_see_the_files(world: World, controller: Controller, volume: Callable[..., str]) -> None:
    volume_id = volume("readers", SIZE)
    writer = Pod(world, controller, "node1", volume_id).start()
    writer.machine.run(["bash", "-c", f"echo here > {writer.target}/file"])
    writer.stop()
    reader = csi_client.mount(mode=MODE.MULTI_NODE_READER_ONLY)
    pods = [Pod(world, controller, node, volume_id, name="reader", capability=reader).start()
            for node in ("node1", "node2")]
    for pod in pods:
        assert pod.machine.run(["cat", f"{pod.target}/file"]).stdout == "here\n"
        assert pod.machine.run(["touch", f"{pod.target}/x"], check=False).returncode != 0
    for pod in pods:
        pod.stop()


def test_a_raw_block_volume_on_two_nodes_is_one_device(world: World, controller: Controller,
                                                       volume: Callable[..., str]) -> None:
    shared = csi_client.block(MODE.MULTI_NODE_MULTI_WRITER)
    volume_id = volume("block", SIZE, capability=shared)
    pods = [Pod(world, controller, node, volume_id, capability=shared).start() for node in ("node1", "node2")]
    first, second = pods
    assert first.machine.run(["blockdev", "--getsize64", first.target]).stdout.strip() == str(SIZE)
    first.machine.run(["bash", "-c", f"echo shared | dd of={first.target} oflag=direct,sync bs=4096 conv=sync"])
    read = second.machine.run(["dd", f"if={second.target}", "iflag=direct", "bs=4096", "count=1"]).stdout
    assert read.startswith("shared")
    for pod in pods:
        pod.stop()
        assert pod.machine.run(["test", "-e", pod.target], check=False).returncode != 0


@pytest.mark.parametrize("capability, size", [
    (csi_client.mount("ext4"), SIZE), (csi_client.mount("xfs"), 320 * MIB), (csi_client.block(), SIZE)])
def test_a_published_volume_grows_while_it_is_used(world: World, controller: Controller, volume: Callable[..., str],
                                                   capability: csi_client.Message, size: int) -> None:
    volume_id = volume(f"grow-{size}-{capability.WhichOneof('access_type')}", size, capability=capability)
    pod = Pod(world, controller, "node1", volume_id, capability=capability).start()
    before = pod.plugin.stats(volume_id, pod.target).usage[0].total
    controller.expand(volume_id, 2 * size)
    pod.plugin.expand(volume_id, pod.target, 2 * size)
    assert pod.plugin.stats(volume_id, pod.target).usage[0].total >= 1.9 * before
    pod.stop()


def test_a_volume_that_grew_while_detached_is_grown_at_stage(world: World, controller: Controller,
                                                             volume: Callable[..., str]) -> None:
    volume_id = volume("grow-offline", SIZE)
    pod = Pod(world, controller, "node1", volume_id).start()
    before = pod.plugin.stats(volume_id, pod.target).usage[0].total
    pod.stop()
    controller.expand(volume_id, 2 * SIZE)
    pod.start()
    assert pod.plugin.stats(volume_id, pod.target).usage[0].total >= 1.9 * before
    pod.stop()


def test_everything_again_and_again_is_one_map_and_one_mount(world: World, controller: Controller,
                                                             volume: Callable[..., str]) -> None:
    pod = Pod(world, controller, "node1", volume("repeat", SIZE))
    for _ in range(3):
        pod.attach()
        pod.stage()
    for _ in range(3):
        pod.publish()
    assert len(devices(pod)) == 1
    for _ in range(3):
        pod.unpublish()
    for _ in range(3):
        pod.unstage()
    for _ in range(3):
        pod.detach()
    assert devices(pod) == []


def test_unstage_waits_for_the_targets(world: World, controller: Controller, volume: Callable[..., str]) -> None:
    pod = Pod(world, controller, "node1", volume("early", SIZE)).start()
    code, message = csi_client.refused(pod.unstage)
    assert code == "FAILED_PRECONDITION" and pod.target in message
    pod.stop()


def test_a_symlink_in_the_target_path_is_refused(world: World, controller: Controller,
                                                 volume: Callable[..., str]) -> None:
    pod = Pod(world, controller, "node1", volume("symlink", SIZE))
    pod.attach()
    pod.stage()
    pod.machine.run(["ln", "-sfn", "/etc", f"{pod.volumes}/link"])
    code, _ = csi_client.refused(
        lambda: pod.plugin.publish(pod.volume_id, pod.context, pod.staging, f"{pod.volumes}/link/target"))
    assert code in ("INVALID_ARGUMENT", "FAILED_PRECONDITION")
    assert pod.machine.run(["test", "-e", "/etc/target"], check=False).returncode != 0
    pod.machine.run(["rm", f"{pod.volumes}/link"])
    pod.unstage()
    pod.detach()


def test_files_that_somebody_left_in_a_target_are_not_removed(world: World, controller: Controller,
                                                              volume: Callable[..., str]) -> None:
    pod = Pod(world, controller, "node1", volume("leftover", SIZE))
    pod.machine.run(["bash", "-c", f"mkdir -p {pod.target} && echo precious > {pod.target}/file"])
    code, _ = csi_client.refused(pod.unpublish)
    assert code == "FAILED_PRECONDITION"
    assert pod.machine.run(["cat", f"{pod.target}/file"]).stdout == "precious\n"
    pod.machine.run(["rm", "-r", pod.target])


def test_the_key_is_in_no_log_and_in_no_sysfs_file(world: World, controller: Controller,
                                                   volume: Callable[..., str]) -> None:
    user = "rbd-csi-node"
    key = world.ceph.key(user)
    pod = Pod(world, controller, "node1", volume("secret", SIZE))
    pod.attach()
    pod.machine.run(["mkdir", "-p", pod.staging, pod.volumes])
    pod.plugin.stage(pod.volume_id, pod.context, pod.staging, secrets={"userID": user, "userKey": key})
    pod.publish()
    shown = pod.machine.run(["bash", "-c", "cat /sys/bus/rbd/devices/*/* 2>/dev/null; dmesg; "
                             "tr '\\0' '\\n' < /proc/%d/cmdline; tr '\\0' '\\n' < /proc/%d/environ; mount"
                             % (pod.machine.plugin.pid, pod.machine.plugin.pid)]).stdout
    assert "key=" in shown, "config_info should name the key's place in the keyring"
    assert key not in shown
    assert key not in pod.machine.plugin.log.read_text(errors="replace")
    pod.stop()


def test_the_plugin_has_the_kernel_load_rbd(world: World) -> None:
    node = world.node("node1")
    node.plugin.stop()
    node.run(["busybox", "rmmod", "rbd"])
    node.run(["test", "!", "-e", "/sys/bus/rbd"])
    node.plugin.start()
    node.plugin.wait_ready()
    node.run(["test", "-d", "/sys/bus/rbd"])
