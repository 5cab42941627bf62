#!/usr/bin/python3
"""clang-tidy over every source of a clang build, two at a time: clang_tidy.py BUILD_DIRECTORY [FILE...]."""
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The one translation unit on Ceph's C++ API is C++17 for the same reason: clang 14 cannot parse the header in C++20.
LEFT_OUT = {"controller/watchers.cc"}


def check(build: str, path: str) -> tuple[str, bool, str]:
    done = subprocess.run(["clang-tidy", "--quiet", "-p", build, path], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    return path, done.returncode == 0, done.stdout + (done.stderr if done.returncode else "")


def main() -> int:
    build = sys.argv[1]
    commands = json.loads((pathlib.Path(build) / "compile_commands.json").read_text(encoding="utf-8"))
    ours = sorted({os.path.relpath(entry["file"], ROOT) for entry in commands} - LEFT_OUT)
    files = sys.argv[2:] or [path for path in ours if not path.startswith(("build/", ".."))]
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, ok, text in pool.map(lambda path: check(build, path), files):
            print(f"{'ok    ' if ok else 'FAILED'} {path}", flush=True)
            if not ok:
                bad += 1
                print(text)
    print(f"clang-tidy: {len(files) - bad} passed, {bad} failed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
