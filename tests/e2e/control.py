"""The control plane: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and the snapshot controller.

They are processes of this machine in the world's network. There is no kube-proxy and no DNS: the one Service that
pods need, the API's own, has its address on this side's loopback device, and the workers' default route leads here.
"""
from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from e2e.kube.versions import PROGRAMS
from e2e.pki import Authority
from e2e.worker import pod_network
from world import World, WorldError
from world.paths import CEPH_ADDRESS
from world.processes import poll

ADDRESS = CEPH_ADDRESS
API = f"https://{ADDRESS}"
SERVICE_NETWORK = "10.96.0.0/24"
SERVICE_ADDRESS = "10.96.0.1"
ETCD = "http://127.0.0.1:2379"
ETCD_PEER = "http://127.0.0.1:2380"
READY_PATIENCE = 90.0
# Name of the process (and its log), user of the API, groups.
USERS: list[tuple[str, str, list[str]]] = [
    ("admin", "admin", ["system:masters"]),
    ("kube-controller-manager", "system:kube-controller-manager", []),
    ("kube-scheduler", "system:kube-scheduler", []),
    ("snapshot-controller", "snapshot-controller", ["system:masters"]),
]


class ControlPlane:
    """The control plane of one cluster; everything of it lies in `place`."""

    def __init__(self, world: World, authority: Authority, place: Path) -> None:
        self._world = world
        self._authority = authority
        self._etcd = place / "etcd"
        self.kubeconfig = authority.place / "admin.conf"

    def prepare(self) -> None:
        """Certificates of everybody but the workers."""
        names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"]
        hosts = [f"IP:{address}" for address in (ADDRESS, SERVICE_ADDRESS, "127.0.0.1")]
        self._authority.issue("kube-apiserver", "kube-apiserver", hosts=",".join(hosts + [f"DNS:{n}" for n in names]))
        for name, user, groups in USERS:
            self._authority.issue(name, user, *groups)
            self._authority.kubeconfig(name)

    def route(self) -> None:
        """Pod networks through their workers, and the address of the API's Service."""
        lines = ["echo 1 > /proc/sys/net/ipv4/ip_forward", f"ip addr add {SERVICE_ADDRESS}/32 dev lo"]
        lines += [f"ip route add {pod_network(node.index)} via {node.address}" for node in self._world.nodes]
        done = self._world.run_in_network(["sh", "-ec", "\n".join(lines)], check=False)
        if done.returncode:
            raise WorldError(f"route the pods: {done.stderr.strip()}")

    def start(self) -> None:
        """Start all; `wait_ready` waits for the API."""
        shutil.rmtree(self._etcd, ignore_errors=True)
        self._etcd.mkdir(mode=0o700, parents=True)
        self._spawn("etcd", self._etcd_arguments())
        self._spawn("kube-apiserver", self._apiserver_arguments())
        self._spawn("kube-controller-manager", self._controllers_arguments())
        conf = self._file("kube-scheduler.conf")
        self._spawn("kube-scheduler", [f"--kubeconfig={conf}", f"--authentication-kubeconfig={conf}",
                                       f"--authorization-kubeconfig={conf}", "--leader-elect=false"])

    def start_snapshot_controller(self) -> None:
        """A part of the cluster, not of any driver; it wants its definitions to be there."""
        self._spawn("snapshot-controller", [f"--kubeconfig={self._file('snapshot-controller.conf')}",
                                            "--leader-election=false", "--feature-gates=CSIVolumeGroupSnapshot=true"])

    def wait_ready(self) -> None:
        """Wait until the API says that it is."""
        api = "kube-apiserver"
        argv = [str(PROGRAMS / "kubectl"), "--kubeconfig", str(self.kubeconfig), "get", "--raw", "/readyz"]

        def ready() -> bool:
            return self._world.run_in_network(argv, check=False).stdout == "ok"

        poll(lambda: ready() or not self._world.processes.running(api), READY_PATIENCE, pause=0.2)
        if not ready():
            raise WorldError("start the control plane: the API is not ready", self._world.layout.log(api))

    def _spawn(self, name: str, arguments: Sequence[str]) -> None:
        self._world.processes.spawn(name, [PROGRAMS / name, *arguments])

    def _file(self, name: str) -> Path:
        return self._authority.place / name

    def _etcd_arguments(self) -> list[str]:
        """Nothing of it has to survive this machine; patience, because the machine is busy."""
        return [f"--data-dir={self._etcd}", "--unsafe-no-fsync", "--log-level=warn", "--heartbeat-interval=500",
                "--election-timeout=5000", f"--listen-client-urls={ETCD}", f"--advertise-client-urls={ETCD}",
                f"--listen-peer-urls={ETCD_PEER}", f"--initial-advertise-peer-urls={ETCD_PEER}",
                f"--initial-cluster=default={ETCD_PEER}"]

    def _apiserver_arguments(self) -> list[str]:
        return [f"--etcd-servers={ETCD}", "--secure-port=443", "--bind-address=0.0.0.0",
                f"--advertise-address={ADDRESS}",
                f"--tls-cert-file={self._file('kube-apiserver.crt')}",
                f"--tls-private-key-file={self._file('kube-apiserver.key')}",
                f"--client-ca-file={self._file('ca.crt')}",
                f"--kubelet-client-certificate={self._file('admin.crt')}",
                f"--kubelet-client-key={self._file('admin.key')}",
                f"--kubelet-certificate-authority={self._file('ca.crt')}",
                "--kubelet-preferred-address-types=InternalIP",
                "--service-account-issuer=https://kubernetes.default.svc",
                f"--service-account-key-file={self._file('sa.pub')}",
                f"--service-account-signing-key-file={self._file('sa.key')}",
                f"--service-cluster-ip-range={SERVICE_NETWORK}", "--authorization-mode=Node,RBAC",
                "--enable-admission-plugins=NodeRestriction", "--allow-privileged", "--profiling=false"]

    def _controllers_arguments(self) -> list[str]:
        return [f"--kubeconfig={self._file('kube-controller-manager.conf')}", "--leader-elect=false",
                "--use-service-account-credentials", f"--service-account-private-key-file={self._file('sa.key')}",
                f"--root-ca-file={self._file('ca.crt')}", "--allocate-node-cidrs=false", "--profiling=false",
                "--kube-api-qps=100", "--kube-api-burst=200"]
