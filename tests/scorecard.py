"""What fault tests count: a pytest plugin, loaded by conftest.py.

    def test_words(world, score, full): ...         # named by a case of faults/catalogue.py, or several
        for _ in range(20 if full else 2):          # `full`: make faults; else the short form of make test
            score.trial()
            ...
            score.late_bytes(0)

Every count is summed over the tests and printed at the end; counts of what must never happen are zero in a good run,
whatever else the test asserts. With RBDCSI_SCORECARD=FILE they are also written there: `faults run` adds up folders.
"""
import dataclasses
import json
import os
import pathlib
from dataclasses import dataclass, field
from typing import Any, Iterator

import pytest

from faults.catalogue import cases_of


@dataclass
class Score:
    """The counts of a run. All but the cases, `trials` and `slowest` count what must never happen."""

    passed: list[str] = field(default_factory=list)  # the numbers of cases of which a test has passed
    failed: list[str] = field(default_factory=list)
    trials: int = 0              # times a fault was brought about
    wedged: int = 0              # never answered well again
    leaked: int = 0              # images, objects, locks, devices, mounts that were left behind
    double_writers: int = 0      # late writes that landed, two nodes let in
    mismatches: int = 0          # bytes that are not those that were acknowledged
    secrets: int = 0             # keys found where they do not belong
    overrun: float = 0.0         # seconds by which the latest answer came after its deadline; 0: all in time
    slowest: float = 0.0         # seconds of the longest recovery after a fault

    NEVER = ("wedged", "leaked", "double_writers", "mismatches", "secrets")

    def trial(self, count: int = 1) -> None:
        self.trials += count

    def answered(self, seconds: float, deadline: float) -> None:
        """An answer came after so long."""
        self.overrun = max(self.overrun, seconds - deadline)

    def recovered(self, seconds: float) -> None:
        """A fault is over, and so long after it all was well."""
        self.slowest = max(self.slowest, seconds)

    def add(self, other: "Score") -> None:
        self.passed = sorted({*self.passed, *other.passed})
        self.failed = sorted({*self.failed, *other.failed})
        for name in ("trials", *self.NEVER):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.overrun = max(self.overrun, other.overrun)
        self.slowest = max(self.slowest, other.slowest)

    def __str__(self) -> str:
        held = set(self.passed) - set(self.failed)
        return (f"{len(held)} cases, {self.trials} trials: {self.wedged} wedged, {self.leaked} leaked, "
                f"{self.double_writers} double writers, {self.mismatches} data mismatches, "
                f"{self.secrets} secrets found; longest answer past its deadline {self.overrun:.1f} s, "
                f"slowest recovery {self.slowest:.1f} s")


def read(path: pathlib.Path) -> Score:
    return Score(**json.loads(path.read_text()))


TOTAL = pytest.StashKey[Score]()
FAILED = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="fault tests in their full length (make faults)")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TOTAL] = Score()


@pytest.fixture(scope="session")
def full(request: pytest.FixtureRequest) -> bool:
    """True in `make faults`, False in `make test`."""
    return bool(request.config.getoption("--full"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: "pytest.CallInfo[None]") -> Iterator[None]:
    outcome = yield
    result = outcome.get_result()  # type: ignore[attr-defined]
    if call.when == "teardown" or result.failed:
        cases = cases_of(f"{pathlib.Path(str(item.fspath)).parent.name}/{item.nodeid.split('/')[-1]}")
        total = item.config.stash[TOTAL]
        item.stash[FAILED] = item.stash.get(FAILED, False) or result.failed
        total.add(Score(failed=cases) if item.stash[FAILED] else Score(passed=cases))


@pytest.fixture()
def score(request: pytest.FixtureRequest) -> Iterator[Score]:
    """The counts of one test, added to the run's; a count of what must never happen fails the test."""
    mine = Score()
    yield mine
    total = request.config.stash[TOTAL]
    total.add(mine)
    bad = {name: getattr(mine, name) for name in Score.NEVER if getattr(mine, name)}
    assert not bad, bad
    assert mine.overrun <= 1, f"an answer came {mine.overrun:.1f} s after its deadline"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    total = config.stash[TOTAL]
    if total.passed or total.trials:
        terminalreporter.write_line(f"scorecard: {total}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """For `faults run`: RBDCSI_SCORECARD says where."""
    path = os.environ.get("RBDCSI_SCORECARD")
    if path:
        pathlib.Path(path).write_text(json.dumps(dataclasses.asdict(session.config.stash[TOTAL])))
