"""Both daemons killed before and after every step of every RPC that changes something; the call again converges."""
import json
from typing import Callable, Iterator

import pytest

import csi_client
from boundaries import drive_controller, all_deleted, kill_everywhere, restart
from csi_client import MIB, Controller
from pod import Pod
from pool import becomes_empty, headers
from world import World

SIZE = 64 * MIB


@pytest.fixture(autouse=True)
def real_daemons(world: World) -> Iterator[None]:
    """Each test starts and ends with the daemons that ship."""
    yield
    restart(world.controller)
    restart(world.nodes[0].plugin)


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
    node_id = csi_client.Node(str(world.nodes[0].socket)).id()
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


class StageCase:
    """One volume on node1, staged from blank, and what must be true of the node afterwards."""

    def __init__(self, world: World, controller: Controller, name: str, fs_type: str) -> None:
        self.world = world
        self.node = world.nodes[0]
        size = SIZE if fs_type == "ext4" else 320 * MIB  # mkfs.xfs asks for 300 MiB
        self.volume_id = csi_client.again(lambda: controller.create(name, size)).volume_id
        self.pod = Pod(world, controller, self.node.name, self.volume_id, name=name,
                       capability=csi_client.mount(fs_type))
        self.pod.attach()
        self.controller = controller

    def mounts(self) -> int:
        table = self.node.run(["cat", "/proc/self/mountinfo"]).stdout
        return sum(f" {self.pod.staging} " in line for line in table.splitlines())

    def devices(self) -> list[str]:
        return self.node.run(["ls", "/sys/bus/rbd/devices"]).stdout.split()

    def is_staged_once(self) -> None:
        assert len(self.devices()) == 1
        assert self.mounts() == 1
        self.node.run(["bash", "-c", f"echo kept > {self.pod.staging}/proof && sync"])

    def is_gone(self) -> None:
        assert self.devices() == []
        assert self.mounts() == 0

    def end(self) -> None:
        csi_client.again(self.pod.unstage)
        self.is_gone()
        self.pod.detach()
        csi_client.again(lambda: self.controller.delete(self.volume_id))


def drive_node(world: World, method: str, prepare: Callable[[int], StageCase], call: Callable[[StageCase], object],
               check: Callable[[StageCase], None]) -> None:
    plugin = world.nodes[0].plugin
    report = kill_everywhere(plugin, lambda: plugin.log.read_text(errors="replace"), method, prepare, call, check)
    print(report, *report.deaths, sep="\n  ")
    assert len(report.deaths) >= 2


@pytest.mark.parametrize("fs_type", ["ext4", "xfs"])
def test_stage_of_a_blank_volume(world: World, controller: Controller, fs_type: str) -> None:
    def prepare(number: int) -> StageCase:
        return StageCase(world, controller, f"kill-stage-{fs_type}-{number}", fs_type)

    def check(case: StageCase) -> None:
        case.is_staged_once()
        case.end()

    drive_node(world, "NodeStageVolume", prepare, lambda case: case.pod.stage(), check)


def test_unstage(world: World, controller: Controller) -> None:
    def prepare(number: int) -> StageCase:
        restart(world.nodes[0].plugin)
        case = StageCase(world, controller, f"kill-unstage-{number}", "ext4")
        case.pod.stage()
        case.is_staged_once()
        return case

    def check(case: StageCase) -> None:
        case.is_gone()
        case.pod.stage()
        assert case.node.run(["cat", f"{case.pod.staging}/proof"]).stdout == "kept\n"
        case.end()

    drive_node(world, "NodeUnstageVolume", prepare, lambda case: case.pod.unstage(), check)


def test_publish_and_unpublish_on_the_node(world: World, controller: Controller) -> None:
    case = StageCase(world, controller, "kill-node-publish", "ext4")
    case.pod.stage()

    def targets() -> int:
        table = case.node.run(["cat", "/proc/self/mountinfo"]).stdout
        return sum(f" {case.pod.target} " in line for line in table.splitlines())

    def once(expected: int) -> Callable[[StageCase], None]:
        def check(_: StageCase) -> None:
            assert targets() == expected
            exists = case.node.run(["test", "-e", case.pod.target], check=False).returncode == 0
            assert exists == bool(expected)
        return check

    def prepare(wanted: bool) -> Callable[[int], StageCase]:
        def step(_: int) -> StageCase:
            restart(world.nodes[0].plugin)
            (case.pod.publish if wanted else case.pod.unpublish)()
            return case
        return step

    drive_node(world, "NodePublishVolume", prepare(False), lambda it: it.pod.publish(), once(1))
    drive_node(world, "NodeUnpublishVolume", prepare(True), lambda it: it.pod.unpublish(), once(0))
    case.end()
