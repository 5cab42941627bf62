"""Fifty claims and their pods at once."""
from __future__ import annotations

import time
from collections.abc import Callable

from e2e import driver
from e2e.client import Manifest
from e2e.cluster import Cluster
from e2e.stories import calls, pool
from e2e.stories.told import Story, claim, scene
from e2e.stories.volume import claim_of, user_of

COUNT = 50
SIZE = "32Mi"
COMMAND = "echo kept > /data/word && exec sleep 100000"
# Twenty-five pods on each emulated processor: it starts one in some seconds.
PATIENCE = 1500.0
# Phase, kind of object, and when one of them has reached it.
PHASES: list[tuple[str, str, Callable[[Manifest], bool]]] = [
    ("bound", "pvc", lambda each: each["status"].get("phase") == "Bound"),
    ("attached", "volumeattachments", lambda each: bool(each.get("status", {}).get("attached"))),
    ("running", "pods", lambda each: each["status"].get("phase") == "Running"),
]
CALLS = {"bound": ["CreateVolume"], "attached": ["ControllerPublishVolume"],
         "running": ["NodeStageVolume", "NodePublishVolume"],
         "gone": ["NodeUnpublishVolume", "NodeUnstageVolume", "ControllerUnpublishVolume", "DeleteVolume"]}


def at_once(cluster: Cluster) -> str:
    """All bound, attached, running and gone again, with the seconds of each, and the driver's part in them."""
    began, before = time.time(), driver.restarts(cluster)
    names = [f"volume-{number:02}" for number in range(COUNT)]
    nodes = [worker.name for worker in cluster.workers]
    with scene(cluster, "many") as namespace:
        begin = time.monotonic()
        cluster.apply(*(claim_of(name, SIZE) for name in names),
                      # The scheduler would give one of two workers twice as many: pods that ask for nothing.
                      *(user_of(name, name, nodes[index % len(nodes)], COMMAND) for index, name in enumerate(names)),
                      namespace=namespace)
        reached = _watch(cluster, namespace, begin)
        for name in names[::10]:
            data = cluster.exec(name, ["cat", "/data/word"], namespace).stdout
            claim(data == "kept\n", f"the file in {name} holds {data!r}")
        begin = time.monotonic()
        cluster.delete("pods", "--all", namespace=namespace, timeout=PATIENCE)
        cluster.delete("pvc", "--all", namespace=namespace, timeout=PATIENCE)
        pool.empty(cluster, PATIENCE)  # the kubelets unmount one volume after the other
        reached["gone"] = time.monotonic() - begin
    # A container that was restarted has lost its log too, and with it what the driver did.
    claim(driver.restarts(cluster) == before, f"restarts, before {before}, now {driver.restarts(cluster)}")
    served = calls.since(cluster, began)
    for method in sum(CALLS.values(), []):
        well = sum(call.method == method and call.code == "OK" for call in served)
        claim(well >= COUNT, f"the driver's logs show {well} calls of {method} for {COUNT} volumes")
    return "".join(f"\n{'':13}all {phase} after {seconds:.1f} s; {calls.summary(served, *CALLS[phase])}"
                   for phase, seconds in reached.items())


def _watch(cluster: Cluster, namespace: str, begin: float) -> dict[str, float]:
    """When all have reached each phase, in seconds since the beginning."""
    reached: dict[str, float] = {}

    def look() -> bool:
        for phase, kind, holds in PHASES:
            if phase not in reached:
                if sum(holds(each) for each in cluster.get(kind, namespace=namespace)["items"]) < COUNT:
                    return False
                reached[phase] = time.monotonic() - begin
        return True

    cluster.until(look, f"of bound, attached and running only {list(reached)} was reached", PATIENCE, pause=0.5)
    return reached


STORIES = [Story("many", f"{COUNT} claims and their pods at once: all bound and running", at_once)]
