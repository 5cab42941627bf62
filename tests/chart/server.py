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
from e2e.kube import versions
from world import World, WorldError
from world.processes import poll

ADDRESS = "https://127.0.0.1:6443"
ADMIN = "admins-token"
SIDECARS = ("csi-provisioner", "csi-attacher", "csi-resizer", "csi-snapshotter")
NEEDED = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl", "snapshot-controller", *SIDECARS)


def missing() -> list[str]:
    """Programs that are not built."""
    return [name for name in NEEDED if not (versions.PROGRAMS / name).exists()]


class Server:
    """The API at the loopback address of the world's network."""

    def __init__(self, world: World, directory: pathlib.Path) -> None:
        self.world = world
        self.directory = directory

    def start(self) -> None:
        """Ready when it returns, with the snapshot API."""
        self._file("tokens", f'{ADMIN},admin,1,"system:masters"\n')
        key = self.directory / "accounts.key"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        self.admin = self.kubeconfig("admin", ADMIN)
        store = "http://127.0.0.1:2379"
        self._spawn("etcd", f"--data-dir={self.directory / 'etcd'}", "--unsafe-no-fsync",
                    f"--listen-client-urls={store}", f"--advertise-client-urls={store}")
        self._spawn("kube-apiserver", f"--etcd-servers={store}", f"--cert-dir={self.directory / 'certs'}",
                    "--advertise-address=192.0.2.1", "--secure-port=6443", "--allow-privileged=true",
                    "--authorization-mode=RBAC", f"--token-auth-file={self.directory / 'tokens'}",
                    "--service-account-issuer=https://chart.test", f"--service-account-signing-key-file={key}",
                    f"--service-account-key-file={key}", "--service-cluster-ip-range=10.96.0.0/24")
        if not poll(lambda: self.kubectl("get", "--raw", "/readyz", check=False).returncode == 0, 120, 0.5):
            raise WorldError("the API server is not ready", self.world.layout.log("kube-apiserver"))
        self._spawn("kube-controller-manager", f"--kubeconfig={self.admin}", "--leader-elect=false",
                    f"--service-account-private-key-file={key}",
                    f"--root-ca-file={self.directory / 'certs' / 'apiserver.crt'}")
        self.kubectl("apply", "-f", str(versions.CRDS))
        self._spawn("snapshot-controller", f"--kubeconfig={self.admin}", "--leader-election=false",
                    "--feature-gates=CSIVolumeGroupSnapshot=true")

    def kubeconfig(self, user: str, token: str) -> pathlib.Path:
        """A file by which somebody with this token reaches the API."""
        content = {"apiVersion": "v1", "kind": "Config", "current-context": "x",
                   "clusters": [{"name": "x", "cluster": {"server": ADDRESS, "insecure-skip-tls-verify": True}}],
                   "users": [{"name": "x", "user": {"token": token}}],
                   "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}]}
        return self._file(f"{user}.conf", json.dumps(content))

    def kubectl(self, *arguments: str, text: str = "", check: bool = True) -> "subprocess.CompletedProcess[str]":
        """kubectl as an admin."""
        argv = [versions.PROGRAMS / "kubectl", f"--kubeconfig={self.admin}", *arguments]
        return self._run([str(word) for word in argv], text, check)

    def helm(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """helm as an admin, in the chart's namespace."""
        argv = [helm.program(), f"--kubeconfig={self.admin}", "--namespace", helm.NAME, *arguments]
        return self._run(argv, "", True)

    def get(self, *arguments: str) -> Any:
        """What `kubectl get` finds, as Python's values."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json").stdout)

    def start_sidecars(self, socket: pathlib.Path) -> None:
        """Those of the Deployment, with its arguments, in the name of its account."""
        pod = self.get("deployment", "rbd-csi-controller", "-n", helm.NAME)["spec"]["template"]["spec"]
        token = self.kubectl("create", "token", pod["serviceAccountName"], "-n", helm.NAME).stdout.strip()
        account = self.kubeconfig("sidecars", token)
        for container in pod["containers"]:
            if container["name"] in SIDECARS:
                kept = [word for word in container["args"] if not word.startswith(("--csi-address", "--http"))]
                self._spawn(container["name"], f"--csi-address={socket}", f"--kubeconfig={account}",
                            f"--leader-election-namespace={helm.NAME}", *kept)

    def _run(self, argv: list[str], text: str, check: bool) -> "subprocess.CompletedProcess[str]":
        done = self.world.run_in_network(argv, input=text, check=False, timeout=180)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(argv[2:])}: {done.stderr}")
        return done

    def _spawn(self, name: str, *arguments: str) -> None:
        self.world.processes.spawn(name, [versions.PROGRAMS / name, *arguments])

    def _file(self, name: str, text: str) -> pathlib.Path:
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path
