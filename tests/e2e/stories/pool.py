"""What the driver has in the pool, as Ceph's administrator sees it: the images, and what is easily forgotten."""
from __future__ import annotations

import json
import subprocess
from typing import Any

from e2e.cluster import Cluster
from e2e.stories.told import Story
from world.ceph_files import POOL

# The driver's own tables, docs/architecture.md: names of snapshots, clones to be flattened.
TABLES = ["rbd-csi.snapshots", "rbd-csi.flatten"]
# A deleted image goes within moments; a clone's parent waits for another look at the trash.
PATIENCE = 120.0


def images(cluster: Cluster) -> set[str]:
    """The names of all images, those in the trash included."""
    ceph = cluster.world.ceph
    trash: list[dict[str, Any]] = json.loads(ceph.rbd("trash", "ls", "--all", POOL, "--format", "json").stdout)
    return {*json.loads(ceph.rbd("ls", POOL, "--format", "json").stdout), *(each["name"] for each in trash)}


def images_of(cluster: Cluster, namespace: str) -> set[str]:
    """The names of the images behind the volumes that are bound to a namespace's claims now."""
    volumes = cluster.get("pv")["items"]
    return {volume["spec"]["csi"]["volumeHandle"].rpartition("/")[2] for volume in volumes
            if volume["spec"].get("claimRef", {}).get("namespace") == namespace}


def gone(cluster: Cluster, names: set[str]) -> None:
    """Wait until these images are neither in the pool nor in its trash."""
    cluster.until(lambda: not names & images(cluster), f"images of {len(names)} deleted volumes are left in the pool",
                  PATIENCE, pause=1)


def empty(cluster: Cluster, patience: float = PATIENCE) -> None:
    """Wait until nothing of the driver is left: no image, nothing in the trash, no group, no name in its tables."""
    cluster.until(lambda: not _left(cluster), "something is left in the pool", patience, pause=1)


def _left(cluster: Cluster) -> list[str]:
    ceph = cluster.world.ceph
    groups = ceph.rbd("group", "ls", POOL).stdout.split()
    keys = [key for table in TABLES for key in _rados(cluster, "listomapkeys", table).stdout.split()]
    return [*images(cluster), *groups, *keys]


def _rados(cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A table that has never been written is not there: no failure."""
    return cluster.world.run_in_network(["rados", "-p", POOL, *arguments], check=False)


STORIES = [Story("empty", "nothing of all that is left in the pool: no image, no trash, no group, no snapshot's name",
                 lambda cluster: empty(cluster))]
