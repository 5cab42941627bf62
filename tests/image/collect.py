#!/usr/bin/python3
"""Makes the image's root: the daemons, the programs that the node plugin runs, their libraries, and nothing else.

Runs in the build stage of the Dockerfile. Whole packages would bring a shell, perl, Python and 100 MiB that nothing
calls. What dpkg knows of each package that gave a file comes along, cut down to the files that are there, so that
scanners and the SBOM see the image as the Debian system it is a part of.
"""
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

# node/ runs the first three; the others are for the administrator whom an error message sends there.
PROGRAMS = ["/usr/sbin/mkfs.ext4", "/usr/sbin/mkfs.xfs", "/usr/sbin/e2fsck", "/usr/sbin/xfs_repair",
            "/usr/sbin/tune2fs", "/usr/sbin/dumpe2fs", "/usr/sbin/resize2fs"]
# Settings of the programs, and what tells a scanner which Debian this is.
DATA = ["/etc/mke2fs.conf", "/usr/share/xfsprogs/mkfs", "/etc/os-release", "/usr/lib/os-release", "/etc/debian_version",
        "/usr/share/common-licenses"]
# A root file system of Debian's shape, and where a pod's volumes are mounted when the root is read-only.
LINKS = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64", "var/run": "/run"}
FOLDERS = {"dev": 0o755, "proc": 0o555, "run": 0o755, "sys": 0o555, "tmp": 0o1777, "etc/rbd-csi": 0o755, "csi": 0o755,
           "usr/bin": 0o755, "var/lib/kubelet": 0o755}
OWN = {
    "etc/passwd": "root:x:0:0:root:/:/sbin/nologin\nrbd-csi:x:65532:65532:rbd-csi:/:/sbin/nologin\n",
    "etc/group": "root:x:0:\nrbd-csi:x:65532:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
DPKG = pathlib.Path("/var/lib/dpkg")


def usr(path: str) -> str:
    """The name under /usr of a file that a package may know by the old one."""
    return re.sub(r"^/(bin|sbin|lib|lib64)/", r"/usr/\1/", path)


def owners() -> dict[str, str]:
    """Every installed path -> name of dpkg's files about the package that has it (with the architecture, if given)."""
    found = {}
    for listing in sorted((DPKG / "info").glob("*.list")):
        found.update({usr(path): listing.stem for path in listing.read_text().splitlines()})
    return found


def libraries(program: str) -> Iterator[str]:
    """What the dynamic linker loads for a program, itself included."""
    text = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    if "not found" in text:
        sys.exit(f"collect {program}: a library is missing:\n{text}")
    yield from re.findall(r"(/\S+) \(0x", text)


def chain(path: str) -> Iterator[str]:
    """A file, and the links on the way to it."""
    place = pathlib.Path(usr(path))
    yield str(place)
    while place.is_symlink():
        place = pathlib.Path(usr(str((place.parent / place.readlink()).absolute())))
        place = place.parent.resolve() / place.name
        yield str(place)


def wanted(daemons: list[pathlib.Path]) -> set[str]:
    """Everything that comes from packages, but for their licences."""
    paths = {link for program in PROGRAMS for link in chain(program)}
    for program in [*map(str, daemons), *PROGRAMS]:
        paths |= {link for library in libraries(program) for link in chain(library)}
    for name in DATA:
        below = [str(path) for path in sorted(pathlib.Path(name).rglob("*"))]
        paths |= {link for path in below or [name] for link in chain(path)}
    return paths


def copy(path: str, root: pathlib.Path) -> None:
    """One file or link to its place in the new root, without any setuid bit."""
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, target, follow_symlinks=False)
    if not target.is_symlink():
        target.chmod(target.stat().st_mode & 0o755)


def licence(package: str) -> set[str]:
    """The copyright file of a package: often in the folder of another package, which then comes along too."""
    path = pathlib.Path("/usr/share/doc", package.split(":")[0])
    own = {str(path)} if path.is_symlink() else set()
    return {*own, *chain(str(path.resolve() / "copyright"))}


def record(packages: dict[str, set[str]], root: pathlib.Path) -> None:
    """dpkg's database of these packages and files, in an order of its own."""
    info = root / "var/lib/dpkg/info"
    info.mkdir(parents=True)
    for name, paths in packages.items():
        (info / f"{name}.list").write_text("".join(f"{path}\n" for path in sorted(paths)))
        sums = DPKG / "info" / f"{name}.md5sums"
        lines = sums.read_text().splitlines() if sums.exists() else []
        kept = [line for line in lines if usr("/" + line.split(maxsplit=1)[1]) in paths]
        (info / f"{name}.md5sums").write_text("".join(f"{line}\n" for line in sorted(kept)))
    names = {name.split(":")[0] for name in packages}
    stanzas = (DPKG / "status").read_text().strip().split("\n\n")
    kept = sorted(text for text in stanzas if text.splitlines()[0].removeprefix("Package: ") in names)
    (root / "var/lib/dpkg/status").write_text("".join(f"{text}\n\n" for text in kept))


def main() -> None:
    bin_folder, text_of_licence, root = map(pathlib.Path, sys.argv[1:])
    daemons = [bin_folder / "rbd-csi-controller", bin_folder / "rbd-csi-node"]
    for name, mode in FOLDERS.items():
        (root / name).mkdir(parents=True)
        (root / name).chmod(mode)
    owner, paths = owners(), wanted(daemons)
    packages: dict[str, set[str]] = {}
    while paths:
        path = paths.pop()
        if path not in owner:
            sys.exit(f"collect {path}: no package has it")
        if path in packages.setdefault(owner[path], set()):
            continue
        if not packages[owner[path]]:
            paths |= licence(owner[path])
        packages[owner[path]].add(path)
        copy(path, root)
    for name, target in LINKS.items():
        (root / name).symlink_to(target)
    for name, text in OWN.items():
        (root / name).write_text(text)
    for daemon in daemons:
        shutil.copy2(daemon, root / "usr/bin" / daemon.name)
    (root / "usr/share/doc/rbd-csi").mkdir()
    shutil.copy2(text_of_licence, root / "usr/share/doc/rbd-csi/copyright")
    record(packages, root)
    print(f"collect: {sum(map(len, packages.values()))} files of {len(packages)} packages")


if __name__ == "__main__":
    main()
