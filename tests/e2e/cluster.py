"""A Kubernetes cluster on a world: the control plane here, each node of the world a worker.

    from e2e.cluster import Cluster                    # with tests/ on sys.path, as root

    cluster = Cluster.up(directory, report=print)      # or Cluster.attach(directory)
    cluster.apply({"apiVersion": "v1", "kind": "Pod", ...}); cluster.wait("pod/a", "condition=Ready")
    cluster.exec("a", ["cat", "/data/file"]).stdout
    cluster.kubectl("get", "nodes"); cluster.helm("list")
    cluster.power_off("node1"); cluster.power_on("node1")
    cluster.down()

`world` below it has the Ceph, the nodes and everything else that tests/world offers.
"""
from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from e2e import disk
from e2e.client import Client
from e2e.control import API, ControlPlane
from e2e.control_node import NAME as CONTROL
from e2e.control_node import ControlNode, policy, remove_groups
from e2e.kube import build
from e2e.kube.versions import CRDS, PROGRAMS, REPOSITORY
from e2e.pki import Authority
from e2e.worker import Worker
from world import World, WorldError
from world.paths import Layout

Report = Callable[[str], None]
# MiB for one worker: the system takes 300, fifty small pods or a few databases the rest.
MEMORY = 1536
NODES_PATIENCE = 180.0


class Cluster(Client):
    """One cluster. Use `Cluster.up` or `Cluster.attach`, not the constructor."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.place = _place(world.directory)
        self.authority = Authority(self.place / "pki", API)
        self.control = ControlPlane(world, self.authority, self.place)
        self.control_node = ControlNode(world, self.authority, self.place)
        self.workers = [Worker(world, node, self.authority, self.place) for node in world.nodes]
        super().__init__(world, self.control.kubeconfig)

    @classmethod
    def up(cls, directory: str | Path | None = None, *, nodes: int = 2, memory: int = MEMORY, cpus: int = 1,
           report: Report = lambda line: None) -> Cluster:
        """Start a cluster, from nothing if it must be. What fails is taken down again, all but its logs."""
        say = _with_seconds(report)
        build.provide()
        images = disk.provide(say)
        place = cls.directory(directory)
        shutil.rmtree(_place(place), ignore_errors=True)
        world = World.up(place, nodes=nodes, memory=memory, cpus=cpus, disk=images.disk,
                         report=lambda line: say(line.partition("] ")[2]))
        cluster = cls(world)
        try:
            cluster._start(images.root, say)
        except BaseException:
            say(f"that failed; its logs are kept in {cluster.save_logs()}")
            cluster.down()
            raise
        return cluster

    @classmethod
    def attach(cls, directory: str | Path | None = None) -> Cluster:
        """The cluster that `up` has started."""
        return cls(World.attach(cls.directory(directory)))

    @classmethod
    def remove(cls, directory: str | Path | None = None) -> bool:
        """Take down whatever is left of a cluster. False if there was nothing."""
        place = cls.directory(directory)
        there = World.remove(place)
        remove_groups(Layout(place).name)
        if _place(place).exists():
            shutil.rmtree(_place(place))
            there = True
        if place.exists() and not any(place.iterdir()):
            place.rmdir()
        return there

    @staticmethod
    def directory(directory: str | Path | None = None) -> Path:
        """Where a cluster lives if nobody says."""
        return Path(directory or REPOSITORY / "build" / "cluster").resolve()

    def down(self) -> None:
        """End every process and remove every file of it."""
        self.remove(self.world.directory)

    def worker(self, name: str) -> Worker:
        """The worker of that name."""
        return next(worker for worker in self.workers if worker.node is self.world.node(name))

    def power_off(self, name: str) -> None:
        """Pull the plug of a worker, in the middle of whatever it does."""
        self.worker(name).power_off()

    def power_on(self, name: str) -> None:
        """Boot it again with its disk; ready when its kubelet says so."""
        self.worker(name).power_on()

    def ready_nodes(self) -> list[str]:
        """The names of the nodes that are Ready."""
        return [node["metadata"]["name"] for node in self.get("nodes")["items"]
                if any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"]["conditions"])]

    def _start(self, images: Path, say: Report) -> None:
        self.authority.create()
        self.control.prepare()
        self.control.route()
        self.control.start()
        self._write_commands()
        say("certificates; control plane starting")
        with_node = self.control_node.possible()
        if with_node:
            self.control_node.prepare(images)
        with ThreadPoolExecutor() as pool:
            starting = [pool.submit(self._start_worker, worker, say) for worker in self.workers]
            self.control.wait_ready()
            say(f"API ready at {API}")
            self.kubectl("apply", "--server-side", "-f", str(CRDS))
            self.apply(*policy())
            self.control.start_snapshot_controller()
            if with_node:
                self.control_node.start()
            say("snapshot API and its controller")
            for future in starting:
                future.result()
        for name in [CONTROL] * with_node + [worker.name for worker in self.workers]:
            self.until(lambda: name in self.ready_nodes(), f"{name} is not Ready ({name}-kubelet.log may say why)",
                       NODES_PATIENCE)
            say(f"{name} Ready")

    @staticmethod
    def _start_worker(worker: Worker, say: Report) -> None:
        worker.prepare()
        worker.start()
        say(f"{worker.name}: containerd runs, kubelet started")

    def _write_commands(self) -> None:
        """kubectl and helm that reach the cluster from a shell outside the world's network."""
        place = self.place / "bin"
        place.mkdir()
        for name in ("kubectl", "helm"):
            argv = " ".join(self.world.layout.in_network([PROGRAMS / name]))
            (place / name).write_text(f'#!/bin/sh\nexport KUBECONFIG="{self.kubeconfig}"\nexec {argv} "$@"\n')
            (place / name).chmod(0o755)

    def save_logs(self) -> Path:
        """Copy what `down` would remove; returns where it is."""
        kept = self.world.directory.with_name(self.world.directory.name + "-logs")
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self.world.layout.logs, kept)
        return kept


def _place(directory: Path) -> Path:
    """What the cluster adds to its world's directory is all below this one."""
    return directory / "kube"


def _with_seconds(report: Report) -> Report:
    begin = time.monotonic()
    return lambda line: report(f"[{time.monotonic() - begin:6.1f} s] {line}")


__all__ = ["Cluster", "WorldError"]
