#!/usr/bin/python3
"""The build, the unit tests and the store's live tests on the newest Ceph that Debian has. Needs root and a mirror.

The driver writes some of RBD's object-class calls itself, so a newer Ceph may read them in another way than the one of
Debian 12 does. This makes a root of a newer suite in build/newest/SUITE/root, with this machine's mirror and apt
settings, and runs inside.py in it. The root is kept until `make clean`, or until its list of packages changes.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "newest"
# Testing. Debian 13 has Ceph 18.2: --suite=trixie.
NEWEST = "forky"
# What of this machine's apt settings decides whether a mirror can be reached and is believed.
SETTINGS = re.compile(r"Acquire::(https?::|Retries|ForceIPv|Check-Valid-Until|Check-Date).* \".+\";")


class Failed(Exception):
    """What did not work, in a line for the user."""


def output(*argv: str) -> str:
    """What a program prints."""
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def own_mirror() -> str:
    """Where this machine gets its own Debian from."""
    codename = re.search(r"^VERSION_CODENAME=(\w+)$", pathlib.Path("/etc/os-release").read_text(), re.MULTILINE)
    sources = output("apt-get", "--print-uris", "update")
    found = codename and re.search(rf"^'(\S+)/dists/{codename[1]}/InRelease'", sources, re.MULTILINE)
    if not found:
        raise Failed("no mirror: apt's sources do not name this Debian release (give one with --mirror)")
    return found[1]


def make_root(place: pathlib.Path, suite: str, mirror: str, packages: list[str]) -> None:
    """A root of that suite. It takes its name, and the place of an older one, when it is whole."""
    part, log = place / "root.part", place / "root.log"
    remove(part)
    settings = place / "apt.conf"
    lines = output("apt-config", "dump").splitlines()
    settings.write_text("\n".join([line for line in lines if SETTINGS.match(line)]) + "\n")
    with log.open("w") as out:
        done = subprocess.run(
            ["mmdebstrap", "--mode=root", "--variant=apt", "--format=directory", f"--aptopt={settings}",
             "--aptopt=Acquire::Languages \"none\"", "--dpkgopt=force-unsafe-io",
             "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*",
             f"--include={' '.join(packages)}", suite, str(part), mirror],
            stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        remove(part)
        why = [line for line in log.read_text().splitlines() if line.startswith(("E:", " ", "W:"))]
        raise Failed(f"no root of {suite} from {mirror} (the whole story: {log}):\n" + "\n".join(why[-12:]))
    remove(place / "root")
    part.rename(place / "root")


def remove(root: pathlib.Path) -> None:
    """Deletes a root, and nothing that anybody might have mounted in it."""
    subprocess.run(["rm", "-rf", "--one-file-system", str(root)], check=True)


def provide(place: pathlib.Path, suite: str, mirror: str) -> pathlib.Path:
    """The root of that suite, from the last time or made now."""
    root, stamp = place / "root", place / "root.json"
    packages = output(str(ROOT / "tests" / "install-deps"), "--list").split()
    recipe = json.dumps(packages)
    if root.exists() and stamp.exists() and stamp.read_text() == recipe:
        return root
    place.mkdir(parents=True, exist_ok=True)
    print(f"newest: making a root of Debian {suite} from {mirror}", flush=True)
    begin = time.monotonic()
    make_root(place, suite, mirror, packages)
    stamp.write_text(recipe)
    print(f"newest: {root} made in {time.monotonic() - begin:.0f} s", flush=True)
    return root


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default=NEWEST, help=f"which Debian, default {NEWEST}")
    parser.add_argument("--mirror", default="", help="where to get it from, default where this machine gets its own")
    options = parser.parse_args()
    place = ROOT / "build" / "newest" / options.suite
    try:
        root = provide(place, options.suite, options.mirror or own_mirror())
    except Failed as error:
        print(f"newest: {error}", file=sys.stderr)
        return 1
    # In our own place: whoever ends this process ends everything in the root.
    os.execvp("unshare", ["unshare", "--mount", "--pid", "--fork", "--kill-child", str(HERE / "enter"), str(root),
                          str(ROOT), "/usr/bin/python3", "-B", str(HERE / "inside.py"), str(place)])


if __name__ == "__main__":
    sys.exit(main())
