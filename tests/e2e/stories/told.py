"""What a story is, and how it is told: one line with its seconds; what the cluster looked like when it failed."""
from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

from e2e.cluster import Cluster

# What explains most failures, as a user would ask for it.
QUESTIONS = {
    "pods": ["get", "pods", "-A", "-o", "wide"],
    "volumes": ["get", "pvc,pv,volumeattachment", "-A"],
    "events": ["get", "events", "-A", "--sort-by=.lastTimestamp"],
    "descriptions": ["describe", "pods,pvc", "-A"],
}
# So many keep two emulated workers busy; with more each would only take longer.
AT_ONCE = 4


class Broken(AssertionError):
    """A claim of a story did not hold."""


def claim(holds: bool, otherwise: str) -> None:
    """What a story is for. `otherwise` says what was seen instead."""
    if not holds:
        raise Broken(otherwise)


@dataclass(frozen=True)
class Story:
    """A sentence that is true of the cluster once `run` has ended. `run` may return a remark for the line."""

    name: str
    sentence: str
    run: Callable[[Cluster], str | None]
    short: bool = False  # part of the short form, `e2e run --short`
    together: bool = False  # may be told while its neighbours are that say the same


@contextmanager
def scene(cluster: Cluster, name: str) -> Iterator[str]:
    """A namespace for a story. Of a failure it is written down what the cluster was like before the namespace went."""
    with cluster.namespace(name) as namespace:
        try:
            yield namespace
        except Exception as error:
            error.add_note(_look(cluster, name))
            raise


def tell(cluster: Cluster, stories: Sequence[Story]) -> int:
    """Tell them in order; the exit code. A story that fails does not stop the next ones."""
    begin = time.monotonic()
    held = [each for together, group in groupby(stories, key=lambda story: story.together)
            for each in (_together if together else _in_turn)(cluster, list(group))]
    print(f"{time.monotonic() - begin:7.1f} s  {held.count(True)} of {len(stories)} stories hold", flush=True)
    return 0 if all(held) else 1


def _in_turn(cluster: Cluster, stories: Sequence[Story]) -> list[bool]:
    return [_tell_one(cluster, story) for story in stories]


def _together(cluster: Cluster, stories: Sequence[Story]) -> list[bool]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            return list(pool.map(lambda story: _tell_one(cluster, story), stories))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _tell_one(cluster: Cluster, story: Story) -> bool:
    """Tell one story and print its line. True if it holds."""
    start = time.monotonic()
    try:
        remark = story.run(cluster)
        print(f"{time.monotonic() - start:7.1f} s  ok      {story.sentence}" + (f": {remark}" if remark else ""),
              flush=True)
        return True
    except Exception as error:  # noqa: B902  # whatever it is, the next story is told
        seconds = time.monotonic() - start
        seen = "\n           ".join(getattr(error, "__notes__", None) or [_look(cluster, story.name)])
        print(f"{seconds:7.1f} s  FAILED  {story.sentence}\n"
              f"           {type(error).__name__}: {error}\n           {seen}", flush=True)
        return False


def _look(cluster: Cluster, name: str) -> str:
    """Write down what the cluster says now; returns where."""
    path = cluster.world.layout.log(f"story-{name}")
    with path.open("w") as file:
        for title, arguments in QUESTIONS.items():
            try:
                said = cluster.kubectl(*arguments, check=False, timeout=60).stdout
            except subprocess.TimeoutExpired:
                said = "no answer within 60 s\n"
            file.write(f"== {title}\n{said}\n")
    return f"what the cluster looked like: {path}; all logs: {path.parent}"
