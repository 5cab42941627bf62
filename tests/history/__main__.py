"""Judges a history that was kept: `cd tests && python3 -m history FILE.jsonl`."""
import pathlib
import sys

from history import linearize, writes
from history.history import read


def main() -> int:
    history = read(pathlib.Path(sys.argv[1]))
    verdicts = linearize.judge(history.ops)
    stories = [verdict.story for verdict in verdicts if not verdict.good]
    stories += [fault.story for fault in writes.judge(history)]
    print(*stories, f"{len(history.ops)} operations, {len(stories)} violations", sep="\n\n")
    return 1 if stories else 0


if __name__ == "__main__":
    sys.exit(main())
