"""Roots of any Debian suite, from where this machine gets its own Debian: what needs another suite needs no registry.

newest.py builds in one, tests/image makes the base of the image of one. Needs root and mmdebstrap.
"""
import pathlib
import re
import subprocess
from collections.abc import Sequence
from typing import Optional

# What of this machine's apt settings decides whether a mirror can be reached and is believed.
SETTINGS = re.compile(r"Acquire::(https?::|Retries|ForceIPv|Check-Valid-Until|Check-Date).* \".+\";")
# As in Debian's own slim images: nothing to read but the licences.
SLIM = ["path-exclude=/usr/share/man/*", "path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright",
        "path-exclude=/usr/share/locale/*"]


class DebianError(Exception):
    """What did not work, in a line for the user."""


def output(*argv: str) -> str:
    """What a program prints."""
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def own_source(pocket: str = "") -> Optional[str]:
    """Where apt gets a pocket ("", "-security") of this machine's own release from."""
    codename = re.search(r"^VERSION_CODENAME=(\w+)$", pathlib.Path("/etc/os-release").read_text(), re.MULTILINE)
    sources = output("apt-get", "--print-uris", "update")
    found = codename and re.search(rf"^'(\S+)/dists/{codename[1]}{pocket}/InRelease'", sources, re.MULTILINE)
    return found[1] if found else None


def own_mirror() -> str:
    """Where this machine gets its own Debian from."""
    found = own_source()
    if not found:
        raise DebianError("no mirror: apt's sources do not name this Debian release (give one with --mirror)")
    return found


def with_updates(suite: str, mirror: str) -> list[str]:
    """A suite with its updates, and its security updates when this machine's apt knows where such are."""
    security = own_source("-security")
    found = [f"deb {mirror} {suite} main", f"deb {mirror} {suite}-updates main"]
    return [*found, f"deb {security} {suite}-security main"] if security else found


def make_root(place: pathlib.Path, suite: str, sources: Sequence[str], packages: Sequence[str],
              name: str = "root") -> None:
    """A root of that suite, place/name: a folder, or a tar file when it is called so; from mirrors or apt's source
    lines. It takes its name, and the place of an older one, when it is whole. Its apt has this machine's settings."""
    part, log = place / f"part.{name}", place / "root.log"
    remove(part)
    place.mkdir(parents=True, exist_ok=True)
    settings = place / "apt.conf"
    lines = output("apt-config", "dump").splitlines()
    settings.write_text("\n".join([line for line in lines if SETTINGS.match(line)]) + "\n")
    include = [f"--include={' '.join(packages)}"] if packages else []
    form = "tar" if name.endswith(".tar") else "directory"
    with log.open("w") as out:
        done = subprocess.run(
            ["mmdebstrap", "--mode=root", "--variant=apt", f"--format={form}", f"--aptopt={settings}",
             "--aptopt=Acquire::Languages \"none\"", "--dpkgopt=force-unsafe-io",
             *[f"--dpkgopt={option}" for option in SLIM], *include, suite, str(part), *sources],
            stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        remove(part)
        why = [line for line in log.read_text().splitlines() if line.startswith(("E:", " ", "W:"))]
        raise DebianError(f"no root of {suite} from {', '.join(sources)} (the whole story: {log}):\n" +
                          "\n".join(why[-12:]))
    remove(place / name)
    part.rename(place / name)


def remove(root: pathlib.Path) -> None:
    """Deletes a root, and nothing that anybody might have mounted in it."""
    subprocess.run(["rm", "-rf", "--one-file-system", str(root)], check=True)
