"""The control node: a kubelet on this machine itself, for pods that map nothing, at the speed of a real processor.

A sidecar of the driver starts in a tenth of a second here and in ten in a worker, whose processor is emulated. Like
the control-plane nodes of most clusters it is tainted, which the chart's controller tolerates. It cannot have the
driver's node half, there is no krbd here: a policy of the cluster keeps DaemonSets on the workers.
"""
from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

from e2e.client import Manifest
from e2e.kube.versions import PROGRAMS
from e2e.pki import Authority
from e2e.worker import (CONTAINERD_SOCKET, WORKER_LABEL, cni_configuration, containerd_configuration,
                        kubelet_configuration)
from world import World, WorldError
from world.paths import CEPH_ADDRESS
from world.processes import poll

HERE = Path(__file__).resolve().parent
NAME = "control"
TAINT = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
LABEL = "e2e.rbd-csi.io/control"
INDEX = 100  # of its pod network: no worker has it
CGROUPS = Path("/sys/fs/cgroup")


class ControlNode:
    """The control node of one cluster."""

    def __init__(self, world: World, authority: Authority, place: Path) -> None:
        self._world = world
        self._authority = authority
        self._place = place / NAME
        self._cgroup = world.layout.name

    @staticmethod
    def possible() -> bool:
        """Can containers be made here? In version 2 only the true root cgroup may hold processes beside groups."""
        if not os.access(CGROUPS, os.W_OK):
            return False
        return _version_1() or not (CGROUPS / "cgroup.type").exists()

    def prepare(self, images: Path) -> None:
        """Write all that it reads; `images` is a root of containerd's with the images in it."""
        for name in ("cni", "kubelet", "log", "cert"):
            (self._place / name).mkdir(parents=True)
        self._authority.issue(NAME, f"system:node:{NAME}", "system:nodes", hosts=f"IP:{CEPH_ADDRESS},DNS:{NAME}")
        self._authority.kubeconfig(NAME)
        pki = self._authority.place
        kubelet = kubelet_configuration(f"unix://{CONTAINERD_SOCKET}", str(pki / "ca.crt"), str(pki / NAME))
        kubelet |= {"failCgroupV1": False, "cgroupRoot": f"/{self._cgroup}", "oomScoreAdj": 0,
                    "podLogsDir": str(self._place / "log"), "volumePluginDir": str(self._place / "plugins"),
                    "registerWithTaints": [TAINT]}
        (self._place / "kubelet.json").write_text(json.dumps(kubelet, indent=1))
        settings = f'root = "{self._place / "containerd"}"\n'
        # Without CAP_SYS_RESOURCE nobody is made less likely to be killed than we are.
        (self._place / "containerd.toml").write_text(
            containerd_configuration(str(self._place / "cni"), settings, "restrict_oom_score_adj = true"))
        cni = cni_configuration(INDEX, str(self._place / "addresses"))
        (self._place / "cni" / "10-e2e.conflist").write_text(json.dumps(cni, indent=1))
        _share(images, self._place / "containerd")

    def start(self) -> None:
        """Start it; its processes end with the first of them."""
        for group in _groups(self._cgroup):
            group.mkdir(exist_ok=True)
        kubelet: list[str | Path] = [
            PROGRAMS / "kubelet", "--root-dir", self._place / "kubelet", "--cert-dir", self._place / "cert",
            "--config", self._place / "kubelet.json", "--kubeconfig", self._authority.place / f"{NAME}.conf",
            "--hostname-override", NAME, "--node-ip", CEPH_ADDRESS, "--node-labels", f"{LABEL}=true", "--v=2"]
        self._world.processes.spawn(f"{NAME}-node", [
            "/usr/bin/unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--",
            HERE / "inside" / "control", self._place, *kubelet])


def remove_groups(name: str) -> None:
    """The control groups of a world's control node: all else of it is processes and files of the world."""
    for group in _groups(name):
        # What was killed a moment ago may still be in it.
        if group.exists() and not poll(lambda: _removed(group), 10):
            raise WorldError(f"remove {group}: processes are still in it")


def _removed(group: Path) -> bool:
    try:
        for folder, _, _ in os.walk(group, topdown=False):
            os.rmdir(folder)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
    return not group.exists()


def policy() -> list[Manifest]:
    """What keeps DaemonSets on the workers."""
    patch = ('[JSONPatch{op: "add", path: "/spec/template/spec/nodeSelector", '
             f'value: {{"{WORKER_LABEL}": "true"}}}}]')
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"],
            "resources": ["daemonsets"]}
    api = "admissionregistration.k8s.io/v1"
    name = {"name": "daemons-on-workers"}
    return [
        {"apiVersion": api, "kind": "MutatingAdmissionPolicy", "metadata": name,
         "spec": {"matchConstraints": {"resourceRules": [rule]}, "failurePolicy": "Fail", "reinvocationPolicy": "Never",
                  "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": patch}}]}},
        {"apiVersion": api, "kind": "MutatingAdmissionPolicyBinding", "metadata": name,
         "spec": {"policyName": name["name"]}},
    ]


def _groups(name: str) -> list[Path]:
    """A group of its own in each hierarchy of this machine, so that clusters do not meet."""
    roots = [path for path in CGROUPS.iterdir() if (path / "cgroup.procs").exists()] if _version_1() else [CGROUPS]
    return [root / name for root in roots]


def _version_1() -> bool:
    return not (CGROUPS / "cgroup.controllers").exists()


def _share(images: Path, root: Path) -> None:
    """A root of our own that shares what never changes, contents and layers, and copies what does, the databases."""
    shutil.copytree(images, root, symlinks=True, copy_function=os.link)
    for database in root.rglob("*.db"):
        copy = database.with_suffix(".copy")
        shutil.copyfile(database, copy)
        copy.replace(database)
