"""The store under the controller, in C++: our encodings against librbd's own answers, races and half-made images."""
import subprocess

import csi_client
from world import World


def test_the_store_agrees_with_librbd(world: World) -> None:
    world.ceph.command("osd", "pool", "create", "store", "8")
    world.ceph.rbd("pool", "init", "store")
    done: subprocess.CompletedProcess[str] = world.run_in_network([csi_client.BIN / "controller_live"], check=False,
                                                                  timeout=600)
    print(done.stdout[-6000:], done.stderr[-6000:])
    assert done.returncode == 0
