"""Records that pods have written: none is late, none is lost, and none was refused without a reason.

Each attachment of a volume has a region of its own in the image, and goes around in it. So what is found in an image,
read through librbd by an auditor, tells which of whose records it was that came last to each place.

    late     acknowledged, or found, though it was begun after its node was detached: the fence has a hole
    lost     acknowledged and neither found nor overwritten by a later one of the same attachment
    foreign  found where it cannot be: of another volume, of a deleted one, or never written
    refused  not acknowledged, though nobody has detached the node
"""
import math
from typing import Iterable, NamedTuple, Optional

from history.history import Fate, History, Op

BLOCK = 4096
BLOCKS = 32      # of one attachment's region
REGIONS = 512    # of an image; a run has fewer attachments of one name
BYTES = BLOCK * BLOCKS * REGIONS

Place = tuple[int, int]  # an attachment, the number of one of its records


def place(attachment: int, record: int) -> int:
    """The offset at which a record is written."""
    return ((attachment % REGIONS) * BLOCKS + record % BLOCKS) * BLOCK


def text(key: str, attachment: int, record: int) -> str:
    """What is written: who says what."""
    return f"{key} {attachment} {record} "


def found_in(data: bytes) -> dict[int, str]:
    """What an image holds: the records by their offsets."""
    records: dict[int, str] = {}
    for offset in range(0, min(len(data), BYTES), BLOCK):
        block = data[offset:offset + BLOCK]
        if block[:1] != b"\0":
            records[offset] = " ".join(block.split(b".", 1)[0].decode(errors="replace").split())
        elif block.count(0) != BLOCK:
            records[offset] = "half a record"
    return records


class Fault(NamedTuple):
    """One record that is not as it must be."""

    kind: str    # late, lost, foreign or refused
    story: str


def judge(history: History) -> list[Fault]:
    """All faults of all volumes."""
    return [fault for key in history.keys() for fault in _Volume(key, history.of(key)).faults()]


class _Volume:
    """The writes to one name, and what bears on them."""

    def __init__(self, key: str, ops: list[Op]) -> None:
        self.key = key
        self.writes = {(op.args["attachment"], op.args["record"]): op for op in ops if op.kind == "Write"}
        self.stages = {op.args["attachment"]: op for op in ops if op.kind == "NodeStageVolume"}
        self.audits = [op for op in ops if op.kind == "Audit" and op.ok]
        self.detaches = [op for op in ops
                         if op.kind == "ControllerUnpublishVolume" and op.fate is not Fate.NOTHING]
        self.deletes = [op for op in ops if op.kind == "DeleteVolume" and (op.ok or op.fate is Fate.UNKNOWN)]

    def faults(self) -> Iterable[Fault]:
        for op in self.writes.values():
            if op.ok:
                yield from self._late(op, "was acknowledged")
            elif op.fate is Fate.KNOWN:
                yield from self._refused(op)
        for audit in self.audits:
            yield from self._lost(audit)
            yield from self._foreign(audit)

    def _fence(self, write: Op) -> Optional[Op]:
        """A detachment of the node that began when the device was there and was answered OK before the write began."""
        stage = self.stages[write.args["attachment"]]
        for op in self.detaches:
            if (op.ok and op.args["node"] == write.args["node"] and op.invoked > stage.returned
                    and op.returned < write.invoked):
                return op
        return None

    def _late(self, write: Op, how: str) -> Iterable[Fault]:
        fence = self._fence(write)
        if fence is not None:
            stage = self.stages[write.args["attachment"]]
            yield Fault("late", f"{self.key}: a record {how} that was begun after its node was detached:\n"
                                f"  {stage}\n  {fence}\n  {write}")

    def _refused(self, write: Op) -> Iterable[Fault]:
        """The gate lets no detachment overlap the time from publish to stage."""
        since = self.stages[write.args["attachment"]].args["since"]
        if not any(op.args["node"] == write.args["node"] and op.invoked <= write.returned
                   and op.end >= since for op in self.detaches):
            yield Fault("refused", f"{self.key}: a record was refused though nobody has detached its node since "
                                   f"{since:.3f} s:\n  {write}")

    def _deleted_between(self, begin: float, end: float) -> bool:
        return any(op.invoked <= end and op.end >= begin for op in self.deletes)

    def _lost(self, audit: Op) -> Iterable[Fault]:
        latest: dict[int, Op] = {}  # by offset
        for (attachment, record), op in sorted(self.writes.items()):
            if op.ok and op.returned < audit.invoked:
                latest[place(attachment, record)] = op
        for offset, op in latest.items():
            if self._deleted_between(op.invoked, audit.returned):
                continue
            found = parse(self.key, audit.answer["records"].get(str(offset), ""))
            if found is None or found < (op.args["attachment"], op.args["record"]):
                yield Fault("lost", f"{self.key}: an acknowledged record is not in the image; at {offset} there is "
                                    f"\"{audit.answer['records'].get(str(offset), 'nothing')}\":\n  {op}\n"
                                    f"  read from {audit.invoked:.3f} to {audit.returned:.3f} s")

    def _foreign(self, audit: Op) -> Iterable[Fault]:
        for offset, words in audit.answer["records"].items():
            found = parse(self.key, words)
            write = self.writes.get(found) if found else None
            if found is None or write is None or place(*found) != int(offset) or write.invoked > audit.returned:
                yield Fault("foreign", f"{self.key}: at {offset} there is \"{words}\", which nobody has written there "
                                       f"before {audit.returned:.3f} s")
                continue
            if not write.ok:
                yield from self._late(write, "is in the image")
            written = write.returned if write.fate is Fate.KNOWN else math.inf
            for op in self.deletes:
                if op.ok and op.invoked > written and op.returned < audit.invoked:
                    yield Fault("foreign", f"{self.key}: a record of a deleted volume is in a later one of its name:"
                                           f"\n  {write}\n  {op}\n  read from {audit.invoked:.3f} s on")


def parse(key: str, words: str) -> Optional[Place]:
    """The attachment and the number that a record names, if it is one of this volume."""
    parts = words.split()
    if len(parts) != 3 or parts[0] != key or not (parts[1] + parts[2]).isdigit():
        return None
    return int(parts[1]), int(parts[2])
