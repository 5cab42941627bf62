"""Floods, giants and nonsense: bounded memory, an answer for each, and Probe all the while."""
import pathlib
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

import csi_client
from csi_client import MIB, Controller, pb
from scorecard import Score
from world import World

# How much a flood may add to the memory of a controller.
GROWTH = 200 * MIB


def memory(pid: int) -> int:
    """Resident bytes."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def test_ten_thousand_probes_are_answered(controller: Controller, world: World, score: Score) -> None:
    before = memory(world.controller.pid)
    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(lambda _: controller.identity.Probe(pb.ProbeRequest(), timeout=30).ready.value,
                                range(10000)))
    score.trial(len(answers))
    assert all(answers)
    assert memory(world.controller.pid) - before < GROWTH


def test_a_thousand_calls_at_once_are_answered_or_refused_and_probe_is_not_held_up(controller: Controller, world: World,
                                                                                   score: Score) -> None:
    before = memory(world.controller.pid)
    waiting = [controller.stub.ListVolumes.future(pb.ListVolumesRequest(), timeout=60) for _ in range(1000)]
    begin = time.monotonic()
    assert controller.identity.Probe(pb.ProbeRequest(), timeout=10).ready.value
    assert time.monotonic() - begin < 10
    codes = {each.code() for each in waiting}
    score.trial(len(waiting))
    assert codes <= {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED}, codes
    assert memory(world.controller.pid) - before < GROWTH


@pytest.mark.parametrize("size", [5 * MIB, 64 * MIB])
def test_a_giant_of_a_message_is_refused(controller: Controller, score: Score, size: int) -> None:
    score.trial()
    code, _ = csi_client.refused(lambda: controller.stub.DeleteVolume(
        pb.DeleteVolumeRequest(volume_id="x" * size), timeout=30))
    assert code == "RESOURCE_EXHAUSTED"
    assert controller.identity.Probe(pb.ProbeRequest(), timeout=5).ready.value


@pytest.mark.parametrize("text", ["x" * MIB, "../../etc", "../rbd/csi.a", "world/../rbd/csi.a", "world/rbd/..", "@",
                                  "csi-vol-0001-0024-fed5480a-0000000000000001-b9127d9e", "world/rbd/csi.a\n",
                                  "/", "world//csi.a", "world/rbd/-oops", "world/rbd/csi.a@csi.b", "world/rbd/%2e%2e"])
def test_an_id_that_is_none_of_ours_names_nothing(controller: Controller, text: str) -> None:
    """Deleting what cannot be there is done; attaching it is not."""
    controller.delete(text)
    controller.unpublish(text, "v1/alpha/192.0.2.101")
    assert csi_client.refused(lambda: controller.publish(text, "v1/alpha/192.0.2.101"))[0] == "NOT_FOUND"
    assert csi_client.refused(lambda: controller.expand(text, csi_client.GIB))[0] == "NOT_FOUND"
    assert csi_client.refused(lambda: controller.get(text))[0] == "NOT_FOUND"
