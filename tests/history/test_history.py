"""Many clients, two controllers that are killed, pods that are fenced: every answer has its place in one order.

`--full`: ten minutes. `--seed N`: the dice of an earlier run; the machine's own dice are others each time.
"""
import datetime
import pathlib
import random
import re
import time
from typing import Iterator

import pytest

import csi_client
from history import linearize, writes
from history.ending import Ending, controller_is_whole
from history.history import History, counts
from history.linearize import Verdict
from history.workload import Workload
from history.writes import Fault
from scorecard import Score
from world import World

# A line of a controller's log about a call: when, the call's id (its process in the first half), its name, the rest.
LINE = re.compile(r"^(\S+) \w+ ([0-9a-f]{8}) ([A-Z]\w+) (.*)$", re.MULTILINE)
# The rest at the end of a call: its code and how long it took. And the volume, in any.
ENDED = re.compile(r"[A-Z_]+ (\d+\.\d)ms")
VOLUME = re.compile(r"(?:csi\.|name: \")(\w+)")


@pytest.fixture()
def workload(world: World, full: bool, request: pytest.FixtureRequest) -> Iterator[Workload]:
    """The controllers are gone afterwards; the history is kept when the test has failed."""
    seed = request.config.getoption("--seed") or random.SystemRandom().randrange(1, 1 << 31)
    print(f"seed {seed}")
    failures = request.session.testsfailed
    history = History()
    workload = Workload(world, history, seed, 600 if full else 60, request.config.getoption("--race-stage"))
    yield workload
    for controller in workload.controllers:
        controller.stop()
    if request.session.testsfailed > failures:
        path = csi_client.BIN.parents[1] / "test-logs" / f"history-{seed}.jsonl"
        history.write(path)
        print(f"the history is in {path}")


def test_one_order_explains_every_answer_and_no_record_is_late_or_lost(workload: Workload, score: Score) -> None:
    workload.run()
    ending = Ending(workload)
    ending.look()
    ending.delete()
    leaked = ending.leaked()
    bounds = longest_calls(workload)
    workload.history.bound(bounds)
    begin = time.monotonic()
    verdicts = linearize.judge(workload.history.ops)
    faults = writes.judge(workload.history)
    checked = time.monotonic() - begin
    stories = [verdict.story for verdict in verdicts if not verdict.good] + [fault.story for fault in faults]
    stories += leaked + workload.wedged + strangers(workload.history)
    fences, cancels = len(ending.fences()), sum(caller.cancels for caller in workload.callers)
    print(report(workload, verdicts, fences, cancels))
    print(f"checked in {checked:.1f} s; a call that is given up may go on for {min(bounds.values()):.1f} s, "
          + ", ".join(f"{kind} of {key} for {bounds[kind, key]:.1f} s" for kind, key in slowest(bounds)))
    print(*stories, sep="\n\n")
    count(score, faults, workload.kills + cancels + fences)
    score.mismatches += sum(not verdict.good for verdict in verdicts)
    score.leaked += len(leaked)
    score.wedged += len(workload.wedged)
    assert controller_is_whole(workload)
    assert stories == [], f"{len(stories)} violations, seed {workload.seed}"


def longest_calls(workload: Workload) -> dict[tuple[str, str], float]:
    """How long a call goes on at most when nobody waits for it: by the controllers' own logs, and some more."""
    longest: dict[tuple[str, str], float] = {}
    for controller in workload.controllers:
        for kind, key, seconds in lengths(pathlib.Path(controller.log).read_text(errors="replace")):
            longest[kind, key] = max(longest.get((kind, key), 0), seconds)
    assert longest, "no call has ended by the controllers' logs"
    return {which: max(2.0, 1.2 * seconds + 1) for which, seconds in longest.items()}


def lengths(log: str) -> Iterator[tuple[str, str, float]]:
    """How long each call took; one that went on until its controller was killed, until then."""
    begun: dict[str, tuple[float, str, str]] = {}
    last: dict[str, float] = {}
    for stamp, call, kind, rest in LINE.findall(log):
        now = last[call[:4]] = datetime.datetime.fromisoformat(stamp).timestamp()
        volume, ended = VOLUME.search(rest), ENDED.match(rest)
        if volume is not None and rest.startswith("started"):
            begun[call] = (now, kind, volume[1])
        elif volume is not None and ended is not None:
            begun.pop(call, None)
            yield kind, volume[1], float(ended[1]) / 1000
    for call, (since, kind, key) in begun.items():
        yield kind, key, last[call[:4]] - since


def slowest(bounds: dict[tuple[str, str], float]) -> list[tuple[str, str]]:
    return sorted(bounds, key=lambda which: -bounds[which])[:3]


def strangers(history: History) -> list[str]:
    """Volumes that nobody has made."""
    return [f"a volume that nobody has made: {op}" for op in history.ops if op.answer.get("strangers")]


def count(score: Score, faults: list[Fault], trials: int) -> None:
    score.trial(trials)
    score.double_writers += sum(fault.kind == "late" for fault in faults)
    score.mismatches += sum(fault.kind != "late" for fault in faults)


def report(workload: Workload, verdicts: list[Verdict], fences: int, cancels: int) -> str:
    """The figures of a run."""
    history = workload.history
    table = counts(history.ops)
    lines = [f"seed {workload.seed}, {workload.seconds:.0f} s, {len(history.ops)} operations:"]
    lines += [f"  {kind:26}" + ", ".join(f"{code} {number}" for code, number in sorted(table[kind].items()))
              for kind in sorted(table)]
    written = table.get("Write", {})
    refused = sum(number for code, number in written.items() if code != "OK")
    lines.append(f"{workload.kills} kills, {cancels} cancels, {fences} fences; {written.get('OK', 0)} records "
                 f"acknowledged, {refused} refused")
    lines.append(f"{sum(verdict.operations for verdict in verdicts)} operations judged, "
                 f"{sum(verdict.explored for verdict in verdicts)} configurations explored"
                 + "".join(f", {verdict.key} loosely" for verdict in verdicts if verdict.loose))
    return "\n".join(lines)
