"""Installation: what is refused, what three values give, and what the chart's own test says."""
from __future__ import annotations

import time

from e2e import driver
from e2e.client import CommandRefused
from e2e.cluster import Cluster
from e2e.stories import pool
from e2e.stories.told import Story, claim

REFUSED = "refused"
# Values that an operator gets wrong, and what of them the refusal names.
WRONG = {
    "an unknown key": ("cluster.pools_=rbd", "pools_"),
    "a monitor without port": ("cluster.monitors={192.0.2.1}", "/cluster/monitors/0"),
    "a monitor's name": ("cluster.monitors={mon.example.com:3300}", "/cluster/monitors/0"),
    "no pool": ("cluster.pool=", "ceph osd pool ls"),
}


def objects(cluster: Cluster, label: str) -> list[str]:
    """Every object of the cluster, of any kind, with that label."""
    kinds = listable(cluster)
    return cluster.kubectl("get", ",".join(kinds), "-A", "-l", label, "-o", "name").stdout.split()


def listable(cluster: Cluster) -> list[str]:
    """Every kind of object that the API serves. Events are no objects of anybody's."""
    kinds = cluster.kubectl("api-resources", "--verbs=list", "-o", "name").stdout.split()
    return sorted({kind for kind in kinds if kind.partition(".")[0] not in ("events", "componentstatuses")})


def refused(cluster: Cluster) -> str:
    """Helm says what is wrong, and there is neither object nor release nor namespace of it."""
    values = str(driver.values_file(cluster))
    for what, (assignment, hint) in WRONG.items():
        try:
            cluster.helm("install", REFUSED, str(driver.CHART), "-n", REFUSED, "--create-namespace", "-f", values,
                         "--set", assignment)
        except CommandRefused as refusal:
            claim(hint in str(refusal), f"{what} is refused without {hint}: {refusal}")
        else:
            claim(False, f"{what} is installed: {assignment}")
    left = objects(cluster, f"app.kubernetes.io/instance={REFUSED}")
    claim(not left, f"refused, but there is {left}")
    claim(REFUSED not in cluster.helm("list", "-A", "-a", "-q").stdout.split(), "helm has a release of it")
    claim(f"namespace/{REFUSED}" not in cluster.kubectl("get", "namespaces", "-o", "name").stdout.split(),
          "helm has made the namespace")
    return ", ".join(WRONG)


def installed(cluster: Cluster) -> str:
    """`helm lint --strict` and `helm install`, with three values and two keys."""
    cluster.helm("lint", "--strict", str(driver.CHART), "-f", str(driver.values_file(cluster)))
    driver.install(cluster)
    pods = cluster.get("pods", namespace=driver.NAMESPACE)["items"]
    return f"{len(pods)} pods, {sum(driver.restarts(cluster).values())} restarts"


def tested(cluster: Cluster) -> str:
    """`helm test`, which leaves nothing."""
    begin = time.monotonic()
    cluster.helm("test", driver.RELEASE, "-n", driver.NAMESPACE, "--timeout", "300s", timeout=900)
    seconds = time.monotonic() - begin
    pool.empty(cluster)
    return f"helm test took {seconds:.0f} s"


STORIES = [
    Story("refused", "wrong values are refused before anything is created", refused, short=True),
    Story("install", "helm install: lint is clean, every pod is Ready and every kubelet knows the driver", installed,
          short=True),
    Story("test", "helm test: monitors, a claim, two pods, a snapshot and a bigger volume from it", tested),
]
