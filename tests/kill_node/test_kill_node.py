"""The node plugin killed before and after every step of every call that changes the node; the call again converges."""
from typing import Any, Callable, Iterator

import pytest

import csi_client
from boundaries import State, kill_everywhere, restart
from cgroup import Cgroup
from csi_client import MIB, MODE, Controller
from pod import Pod
from world import World

SIZES = {"ext4": 64 * MIB, "xfs": 320 * MIB}  # mkfs.xfs asks for 300 MiB


@pytest.fixture(autouse=True)
def real_daemon(world: World) -> Iterator[None]:
    """Each test ends with the daemon that ships."""
    yield
    restart(world.nodes[0].plugin)


class StageCase:
    """One volume on node1, staged from blank, and what must be true of the node afterwards."""

    def __init__(self, world: World, controller: Controller, name: str, fs_type: str = "ext4", *,
                 mode: int = MODE.SINGLE_NODE_WRITER, source: str = "") -> None:
        self.node = world.nodes[0]
        capability = csi_client.mount(fs_type, mode=mode)
        self.volume_id = csi_client.again(lambda: controller.create(name, SIZES[fs_type], capability=capability,
                                                                    source=source)).volume_id
        self.pod = Pod(world, controller, self.node.name, self.volume_id, name=name, capability=capability)
        self.pod.attach()
        self.controller = controller

    def mounts(self) -> int:
        table = self.node.run(["cat", "/proc/self/mountinfo"]).stdout
        return sum(f" {self.pod.staging} " in line for line in table.splitlines())

    def devices(self) -> list[str]:
        return self.node.run(["ls", "/sys/bus/rbd/devices"]).stdout.split()

    def is_staged_once(self, devices: int = 1) -> None:
        assert len(self.devices()) == devices
        assert self.mounts() == 1

    def write_proof(self) -> None:
        self.node.run(["bash", "-c", f"echo kept > {self.pod.staging}/proof && sync {self.pod.staging}/proof"])

    def has_proof(self) -> None:
        assert self.node.run(["cat", f"{self.pod.staging}/proof"]).stdout == "kept\n"

    def is_gone(self, devices: int = 0) -> None:
        assert len(self.devices()) == devices
        assert self.mounts() == 0

    def end(self, devices: int = 0) -> None:
        csi_client.again(self.pod.unstage)
        self.is_gone(devices)
        self.pod.detach()
        csi_client.again(lambda: self.controller.delete(self.volume_id))


def drive_node(world: World, method: str, prepare: Callable[[int], State], call: Callable[[Any], object],
               check: Callable[[State], None]) -> None:
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
        case.write_proof()
        case.end()

    drive_node(world, "NodeStageVolume", prepare, lambda case: case.pod.stage(), check)


def test_unstage(world: World, controller: Controller) -> None:
    def prepare(number: int) -> StageCase:
        restart(world.nodes[0].plugin)
        case = StageCase(world, controller, f"kill-unstage-{number}")
        case.pod.stage()
        case.is_staged_once()
        case.write_proof()
        return case

    def check(case: StageCase) -> None:
        case.is_gone()
        case.pod.stage()
        case.has_proof()
        case.end()

    drive_node(world, "NodeUnstageVolume", prepare, lambda case: case.pod.unstage(), check)


def test_publish_and_unpublish_on_the_node(world: World, controller: Controller) -> None:
    case = StageCase(world, controller, "kill-node-publish")
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


@pytest.mark.parametrize("fs_type", ["ext4", "xfs"])
def test_stage_of_a_copy_whose_journal_is_replayed_for_a_reader(world: World, controller: Controller,
                                                                fs_type: str) -> None:
    """The source stays mounted, so every copy has a journal; the plugin mounts it for writing and then for reading."""
    source = StageCase(world, controller, f"kill-journal-{fs_type}", fs_type)
    source.pod.stage()
    source.write_proof()

    def prepare(number: int) -> StageCase:
        case = StageCase(world, controller, f"kill-journal-{fs_type}-{number}", fs_type,
                         mode=MODE.MULTI_NODE_READER_ONLY, source=source.volume_id)
        assert case.pod.context["replayJournal"] == "true"
        return case

    def check(case: StageCase) -> None:
        case.is_staged_once(devices=2)
        case.has_proof()
        assert case.node.run(["touch", f"{case.pod.staging}/x"], check=False).returncode != 0
        case.end(devices=1)

    drive_node(world, "NodeStageVolume", prepare, lambda case: case.pod.stage(), check)
    source.end()


def test_publish_with_limits(world: World, controller: Controller) -> None:
    case = StageCase(world, controller, "kill-limits")
    cgroup = Cgroup(case.pod, case.pod.volumes.split("/")[5], "systemd")
    case.pod.stage()
    case.pod.context["readIops"] = "100"

    def prepare(_: int) -> StageCase:
        restart(world.nodes[0].plugin)
        case.pod.unpublish()
        cgroup.remove()
        cgroup.make()
        return case

    def check(_: StageCase) -> None:
        assert cgroup.limits() == "rbps=max wbps=max riops=100 wiops=max"

    drive_node(world, "NodePublishVolume", prepare, lambda it: it.pod.publish(), check)
    case.pod.unpublish()
    cgroup.remove()
    case.end()


@pytest.mark.parametrize("fs_type", ["ext4", "xfs"])
def test_expand_on_the_node(world: World, controller: Controller, fs_type: str) -> None:
    case = StageCase(world, controller, f"kill-grow-{fs_type}", fs_type)
    case.pod.stage()
    case.write_proof()
    case.pod.publish()

    def size(number: int) -> int:
        return SIZES[fs_type] + number * 64 * MIB

    def capacity() -> int:
        return int(case.pod.plugin.stats(case.volume_id, case.pod.target).usage[0].total)

    def prepare(number: int) -> int:
        controller.expand(case.volume_id, size(number))
        return number

    def check(number: int) -> None:
        assert capacity() > 0.8 * size(number)
        case.has_proof()

    drive_node(world, "NodeExpandVolume", prepare,
               lambda number: case.pod.plugin.expand(case.volume_id, case.pod.target, size(number)), check)
    case.pod.unpublish()
    case.end()
