"""A frozen node never writes late, its other volumes do not notice, and ordinary moves leave no trace."""
import io
import threading
from typing import Callable

import csi_client
from csi_client import MODE, Controller
from pod import Pod
from world import World
from world.guest import Node

ROUNDS = 10
MOVES = 20

# Writes records 1, 2, 3, ... each in a 4 KiB block of its own, past the page cache, and prints a number when the write
# is acknowledged. An error ends it with the errno; "-" keeps going after errors, as an application that retries does.
WRITER = """
import mmap, os, sys, time
path, tag, stop = sys.argv[1], sys.argv[2].encode(), sys.argv[3] == "stop"
page = mmap.mmap(-1, 4096)
fd = os.open(path, os.O_RDWR | os.O_DIRECT | os.O_SYNC | (0 if path.startswith("/dev") else os.O_CREAT))
n = 0
while True:
    n += 1
    page.seek(0)
    page.write(b"%s %08d" % (tag, n) + b"." * (4096 - len(tag) - 9))
    try:
        os.pwrite(fd, page, (n % 4096) * 4096)
        print("ok", n, flush=True)
    except OSError as error:
        print("error", error.errno, flush=True)
        if stop:
            break
        time.sleep(0.05)
"""


class Writer:
    """The program above in a node, and what it has printed so far."""

    def __init__(self, node: Node, path: str, tag: str, stop: bool = False) -> None:
        self._node = node
        self._argv = ["/usr/bin/python3", "-c", WRITER, path, tag, "stop" if stop else "-"]
        self._output = io.BytesIO()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._node.stream(self._argv, None, self._output, io.BytesIO())

    def lines(self, kind: str) -> list[int]:
        """The numbers after `ok` or `error`; a line still on its way does not count."""
        whole = self._output.getvalue().decode().split("\n")[:-1]
        return [int(line.split()[1]) for line in whole if line.startswith(kind)]

    def wait_for(self, kind: str, count: int, seconds: float = 60) -> None:
        csi_client.wait_until(lambda: len(self.lines(kind)) >= count, seconds,
                              f"{count} lines `{kind}` from the writer in {self._node.name}")

    def end(self) -> None:
        self._node.run(["pkill", "-KILL", "-f", self._argv[-2]], check=False)
        self._thread.join(20)


def image(world: World, volume_id: str) -> bytes:
    """The first 16 MiB, where the writer writes, read through librbd."""
    name = volume_id.split("/")[-1]
    path = world.directory / "image"
    world.run_in_network(["rbd", "export", "--no-progress", f"rbd/{name}", path])
    data = path.read_bytes()[:4096 * 4096]
    path.unlink()
    return data


def records(data: bytes, tag: str) -> list[int]:
    """The numbers of the records with this tag."""
    mark = tag.encode() + b" "
    blocks = [data[at:at + 4096] for at in range(0, len(data), 4096)]
    return sorted(int(block[len(mark):len(mark) + 8]) for block in blocks if block.startswith(mark))


def test_ten_frozen_nodes_write_nothing_late(world: World, controller: Controller, volume: Callable[..., str]) -> None:
    raw = csi_client.block(MODE.SINGLE_NODE_WRITER)
    shared = volume("frozen", 32 * csi_client.MIB, capability=raw)
    other = volume("neighbour", 32 * csi_client.MIB, capability=raw)
    neighbour = Pod(world, controller, "node2", other, name="neighbour", capability=raw).start()
    untouched = Writer(neighbour.machine, neighbour.target, "neighbour", stop=True)
    for number in range(1, ROUNDS + 1):
        one_round(world, controller, shared, untouched, number)
    assert untouched.lines("error") == []
    untouched.end()
    neighbour.stop()
    assert len(world.ceph.blocklist()) == ROUNDS
    for address in world.ceph.blocklist():
        world.ceph.command("osd", "blocklist", "rm", address)


def one_round(world: World, controller: Controller, volume_id: str, untouched: Writer, number: int) -> None:
    """node2 freezes in the middle of writing, node1 takes over and writes, node2 wakes up and tries again."""
    raw = csi_client.block(MODE.SINGLE_NODE_WRITER)
    old = Pod(world, controller, "node2", volume_id, name="old", capability=raw).start()
    writer = Writer(old.machine, old.target, f"old{number}")
    writer.wait_for("ok", 50)
    old.machine.pause()
    try:
        acknowledged = max(writer.lines("ok"))
        before = len(world.ceph.blocklist())
        csi_client.again(old.detach)
        assert len(world.ceph.blocklist()) == before + 1
        new = Pod(world, controller, "node1", volume_id, name="new", capability=raw).start()
        found = records(image(world, volume_id), f"old{number}")
        assert found[-1] >= acknowledged, "an acknowledged record is missing on the new node"
        takeover = Writer(new.machine, new.target, f"new{number}")
        takeover.wait_for("ok", 50)
        takeover.end()
        settled = image(world, volume_id)
    finally:
        old.machine.resume()
    progress = len(untouched.lines("ok"))
    failures = len(writer.lines("error"))
    writer.wait_for("error", failures + 20)
    assert image(world, volume_id) == settled, f"round {number}: a late write landed"
    untouched.wait_for("ok", progress + 20)
    writer.end()
    old.unpublish()
    old.unstage()
    new.stop()


def test_twenty_ordinary_moves_add_no_blocklist_entry(world: World, controller: Controller,
                                                      volume: Callable[..., str]) -> None:
    moving = volume("moving", 64 * csi_client.MIB)
    before = world.ceph.blocklist()
    for number in range(MOVES):
        pod = Pod(world, controller, f"node{number % 2 + 1}", moving, name=f"move{number}").start()
        pod.machine.run(["bash", "-c", f"echo {number} >> {pod.target}/moves && sync"])
        if number == MOVES - 1:
            lines = pod.machine.run(["cat", f"{pod.target}/moves"]).stdout.split()
            assert lines == [str(n) for n in range(MOVES)]
        pod.stop()
    assert world.ceph.blocklist() == before
