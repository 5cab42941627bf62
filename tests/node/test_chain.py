"""krbd under long chains of clones: it follows 16 parents and no more, so what we hand out is shorter."""
from typing import Iterator

import pytest

import chains
import csi_client
from chains import Chain
from pod import Pod
from world import World


@pytest.fixture()
def chain(world: World) -> Iterator[Chain]:
    """A chain made by the world's controller, which does not flatten until it is started again."""
    made = Chain(world, chains.run(world.controller, "--flatten-interval=0"), "krbd")
    yield made
    made.controller = chains.run(world.controller)
    made.delete()


def read_by_krbd(world: World, chain: Chain, number: int) -> str:
    """SHA-256 of the block device that a pod on the node would get."""
    pod = Pod(world, chain.controller, "node1", chain.volumes[number], capability=csi_client.block(),
              name=f"chain-{number}").start()
    try:
        return str(pod.machine.run(["sha256sum", pod.target]).stdout.split()[0])
    finally:
        pod.stop()


def test_krbd_reads_the_deepest_clone_that_may_be_and_the_fortieth(world: World, chain: Chain) -> None:
    chain.grow(14)
    assert chains.depth(world, chain.volumes[14]) == 14
    assert read_by_krbd(world, chain, 14) == chain.checksum
    chain.controller = chains.run(world.controller, "--flatten-interval=1")
    chain.grow(40)
    assert read_by_krbd(world, chain, 40) == chain.checksum
    assert read_by_krbd(world, chain, 14) == chain.checksum
