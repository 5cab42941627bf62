"""A writer in a node that does one write at a time, when it is told to.

Each write is a question and an answer, so its interval by the host's clock is a true one: it was begun after the host
asked for it, and done before the host read that it was.
"""
import os
import queue
import threading
from typing import BinaryIO, cast

from world.guest import Node

# open IMAGE | write OFFSET TEXT | close; each is answered by "ok" or "error ERRNO".
PROGRAM = """
import errno, glob, mmap, os, sys
page = mmap.mmap(-1, 4096)
device = -1
def find(image):
    for folder in glob.glob("/sys/bus/rbd/devices/*"):
        try:
            with open(folder + "/name") as name:
                if name.read().strip() == image:
                    return "/dev/rbd" + os.path.basename(folder)
        except OSError:
            pass
    raise OSError(errno.ENODEV, "not mapped")
for line in sys.stdin:
    words = line.rstrip("\\n").split(" ", 2)
    try:
        if words[0] == "open":
            device = os.open(find(words[1]), os.O_RDWR | os.O_DIRECT | os.O_SYNC)
        elif words[0] == "write":
            page.seek(0)
            page.write(words[2].encode().ljust(4096, b"."))
            os.pwrite(device, page, int(words[1]))
        elif device >= 0:
            os.close(device)
            device = -1
        print("ok", flush=True)
    except OSError as error:
        print("error", error.errno, flush=True)
"""


class _Lines:
    """What the program prints, by lines."""

    def __init__(self, lines: "queue.Queue[str]") -> None:
        self._lines = lines
        self._part = b""

    def write(self, data: bytes) -> int:
        *whole, self._part = (self._part + data).split(b"\n")
        for line in whole:
            self._lines.put(line.decode())
        return len(data)

    def flush(self) -> None:
        """Nothing is kept back."""


class GuestWriter:
    """The program above in a node. One thread."""

    def __init__(self, node: Node) -> None:
        self._lines: "queue.Queue[str]" = queue.Queue()
        read, self._pipe = os.pipe()
        source = os.fdopen(read, "rb")
        output = cast(BinaryIO, _Lines(self._lines))
        self._thread = threading.Thread(target=node.stream, daemon=True, args=(
            ["/usr/bin/python3", "-c", PROGRAM], source, output, output))
        self._thread.start()

    def ask(self, line: str, seconds: float = 60) -> str:
        """"ok", "error ERRNO", or "" when there was no answer in time."""
        os.write(self._pipe, line.encode() + b"\n")
        try:
            return self._lines.get(timeout=seconds)
        except queue.Empty:
            return ""

    def end(self) -> None:
        """The end of its input is the end of it."""
        os.close(self._pipe)
        self._thread.join(20)
