"""I/O limits on the real krbd: what a pod gets, when it has no cgroup yet, and what is said where they cannot hold."""
from typing import Callable, Iterator

import pytest

import csi_client
from cgroup import Cgroup
from csi_client import MIB, Controller, Message
from pod import KUBELET, Pod
from world import World

SIZE = 320 * MIB


@pytest.fixture()
def limited(world: World, controller: Controller, volume: Callable[..., str]) -> Iterator[Callable[..., tuple]]:
    """A staged volume, and the cgroup that its pod will have; both are gone when the test ends."""
    made: list[tuple[Pod, Cgroup]] = []

    def make(name: str, layout: str = "systemd", capability: Message = None) -> tuple[Pod, Cgroup]:
        capability = capability or csi_client.mount()
        pod = Pod(world, controller, "node1", volume(name, SIZE, capability=capability), capability=capability)
        uid = pod.volumes.split("/")[5]
        if capability.WhichOneof("access_type") == "block":
            pod.volumes = f"{KUBELET}/plugins/kubernetes.io/csi/volumeDevices/publish/pv-{name}"
            pod.target = f"{pod.volumes}/{uid}"
        made.append((pod, Cgroup(pod, uid, layout)))
        pod.attach()
        pod.stage()
        return made[-1]

    yield make
    for pod, cgroup in made:
        pod.stop()
        cgroup.remove()


def publish(pod: Pod, **limits: int) -> None:
    """NodePublishVolume with these limits in place of the earlier ones."""
    keys = ("readIops", "writeIops", "readBps", "writeBps")
    pod.context = {key: value for key, value in pod.context.items() if key not in keys}
    pod.context.update({key: str(value) for key, value in limits.items()})
    pod.publish()


@pytest.mark.parametrize("layout, capability", [
    ("systemd", csi_client.mount("ext4")), ("cgroupfs", csi_client.mount("xfs")), ("prefixed", csi_client.block())])
def test_a_pod_reads_and_writes_no_faster_than_its_limits(limited: Callable[..., tuple], layout: str,
                                                          capability: Message) -> None:
    pod, cgroup = limited(f"limits-{layout}", layout, capability)
    cgroup.make()
    publish(pod, readBps=4 * MIB, writeBps=4 * MIB)
    block = capability.WhichOneof("access_type") == "block"
    file = pod.target if block else f"{pod.target}/file"
    write = ["if=/dev/zero", f"of={file}", "conv=notrunc"]
    read = [f"if={file}", "of=/dev/null", "iflag=direct"]
    took = {
        "8 MiB written": cgroup.seconds(*write, "bs=1M", "count=8", "oflag=direct"),
        "8 MiB read": cgroup.seconds(*read, "bs=1M", "count=8"),
        "8 MiB written through the page cache": cgroup.seconds(*write[:2], "bs=1M", "count=8", "conv=notrunc,fsync"),
    }
    publish(pod, readIops=20, writeIops=20)
    took["40 writes"] = cgroup.seconds(*write, "bs=4k", "count=40", "oflag=direct")
    took["40 reads"] = cgroup.seconds(*read, "bs=4k", "count=40")
    publish(pod)
    free = {
        "8 MiB written": cgroup.seconds(*write, "bs=1M", "count=8", "oflag=direct"),
        "8 MiB read": cgroup.seconds(*read, "bs=1M", "count=8"),
        "40 writes": cgroup.seconds(*write, "bs=4k", "count=40", "oflag=direct"),
        "40 reads": cgroup.seconds(*read, "bs=4k", "count=40"),
    }
    print(f"{layout}: seconds with limits {took}, without {free}")
    assert {what: seconds for what, seconds in took.items() if not 1.6 < seconds < 6} == {}
    assert {what: seconds for what, seconds in free.items() if seconds > took[what] / 1.3} == {}


def test_a_pod_without_a_cgroup_is_not_let_in_and_gets_its_limits_with_the_next_call(
        limited: Callable[..., tuple]) -> None:
    pod, cgroup = limited("limits-early")
    code, message = csi_client.refused(lambda: publish(pod, readIops=100))
    assert code == "UNAVAILABLE" and "no cgroup" in message
    assert pod.machine.run(["mountpoint", "-q", pod.target], check=False).returncode != 0
    cgroup.make()
    pod.publish()
    assert cgroup.limits() == "rbps=max wbps=max riops=100 wiops=max"


def test_each_publish_brings_its_own_limits_and_none_takes_them_off(limited: Callable[..., tuple]) -> None:
    pod, cgroup = limited("limits-change")
    cgroup.make()
    publish(pod, readIops=100, writeBps=MIB)
    assert cgroup.limits() == f"rbps=max wbps={MIB} riops=100 wiops=max"
    publish(pod, writeIops=7)
    assert cgroup.limits() == "rbps=max wbps=max riops=max wiops=7"
    publish(pod)
    assert cgroup.limits() == ""


def test_a_target_outside_of_a_pod_cannot_be_limited_and_is_refused(limited: Callable[..., tuple]) -> None:
    pod, _ = limited("limits-outside")
    pod.volumes, pod.target = f"{KUBELET}/elsewhere", f"{KUBELET}/elsewhere/target"
    pod.machine.run(["mkdir", "-p", pod.volumes])
    code, message = csi_client.refused(lambda: publish(pod, writeIops=7))
    assert code == "FAILED_PRECONDITION" and "not one of a pod" in message
    assert pod.machine.run(["test", "-e", pod.target], check=False).returncode != 0
    publish(pod)


def test_a_node_that_cannot_limit_says_so_and_publishes_volumes_without_limits(limited: Callable[..., tuple]) -> None:
    pod, _ = limited("limits-nowhere")
    plugin = pod.machine.plugin
    plugin.stop()
    plugin.start(["--cgroup-root=/tmp"])
    plugin.wait_ready()
    try:
        code, message = csi_client.refused(lambda: publish(pod, writeIops=7))
        assert code == "FAILED_PRECONDITION" and "cgroup v2" in message
        publish(pod)
    finally:
        plugin.stop()
        plugin.start()
        plugin.wait_ready()


def test_the_node_id_carries_the_limit_of_volumes(world: World) -> None:
    machine = world.node("node1")
    without = csi_client.Node(str(machine.socket)).id()
    machine.plugin.stop()
    machine.plugin.start(["--max-volumes-per-node=25"])
    machine.plugin.wait_ready()
    try:
        node = csi_client.Node(str(machine.socket))
        assert node.id() == f"{without}/25"
    finally:
        machine.plugin.stop()
        machine.plugin.start()
        machine.plugin.wait_ready()
