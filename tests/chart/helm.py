"""helm as the tests call it: the program, the value sets, and what a cluster of each set offers."""
from __future__ import annotations

import os
import pathlib
import subprocess
from typing import Any, NamedTuple

from chart import documents
from e2e.kube import versions

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "chart"
CHART = ROOT / "charts" / "rbd-csi"
NAME = "rbd-csi"

SNAPSHOTS = ("snapshot.storage.k8s.io/v1",)
GROUPS = ("groupsnapshot.storage.k8s.io/v1",)
ATTRIBUTES = ("storage.k8s.io/v1/VolumeAttributesClass",)
METADATA = ("cbt.storage.k8s.io/v1beta1",)
# What a cluster shows beyond the bare Kubernetes, for each file in values/.
SETS: dict[str, tuple[str, ...]] = {
    "minimal": ATTRIBUTES,
    "default": ATTRIBUTES + SNAPSHOTS,
    "production": ATTRIBUTES + SNAPSHOTS + GROUPS,
    "everything": ATTRIBUTES + SNAPSHOTS + GROUPS + METADATA,
    "air-gapped": ATTRIBUTES + SNAPSHOTS,
}


class Done(NamedTuple):
    """How a call of helm ended."""

    code: int
    out: str
    err: str


def program() -> str:
    """Where helm is: $HELM, or what `make` built."""
    path = pathlib.Path(os.environ.get("HELM", versions.PROGRAMS / "helm"))
    if not path.exists():
        raise FileNotFoundError(f"run {path}: there is no helm (make kubernetes builds it; HELM says where "
                                "another one is)")
    return str(path)


def run(*arguments: str, kubernetes: str = "") -> Done:
    """helm, as if for a version of Kubernetes: the one that the cluster tests use."""
    argv = [program(), *arguments, "--kube-version", kubernetes or versions.modules()[versions.KUBERNETES]]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def values_file(name: str) -> str:
    """The values of a set."""
    return str(HERE / "values" / f"{name}.yaml")


def template(*arguments: str, apis: tuple[str, ...] = (), namespace: str = NAME) -> Done:
    """`helm template` with more arguments, in a cluster that has `apis`."""
    offered = [word for api in apis for word in ("--api-versions", api)]
    return run("template", NAME, str(CHART), "--namespace", namespace, *offered, *arguments)


def render(name: str) -> str:
    """What a set renders to; an error with helm's own words if it does not."""
    done = template("--values", values_file(name), apis=SETS[name])
    if done.code:
        raise RuntimeError(f"helm template of {name}: {done.err}")
    return done.out


def objects(text: str) -> list[dict[str, Any]]:
    """The objects in a stream of YAML documents."""
    return documents.several(text)
