"""The disk every worker starts with: an ext4 file system with the images in containerd's own directory.

They are imported once, here: in a worker each would take ten seconds of an emulated processor. The result is kept,
by what it was made of, in build/kube/images.
"""
from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from e2e import images
from e2e.kube.lock import locked
from e2e.kube.versions import PLACE

CACHE = PLACE / "images"
SIZE = "12G"  # sparse
KEPT = 600  # seconds
# All but what an import needs; the others only complain on a machine that lacks something.
UNUSED = ["grpc.v1.cri", "internal.v1.opt", "snapshotter.v1.btrfs", "snapshotter.v1.zfs", "snapshotter.v1.aufs",
          "snapshotter.v1.devmapper"]


@dataclass(frozen=True)
class Images:
    """The images, imported: as a disk for workers, and as a root of containerd's for the control node."""

    disk: Path
    root: Path


def provide(say: Callable[[str], None]) -> Images:
    """Both, from the cache or made now."""
    with locked(CACHE):
        return _provide(say)


def _provide(say: Callable[[str], None]) -> Images:
    archives = _archives(say)
    key = _key(archives)
    ready = Images(CACHE / f"disk-{key}.img", CACHE / f"root-{key}" / "containerd")
    if not ready.disk.exists():
        _forget_old()
        _make(ready, archives)
        say(f"{len(archives)} images imported into the workers' disk")
    return ready


def _forget_old() -> None:
    """Earlier results; but not one that another cluster may be about to copy."""
    for old in [*CACHE.glob("disk-*"), *CACHE.glob("root-*")]:
        if time.time() - old.stat().st_mtime > KEPT:
            shutil.rmtree(old) if old.is_dir() else old.unlink()


def _archives(say: Callable[[str], None]) -> list[Path]:
    """Every image as an archive; those of earlier contents go."""
    wanted = []
    for image in images.catalogue():
        name = image.names[0].rpartition("/")[2].replace(":", "-")
        archive = CACHE / f"{name}-{image.key()[:16]}.tar"
        wanted.append(archive)
        if not archive.exists():
            partial = archive.with_suffix(".partial")
            image.write(partial)
            partial.rename(archive)
    for old in set(CACHE.glob("*.tar")) - set(wanted):
        old.unlink()
    if images.DRIVER_ARCHIVE.exists():
        wanted.append(images.DRIVER_ARCHIVE)
    else:
        say(f"no {images.DRIVER_ARCHIVE.name}: the cluster comes without the driver's image (make image)")
    return wanted


def _key(archives: list[Path]) -> str:
    """Our archives have their contents in their names; the driver's is read."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for archive in archives:
        digest.update(archive.name.encode())
        if archive == images.DRIVER_ARCHIVE:
            digest.update(hashlib.sha256(archive.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _make(wanted: Images, archives: list[Path]) -> None:
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="import-") as scratch:
        place = Path(scratch)
        with _containerd(place) as address:
            for archive in archives:
                _run("ctr", "-a", address, "-n", "k8s.io", "images", "import", str(archive))
        partial = wanted.disk.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        _run("truncate", "-s", SIZE, str(partial))
        _run("mkfs.ext4", "-q", "-E", "lazy_itable_init=1,lazy_journal_init=1,nodiscard", "-d", str(place / "disk"),
             str(partial))
        (place / "disk").rename(wanted.root.parent)
        partial.rename(wanted.disk)


@contextmanager
def _containerd(place: Path) -> Iterator[str]:
    """A containerd of our own, for as long as the block lasts; its root is place/disk/containerd."""
    address = place / "sock"
    plugins = ", ".join(f'"io.containerd.{name}"' for name in UNUSED)
    (place / "config.toml").write_text(
        f'version = 2\nroot = "{place}/disk/containerd"\nstate = "{place}/state"\ndisabled_plugins = [{plugins}]\n'
        f'[grpc]\naddress = "{address}"\n')
    (place / "disk").mkdir()
    # In a mount namespace of its own; it ends with us, however we end.
    argv = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "containerd", "-c", str(place / "config.toml")]
    with (place / "log").open("w") as log, subprocess.Popen(argv, stdout=log, stderr=log) as process:
        try:
            end = time.monotonic() + 60
            while subprocess.run(["ctr", "-a", str(address), "version"], capture_output=True, check=False).returncode:
                if process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError(f"start containerd: {(place / 'log').read_text()[-500:]}")
                time.sleep(0.1)
            yield str(address)
        finally:
            process.terminate()
            process.wait()
    shutil.rmtree(place / "state", ignore_errors=True)


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}: {(done.stderr or done.stdout).strip()[-500:]}")
