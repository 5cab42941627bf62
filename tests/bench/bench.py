#!/usr/bin/python3
"""Measures every RPC beside the raw calls it comes down to, in a world of its own; writes build/bench.json.

csi-bench does the measuring: a CSI client and the raw calls in one process, in turns. This program brings up Ceph, the
driver and a node, runs csi-bench where each half of the driver lives, prints the table and holds the limits against it.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, Optional

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from bench import limits, table  # noqa: E402
from bench.limits import Row  # noqa: E402
from world import World, WorldError  # noqa: E402

NODE_SOCKET = "/run/rbd-csi/node.sock"
NODE_VOLUME_MIB = 256
BEGIN = time.monotonic()


def say(line: str) -> None:
    """Progress, with the seconds since the start."""
    print(f"[{time.monotonic() - BEGIN:6.1f} s] {line}", flush=True)


def numbers(text: str) -> list[int]:
    """ "1,8,32" as an argument."""
    return [int(word) for word in text.split(",") if word]


def parse(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--callers", type=numbers, default=[1, 8, 32], help="numbers of callers (default 1,8,32)")
    parser.add_argument("--count", type=int, default=300, help="timed calls of each controller RPC (default 300)")
    parser.add_argument("--snapshot-count", type=int, default=12,
                        help="calls of each RPC that waits a second for the monitors (default 12)")
    parser.add_argument("--node-count", type=int, default=64, help="timed calls of stage and of unstage (default 64)")
    parser.add_argument("--existing", type=int, default=0,
                        help="volumes to make in the pool first (default 0); from 1000 on growth is measured")
    parser.add_argument("--quick", action="store_true", help="few calls: shows that it works, says little about speed")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a limit does not hold")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release/bin", help="where the programs are")
    parser.add_argument("--dir", type=pathlib.Path, default=ROOT / "build/bench-world", help="where the world lives")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "build/bench.json", help="the figures as JSON")
    options = parser.parse_args(argv)
    options.build = options.build.resolve()
    options.dir = options.dir.resolve()
    options.warmup, options.count_operations, options.starts = 20, 50, 5
    options.clones, options.parallel_times, options.idle = 60, 3, 10
    options.node_callers = options.callers
    if options.quick:
        options.callers, options.node_callers, options.count, options.node_count = [1, 8], [1], 24, 4
        options.warmup, options.count_operations, options.starts = 8, 10, 2
        options.snapshot_count, options.clones, options.parallel_times, options.idle = 2, 24, 1, 4
    return options


class Bench:
    """One run, and the rows it has so far."""

    def __init__(self, options: argparse.Namespace, world: World) -> None:
        self.options = options
        self.world = world
        self.rows: list[Row] = []
        self.program = options.build / "csi-bench"
        self.driver = world.directory / "driver"

    def run(self) -> list[Row]:
        self.daemons()
        self.controller()
        self.node()
        return self.rows

    def take(self, output: str, **more: Any) -> None:
        """csi-bench's lines as rows; the counts of an RPC go into each of its rows."""
        for line in output.splitlines():
            row = {**json.loads(line), **more}
            if "counts" in row:
                self.rows.append({"op": row["op"], "counts": row["counts"]})
            else:
                self.rows.append(row)

    def daemons(self) -> None:
        """Start time and idle memory, natively on the host."""
        for name, flags in {
            "controller": [f"--clusters-config={self.driver}/config.json", f"--keys={self.driver}/controller-keys"],
            "node": ["--node-name=bench", "--node-address=192.0.2.250", f"--keys={self.driver}/node-keys"],
        }.items():
            socket = self.world.directory / f"idle-{name}.sock"
            done = self.world.run_in_network([
                self.program, "daemon", f"--name={name}", f"--socket={socket}", f"--starts={self.options.starts}", "--",
                self.options.build / f"rbd-csi-{name}", f"--endpoint=unix://{socket}", *flags])
            self.take(done.stdout)
            say(f"started rbd-csi-{name} {self.options.starts} times")

    def controller(self) -> None:
        """The controller's RPCs. The reaper is off: what it does later is not part of an answer."""
        options, controller = self.options, self.world.controller
        controller.start(["--reaper-interval=0", "--log-level=info"])
        controller.wait_ready()
        self.lists()
        common = [self.program, "controller", f"--socket={controller.socket}", f"--existing={options.existing}",
                  "--leave-trash"]
        for callers in options.callers:
            counted = options.count_operations if callers == options.callers[0] else 0
            done = self.world.run_in_network([*common, f"--callers={callers}", f"--count={options.count}",
                                              f"--warmup={options.warmup}", f"--count-operations={counted}"],
                                             timeout=None)
            self.take(done.stdout)
            say(f"timed the controller's RPCs, {callers} at a time, {options.count} calls each")
        self.snapshots()
        self.rows.append({"op": "rss_controller_after_run_mib", "value": resident_mib(
            pathlib.Path(f"/proc/{controller.pid}/status").read_text())})

    def lists(self) -> None:
        """ListVolumes; with --existing also CreateVolume before and after those volumes are made."""
        existing = self.options.existing
        done = self.world.run_in_network([self.program, "lists", f"--socket={self.world.controller.socket}",
                                          f"--existing={existing}"], timeout=None)
        self.take(done.stdout)
        say(f"listed volumes{f', and timed CreateVolume before and after there were {existing}' * (existing > 0)}")

    def snapshots(self) -> None:
        """Snapshots and clones."""
        options = self.options
        done = self.world.run_in_network([
            self.program, "snapshots", f"--socket={self.world.controller.socket}", f"--count={options.snapshot_count}",
            f"--clones={options.clones}", f"--times={options.parallel_times}", f"--idle={options.idle}",
            f"--existing={options.existing}", "--leave-all"], timeout=None)
        self.take(done.stdout)
        say(f"timed snapshots and clones, {options.snapshot_count} calls each")

    def node(self) -> None:
        """Stage and unstage, inside the node."""
        options, node = self.options, self.world.nodes[0]
        node.plugin.start(["--log-level=info"])
        node.plugin.wait_ready()
        volumes = self.published(2 * max(options.node_callers))
        say(f"created and published {len(volumes)} volumes of {NODE_VOLUME_MIB} MiB for the node")
        place = self.world.directory / "bench-volumes.json"
        for callers in options.node_callers:
            counted = min(options.count_operations, 10) if callers == options.node_callers[0] else 0
            place.write_text(json.dumps(volumes[:2 * callers]))
            done = node.run([
                f"/host{self.program}", "node", f"--socket={NODE_SOCKET}", f"--volumes={place}",
                f"--key-file={self.driver}/node-keys/world/userKey", f"--conf={self.world.ceph.conf}",
                f"--callers={callers}", f"--count={options.node_count}", f"--existing={options.existing}",
                f"--count-operations={counted}"], timeout=None)
            self.take(done.stdout)
            say(f"timed stage and unstage, {callers} at a time, {options.node_count} calls each")
        place.unlink()
        self.rows.append({"op": "rss_node_after_run_mib", "value": resident_mib(
            node.run(["cat", f"/proc/{node.plugin.pid}/status"]).stdout)})

    def published(self, count: int) -> list[dict[str, Any]]:
        """Volumes with a guard for the node, and what the node needs to map them."""
        os.environ["RBDCSI_BUILD"] = str(self.options.build)
        import csi_client
        controller = csi_client.Controller(str(self.world.controller.socket))
        plugin = csi_client.Node(str(self.world.nodes[0].socket))
        node_id = plugin.id()
        volumes = []
        for number in range(count):
            volume = controller.create(f"bench-stage-{number}", NODE_VOLUME_MIB * csi_client.MIB).volume_id
            volumes.append({"volume_id": volume, "publish_context": controller.publish(volume, node_id)})
        controller.close()
        plugin.close()
        return volumes


def resident_mib(status: str) -> float:
    """VmRSS of a /proc/PID/status."""
    match = re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)
    return round(int(match.group(1)) / 1024, 1) if match else 0.0


def merged(rows: list[Row]) -> list[Row]:
    """Rows of calls with the counts of their RPC, then the single numbers with their limits."""
    counts = {row["op"]: row["counts"] for row in rows if "counts" in row}
    fields = ("osd_ops", "mon_commits", "floor_osd_ops", "floor_mon_commits")
    timed = [{**row, **{field: counts.get(row["op"], {}).get(field) for field in fields}}
             for row in rows if "callers" in row]
    order = list(limits.FLOORS)
    timed.sort(key=lambda row: order.index(row["op"]))
    promised = {**limits.VALUES, **limits.GROWTH}
    single = [{**row, "limit": promised.get(row["op"])} for row in rows if "value" in row]
    return timed + single


def main() -> int:
    options = parse()
    with World.up(options.dir, nodes=1, build=options.build, memory=2048,
                  report=lambda line: print(line, flush=True)) as world:
        rows = merged(Bench(options, world).run())
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(rows, indent=1) + "\n")
    verdicts = limits.judge(rows, growth=options.existing >= limits.GROWTH_FROM)
    print("", table.calls(rows), table.notes(), table.values(rows), table.limits(verdicts), sep="\n\n")
    print(f"\nwritten to {options.output}")
    return 1 if options.check and not all(verdict.passed for verdict in verdicts) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except WorldError as error:
        sys.exit(f"bench: {error.report()}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"bench: {' '.join(map(str, error.cmd))} ended with {error.returncode}: {error.stderr.strip()}")
