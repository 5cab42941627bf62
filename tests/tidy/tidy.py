#!/usr/bin/python3
"""The rules that keep this house one can live in, as a test. Each message says what to do instead.

Layers, sizes and words, for every C++ source that git knows or would add. Formatting, types and lints are lint.py's.
"""
import pathlib
import re
import subprocess
import sys
from typing import Iterator, NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAX_FILE_LINES = 500
MAX_LINE = 100


class Finding(NamedTuple):
    path: str
    line: int
    text: str


class Word(NamedTuple):
    pattern: str
    instead: str
    allowed: tuple[str, ...] = ()


CEPH = ("controller/ceph_handles", "controller/rbd_", "controller/image_header", "controller/watchers",
        "tests/live/", "tests/bench/")
WORDS = [
    Word(r"\bstd::system\(|(?<![\w.>:])system\(|\bpopen\(", "run a program through node/command.h, with an argv"),
    Word(r"\bstd::(mutex|lock_guard|unique_lock|condition_variable)\b", "use absl::Mutex with ABSL_GUARDED_BY"),
    Word(r"\.detach\(\)", "own the thread and join it"),
    Word(r"\busing namespace\b", "name what you use"),
    Word(r"\bremove_all\(|\bnftw\(", "nothing is deleted recursively here: rmdir or unlink one thing"),
    Word(r"\bstrerror\(", "ErrnoText() in csi/status.h is thread-safe"),
    Word(r"\b(TODO|FIXME|XXX)\b", "do it, or open an issue"),
    Word(r"\bgrpc::Status(Code)?\b(?!Or)", "return absl::Status; csi/rpc alone makes a grpc::Status",
         ("csi/rpc.", "csi/identity_service.", "controller/controller_grpc.h", "controller/group_grpc.h",
          "controller/metadata_grpc.h", "node/node_grpc.h", "tests/")),
    Word(r"#include [<\"]csi(\.grpc)?\.pb\.h[\">]",
         "messages stay in csi/, *_grpc.h and *_service.*: pass a domain struct",
         ("csi/", "controller/controller_grpc.h", "controller/controller_service.", "controller/snapshot_service.",
          "controller/group_grpc.h", "controller/group_service.", "controller/metadata_grpc.h",
          "controller/metadata_service.", "controller/messages.", "node/node_grpc.h", "node/node_service.", "tests/")),
    Word(r"#include <(rados/|rbd/)",
         "librados and librbd are known to the ceph adapters only: go through image_store.h", CEPH),
    Word(r"\bDebugString\(", "it prints secrets: use Redacted() in csi/redact.h", ("csi/redact.", "tests/")),
]
LAYERS = [("csi/", ("controller/", "node/", "tests/")), ("controller/", ("node/", "tests/")),
          ("node/", ("controller/", "tests/"))]


def sources() -> list[str]:
    """C++ files tracked by git, and new ones it does not ignore."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.cc", "*.h"], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout.split()
    return sorted(path for path in set(listed) if (ROOT / path).exists())


def without_comment(line: str) -> str:
    """The code of a line; a string that holds // is rare enough here to lose."""
    return line.split("//", 1)[0]


def check_words(path: str, lines: list[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines, 1):
        for word in WORDS:
            text = line if "TODO" in word.pattern else without_comment(line)
            if re.search(word.pattern, text) and not path.startswith(word.allowed):
                yield Finding(path, number, f"`{line.strip()}`: {word.instead}")


def check_layers(path: str, lines: list[str]) -> Iterator[Finding]:
    for folder, forbidden in LAYERS:
        if not path.startswith(folder):
            continue
        for number, line in enumerate(lines, 1):
            match = re.match(r'#include "([^"]+)"', line)
            if match and match.group(1).startswith(forbidden):
                yield Finding(path, number, f"{folder} must not know {match.group(1)}: "
                                            "move what both need to csi/, or pass it as an argument")


def check_shape(path: str, lines: list[str]) -> Iterator[Finding]:
    if len(lines) > MAX_FILE_LINES:
        yield Finding(path, len(lines), f"{len(lines)} lines: more than one idea lives here, split it")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE and "http" not in line and "NOLINT" not in line:
            yield Finding(path, number, f"{len(line)} columns, the limit is {MAX_LINE}: run make format")
    if path.endswith(".h"):
        if not lines or not lines[0].startswith("//"):
            yield Finding(path, 1, "a header opens with a comment: what it is, which thread may call it, "
                                   "where a rule comes from")
        if not any(line.startswith("#pragma once") for line in lines):
            yield Finding(path, 1, "no #pragma once")


def check_project() -> Iterator[Finding]:
    """No path of a machine where the project is developed, in any file."""
    pattern = "(^|[^a-zA-Z0-9_./-])/(work|farm)/|/tmp/w/"
    argv = ["git", "grep", "-nE", pattern, "--", ".", ":!tests/tidy/tidy.py"]
    hits = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    for hit in hits.splitlines():
        path, line, text = hit.split(":", 2)
        yield Finding(path, int(line), f"`{text.strip()}`: a path of somebody's machine; "
                                       "derive it from the file's own place")


def main() -> int:
    findings = list(check_project())
    files = sources()
    for path in files:
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        findings += [*check_words(path, lines), *check_layers(path, lines), *check_shape(path, lines)]
    for finding in findings:
        print(f"{finding.path}:{finding.line}: {finding.text}")
    print(f"tidy: {len(files)} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
