"""The driver in the cluster: its chart, with the values and keys of the world's Ceph."""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from e2e import control_node, images
from e2e.cluster import Cluster
from e2e.kube.versions import REPOSITORY
from world.ceph_files import CONTROLLER_USER, NODE_USER, POOL

CHART = REPOSITORY / "charts" / "rbd-csi"
RELEASE = NAMESPACE = "rbd-csi"
NAME = "rbd-csi.io"
INSTALL_PATIENCE = 400
LABEL = control_node.LABEL.replace(".", r"\.")


def available() -> str:
    """Empty if chart and image are there; else what is missing."""
    if not (CHART / "Chart.yaml").exists():
        return f"no chart in {CHART}"
    return "" if images.DRIVER_ARCHIVE.exists() else f"no image in {images.DRIVER_ARCHIVE}: make image"


def values(cluster: Cluster) -> dict[str, Any]:
    """The three values that an operator has to give, and the two keys."""
    ceph = cluster.world.ceph
    users = {"controller": CONTROLLER_USER, "node": NODE_USER}
    return {"cluster": {"fsid": ceph.command("fsid")["fsid"], "monitors": ceph.monitors, "pool": POOL},
            "secrets": {half: {"userID": user, "userKey": ceph.key(user)} for half, user in users.items()}}


def install(cluster: Cluster, *arguments: str) -> None:
    """`helm upgrade --install`, until all of its pods are ready. More of helm's arguments may follow."""
    path = values_file(cluster)
    if control_node.NAME in cluster.ready_nodes():
        # One of the two replicas would be spread to a worker, and start a minute later.
        arguments = ("--set-string", f"controller.nodeSelector.{LABEL}=true", *arguments)
    cluster.helm("upgrade", "--install", RELEASE, str(CHART), "-n", NAMESPACE, "--create-namespace", "-f", str(path),
                 "--wait", f"--timeout={INSTALL_PATIENCE}s", *arguments, timeout=INSTALL_PATIENCE + 30)
    # Ready pods are not enough: the kubelets have to know the driver before a pod can have a volume.
    cluster.until(lambda: _registered(cluster) == len(cluster.workers), "not every kubelet knows the driver")


def uninstall(cluster: Cluster) -> None:
    """`helm uninstall`, until its pods are gone."""
    cluster.helm("uninstall", RELEASE, "-n", NAMESPACE, "--wait", "--ignore-not-found")
    # Helm waits for what it has made itself; the pods of these end a little later.
    cluster.until(lambda: not cluster.get("pods", namespace=NAMESPACE)["items"], "pods of the driver are left", 180)


def restarts(cluster: Cluster) -> dict[str, int]:
    """How often each container of the driver was restarted, by "pod/container"; without those that were not."""
    return {f"{pod['metadata']['name']}/{each['name']}": each["restartCount"]
            for pod in cluster.get("pods", namespace=NAMESPACE)["items"]
            for each in pod["status"].get("containerStatuses", []) if each["restartCount"]}


def values_file(cluster: Cluster) -> Path:
    """The values as a file; JSON is YAML too."""
    path = cluster.place / "values.yaml"
    path.touch(mode=0o600)
    path.write_text(json.dumps(values(cluster), indent=1))
    return path


def _registered(cluster: Cluster) -> int:
    nodes = cluster.get("csinodes")["items"]
    return sum(any(driver["name"] == NAME for driver in node["spec"].get("drivers") or []) for node in nodes)
