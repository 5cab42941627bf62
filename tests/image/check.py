"""What the image promises, asserted on the archive itself: unpacked, looked at, and run with a read-only root.

Every check is a function that raises CheckError; `check` runs all of them and says one line for each.
"""
from __future__ import annotations

import hashlib
import os
import pathlib
import re
import signal
import stat
import subprocess
import tempfile
import time
from typing import Any, NamedTuple

import grpc

from image import spdx

Json = dict[str, Any]
LIMIT = 200_000_000
LABELS = ("title", "description", "source", "documentation", "licenses", "vendor", "version", "revision", "created",
          "base.name")
# Interpreters, compilers, package tools and Ceph's daemons: none of them has anything to do in the image.
FORBIDDEN = re.compile(r"(ba|da|z|k)?sh|busybox|perl.*|python.*|g?cc.*|[cg]\+\+.*|ld|as|make|cmake|ninja|apt.*|dpkg.*"
                       r"|ceph.*|rbd|rados|curl|wget|su|sudo|xfs_scrub.*")
# Runs one program in the root as a read-only container would: another user has no capabilities, and gets none; /tmp is
# in memory.
ENTER = """set -eu; root=$1 scratch=$2; shift 2
mount --make-rprivate /; mount --bind "$root" "$root"; mount -o remount,ro,bind "$root"
mount -t proc proc "$root/proc"; mount -t tmpfs tmpfs "$root/tmp"; mount --bind "$scratch" "$root/csi"
mount --bind "$scratch/etc" "$root/etc/rbd-csi"
exec setpriv --no-new-privs env -i /usr/sbin/chroot --userspec=65532:65532 "$root" "$@" """


class CheckError(Exception):
    """A promise that the image does not keep."""


class Image(NamedTuple):
    root: pathlib.Path  # unpacked
    config: Json        # of the archive
    document: Json      # the SBOM
    version: str


def demand(truth: object, message: str) -> None:
    if not truth:
        raise CheckError(message)


def enter(image: Image, scratch: pathlib.Path, *argv: str) -> list[str]:
    """The command line that runs a program of the image."""
    return ["unshare", "--mount", "--pid", "--fork", "--net", "sh", "-c", ENTER, "enter",
            str(image.root), str(scratch), *argv]


def run(image: Image, *argv: str) -> str:
    """What a program of the image prints; it has to end well."""
    with place() as scratch:
        done = subprocess.run(enter(image, pathlib.Path(scratch), *argv), capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=60)
    demand(done.returncode == 0, f"{' '.join(argv)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def place() -> "tempfile.TemporaryDirectory[str]":
    """A folder that becomes /csi of the image, with the driver's configuration in etc."""
    scratch = tempfile.TemporaryDirectory(prefix="rbd-csi-image-")
    os.chown(scratch.name, 65532, 65532)
    (pathlib.Path(scratch.name) / "etc").mkdir(mode=0o755)
    config = pathlib.Path(scratch.name) / "etc/config.json"
    config.write_text('[{"clusterID": "none", "monitors": ["127.0.0.1:1"]}]\n')
    return scratch


def files(image: Image) -> list[pathlib.Path]:
    """Regular files of the root."""
    return [path for path in image.root.rglob("*") if path.is_file() and not path.is_symlink()]


def size(image: Image) -> str:
    """At most 200 MB unpacked, as the blocks of a disk count it."""
    total = sum(-(-path.stat().st_size // 4096) * 4096 for path in files(image))
    demand(total <= LIMIT, f"{total / 1e6:.0f} MB unpacked, {LIMIT / 1e6:.0f} are allowed")
    return f"{total / 1e6:.1f} MB unpacked, {len(files(image))} files"


def config(image: Image) -> str:
    """User, labels, and no entrypoint: the chart names the daemon."""
    settings = image.config["config"]
    labels = {name.removeprefix("org.opencontainers.image."): text for name, text in settings["Labels"].items()}
    demand(settings.get("User") == "65532:65532", f"the user is {settings.get('User')}")
    demand(not settings.get("Entrypoint"), "there is an entrypoint")
    demand(all(labels.get(name) for name in LABELS), f"labels are missing, there are {sorted(labels)}")
    demand(labels["version"] == image.version, f"label version: {labels['version']}")
    return f"user 65532:65532, {len(LABELS)} labels"


def contents(image: Image) -> str:
    """No program that has no business there, nothing setuid, nothing that its user may write to but /tmp."""
    programs = [path for path in files(image) if path.stat().st_mode & 0o111 and path.parent.name in ("bin", "sbin")]
    names = [path.name for path in programs if FORBIDDEN.fullmatch(path.name)]
    demand(not names, f"programs that have no business here: {' '.join(names)}")
    for path in [image.root, *image.root.rglob("*")]:
        status = path.lstat()
        what = f"{path.relative_to(image.root)}: mode {stat.filemode(status.st_mode)}"
        demand(status.st_uid == status.st_gid == 0, f"{what}, owner {status.st_uid}:{status.st_gid}")
        if not path.is_symlink():
            demand(not status.st_mode & 0o6000, f"{what}: setuid")
            demand(not status.st_mode & 0o022 or path == image.root / "tmp", f"{what}: others may write")
    times = {path.lstat().st_mtime for path in image.root.rglob("*")}
    demand(len(times) == 1, f"files have {len(times)} times: two builds would differ")
    return f"{len(programs)} programs, none setuid, all of root's"


def bill(image: Image) -> str:
    """The SBOM is valid SPDX 2.3 and names every file; files of packages are those that Debian built."""
    problems = spdx.problems(image.document)
    demand(not problems, "SBOM: " + "; ".join(problems[:10]))
    listed = {file["fileName"].removeprefix(".") for file in image.document["files"]}
    there = {f"/{path.relative_to(image.root)}" for path in files(image)}
    demand(listed == there, f"SBOM: other files than in the image: {sorted(listed ^ there)[:10]}")
    checked = 0
    for sums in (image.root / "var/lib/dpkg/info").glob("*.md5sums"):
        for line in sums.read_text().splitlines():
            value, name = line.split(maxsplit=1)
            content = (image.root / re.sub(r"^(bin|sbin|lib|lib64)/", r"usr/\1/", name)).read_bytes()
            demand(hashlib.md5(content).hexdigest() == value, f"{name} is not what {sums.stem} installed")
            checked += 1
    packages = len(image.document["packages"]) - 2
    return f"{packages} Debian packages, {len(listed)} files, all accounted for; {checked} match Debian's checksums"


def links(image: Image) -> str:
    """The dynamic linker finds everything that any program or library asks for."""
    linker = next(path for path in (image.root / "usr/lib64").glob("ld-linux*"))
    objects = [path for path in files(image) if path.read_bytes()[:4] == b"\x7fELF" and path.name != linker.name]
    for path in objects:
        text = run(image, f"/usr/lib64/{linker.name}", "--list", f"/{path.relative_to(image.root)}")
        demand("not found" not in text, f"{path.name}: {text}")
    return f"{len(objects)} programs and libraries find what they load"


def tools(image: Image) -> str:
    """Every program starts, and the file systems of the node plugin can be made and checked."""
    for name in ("rbd-csi-controller", "rbd-csi-node"):
        demand(image.version in run(image, f"/usr/bin/{name}", "--version"), f"{name}: another version")
        demand("--endpoint" in run(image, f"/usr/bin/{name}", "--help"), f"{name}: no help")
    for name in ("mkfs.ext4", "e2fsck", "mkfs.xfs", "xfs_repair"):
        run(image, f"/usr/sbin/{name}", "-V")
    run(image, "/usr/sbin/mkfs.ext4", "-q", "-F", "/tmp/ext4", "64m")
    run(image, "/usr/sbin/mkfs.xfs", "-q", "-d", "file=1,name=/tmp/xfs,size=300m")
    return "both daemons and all programs start; ext4 and xfs are made"


def probe(image: Image) -> str:
    """The controller serves, as 65532 on a read-only root with no capability and no Ceph in reach."""
    begin = time.monotonic()
    with place() as scratch:
        argv = enter(image, pathlib.Path(scratch), "/usr/bin/rbd-csi-controller", "--endpoint=unix:///csi/csi.sock")
        with tempfile.TemporaryFile() as log, subprocess.Popen(argv, stdout=log, stderr=log,
                                                               start_new_session=True) as daemon:
            try:
                name = call(scratch, "GetPluginInfo")
                ready = call(scratch, "Probe")
            except grpc.RpcError as error:
                log.seek(0)
                raise CheckError(f"the controller does not answer: {error}\n{log.read().decode()}") from error
            finally:
                # Not unshare's --kill-child: the kernel drops that request when the child changes its user.
                os.killpg(daemon.pid, signal.SIGKILL)
    demand(b"rbd-csi.io" in name, f"GetPluginInfo answered {name!r}")
    demand(ready in (b"", b"\x0a\x02\x08\x01"), f"Probe answered {ready!r}")
    return f"the controller answers Probe, read-only and without privilege, {time.monotonic() - begin:.1f} s"


def call(scratch: str, method: str) -> bytes:
    """One RPC of the Identity service with an empty request; the answer as it came over the wire."""
    with grpc.insecure_channel(f"unix://{scratch}/csi.sock") as channel:
        stub = channel.unary_unary(f"/csi.v1.Identity/{method}", request_serializer=bytes, response_deserializer=bytes)
        return bytes(stub(b"", wait_for_ready=True, timeout=20))


def check(image: Image) -> list[str]:
    """All of it, one line each."""
    return [one(image) for one in (size, config, contents, bill, links, tools, probe)]
