#!/usr/bin/python3
"""Writes the binary seeds: requests in wire form and replies of object classes. The others are text, edited by hand.

RBDCSI_BUILD names a build's bin directory, as for the other tests: the Python stubs are beside it.
"""
import pathlib
import re
import struct
import sys
from typing import Any

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from csi_client import GIB, MODE, Message, block, content_source, mount, pb  # noqa: E402

VOLUME = "prod/rbd/csi.pvc-1"
OTHER = "prod/ssd/k8s/csi.pvc-2"
SNAPSHOT = VOLUME + "@csi.snapshot-1"
NEWER = VOLUME + "@csi.snapshot-2"
GROUP = "prod/rbd/csi.group-1"
SECRETS = {"userID": "rbd-csi-node", "userKey": "QVFCAA=="}
RANGE = pb.CapacityRange(required_bytes=GIB, limit_bytes=10 * GIB)
CONTEXT = {"monitors": "192.0.2.1:3300,192.0.2.2:3300", "pool": "rbd", "image": "csi.pvc-1", "sizeBytes": str(GIB),
           "mapOptions": "ms_mode=secure,queue_depth=256", "readIops": "500"}
CLASS = {"clusterID": "prod", "pool": "rbd", "imageFeatures": "layering,exclusive-lock", "mapOptions": "krbd:crc",
         "csi.storage.k8s.io/pvc/name": "data", "csi.storage.k8s.io/pvc/namespace": "shop"}
STAGING = "/kubelet/staging"
MOUNT = "/kubelet/pods/p1/mount"
BLOCK = "/kubelet/pods/p1/block"

CONTROLLER: dict[str, Message] = {
    "create_volume": pb.CreateVolumeRequest(name="pvc-1", capacity_range=RANGE, volume_capabilities=[mount("ext4")],
                                            parameters=CLASS, secrets=SECRETS, mutable_parameters={"maxIOPS": "500"}),
    "create_volume_from_snapshot": pb.CreateVolumeRequest(
        name="pvc-2", volume_capabilities=[block(MODE.MULTI_NODE_MULTI_WRITER)], parameters={"pool": "rbd"},
        volume_content_source=content_source(SNAPSHOT), secrets=SECRETS),
    "create_volume_misspelt": pb.CreateVolumeRequest(name="a/b", volume_capabilities=[mount()],
                                                     parameters={"pool": "rbd", "imageFeature": "layering"}),
    "delete_volume": pb.DeleteVolumeRequest(volume_id=VOLUME, secrets=SECRETS),
    "delete_volume_of_ceph_csi": pb.DeleteVolumeRequest(volume_id="0001-0024-b9127830-0000000000000002-d9df2c2a"),
    "publish": pb.ControllerPublishVolumeRequest(
        volume_id=VOLUME, node_id="v1/worker-1/192.0.2.11/64", volume_capability=mount("xfs", flags=["noatime"]),
        volume_context={"mapOptions": "ms_mode=crc"}, secrets=SECRETS),
    "publish_read_only": pb.ControllerPublishVolumeRequest(
        volume_id=OTHER, node_id="v1/worker-1/2001:db8::11", readonly=True,
        volume_capability=mount(mode=MODE.MULTI_NODE_READER_ONLY)),
    "unpublish": pb.ControllerUnpublishVolumeRequest(volume_id=VOLUME, node_id="v1/worker-1/192.0.2.11"),
    "validate": pb.ValidateVolumeCapabilitiesRequest(volume_id=VOLUME, volume_capabilities=[mount(), block()]),
    "list_volumes": pb.ListVolumesRequest(max_entries=100, starting_token="prod/rbd//csi.pvc-1"),
    "get_capacity": pb.GetCapacityRequest(volume_capabilities=[mount()], parameters={"pool": "rbd"}),
    "capabilities": pb.ControllerGetCapabilitiesRequest(),
    "create_snapshot": pb.CreateSnapshotRequest(source_volume_id=VOLUME, name="snapshot-1", secrets=SECRETS,
                                                parameters={"clusterID": "prod"}),
    "delete_snapshot": pb.DeleteSnapshotRequest(snapshot_id=SNAPSHOT),
    "list_snapshots": pb.ListSnapshotsRequest(max_entries=1, starting_token="prod/rbd//v/csi.pvc-1/4"),
    "list_snapshots_of_volume": pb.ListSnapshotsRequest(source_volume_id=VOLUME, starting_token="1", secrets=SECRETS),
    "get_snapshot": pb.GetSnapshotRequest(snapshot_id="prod/rbd/@csi.snapshot-1"),
    "expand": pb.ControllerExpandVolumeRequest(volume_id=VOLUME, capacity_range=RANGE, volume_capability=mount()),
    "get_volume": pb.ControllerGetVolumeRequest(volume_id=VOLUME),
    "modify": pb.ControllerModifyVolumeRequest(volume_id=VOLUME, secrets=SECRETS,
                                               mutable_parameters={"deletionDelay": "7d", "maxBandwidth": "20Mi"}),
    "create_group_snapshot": pb.CreateVolumeGroupSnapshotRequest(name="group-1", source_volume_ids=[VOLUME, OTHER],
                                                                 secrets=SECRETS),
    "delete_group_snapshot": pb.DeleteVolumeGroupSnapshotRequest(group_snapshot_id=GROUP, snapshot_ids=[SNAPSHOT]),
    "get_group_snapshot": pb.GetVolumeGroupSnapshotRequest(group_snapshot_id=GROUP),
    "metadata_allocated": pb.GetMetadataAllocatedRequest(snapshot_id=SNAPSHOT, starting_offset=4096, max_results=10),
    "metadata_delta": pb.GetMetadataDeltaRequest(base_snapshot_id=SNAPSHOT, target_snapshot_id=NEWER, secrets=SECRETS),
    "plugin_info": pb.GetPluginInfoRequest(),
}
NODE: dict[str, Message] = {
    "stage": pb.NodeStageVolumeRequest(
        volume_id=VOLUME, publish_context=CONTEXT, staging_target_path=STAGING, secrets=SECRETS,
        volume_capability=mount("ext4", flags=["noatime,discard", 'context="system_u:object_r:c:s0:c1,c2"'])),
    "stage_block_with_mounted_key": pb.NodeStageVolumeRequest(
        volume_id=VOLUME, publish_context=CONTEXT, staging_target_path=STAGING, volume_capability=block()),
    "unstage": pb.NodeUnstageVolumeRequest(volume_id=VOLUME, staging_target_path=STAGING),
    "publish": pb.NodePublishVolumeRequest(volume_id=VOLUME, publish_context=CONTEXT, staging_target_path=STAGING,
                                           target_path=MOUNT, volume_capability=mount(), readonly=True),
    "unpublish": pb.NodeUnpublishVolumeRequest(volume_id=VOLUME, target_path=MOUNT),
    "unpublish_block": pb.NodeUnpublishVolumeRequest(volume_id=VOLUME, target_path=BLOCK),
    "unpublish_somebodys_file": pb.NodeUnpublishVolumeRequest(volume_id=VOLUME, target_path="/kubelet/pods/p1/data"),
    "unpublish_elsewhere": pb.NodeUnpublishVolumeRequest(volume_id=VOLUME, target_path="/kubelet/../etc/passwd"),
    "stats": pb.NodeGetVolumeStatsRequest(volume_id=VOLUME, volume_path=MOUNT),
    "expand": pb.NodeExpandVolumeRequest(volume_id=VOLUME, volume_path=MOUNT, capacity_range=RANGE),
    "info": pb.NodeGetInfoRequest(),
    "capabilities": pb.NodeGetCapabilitiesRequest(),
}
REDACT = {name: {**CONTROLLER, **NODE}[name] for name in ("create_volume_from_snapshot", "stage", "validate")}


def numbers() -> dict[str, int]:
    """The first byte of each request, from the table in request_input.cc."""
    table = (HERE / "request_input.cc").read_text(encoding="utf-8").split("kRequests[] = {")[1].split("};")[0]
    return {name + "Request": number for number, name in enumerate(re.findall(r'"(\w+)"', table))}


# Ceph's encoding, as controller/wire.h has it.
def text(value: bytes) -> bytes:
    return struct.pack("<I", len(value)) + value


def versioned(*parts: bytes) -> bytes:
    return b"\1\1" + text(b"".join(parts))


def u64(value: int) -> bytes:
    return struct.pack("<q", value)


def listed(*entries: bytes) -> bytes:
    return struct.pack("<I", len(entries)) + b"".join(entries)


def replies() -> dict[str, bytes]:
    """One or two for each decoder of osd_replies_fuzz.cc, whose number comes first."""
    time = struct.pack("<II", 1700000000, 5)
    socket = struct.pack("<HH", 2, 0) + bytes([192, 0, 2, 11]) + bytes(8)
    address = b"\1" + versioned(struct.pack("<II", 2, 4711), text(socket))
    old_address = bytes(4) + struct.pack("<I", 4711) + b"\0\2" + bytes(2) + bytes([192, 0, 2, 11]) + bytes(120)

    def locked_at(where: bytes) -> bytes:
        who = versioned(b"\x08", u64(4123), text(b"v1/worker-1/192.0.2.11"))
        return versioned(listed(who + versioned(time, where, text(b"how"))), b"\1", text(b""))

    def snapshot(kind: int, *facts: bytes) -> bytes:
        return versioned(u64(4), versioned(struct.pack("<I", kind), *facts), text(b"csi.s"), u64(GIB), time, bytes(4))

    child = versioned(u64(2), text(b"10e1a4b3c9d1"), text(b"k8s"))
    member = versioned(u64(2), text(b"10e1a4b3c9d1"), u64(4))
    group_image = versioned(versioned(text(b"10e1a4b3c9d1"), u64(2)), b"\0")
    return {
        "size": b"\0\x16" + u64(GIB),
        "lock": b"\1" + locked_at(address),
        "lock_before_msgr2": b"\1" + locked_at(old_address),
        "snapshot_ids": b"\2" + u64(9) + listed(u64(9), u64(4)),
        "snapshot_of_user": b"\2" + snapshot(0),
        "snapshot_of_group": b"\2" + snapshot(1, u64(2), text(b"10e1a4")),
        "snapshot_in_trash": b"\2" + snapshot(2, text(b"csi.old")),
        "parent": b"\3" + versioned(u64(2), text(b"k8s"), text(b"10e1a4b3c9d1"), u64(4)),
        "children": b"\3" + listed(child, child),
        "group": b"\4" + versioned(u64(2), text(b"10e1a4")),
        "group_images": b"\4" + listed(group_image, group_image),
        "group_snapshots": b"\4" + listed(versioned(text(b"10e1b2"), text(b"snap"), b"\1", listed(member, member))),
        "layout": b"\6\x16" + u64(0) + u64(0) + u64(GIB),
        "layout_striped": b"\6\x16" + u64(65536) + u64(8) + u64(GIB),
        "object_map": b"\5" + text(versioned(u64(9))) + bytes([0b01100011, 0b11010000, 0b01000000]) + bytes(8),
    }


def write(what: str, seeds: dict[str, bytes]) -> None:
    folder = HERE / "corpus" / what
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (folder / name).write_bytes(data)
    print(f"{what}: {len(seeds)} seeds")


def main() -> int:
    number = numbers()

    def wire(request: Any) -> bytes:
        return bytes([number[request.DESCRIPTOR.name]]) + request.SerializeToString(deterministic=True)

    for what, requests in (("controller_requests", CONTROLLER), ("node_requests", NODE), ("redact", REDACT)):
        write(what, {name: wire(request) for name, request in requests.items()})
    write("osd_replies", replies())
    return 0


if __name__ == "__main__":
    sys.exit(main())
