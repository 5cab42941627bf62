"""What is in a pool besides images: to see that nothing is left behind."""
import csi_client
from world import World

# Objects that belong to the pool, not to an image; the driver's own begin with its name.
HOUSE = ("rbd_directory", "rbd_info", "rbd_trash", "rbd_children", "rbd_mirroring", "rbd_mirror_leader",
         "rbd_namespace", "rbd_group_directory", "rbd_task", "rbd_mirror_snapshot_schedule", "rbd-csi.")


def objects(world: World) -> list[str]:
    """The objects of images and groups in the pool `rbd`."""
    listed = world.run_in_network(["rados", "-p", "rbd", "ls"]).stdout.split()
    return sorted(name for name in listed if not name.startswith(HOUSE))


def headers(world: World) -> list[str]:
    return [name for name in objects(world) if name.startswith("rbd_header.")]


def snapshot_names(world: World) -> list[str]:
    """The names that are claimed in the table of snapshot names."""
    listed = world.run_in_network(["rados", "-p", "rbd", "listomapkeys", "rbd-csi.snapshots"], check=False)
    return sorted(listed.stdout.split())


def becomes_empty(world: World, seconds: float = 60) -> None:
    """Waits for the reaper; no image, no object, no claimed name may stay."""
    try:
        csi_client.wait_until(lambda: objects(world) == [], seconds, "an empty pool")
    except AssertionError as error:
        raise AssertionError(f"{error}; left: {objects(world)}") from None
    assert world.ceph.rbd("ls", "rbd").stdout.split() == []
    assert snapshot_names(world) == []
