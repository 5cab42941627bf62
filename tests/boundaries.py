"""Kills a daemon at every boundary of every step of an RPC, without a list of them.

The *-faulty daemons die by SIGKILL before or after their N-th step (tests/faulty/step.cc). This drives N upwards until
the call survives, and after each death starts the real daemon and repeats the same call, as Kubernetes would.
"""
import functools
import re
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional, Protocol, Sequence, TypeVar

import grpc

import csi_client
from pool import becomes_empty
from world import World

State = TypeVar("State")
MOST = 200  # a call with more boundaries than this is a harness that does not end


class Daemon(Protocol):
    """What a controller and a node plugin of the world have in common."""

    def start(self, args: Sequence[str] = ..., env: Optional[Mapping[str, str]] = ..., *,
              faulty: bool = ...) -> None: ...

    def stop(self) -> None: ...

    def wait_ready(self) -> None: ...

    def is_running(self) -> bool: ...


@dataclass
class Report:
    """What was seen: one text per death, and the longest time to the good answer after it."""

    method: str
    deaths: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def __str__(self) -> str:
        return f"{self.method}: {len(self.deaths)} deaths, 0 wedged, slowest recovery {self.slowest:.1f} s"


def restart(daemon: Daemon, *, args: tuple[str, ...] = (), die_at: str = "") -> None:
    """The daemon anew: the real one, or one that dies at a boundary."""
    if daemon.is_running():
        daemon.stop()
    daemon.start(list(args), {"RBDCSI_DIE_AT": die_at} if die_at else {}, faulty=bool(die_at))
    daemon.wait_ready()


def last_death(log: str) -> str:
    """The line that a dying daemon wrote: method, boundary, side and step."""
    found = re.findall(r"rbdcsi-died (.*)", log)
    return found[-1] if found else ""


def kill_everywhere(daemon: Daemon, log: Callable[[], str], method: str, prepare: Callable[[int], State],
                    call: Callable[[Any], object], check: Callable[[State], None],
                    args: tuple[str, ...] = ()) -> Report:
    """Runs `call` once per boundary, killed there, then repeated until it is answered, then checked."""
    report = Report(method)
    for number in range(1, MOST):
        state = prepare(number)
        restart(daemon, args=args, die_at=f"{method}:{number}")
        try:
            call(state)
            survived = True
        except grpc.RpcError:
            csi_client.wait_until(lambda: not daemon.is_running(), 30,
                                  f"the daemon neither died at boundary {number} of {method} nor answered it")
            survived = False
        if not survived:
            report.deaths.append(last_death(log()))
        restart(daemon, args=args)
        begin = time.monotonic()
        csi_client.again(lambda: call(state), seconds=90)
        report.slowest = max(report.slowest, time.monotonic() - begin)
        check(state)
        if survived:
            return report
    raise AssertionError(f"{method} still dies at boundary {MOST}")


def drive_controller(world: World, method: str, prepare: Callable[[int], State], call: Callable[[Any], object],
                     check: Callable[[State], None], least: int = 2) -> None:
    """`kill_everywhere` for the controller, whose reaper is made quick; prints what died where, at `least` so often."""
    log = world.controller.log
    report = kill_everywhere(world.controller, lambda: log.read_text(errors="replace"), method, prepare, call, check,
                             args=("--reaper-interval=1",))
    print(report, *report.deaths, sep="\n  ")
    assert len(report.deaths) >= least


def all_deleted(world: World, controller: csi_client.Controller, volume_ids: Sequence[str]) -> None:
    """DeleteVolume of all, which is refused as long as a dead controller's watch lasts; then nothing is left."""
    def deleted(volume_id: str) -> bool:
        try:
            controller.delete(volume_id)
            return True
        except grpc.RpcError as error:
            assert "dead client's watch" in error.details(), error
            return False
    restart(world.controller, args=("--reaper-interval=1",))
    for volume_id in volume_ids:
        csi_client.wait_until(functools.partial(deleted, volume_id), 60, f"{volume_id} can be deleted")
    becomes_empty(world)
