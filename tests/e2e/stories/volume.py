"""A volume, from the claim to the data."""
from __future__ import annotations

from e2e import images
from e2e.client import Manifest
from e2e.cluster import Cluster
from e2e.stories.told import Story, claim


def claim_of(name: str, size: str = "1Gi", **more: object) -> Manifest:
    """A PersistentVolumeClaim of the chart's StorageClass."""
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "rbd",
                     "resources": {"requests": {"storage": size}}, **more}}


def user_of(claimed: str, name: str, node: str = "", command: str = "exec sleep 100000") -> Manifest:
    """A pod with that claim at /data, on a chosen worker or anywhere."""
    container = {"name": "main", "image": images.BUSYBOX, "command": ["sh", "-c", command],
                 "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    where = {"nodeSelector": {"kubernetes.io/hostname": node}} if node else {}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [container], **where,
                     "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claimed}}]}}


def volume_moves(cluster: Cluster) -> str:
    """Written on one worker, read on the other; the pool is empty afterwards."""
    with cluster.namespace("volume") as namespace:
        first, second = (worker.name for worker in cluster.workers[:2])
        cluster.apply(claim_of("data"), user_of("data", "writer", first), namespace=namespace)
        cluster.wait("pvc/data", "jsonpath={.status.phase}=Bound", namespace)
        cluster.wait("pod/writer", "condition=Ready", namespace)
        cluster.exec("writer", ["sh", "-c", "echo kept > /data/file && sync"], namespace)
        cluster.delete("pod", "writer", namespace=namespace)
        cluster.apply(user_of("data", "reader", second), namespace=namespace)
        cluster.wait("pod/reader", "condition=Ready", namespace)
        data = cluster.exec("reader", ["cat", "/data/file"], namespace).stdout
        claim(data == "kept\n", f"the file on {second} holds {data!r}")
    cluster.until(lambda: not cluster.world.ceph.rbd("ls").stdout, "images are left in the pool")
    return f"{first} -> {second}"


STORIES = [Story("volume", "a claim is bound, written on one worker, read on the other, deleted", volume_moves)]
