"""What was called and what came back, by one clock: the record that everything else judges.

The clock is the host's monotonic one. A call's interval is from before it was sent until after its answer was there, so
whatever it did, it did inside, unless nobody knows how it ended.
"""
import dataclasses
import enum
import json
import math
import pathlib
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Iterable

import grpc

# Codes after which a call may still be under way in the server, or be left half done by a server that died.
OPEN_ENDED = {"CANCELLED", "DEADLINE_EXCEEDED", "UNAVAILABLE", "ABORTED"}

# What an answer holds that no story needs.
BULKY = {"context", "records"}


class Fate(enum.Enum):
    """What is known about a call that has come back."""

    KNOWN = "known"      # it answered: one state of the volume gives this answer
    UNKNOWN = "unknown"  # it has happened, will happen in a moment, or never does
    NOTHING = "nothing"  # it was not even begun


def fate_of(code: str, text: str) -> Fate:
    """What may be concluded from an answer's code and message."""
    if code not in OPEN_ENDED:
        return Fate.KNOWN
    if code == "ABORTED" and "is busy" in text:
        return Fate.NOTHING  # another call had the volume
    if code == "UNAVAILABLE" and "failed to connect" in text:
        return Fate.NOTHING  # nobody was there to hear it
    return Fate.UNKNOWN


@dataclass
class Op:
    """One call, one write or one look, of one process, at one volume."""

    number: int
    process: str
    kind: str                # the RPC's name, or Write, Audit, Kill
    key: str                 # the name of the volume
    args: dict[str, Any]
    server: str = ""
    invoked: float = 0.0
    returned: float = math.inf
    fate: Fate = Fate.UNKNOWN
    outcome: str = "never answered"   # the name of a gRPC code; for writes "OK" or an errno
    answer: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    lasts: float = 5.0       # for so long a call of its kind may go on that nobody waits for

    @property
    def ok(self) -> bool:
        return self.outcome == "OK"

    @property
    def end(self) -> float:
        """When it has had its effect at the latest."""
        return self.returned + self.lasts if self.fate is Fate.UNKNOWN else self.returned

    def __str__(self) -> str:
        """In words, times in seconds from the beginning of the run."""
        until = f"{self.returned:8.3f}" if self.returned < math.inf else "     ..."
        args = " ".join(f"{name}={value}" for name, value in self.args.items() if value not in ("", None))
        answer = " ".join(f"{name}={value}" for name, value in self.answer.items() if name not in BULKY)
        where = f" at {self.server}" if self.server else ""
        known = "" if self.fate is Fate.KNOWN else f" (effect {self.fate.value})"
        text = f" \"{self.text}\"" if self.text else ""
        return (f"{self.invoked:8.3f} - {until} s  {self.process}{where}: {self.kind} {self.key} {args}"
                f" -> {self.outcome}{known} {answer}{text}").rstrip()


class History:
    """All operations of a run, in the order in which they began. Any thread."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self._lock = threading.Lock()
        self._begin = time.monotonic()

    def now(self) -> float:
        return time.monotonic() - self._begin

    def invoke(self, process: str, kind: str, key: str, args: dict[str, Any], server: str = "") -> Op:
        """Before the call is sent."""
        with self._lock:
            op = Op(len(self.ops), process, kind, key, args, server, self.now())
            self.ops.append(op)
            return op

    def answered(self, op: Op, answer: dict[str, Any]) -> None:
        """After a good answer."""
        op.returned = self.now()
        op.fate, op.outcome, op.answer = Fate.KNOWN, "OK", answer

    def failed(self, op: Op, code: str, text: str, answer: dict[str, Any]) -> None:
        """After any other answer, or the client's own giving up."""
        op.returned = self.now()
        op.fate, op.outcome, op.answer, op.text = fate_of(code, text), code, answer, text

    def project(self, kind: str, op: Op, answers: dict[str, dict[str, Any]]) -> None:
        """One answer that speaks of many volumes, as one answer for each."""
        with self._lock:
            for key, answer in answers.items():
                self.ops.append(dataclasses.replace(op, number=len(self.ops), kind=kind, key=key, answer=answer))

    def bound(self, longest: dict[tuple[str, str], float]) -> None:
        """How long calls of each kind, for each volume, may go on."""
        for op in self.ops:
            op.lasts = longest.get((op.kind, op.key), op.lasts)

    def keys(self) -> list[str]:
        return sorted({op.key for op in self.ops if op.key})

    def of(self, key: str) -> list[Op]:
        return [op for op in self.ops if op.key == key]

    def write(self, path: pathlib.Path) -> None:
        """As JSON lines."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as file:
            for op in self.ops:
                fields: dict[str, Any] = {**dataclasses.asdict(op), "fate": op.fate.value}
                fields["returned"] = None if op.returned == math.inf else op.returned
                file.write(json.dumps(fields, default=list) + "\n")


def read(path: pathlib.Path) -> History:
    """A history that was written; to check it again."""
    history = History()
    for line in path.read_text(encoding="utf-8").splitlines():
        fields: dict[str, Any] = json.loads(line)
        fields["returned"] = math.inf if fields["returned"] is None else fields["returned"]
        fields["fate"] = Fate(fields["fate"])
        history.ops.append(Op(**fields))
    return history


def counts(ops: Iterable[Op]) -> dict[str, dict[str, int]]:
    """How often each kind of operation ended in each way."""
    table: dict[str, dict[str, int]] = {}
    for op in ops:
        row = table.setdefault(op.kind, {})
        row[op.outcome] = row.get(op.outcome, 0) + 1
    return table


def code_of(error: grpc.RpcError) -> tuple[str, str]:
    """A failed call's code and message."""
    return error.code().name, error.details() or ""
