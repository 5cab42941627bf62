"""Files of this machine's Debian packages, for images: programs with every library that they load."""
from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from e2e.oci import Content, Link

BUSYBOX = Path("/bin/busybox")


def programs(paths: Iterable[str]) -> dict[str, Content]:
    """Each file where it is here, and the libraries where the loader looks for them."""
    files: dict[str, Content] = {}
    for path in paths:
        if not Path(path).exists():
            raise FileNotFoundError(f"collect {path}: it is not on this machine (run make deps)")
        files[path] = Path(path)
    # Of a script ldd says an error, of a static program nothing.
    said = subprocess.run(["ldd", *files], capture_output=True, text=True, check=False).stdout
    for library in set(re.findall(r"(/\S+) \(0x", said)):
        files[library] = Path(library).resolve()
    return files


def tree(root: str) -> dict[str, Content]:
    """Everything below a directory."""
    return {str(path): Link(str(path.readlink())) if path.is_symlink() else path
            for path in Path(root).rglob("*") if path.is_symlink() or path.is_file()}


def busybox() -> dict[str, Content]:
    """A shell and all the small tools in one static file."""
    applets = subprocess.run([BUSYBOX, "--list"], check=True, capture_output=True, text=True).stdout.split()
    links: dict[str, Content] = {f"/bin/{name}": Link("busybox") for name in applets}
    return {**links, "/bin/busybox": BUSYBOX}
