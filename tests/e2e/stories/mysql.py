"""MySQL as it used to be run on RBD, now without a PersistentVolume and without `rbd`: it moves and it is scaled.

That its data outlives its pod is what examples/mysql/check.yaml says; this goes on from there.
"""
from __future__ import annotations

import time

from e2e.cluster import Cluster
from e2e.stories import pool
from e2e.stories.examples import EXAMPLES
from e2e.stories.told import Story, claim, scene

PATIENCE = 600.0


class Databases:
    """The StatefulSet of examples/mysql in a namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace

    def apply(self) -> None:
        """As the example has it: one replica."""
        self._cluster.apply(EXAMPLES / "mysql" / "mysql.yaml", namespace=self._namespace)

    def ready(self, pod: str) -> None:
        """Wait for a replica that may not be there yet."""
        self._cluster.wait(f"pod/{pod}", "create", self._namespace, PATIENCE)
        self._cluster.wait(f"pod/{pod}", "condition=Ready", self._namespace, PATIENCE)

    def scale(self, replicas: int) -> None:
        """Wait until so many are ready, and no more are there."""
        self._cluster.kubectl("-n", self._namespace, "scale", "statefulset/mysql", f"--replicas={replicas}")
        self._cluster.kubectl("-n", self._namespace, "rollout", "status", "statefulset/mysql",
                              f"--timeout={PATIENCE:.0f}s", timeout=PATIENCE + 20)
        self._cluster.wait(f"pod/mysql-{replicas}", "delete", self._namespace, PATIENCE)

    def sql(self, pod: str, statement: str) -> list[str]:
        """What a replica answers, one word a line."""
        script = f'exec mariadb -uroot -p"$MARIADB_ROOT_PASSWORD" --skip-column-names -e "{statement}"'
        return self._cluster.exec(pod, ["sh", "-c", script], self._namespace).stdout.split()

    def volume(self, pod: str) -> str:
        """The name of the PersistentVolume behind a replica's claim."""
        found = self._cluster.get("pvc", f"data-{pod}", self._namespace)
        claim(found["status"]["phase"] == "Bound", f"the claim of {pod} is {found['status']['phase']}")
        return str(found["spec"]["volumeName"])

    def node(self, pod: str) -> str:
        """Where a replica runs."""
        return str(self._cluster.get("pod", pod, self._namespace)["spec"]["nodeName"])


def moves_and_scales(cluster: Cluster) -> str:
    """A drain of its node, then a second replica that goes and comes back."""
    with scene(cluster, "mysql-moves") as namespace:
        databases = Databases(cluster, namespace)
        databases.apply()
        databases.ready("mysql-0")
        databases.sql("mysql-0", "CREATE DATABASE mydb")
        remark = _drained(cluster, databases)
        databases.scale(2)
        volumes = {pod: databases.volume(pod) for pod in ("mysql-0", "mysql-1")}
        claim(len(set(volumes.values())) == 2, f"both replicas have the volume {volumes['mysql-0']}")
        claim("mydb" not in databases.sql("mysql-1", "SHOW DATABASES"), "the second replica has the first one's data")
        databases.sql("mysql-1", "CREATE DATABASE second")
        databases.scale(1)
        databases.scale(2)
        for pod, database in {"mysql-0": "mydb", "mysql-1": "second"}.items():
            claim(databases.volume(pod) == volumes[pod], f"{pod} has another volume after the scaling")
            found = databases.sql(pod, "SHOW DATABASES")
            claim(database in found, f"{database} is gone from {pod} after the scaling; it has {found}")
        names = pool.images_of(cluster, namespace)
    pool.gone(cluster, names)
    return remark


def _drained(cluster: Cluster, databases: Databases) -> str:
    """Drain the first replica's node; `mydb` is there on the other one. Returns how long it was away."""
    node, volume = databases.node("mysql-0"), databases.volume("mysql-0")
    begin = time.monotonic()
    try:
        cluster.kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--force",
                        f"--timeout={PATIENCE:.0f}s", timeout=PATIENCE + 20)
        databases.ready("mysql-0")
    finally:
        cluster.kubectl("uncordon", node)
    away = time.monotonic() - begin
    claim(databases.node("mysql-0") != node, f"mysql-0 is on {node} again, which was drained")
    claim(databases.volume("mysql-0") == volume, "mysql-0 has another volume after the drain")
    found = databases.sql("mysql-0", "SHOW DATABASES")
    claim("mydb" in found, f"mydb is gone after the drain of {node}; there are {found}")
    return f"{away:.0f} s from the drain until it answered on {databases.node('mysql-0')}"


STORIES = [Story("mysql-moves", "MySQL finds mydb on another node after a drain; two replicas have a volume each and "
                 "keep it when scaled down and up", moves_and_scales)]
