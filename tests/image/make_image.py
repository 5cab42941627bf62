#!/usr/bin/python3
"""Builds the image, checks it, and leaves it in build/image: rbd-csi.oci.tar and rbd-csi.spdx.json. Needs root.

The base is a root of Debian 13 from this machine's mirror, or with --base an image that buildah can get. Nothing is
done when the last image was made of the same.
"""
from __future__ import annotations

import argparse
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time
from typing import NamedTuple, Optional

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

import debian_root  # noqa: E402
from image import archive, check, sbom  # noqa: E402
from image.builder import Builder, BuildError  # noqa: E402

NAME = "ghcr.io/rbd-csi/rbd-csi"
SUITE = "trixie"
# What the image is made of, and what says whether it is right: another one of these is another image.
INPUTS = ("Dockerfile", ".dockerignore", "CMakeLists.txt", "LICENSE", "csi", "controller", "node", "tests/image",
          "tests/debian_root.py")
PLACE = ROOT / "build" / "image"
BEGIN = time.monotonic()


class Source(NamedTuple):
    version: str
    revision: str  # of git; with + when a file of the image is not as git has it
    epoch: int     # the commit's time: all times in the image
    key: str       # of everything that the image is made of


def say(line: str) -> None:
    """Progress, with the seconds since the start."""
    print(f"[{time.monotonic() - BEGIN:6.1f} s] {line}", flush=True)


def git(*argv: str) -> Optional[str]:
    """What git says, if this is a clone and git is there."""
    done = subprocess.run(["git", "-C", str(ROOT), *argv], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def source(base: str) -> Source:
    """Which image the files here make, over that base."""
    version = re.search(r"^project\(rbd-csi VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(), re.MULTILINE)
    assert version
    revision = (git("rev-parse", "HEAD") or "unknown") + ("+" if git("status", "--porcelain", "--", *INPUTS) else "")
    epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct") or 0)
    digest = hashlib.sha256(f"{base} {version[1]} {revision} {epoch}".encode())
    for name in INPUTS:
        for path in sorted([ROOT / name, *(ROOT / name).rglob("*")]):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(f"{path.relative_to(ROOT)} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return Source(version[1], revision, epoch, digest.hexdigest())


def moment(epoch: int) -> str:
    return datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def build(place: pathlib.Path, made: Source, options: argparse.Namespace) -> str:
    """The image in that folder, as layout and archive; its digest."""
    builder = Builder(place, say)
    base = options.base or builder.base(options.suite, options.mirror)
    image = builder.build(base, made.epoch, {"VERSION": made.version, "REVISION": made.revision,
                                             "CREATED": moment(made.epoch)})
    digest = builder.push(image, place / "oci")
    archive.pack(place / "oci", f"{NAME}:{made.version}", place / "rbd-csi.oci.tar")
    return digest


def examine(place: pathlib.Path, made: Source, digest: str) -> list[str]:
    """Unpacks the archive, writes the SBOM of what is in it, and checks both."""
    config = archive.unpack(place / "rbd-csi.oci.tar", place / "root")
    document = sbom.describe(place / "root", NAME, made.version, digest, moment(made.epoch))
    (place / "rbd-csi.spdx.json").write_text(json.dumps(document, indent=1) + "\n")
    return check.check(check.Image(place / "root", config, document, made.version))


def twice(made: Source, digest: str, options: argparse.Namespace) -> None:
    """The same once more from nothing: another base, no layer, no compiler's cache."""
    again = PLACE.parent / "image-again"
    debian_root.remove(again)
    other = build(again, made, options)
    say(f"second build: {other}")
    if other != digest:
        raise BuildError(f"two builds of the same differ: {digest} in {PLACE}, {other} in {again}")
    debian_root.remove(again)


def make(options: argparse.Namespace) -> None:
    """Builds and checks what is not there yet; says what there is."""
    made, stamp, target = source(options.base or options.suite), PLACE / "image.json", PLACE / "rbd-csi.oci.tar"
    last = json.loads(stamp.read_text()) if stamp.exists() and target.exists() else {}
    if last.get("key") != made.key:
        digest = build(PLACE, made, options)
        last = {"key": made.key, "digest": digest, "reference": f"{NAME}:{made.version}",
                "checks": examine(PLACE, made, digest)}
        stamp.write_text(json.dumps(last, indent=1) + "\n")
    for line in last["checks"]:
        say(line)
    if options.twice:
        twice(made, last["digest"], options)
    say(f"{last['reference']}@{last['digest']} is {target.relative_to(ROOT)}, {target.stat().st_size / 1e6:.1f} MB")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default=SUITE, help=f"which Debian, default {SUITE}")
    parser.add_argument("--mirror", default="", help="where to get it from, default where this machine gets its own")
    parser.add_argument("--base", default="", help="an image as base instead, for example debian:trixie-slim")
    parser.add_argument("--fresh", action="store_true", help="today's packages: forget the base and all layers")
    parser.add_argument("--twice", action="store_true", help="build once more from nothing and compare the digests")
    options = parser.parse_args()
    try:
        if options.fresh:
            debian_root.remove(PLACE)
        make(options)
    except (BuildError, check.CheckError, debian_root.DebianError) as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
