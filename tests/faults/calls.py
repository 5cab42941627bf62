"""Every call of the controller at once, while something is wrong, and again when it is not."""
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Callable

import grpc

import csi_client
from csi_client import MIB, Controller, pb
from scorecard import Score

SIZE = 64 * MIB
NODE = "v1/alpha/192.0.2.101"
# What a fault of the cluster may be called. INTERNAL and UNKNOWN say nothing, and Kubernetes takes them for final.
HONEST = {"OK", "UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "ABORTED", "NOT_FOUND", "FAILED_PRECONDITION",
          "UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT"}
DEADLINE = 30.0


@dataclass
class Answer:
    """What one call said, and after how long."""

    call: str
    code: str
    message: str
    seconds: float


@dataclass
class AllCalls:
    """One of each kind, with volumes of their own in one pool."""

    controller: Controller
    pool: str = "rbd"
    prefix: str = "fault"
    made: list[str] = field(default_factory=list)
    snapshots: list[str] = field(default_factory=list)
    groups: list[csi_client.Message] = field(default_factory=list)

    def prepare(self) -> None:
        """While all is well."""
        for name in ("there", "doomed", "attached", "snapped", "grouped"):
            self.made.append(self._create(name).volume_id)
        self.there, self.doomed, self.attached, self.snapped, self.grouped = self.made
        self.controller.publish(self.attached, NODE)
        self.snapshots.append(self.controller.snapshot(self.snapped, f"{self.prefix}-old").snapshot_id)

    def _create(self, name: str, source: str = "") -> csi_client.Message:
        return self.controller.create(f"{self.prefix}-{name}", SIZE, {"pool": self.pool}, source=source)

    def calls(self) -> dict[str, Callable[[], object]]:
        client = self.controller
        return {
            "CreateVolume": lambda: self._create("new"),
            "CreateVolume again": lambda: self._create("there"),
            "CreateVolume from a snapshot": lambda: self._create("clone", self.snapshots[0]),
            "DeleteVolume": lambda: client.delete(self.doomed),
            "ControllerPublishVolume": lambda: client.publish(self.there, NODE),
            "ControllerUnpublishVolume": lambda: client.unpublish(self.attached, NODE),
            "ControllerExpandVolume": lambda: client.expand(self.snapped, 2 * SIZE),
            "ControllerModifyVolume": lambda: client.modify(self.grouped, {"maxIOPS": "100"}),
            "ControllerGetVolume": lambda: client.get(self.there),
            "ListVolumes": client.list,
            "GetCapacity": lambda: client.stub.GetCapacity(pb.GetCapacityRequest(parameters={"pool": self.pool}),
                                                           timeout=client.deadline),
            "ValidateVolumeCapabilities": lambda: client.stub.ValidateVolumeCapabilities(
                pb.ValidateVolumeCapabilitiesRequest(volume_id=self.there, volume_capabilities=[csi_client.mount()]),
                timeout=client.deadline),
            "CreateSnapshot": lambda: client.snapshot(self.grouped, f"{self.prefix}-new"),
            "DeleteSnapshot": lambda: client.delete_snapshot(self.snapshots[0]),
            "ListSnapshots": client.snapshots,
            "CreateVolumeGroupSnapshot": lambda: client.group_snapshot(f"{self.prefix}-group", [self.there]),
        }

    def all_at_once(self, score: Score) -> list[Answer]:
        """Each has answered in time, and honestly; Probe did not notice."""
        calls = self.calls()
        with ThreadPoolExecutor(len(calls) + 1) as pool:
            waiting = [pool.submit(self._ask, name, call) for name, call in calls.items()]
            begin = time.monotonic()
            self.controller.identity.Probe(pb.ProbeRequest(), timeout=5)
            assert time.monotonic() - begin < 2, "Probe waits for Ceph"
            answers = [each.result() for each in waiting]
        for answer in answers:
            score.trial()
            score.answered(answer.seconds, DEADLINE)
            assert answer.code in HONEST, answer
            # gRPC's own words, when it is the client that gave up.
            assert answer.code == "OK" or answer.message not in ("", "Deadline Exceeded"), answer
        return answers

    def _ask(self, name: str, call: Callable[[], object]) -> Answer:
        begin = time.monotonic()
        try:
            call()
            return Answer(name, "OK", "", time.monotonic() - begin)
        except grpc.RpcError as error:
            return Answer(name, error.code().name, error.details(), time.monotonic() - begin)

    def converge(self, score: Score, seconds: float = 120) -> None:
        """Every call is answered well, by the process that was there all the time."""
        begin = time.monotonic()
        for name, call in self.calls().items():
            if name == "DeleteSnapshot":
                continue  # the clone below needs it; `clear` deletes it
            self._until_good(name, call, begin + seconds)
        score.recovered(time.monotonic() - begin)

    @staticmethod
    def _until_good(name: str, call: Callable[[], object], end: float) -> None:
        while True:
            try:
                call()
                return
            except grpc.RpcError as error:
                # The source of a clone may have been deleted during the fault, as was asked for.
                if name == "CreateVolume from a snapshot" and error.code() == grpc.StatusCode.NOT_FOUND:
                    return
                assert time.monotonic() < end, f"{name} did not recover: {error.code().name}: {error.details()}"
                time.sleep(0.3)

    def clear(self) -> None:
        """Deletes all that the calls have made."""
        client = self.controller
        group = client.group_snapshot(f"{self.prefix}-group", [self.there])
        client.delete_group(group.group_snapshot_id, [member.snapshot_id for member in group.snapshots])
        for snapshot in [*self.snapshots, client.snapshot(self.grouped, f"{self.prefix}-new").snapshot_id]:
            csi_client.again(lambda: client.delete_snapshot(snapshot), seconds=90)
        for volume_id in self.made:
            csi_client.again(lambda: client.unpublish(volume_id), seconds=90)
        names = {f"{self.prefix}-new", f"{self.prefix}-clone"}
        listed = [entry.volume.volume_id for entry in client.list().entries]
        mine = [each for each in listed if each in self.made or each.split("/")[-1].removeprefix("csi.") in names]
        for volume_id in mine:
            csi_client.again(lambda: client.delete(volume_id), seconds=90)
