"""A program that writes numbered records in a node, and what became of each, as far as it has said."""
import io
import threading

import csi_client
from world import NodeUnreachable, World
from world.guest import Node

# Writes records 1, 2, 3, ... each in a 4 KiB block of its own and prints each that is acknowledged: past the page
# cache one by one; or buffered, sixteen at a time by fdatasync, dirty pages in between. After an error it prints
# the errno and ends, or goes on, as an application that retries does.
PROGRAM = """
import mmap, os, sys, time
path, tag, direct, stop = sys.argv[1], sys.argv[2].encode(), sys.argv[3] == "direct", sys.argv[4] == "stop"
page = mmap.mmap(-1, 4096)
flags = os.O_RDWR | (os.O_DIRECT | os.O_SYNC if direct else 0) | (0 if path.startswith("/dev") else os.O_CREAT)
def opened():
    return os.open(path, flags)
fd = opened()
n = 0
while True:
    n += 1
    page.seek(0)
    page.write(b"%s %08d" % (tag, n) + b"." * (4096 - len(tag) - 9))
    try:
        os.pwrite(fd, page, (n % 4096) * 4096)
        if not direct and n % 16 == 0:
            os.fdatasync(fd)
        if direct or n % 16 == 0:
            print("ok", n, time.monotonic(), flush=True)
    except OSError as error:
        print("error", error.errno, flush=True)
        if stop:
            break
        time.sleep(0.05)
"""
RECORDS = 4096  # then it begins again at the start
BYTES = RECORDS * 4096


class Writer:
    """The program in a node. `stop`: it ends with the first error."""

    def __init__(self, node: Node, path: str, tag: str, *, direct: bool = True, stop: bool = False) -> None:
        self.tag = tag
        self._node = node
        self._argv = ["/usr/bin/python3", "-c", PROGRAM, path, tag, "direct" if direct else "buffered",
                      "stop" if stop else "-"]
        self._output = io.BytesIO()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._node.stream(self._argv, None, self._output, io.BytesIO())
        except NodeUnreachable:
            pass  # the node's power is off; what it had said is all there is

    def lines(self, kind: str) -> list[int]:
        """The numbers after `ok` or `error`; a line still on its way does not count."""
        whole = self._output.getvalue().decode().split("\n")[:-1]
        return [int(line.split()[1]) for line in whole if line.startswith(kind)]

    def longest_pause(self) -> float:
        """Between two acknowledged writes, in seconds of the node."""
        whole = self._output.getvalue().decode().split("\n")[:-1]
        times = [float(line.split()[2]) for line in whole if line.startswith("ok")]
        return max((after - before for before, after in zip(times, times[1:])), default=0.0)

    def acknowledged(self) -> int:
        """The last record that is safe; 0: none."""
        return max(self.lines("ok"), default=0)

    def wait_for(self, kind: str, count: int, seconds: float = 60) -> None:
        csi_client.wait_until(lambda: len(self.lines(kind)) >= count, seconds,
                              f"{count} lines `{kind}` from the writer in {self._node.name}; "
                              f"errors so far: {sorted(set(self.lines('error')))}")

    def wait_for_more(self, kind: str, count: int, seconds: float = 60) -> None:
        self.wait_for(kind, len(self.lines(kind)) + count, seconds)

    def end(self) -> None:
        self._node.run(["pkill", "-KILL", "-f", f"{self._argv[3]} {self.tag} "], check=False)
        self._thread.join(20)


def records(data: bytes, tag: str) -> list[int]:
    """The numbers of the records with this tag in the bytes of a raw volume, or of the writer's file."""
    mark = tag.encode() + b" "
    blocks = [data[at:at + 4096] for at in range(0, len(data), 4096)]
    return sorted(int(block[len(mark):len(mark) + 8]) for block in blocks if block.startswith(mark))


def image(world: World, volume_id: str) -> bytes:
    """All bytes of a small volume, read through librbd."""
    path = world.directory / "image"
    world.run_in_network(["rbd", "export", "--no-progress", f"rbd/{volume_id.split('/')[-1]}", path])
    data = path.read_bytes()
    path.unlink()
    return data
