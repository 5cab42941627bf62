"""A Go that is new enough: the machine's own, or the one that comes as a module.

Debian 12 has Go 1.19. Its `go mod download` fetches golang.org/toolchain like any module, checked against the
checksum database.
"""
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess

Version = tuple[int, int, int]


def environment() -> dict[str, str]:
    """What every go command runs with: nothing of the caller's choice of Go, no C, no fetching behind our back."""
    env = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -trimpath -mod=readonly",
           "GOTOOLCHAIN": "local", "GOWORK": "off"}
    env.pop("GOROOT", None)
    return env


def find(needed: Version) -> str:
    """The path of a `go` of at least that version; downloads it when this machine's is older."""
    here = shutil.which("go") or "/usr/bin/go"
    if _version(here) >= needed:
        return here
    module = "golang.org/toolchain@v0.0.1-go{}.{}.{}.linux-amd64".format(*needed)
    done = subprocess.run([here, "mod", "download", "-json", module], capture_output=True, text=True,
                          env={**environment(), "GOFLAGS": ""}, cwd="/")
    if done.returncode:
        raise RuntimeError(f"download {module}: {(done.stdout + done.stderr).strip()} (is GOPROXY set?)")
    root = pathlib.Path(json.loads(done.stdout)["Dir"])
    # Module archives carry no execute bits.
    for program in [*(root / "bin").iterdir(), *(root / "pkg" / "tool" / "linux_amd64").iterdir()]:
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(root / "bin" / "go")


def _version(go: str) -> Version:
    """(1, 19, 8) for `go version go1.19.8 linux/amd64`."""
    text = subprocess.run([go, "version"], check=True, capture_output=True, text=True).stdout
    match = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else (0, 0, 0)
