"""One recorded call: at some controller, with some deadline, and maybe given up before the answer comes."""
import random
import re
from typing import Any, Optional

import csi_client
import grpc
from csi_client import pb, rpc
from history.history import Fate, History, Op, code_of
from world.driver import CLUSTER_ID

BLOCK = csi_client.block()
PATIENT = 10.0
HOLDER = re.compile(r"attached to node v1/([^/\s]+)/")


def volume_id(key: str) -> str:
    return f"{CLUSTER_ID}/rbd/csi.{key}"


def snapshot_id(key: str, snapshot: str) -> str:
    return f"{volume_id(key)}@csi.{snapshot}"


def key_of(identity: str) -> str:
    return identity.split("/")[-1].removeprefix("csi.")


def node_of(identity: str) -> str:
    """The short name in a node id."""
    return identity.split("/")[1]


class Caller:
    """One process of the history: its channels to all controllers, and its dice. One thread."""

    def __init__(self, history: History, process: str, sockets: dict[str, str], seed: str) -> None:
        self.history = history
        self.process = process
        self.chance = random.Random(seed)
        self.cancels = 0
        self._channels = {name: grpc.insecure_channel(f"unix:{socket}", csi_client.CHANNEL)
                          for name, socket in sockets.items()}
        self._stubs = {name: rpc.ControllerStub(channel) for name, channel in self._channels.items()}

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()

    def create(self, key: str, size: int, source: str = "", **how: Any) -> Op:
        """`source`: the id of a snapshot or volume. The limit makes the size exact."""
        request = pb.CreateVolumeRequest(
            name=key, capacity_range=pb.CapacityRange(required_bytes=size, limit_bytes=size),
            volume_capabilities=[BLOCK], parameters={"pool": "rbd"},
            volume_content_source=csi_client.content_source(source) if source else None)
        return self.call("CreateVolume", key, {"size": size, "source": source}, request, **how)

    def delete(self, key: str, **how: Any) -> Op:
        return self.call("DeleteVolume", key, {}, pb.DeleteVolumeRequest(volume_id=volume_id(key)), **how)

    def publish(self, key: str, node_id: str, **how: Any) -> Op:
        request = pb.ControllerPublishVolumeRequest(volume_id=volume_id(key), node_id=node_id,
                                                    volume_capability=BLOCK)
        return self.call("ControllerPublishVolume", key, {"node": node_of(node_id)}, request, **how)

    def unpublish(self, key: str, node_id: str, **how: Any) -> Op:
        request = pb.ControllerUnpublishVolumeRequest(volume_id=volume_id(key), node_id=node_id)
        return self.call("ControllerUnpublishVolume", key, {"node": node_of(node_id)}, request, **how)

    def get(self, key: str, **how: Any) -> Op:
        return self.call("ControllerGetVolume", key, {}, pb.ControllerGetVolumeRequest(volume_id=volume_id(key)), **how)

    def snapshot(self, key: str, snapshot: str, **how: Any) -> Op:
        request = pb.CreateSnapshotRequest(source_volume_id=volume_id(key), name=snapshot)
        return self.call("CreateSnapshot", key, {"snapshot": snapshot}, request, **how)

    def delete_snapshot(self, key: str, snapshot: str, **how: Any) -> Op:
        request = pb.DeleteSnapshotRequest(snapshot_id=snapshot_id(key, snapshot))
        return self.call("DeleteSnapshot", key, {"snapshot": snapshot}, request, **how)

    def get_snapshot(self, key: str, snapshot: str, **how: Any) -> Op:
        request = pb.GetSnapshotRequest(snapshot_id=snapshot_id(key, snapshot))
        return self.call("GetSnapshot", key, {"snapshot": snapshot}, request, **how)

    def list(self, keys: list[str], **how: Any) -> Op:
        """All volumes in one answer, which is an answer for each of `keys`."""
        op = self.call("ListVolumes", "", {}, pb.ListVolumesRequest(), **how)
        if op.ok:
            found = op.answer.pop("volumes")
            op.answer["strangers"] = sorted(set(found) - set(keys))
            readable = [key for key in keys if found.get(key, {"size": 1})["size"]]
            self.history.project("ListVolumes", op, {
                key: found.get(key, {"size": 0, "nodes": []}) for key in readable})
        return op

    def call(self, kind: str, key: str, args: dict[str, Any], request: Any, *, server: str = "",
             deadline: float = PATIENT, cancel_after: Optional[float] = None) -> Op:
        """Sends it and waits; `cancel_after`: gives it up after so many seconds."""
        server = server or self.chance.choice(sorted(self._stubs))
        op = self.history.invoke(self.process, kind, key, args, server)
        future = getattr(self._stubs[server], kind).future(request, timeout=deadline)
        try:
            if cancel_after is not None:
                self._give_up(future, cancel_after)
            answer = understood(kind, future.result())
        except grpc.FutureCancelledError:
            self.history.failed(op, "CANCELLED", "", {})
        except grpc.RpcError as error:
            code, text = code_of(error)
            holder = HOLDER.search(text)
            self.history.failed(op, code, text, {"holder": holder.group(1)} if holder else {})
        else:
            self.history.answered(op, answer)
            if answer.get("id") not in (None, volume_id(key), snapshot_id(key, args.get("snapshot", ""))):
                op.outcome = "WRONG_ID"  # which no state of the model explains
            if kind == "ControllerGetVolume" and not answer["size"]:
                op.fate = Fate.NOTHING  # its header was not there: half made or half removed
        return op

    def _give_up(self, future: Any, seconds: float) -> None:
        try:
            future.result(timeout=seconds)
        except grpc.FutureTimeoutError:
            self.cancels += future.cancel()

    def patience(self) -> dict[str, Any]:
        """How long this call is waited for: mostly until it is answered."""
        dice = self.chance.random()
        if dice < 0.08:
            return {"cancel_after": self.chance.uniform(0.0005, 0.02)}
        if dice < 0.13:
            return {"deadline": self.chance.uniform(0.001, 0.03)}
        return {"deadline": self.chance.uniform(0.3, 5)} if dice < 0.25 else {}


def understood(kind: str, answer: Any) -> dict[str, Any]:
    """What an answer says, in the model's words."""
    if kind == "CreateVolume":
        return {"size": answer.volume.capacity_bytes, "id": answer.volume.volume_id}
    if kind == "ControllerGetVolume":
        return described(answer)
    if kind == "ListVolumes":
        return {"volumes": {key_of(entry.volume.volume_id): described(entry) for entry in answer.entries}}
    if kind in ("CreateSnapshot", "GetSnapshot"):
        return {"size": answer.snapshot.size_bytes, "id": answer.snapshot.snapshot_id}
    return {"context": dict(answer.publish_context)} if kind == "ControllerPublishVolume" else {}


def described(entry: Any) -> dict[str, Any]:
    """A volume as it was read."""
    return {"size": entry.volume.capacity_bytes,
            "nodes": sorted(node_of(node) for node in entry.status.published_node_ids)}
