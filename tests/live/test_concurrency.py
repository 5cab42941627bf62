"""Many callers at once, on one controller and on two that are killed at random."""
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterator, Optional

import grpc
import pytest

import csi_client
from csi_client import MIB, NOT_FINAL, Controller
from pool import objects
from world import World

SIZE = 64 * MIB
CALLERS = 32


def test_32_callers_make_32_volumes(world: World, controller: Controller) -> None:
    with ThreadPoolExecutor(CALLERS) as pool:
        made = list(pool.map(lambda n: controller.create(f"many-{n}", SIZE).volume_id, range(CALLERS)))
        assert len(set(made)) == CALLERS
        assert {volume_id.split("/")[-1] for volume_id in made} <= set(world.ceph.rbd("ls", "rbd").stdout.split())
        list(pool.map(controller.delete, made))
    assert not [name for name in world.ceph.rbd("ls", "rbd").stdout.split() if "many-" in name]


def test_32_callers_make_one_volume(world: World, controller: Controller) -> None:
    def create(_: int) -> Optional[str]:
        try:
            return str(controller.create("one", SIZE).volume_id)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.ABORTED, error.details()
            assert "CreateVolume" in error.details()
            return None

    with ThreadPoolExecutor(CALLERS) as pool:
        answers = {answer for answer in pool.map(create, range(CALLERS)) if answer}
    assert len(answers) == 1
    assert world.ceph.rbd("ls", "rbd").stdout.split().count("csi.one") == 1
    controller.delete(answers.pop())


class Chaos:
    """Two controllers, callers that create and delete a few names at either, and a hand that kills controllers."""

    NAMES = [f"chaos-{number}" for number in range(6)]

    def __init__(self, world: World, seconds: float) -> None:
        self.world = world
        self.processes = [world.extra_controller(f"chaos{number}") for number in (1, 2)]
        self.end = time.monotonic() + seconds
        self.kills = 0
        self.answers = 0
        self.wrong: list[str] = []
        # One caller a name, as Kubernetes has it: it knows what its volume must be at any time.
        self.expected: dict[str, Optional[str]] = {name: None for name in self.NAMES}

    def start(self, process: Any) -> None:
        process.start(["--half-made-grace=5", "--reaper-interval=1"])
        process.wait_ready()

    def killer(self, seed: int) -> None:
        chance = random.Random(seed)
        while time.monotonic() < self.end:
            time.sleep(chance.uniform(0.05, 0.6))
            victim = chance.choice(self.processes)
            victim.kill()
            self.kills += 1
            self.start(victim)

    def caller(self, name: str, seed: int) -> None:
        chance = random.Random(seed)
        clients = [Controller(str(process.socket), deadline=10) for process in self.processes]
        while time.monotonic() < self.end:
            volume_id = self.until_final(lambda: chance.choice(clients).create(name, SIZE)).volume_id
            self.expected[name] = volume_id
            self.mark(volume_id)
            if chance.random() < 0.7:
                self.until_final(lambda: chance.choice(clients).delete(volume_id))
                self.expected[name] = None
        for client in clients:
            client.close()

    def until_final(self, call: Callable[[], Any]) -> Any:
        """Repeats until the answer is final; on and on, also after the end, so that no call is left half done."""
        stop = time.monotonic() + 120
        while True:
            try:
                answer = call()
                self.answers += 1
                return answer
            except grpc.RpcError as error:
                if error.code() not in NOT_FINAL:
                    self.wrong.append(f"{error.code().name}: {error.details()}")
                    raise
                if time.monotonic() > stop:
                    self.wrong.append(f"wedged: {error.code().name}: {error.details()}")
                    raise
                time.sleep(0.02)

    def mark(self, volume_id: str) -> None:
        """Somebody uses the volume: it must be there, by the id that was answered."""
        header = self.world.ceph.rbd("info", "--format", "json", f"rbd/{volume_id.split('/')[-1]}", check=False)
        if header.returncode != 0:
            self.wrong.append(f"{volume_id} was answered and is not there: {header.stderr.strip()}")


@pytest.fixture()
def chaos(world: World) -> Iterator[Chaos]:
    """Forty seconds of it; the two controllers are gone afterwards, whatever happened."""
    chaos = Chaos(world, seconds=40)
    for process in chaos.processes:
        chaos.start(process)
    yield chaos
    for process in chaos.processes:
        process.stop()


def test_two_controllers_killed_at_random_lose_and_leak_nothing(world: World, chaos: Chaos) -> None:
    threads = [threading.Thread(target=chaos.killer, args=(1,))]
    threads += [threading.Thread(target=chaos.caller, args=(name, number)) for number, name in enumerate(chaos.NAMES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    survivor = Controller(str(chaos.processes[0].socket))
    expected = {volume_id for volume_id in chaos.expected.values() if volume_id}
    listed = {entry.volume.volume_id for entry in survivor.list().entries if "chaos-" in entry.volume.volume_id}
    print(f"{chaos.kills} kills, {chaos.answers} answers, {len(expected)} volumes at the end")
    assert chaos.wrong == []
    assert chaos.kills >= 20 and chaos.answers >= 40
    assert listed == expected
    for volume_id in expected:
        csi_client.again(lambda: survivor.delete(volume_id))
    csi_client.wait_until(lambda: not [name for name in objects(world) if not name.startswith("rbd_data")], 90,
                          f"an empty pool; left: {objects(world)}")
