"""The world keeps its promises: real nodes, real faults, nothing left behind.

Run as root: `/usr/bin/python3 -m pytest tests/world`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
COMMAND = HERE / "world"
sys.path.insert(0, str(HERE.parent))

from world import NodeUnreachable, World, WorldError  # noqa: E402
from world.paths import Layout  # noqa: E402
from world.processes import Processes  # noqa: E402

# Stands in for the driver's programs: serves its endpoint, notes its arguments, environment and end.
STAND_IN = """\
#!/usr/bin/python3 -SE
import os, signal, socket, sys, threading
path = [word for word in sys.argv if word.startswith("--endpoint=unix://")][-1][len("--endpoint=unix://"):]
print("started", sys.argv[1:], os.environ.get("MOOD"), flush=True)
signal.signal(signal.SIGTERM, lambda *_: (print("stopped", flush=True), os._exit(0)))
if os.path.exists(path):
    os.unlink(path)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
def echo(connection):
    while data := connection.recv(65536):
        connection.sendall(data)
while True:
    threading.Thread(target=echo, args=listener.accept()[:1], daemon=True).start()
"""


def call(*arguments: str, code: int = 0) -> str:
    """Run the command line and return what it printed."""
    done = subprocess.run([str(COMMAND), *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def assert_nothing_left(directory: Path) -> None:
    """No process, namespace or file of the world in `directory` is there."""
    layout = Layout(directory)
    assert Processes(layout).all() == []
    assert layout.namespace not in subprocess.run(["ip", "netns", "list"], capture_output=True, text=True).stdout
    assert not layout.short.exists()
    assert not directory.exists()
    assert str(directory) not in Path("/proc/mounts").read_text()


def echo(path: Path, data: bytes) -> bytes:
    """Send `data` to a unix socket and return what comes back; nothing when nobody serves it."""
    import socket

    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        connection.sendall(data)
        received = b""
        while len(received) < len(data) and (piece := connection.recv(1 << 16)):
            received += piece
        return received


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("build")
    for name in ("rbd-csi-controller", "rbd-csi-node"):
        (place / name).write_text(STAND_IN)
        (place / name).chmod(0o755)
    return place


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, build: Path) -> Iterator[World]:
    with World.up(tmp_path_factory.mktemp("world"), nodes=2, build=build) as world:
        yield world


def test_a_command_in_a_node_gives_its_streams_and_its_exit_code(world: World) -> None:
    done = world.node("node1").run(
        ["sh", "-c", "cat; echo $A >&2; pwd; hostname; exit 7"],
        check=False,
        input="hello\n",
        env={"A": "b"},
        cwd="/usr",
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, "hello\n/usr\nnode1\n", "b\n")


def test_a_command_that_takes_too_long_is_killed(world: World) -> None:
    node = world.node("node1")
    with pytest.raises(subprocess.TimeoutExpired):
        node.run(["sh", "-c", "sleep 1000.5"], timeout=1)
    assert node.run(["pgrep", "-f", "^sleep 1000.5"], check=False).stdout == ""


def test_the_command_line_reaches_a_node(world: World) -> None:
    place = ["--dir", str(world.directory)]
    assert "node2\n" in call("exec", *place, "node2", "--", "sh", "-c", "hostname; exit 3", code=3)
    status = json.loads(call("status", *place, "-o", "json"))
    assert [node["address"] for node in status["nodes"]] == ["192.0.2.11", "192.0.2.12"]
    assert set(status) == {"ceph_conf", "keyring", "monitors", "controller_socket", "nodes"}
    assert "there is no node node9" in call("exec", *place, "node9", "--", "true", code=1)
    assert call("ceph", *place, "--", "osd", "pool", "ls") == "rbd\n"


def test_a_node_writes_an_image_through_krbd_with_its_own_key(world: World) -> None:
    world.ceph.rbd("create", "--size", "64M", "written")
    before = world.ceph.osd_ops()
    options = f"name=rbd-csi-node,secret={world.ceph.key('rbd-csi-node')},ms_mode=prefer-crc"
    node = world.node("node1")
    node.run(["tee", "/sys/bus/rbd/add_single_major"], input=f"192.0.2.1:3300 {options} rbd written -")
    node.run(["mkfs.ext4", "-q", "/dev/rbd0"])
    node.run(["mount", "/dev/rbd0", "/mnt"])
    node.run(["sh", "-c", "echo kept > /mnt/file; umount /mnt"])
    node.run(["tee", "/sys/bus/rbd/remove_single_major"], input="0")
    assert world.ceph.osd_ops() > before + 10
    assert world.run_in_network(["sh", "-c", "rbd export written - | grep -c kept"]).stdout == "1\n"


def test_a_paused_node_is_silent_and_then_goes_on(world: World) -> None:
    node = world.node("node2")
    pid = node.spawn(["sleep", "500"])
    node.pause()
    assert node.state() == "paused"
    with pytest.raises(NodeUnreachable):
        node._channel.ask("hello", patience=1)
    time.sleep(3)
    node.resume()
    assert node.state() == "running"
    assert abs(float(node.run(["date", "+%s.%N"]).stdout) - time.time()) < 2
    assert node.run(["cat", "/sys/devices/system/clocksource/clocksource0/current_clocksource"]).stdout == "tsc\n"
    node.signal(pid, signal.SIGTERM)
    assert node.wait(pid) == -signal.SIGTERM


def test_a_killed_node_comes_back_empty_under_its_name(world: World) -> None:
    node = world.node("node2")
    node.run(["touch", "/root/mark"])
    node.kill()
    assert node.state() == "down"
    with pytest.raises(NodeUnreachable):
        node.run(["true"])
    node.boot()
    assert node.run(["hostname", "-I"]).stdout.split()[0] == "192.0.2.12"
    assert node.run(["test", "-e", "/root/mark"], check=False).returncode == 1


def test_a_node_keeps_its_disk_through_a_power_failure(tmp_path: Path) -> None:
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    with World.up(tmp_path / "w", nodes=1, disk=image) as other:
        node = other.node("node1")
        mount = "modprobe virtio_blk; mount /dev/vda /mnt"
        node.run(["sh", "-c", f"{mount}; echo kept > /mnt/file; sync"])
        node.kill()
        node.boot()
        assert node.run(["sh", "-c", f"{mount}; cat /mnt/file"]).stdout == "kept\n"
    assert b"kept" not in image.read_bytes()
    assert_nothing_left(tmp_path / "w")


def test_the_plugin_is_reached_from_the_host_through_restarts(world: World) -> None:
    node = world.node("node1")
    assert echo(node.socket, b"anybody?") == b""
    for mood in ("good", "bad"):
        node.plugin.start(["--more"], env={"MOOD": mood})
        node.plugin.wait_ready()
        assert echo(node.socket, b"x" * 100_000) == b"x" * 100_000
        assert mood in node.plugin.log.read_text()
        node.plugin.stop() if mood == "good" else node.plugin.kill()
        assert not node.plugin.is_running()
    assert node.plugin.log.read_text().count("stopped") == 1


def test_controllers_run_side_by_side(world: World) -> None:
    second = world.extra_controller("second")
    for controller in (world.controller, second):
        controller.start()
    for controller in (world.controller, second):
        controller.wait_ready()
        assert echo(controller.socket, b"hello") == b"hello"
    assert World.attach(world.directory).controller.pid == world.controller.pid
    world.controller.kill()
    assert not world.controller.is_running() and second.is_running()
    second.stop()
    with pytest.raises(WorldError, match="second is not running"):
        second.pid  # noqa: B018


def test_ceph_survives_stopped_and_hanging_daemons(world: World) -> None:
    world.ceph.rbd("create", "--size", "1M", "survivor")
    world.ceph.pause("osd.0")
    assert world.ceph.is_running("osd.0")
    world.ceph.resume("osd.0")
    for daemon in ("osd.0", "mon.a"):
        world.ceph.stop(daemon)
        world.ceph.start(daemon)
    assert "survivor" in world.ceph.rbd("ls").stdout
    with pytest.raises(WorldError, match="bluestore"):
        world.ceph.kill("osd.0")


def test_a_second_world_runs_beside_the_first_with_a_long_path_and_leaves_nothing(
    world: World, build: Path, tmp_path: Path
) -> None:
    directory = tmp_path / ("long" * 25)
    place = ["--dir", str(directory)]
    call("up", *place, "--nodes", "1", "--objectstore", "bluestore", "--with-driver", "--build", str(build))
    other = World.attach(directory)
    other.ceph.rbd("create", "--size", "1M", "elsewhere")
    other.ceph.kill("osd.0")
    other.ceph.start("osd.0")
    assert other.ceph.rbd("ls").stdout == "elsewhere\n"
    assert "elsewhere" not in world.ceph.rbd("ls").stdout
    for path in (other.controller.socket, other.node("node1").socket):
        assert len(str(path)) < 108
        assert echo(path, b"hello") == b"hello"
    assert "a world is already in" in call("up", *place, code=1)
    call("down", *place)
    assert_nothing_left(directory)
    assert "there was no world" in call("down", *place)
    assert world.node("node1").run(["hostname"]).stdout == "node1\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_up_leaves_nothing(tmp_path: Path, number: int) -> None:
    directory = tmp_path / "w"
    process = subprocess.Popen([str(COMMAND), "up", "--dir", str(directory)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while "booting" not in process.stdout.readline():
        pass
    time.sleep(1)
    os.kill(process.pid, number)
    process.stdout.read()
    assert process.wait(30) in (130, -signal.SIGKILL)
    if number == signal.SIGKILL:
        call("down", "--dir", str(directory))
    assert_nothing_left(directory)


def test_a_failed_up_says_why_and_which_log_to_read(tmp_path: Path, build: Path) -> None:
    bad = tmp_path / "bin"
    bad.mkdir()
    for name in ("rbd-csi-controller", "rbd-csi-node"):
        (bad / name).write_text("#!/bin/sh\necho no mood today\nexit 1\n")
        (bad / name).chmod(0o755)
    directory = tmp_path / "w"
    said = call("up", "--dir", str(directory), "--nodes", "0", "--with-driver", "--build", str(bad), code=1)
    assert "controller is not ready: controller has ended" in said
    assert f"read {directory}/log/controller.log" in said and "no mood today" in said
    assert Processes(Layout(directory)).all() == []
    call("down", "--dir", str(directory))
    assert_nothing_left(directory)


def test_a_directory_that_ceph_would_misread_is_refused(tmp_path: Path) -> None:
    assert "use letters, digits" in call("up", "--dir", str(tmp_path / "a, b"), code=1)
    assert not (tmp_path / "a, b").exists()
