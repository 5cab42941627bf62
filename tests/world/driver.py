"""The driver's processes in a world: controllers on the host, one node plugin in each node.

Both kinds offer the same verbs. `start` takes more arguments (the last of a flag counts) and
environment; `faulty` runs the variant whose steps can kill it (tests/faulty).
"""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .ceph import Ceph
from .ceph_files import CONTROLLER_USER, NODE_USER
from .errors import WorldError
from .guest import Node
from .inside.wire import PLUGIN_SOCKET
from .paths import Layout
from .processes import Processes, poll

CLUSTER_ID = "world"
FAULTY = "-faulty"
READY_PATIENCE = 30.0
STOP_PATIENCE = 20.0

Check = Callable[[], bool]


def write_configuration(layout: Layout, ceph: Ceph) -> None:
    """Write what the driver reads: its clusters, and a directory of keys for either half."""
    clusters = [{"clusterID": CLUSTER_ID, "monitors": ceph.monitors}]
    (layout.driver / "config.json").write_text(json.dumps(clusters, indent=2) + "\n")
    for folder, user in (("controller-keys", CONTROLLER_USER), ("node-keys", NODE_USER)):
        place = layout.driver / folder / CLUSTER_ID
        place.mkdir(parents=True, exist_ok=True)
        for name, text in (("userID", user), ("userKey", ceph.key(user))):
            (place / name).touch(mode=0o600)
            (place / name).write_text(text)


def binary(build: Path, name: str) -> Path:
    """A program of the build, or an error that says how to get it."""
    path = build / name
    if not path.exists():
        raise WorldError(f"{path} does not exist: build the driver, or say where it is with --build or RBDCSI_BUILD")
    return path


class Controller:
    """A controller process on the host, inside the world's network. Several may run at once."""

    def __init__(self, layout: Layout, processes: Processes, build: Path, name: str = "controller") -> None:
        self.name = name
        self.socket = layout.socket(name)
        self.log = layout.log(name)
        self._layout = layout
        self._processes = processes
        self._build = build

    def start(
        self, args: Sequence[str] = (), env: Mapping[str, str] | None = None, *, faulty: bool = False
    ) -> None:
        """Start the process; `wait_ready` waits for its socket."""
        if self.is_running():
            raise WorldError(f"{self.name} is already running")
        argv: list[str | Path] = [
            binary(self._build, "rbd-csi-controller" + FAULTY * faulty),
            f"--endpoint=unix://{self.socket}",
            f"--clusters-config={self._layout.driver / 'config.json'}",
            f"--keys={self._layout.driver / 'controller-keys'}",
            "--log-level=debug",
            *args,
        ]
        self._processes.spawn(self.name, argv, env)

    def stop(self, timeout: float = STOP_PATIENCE) -> None:
        """End the process by SIGTERM, and by SIGKILL if that does not do."""
        self._processes.end(self.name, signal.SIGTERM, timeout)

    def kill(self) -> None:
        """End the process without warning."""
        self._processes.end(self.name, signal.SIGKILL)

    def wait_ready(self, timeout: float = READY_PATIENCE, check: Check | None = None) -> None:
        """Wait until the socket accepts, and until `check` is content."""
        self._processes.wait_for(
            self.name,
            lambda: self._accepts() and (check is None or check()),
            timeout,
            f"{self.name} is not ready",
        )

    def is_running(self) -> bool:
        """True while the process exists."""
        return self._processes.running(self.name) is not None

    @property
    def pid(self) -> int:
        """The pid on the host; an error if it does not run."""
        return self._processes.require(self.name).pid

    def _accepts(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            return probe.connect_ex(str(self.socket)) == 0


class NodePlugin:
    """The node plugin in one node. Its socket in the node is DIR/<node>.sock on the host."""

    def __init__(self, layout: Layout, build: Path, node: Node) -> None:
        self.name = f"{node.name}-plugin"
        self.socket = node.socket
        self.log = layout.log(self.name)
        self._layout = layout
        self._record = layout.processes / f"{self.name}.json"
        self._build = build
        self._node = node

    def start(
        self, args: Sequence[str] = (), env: Mapping[str, str] | None = None, *, faulty: bool = False
    ) -> None:
        """Start the process; `wait_ready` waits for its socket."""
        if self.is_running():
            raise WorldError(f"{self.name} is already running")
        argv = [
            self._layout.in_node(binary(self._build, "rbd-csi-node" + FAULTY * faulty)),
            f"--endpoint=unix://{PLUGIN_SOCKET}",
            f"--node-name={self._node.name}",
            f"--node-address={self._node.address}",
            f"--keys={self._layout.in_node(self._layout.driver / 'node-keys')}",
            "--log-level=debug",
            *args,
        ]
        pid = self._node.spawn(argv, env, self._layout.in_node(self.log))
        self._record.write_text(json.dumps({"pid_in_node": pid}))

    def stop(self, timeout: float = STOP_PATIENCE) -> None:
        """End the process by SIGTERM, and by SIGKILL if that does not do."""
        self._end(signal.SIGTERM, timeout)

    def kill(self) -> None:
        """End the process without warning."""
        self._end(signal.SIGKILL, STOP_PATIENCE)

    def wait_ready(self, timeout: float = READY_PATIENCE, check: Check | None = None) -> None:
        """Wait until the socket accepts, and until `check` is content."""

        def ready() -> bool:
            return self._node.accepts(PLUGIN_SOCKET) and (check is None or check())

        poll(lambda: ready() or not self.is_running(), timeout)
        if not ready():
            why = f"not within {timeout:.0f} s" if self.is_running() else "it has ended"
            raise WorldError(f"{self.name} is not ready: {why}", self.log)

    def is_running(self) -> bool:
        """True while the process exists. NodeUnreachable in a paused node, which cannot tell."""
        pid = self._pid()
        if pid is None or self._node.state() == "down":
            return False
        return self._node.wait(pid, 0) is None

    @property
    def pid(self) -> int:
        """The pid in the node; an error if it does not run."""
        pid = self._pid()
        if pid is None or not self.is_running():
            raise WorldError(f"{self.name} is not running", self.log)
        return pid

    def _pid(self) -> int | None:
        try:
            return int(json.loads(self._record.read_text())["pid_in_node"])
        except FileNotFoundError:
            return None

    def _end(self, number: int, timeout: float) -> None:
        pid = self._pid()
        if pid is None or not self.is_running():
            return
        for chosen in (number, signal.SIGKILL):
            try:
                self._node.signal(pid, chosen)
            except ProcessLookupError:
                pass  # It ended by itself meanwhile: wait says so.
            if self._node.wait(pid, timeout) is not None:
                self._record.unlink(missing_ok=True)
                return
        raise WorldError(f"{self.name} does not end, not even by SIGKILL", self.log)
