"""A key given to the driver is nowhere to be read: no log at the highest level, no argv, no environment."""
import pathlib
from typing import Iterable

import csi_client
from csi_client import MIB, Controller, pb
from world import World

CANARY = "Q0FOQVJZLWtleS10aGF0LW11c3Qtbm90LWFwcGVhcg=="  # base64, so that it passes for a key


def places(world: World, pid: int) -> Iterable[tuple[str, bytes]]:
    """Where a secret of a process could show."""
    for path in world.layout.logs.iterdir():
        yield str(path), path.read_bytes()
    for name in ("cmdline", "environ"):
        yield name, pathlib.Path(f"/proc/{pid}/{name}").read_bytes()


def test_secrets_of_requests_and_files_are_nowhere(world: World, controller: Controller) -> None:
    process = world.extra_controller("canary")
    process.start(["--log-level=trace"])
    process.wait_ready()
    client = Controller(str(process.socket))
    secrets = {"userID": "rbd-csi-controller", "userKey": CANARY}
    assert csi_client.refused(lambda: client.create("canary", 64 * MIB, secrets=secrets))[0] == "UNAUTHENTICATED"
    for name, message in requests_with_secrets(secrets):
        getattr(client.stub, name)
        csi_client.refused(lambda: getattr(client.stub, name)(message, timeout=20))
    real = world.ceph.key("rbd-csi-controller")
    volume = client.create("with-real-key", 64 * MIB, secrets={"userID": "rbd-csi-controller", "userKey": real})
    client.delete(volume.volume_id)
    for place, content in places(world, process.pid):
        assert CANARY.encode() not in content, place
        assert real.encode() not in content, place
    process.stop()


def requests_with_secrets(secrets: dict[str, str]) -> list[tuple[str, csi_client.Message]]:
    """Every controller request that carries secrets, filled so far that its handler goes to work."""
    volume_id, node_id = "world/rbd/csi.canary", "v1/alpha/192.0.2.101"
    snapshot_id = f"{volume_id}@csi.s"
    capability = csi_client.mount()
    wanted = pb.CapacityRange(required_bytes=64 * MIB)
    return [
        ("CreateVolume", pb.CreateVolumeRequest(name="canary", volume_capabilities=[capability], capacity_range=wanted,
                                                parameters={"pool": "rbd"}, secrets=secrets)),
        ("DeleteVolume", pb.DeleteVolumeRequest(volume_id=volume_id, secrets=secrets)),
        ("ControllerPublishVolume", pb.ControllerPublishVolumeRequest(
            volume_id=volume_id, node_id=node_id, volume_capability=capability, secrets=secrets)),
        ("ControllerUnpublishVolume", pb.ControllerUnpublishVolumeRequest(
            volume_id=volume_id, node_id=node_id, secrets=secrets)),
        ("ValidateVolumeCapabilities", pb.ValidateVolumeCapabilitiesRequest(
            volume_id=volume_id, volume_capabilities=[capability], secrets=secrets)),
        ("ControllerExpandVolume", pb.ControllerExpandVolumeRequest(
            volume_id=volume_id, capacity_range=wanted, secrets=secrets)),
        ("ControllerModifyVolume", pb.ControllerModifyVolumeRequest(
            volume_id=volume_id, mutable_parameters={"a": "b"}, secrets=secrets)),
        ("CreateSnapshot", pb.CreateSnapshotRequest(source_volume_id=volume_id, name="s", secrets=secrets)),
        ("DeleteSnapshot", pb.DeleteSnapshotRequest(snapshot_id=snapshot_id, secrets=secrets)),
        ("ListSnapshots", pb.ListSnapshotsRequest(secrets=secrets)),
        ("GetSnapshot", pb.GetSnapshotRequest(snapshot_id=snapshot_id, secrets=secrets)),
    ]
