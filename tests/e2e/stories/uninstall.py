"""The driver is uninstalled: volumes stay, nothing else does; the second install finds them."""
from __future__ import annotations

import json
import re

from e2e import driver
from e2e.client import Manifest
from e2e.cluster import Cluster
from e2e.stories import pool
from e2e.stories.install import listable, objects
from e2e.stories.told import Story, claim, scene
from e2e.stories.volume import claim_of, user_of

NAMESPACE = "kept"
# What a namespace has without anybody's doing.
EVERYWHERE = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}
# A volume, what holds it, and the users' namespace stay. What nodes say of the driver is looked at by itself.
STAYS = {"PersistentVolume", "VolumeAttachment", "Namespace", "Node"}
NAMES_IT = re.compile(r"(?<!e2e\.)rbd-csi")
KUBELET = "/var/lib/kubelet"


def leaves_volumes(cluster: Cluster) -> str:
    """A pod goes on with its volume while the driver is away; the next pod gets it from the next driver."""
    first, second = (worker.name for worker in cluster.workers[:2])
    with scene(cluster, NAMESPACE):
        cluster.apply(claim_of("data"), user_of("data", "old", first), namespace=NAMESPACE)
        cluster.wait("pod/old", "condition=Ready", NAMESPACE, 300)
        cluster.exec("old", ["sh", "-c", "echo before > /data/file && sync"], NAMESPACE)
        images = cluster.world.ceph.rbd("ls").stdout
        driver.uninstall(cluster)
        try:
            _nothing_left(cluster)
            _volume_stays(cluster, images)
            cluster.exec("old", ["sh", "-c", "echo meanwhile >> /data/file && sync"], NAMESPACE)
        finally:
            driver.install(cluster)
        cluster.delete("pod", "old", namespace=NAMESPACE)
        cluster.apply(user_of("data", "new", second), namespace=NAMESPACE)
        cluster.wait("pod/new", "condition=Ready", NAMESPACE, 300)
        data = cluster.exec("new", ["cat", "/data/file"], NAMESPACE).stdout
        claim(data == "before\nmeanwhile\n", f"the file on {second} holds {data!r}")
    pool.empty(cluster)
    return f"written on {first}, read on {second} by the second install"


def _volume_stays(cluster: Cluster, images: str) -> None:
    bound = cluster.get("pvc", "data", NAMESPACE)["status"]["phase"]
    claim(bound == "Bound", f"the claim is {bound}")
    there = cluster.world.ceph.rbd("ls").stdout
    claim(there == images, f"the images were {images.split()} and are {there.split()}")


def _nothing_left(cluster: Cluster) -> None:
    """No object, by label, by place or by name; no socket on the nodes."""
    left = objects(cluster, f"app.kubernetes.io/instance={driver.RELEASE}")
    claim(not left, f"with the release's label there is {left}")
    cluster.until(lambda: not any(_known(cluster, worker.name) for worker in cluster.workers),
                  "a node still names the driver", 120)
    mentioned = [f"{each['kind']} {each['metadata']['name']}" for each in _everything(cluster) if _is_ours(each)]
    claim(not mentioned, f"there is {', '.join(mentioned)}")
    for worker in cluster.workers:
        sockets = worker.node.run(["find", f"{KUBELET}/plugins", f"{KUBELET}/plugins_registry", "-type", "s"]).stdout
        claim(not sockets, f"{worker.name} has {', '.join(sockets.split())}")


def _everything(cluster: Cluster) -> list[Manifest]:
    said = cluster.kubectl("get", ",".join(listable(cluster)), "-A", "-o", "json").stdout
    return list(json.loads(said)["items"])


def _is_ours(each: Manifest) -> bool:
    """Is it in the driver's namespace, or does it speak of the driver?"""
    metadata = each["metadata"]
    if metadata.get("namespace") == driver.NAMESPACE:
        return (each["kind"], metadata["name"]) not in EVERYWHERE
    if metadata.get("namespace") == NAMESPACE or each["kind"] in STAYS:
        return False
    return bool(NAMES_IT.search(json.dumps({**each, "metadata": {**metadata, "managedFields": []}})))


def _known(cluster: Cluster, node: str) -> bool:
    """Does the kubelet know the driver, or the node have an id of it?"""
    drivers = cluster.get("csinode", node)["spec"].get("drivers") or []
    ids = cluster.get("node", node)["metadata"].get("annotations", {}).get("csi.volume.kubernetes.io/nodeid", "")
    return driver.NAME in ids or any(each["name"] == driver.NAME for each in drivers)


STORIES = [Story("uninstall", "helm uninstall leaves volumes alone and nothing else; the second install finds them",
                 leaves_volumes)]
