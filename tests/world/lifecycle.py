"""A whole world: made, found again, taken down."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from . import driver, kernel, state
from .ceph import Ceph
from .driver import Controller, NodePlugin
from .errors import WorldError
from .guest import Node
from .network import Network
from .paths import REPOSITORY, Layout
from .processes import Processes
from .qemu import Size
from .state import Settings

Report = Callable[[str], None]

# Programs that must be there, and the Debian packages that bring them.
CEPH_TOOLS = {
    "ceph-mon": "ceph-mon", "ceph-mgr": "ceph-mgr", "ceph-osd": "ceph-osd", "rbd": "ceph-common",
    "ip": "iproute2", "iptables": "iptables", "nsenter": "util-linux",
}  # fmt: skip
NODE_TOOLS = {
    "qemu-system-x86_64": "qemu-system-x86", "busybox": "busybox-static", "dpkg": "dpkg", "apt-get": "apt",
}  # fmt: skip


class GuestNode(Node):
    """A node together with the driver's plugin in it."""

    def __init__(self, layout: Layout, processes: Processes, index: int, settings: Settings) -> None:
        super().__init__(layout, processes, index, Size(settings.memory, settings.cpus),
                         Path(settings.disk) if settings.disk else None)
        self.plugin = NodePlugin(layout, Path(settings.build), self)
        self._with_driver = settings.with_driver

    def boot(self) -> None:
        """Start a killed node again, and its plugin if the world was started with the driver."""
        super().boot()
        if self._with_driver:
            self.plugin.start()
            self.plugin.wait_ready()


class World:
    """One Ceph and its nodes. Use `World.up` or `World.attach`, not the constructor."""

    def __init__(self, layout: Layout, settings: Settings) -> None:
        self.layout = layout
        self.settings = settings
        self.directory = layout.directory
        self.network = Network(layout)
        self.processes = Processes(layout)
        self.ceph = Ceph(layout, self.processes, self.network, settings.objectstore)
        self.nodes = [
            GuestNode(layout, self.processes, index, settings) for index in range(1, settings.nodes + 1)
        ]
        self.controller = self.extra_controller("controller")

    @classmethod
    def up(
        cls,
        directory: str | Path | None = None,
        *,
        nodes: int = 2,
        objectstore: str = "memstore",
        with_driver: bool = False,
        build: str | Path | None = None,
        memory: int = 1024,
        cpus: int = 1,
        disk: str | Path | None = None,
        ceph_options: Mapping[str, str] | None = None,
        report: Report = lambda line: None,
    ) -> World:
        """Start a world. What fails is taken down again, all but its logs."""
        place = Path(build or os.environ.get("RBDCSI_BUILD") or REPOSITORY / "build" / "release" / "bin").resolve()
        settings = Settings(nodes, objectstore, with_driver, str(place), memory, cpus, str(disk or ""))
        world = cls(Layout(directory), settings)
        world._check_host()
        world._claim()
        try:
            world._start(ceph_options or {}, _with_seconds(report))
        except WorldError:
            world._tear_down(keep_logs=True)
            raise
        except BaseException:
            world._tear_down(keep_logs=False)
            raise
        return world

    @classmethod
    def attach(cls, directory: str | Path | None = None) -> World:
        """The world that `up` has started in a directory."""
        layout = Layout(directory)
        found = state.read(layout)
        if found is None or found[0] == state.FAILED:
            raise WorldError(f"there is no world in {layout.directory}: start one with `world up`")
        return cls(layout, found[1])

    @classmethod
    def remove(cls, directory: str | Path | None = None) -> bool:
        """Take down whatever is in a directory, even half a world. False if there was nothing."""
        layout = Layout(directory)
        found = state.read(layout)
        world = cls(layout, found[1] if found else Settings(nodes=0))
        if found is None and not world.network.exists() and not world.processes.all():
            return False
        world.down()
        return True

    def down(self) -> None:
        """End every process and remove every file of this world. Does nothing the second time."""
        self._tear_down(keep_logs=False)

    def node(self, name: str) -> GuestNode:
        """The node of that name."""
        for node in self.nodes:
            if node.name == name:
                return node
        names = ", ".join(node.name for node in self.nodes) or "none"
        raise WorldError(f"there is no node {name}; this world has {names}")

    def extra_controller(self, name: str) -> Controller:
        """A controller beside the first; its socket is DIR/<name>.sock."""
        return Controller(self.layout, self.processes, Path(self.settings.build), name)

    def run_in_network(
        self, argv: Sequence[str | Path], **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a host command in the world's network with CEPH_CONF set; options as for Node.run."""
        env = {**self.ceph.environment(), **(options.pop("env", None) or {})}
        return self.network.run(argv, env=env, **options)

    def status(self) -> dict[str, Any]:
        """What another program needs to use this world."""
        return {
            "ceph_conf": str(self.ceph.conf),
            "keyring": str(self.ceph.keyring),
            "monitors": self.ceph.monitors,
            "controller_socket": str(self.controller.socket),
            "nodes": [
                {"name": node.name, "socket": str(node.socket), "address": node.address} for node in self.nodes
            ],
        }

    def __enter__(self) -> World:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def _check_host(self) -> None:
        if os.geteuid() != 0:
            raise WorldError("a world needs root: it makes network namespaces and serves the host's root to its nodes")
        if not re.fullmatch(r"[\w./+@=-]+", str(self.directory), re.ASCII):
            raise WorldError(f"{self.directory}: use letters, digits and ._/+@=- only; Ceph reads a list into the rest")
        needed = {**CEPH_TOOLS, **(NODE_TOOLS if self.nodes else {})}
        missing = sorted({package for tool, package in needed.items() if not shutil.which(tool)})
        if missing:
            raise WorldError(f"programs are missing: apt-get install {' '.join(missing)}")
        if self.nodes and not Path("/dev/net/tun").exists():
            raise WorldError("/dev/net/tun is missing: load the kernel module tun")
        if self.settings.with_driver:
            for name in ("rbd-csi-controller", "rbd-csi-node"):
                driver.binary(Path(self.settings.build), name)

    def _claim(self) -> None:
        """Take the directory, or say who has it."""
        found = state.read(self.layout)
        if found and found[0] == state.FAILED:
            self.down()
        self.layout.directory.mkdir(parents=True, exist_ok=True)
        try:
            self.layout.state.touch(exist_ok=False)
        except FileExistsError:
            raise WorldError(f"a world is already in {self.layout.directory}: `world down` ends it") from None
        state.write(self.layout, state.STARTING, self.settings)

    def _start(self, ceph_options: Mapping[str, str], say: Report) -> None:
        self.layout.create()
        if self.nodes:
            say(f"kernel {kernel.provide().modules.parent.parent.name}")
        self.network.create(self.settings.nodes)
        say(f"network {self.layout.namespace}")
        for node in self.nodes:
            node.start()
        if self.nodes:
            say(f"booting {', '.join(node.name for node in self.nodes)}")
        self.ceph.create(ceph_options)
        driver.write_configuration(self.layout, self.ceph)
        say(f"Ceph ready at {', '.join(self.ceph.monitors)} ({self.settings.objectstore})")
        for node in self.nodes:
            node.wait_ready()
            say(f"{node.name} ready at {node.address}")
        if self.settings.with_driver:
            self._start_driver(say)
        state.write(self.layout, state.UP, self.settings)

    def _start_driver(self, say: Report) -> None:
        self.controller.start()
        for node in self.nodes:
            node.plugin.start()
        self.controller.wait_ready()
        say(f"controller ready at {self.controller.socket}")
        for node in self.nodes:
            node.plugin.wait_ready()
            say(f"{node.plugin.name} ready at {node.plugin.socket}")

    def _tear_down(self, keep_logs: bool) -> None:
        """The state file goes last: until then another `down` can do what is left."""
        self.processes.end_all()
        self.network.delete()
        if self.layout.short.exists():
            shutil.rmtree(self.layout.short)
        if not self.layout.state.exists():
            return
        for path in self.layout.made_directories():
            if path.exists() and not (keep_logs and path == self.layout.logs):
                shutil.rmtree(path)
        for path in self.directory.glob("*.sock"):
            path.unlink()
        if keep_logs:
            state.write(self.layout, state.FAILED, self.settings)
            return
        self.layout.state.unlink()
        if not any(self.directory.iterdir()):
            self.directory.rmdir()


def _with_seconds(report: Report) -> Report:
    begin = time.monotonic()
    return lambda line: report(f"[{time.monotonic() - begin:6.1f} s] {line}")
