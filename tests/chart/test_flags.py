"""Every flag that the chart gives exists: asked of the programs themselves."""
import functools
import pathlib
import re
import subprocess

import pytest

import csi_client
from chart import helm
from e2e.kube import versions

DAEMONS = ("rbd-csi-controller", "rbd-csi-node")
PROGRAMS = {"node-driver-registrar": "csi-node-driver-registrar"}


def program(container: str) -> pathlib.Path:
    """The program of a container on this machine."""
    if container in DAEMONS:
        return csi_client.BIN / container
    return versions.PROGRAMS / PROGRAMS.get(container, container)


@functools.cache
def flags(path: pathlib.Path) -> frozenset[str]:
    """What a program lists in its help page, without the dashes."""
    done = subprocess.run([path, "--help"], capture_output=True, text=True, check=False)
    return frozenset(re.findall(r"(?:^|[\s,])--?([a-z][a-z-]*)", done.stdout + done.stderr))


def arguments() -> dict[str, set[str]]:
    """Container to the flags that it gets in any of the sets."""
    found: dict[str, set[str]] = {}
    for name in helm.SETS:
        for thing in helm.objects(helm.render(name)):
            if thing["kind"] in ("Deployment", "DaemonSet"):
                for container in thing["spec"]["template"]["spec"]["containers"]:
                    given = {argument.split("=")[0].lstrip("-") for argument in container["args"]}
                    found.setdefault(container["name"], set()).update(given)
    return found


@pytest.mark.parametrize("container", [*DAEMONS, "csi-provisioner", "csi-attacher", "csi-resizer", "csi-snapshotter",
                                       "node-driver-registrar", "livenessprobe"])
def test_the_program_knows_each_flag(container: str) -> None:
    assert arguments()[container] - flags(program(container)) == set()
