"""Who does what: clients with dice, pods on two nodes, a killer of controllers, an auditor of images."""
import random
import threading
import time
import traceback
from typing import Any, Callable

from history import writes
from history.calls import Caller, snapshot_id
from history.gate import Gate
from history.history import Fate, History
from history.pods import Pod
from world import World

MIB = 1 << 20
FLAGS = ["--half-made-grace=5", "--reaper-interval=1"]
CLIENTS = 12
PODS = 2      # at a time, on each node
# After a detachment that was given up: a server may not even have begun with it.
SETTLING = 1.0


class Workload:
    """All of it, for so many seconds. `run` ends when every thread has."""

    PLAIN = [f"v{number}" for number in range(1, 6)]   # those that pods use
    CLONE = "clone"                                    # made from a snapshot of one of those
    SIZES = (writes.BYTES, writes.BYTES + 32 * MIB)
    GHOSTS = {"ghost1": "v1/ghost1/192.0.2.77", "ghost2": "v1/ghost2/192.0.2.78"}

    def __init__(self, world: World, history: History, seed: int, seconds: float, race_stage: bool) -> None:
        self.world = world
        self.history = history
        self.seed = seed
        self.seconds = seconds
        self.gate = Gate(race_stage)
        self.controllers = [world.extra_controller(f"history{number}") for number in (1, 2)]
        self.node_ids = {node.name: f"v1/{node.name}/{node.address}" for node in world.nodes} | self.GHOSTS
        self.wedged: list[str] = []
        self.kills = 0
        self.callers: list[Caller] = []
        self._end = 0.0
        self._lock = threading.Lock()
        self._reserved: set[tuple[str, str]] = set()
        self._attachments: dict[str, int] = {}

    @property
    def keys(self) -> list[str]:
        return [*self.PLAIN, self.CLONE]

    def is_over(self) -> bool:
        return time.monotonic() > self._end

    def caller(self, process: str) -> Caller:
        """A new process of the history, with dice of its own."""
        sockets = {controller.name: str(controller.socket) for controller in self.controllers}
        caller = Caller(self.history, process, sockets, f"{self.seed} {process}")
        self.callers.append(caller)
        return caller

    def run(self) -> None:
        for controller in self.controllers:
            controller.start(FLAGS)
            controller.wait_ready()
        self._end = time.monotonic() + self.seconds
        tasks: list[Callable[[], None]] = [self._kill, self._audit]
        tasks += [Client(self, self.caller(f"client {number}")).run for number in range(1, CLIENTS + 1)]
        tasks += [Pod(self, self.caller(f"pod {node.index}{letter}"), node.name).run
                  for node in self.world.nodes for letter in "abcd"[:PODS]]
        threads = [threading.Thread(target=self._guarded, args=(task,)) for task in tasks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _guarded(self, task: Callable[[], None]) -> None:
        """A thread that dies is a mistake of the test, or something that hung."""
        try:
            task()
        except Exception:
            self.wedged.append(traceback.format_exc())

    def detach(self, caller: Caller, key: str, node: str, **patience: Any) -> None:
        """ControllerUnpublish, as the attacher does it: until it is answered. Behind the gate.

        What was given up goes on in its server, which refuses a second call for the volume meanwhile: so the same one
        is asked again.
        """
        end = time.monotonic() + 60
        with self.gate.detaching(key, node):
            op = caller.unpublish(key, self.node_ids[node], **patience)
            given_up = False
            while op.fate is not Fate.KNOWN:
                given_up |= op.fate is Fate.UNKNOWN
                if time.monotonic() > end:
                    self.wedged.append(f"no answer within 60 s: {op}")
                    return
                time.sleep(0.05)
                op = caller.unpublish(key, self.node_ids[node], server=op.server)
            if given_up and node not in self.GHOSTS:
                time.sleep(SETTLING)

    # For pods

    def reserve(self, key: str, node: str) -> bool:
        """A node has one pod of a volume at a time: a second one would use the same device."""
        with self._lock:
            free = (key, node) not in self._reserved
            self._reserved.add((key, node))
            return free

    def release(self, key: str, node: str) -> None:
        with self._lock:
            self._reserved.discard((key, node))

    def next_attachment(self, key: str) -> int:
        with self._lock:
            self._attachments[key] = self._attachments.get(key, 0) + 1
            assert self._attachments[key] < writes.REGIONS
            return self._attachments[key]

    def check_answered(self, answer: str, what: str) -> None:
        if not answer:
            self.wedged.append(f"no answer within a minute: {what}")

    # Two threads

    def _kill(self) -> None:
        """A controller every few seconds, now and then both."""
        chance = random.Random(f"{self.seed} killer")
        while not self.is_over():
            time.sleep(chance.uniform(1.5, 5))
            victims = self.controllers if chance.random() < 0.2 else [chance.choice(self.controllers)]
            for victim in victims:
                op = self.history.invoke("killer", "Kill", "", {}, victim.name)
                victim.kill()
                self.history.answered(op, {})
                self.kills += 1
            time.sleep(chance.choice([0, 0, 0.5]))
            for victim in victims:
                victim.start(FLAGS)
                victim.wait_ready()

    def _audit(self) -> None:
        chance = random.Random(f"{self.seed} auditor")
        while not self.is_over():
            time.sleep(chance.uniform(1, 4))
            self.audit(chance.choice(self.PLAIN))

    def audit(self, key: str) -> None:
        """What is in the image, by librbd."""
        path = self.world.directory / "image"
        op = self.history.invoke("auditor", "Audit", key, {})
        done = self.world.run_in_network(["rbd", "export", "--no-progress", f"rbd/csi.{key}", path], check=False)
        if done.returncode:
            path.unlink(missing_ok=True)
            self.history.failed(op, "NO_IMAGE", "", {})
            return
        self.history.answered(op, {})
        with path.open("rb") as image:
            records = writes.found_in(image.read(writes.BYTES))
        path.unlink()
        op.answer["records"] = {str(offset): words for offset, words in records.items()}


class Client:
    """A caller that does anything to any volume. One thread."""

    def __init__(self, workload: Workload, caller: Caller) -> None:
        self.workload = workload
        self.caller = caller
        self.chance = caller.chance
        self.what = {self.create: 20, self.delete: 9, self.publish: 18, self.unpublish: 16, self.get: 24, self.list: 5,
                     self.snapshot: 2, self.delete_snapshot: 5, self.get_snapshot: 4}

    def run(self) -> None:
        while not self.workload.is_over():
            act = self.chance.choices(list(self.what), list(self.what.values()))[0]
            act(self.chance.choice(self.workload.keys))
            time.sleep(self.chance.uniform(0, 0.35))
        self.caller.close()

    def create(self, key: str) -> None:
        source, size = "", self.chance.choice(self.workload.SIZES)
        if key == self.workload.CLONE:
            of = self.chance.choice(self.workload.PLAIN)
            # Not a volume: a copy that dies and is not asked for again leaves its temporary snapshot for ten minutes.
            source = snapshot_id(of, self.name(of))
            size = max(self.workload.SIZES)
        self.caller.create(key, size, source, **self.caller.patience())

    def delete(self, key: str) -> None:
        self.caller.delete(key, **self.caller.patience())

    def publish(self, key: str) -> None:
        self.caller.publish(key, self.workload.node_ids[self.node()], **self.caller.patience())

    def unpublish(self, key: str) -> None:
        self.workload.detach(self.caller, key, self.node(), **self.caller.patience())

    def get(self, key: str) -> None:
        self.caller.get(key, **self.caller.patience())

    def list(self, key: str) -> None:
        self.caller.list(self.workload.keys, **self.caller.patience())

    def snapshot(self, key: str) -> None:
        self.caller.snapshot(key, self.name(key), **self.caller.patience())

    def delete_snapshot(self, key: str) -> None:
        self.caller.delete_snapshot(key, self.name(key), **self.caller.patience())

    def get_snapshot(self, key: str) -> None:
        self.caller.get_snapshot(key, self.name(key), **self.caller.patience())

    def node(self) -> str:
        """Ghosts more often: a volume that a ghost has is taken from it at once by the next pod."""
        ghost = self.chance.random() < 0.6
        return self.chance.choice(sorted(self.workload.GHOSTS) if ghost else ["node1", "node2"])

    def name(self, key: str) -> str:
        return f"{key}-s{self.chance.choice('12')}"
