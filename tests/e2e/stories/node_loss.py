"""A worker is lost in the middle of writes, and comes back: nothing that was acknowledged is gone, nothing is late."""
from __future__ import annotations

import re
import time
from collections.abc import Callable

from e2e.cluster import Cluster
from e2e.stories import writer
from e2e.stories.told import Story, claim, scene

TAINT = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"
POD = "writer-0"
PROMISE = 60.0
NOTICED = 180.0  # Kubernetes gives a silent node 50 s
BACK = 300.0
LATE = 20.0


def powered_off(cluster: Cluster) -> str:
    """The plug is pulled; later the machine boots."""
    first = cluster.workers[0].name
    return _lost(cluster, "node-loss", lambda: cluster.power_off(first), lambda: cluster.power_on(first))


def frozen(cluster: Cluster) -> str:
    """The machine stops and goes on a minute later where it was, with all that it wanted to write."""
    node = cluster.workers[0].node
    remark = _lost(cluster, "frozen", node.pause, node.resume)
    said = re.findall(r"rbd\d+: write result -108", node.run(["dmesg"]).stdout)
    claim(bool(said), f"the kernel of {node.name} says nothing of writes that were refused")
    return f"{remark}, {len(said)} late writes refused"


def _lost(cluster: Cluster, namespace: str, strike: Callable[[], None], heal: Callable[[], None]) -> str:
    first, second = (worker.name for worker in cluster.workers[:2])
    with scene(cluster, namespace):
        _start(cluster, namespace, second)
        acknowledged = _strike(cluster, namespace, first, strike)
        try:
            seconds = _moves(cluster, namespace, first, second)
            _check_moved(cluster, namespace, first, acknowledged)
        finally:
            heal()
            _comes_back(cluster, first)
        _write_on(cluster, namespace)
        _back(cluster, namespace, first, second)
        found = writer.lines(cluster, POD, namespace)
        writer.check_lines(found, [first, second, first])
        writer.check_flood(cluster, POD, namespace, second)
    return f"{seconds:.0f} s from the taint to the pod on {second}, {acknowledged} lines acknowledged before"


def _start(cluster: Cluster, namespace: str, other: str) -> None:
    """The writer runs, and not on the other worker."""
    cluster.kubectl("cordon", other)
    try:
        cluster.apply(writer.writer("writer"), namespace=namespace)
        cluster.until(lambda: writer.placed(cluster, POD, namespace) != "", "the writer is not Ready", 300)
    finally:
        cluster.kubectl("uncordon", other)


def _strike(cluster: Cluster, namespace: str, first: str, strike: Callable[[], None]) -> int:
    """Lose the node while it writes; the last line that it acknowledged. Kubernetes notices after a while."""
    with writer.followed(cluster, POD, namespace) as told:
        writer.wait_for_lines(cluster, told, 30)
        strike()
        cluster.until(lambda: first not in cluster.ready_nodes(), f"{first} is still Ready", NOTICED)
        said = writer.Told.parse(told.read_text())
    claim(not said.errors, f"errors before the node was lost: {said.errors[:3]}")
    return said.last


def _moves(cluster: Cluster, namespace: str, first: str, second: str) -> float:
    """What an operator says of a node that is down; the seconds until the pod runs on the other worker."""
    begin = time.monotonic()
    cluster.kubectl("taint", "node", first, TAINT)
    cluster.until(lambda: writer.placed(cluster, POD, namespace) == second, f"the pod is not Ready on {second}", 180)
    seconds = time.monotonic() - begin
    claim(seconds <= PROMISE, f"the pod ran on {second} {seconds:.0f} s after the taint")
    return seconds


def _check_moved(cluster: Cluster, namespace: str, first: str, acknowledged: int) -> None:
    """All that was acknowledged is there, and the new pod can write; also over what the old one was writing."""
    cluster.until(lambda: writer.Told.parse(cluster.logs(POD, namespace)).flooded, "the new pod can't write", 120)
    kept = [number for number, node in writer.lines(cluster, POD, namespace) if node == first]
    claim(len(kept) >= acknowledged, f"{acknowledged} lines were acknowledged, {len(kept)} are there")


def _comes_back(cluster: Cluster, first: str) -> None:
    """The taint goes when the node is there again and has let go of what it had."""
    cluster.until(lambda: first in cluster.ready_nodes(), f"{first} does not come back", BACK)
    cluster.kubectl("taint", "node", first, f"{TAINT.partition('=')[0]}-", check=False)
    node = cluster.world.node(first)
    cluster.until(lambda: not node.run(["ls", "/sys/bus/rbd/devices"]).stdout.split(),
                  f"{first} keeps a device of the volume that it has lost", BACK)


def _write_on(cluster: Cluster, namespace: str) -> None:
    """The new pod writes for as long as a late write could come, without an error."""
    end = time.monotonic() + LATE
    wanted = writer.Told.parse(cluster.logs(POD, namespace)).last + 20
    cluster.until(lambda: time.monotonic() > end and writer.Told.parse(cluster.logs(POD, namespace)).last >= wanted,
                  "the new pod does not write on", 120, pause=1)
    errors = writer.Told.parse(cluster.logs(POD, namespace)).errors
    claim(not errors, f"errors of the new pod: {errors[:3]}")


def _back(cluster: Cluster, namespace: str, first: str, second: str) -> None:
    """The pod goes back to the first node, which reads all of it from Ceph: nothing is in its memory."""
    cluster.kubectl("cordon", second)
    try:
        cluster.delete("pod", POD, namespace=namespace)
        cluster.until(lambda: writer.placed(cluster, POD, namespace) == first, f"the pod is not Ready on {first}", 300)
        cluster.until(lambda: writer.Told.parse(cluster.logs(POD, namespace)).last > 0, "it does not write", 60)
    finally:
        cluster.kubectl("uncordon", second)


STORIES = [
    Story("node-loss", "a worker loses power in the middle of writes: the pod moves with its data, the worker returns",
          powered_off, short=True),
    Story("frozen", "a worker freezes in the middle of writes and wakes up after its pod has moved: it writes nothing",
          frozen),
]
