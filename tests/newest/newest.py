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
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "newest"
sys.path.insert(0, str(ROOT / "tests"))

import debian_root  # noqa: E402

# Testing. Debian 13 has Ceph 18.2: --suite=trixie.
NEWEST = "forky"


def provide(place: pathlib.Path, suite: str, mirror: str) -> pathlib.Path:
    """The root of that suite, from the last time or made now."""
    root, stamp = place / "root", place / "root.json"
    packages = debian_root.output(str(ROOT / "tests" / "install-deps"), "--list").split()
    recipe = json.dumps(packages)
    if root.exists() and stamp.exists() and stamp.read_text() == recipe:
        return root
    place.mkdir(parents=True, exist_ok=True)
    print(f"newest: making a root of Debian {suite} from {mirror}", flush=True)
    begin = time.monotonic()
    debian_root.make_root(place, suite, [mirror], packages)
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
        root = provide(place, options.suite, options.mirror or debian_root.own_mirror())
    except debian_root.DebianError as error:
        print(f"newest: {error}", file=sys.stderr)
        return 1
    # In our own place: whoever ends this process ends everything in the root.
    os.execvp("unshare", ["unshare", "--mount", "--pid", "--fork", "--kill-child", str(HERE / "enter"), str(root),
                          str(ROOT), "/usr/bin/python3", "-B", str(HERE / "inside.py"), str(place)])


if __name__ == "__main__":
    sys.exit(main())
