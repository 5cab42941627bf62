"""Kubernetes without kubelets: its API, its controllers and our sidecars, as processes in a world's network.

No pod runs here. The sidecars are started with the arguments and the rights that the chart gives them, so what they are
not allowed to do shows up within seconds and not in the middle of somebody's restore.
"""
from __future__ import annotations

import json
import pathlib
import subprocess
from typing import Any

from chart import helm
from e2e.client import Client
from e2e.control import API, ControlPlane
from e2e.kube import versions
from e2e.pki import Authority
from world import World

SIDECARS = ("csi-provisioner", "csi-attacher", "csi-resizer", "csi-snapshotter")
# Longer than any --timeout that a test gives kubectl.
PATIENCE = 180


class Server:
    """The control plane of the cluster tests, alone."""

    def __init__(self, world: World, directory: pathlib.Path) -> None:
        self.world = world
        self.directory = directory
        self._authority = Authority(directory / "pki", API)
        self._plane = ControlPlane(world, self._authority, directory)
        self._client = Client(world, self._plane.kubeconfig)

    def start(self) -> None:
        """Ready when it returns, with the snapshot API."""
        self._authority.create()
        self._plane.prepare()
        self._plane.route()
        self._plane.start()
        self._plane.wait_ready()
        self.kubectl("apply", "--server-side", "-f", str(versions.CRDS))
        self._plane.start_snapshot_controller()

    def kubectl(self, *arguments: str, text: str = "") -> "subprocess.CompletedProcess[str]":
        """kubectl as an admin."""
        return self._client.kubectl(*arguments, input=text, timeout=PATIENCE)

    def helm(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """helm as an admin, in the chart's namespace."""
        return self._client.helm("--namespace", helm.NAME, *arguments, timeout=PATIENCE)

    def get(self, *arguments: str) -> Any:
        """What `kubectl get` finds, as Python's values."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)

    def start_sidecars(self, socket: pathlib.Path) -> None:
        """Those of the Deployment, with its arguments, in the name of its account."""
        pod = self.get("deployment", "rbd-csi-controller", "-n", helm.NAME)["spec"]["template"]["spec"]
        token = self.kubectl("create", "token", pod["serviceAccountName"], "-n", helm.NAME).stdout.strip()
        account = self._account(token)
        for container in pod["containers"]:
            if container["name"] in SIDECARS:
                kept = [word for word in container["args"] if not word.startswith(("--csi-address", "--http"))]
                argv = [versions.PROGRAMS / container["name"], f"--csi-address={socket}", f"--kubeconfig={account}",
                        f"--leader-election-namespace={helm.NAME}", *kept]
                self.world.processes.spawn(container["name"], argv)

    def _account(self, token: str) -> pathlib.Path:
        """A file by which somebody with this token, and no certificate, reaches the API."""
        content = {"apiVersion": "v1", "kind": "Config", "current-context": "x",
                   "clusters": [{"name": "x", "cluster": {"server": API, "insecure-skip-tls-verify": True}}],
                   "users": [{"name": "x", "user": {"token": token}}],
                   "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}]}
        path = self.directory / "sidecars.conf"
        path.touch(mode=0o600)
        path.write_text(json.dumps(content))
        return path
