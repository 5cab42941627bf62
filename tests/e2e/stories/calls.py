"""What the driver did, and for how long: from the line that it logs for every call."""
from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from e2e import driver
from e2e.cluster import Cluster

# 2026-01-31T12:00:00.123Z info 1f3a0001 CreateVolume OK 12.3ms {...}
LINE = re.compile(r"^(\S+Z) \w+ [0-9a-f]{8} ([A-Z]\w+) ([A-Z_]+) ([0-9.]+)ms", re.MULTILINE)
CONTAINERS = {"controller": "rbd-csi-controller", "node": "rbd-csi-node"}


@dataclass(frozen=True)
class Call:
    """One call of Kubernetes that the driver has served."""

    method: str
    code: str
    end: float
    seconds: float


def since(cluster: Cluster, begin: float) -> list[Call]:
    """All calls that ended after that time of the day."""
    found = []
    for component, container in CONTAINERS.items():
        label = f"app.kubernetes.io/instance={driver.RELEASE},app.kubernetes.io/component={component}"
        pods = cluster.kubectl("-n", driver.NAMESPACE, "get", "pods", "-l", label, "-o", "name").stdout.split()
        for pod in pods:
            for when, method, code, milliseconds in LINE.findall(cluster.logs(pod, driver.NAMESPACE, container)):
                end = datetime.fromisoformat(when.replace("Z", "+00:00")).timestamp()
                found.append(Call(method, code, end, float(milliseconds) / 1000))
    return [call for call in found if call.end >= begin]


def busy(calls: Sequence[Call]) -> float:
    """The seconds in which at least one of these calls was being served."""
    total, until = 0.0, 0.0
    for begin, end in sorted((call.end - call.seconds, call.end) for call in calls):
        total += max(0.0, end - max(begin, until))
        until = max(until, end)
    return total


def summary(calls: Sequence[Call], *methods: str) -> str:
    """In one line: for each method how many, how long together and at most; what else than OK was answered."""
    said = []
    for method in methods:
        of_it = [call for call in calls if call.method == method]
        seconds = [call.seconds for call in of_it]
        other = sum(call.code != "OK" for call in of_it)
        refused = f", {other} not OK" if other else ""
        longest = max(seconds, default=0)
        said.append(f"{len(of_it)} {method}, sum {sum(seconds):.1f} s, longest {longest:.2f} s{refused}")
    chosen = [call for call in calls if call.method in methods]
    return f"driver busy {busy(chosen):.1f} s: " + "; ".join(said)
