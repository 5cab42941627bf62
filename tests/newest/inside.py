#!/usr/bin/python3
"""What newest.py runs in the newer root: the build, the unit tests, and the store's live tests on that root's Ceph.

Prints `newest: Ceph X.Y.Z: N cases passed` and ends with 0, or shows the end of the log of the part that failed.
"""
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
PASSED = re.compile(r"^All tests passed \(\d+ assertions? in (\d+) test cases?\)", re.MULTILINE)


class Failed(Exception):
    """A part failed; its log was shown."""


def part(place: pathlib.Path, name: str, argv: list[str], **environment: str) -> str:
    """Runs one part with its output in a log, says how long it took, and answers the output."""
    begin = time.monotonic()
    log = place / f"{name}.log"
    with log.open("w") as out:
        # In / as under an init system: Debian's Ceph 20 looks for its object classes below the working directory.
        code = subprocess.run(argv, cwd="/", env={**os.environ, **environment}, check=False, stdout=out,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL).returncode
    text = log.read_text(errors="replace")
    if code != 0:
        raise Failed(f"{text[-8000:]}\nnewest: {name} failed ({' '.join(argv)}), its log is {log}")
    print(f"newest: {name}: {time.monotonic() - begin:.0f} s", flush=True)
    return text


def cases(name: str, text: str) -> int:
    """How many cases a Catch2 program has passed, by its last line."""
    found = PASSED.findall(text)
    if not found:
        raise Failed(f"{text[-8000:]}\nnewest: {name} did not say how many cases passed")
    return sum(map(int, found))


def run(place: pathlib.Path) -> str:
    """Everything; the line that says what passed."""
    build = place / "build"
    ceph = re.search(r"ceph version (\S+)", part(place, "version", ["ceph", "--version"]))
    part(place, "configure", ["cmake", "-S", str(ROOT), "-B", str(build), "-G", "Ninja",
                              "-DCMAKE_BUILD_TYPE=RelWithDebInfo", "-DCMAKE_CXX_COMPILER=g++"])
    part(place, "build", ["ninja", "-C", str(build), "-k0", f"-j{os.cpu_count()}"])
    passed = 0
    for program in sorted((build / "bin").glob("*_unit")):
        passed += cases(program.name, part(place, program.name, [str(program)]))
    text = part(place, "live", ["/usr/bin/python3", "-B", "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider",
                                f"--rootdir={TESTS}", str(TESTS / "live" / "test_store.py")],
                RBDCSI_BUILD=str(build / "bin"))
    live = cases("controller_live", text)
    return f"newest: Ceph {ceph and ceph[1]}: {passed + live} cases passed ({passed} unit, {live} live)"


def main() -> int:
    try:
        print(run(pathlib.Path(sys.argv[1])))
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
