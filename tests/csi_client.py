"""A CSI client as Kubernetes would be one: the sockets of a controller and of nodes, and the usual order of calls.

Tests, the demo and the kill matrix use it. Every call has a deadline; nothing is retried unless `again` is used, which
repeats a call while its code says "not final" the way the sidecars do.
"""
import atexit
import os
import pathlib
import sys
import threading
import time
import weakref
from typing import Any, Callable, Iterable, Optional

# The directory of the daemons; the build puts the Python stubs beside it.
BIN = pathlib.Path(os.environ.get("RBDCSI_BUILD")
                   or pathlib.Path(__file__).resolve().parents[1] / "build" / "release" / "bin")
sys.path.insert(0, str(BIN.parent / "python"))

import grpc  # noqa: E402
import csi_pb2 as pb  # noqa: E402
import csi_pb2_grpc as rpc  # noqa: E402

GIB = 1 << 30
MIB = 1 << 20
MODE = pb.VolumeCapability.AccessMode
NOT_FINAL = {grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE,
             grpc.StatusCode.ABORTED}
# A plugin that was killed is back in a moment; gRPC's own pause after a refused connection is one second and more, and
# without a pool of its own a new channel would begin with the pause of an older one to the same socket.
CHANNEL = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 50),
           ("grpc.max_reconnect_backoff_ms", 200), ("grpc.enable_http_proxy", 0)]
Message = Any
OPEN: "weakref.WeakSet[grpc.Channel]" = weakref.WeakSet()


def connect(socket: str) -> grpc.Channel:
    """A channel that is always listened to.

    Without a subscriber an idle channel of grpcio looks at its connection every five seconds only: so long a daemon
    that ends waits for its client to hang up, and so long the next call finds out that the daemon is another one.
    """
    channel = grpc.insecure_channel(f"unix:{socket}", CHANNEL)
    channel.subscribe(listen)
    OPEN.add(channel)
    return channel


@atexit.register
def close_all() -> None:
    """What a failed test has left open would wait for its listening thread for ever, which has ended by then."""
    channels = list(OPEN)
    for channel in channels:
        channel.unsubscribe(listen)
    if channels:
        time.sleep(0.5)
    for channel in channels:
        channel.close()


def listen(_: grpc.ChannelConnectivity) -> None:
    """What a channel's state is does not matter."""


def hang_up(channel: grpc.Channel) -> None:
    """Closes a channel of `connect`, whose listening thread takes 0.2 s to see that it is not wanted any more."""
    OPEN.discard(channel)
    channel.unsubscribe(listen)
    threading.Timer(0.5, channel.close).start()


def mount(fs_type: str = "", mode: int = MODE.SINGLE_NODE_WRITER, flags: Iterable[str] = ()) -> Message:
    """A capability for a file system."""
    return pb.VolumeCapability(mount=pb.VolumeCapability.MountVolume(fs_type=fs_type, mount_flags=list(flags)),
                               access_mode=MODE(mode=mode))


def block(mode: int = MODE.SINGLE_NODE_WRITER) -> Message:
    """A capability for a raw block device."""
    return pb.VolumeCapability(block=pb.VolumeCapability.BlockVolume(), access_mode=MODE(mode=mode))


def content_source(source: str) -> Message:
    """What a volume is made from: a snapshot when the id is one's."""
    if "@" in source:
        return pb.VolumeContentSource(snapshot=pb.VolumeContentSource.SnapshotSource(snapshot_id=source))
    return pb.VolumeContentSource(volume=pb.VolumeContentSource.VolumeSource(volume_id=source))


def code(error: grpc.RpcError) -> grpc.StatusCode:
    """The code of a failed call."""
    return error.code()  # type: ignore[no-any-return]


def refused(call: Callable[[], Message]) -> tuple[str, str]:
    """Runs a call that must fail; its code's name and its message."""
    try:
        answer = call()
    except grpc.RpcError as error:
        return error.code().name, error.details()
    raise AssertionError(f"the call was expected to fail and answered {answer}")


def again(call: Callable[[], Message], seconds: float = 60) -> Message:
    """Repeats a call while its answer is not final, as the sidecars do."""
    end = time.monotonic() + seconds
    while True:
        try:
            return call()
        except grpc.RpcError as error:
            if error.code() not in NOT_FINAL or time.monotonic() > end:
                raise
            time.sleep(0.2)


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    """Waits for something that takes a moment; says what did not come."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)


class Controller:
    """The controller's RPCs behind one socket."""

    def __init__(self, socket: str, deadline: float = 30) -> None:
        self.channel = connect(socket)
        self.identity = rpc.IdentityStub(self.channel)
        self.stub = rpc.ControllerStub(self.channel)
        self.group_stub = rpc.GroupControllerStub(self.channel)
        self.metadata = rpc.SnapshotMetadataStub(self.channel)
        self.deadline = deadline

    def create(self, name: str, size: int = GIB, parameters: Optional[dict[str, str]] = None, *,
               capability: Optional[Message] = None, limit: int = 0, source: str = "",
               secrets: Optional[dict[str, str]] = None, mutable: Optional[dict[str, str]] = None) -> Message:
        """CreateVolume in the pool `rbd`, unless `parameters` say else; `source`: the id of a snapshot or volume."""
        return self.stub.CreateVolume(pb.CreateVolumeRequest(
            name=name, capacity_range=pb.CapacityRange(required_bytes=size, limit_bytes=limit),
            volume_capabilities=[capability or mount()], parameters=parameters or {"pool": "rbd"},
            secrets=secrets or {}, volume_content_source=content_source(source) if source else None,
            mutable_parameters=mutable or {},
        ), timeout=self.deadline).volume

    def delete(self, volume_id: str) -> None:
        self.stub.DeleteVolume(pb.DeleteVolumeRequest(volume_id=volume_id), timeout=self.deadline)

    def publish(self, volume_id: str, node_id: str, capability: Optional[Message] = None,
                readonly: bool = False) -> dict[str, str]:
        """ControllerPublishVolume; the publish context."""
        answer = self.stub.ControllerPublishVolume(pb.ControllerPublishVolumeRequest(
            volume_id=volume_id, node_id=node_id, volume_capability=capability or mount(), readonly=readonly,
        ), timeout=self.deadline)
        return dict(answer.publish_context)

    def unpublish(self, volume_id: str, node_id: str = "") -> None:
        self.stub.ControllerUnpublishVolume(pb.ControllerUnpublishVolumeRequest(volume_id=volume_id, node_id=node_id),
                                            timeout=self.deadline)

    def snapshot(self, volume_id: str, name: str) -> Message:
        """CreateSnapshot; the snapshot."""
        return self.stub.CreateSnapshot(pb.CreateSnapshotRequest(source_volume_id=volume_id, name=name),
                                        timeout=self.deadline).snapshot

    def delete_snapshot(self, snapshot_id: str) -> None:
        self.stub.DeleteSnapshot(pb.DeleteSnapshotRequest(snapshot_id=snapshot_id), timeout=self.deadline)

    def get_snapshot(self, snapshot_id: str) -> Message:
        return self.stub.GetSnapshot(pb.GetSnapshotRequest(snapshot_id=snapshot_id), timeout=self.deadline).snapshot

    def snapshots(self, max_entries: int = 0, token: str = "", *, volume_id: str = "",
                  snapshot_id: str = "") -> Message:
        return self.stub.ListSnapshots(pb.ListSnapshotsRequest(
            max_entries=max_entries, starting_token=token, source_volume_id=volume_id, snapshot_id=snapshot_id,
        ), timeout=self.deadline)

    def group_snapshot(self, name: str, volume_ids: Iterable[str]) -> Message:
        """CreateVolumeGroupSnapshot; the group snapshot."""
        return self.group_stub.CreateVolumeGroupSnapshot(pb.CreateVolumeGroupSnapshotRequest(
            name=name, source_volume_ids=list(volume_ids)), timeout=self.deadline).group_snapshot

    def get_group(self, group_id: str, snapshot_ids: Iterable[str]) -> Message:
        return self.group_stub.GetVolumeGroupSnapshot(pb.GetVolumeGroupSnapshotRequest(
            group_snapshot_id=group_id, snapshot_ids=list(snapshot_ids)), timeout=self.deadline).group_snapshot

    def delete_group(self, group_id: str, snapshot_ids: Iterable[str]) -> None:
        self.group_stub.DeleteVolumeGroupSnapshot(pb.DeleteVolumeGroupSnapshotRequest(
            group_snapshot_id=group_id, snapshot_ids=list(snapshot_ids)), timeout=self.deadline)

    def allocated(self, snapshot_id: str, offset: int = 0, max_results: int = 0) -> list[Message]:
        """GetMetadataAllocated; all messages of the stream."""
        return list(self.metadata.GetMetadataAllocated(pb.GetMetadataAllocatedRequest(
            snapshot_id=snapshot_id, starting_offset=offset, max_results=max_results), timeout=self.deadline))

    def delta(self, base: str, target: str, offset: int = 0, max_results: int = 0) -> list[Message]:
        """GetMetadataDelta; all messages of the stream."""
        return list(self.metadata.GetMetadataDelta(pb.GetMetadataDeltaRequest(
            base_snapshot_id=base, target_snapshot_id=target, starting_offset=offset, max_results=max_results,
        ), timeout=self.deadline))

    def modify(self, volume_id: str, parameters: dict[str, str]) -> None:
        self.stub.ControllerModifyVolume(pb.ControllerModifyVolumeRequest(
            volume_id=volume_id, mutable_parameters=parameters), timeout=self.deadline)

    def expand(self, volume_id: str, size: int) -> Message:
        return self.stub.ControllerExpandVolume(pb.ControllerExpandVolumeRequest(
            volume_id=volume_id, capacity_range=pb.CapacityRange(required_bytes=size)), timeout=self.deadline)

    def list(self, max_entries: int = 0, token: str = "") -> Message:
        return self.stub.ListVolumes(pb.ListVolumesRequest(max_entries=max_entries, starting_token=token),
                                     timeout=self.deadline)

    def get(self, volume_id: str) -> Message:
        return self.stub.ControllerGetVolume(pb.ControllerGetVolumeRequest(volume_id=volume_id), timeout=self.deadline)

    def close(self) -> None:
        hang_up(self.channel)


class Node:
    """One node's RPCs, and the paths the kubelet would use there."""

    def __init__(self, socket: str, deadline: float = 120) -> None:
        self.channel = connect(socket)
        self.identity = rpc.IdentityStub(self.channel)
        self.stub = rpc.NodeStub(self.channel)
        self.deadline = deadline

    def id(self) -> str:
        return str(self.stub.NodeGetInfo(pb.NodeGetInfoRequest(), timeout=self.deadline).node_id)

    def stage(self, volume_id: str, context: dict[str, str], staging: str,
              capability: Optional[Message] = None, secrets: Optional[dict[str, str]] = None) -> None:
        self.stub.NodeStageVolume(pb.NodeStageVolumeRequest(
            volume_id=volume_id, publish_context=context, staging_target_path=staging,
            volume_capability=capability or mount(), secrets=secrets or {}), timeout=self.deadline)

    def unstage(self, volume_id: str, staging: str) -> None:
        self.stub.NodeUnstageVolume(pb.NodeUnstageVolumeRequest(volume_id=volume_id, staging_target_path=staging),
                                    timeout=self.deadline)

    def publish(self, volume_id: str, context: dict[str, str], staging: str, target: str,
                capability: Optional[Message] = None, readonly: bool = False) -> None:
        self.stub.NodePublishVolume(pb.NodePublishVolumeRequest(
            volume_id=volume_id, publish_context=context, staging_target_path=staging, target_path=target,
            volume_capability=capability or mount(), readonly=readonly), timeout=self.deadline)

    def unpublish(self, volume_id: str, target: str) -> None:
        self.stub.NodeUnpublishVolume(pb.NodeUnpublishVolumeRequest(volume_id=volume_id, target_path=target),
                                      timeout=self.deadline)

    def expand(self, volume_id: str, path: str, size: int = 0) -> Message:
        wanted = pb.CapacityRange(required_bytes=size) if size else None
        return self.stub.NodeExpandVolume(pb.NodeExpandVolumeRequest(
            volume_id=volume_id, volume_path=path, capacity_range=wanted), timeout=self.deadline)

    def stats(self, volume_id: str, path: str) -> Message:
        return self.stub.NodeGetVolumeStats(pb.NodeGetVolumeStatsRequest(volume_id=volume_id, volume_path=path),
                                            timeout=self.deadline)

    def close(self) -> None:
        hang_up(self.channel)
