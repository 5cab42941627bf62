"""The driver's own pods come and go; those who use volumes notice nothing."""
from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from e2e import driver
from e2e.cluster import Cluster
from e2e.stories import writer
from e2e.stories.told import Story, claim, scene

ROLL = 400.0


def under_writers(cluster: Cluster) -> str:
    """A writer on each worker, while the driver is killed and then rolled."""
    nodes = [worker.name for worker in cluster.workers]
    with scene(cluster, "upgrade") as namespace, ExitStack() as stack:
        cluster.apply(*(writer.writer(f"on-{node}", node) for node in nodes), namespace=namespace)
        pods = [f"on-{node}-0" for node in nodes]
        for pod in pods:
            cluster.until(lambda: writer.placed(cluster, pod, namespace) != "", f"{pod} is not Ready", 300)
        told = [stack.enter_context(writer.followed(cluster, pod, namespace)) for pod in pods]
        pauses = []
        for what, act in (("undisturbed", None), ("killed", _kill), ("upgraded", _upgrade)):
            before, begin = _uids(cluster), [len(_told(path).safe) for path in told]
            if act:
                act(cluster)
                claim(not before & _uids(cluster), f"{what}: some of the driver's pods are still the same")
            for path in told:
                writer.wait_for_lines(cluster, path)
            longest = max(_told(path).longest_pause(after) for path, after in zip(told, begin))
            pauses.append(f"{longest:.1f} s {what}")
        for pod, node, path in zip(pods, nodes, told):
            _check(cluster, namespace, pod, node, path)
    return "0 errors; longest pause of a writer: " + ", ".join(pauses)


def _kill(cluster: Cluster) -> None:
    """All pods of the driver at once, without a second to put things in order."""
    cluster.kubectl("-n", driver.NAMESPACE, "delete", "pods", "-l", f"app.kubernetes.io/instance={driver.RELEASE}",
                    "--grace-period=1", "--timeout=180s", timeout=200)
    for each in ("deployment", "daemonset"):
        cluster.kubectl("-n", driver.NAMESPACE, "rollout", "status", each, "-l",
                        f"app.kubernetes.io/instance={driver.RELEASE}", f"--timeout={ROLL:.0f}s", timeout=ROLL + 20)


def _upgrade(cluster: Cluster) -> None:
    """What changes with every version is the pods' template."""
    driver.install(cluster, "--set-string", "controller.podAnnotations.rolled=yes",
                   "--set-string", "node.podAnnotations.rolled=yes")


def _uids(cluster: Cluster) -> set[str]:
    return {pod["metadata"]["uid"] for pod in cluster.get("pods", namespace=driver.NAMESPACE)["items"]
            if "deletionTimestamp" not in pod["metadata"]}


def _told(path: Path) -> writer.Told:
    return writer.Told.parse(path.read_text())


def _check(cluster: Cluster, namespace: str, pod: str, node: str, path: Path) -> None:
    """No error, no restart, and every line that was told is there."""
    said = _told(path)
    claim(not said.errors, f"errors of {pod}: {said.errors[:3]}")
    status = cluster.get("pod", pod, namespace)["status"]["containerStatuses"][0]
    claim(not status["restartCount"], f"{pod} was restarted")
    found = writer.lines(cluster, pod, namespace)
    writer.check_lines(found, [node])
    claim(len(found) >= said.last, f"{pod} told of {said.last} lines, {len(found)} are there")


STORIES = [Story("upgrade", "the driver's pods are killed, then rolled by helm upgrade, under running writers",
                 under_writers)]
