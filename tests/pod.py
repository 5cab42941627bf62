"""A pod that uses a volume, as attacher and kubelet would bring it up and take it down, with the kubelet's paths."""
import hashlib
from typing import Optional

import csi_client
from csi_client import Controller, Message
from world import World

DRIVER = "rbd-csi.io"
KUBELET = "/var/lib/kubelet"


class Pod:
    """One consumer of one volume on one node. `start` and `stop` are the whole way; the steps can be called alone."""

    def __init__(self, world: World, controller: Controller, node: str, volume_id: str, *, name: str = "pod",
                 capability: Optional[Message] = None, readonly: bool = False) -> None:
        self.controller = controller
        self.machine = world.node(node)
        self.plugin = csi_client.Node(str(self.machine.socket))
        self.node_id = self.plugin.id()
        self.volume_id = volume_id
        self.capability = capability or csi_client.mount()
        self.readonly = readonly
        self.context: dict[str, str] = {}
        handle = hashlib.sha256(volume_id.encode()).hexdigest()
        self.staging = f"{KUBELET}/plugins/kubernetes.io/csi/{DRIVER}/{handle}/globalmount"
        self.volumes = f"{KUBELET}/pods/{name}-{handle[:8]}/volumes/kubernetes.io~csi/pv"
        self.target = f"{self.volumes}/mount"

    def attach(self) -> None:
        """ControllerPublishVolume for this pod's node."""
        self.context = self.controller.publish(self.volume_id, self.node_id, self.capability, self.readonly)

    def stage(self) -> None:
        """NodeStageVolume; the staging directory is made by the kubelet."""
        self.machine.run(["mkdir", "-p", self.staging, self.volumes])
        self.plugin.stage(self.volume_id, self.context, self.staging, self.capability)

    def publish(self) -> None:
        """NodePublishVolume; the target itself is made by the driver."""
        self.plugin.publish(self.volume_id, self.context, self.staging, self.target, self.capability, self.readonly)

    def unpublish(self) -> None:
        self.plugin.unpublish(self.volume_id, self.target)

    def unstage(self) -> None:
        self.plugin.unstage(self.volume_id, self.staging)

    def detach(self) -> None:
        """ControllerUnpublishVolume."""
        self.controller.unpublish(self.volume_id, self.node_id)

    def start(self) -> "Pod":
        """Attach, stage, publish: the pod can run."""
        self.attach()
        self.stage()
        self.publish()
        return self

    def stop(self) -> None:
        """The pod is gone and so is its volume from this node."""
        self.unpublish()
        self.unstage()
        self.detach()
