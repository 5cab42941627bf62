"""Chains of clones: volumes that are each made from a snapshot of the one before."""
from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor

import csi_client
from csi_client import MIB, Controller
from images import checksum, fill, spec
from world import World
from world.driver import Controller as Process

SIZE = 8 * MIB


class Chain:
    """One volume with data, and clones on it; the snapshots between them are deleted as soon as they are used."""

    def __init__(self, world: World, controller: Controller, name: str, size: int = SIZE) -> None:
        self.world = world
        self.controller = controller
        self.name = name
        self.size = size
        self.pool = ThreadPoolExecutor(4)
        self.removals: list[Future[None]] = []
        self.volumes = [controller.create(f"{name}-0", size).volume_id]
        fill(world, self.volumes[0], name, length=size)
        self.checksum = checksum(world, self.volumes[0])

    def grow(self, length: int, patience: float = 60) -> None:
        """Clones of clones until there are so many; an answer that is not final is called again."""
        while len(self.volumes) <= length:
            number = len(self.volumes)
            snapshot = self.snapshot(number - 1)
            self.volumes.append(csi_client.again(lambda: self.clone(number, snapshot), patience).volume_id)
            self.removals.append(self.pool.submit(self.remove, snapshot))

    def snapshot(self, number: int) -> str:
        """The snapshot that the next one is made from."""
        volume = self.volumes[number]
        return str(csi_client.again(lambda: self.controller.snapshot(volume, f"{self.name}-s{number}")).snapshot_id)

    def clone(self, number: int, snapshot: str) -> csi_client.Message:
        return self.controller.create(f"{self.name}-{number}", self.size, source=snapshot)

    def remove(self, snapshot: str) -> None:
        csi_client.again(lambda: self.controller.delete_snapshot(snapshot))

    def delete(self) -> None:
        """All of it, at once: deletions do not wait for one another."""
        for removal in self.removals:
            removal.result()
        for _ in self.pool.map(lambda volume: csi_client.again(lambda: self.controller.delete(volume)), self.volumes):
            pass
        self.pool.shutdown()


def depth(world: World, volume_id: str) -> int:
    """How many parents librbd goes through to read a volume; the parents may be in the trash."""
    pool, image = spec(volume_id).split("/")
    info = json.loads(world.ceph.rbd("info", "--format", "json", f"{pool}/{image}").stdout)
    number = 0
    while "parent" in info:
        number += 1
        info = json.loads(world.ceph.rbd("info", "--format", "json", "--pool", pool,
                                         "--image-id", info["parent"]["id"]).stdout)
    return number


def metrics(world: World, endpoint: str) -> dict[str, float]:
    """What a daemon in the world's network serves to Prometheus, by name and labels."""
    text = world.run_in_network(["/usr/bin/python3", "-c", "import sys, urllib.request as r; print(r.build_opener("
                                 "r.ProxyHandler({})).open(sys.argv[1], timeout=5).read().decode())",
                                 f"http://{endpoint}/metrics"]).stdout
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, value in lines}


def run(process: Process, *flags: str) -> Controller:
    """The controller process with these flags, in place of how it ran before."""
    process.stop()
    process.start(flags)
    process.wait_ready()
    return Controller(str(process.socket))
