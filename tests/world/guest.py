"""A node: a QEMU guest that runs Debian's kernel on top of the host's root, seen read-only.

Whatever is installed on the host runs in the node, and what a node writes is its own and gone with
it. The host's root is also at /host as it is right now, and the world's directory at /world. A disk,
/dev/vda, is there if the world was given one to copy; it outlives the node's power.
"""

from __future__ import annotations

import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from . import kernel
from .channel import Channel, NodeUnreachable
from .errors import WorldError
from .inside.wire import AGENT_PORT, PLUGIN_PORT
from .paths import NETWORK_BITS, PACKAGE, Layout, node_address, node_name
from .processes import Process, Processes, poll
from .qemu import Machine, Size

BOOT_PATIENCE = 120.0
BOOTS = 5
CLOCK_TOLERANCE = 0.3


class Node:
    """One node of a world."""

    def __init__(self, layout: Layout, processes: Processes, index: int, size: Size, disk: Path | None = None) -> None:
        self.index = index
        self.name = node_name(index)
        self.address = node_address(index)
        self.socket = layout.socket(self.name)
        self.console = layout.log(f"{self.name}-console")
        self._layout = layout
        self._processes = processes
        self._disk = disk
        self._relay = f"{self.name}-relay"
        self._qemu = f"{self.name}-qemu"
        self._machine = Machine(
            name=self.name,
            title=f"{layout.name}-{self.name}",
            index=index,
            size=size,
            console=self.console,
            monitor=layout.private_socket(f"{self.name}-qmp"),
            shares={"root": Path("/"), "fresh": Path("/"), "world": layout.directory},
            disk=layout.nodes / f"{self.name}.img" if disk else None,
        )
        self._agent_socket = layout.private_socket(f"{self.name}-agent")
        self._channel = Channel(self.name, self._agent_socket, self.console)

    # Commands

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        timeout: float | None = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the node and wait for it, like subprocess.run with captured text."""
        parts: dict[bytes, bytearray] = {b"o": bytearray(), b"e": bytearray()}
        code = self._channel.execute(
            argv,
            lambda kind, data: parts[kind].extend(data),
            input=input.encode() if input else None,
            env=env,
            cwd=cwd,
            timeout=timeout,
        )
        out, err = (bytes(parts[kind]).decode(errors="replace") for kind in (b"o", b"e"))
        if check and code:
            raise CommandFailed(self.name, code, list(argv), out, err)
        return subprocess.CompletedProcess(list(argv), code, out, err)

    def stream(self, argv: Sequence[str], input: BinaryIO | None, output: BinaryIO, errors: BinaryIO) -> int:
        """Run a command with its streams joined to ours; returns its exit code."""

        def write(kind: bytes, data: bytes) -> None:
            target = output if kind == b"o" else errors
            target.write(data)
            target.flush()

        return self._channel.execute(argv, write, input=input, env=None, cwd=None, timeout=None)

    def spawn(self, argv: Sequence[str], env: Mapping[str, str] | None = None, log: str = "/dev/null") -> int:
        """Start a command that goes on by itself; `log` is a path in the node. Returns its pid there."""
        return int(self._channel.ask("spawn", argv=list(argv), env=dict(env or {}), log=log)["pid"])

    def signal(self, pid: int, number: int = signal.SIGTERM) -> None:
        """Signal a process in the node. ProcessLookupError if there is none."""
        self._channel.ask("signal", pid=pid, signal=int(number))

    def wait(self, pid: int, timeout: float = 10) -> int | None:
        """The exit code of a spawned process (negative: the signal that ended it), None if it still runs."""
        code = self._channel.ask("wait", patience=timeout + 10, pid=pid, timeout=timeout)["code"]
        return None if code is None else int(code)

    def accepts(self, path: str) -> bool:
        """Does the unix socket `path` in the node accept connections?"""
        try:
            self._channel.ask("connect", path=path)
        except (OSError, NodeUnreachable):
            return False
        return True

    # Life and death

    def start(self) -> None:
        """Start the machine; `wait_ready` waits for its agent."""
        if self._processes.running(self._qemu):
            raise WorldError(f"{self.name} is already running")
        provided = kernel.provide()
        words = {
            "ADDRESS": self.address,
            "BITS": str(NETWORK_BITS),
            "DIRECTORY": str(self._layout.directory),
            "MODULES": str(provided.modules),
            "PACKAGE": str(PACKAGE),
        }
        lines = [f"{key}={shlex.quote(value)}\n" for key, value in words.items()]
        (self._layout.nodes / f"{self.name}.env").write_text("".join(lines))
        self._copy_disk()
        self._processes.spawn(self._qemu, self._machine.command(provided))
        relays = [
            f"{self._agent_socket}={self.address}:{AGENT_PORT}",
            f"{self.socket}={self.address}:{PLUGIN_PORT}",
        ]
        code = "import sys; sys.path.insert(0, sys.argv[1]); from inside.relay import main; main(sys.argv[2:])"
        self._processes.spawn(self._relay, ["/usr/bin/python3", "-S", "-E", "-c", code, PACKAGE, *relays])

    def wait_ready(self, timeout: float = BOOT_PATIENCE) -> None:
        """Wait until the agent answers, in a machine whose seconds are as long as ours."""
        for _ in range(BOOTS):
            self._processes.wait_for(self._qemu, self._answers, timeout, f"{self.name} does not come up")
            if abs(self._clock_rate() - 1) < CLOCK_TOLERANCE:
                return
            self.kill()
            self.start()
        raise WorldError(f"the clock of {self.name} is wrong after {BOOTS} boots: is this machine very busy?")

    def boot(self) -> None:
        """Start a killed node again: same name, address and disk, nothing else left of it."""
        self.start()
        self.wait_ready()

    def kill(self) -> None:
        """Power off without warning."""
        self._processes.end(self._qemu, signal.SIGKILL)
        self._processes.end(self._relay, signal.SIGKILL)
        (self._layout.processes / f"{self.name}-plugin.json").unlink(missing_ok=True)

    def pause(self) -> None:
        """Stop the machine in the middle of whatever it does."""
        self._ask_machine("stop")

    def resume(self) -> None:
        """Let a paused machine go on. Its wall clock is set right as soon as its agent answers."""
        self._ask_machine("cont")
        if not poll(self._answers, 20):
            raise NodeUnreachable(f"{self.name} was resumed but does not answer", self.console)
        self._channel.ask("clock", now=time.time())

    def state(self) -> str:
        """"running", "paused" or "down"."""
        if not self._processes.running(self._qemu):
            return "down"
        return "running" if self._machine.ask("query-status")["running"] else "paused"

    @property
    def process(self) -> Process:
        """The QEMU process."""
        return self._processes.require(self._qemu)

    def _copy_disk(self) -> None:
        """The first start gets a disk like everybody's, each later one what the node has made of it."""
        own = self._machine.disk
        if self._disk and own and not own.exists():
            copy = ["cp", "--sparse=always", "--reflink=auto", str(self._disk), str(own)]
            done = subprocess.run(copy, capture_output=True, text=True)
            if done.returncode:
                raise WorldError(f"copy the disk of {self.name}: {done.stderr.strip()}")

    def _ask_machine(self, verb: str) -> None:
        self._processes.require(self._qemu)
        self._machine.ask(verb)

    def _clock_rate(self) -> float:
        """How many of the node's seconds pass in one of ours; eight, once, on a busy host."""

        def look() -> tuple[float, float]:
            return float(self.run(["cat", "/proc/uptime"]).stdout.split()[0]), time.monotonic()

        theirs, ours = look()
        time.sleep(0.7)
        later = look()
        return (later[0] - theirs) / (later[1] - ours)

    def _answers(self) -> bool:
        try:
            self._channel.ask("hello", patience=2)
        except NodeUnreachable:
            return False
        return True


class CommandFailed(WorldError, subprocess.CalledProcessError):
    """A command in a node ended with another code than 0. The message holds what it said."""

    def __init__(self, node: str, code: int, argv: list[str], out: str, err: str) -> None:
        subprocess.CalledProcessError.__init__(self, code, argv, out, err)
        self.log = None
        self._text = f"{node}: {shlex.join(argv)} ended with {code}: {(err or out).strip()}"

    def __str__(self) -> str:
        return self._text
