"""csi-sanity against the real driver: the controller on this host, the node plugin in a node with the real krbd."""
import json
import os
import pathlib
import subprocess

import pytest

import csi_client
from world import World

PROGRAM = csi_client.BIN.parents[1] / "csi-sanity"
WORLD = pathlib.Path(__file__).resolve().parents[1] / "world" / "world"
PATHS = "/var/lib/kubelet/sanity"

# csi-sanity skips what is not advertised; these are the only capabilities that may be missing, each with its words.
NOT_ADVERTISED = (
    "ListSnapshots", "GetSnapshot", "DeleteSnapshot", "CreateSnapshot", "ModifyVolume", "GroupController",
    "from an existing source snapshot", "the volume source snapshot is not found",
    "from an existing source volume", "the volume source volume is not found",
    "volume attribute class",
    "node max attach limit",  # a flag of csi-sanity, given in the second run
)


def hooks(world: World, scratch: pathlib.Path) -> dict[str, str]:
    """csi-sanity runs here and the paths are in the node: programs that make, check and remove them there."""
    bodies = {
        "create": 'mkdir -p "$1" && echo "$1"',
        "remove": 'rmdir "$1"',
        "check": 'if [ -d "$1" ]; then echo directory; elif [ -f "$1" ]; then echo file; '
                 'elif [ -e "$1" ]; then echo other; else echo not_found; fi',
    }
    paths = {}
    for name, body in bodies.items():
        path = scratch / name
        path.write_text(f"#!/bin/sh\nexec {WORLD} exec --dir {world.directory} node1 -- sh -c '{body}' {name} \"$1\"\n")
        path.chmod(0o755)
        paths[name] = str(path)
    return paths


def run(world: World, scratch: pathlib.Path, access_type: str, *more: str) -> dict[str, list[str]]:
    """One run of the whole suite; names of the specs by their end."""
    node = world.node("node1")
    node.run(["mkdir", "-p", PATHS])
    parameters = scratch / "parameters.yaml"
    parameters.write_text("pool: rbd\n")
    hook = hooks(world, scratch)
    report = scratch / "report.json"
    done = subprocess.run([
        str(PROGRAM), f"--csi.endpoint=unix:{node.socket}", f"--csi.controllerendpoint=unix:{world.controller.socket}",
        f"--csi.testvolumeparameters={parameters}", "--csi.testvolumesize=1073741824",
        "--csi.testvolumeexpandsize=2147483648", f"--csi.testvolumeaccesstype={access_type}",
        f"--csi.mountdir={PATHS}/mount", f"--csi.stagingdir={PATHS}/staging",
        f"--csi.createmountpathcmd={hook['create']}", f"--csi.createstagingpathcmd={hook['create']}",
        f"--csi.removemountpathcmd={hook['remove']}", f"--csi.removestagingpathcmd={hook['remove']}",
        f"--csi.checkpathcmd={hook['check']}", "--csi.createpathcmdtimeout=60s", "--csi.removepathcmdtimeout=60s",
        "--csi.checkpathcmdtimeout=60s", f"--ginkgo.json-report={report}", "--ginkgo.no-color", *more,
    ], capture_output=True, text=True, check=False, timeout=1500, env={**os.environ, "TMPDIR": str(scratch)})
    (world.layout.logs / f"csi-sanity-{access_type}.log").write_text(done.stdout + done.stderr)
    ended: dict[str, list[str]] = {}
    for spec in json.loads(report.read_text())[0]["SpecReports"]:
        if spec["LeafNodeType"] == "It":
            name = " ".join([*(spec["ContainerHierarchyTexts"] or []), spec["LeafNodeText"]])
            ended.setdefault(spec["State"], []).append(name)
            if spec["State"] == "failed":
                print(f"failed: {name}\n{spec['Failure']['Message']}")
    print(access_type, {state: len(names) for state, names in ended.items()})
    return ended


@pytest.mark.parametrize("access_type", ["mount", "block"])
def test_every_spec_of_what_is_advertised_passes(world: World, tmp_path: pathlib.Path, access_type: str) -> None:
    ended = run(world, tmp_path, access_type)
    assert ended.get("failed", []) == []
    assert set(ended) <= {"passed", "skipped", "pending"}
    unexplained = [name for name in ended.get("skipped", []) if not any(word in name for word in NOT_ADVERTISED)]
    assert unexplained == []
    assert len(ended["passed"]) >= 50


def test_nothing_is_left_behind(world: World) -> None:
    """After both runs: no image, no attached guard, no mapped device, no mount."""
    assert world.ceph.rbd("ls", "rbd").stdout.split() == []
    node = world.node("node1")
    assert node.run(["ls", "/sys/bus/rbd/devices"]).stdout.split() == []
    assert "/dev/rbd" not in node.run(["cat", "/proc/self/mountinfo"]).stdout
