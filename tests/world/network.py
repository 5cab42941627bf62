"""The network of a world: a namespace of its own, a bridge, one tap device per node."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import WorldError
from .paths import CEPH_ADDRESS, NETWORK_BITS, Layout

CEPH_PORTS = "3300:7300"  # of its monitors and of its OSDs


class Network:
    """The network namespace of one world.

    Every world has the same addresses inside, so configuration is alike everywhere and worlds
    cannot disturb each other or the machine.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def create(self, nodes: int) -> None:
        """Make the namespace, its bridge and `nodes` taps."""
        self._ip("netns", "add", self._layout.namespace)
        lines = [
            "link set lo up",
            "link add br0 type bridge",
            f"addr add {CEPH_ADDRESS}/{NETWORK_BITS} dev br0",
            "link set br0 up",
        ]
        for index in range(1, nodes + 1):
            tap = f"tap{index}"
            lines += [f"tuntap add {tap} mode tap", f"link set {tap} master br0", f"link set {tap} up"]
        self._ip("-n", self._layout.namespace, "-batch", "-", text="\n".join(lines) + "\n")

    def exists(self) -> bool:
        """True while the namespace has its name."""
        return (Path("/run/netns") / self._layout.namespace).exists()

    def cut(self, address: str) -> None:
        """What a node sends to Ceph gets lost, until `join`. The host still reaches the node."""
        self.run(["iptables", "--insert", *self._from_node_to_ceph(address)])

    def join(self, address: str) -> None:
        """The end of a `cut`."""
        self.run(["iptables", "--delete", *self._from_node_to_ceph(address)])

    def delete(self) -> None:
        """Remove the namespace; bridge and taps go with it."""
        if self.exists():
            self._ip("netns", "delete", self._layout.namespace)

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        check: bool = True,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float | None = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run a host command inside the namespace and capture its output."""
        return subprocess.run(
            self._layout.in_network(argv),
            check=check,
            input=input if input is not None else "",
            env=env,
            timeout=timeout,
            capture_output=True,
            text=True,
        )

    @staticmethod
    def _from_node_to_ceph(address: str) -> list[str]:
        return ["INPUT", "--source", address, "--protocol", "tcp", "--dport", CEPH_PORTS, "--jump", "DROP"]

    @staticmethod
    def _ip(*arguments: str, text: str = "") -> str:
        done = subprocess.run(["ip", *arguments], input=text, capture_output=True, text=True)
        if done.returncode:
            raise WorldError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout
