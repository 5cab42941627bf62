"""A throwaway Ceph: one monitor, one manager, one OSD, the pool `rbd` and the users the driver runs as."""

from __future__ import annotations

import configparser
import json
import os
import signal
import socket
import struct
import subprocess
import uuid
from collections.abc import Mapping
from typing import Any

from . import ceph_files
from .ceph_files import POOL
from .errors import WorldError
from .network import Network
from .paths import CEPH_ADDRESS, Layout
from .processes import MARK, Processes

MONITOR = f"{CEPH_ADDRESS}:3300"
DAEMONS = ("mon.a", "mgr.x", "osd.0")
OBJECT_STORES = ("memstore", "bluestore")


class Ceph:
    """The Ceph of one world. Daemons are called `mon.a`, `mgr.x` and `osd.0`."""

    def __init__(self, layout: Layout, processes: Processes, network: Network, objectstore: str) -> None:
        self.conf = layout.ceph_conf
        self.keyring = layout.keyring
        self.monitors = [MONITOR]
        self.objectstore = objectstore
        self._layout = layout
        self._processes = processes
        self._network = network

    # Use

    def command(self, *arguments: str, timeout: float = 60) -> Any:
        """Run a `ceph` command and return its answer: parsed JSON, or text where it has none."""
        text = self._call("ceph", "--format", "json", *arguments, timeout=timeout).stdout.strip()
        try:
            return json.loads(text) if text else None
        except json.JSONDecodeError:
            return text

    def rbd(self, *arguments: str, check: bool = True, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run an `rbd` command on the host as client.admin."""
        return self._call("rbd", *arguments, check=check, timeout=timeout)

    def blocklist(self) -> list[str]:
        """The addresses of the clients that Ceph refuses."""
        return sorted(self.command("osd", "dump")["blocklist"])

    def key(self, user: str) -> str:
        """The base64 key of a user, named without `client.`."""
        parser = configparser.ConfigParser()
        parser.read_string(self.keyring.read_text().replace("\t", ""))
        return parser[f"client.{user}"]["key"]

    def environment(self) -> dict[str, str]:
        """The environment in which ceph, rbd and librados find this Ceph."""
        return {**os.environ, "CEPH_CONF": str(self.conf)}

    def counter(self, daemon: str, section: str, name: str) -> Any:
        """A performance counter, read from the daemon's admin socket."""
        return self.ask_daemon(daemon, "perf dump")[section][name]

    def osd_ops(self) -> int:
        """How many operations clients have sent to the OSD so far."""
        return int(self.counter("osd.0", "osd", "op"))

    def mon_commits(self) -> int:
        """How many changes the monitor has committed so far."""
        return int(self.counter("mon.a", "paxos", "commit"))

    def ask_daemon(self, daemon: str, prefix: str, **fields: Any) -> Any:
        """A request to a daemon's admin socket: a thousand times faster than `ceph daemon`."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(10)
            connection.connect(str(self._layout.private_socket(daemon)))
            connection.sendall(json.dumps({"prefix": prefix, **fields}).encode() + b"\0")
            with connection.makefile("rb") as stream:
                (length,) = struct.unpack(">I", stream.read(4))
                return json.loads(stream.read(length))

    # Faults

    def start(self, daemon: str) -> None:
        """Start a daemon that was stopped or killed."""
        kind, _, identity = self._known(daemon).partition(".")
        if self._processes.running(daemon):
            raise WorldError(f"{daemon} is already running")
        argv = [f"/usr/bin/ceph-{kind}", "-f", "-c", str(self.conf), "-i", identity]
        self._processes.spawn(daemon, argv, {"CEPH_CONF": str(self.conf)})

    def stop(self, daemon: str) -> None:
        """Shut a daemon down in order."""
        self._processes.end(self._known(daemon), signal.SIGTERM, timeout=30)

    def kill(self, daemon: str) -> None:
        """End a daemon without warning."""
        if daemon == "osd.0" and self.objectstore == "memstore":
            raise WorldError("killing a memstore OSD loses every object: start the world with bluestore")
        self._processes.end(self._known(daemon), signal.SIGKILL)

    def pause(self, daemon: str) -> None:
        """Make a daemon hang."""
        self._processes.require(self._known(daemon)).send(signal.SIGSTOP)

    def resume(self, daemon: str) -> None:
        """Let a paused daemon go on."""
        self._processes.require(self._known(daemon)).send(signal.SIGCONT)

    def is_running(self, daemon: str) -> bool:
        """True while the daemon's process exists, paused or not."""
        return self._processes.running(self._known(daemon)) is not None

    # Birth

    def create(self, options: Mapping[str, str]) -> None:
        """Make and start a Ceph, up to a pool that serves. `options` go into ceph.conf's [global]."""
        for name in ("mon", "mgr", "osd", "crash"):
            (self._layout.ceph / name).mkdir(exist_ok=True)
        fsid, osd = str(uuid.uuid4()), str(uuid.uuid4())
        ceph_files.write_configuration(self._layout, fsid, self.objectstore, options)
        ceph_files.write_keyring(self._layout)
        monmap = str(self._layout.ceph / "monmap")
        addresses = f"[v2:{CEPH_ADDRESS}:3300,v1:{CEPH_ADDRESS}:6789]"
        self._call("monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", "a", addresses, monmap)
        self._call("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", str(self.keyring))
        self.start("mon.a")
        # Else the manager makes a pool of its own at some point, and writes to it.
        self._call("ceph", "config", "set", "mgr", "mgr/devicehealth/enable_monitoring", "false", "--force")
        self.start("mgr.x")
        self._call("ceph", "osd", "new", osd, log="mon.a")
        self._call("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd, log="osd.0")
        self.start("osd.0")
        self._call("ceph", "osd", "pool", "create", POOL, "8", log="mon.a")
        self._call("rbd", "pool", "init", POOL, log="osd.0")

    def _known(self, daemon: str) -> str:
        if daemon not in DAEMONS:
            raise ValueError(f"{daemon} is not one of {', '.join(DAEMONS)}")
        return daemon

    def _call(
        self, *argv: str, check: bool = True, timeout: float = 60, log: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run one of Ceph's commands on the host; `log` names the daemon whose log explains a failure."""
        path = self._layout.log(log) if log else None
        # Marked, so that `down` also ends a command that an interrupted `up` left behind.
        env = {**self.environment(), MARK: self._layout.name}
        try:
            done = self._network.run(argv, check=False, env=env, timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise WorldError(f"{' '.join(argv)}: no answer within {timeout:.0f} s", path) from error
        if check and done.returncode:
            raise WorldError(f"{' '.join(argv)} ended with {done.returncode}: {done.stderr.strip()}", path)
        return done
