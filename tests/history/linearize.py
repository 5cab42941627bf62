"""Is there an order of the calls, each at one moment between its question and its answer, that gives all answers?

The events of one volume are gone through in the order of time, with the set of all configurations in which the volume
may be at that moment: a state of the model and those calls under way that have already had their moment. A call gets
its moment as late as possible ("just in time"): when an answer comes, all orders of calls under way that end with
this one are tried. No configuration left: no order explains this answer.

A call whose outcome nobody knows may have its moment at any time for some seconds after it was given up, or never.
Should the configurations become too many, such calls may also happen more than once: that can hide a mistake, and never
invents one.

After Wing and Gong, "Testing and verifying concurrent objects", 1993, and Lowe, "Testing for linearizability", 2017.
"""
from dataclasses import dataclass
from typing import FrozenSet, Iterable, NamedTuple, Optional, Sequence

from history import model
from history.history import Fate, Op
from history.model import State

TOO_MANY = 2000
TOLD = 14  # how many of the last operations a story tells


class Configuration(NamedTuple):
    """Where the volume may be: a state, and the calls under way that are already in it."""

    state: State
    done: FrozenSet[int]


@dataclass
class Verdict:
    """Of one volume. `story`: empty when all is well, else what contradicts what, in words."""

    key: str
    story: str = ""
    operations: int = 0
    explored: int = 0
    loose: bool = False

    @property
    def good(self) -> bool:
        return not self.story


def check(key: str, ops: Iterable[Op], initial: State = State()) -> Verdict:
    """Judges the history of one volume."""
    return _Checker(key, list(ops), initial).run()


class _Event(NamedTuple):
    time: float
    ends: bool  # questions before answers of the same instant: then the calls overlap, which allows more
    number: int
    op: Op


class _Checker:
    """One pass over the events."""

    def __init__(self, key: str, ops: Sequence[Op], initial: State) -> None:
        self.judged = [op for op in ops if op.kind in model.JUDGED and op.fate is not Fate.NOTHING
                       and (op.fate is Fate.KNOWN or model.changes(op))]
        self.verdict = Verdict(key, operations=len(self.judged))
        self.pending: dict[int, Op] = {}
        self.snapshots: list[Op] = []                      # of them, those that have two moments
        self.classes: list[tuple[object, list[Op]]] = []   # of them, the unknown ones by what they do
        self.configurations = {Configuration(initial, frozenset())}

    def run(self) -> Verdict:
        events = [_Event(op.invoked, False, op.number, op) for op in self.judged]
        events += [_Event(op.end, True, op.number, op) for op in self.judged]
        for event in sorted(events, key=lambda event: event[:3]):
            if not event.ends:
                self.pending[event.number] = event.op
                self._sort()
                self.configurations = {self._settled(*configuration) for configuration in self.configurations}
                continue
            before = self.configurations
            found = self._with(event.op)
            if event.op.fate is Fate.UNKNOWN:
                found |= {self._over(configuration, event.op) for configuration in before}
            if not found:
                self.verdict.story = self._story(event.op, before)
                return self.verdict
            del self.pending[event.number]
            self._sort()
            self.configurations = self._prune(found)
        return self.verdict

    def _sort(self) -> None:
        """Known calls have one moment each, and so have snapshot calls: which of them has seen the volume matters."""
        self.snapshots = [op for op in self.pending.values() if op.kind == "CreateSnapshot"]
        classes: dict[object, list[Op]] = {}
        for op in sorted(self.pending.values(), key=lambda op: op.end):
            alone = op.fate is Fate.KNOWN or op.kind == "CreateSnapshot"
            classes.setdefault(op.number if alone else model.same_effect(op), []).append(op)
        self.classes = list(classes.items())

    def _settled(self, state: State, done: FrozenSet[int]) -> Configuration:
        return Configuration(model.settle(state, self.snapshots) if self.snapshots else state, done)

    def _over(self, configuration: Configuration, op: Op) -> Configuration:
        return Configuration(model.forget(configuration.state, op), configuration.done - {op.number})

    def _with(self, op: Op) -> set[Configuration]:
        """All configurations in which this call has had its moment, as the last one or before."""
        found: set[Configuration] = set()
        known = set(self.configurations)
        todo = list(known)
        while todo:
            configuration = todo.pop()
            self.verdict.explored += 1
            if op.number in configuration.done:
                found.add(self._over(configuration, op))
                continue
            for following in self._following(configuration):
                if following not in known:
                    known.add(following)
                    todo.append(following)
        return found

    def _following(self, configuration: Configuration) -> Iterable[Configuration]:
        state, done = configuration
        for op in self._candidates(done):
            after = model.answered(state, op) if op.fate is Fate.KNOWN else model.effect(state, op)
            if after is None:
                continue
            # A change that may happen again and again is in no set.
            added = done if self.verdict.loose and op.fate is Fate.UNKNOWN else done | {op.number}
            yield self._settled(after, added)

    def _candidates(self, done: FrozenSet[int]) -> Iterable[Op]:
        """Of unknown calls that do the same, the one that ends first will do: who comes later can do more."""
        for _, ops in self.classes:
            op = next((op for op in ops if op.number not in done), None)
            if op is not None:
                yield op

    def _prune(self, found: set[Configuration]) -> set[Configuration]:
        """Drops what another configuration can do as well: same state, fewer unknown calls used up."""
        unknown = {number for number, op in self.pending.items() if op.fate is Fate.UNKNOWN}
        if len(found) > TOO_MANY:
            self.verdict.loose = True
        if self.verdict.loose:
            return {Configuration(state, done - unknown) for state, done in found}
        groups: dict[tuple[State, FrozenSet[int]], list[FrozenSet[int]]] = {}
        for state, done in sorted(found, key=lambda configuration: len(configuration.done)):
            least = groups.setdefault((state, done - unknown), [])
            used = done & unknown
            if not any(other <= used for other in least):
                least.append(used)
        return {Configuration(state, known | used) for (state, known), least in groups.items() for used in least}

    def _story(self, op: Op, before: set[Configuration]) -> str:
        """Which answer cannot be, what the volume could be before it, and how it came there."""
        states = sorted({str(configuration.state) for configuration in before})
        beside = [other for other in self.pending.values() if other is not op]
        earlier = [other for other in self.judged if other.end <= op.end and other is not op]
        earlier = sorted(earlier, key=lambda other: other.end)[-TOLD:]
        lines = [f"{self.verdict.key}: no order of the calls explains this answer:", f"  {op}",
                 "before it the volume could only be:", *(f"  {state}" for state in states[:12]),
                 "under way at the same time:", *(f"  {other}" for other in beside),
                 f"the last {len(earlier)} that were over by then:", *(f"  {other}" for other in earlier)]
        return "\n".join(lines)


def judge(ops: Iterable[Op], initial: Optional[State] = None) -> list[Verdict]:
    """A verdict for each volume in a history."""
    by_key: dict[str, list[Op]] = {}
    for op in ops:
        if op.key and op.kind in model.JUDGED:
            by_key.setdefault(op.key, []).append(op)
    return [check(key, by_key[key], initial or State()) for key in sorted(by_key)]
