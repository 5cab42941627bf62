"""The controller killed before and after every step of snapshots and clones; the call again converges."""
from typing import Callable, Iterator

import pytest

import csi_client
from boundaries import drive_controller, all_deleted, restart
from csi_client import MIB, Controller
from images import checksum, fill
from pool import headers, snapshot_names
from world import World

SIZE = 16 * MIB
# A dead controller's watch and lock on an image hold up its successor until Ceph gives them up.
PATIENCE = 120


@pytest.fixture()
def controller(world: World) -> Iterator[Controller]:
    client = Controller(str(world.controller.socket), deadline=PATIENCE)
    yield client
    client.close()


@pytest.fixture(autouse=True)
def real_controller(world: World) -> Iterator[None]:
    """Each test ends with the daemon that ships."""
    yield
    restart(world.controller)


def test_create_snapshot(world: World, controller: Controller, volume: Callable[..., str]) -> None:
    source = volume("kill-snap-source", SIZE)

    def check(name: str) -> None:
        taken = controller.snapshot(source, name)
        assert [entry.snapshot for entry in controller.snapshots(volume_id=source).entries] == [taken]
        controller.delete_snapshot(taken.snapshot_id)
        assert snapshot_names(world) == []

    drive_controller(world, "CreateSnapshot", lambda number: f"kill-snap-{number}",
                     lambda name: controller.snapshot(source, name), check)


@pytest.mark.parametrize("cloned", [False, True])
def test_delete_snapshot(world: World, controller: Controller, cloned: bool) -> None:
    made: list[str] = []

    def prepare(number: int) -> str:
        restart(world.controller)
        made.append(controller.create(f"kill-unsnap-{number}", SIZE).volume_id)
        snapshot_id = str(controller.snapshot(made[-1], f"kill-unsnap-{number}").snapshot_id)
        if cloned:
            made.append(controller.create(f"kill-unsnap-clone-{number}", SIZE, source=snapshot_id).volume_id)
        return snapshot_id

    def check(snapshot_id: str) -> None:
        assert list(controller.snapshots(volume_id=snapshot_id.split("@")[0]).entries) == []
        assert snapshot_names(world) == []

    drive_controller(world, "DeleteSnapshot", prepare, controller.delete_snapshot, check)
    all_deleted(world, controller, made)


@pytest.mark.parametrize("of", ["snapshot", "volume"])
def test_create_volume_from(world: World, controller: Controller, of: str) -> None:
    source = controller.create(f"kill-source-{of}", SIZE).volume_id
    fill(world, source, "kept through kills")
    origin = str(controller.snapshot(source, "kill-origin").snapshot_id) if of == "snapshot" else source
    bytes_of_source = checksum(world, source)
    made: list[str] = []

    def check(name: str) -> None:
        made.append(controller.create(name, SIZE, source=origin).volume_id)
        csi_client.wait_until(lambda: len(headers(world)) == 1 + len(made), 60, "one image for each volume")
        assert checksum(world, made[-1]) == bytes_of_source
        user_snapshots = world.ceph.rbd("snap", "ls", "--format", "json", f"rbd/csi.kill-source-{of}").stdout
        assert user_snapshots.count('"name"') == (1 if of == "snapshot" else 0)

    drive_controller(world, "CreateVolume", lambda number: f"kill-clone-{of}-{number}",
                     lambda name: controller.create(name, SIZE, source=origin), check)
    if of == "snapshot":
        controller.delete_snapshot(origin)
    all_deleted(world, controller, [*made, source])
