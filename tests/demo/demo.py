#!/usr/bin/python3
"""The main job, on real parts: MariaDB's data outlives its pod and its node.

A throwaway Ceph, two nodes with the real krbd, the driver's two daemons and a MariaDB server. Each line is one step:
when, where, how long it took and what it did. Ends with 0 only if every claim on the way held.
"""
import argparse
import pathlib
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import Iterator

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import grpc  # noqa: E402
from csi_client import BIN, GIB, Controller, refused  # noqa: E402
from mariadb import MariaDb, Writer  # noqa: E402
from pod import Pod  # noqa: E402
from world import World  # noqa: E402
from world.errors import WorldError  # noqa: E402

BEGIN = time.monotonic()


def say(where: str, seconds: float, what: str) -> None:
    """One line of the story."""
    took = f"{seconds:7.2f} s" if seconds >= 0 else " " * 9
    print(f"[{time.monotonic() - BEGIN:6.1f} s] {where:<10} {took}  {what}", flush=True)


class Broken(Exception):
    """A claim of the story did not hold."""


def claim(holds: bool, what: str) -> None:
    """What the demo is for."""
    if not holds:
        raise Broken(what)


class Line:
    """The text of a step; `add` appends what was found while it ran."""

    def __init__(self, text: str) -> None:
        self.text = text

    def add(self, text: str) -> None:
        self.text += text


@contextmanager
def step(where: str, text: str) -> Iterator[Line]:
    """Times a step and prints it when it is done."""
    begin = time.monotonic()
    line = Line(text)
    yield line
    say(where, time.monotonic() - begin, line.text)


class Story:
    """The scenes, in order. Each leaves the volume where the next one expects it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.controller = Controller(str(world.controller.socket))
        self.volume_id = ""
        self.rows = 5

    def pod(self, node: str) -> Pod:
        return Pod(self.world, self.controller, node, self.volume_id, name="mysql-0")

    def create(self) -> None:
        """A PVC of 1 GiB, with what a StorageClass would say; no PersistentVolume, no rbd command, no key."""
        with step("controller", "CreateVolume") as line:
            volume = self.controller.create(
                "pvc-8c1f2a34-mysql-data", GIB,
                {"pool": "rbd", "clusterID": "world", "csi.storage.k8s.io/fstype": "ext4",
                 "csi.storage.k8s.io/pvc/name": "data-mysql-0", "csi.storage.k8s.io/pvc/namespace": "default"})
            self.volume_id = volume.volume_id
            line.add(f": {volume.volume_id}, {volume.capacity_bytes >> 20} MiB")

    def bring_up(self, pod: Pod) -> None:
        name = pod.machine.name
        with step("controller", f"ControllerPublishVolume: {name} holds the attach guard"):
            pod.attach()
        with step(name, "NodeStageVolume: mapped, made sure of the file system, mounted"):
            pod.stage()
        with step(name, "NodePublishVolume: in the pod's directory"):
            pod.publish()

    def first_pod(self) -> Pod:
        """node1: a database with rows; then the pod goes, but the volume is still attached."""
        pod = self.pod("node1")
        self.bring_up(pod)
        database = MariaDb(pod.machine, f"{pod.target}/mysql")
        with step("node1", "MariaDB: system tables made on the volume"):
            database.install()
        with step("node1", "MariaDB: serving"):
            database.start()
        with step("node1", "database mydb, table city") as line:
            database.query("CREATE DATABASE mydb; CREATE TABLE mydb.city (name VARCHAR(20)) ENGINE=InnoDB; INSERT INTO "
                           "mydb.city VALUES ('Oslo'),('Lima'),('Kyoto'),('Accra'),('Perth')")
            line.add(f": {self.rows} rows")
        with step("node1", "the pod is deleted: MariaDB stopped, NodeUnpublishVolume"):
            database.stop()
            pod.unpublish()
        return pod

    def move(self, first: Pod) -> Pod:
        """node2 gets the volume when node1 has let it go, and not before."""
        second = self.pod("node2")
        with step("controller", "ControllerPublishVolume for node2 while node1 holds the volume") as line:
            name, message = refused(second.attach)
            claim(name == "FAILED_PRECONDITION" and first.node_id in message,
                  f"a second node was let in: {name} {message}")
            line.add(f": refused, {name}")
        with step("node1", "NodeUnstageVolume: unmounted and unmapped"):
            first.unstage()
        with step("controller", "ControllerUnpublishVolume for node1: guard released"):
            first.detach()
        claim(self.world.ceph.blocklist() == [], "an ordinary move added a blocklist entry")
        self.bring_up(second)
        return second

    def second_pod(self, pod: Pod) -> MariaDb:
        """node2: the rows are there, and the volume grows under the running server."""
        database = MariaDb(pod.machine, f"{pod.target}/mysql")
        with step("node2", "MariaDB: serving"):
            database.start()
        with step("node2", "SELECT COUNT(*) FROM mydb.city") as line:
            rows = int(database.query("SELECT COUNT(*) FROM mydb.city")[0])
            claim(rows == self.rows, f"{rows} rows on node2, {self.rows} were written on node1")
            line.add(f": {rows} rows")
        before = self.df(pod)
        with step("controller", "ControllerExpandVolume to 2 GiB while it runs"):
            self.controller.expand(self.volume_id, 2 * GIB)
        with step("node2", "NodeExpandVolume") as line:
            pod.plugin.expand(self.volume_id, pod.target, 2 * GIB)
            after = self.df(pod)
            claim(after > before * 1.8, f"df says {after} MiB after the expansion, {before} MiB before")
            line.add(f": df {before} MiB -> {after} MiB")
        return database

    @staticmethod
    def df(pod: Pod) -> int:
        out = pod.machine.run(["df", "-m", "--output=size", pod.target]).stdout
        return int(out.split()[-1])

    def freeze(self, database: MariaDb) -> int:
        """node2 stops dead in the middle of writing; the last number it acknowledged."""
        database.query("CREATE TABLE mydb.counter (n INT PRIMARY KEY) ENGINE=InnoDB")
        with step("node2", "a client inserts 1, 2, 3, ... and is frozen in the middle: the guest is paused") as line:
            writer = Writer(database.node, "mydb", "counter")
            end = time.monotonic() + 60
            while writer.acknowledged() < 100 and time.monotonic() < end:
                time.sleep(0.05)
            database.node.pause()
            time.sleep(0.3)  # what the host had received by then is read
            acknowledged = writer.acknowledged()
            claim(acknowledged >= 100, f"the writer on node2 did not get going: {acknowledged} rows in 60 s")
            line.add(f"; {acknowledged} rows acknowledged")
        return acknowledged

    def take_over(self, frozen: Pod, acknowledged: int) -> Pod:
        """node1 gets the volume from a node that never unmounted it."""
        with step("controller", "ControllerUnpublishVolume for node2: still mapped, so it is fenced") as line:
            frozen.detach()
            addresses = self.world.ceph.blocklist()
            claim(len(addresses) == 1 and addresses[0].startswith(frozen.machine.address),
                  f"expected one fenced client of node2, the blocklist says {addresses}")
            line.add(f": {addresses[0]}")
        pod = self.pod("node1")
        self.bring_up(pod)
        database = MariaDb(pod.machine, f"{pod.target}/mysql")
        with step("node1", "MariaDB: recovered and serving"):
            database.start()
        with step("node1", "SELECT COUNT(*), MAX(n) FROM mydb.counter") as line:
            count, largest = map(int, database.query("SELECT COUNT(*), MAX(n) FROM mydb.counter")[0].split())
            cities = int(database.query("SELECT COUNT(*) FROM mydb.city")[0])
            claim(count == largest and largest >= acknowledged and cities == self.rows,
                  f"rows are missing on node1: {count} rows up to {largest}, {acknowledged} were acknowledged")
            line.add(f": {count} rows up to {largest}, every acknowledged one is there")
        with step("node1", "MariaDB stopped, file system frozen: nothing of node1's own may change the image now"):
            database.stop()
            pod.machine.run(["sync"])
            pod.machine.run(["fsfreeze", "--freeze", pod.target])
        return pod

    def image_checksum(self) -> str:
        """Of every byte of the image, read through librbd."""
        image = self.volume_id.split("/")[-1]
        line = f"set -o pipefail; rbd export --no-progress rbd/{image} - | sha256sum"
        return self.world.run_in_network(["bash", "-c", line], timeout=300).stdout.split()[0]

    def wake(self, frozen: Pod, database: MariaDb, holder: Pod, late_seconds: float) -> None:
        """node2 wakes up with transactions in its hands. Not one of its bytes may land."""
        with step("controller", "checksum of the whole image") as line:
            before = self.image_checksum()
            line.add(f": {before[:16]}")
        late = f"""
            end=$((SECONDS+{late_seconds:.0f})); tried=0; failed=0
            while [ $SECONDS -lt $end ]; do
              dd if=/dev/urandom of={frozen.target}/mysql/late bs=4096 count=1 conv=notrunc,fsync 2>/dev/null ||
                failed=$((failed+1))
              tried=$((tried+1)); sleep 0.2
            done
            echo $tried $failed"""
        with step("node2", f"woken; it goes on writing for {late_seconds:.0f} s") as line:
            frozen.machine.resume()
            tries = frozen.machine.run(["bash", "-c", late], timeout=120)
            tried, failed = map(int, tries.stdout.split())
            claim(tried > 0 and tried == failed, f"{tried - failed} of {tried} late writes were accepted on node2")
            line.add(f": {tried} late writes, {failed} failed")
        with step("controller", "checksum of the whole image again") as line:
            after = self.image_checksum()
            claim(before == after, "the image has changed: a late write of node2 has landed")
            line.add(": the same, 0 late writes landed")
        with step("node2", "NodeUnpublishVolume, NodeUnstageVolume of the dead device"):
            database.kill()
            frozen.unpublish()
            frozen.unstage()
        holder.machine.run(["fsfreeze", "--unfreeze", holder.target])

    def delete(self, holder: Pod) -> None:
        """Nothing is left: no image, no trash, no object."""
        with step("node1", "the pod is deleted: unpublished, unstaged, detached"):
            holder.stop()
        with step("controller", "DeleteVolume"):
            self.controller.delete(self.volume_id)
        with step("controller", "the pool is empty") as line:
            end = time.monotonic() + 60
            while True:
                images = self.world.ceph.rbd("ls", "rbd").stdout.split()
                left = self.world.run_in_network(["rados", "-p", "rbd", "ls"]).stdout.split()
                kinds = ("rbd_data", "rbd_header", "rbd_object_map", "rbd_id")
                data = [name for name in left if name.startswith(kinds)]
                if not images and not data:
                    break
                claim(time.monotonic() < end, f"left in the pool: images {images}, objects {data[:5]}")
                time.sleep(0.5)
            line.add(f": no image; objects {sorted(left)}")

    def play(self, late_seconds: float) -> None:
        """The whole story."""
        self.create()
        second = self.move(self.first_pod())
        database = self.second_pod(second)
        acknowledged = self.freeze(database)
        third = self.take_over(second, acknowledged)
        self.wake(second, database, third, late_seconds)
        self.delete(third)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=pathlib.Path, help="where the world lives (default: build/demo)")
    parser.add_argument("--late-seconds", type=float, default=10, help="how long the woken node keeps trying to write")
    parser.add_argument("--keep", action="store_true", help="leave the world running after a failure, to look around")
    options = parser.parse_args()
    place = (options.dir or BIN.parents[1] / "demo").resolve()
    World.remove(place)
    try:
        world = World.up(place, nodes=2, with_driver=True, build=BIN,
                         report=lambda line: print(line.replace("]", "] world     ", 1), flush=True))
    except WorldError as error:
        print(f"The world did not come up: {error}", file=sys.stderr)
        return 1
    try:
        Story(world).play(options.late_seconds)
    except (Broken, WorldError, grpc.RpcError) as error:
        text = f"{error.code().name}: {error.details()}" if isinstance(error, grpc.RpcError) else str(error)
        print(f"\nFAILED: {text}\nLogs: {world.layout.logs}", file=sys.stderr)
        if not options.keep:
            keep_logs(world, place)
        return 1
    world.down()
    print(f"\nAll of it held, in {time.monotonic() - BEGIN:.0f} s. The world is gone again. "
          "Next: make test, or make world to try it by hand.")
    return 0


def keep_logs(world: World, place: pathlib.Path) -> None:
    """Takes the world down, but not what it has to say."""
    logs = place.with_name("demo-logs")
    subprocess.run(["cp", "-r", "--", str(world.layout.logs), str(logs)], check=False)
    world.down()
    print(f"The world is gone; its logs are in {logs}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
