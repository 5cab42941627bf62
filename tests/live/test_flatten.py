"""Clones of clones of clones, and what stays in the trash: bounded in the background, by whichever controller runs."""
import json
from typing import Callable, Iterator

import pytest

import chains
import csi_client
from chains import Chain
from csi_client import MIB, Controller
from images import checksum, fill
from world import World

SIZE = 64 * MIB
METRICS = "127.0.0.1:9283"
WAITING = "rbd_csi_flatten_images_waiting"
PROGRESS = "rbd_csi_flatten_progress_ratio"
FLATTENED = "rbd_csi_flatten_images_total"
FOLLOWED = 4  # parents that may stay
FLATTENING = ("--flatten-interval=1", "--reaper-interval=1", f"--metrics-endpoint={METRICS}")


@pytest.fixture()
def alone(world: World) -> Iterator[Callable[..., Controller]]:
    """Starts the one controller of the world with other flags; ended and started without them afterwards."""
    yield lambda *flags: chains.run(world.controller, *flags)
    chains.run(world.controller).close()


def kept(world: World, reason: str) -> float:
    return chains.metrics(world, METRICS)[f'rbd_csi_trash_images_kept{{reason="{reason}"}}']


def in_trash(world: World, image: str) -> bool:
    listed = json.loads(world.ceph.rbd("trash", "ls", "--format", "json", "rbd").stdout)
    return image in [entry["name"] for entry in listed]


def test_a_chain_of_forty_clones_is_kept_short_and_every_byte_stays(world: World,
                                                                    alone: Callable[..., Controller]) -> None:
    chain = Chain(world, alone("--flatten-interval=0"), "forty")
    chain.grow(14)
    assert chains.depth(world, chain.volumes[-1]) == 14
    snapshot = chain.snapshot(14)
    code, message = csi_client.refused(lambda: chain.clone(15, snapshot))
    assert code == "ABORTED" and "14 clones" in message and "being flattened" in message
    chain.controller = alone(*FLATTENING)  # the marks outlive the process that left them
    chain.grow(40)
    assert checksum(world, chain.volumes[40]) == chain.checksum
    csi_client.wait_until(lambda: max(chains.depth(world, volume) for volume in chain.volumes) <= FOLLOWED, 60,
                          "every chain is short")
    csi_client.wait_until(lambda: chains.metrics(world, METRICS)[FLATTENED] >= 8, 10, "what was flattened is counted")
    csi_client.wait_until(lambda: chains.metrics(world, METRICS)[WAITING] == 0, 10, "no clone waits to be flattened")
    assert checksum(world, chain.volumes[40]) == checksum(world, chain.volumes[14]) == chain.checksum
    chain.delete()
    csi_client.wait_until(lambda: not in_trash(world, "csi.forty-0"), 120, "the first volume's space is free")


def test_a_controller_that_is_killed_while_it_flattens_loses_no_byte(world: World,
                                                                     alone: Callable[..., Controller]) -> None:
    chain = Chain(world, alone("--flatten-interval=0"), "killed", 256 * MIB)
    chain.grow(FOLLOWED + 1)
    alone(*FLATTENING).close()
    csi_client.wait_until(lambda: chains.metrics(world, METRICS)[PROGRESS] > 0.1, 20, "it began")
    world.controller.kill()
    assert chains.depth(world, chain.volumes[-1]) == FOLLOWED + 1  # in the middle
    chain.controller = alone(*FLATTENING)
    csi_client.wait_until(lambda: chains.depth(world, chain.volumes[-1]) == 0, 60, "the last clone is flat")
    assert checksum(world, chain.volumes[-1]) == chain.checksum
    chain.delete()


def test_a_deleted_volume_waits_for_its_snapshots_and_their_clones_and_then_its_space_is_free(
        world: World, alone: Callable[..., Controller]) -> None:
    controller = alone(*FLATTENING)
    source = controller.create("kept", SIZE).volume_id
    fill(world, source, "kept")
    snapshot = controller.snapshot(source, "keeps").snapshot_id
    controller.delete(source)
    csi_client.wait_until(lambda: kept(world, "snapshots") == 1, 20, "the snapshot keeps its volume")
    clone = controller.create("keeps-too", SIZE, source=snapshot).volume_id
    controller.delete_snapshot(snapshot)
    csi_client.wait_until(lambda: kept(world, "clones") == 1, 20, "the clone keeps the volume")
    controller = alone(*FLATTENING)
    csi_client.wait_until(lambda: kept(world, "clones") == 1, 20, "as before, after a restart")
    assert "remove from trash image rbd/csi.kept:" not in world.controller.log.read_text()
    controller.delete(clone)
    csi_client.wait_until(lambda: not in_trash(world, "csi.kept"), 20, "the space is free")
    assert chains.metrics(world, METRICS)["rbd_csi_purged_images_total"] >= 2
