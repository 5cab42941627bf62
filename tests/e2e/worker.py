"""A worker: a node of the world with containerd and a kubelet in it."""
from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from e2e import images
from e2e.kube.versions import PROGRAMS
from e2e.pki import Authority
from world import Node, World, WorldError
from world.paths import CEPH_ADDRESS

HERE = Path(__file__).resolve().parent
CONTAINERD_SOCKET = "/run/containerd/containerd.sock"
# A kubelet that finds containerd not yet ready ends, and is started again, as systemd would do.
AGAIN = ("/bin/sh", "-c", 'until "$@"; do sleep 1; done', "kubelet")
CNI_PROGRAMS = "/usr/lib/cni"
START_PATIENCE = 120.0
WORKER_LABEL = "e2e.rbd-csi.io/worker"


def pod_network(index: int) -> str:
    """The pods of worker number `index` have addresses of their own network, which the world routes."""
    return f"10.244.{index}.0/24"


class Worker:
    """One worker; it is the node of the same name."""

    def __init__(self, world: World, node: Node, authority: Authority, place: Path) -> None:
        self.name = node.name
        self.node = node
        self._world = world
        self._authority = authority
        self._place = place / node.name

    def prepare(self) -> None:
        """Write all that it reads, certificates included; needs no node yet."""
        self._place.mkdir(parents=True)
        self._authority.issue(self.name, f"system:node:{self.name}", "system:nodes",
                              hosts=f"IP:{self.node.address},DNS:{self.name}")
        self._authority.kubeconfig(self.name)
        (self._place / "kubelet.json").write_text(json.dumps(self._kubelet_configuration(), indent=1))
        (self._place / "containerd.toml").write_text(containerd_configuration(self._inside("cni")))
        (self._place / "cni").mkdir()
        (self._place / "cni" / "10-e2e.conflist").write_text(json.dumps(cni_configuration(self.node.index), indent=1))

    def start(self) -> None:
        """Make the node a worker; the same after every boot."""
        self.node.run(["/bin/sh", f"/host{HERE / 'inside' / 'worker'}", CEPH_ADDRESS], timeout=START_PATIENCE)
        self.node.spawn(["containerd", "-c", self._inside("containerd.toml")], log=self._log("containerd"))
        end = time.monotonic() + START_PATIENCE
        while not self.node.accepts(CONTAINERD_SOCKET):
            if time.monotonic() > end:
                raise WorldError(f"start containerd in {self.name}: no socket within {START_PATIENCE:.0f} s",
                                 self._world.layout.log(f"{self.name}-containerd"))
            time.sleep(0.2)
        argv = [*AGAIN, self._world.layout.in_node(PROGRAMS / "kubelet"), "--config", self._inside("kubelet.json"),
                "--kubeconfig", self._pki(f"{self.name}.conf"), "--hostname-override", self.name,
                "--node-ip", self.node.address, "--node-labels", f"{WORKER_LABEL}=true", "--v=2"]
        self.node.spawn(argv, log=self._log("kubelet"))

    def power_off(self) -> None:
        """Pull the plug. The disk stays as it is."""
        self.node.kill()

    def power_on(self) -> None:
        """Boot again, with the disk it had."""
        self.node.boot()
        self.start()

    def _kubelet_configuration(self) -> dict[str, Any]:
        return kubelet_configuration(f"unix://{CONTAINERD_SOCKET}", self._pki("ca.crt"), self._pki(self.name))

    def _inside(self, name: str) -> str:
        return self._world.layout.in_node(self._place / name)

    def _pki(self, name: str) -> str:
        return self._world.layout.in_node(self._authority.place / name)

    def _log(self, what: str) -> str:
        return self._world.layout.in_node(self._world.layout.log(f"{self.name}-{what}"))


def kubelet_configuration(runtime: str, authority: str, certificate: str) -> dict[str, Any]:
    """What differs from the defaults, for processors that are emulated and tests that wait."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                           "x509": {"clientCAFile": authority}},
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{certificate}.crt", "tlsPrivateKeyFile": f"{certificate}.key",
        "containerRuntimeEndpoint": runtime, "cgroupDriver": "cgroupfs", "failSwapOn": False,
        "resolvConf": "", "clusterDomain": "cluster.local", "makeIPTablesUtilChains": False,
        "enforceNodeAllocatable": [], "evictionHard": {"memory.available": "50Mi"},
        # A limit of CPU is meant for a real processor: here it would only make everything late.
        "cpuCFSQuota": False,
        # Images come with the disk and can't be pulled again.
        "imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99, "serializeImagePulls": False,
        "runtimeRequestTimeout": "5m",
        # Each of these is somewhere on the way of a resize, a status or a lost node.
        "syncFrequency": "10s", "nodeStatusUpdateFrequency": "5s",
        "kubeAPIQPS": 100, "kubeAPIBurst": 200, "eventRecordQPS": 0,
    }


def containerd_configuration(cni: str, settings: str = "", pods: str = "") -> str:
    """containerd with overlayfs and the pause image that is there; more settings of its own, and for pods."""
    return f"""version = 2
{settings}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{images.PAUSE}"
  {pods}
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PROGRAMS}"
    conf_dir = "{cni}"
"""


def cni_configuration(index: int, data: str = "/var/lib/cni/networks") -> dict[str, Any]:
    """A bridge in the worker; the world's own network routes between the workers, so nothing is masqueraded."""
    addresses = {"type": "host-local", "dataDir": data, "ranges": [[{"subnet": pod_network(index)}]],
                 "routes": [{"dst": "0.0.0.0/0"}]}
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False, "hairpinMode": True,
              "ipam": addresses}
    return {"cniVersion": "0.4.0", "name": "e2e", "plugins": [bridge]}
