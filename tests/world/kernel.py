"""The kernel that nodes run: Debian's own, with krbd, from its package; and the initramfs for it.

Both are kept in a cache that all worlds share. The first `up` on a machine fills it.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import lzma
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import WorldError
from .paths import CACHE, PACKAGE

BUSYBOX = Path("/bin/busybox")
APPLETS = ["sh", "mount", "modprobe", "ip", "cat", "mkdir", "ln", "hostname", "switch_root", "sleep"]
MODULES = [
    "crc32c_generic", "crc32c-intel", "virtio_pci", "virtio_net", "9pnet_virtio", "9p", "overlay",
    "rbd", "xfs", "ext4", "dm-crypt",
]  # fmt: skip


@dataclass(frozen=True)
class Kernel:
    """What QEMU boots, and the modules' directory that the node mounts."""

    image: Path
    initramfs: Path
    modules: Path


def provide() -> Kernel:
    """The kernel and initramfs, from the cache or made now."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with _lock(CACHE / "lock"):
        tree = _newest_tree() or _fetch()
        version = tree.name
        image = tree / "vmlinux"
        modules = tree / "lib" / "modules"
        recipe = hashlib.sha256((PACKAGE / "inside" / "init").read_bytes() + Path(__file__).read_bytes())
        initramfs = tree / f"initramfs-{recipe.hexdigest()[:12]}"
        if not initramfs.exists():
            for old in tree.glob("initramfs-*"):
                old.unlink()
            _write(initramfs, _build_initramfs(modules, version))
    return Kernel(image, initramfs, modules)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Worlds that start at the same time fill the cache one after the other."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _newest_tree() -> Path | None:
    """The cached kernel. A cache never renews itself: tests should not change under one's hands."""
    trees = [path.parent for path in CACHE.glob("*/vmlinux")]
    return max(trees, key=lambda path: _version_key(path.name)) if trees else None


def _version_key(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def _fetch() -> Path:
    with tempfile.TemporaryDirectory(dir=CACHE, prefix="new-") as scratch:
        work = Path(scratch)
        package = _download(work)
        _run(["dpkg", "-x", str(package), str(work / "tree")], work)
        images = list((work / "tree" / "boot").glob("vmlinuz-*"))
        if not images:
            raise WorldError(f"{package.name} holds no kernel image")
        version = images[0].name.removeprefix("vmlinuz-")
        _run([str(BUSYBOX), "depmod", "-b", str(work / "tree"), version], work)
        _write(work / "tree" / "vmlinux", _unpack_image(images[0].read_bytes()))
        target = CACHE / version
        if target.exists():
            shutil.rmtree(target)
        (work / "tree").rename(target)
    return target


def _download(work: Path) -> Path:
    """Ask apt for the kernel that linux-image-amd64 stands for; else for any, newest first."""
    depends = _run(["apt-cache", "depends", "linux-image-amd64"], work, check=False)
    names = re.findall(r"Depends: (linux-image-[0-9]\S+-amd64)\b", depends)
    found = _run(["apt-cache", "search", "--names-only", r"^linux-image-[0-9.]+-[0-9]+-amd64(-unsigned)?$"], work)
    names += sorted((line.split()[0] for line in found.splitlines() if line), key=_version_key, reverse=True)
    for name in dict.fromkeys(names):
        _run(["apt-get", "-q", "download", name], work, check=False)
        for package in work.glob("linux-image-*.deb"):
            return package
    tried = ", ".join(names[:3]) or "none"
    raise WorldError(f"no Debian kernel package could be downloaded (tried {tried}): run apt-get update")


def _run(argv: list[str], directory: Path, check: bool = True) -> str:
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True)
    if check and done.returncode:
        raise WorldError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def _unpack_image(image: bytes) -> bytes:
    """The ELF kernel inside a bzImage: QEMU boots it directly, the emulated processor need not unpack it."""
    for match in re.finditer(rb"\xfd7zXZ\x00", image):
        try:
            return lzma.LZMADecompressor().decompress(image[match.start() :])
        except lzma.LZMAError:
            continue
    return image


def _write(path: Path, data: bytes) -> None:
    """Write a file so that nobody ever sees half of it."""
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    partial.rename(path)


def _build_initramfs(modules: Path, version: str) -> bytes:
    tree: dict[str, tuple[int, bytes]] = {}
    folders = ["bin", "proc", "sys", "dev", "lower", "upper", "root", "lib", "lib/modules", f"lib/modules/{version}"]
    for folder in folders:
        tree[folder] = (0o040755, b"")
    tree["bin/busybox"] = (0o100755, BUSYBOX.read_bytes())
    for applet in APPLETS:
        tree[f"bin/{applet}"] = (0o120777, b"busybox")
    tree["init"] = (0o100755, (PACKAGE / "inside" / "init").read_bytes())
    dependencies = _closure((modules / version / "modules.dep").read_text())
    lines = []
    for path, needs in dependencies.items():
        flat = f"lib/modules/{version}/{Path(path).name}"
        tree[flat] = (0o100644, (modules / version / path).read_bytes())
        lines.append(f"{Path(path).name}: {' '.join(Path(need).name for need in needs)}\n")
    tree[f"lib/modules/{version}/modules.dep"] = (0o100644, "".join(lines).encode())
    for empty in ("modules.alias", "modules.symbols"):
        tree[f"lib/modules/{version}/{empty}"] = (0o100644, b"")
    return _cpio(tree)


def _closure(modules_dep: str) -> dict[str, list[str]]:
    """Files of MODULES and of all that they need, each with its own needs (already complete in the file)."""
    table = {}
    for line in modules_dep.splitlines():
        path, _, needs = line.partition(":")
        table[path] = needs.split()
    by_name = {Path(path).stem.replace("-", "_"): path for path in table}
    wanted = [by_name[name.replace("-", "_")] for name in MODULES if name.replace("-", "_") in by_name]
    everything = dict.fromkeys(path for top in wanted for path in [top, *table[top]])
    return {path: table[path] for path in everything}


def _cpio(tree: dict[str, tuple[int, bytes]]) -> bytes:
    """A "newc" archive, uncompressed: unpacking costs an emulated processor more than reading."""
    out = io.BytesIO()
    for number, (name, (mode, data)) in enumerate([*tree.items(), ("TRAILER!!!", (0, b""))], start=1):
        encoded = name.encode() + b"\0"
        fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(encoded), 0]
        out.write(b"070701" + b"".join(b"%08x" % field for field in fields) + encoded)
        out.write(b"\0" * (-out.tell() % 4) + data)
        out.write(b"\0" * (-out.tell() % 4))
    return out.getvalue()
