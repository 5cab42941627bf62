"""Where a world keeps its things: one place that knows every path and name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
REPOSITORY = PACKAGE.parent.parent
CACHE = REPOSITORY / "build" / "cache" / "kernel"

CEPH_ADDRESS = "192.0.2.1"
NETWORK_BITS = 24

# The kernel refuses a longer path in sockaddr_un.
LONGEST_SOCKET_PATH = 107


def node_name(index: int) -> str:
    """Nodes count from 1: node1, node2, …"""
    return f"node{index}"


def node_address(index: int) -> str:
    """The address of node number `index` inside its world's namespace."""
    return f"192.0.2.{10 + index}"


class Layout:
    """The paths of the world that lives in one directory.

    Everything derives from the directory alone, so that a world whose `up` was killed at any
    point can be found again and taken down.
    """

    def __init__(self, directory: str | Path | None = None) -> None:
        self.directory = Path(directory or REPOSITORY / "build" / "world").resolve()
        digest = hashlib.sha256(str(self.directory).encode()).hexdigest()[:8]
        self.name = f"rbdcsi-{digest}"
        self.namespace = self.name
        self.state = self.directory / "state.json"
        self.logs = self.directory / "log"
        self.ceph = self.directory / "ceph"
        self.ceph_conf = self.ceph / "ceph.conf"
        self.keyring = self.ceph / "keyring"
        self.processes = self.directory / "processes"
        self.nodes = self.directory / "nodes"
        self.driver = self.directory / "driver"
        self.short = Path("/run") / self.name
        longest = self.directory / "run" / "controller-with-a-long-name.sock"
        fits = len(str(longest).encode()) <= LONGEST_SOCKET_PATH
        self.sockets = self.directory if fits else self.short
        self.private_sockets = self.sockets / "run"

    def log(self, name: str) -> Path:
        """The log file of the process called `name`."""
        return self.logs / f"{name}.log"

    def socket(self, name: str) -> Path:
        """A gRPC socket that tests use."""
        return self.sockets / f"{name}.sock"

    def private_socket(self, name: str) -> Path:
        """A socket of the world's own machinery."""
        return self.private_sockets / f"{name}.sock"

    def in_network(self, argv: Sequence[str | Path]) -> list[str]:
        """The command line that runs `argv` in the world's network.

        nsenter, because `ip netns exec` also mounts a new /sys, without cgroups in it.
        """
        return ["/usr/bin/nsenter", f"--net=/run/netns/{self.namespace}", "--", *map(str, argv)]

    def in_node(self, path: Path) -> str:
        """Where a node sees a path of the host: the world's directory is writable, the rest is not."""
        if path.is_relative_to(self.directory):
            return str(Path("/world") / path.relative_to(self.directory))
        return f"/host{path}"

    def made_directories(self) -> list[Path]:
        """What `up` creates and `down` removes, besides single files."""
        return [self.logs, self.ceph, self.processes, self.nodes, self.driver, self.private_sockets]

    def create(self) -> None:
        """Make the directories of a new world."""
        for path in self.made_directories():
            path.mkdir(parents=True, exist_ok=True)
