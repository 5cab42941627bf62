"""The cluster itself: before it is asked for a volume it must run pods."""
from __future__ import annotations

from e2e import images
from e2e.client import Manifest
from e2e.cluster import Cluster
from e2e.control import SERVICE_ADDRESS
from e2e.stories.told import Story, claim


def pod(name: str, node: str) -> Manifest:
    """A pod on a chosen worker that writes into an emptyDir and stays."""
    container = {"name": "main", "image": images.BUSYBOX,
                 "command": ["sh", "-c", "hostname > /data/me; echo started on $NODE; exec sleep 100000"],
                 "env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
                 "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
            "spec": {"nodeName": node, "terminationGracePeriodSeconds": 0, "containers": [container],
                     "volumes": [{"name": "data", "emptyDir": {}}]}}


def pods_run(cluster: Cluster) -> None:
    """Logs and exec go through the API to each kubelet; pods reach each other and the API across workers."""
    with cluster.namespace("smoke") as namespace:
        names = {worker.name: f"on-{worker.name}" for worker in cluster.workers}
        cluster.apply(*(pod(name, node) for node, name in names.items()), namespace=namespace)
        for node, name in names.items():
            cluster.wait(f"pod/{name}", "condition=Ready", namespace)
            said = cluster.logs(name, namespace)
            claim(said == f"started on {node}\n", f"the log of {name} says {said!r}")
            data = cluster.exec(name, ["cat", "/data/me"], namespace).stdout
            claim(data == f"{name}\n", f"the file in {name} holds {data!r}")
        first, *others = names.values()
        for other in others:
            address = cluster.get("pod", other, namespace)["status"]["podIP"]
            cluster.exec(first, ["ping", "-c", "1", "-W", "5", address], namespace)
        cluster.exec(first, ["nc", "-w", "5", SERVICE_ADDRESS, "443"], namespace, input="")


STORIES = [Story("smoke", "a pod runs on each worker; its log, exec and network work", pods_run)]
