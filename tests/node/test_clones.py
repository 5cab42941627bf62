"""Copies of a mounted volume: both on one node at once, larger than the source, and read-only."""
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Iterator

import pytest

import csi_client
from csi_client import MIB, MODE, Controller
from pod import Pod
from world import World

SIZE = 320 * MIB


@pytest.fixture()
def copy(world: World) -> Iterator[Callable[[str, str, int], str]]:
    """Clones a volume's image as it is right now, files still open; answers the copy's volume id."""
    made: list[tuple[str, str]] = []

    def make(volume_id: str, name: str, size: int = SIZE) -> str:
        image = volume_id.split("/")[-1]
        made.append((image, name))
        world.ceph.rbd("snap", "create", f"rbd/{image}@{name}")
        world.ceph.rbd("clone", "--rbd-default-clone-format", "2", f"rbd/{image}@{name}", f"rbd/{name}")
        if size > SIZE:
            world.ceph.rbd("resize", "--size", f"{size // MIB}M", f"rbd/{name}")
        return f"{volume_id.rsplit('/', 1)[0]}/{name}"

    yield make
    for image, name in made:
        csi_client.wait_until(lambda name=name: world.ceph.rbd(  # type: ignore[misc]
            "rm", "--no-progress", f"rbd/{name}", check=False).returncode == 0, 60, f"{name} removed")
        world.ceph.rbd("snap", "rm", "--no-progress", f"rbd/{image}@{name}")


def write(pod: Pod, name: str) -> None:
    """A file that has reached the journal."""
    pod.machine.run(["bash", "-c", f"echo {name} > {pod.target}/{name} && sync {pod.target}/{name}"])


def files(pod: Pod) -> set[str]:
    return set(pod.machine.run(["ls", pod.target]).stdout.split()) - {"lost+found"}


@pytest.mark.parametrize("fs_type", ["ext4", "xfs"])
def test_a_copy_is_mounted_beside_its_source_and_each_keeps_its_own_files(
        world: World, controller: Controller, volume: Callable[..., str], copy: Callable[..., str],
        fs_type: str) -> None:
    capability = csi_client.mount(fs_type)
    source = Pod(world, controller, "node1", volume(f"source-{fs_type}", SIZE, capability=capability),
                 capability=capability).start()
    write(source, "before")
    cloned = Pod(world, controller, "node1", copy(source.volume_id, f"beside-{fs_type}"), capability=capability).start()
    write(source, "source")
    write(cloned, "clone")
    assert files(source) == {"before", "source"}
    assert files(cloned) == {"before", "clone"}
    cloned.stop()
    source.stop()


@pytest.mark.parametrize("fs_type", ["ext4", "xfs"])
def test_a_copy_larger_than_its_source_has_a_larger_file_system(
        world: World, controller: Controller, volume: Callable[..., str], copy: Callable[..., str],
        fs_type: str) -> None:
    capability = csi_client.mount(fs_type)
    source = Pod(world, controller, "node1", volume(f"small-{fs_type}", SIZE, capability=capability),
                 capability=capability).start()
    write(source, "before")
    cloned = Pod(world, controller, "node1", copy(source.volume_id, f"large-{fs_type}", 2 * SIZE),
                 capability=capability).start()
    before = source.plugin.stats(source.volume_id, source.target).usage[0].total
    assert cloned.plugin.stats(cloned.volume_id, cloned.target).usage[0].total >= 1.9 * before
    assert files(cloned) == {"before"}
    cloned.stop()
    source.stop()


@pytest.mark.parametrize("fs_type", ["ext4", "xfs"])
def test_readers_of_a_copy_on_two_nodes_see_its_journal_when_the_controller_vouches_that_nobody_writes(
        world: World, controller: Controller, volume: Callable[..., str], copy: Callable[..., str],
        fs_type: str) -> None:
    writes = csi_client.mount(fs_type)
    source = Pod(world, controller, "node1", volume(f"running-{fs_type}", SIZE, capability=writes),
                 capability=writes).start()
    write(source, "before")
    cloned = copy(source.volume_id, f"readers-{fs_type}")
    reads = csi_client.mount(fs_type, mode=MODE.MULTI_NODE_READER_ONLY)
    readers = [Pod(world, controller, node, cloned, name="reader", capability=reads) for node in ("node1", "node2")]
    for reader in readers:
        reader.attach()
        reader.context["replayJournal"] = "true"
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda reader: csi_client.again(reader.stage), readers))
    for reader in readers:
        reader.publish()
        assert files(reader) == {"before"}
        assert reader.machine.run(["touch", f"{reader.target}/x"], check=False).returncode != 0
        said = reader.plugin.stats(cloned, reader.target).volume_condition
        assert not said.abnormal and "read-only, as asked for" in said.message
    for reader in readers:
        reader.stop()
    source.stop()


@pytest.mark.parametrize("fs_type", ["ext4", "xfs"])
def test_a_copy_with_an_unfinished_journal_is_never_shown_to_a_reader_without_it(
        world: World, controller: Controller, volume: Callable[..., str], copy: Callable[..., str],
        fs_type: str) -> None:
    writes = csi_client.mount(fs_type)
    source = Pod(world, controller, "node1", volume(f"busy-{fs_type}", SIZE, capability=writes),
                 capability=writes).start()
    write(source, "before")
    cloned = copy(source.volume_id, f"reader-{fs_type}")
    reads = csi_client.mount(fs_type, mode=MODE.MULTI_NODE_READER_ONLY)
    reader = Pod(world, controller, "node1", cloned, name="reader", capability=reads)
    reader.attach()
    reader.context.pop("replayJournal", None)
    code, message = csi_client.refused(reader.stage)
    print(f"{fs_type}: {message}")
    assert code == "FAILED_PRECONDITION" and "journal" in message and "attach it once for writing" in message
    reader.unstage()
    reader.detach()
    Pod(world, controller, "node1", cloned, name="writer", capability=writes).start().stop()
    assert files(reader.start()) == {"before"}
    reader.stop()
    source.stop()
