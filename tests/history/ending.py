"""The end of a run: all that should be there is, all of it can be deleted, and then nothing is left."""
import pathlib
import re
import time
from typing import Callable

import csi_client
import pool
from history.calls import Caller
from history.history import Fate, Op
from history.workload import Workload

PATIENCE = 120.0
# A line of a controller's log that tells of a fence, and what a controller says that was refused itself.
FENCED = re.compile(r"fencing client (\S+):\d+/\d+:")
REFUSED = "connection was blocklisted"


class Ending:
    """With every thread joined and every controller up. What it asks is part of the history."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.caller: Caller = workload.caller("ending")

    def look(self) -> None:
        """Each volume read by both controllers, each list, each image: the model says what must be seen."""
        for controller in self.workload.controllers:
            for key in self.workload.keys:
                self.until_final(lambda: self.caller.get(key, server=controller.name))
            self.until_final(lambda: self.caller.list(self.workload.keys, server=controller.name))
        for key in self.workload.PLAIN:
            self.workload.audit(key)

    def delete(self) -> None:
        """What is refused because a client that died still watches is asked again."""
        for key in self.workload.keys:
            for node in self.workload.node_ids:
                self.workload.detach(self.caller, key, node)
            self.until_final(lambda: self.caller.delete(key), lambda op: op.ok)
            for number in "12":
                self.until_final(lambda: self.caller.delete_snapshot(key, f"{key}-s{number}"), lambda op: op.ok)
            self.until_final(lambda: self.caller.get(key))
        self.until_final(lambda: self.caller.list(self.workload.keys))

    def until_final(self, call: Callable[[], Op], good: Callable[[Op], bool] = lambda op: True) -> None:
        end = time.monotonic() + PATIENCE
        op = call()
        while op.fate is not Fate.KNOWN or not good(op):
            if time.monotonic() > end:
                self.workload.wedged.append(f"not within {PATIENCE:.0f} s: {op}")
                return
            time.sleep(0.2)
            op = call()

    def leaked(self) -> list[str]:
        """What is left in the pool and in the nodes, and whom Ceph refuses without a reason.

        A controller that dies inside librbd's removal of a snapshot may leave clones of objects that no snapshot
        owns (docs/limitations.md). Each OSD looks for those once a day; here it is told to.
        """
        world = self.workload.world
        world.run_in_network(["ceph", "tell", "osd.0", "scrub_purged_snaps"])
        left: list[str] = []
        try:
            pool.becomes_empty(world, PATIENCE)
        except AssertionError as error:
            left.append(f"the pool: {error}")
        for node in world.nodes:
            devices = node.run(["ls", "/sys/bus/rbd/devices"]).stdout.split()
            left += [f"{node.name}: device rbd{device} is still mapped" for device in devices]
        return left + self.wrongly_fenced()

    def fences(self) -> list[str]:
        """The blocklisted clients of nodes."""
        addresses = {node.address for node in self.workload.world.nodes}
        return [entry for entry in self.workload.world.ceph.blocklist() if entry.rsplit(":", 1)[0] in addresses]

    def wrongly_fenced(self) -> list[str]:
        """A fence names one client of a node, never a controller.

        librbd itself blocklists a client that died with an image's lock, so dead controllers are there by right.
        """
        wrong = [f"the blocklist: {entry} is no single client" for entry in self.workload.world.ceph.blocklist()
                 if not entry.split(":")[1].startswith("0/")]
        addresses = {node.address for node in self.workload.world.nodes}
        for controller in self.workload.controllers:
            log = pathlib.Path(controller.log).read_text(errors="replace")
            wrong += [f"{controller.name} fenced {address}, which is no node"
                      for address in FENCED.findall(log) if address not in addresses]
            wrong += [f"{controller.name}: {line}" for line in log.splitlines() if REFUSED in line]
        return wrong

    def take_down(self) -> None:
        self.caller.close()
        for controller in self.workload.controllers:
            controller.stop()


def controller_is_whole(workload: Workload) -> bool:
    """The driver's first controller, which nobody has killed, serves as well."""
    client = csi_client.Controller(str(workload.world.controller.socket))
    try:
        return len(client.list().entries) == 0
    finally:
        client.close()
