"""The host processes of a world: started apart from the terminal, found again, ended.

Each one is written down as `processes/<name>.json` with its pid and start time: a pid alone may
belong to somebody else by the time we signal it. Each one also carries the world's name in its
environment, which finds even those that an interrupted `up` had no time to write down.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .errors import WorldError
from .paths import Layout

MARK = "RBDCSI_WORLD"


@dataclass(frozen=True)
class Process:
    """One process, told from all others by pid and start time."""

    name: str
    pid: int
    start_time: int

    def is_running(self) -> bool:
        """True while the process runs; a zombie does not, and is reaped if it is our child.

        A process that is killed shows as a zombie while its last threads still end, and with them its sockets live.
        """
        try:
            os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            pass
        state, start_time = stat_of(self.pid)
        ended = state in ("", "X") or (state == "Z" and threads_of(self.pid) <= 1)
        return not ended and start_time == self.start_time

    def send(self, number: int) -> bool:
        """Send a signal; False if the process has ended. The pidfd closes the race with pid reuse."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if not self.is_running():
                return False
            signal.pidfd_send_signal(handle, number)
            return True
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)

    def wait(self, timeout: float) -> bool:
        """True once the process has ended, False if it has not within `timeout` seconds."""
        return poll(lambda: not self.is_running(), timeout)

    def end(self, number: int = signal.SIGTERM, timeout: float = 10) -> None:
        """Signal the process and see it go, with SIGKILL if it takes too long.

        SIGCONT goes along because a stopped process does not act on SIGTERM.
        """
        for chosen in (number, signal.SIGKILL):
            if self.send(chosen):
                self.send(signal.SIGCONT)
            if self.wait(timeout):
                return
        raise WorldError(f"process {self.pid} ({self.name}) does not end, not even by SIGKILL")


def poll(check: Callable[[], bool], timeout: float, pause: float = 0.02) -> bool:
    """Ask `check` until it says yes or the time is over."""
    end = time.monotonic() + timeout
    while not check():
        if time.monotonic() > end:
            return False
        time.sleep(pause)
    return True


def stat_of(pid: int) -> tuple[str, int]:
    """State letter and start time of a process; ("", 0) if there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "", 0
    return fields[0], int(fields[19])


def threads_of(pid: int) -> int:
    """The threads of a process that have not ended; 0 if there is none."""
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except (FileNotFoundError, ProcessLookupError):
        return 0


class Processes:
    """The table of one world's host processes."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def spawn(self, name: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None) -> Process:
        """Start `argv` in the world's network, output to its log, detached from the terminal."""
        log = self._layout.log(name)
        command = self._layout.in_network(argv)
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        pid = os.posix_spawn(
            command[0],
            command,
            {**os.environ, **(env or {}), MARK: self._layout.name},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o644),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
            setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGPIPE],
        )
        process = Process(name, pid, stat_of(pid)[1])
        self._record(name).write_text(json.dumps(asdict(process)))
        return process

    def find(self, name: str) -> Process | None:
        """The process of that name, running or not."""
        try:
            return Process(**json.loads(self._record(name).read_text()))
        except (FileNotFoundError, json.JSONDecodeError):
            return None

    def running(self, name: str) -> Process | None:
        """The process of that name if it runs."""
        process = self.find(name)
        return process if process and process.is_running() else None

    def require(self, name: str) -> Process:
        """The running process of that name, or an error that says where it wrote its last words."""
        process = self.running(name)
        if process is None:
            raise WorldError(f"{name} is not running", self._layout.log(name))
        return process

    def end(self, name: str, number: int = signal.SIGTERM, timeout: float = 10) -> None:
        """End the process of that name if it runs, and forget it."""
        process = self.find(name)
        if process:
            process.end(number, timeout)
        self._record(name).unlink(missing_ok=True)

    def wait_for(self, name: str, ready: Callable[[], bool], timeout: float, what: str) -> None:
        """Wait until `ready`, but no longer than process `name` lives."""
        poll(lambda: ready() or not self.running(name), timeout)
        if not ready():
            why = f"not within {timeout:.0f} s" if self.running(name) else f"{name} has ended"
            raise WorldError(f"{what}: {why}", self._layout.log(name))

    def all(self) -> list[Process]:
        """Every running process of this world, also those that were never written down."""
        wanted = f"{MARK}={self._layout.name}".encode()
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            start_time = stat_of(int(entry.name))[1]
            try:
                marked = wanted in (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if marked:
                found.append(Process("?", int(entry.name), start_time))
        return found

    def end_all(self) -> int:
        """Kill every process of this world at once; nothing of it is worth a clean shutdown."""
        count = 0
        while processes := self.all():
            count += sum(process.send(signal.SIGKILL) for process in processes)
            for process in processes:
                process.end(signal.SIGKILL)
        return count

    def _record(self, name: str) -> Path:
        return self._layout.processes / f"{name}.json"
