"""csi-sanity against the real driver: the controller on this host, the node plugin in a node with the real krbd."""
import json
import os
import pathlib
import subprocess

import pytest

import csi_client
from pool import snapshot_names
from world import World
from world.ceph_files import CONTROLLER_USER, NODE_USER

PROGRAM = csi_client.BIN.parents[1] / "csi-sanity"
WORLD = pathlib.Path(__file__).resolve().parents[1] / "world" / "world"
PATHS = "/var/lib/kubelet/sanity"
# All that csi-sanity 5.5.0 can run: it has 96 and marks one as pending itself.
SPECS = 95
NODE_LIMIT = 3  # the spec about it publishes as many volumes and one more

CONTROLLER_SECRETS = ("CreateVolume", "DeleteVolume", "ControllerPublishVolume", "ControllerUnpublishVolume",
                      "ControllerValidateVolumeCapabilities", "CreateSnapshot", "DeleteSnapshot", "ListSnapshots",
                      "GetSnapshot", "ControllerExpandVolume", "ControllerModifyVolume")
NODE_SECRETS = ("NodeStageVolume", "NodePublishVolume")


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


def secrets(world: World) -> str:
    """csi-sanity's file of secrets: every RPC that may carry some gets its half's user and key."""
    lines = []
    for user, calls in ((CONTROLLER_USER, CONTROLLER_SECRETS), (NODE_USER, NODE_SECRETS)):
        for call in calls:
            lines += [f"{call}Secret:", f"  userID: {user}", f"  userKey: {world.ceph.key(user)}"]
    return "\n".join(lines) + "\n"


def run(world: World, scratch: pathlib.Path, access_type: str) -> dict[str, list[str]]:
    """One run of the whole suite; the names of the specs by how they ended."""
    node = world.node("node1")
    node.run(["mkdir", "-p", PATHS])
    node.plugin.stop()
    node.plugin.start([f"--max-volumes-per-node={NODE_LIMIT}"])
    node.plugin.wait_ready()
    given = {"parameters": "pool: rbd\n", "mutable": "deletionDelay: 0s\n", "secrets": secrets(world)}
    for name, text in given.items():
        (scratch / name).write_text(text)
    hook = hooks(world, scratch)
    report = scratch / "report.json"
    done = subprocess.run([
        str(PROGRAM), f"--csi.endpoint=unix:{node.socket}", f"--csi.controllerendpoint=unix:{world.controller.socket}",
        f"--csi.testvolumeparameters={scratch / 'parameters'}", f"--csi.secrets={scratch / 'secrets'}",
        f"--csi.testvolumemutableparameters={scratch / 'mutable'}", "--csi.testnodevolumeattachlimit",
        "--csi.testvolumesize=1073741824", "--csi.testvolumeexpandsize=2147483648",
        f"--csi.testvolumeaccesstype={access_type}",
        f"--csi.mountdir={PATHS}/mount", f"--csi.stagingdir={PATHS}/staging",
        f"--csi.createmountpathcmd={hook['create']}", f"--csi.createstagingpathcmd={hook['create']}",
        f"--csi.removemountpathcmd={hook['remove']}", f"--csi.removestagingpathcmd={hook['remove']}",
        f"--csi.checkpathcmd={hook['check']}", "--csi.createpathcmdtimeout=60s", "--csi.removepathcmdtimeout=60s",
        "--csi.checkpathcmdtimeout=60s", f"--ginkgo.json-report={report}", "--ginkgo.no-color",
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


def every_spec_passes(world: World, scratch: pathlib.Path, access_type: str) -> None:
    ended = run(world, scratch, access_type)
    assert ended.get("failed", []) == []
    assert ended.get("skipped", []) == []
    assert len(ended["passed"]) == SPECS
    assert set(ended) == {"passed", "pending"}


def nothing_is_left(world: World) -> None:
    """No image, no snapshot's name, no mapped device, no mount."""
    assert world.ceph.rbd("ls", "rbd").stdout.split() == []
    assert snapshot_names(world) == []
    node = world.node("node1")
    assert node.run(["ls", "/sys/bus/rbd/devices"]).stdout.split() == []
    assert "/dev/rbd" not in node.run(["cat", "/proc/self/mountinfo"]).stdout


@pytest.mark.parametrize("access_type", ["mount", "block"])
def test_every_spec_passes(world: World, tmp_path: pathlib.Path, access_type: str) -> None:
    every_spec_passes(world, tmp_path, access_type)
    nothing_is_left(world)


def test_every_spec_passes_on_bluestore(tmp_path: pathlib.Path) -> None:
    place = csi_client.BIN.parents[1] / f"world-{csi_client.BIN.parent.name}-bluestore"
    World.remove(place)
    world = World.up(place, nodes=1, objectstore="bluestore", with_driver=True, build=csi_client.BIN, report=print)
    try:
        every_spec_passes(world, tmp_path, "mount")
        nothing_is_left(world)
    finally:
        world.down()
