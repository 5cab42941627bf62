"""One volume name as it should be: the states, and what each operation may answer in them.

The model is what CSI promises, not what the code does: it knows no image, no guard, no trash. A state says whether
there is a volume of the name, how large, made from what, which node it is published to (single-node-writer), and which
snapshots there are of volumes of this name; a snapshot outlives its volume.

A snapshot's making is the one operation with two moments: it looks for the volume, and a second later the snapshot is
there. `seen` holds the snapshot calls under way that may have seen the volume, so that a volume which is deleted in
between is no contradiction.
"""
from typing import Callable, FrozenSet, Iterable, NamedTuple, Optional, Tuple

from history.history import Op

MIB = 1 << 20


class State(NamedTuple):
    """Of one name. The default: there is nothing."""

    size: int = 0        # 0: there is no such volume
    source: str = ""
    holder: str = ""     # the node it is published to
    snapshots: FrozenSet[Tuple[str, int]] = frozenset()  # name, size
    seen: FrozenSet[Tuple[int, int]] = frozenset()       # number of the call, size of the volume that it has seen

    def __str__(self) -> str:
        volume = "absent"
        if self.size:
            volume = f"{self.size // MIB} MiB" + (f" from {self.source}" if self.source else "")
            volume += f", published to {self.holder}" if self.holder else ", published to no node"
        names = ", ".join(f"{name} ({size // MIB} MiB)" for name, size in sorted(self.snapshots))
        return volume + (f"; snapshots {names}" if names else "")


Rule = Callable[[State, Op], Optional[State]]


def answered(state: State, op: Op) -> Optional[State]:
    """The state after a call that gave this answer in this state; None: in this state it would not have."""
    rule = RULES.get((op.kind, op.outcome))
    return rule(state, op) if rule else None


def effect(state: State, op: Op) -> Optional[State]:
    """The state after a call of which only the question is known, if it changes anything."""
    rule = EFFECTS.get(op.kind)
    after = rule(state, op) if rule else None
    return None if after == state else after


def changes(op: Op) -> bool:
    """May this call change anything?"""
    return op.kind in EFFECTS


def same_effect(op: Op) -> tuple[object, ...]:
    """Calls of which this is equal do the same, whenever they do it."""
    return (op.kind, *sorted(op.args.items()))


def settle(state: State, under_way: Iterable[Op]) -> State:
    """Snapshot calls under way may see the volume now; having seen it never makes less possible."""
    if not state.size:
        return state
    numbers = {(op.number, state.size) for op in under_way if op.kind == "CreateSnapshot"}
    return state._replace(seen=state.seen | numbers) if numbers - state.seen else state


def forget(state: State, op: Op) -> State:
    """A call is over."""
    if op.kind != "CreateSnapshot" or not state.seen:
        return state
    return state._replace(seen=frozenset(entry for entry in state.seen if entry[0] != op.number))


def _created(state: State, op: Op) -> Optional[State]:
    if not state.size:
        return state._replace(size=op.args["size"], source=op.args["source"], holder="")
    same = (state.size, state.source) == (op.args["size"], op.args["source"])
    return state if same else None


def _create_ok(state: State, op: Op) -> Optional[State]:
    return _created(state, op) if op.answer["size"] == op.args["size"] else None


def _create_taken(state: State, op: Op) -> Optional[State]:
    differs = (state.size, state.source) != (op.args["size"], op.args["source"])
    return state if state.size and differs else None


def _source_missing(state: State, op: Op) -> Optional[State]:
    return state if op.args["source"] else None


def _deleted(state: State, op: Op) -> Optional[State]:
    return None if state.holder else state._replace(size=0, source="")


def _held(state: State, op: Op) -> Optional[State]:
    """Refused, and the message names who has it; a delete may also be refused because somebody has it open."""
    holder = op.answer.get("holder")
    if holder is None:
        return state if op.kind == "DeleteVolume" and "has it open" in op.text else None
    return state if state.size and state.holder == holder else None


def _published(state: State, op: Op) -> Optional[State]:
    free = state.size and state.holder in ("", op.args["node"])
    return state._replace(holder=op.args["node"]) if free else None


def _unpublished(state: State, op: Op) -> Optional[State]:
    return state._replace(holder="") if state.holder == op.args["node"] else state


def _absent(state: State, op: Op) -> Optional[State]:
    return None if state.size else state


def _read(state: State, op: Op) -> Optional[State]:
    nodes = [state.holder] if state.holder else []
    return state if state.size == op.answer["size"] and nodes == list(op.answer["nodes"]) else None


def _snapshot_made(state: State, op: Op) -> Optional[State]:
    """Of the call's first moment only that the volume was there, and how large it was, is left."""
    name = op.args["snapshot"]
    if any(known == name for known, _ in state.snapshots):
        return None
    size = op.answer.get("size")
    sizes = {seen for number, seen in state.seen if number == op.number} | ({state.size} if state.size else set())
    if size is None and len(sizes) == 1:
        size = min(sizes)
    return state._replace(snapshots=state.snapshots | {(name, size)}) if size in sizes else None


def _snapshot_ok(state: State, op: Op) -> Optional[State]:
    there = (op.args["snapshot"], op.answer["size"]) in state.snapshots
    return state if there else _snapshot_made(state, op)


def _snapshot_read(state: State, op: Op) -> Optional[State]:
    return state if (op.args["snapshot"], op.answer["size"]) in state.snapshots else None


def _snapshot_absent(state: State, op: Op) -> Optional[State]:
    return None if any(name == op.args["snapshot"] for name, _ in state.snapshots) else state


def _snapshot_deleted(state: State, op: Op) -> Optional[State]:
    left = frozenset(entry for entry in state.snapshots if entry[0] != op.args["snapshot"])
    return state._replace(snapshots=left)


def _anywhere(state: State, op: Op) -> Optional[State]:
    """An answer that says nothing of this volume."""
    return state


RULES: dict[tuple[str, str], Rule] = {
    ("CreateVolume", "OK"): _create_ok,
    ("CreateVolume", "ALREADY_EXISTS"): _create_taken,
    ("CreateVolume", "NOT_FOUND"): _source_missing,
    ("DeleteVolume", "OK"): _deleted,
    ("DeleteVolume", "FAILED_PRECONDITION"): _held,
    ("ControllerPublishVolume", "OK"): _published,
    ("ControllerPublishVolume", "NOT_FOUND"): _absent,
    ("ControllerPublishVolume", "FAILED_PRECONDITION"): _held,
    ("ControllerUnpublishVolume", "OK"): _unpublished,
    ("ControllerGetVolume", "OK"): _read,
    ("ControllerGetVolume", "NOT_FOUND"): _absent,
    ("ListVolumes", "OK"): _read,
    ("CreateSnapshot", "OK"): _snapshot_ok,
    ("CreateSnapshot", "NOT_FOUND"): _absent,
    # The name is claimed by a call for an earlier volume of this name that was never finished.
    ("CreateSnapshot", "ALREADY_EXISTS"): _anywhere,
    ("DeleteSnapshot", "OK"): _snapshot_deleted,
    ("GetSnapshot", "OK"): _snapshot_read,
    ("GetSnapshot", "NOT_FOUND"): _snapshot_absent,
}
EFFECTS: dict[str, Rule] = {
    "CreateVolume": _created,
    "DeleteVolume": _deleted,
    "ControllerPublishVolume": _published,
    "ControllerUnpublishVolume": _unpublished,
    "CreateSnapshot": _snapshot_made,
    "DeleteSnapshot": _snapshot_deleted,
}
# What a read that failed for an unknown reason tells: nothing. All that the model judges:
JUDGED = {kind for kind, _ in RULES}
