"""A pod that writes, line by line, and tells of each line when it is safe: what it has told must be found again.

Each line is on stable storage before it is told. Beside the lines the pod keeps writing one file over and over, so that
there is always something in flight and in the page cache: what a node that was thought dead could still write late.
"""
from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from e2e import images
from e2e.client import Manifest
from e2e.cluster import Cluster
from e2e.kube.versions import PROGRAMS
from e2e.stories.told import claim

# Two megabytes of the node's name. Little: it is to be in flight all the time, an emulated processor is slow.
SIZE = 2 << 20
FLOOD = f"yes $NODE | head -c {SIZE} | dd of=/data/flood bs=64k iflag=fullblock conv=notrunc,fsync"
# The first pod floods for ever; the second writes the file once, for good; a third leaves it as it is.
SCRIPT = f"""
if [ ! -f /data/flood ]; then
  (while {FLOOD}; do sleep 0.2; done 2> /tmp/flood) &
elif [ ! -f /data/flooded ]; then
  {FLOOD} 2> /tmp/flood && touch /data/flooded && sync && echo flooded
fi
n=$(wc -l < /data/lines 2> /dev/null || echo 0)
while :; do
  n=$((n + 1))
  if echo "$n $NODE" | dd of=/data/lines oflag=append conv=notrunc,fsync 2> /tmp/said; then
    read -r now idle < /proc/uptime
    echo "$n $now"
  else
    echo "error $n $(tail -n 1 /tmp/said)"
    sleep 1
  fi
  sleep 0.1
done
"""


def writer(name: str, node: str = "") -> Manifest:
    """A StatefulSet of one, with a volume, on a chosen worker or anywhere."""
    container = {"name": "main", "image": images.BUSYBOX, "command": ["sh", "-c", SCRIPT],
                 "env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
                 "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    pod = {"terminationGracePeriodSeconds": 0, "containers": [container],
           **({"nodeSelector": {"kubernetes.io/hostname": node}} if node else {})}
    template = {"metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "rbd",
                         "resources": {"requests": {"storage": "128Mi"}}}}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name},
            "spec": {"replicas": 1, "serviceName": name, "selector": {"matchLabels": {"app": name}},
                     "volumeClaimTemplates": [template],
                     "template": {"metadata": {"labels": {"app": name}}, "spec": pod}}}


@dataclass
class Told:
    """What a writer has told: the lines that are safe, with the seconds of its node's clock, and errors."""

    safe: list[tuple[int, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    flooded: bool = False

    @classmethod
    def parse(cls, text: str) -> Told:
        """The log of a writer. Its last line may be half."""
        told = cls()
        for line in text.splitlines()[:None if text.endswith("\n") else -1]:
            words = line.split()
            if words and words[0] == "error":
                told.errors.append(line)
            elif words == ["flooded"]:
                told.flooded = True
            elif len(words) == 2 and words[0].isdigit():
                told.safe.append((int(words[0]), float(words[1])))
        return told

    @property
    def last(self) -> int:
        """The last line that is safe."""
        return self.safe[-1][0] if self.safe else 0

    def longest_pause(self, after: int = 0) -> float:
        """The longest time between two safe lines, from the one that was told after so many others."""
        chosen = self.safe[max(0, after - 1):]
        return max((later - earlier for (_, earlier), (_, later) in zip(chosen, chosen[1:])), default=0.0)


@contextmanager
def followed(cluster: Cluster, pod: str, namespace: str) -> Iterator[Path]:
    """What the pod says, as it says it, in a file of this machine: its node may lose all it has."""
    name = f"follow-{namespace}-{pod}-{time.monotonic_ns()}"
    cluster.world.processes.spawn(name, [PROGRAMS / "kubectl", "--kubeconfig", cluster.kubeconfig, "-n", namespace,
                                         "logs", "-f", pod])
    path = cluster.world.layout.log(name)
    try:
        yield path
    finally:
        cluster.world.processes.end(name)


def wait_for_lines(cluster: Cluster, path: Path, more: int = 20, timeout: float = 120) -> None:
    """The followed writer makes progress."""
    wanted = Told.parse(path.read_text()).last + more
    cluster.until(lambda: Told.parse(path.read_text()).last >= wanted, f"{path.stem}: the writer stands still", timeout)


def placed(cluster: Cluster, pod: str, namespace: str) -> str:
    """The node of a pod that runs and is ready; else empty."""
    done = cluster.kubectl("-n", namespace, "get", "pod", pod, "-o", "json", check=False)
    if done.returncode:
        return ""
    found = json.loads(done.stdout)
    ready = any(each["type"] == "Ready" and each["status"] == "True"
                for each in found["status"].get("conditions", []))
    return str(found["spec"]["nodeName"]) if ready and "deletionTimestamp" not in found["metadata"] else ""


def lines(cluster: Cluster, pod: str, namespace: str) -> list[tuple[int, str]]:
    """The lines in the volume, number and node, as the pod reads them."""
    text = cluster.exec(pod, ["cat", "/data/lines"], namespace).stdout
    return [(int(number), node) for number, _, node in (line.partition(" ") for line in text.splitlines())]


def check_lines(found: list[tuple[int, str]], nodes: list[str]) -> None:
    """Lines without a gap, and the writers one after the other: nobody wrote into another's time."""
    numbers = [number for number, _ in found]
    claim(numbers == list(range(1, len(numbers) + 1)), f"the lines are not 1 to {len(numbers)}: {gaps(numbers)}")
    seen = [node for index, (_, node) in enumerate(found) if not index or found[index - 1][1] != node]
    claim(seen == nodes, f"the lines were written by {seen}, one after the other, and not by {nodes}")


def check_flood(cluster: Cluster, pod: str, namespace: str, node: str) -> None:
    """The file that was written over and over is what this node wrote, to the last byte."""
    wanted = hashlib.md5((f"{node}\n" * SIZE)[:SIZE].encode()).hexdigest()
    found = cluster.exec(pod, ["md5sum", "/data/flood"], namespace).stdout.split()[0]
    claim(found == wanted, f"/data/flood is not what {node} wrote: its MD5 is {found} and not {wanted}")


def gaps(numbers: list[int]) -> list[tuple[int, int]]:
    """Where a number is not followed by the next one."""
    return [(number, later) for number, later in zip(numbers, numbers[1:]) if later != number + 1][:5]
