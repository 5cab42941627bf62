"""Pods: attach, map, write, and leave, or be detached in the middle of it."""
import time
from typing import TYPE_CHECKING, Optional

import csi_client
import grpc
from history import writes
from history.calls import BLOCK, Caller, volume_id
from history.guest import GuestWriter
from history.history import Fate, Op, code_of
from pod import DRIVER, KUBELET

if TYPE_CHECKING:
    from history.workload import Workload

TRIES = 8


class Pod:
    """One place for pods on one node: a pod after the other, each of a volume that it picks. One thread."""

    def __init__(self, workload: "Workload", caller: Caller, node: str) -> None:
        self.workload = workload
        self.caller = caller
        self.node = node
        self.machine = workload.world.node(node)
        self.plugin = csi_client.Node(str(self.machine.socket), deadline=60)
        self.writer = GuestWriter(self.machine)

    def run(self) -> None:
        while not self.workload.is_over():
            key = self.caller.chance.choice(self.workload.PLAIN)
            if self.workload.reserve(key, self.node):
                try:
                    self.live(key)
                finally:
                    self.workload.release(key, self.node)
            time.sleep(self.caller.chance.uniform(0, 0.3))
        self.writer.end()
        self.plugin.close()
        self.caller.close()

    def live(self, key: str) -> None:
        """The life of one pod."""
        attachment = self.workload.next_attachment(key)
        staged = self.attach(key, attachment)
        if staged is None:
            return
        if staged.ok and self.writer.ask(f"open csi.{key}") == "ok":
            self.write(key, attachment)
            self.workload.check_answered(self.writer.ask("close"), f"close {key} on {self.node}")
        self.leave(key)

    def attach(self, key: str, attachment: int) -> Optional[Op]:
        """Publish and stage; who has the volume is detached. None: it did not come to a stage."""
        for _ in range(TRIES):
            with self.workload.gate.attaching(key, self.node):
                op = self.caller.publish(key, self.workload.node_ids[self.node], **self.caller.patience())
                if op.ok:
                    return self.stage(key, attachment, op)
            if op.outcome == "NOT_FOUND":
                self.caller.create(key, self.workload.SIZES[0])
            elif "holder" in op.answer:
                self.workload.detach(self.caller, key, op.answer["holder"])
            time.sleep(0.05)
        return None

    def stage(self, key: str, attachment: int, attached: Op) -> Op:
        """NodeStageVolume; for a raw block volume it maps the device and no more."""
        history = self.caller.history
        op = history.invoke(self.caller.process, "NodeStageVolume", key, {
            "node": self.node, "attachment": attachment, "since": attached.invoked})
        try:
            self.machine.run(["mkdir", "-p", self.staging(key)])
            self.plugin.stage(volume_id(key), attached.answer["context"], self.staging(key), BLOCK)
        except grpc.RpcError as error:
            history.failed(op, *code_of(error), {})
        else:
            history.answered(op, {})
        return op

    def staging(self, key: str) -> str:
        return f"{KUBELET}/plugins/kubernetes.io/csi/{DRIVER}/{key}/globalmount"

    def write(self, key: str, attachment: int) -> None:
        """Records, one after the other; a few more after the first that is refused."""
        end = time.monotonic() + self.caller.chance.uniform(0.3, 3)
        refused = record = 0
        while time.monotonic() < end and refused < 4:
            record += 1
            op = self.caller.history.invoke(self.caller.process, "Write", key, {
                "node": self.node, "attachment": attachment, "record": record})
            answer = self.writer.ask(f"write {writes.place(attachment, record)} "
                                     f"{writes.text(key, attachment, record)}")
            if answer == "ok":
                self.caller.history.answered(op, {})
            elif answer:
                refused += 1
                self.caller.history.failed(op, answer, "", {})
            else:
                self.workload.check_answered(answer, str(op))
                return
            time.sleep(self.caller.chance.uniform(0, 0.04))

    def leave(self, key: str) -> None:
        """Unstage and detach; one in three is detached while it still has the device, as a node that is given up."""
        given_up = self.caller.chance.random() < 0.33
        if given_up:
            self.workload.detach(self.caller, key, self.node)
        self.unstage(key)
        if not given_up and self.caller.chance.random() < 0.9:
            self.workload.detach(self.caller, key, self.node)

    def unstage(self, key: str) -> None:
        history = self.caller.history
        end = time.monotonic() + 90
        while time.monotonic() < end:
            op = history.invoke(self.caller.process, "NodeUnstageVolume", key, {"node": self.node})
            try:
                self.plugin.unstage(volume_id(key), self.staging(key))
            except grpc.RpcError as error:
                history.failed(op, *code_of(error), {})
                time.sleep(0.2)
            else:
                history.answered(op, {})
                return
        op.fate = Fate.KNOWN
        self.workload.wedged.append(f"unstage did not succeed within 90 s: {op}")
