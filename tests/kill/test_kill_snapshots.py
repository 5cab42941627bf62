"""The controller killed before and after every step of snapshots and clones; the call again converges."""
from typing import Callable, Iterator

import pytest

import csi_client
from boundaries import drive_controller, eventually_deleted, restart
from csi_client import MIB, Controller
from images import checksum, fill
from pool import becomes_empty, headers, snapshot_names
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
    def prepare(number: int) -> str:
        restart(world.controller)
        source = controller.create("kill-unsnap-source", SIZE).volume_id
        snapshot_id = str(controller.snapshot(source, f"kill-unsnap-{number}").snapshot_id)
        if cloned:
            csi_client.again(lambda: controller.create("kill-unsnap-clone", SIZE, source=snapshot_id))
        return snapshot_id

    def check(snapshot_id: str) -> None:
        assert list(controller.snapshots(volume_id=snapshot_id.split("@")[0]).entries) == []
        for name in ("kill-unsnap-clone", "kill-unsnap-source"):
            eventually_deleted(controller, f"world/rbd/csi.{name}")
        becomes_empty(world)

    drive_controller(world, "DeleteSnapshot", prepare, controller.delete_snapshot, check)


@pytest.mark.parametrize("of", ["snapshot", "volume"])
def test_create_volume_from(world: World, controller: Controller, of: str) -> None:
    source = controller.create(f"kill-source-{of}", SIZE).volume_id
    fill(world, source, "kept through kills")
    origin = str(controller.snapshot(source, "kill-origin").snapshot_id) if of == "snapshot" else source
    bytes_of_source = checksum(world, source)

    def check(name: str) -> None:
        made = controller.create(name, SIZE, source=origin)
        assert len(headers(world)) == 2
        assert checksum(world, made.volume_id) == bytes_of_source
        user_snapshots = world.ceph.rbd("snap", "ls", "--format", "json", f"rbd/csi.kill-source-{of}").stdout
        assert user_snapshots.count('"name"') == (1 if of == "snapshot" else 0)
        eventually_deleted(controller, made.volume_id)
        csi_client.wait_until(lambda: len(headers(world)) == 1, 60, "the clone's space back")

    drive_controller(world, "CreateVolume", lambda number: f"kill-clone-{of}-{number}",
                     lambda name: controller.create(name, SIZE, source=origin), check)
    if of == "snapshot":
        controller.delete_snapshot(origin)
    eventually_deleted(controller, source)
    becomes_empty(world)
