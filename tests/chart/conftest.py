"""One Ceph for the tests of the chart that need one: without nodes, and without users of ours."""
from typing import Iterator

import pytest

import csi_client
from chart import mounted
from world import World


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """Also has a second pool."""
    place = csi_client.BIN.parents[1] / f"world-{csi_client.BIN.parent.name}-chart"
    World.remove(place)
    world = World.up(place, nodes=0, build=csi_client.BIN)
    try:
        for user in ("controller", "node"):
            mounted.ceph(world, "auth", "rm", f"client.rbd-csi-{user}")
        mounted.ceph(world, "osd", "pool", "create", "second", "8")
        mounted.ceph(world, "osd", "pool", "application", "enable", "second", "rbd")
        yield world
    finally:
        world.down()
