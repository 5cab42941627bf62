"""One world for all tests of a directory: Ceph, nodes and the driver, up once and down at the end."""
import os
import pathlib
from typing import Callable, Iterator

import pytest

import csi_client
from csi_client import Controller
from world import World

pytest_plugins = ["scorecard"]
NODES = {"live": 0, "sanity": 1, "node": 2, "kill": 0, "kill_node": 1, "faults": 2, "history": 2}
# The watch of a client that died holds up its successor for 30 s by default; these have dozens of such deaths.
CEPH_OPTIONS = {folder: {"osd_client_watch_timeout": "10"} for folder in ("kill", "kill_node", "faults", "history")}


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """As many nodes as the directory's tests need; logs are kept in build/test-logs when something failed."""
    folder = pathlib.Path(str(request.session.items[0].fspath)).parent.name
    place = csi_client.BIN.parents[1] / f"world-{csi_client.BIN.parent.name}-{folder}"
    World.remove(place)
    world = World.up(place, nodes=NODES[folder], with_driver=True, build=csi_client.BIN,
                     ceph_options=CEPH_OPTIONS.get(folder), report=print)
    try:
        yield world
        world.controller.stop()
        assert deaths(world) == []
    finally:
        if request.session.testsfailed:
            keep = csi_client.BIN.parents[1] / "test-logs" / folder
            os.makedirs(keep.parent, exist_ok=True)
            _copy(world.layout.logs, keep)
        world.down()


def deaths(world: World) -> list[str]:
    """What the daemons' logs tell of one that ended by itself, which a test that starts them again may not see.

    Failed assertions of Ceph and its libraries, uncaught exceptions, and in a build that has them AddressSanitizer and
    its kin.
    """
    words = ("FAILED ceph_assert", "terminate called", "Sanitizer:", "runtime error:")
    return [f"{path.name}: {line}" for path in world.layout.logs.iterdir() if path.is_file()
            for line in path.read_text(errors="replace").splitlines() if any(word in line for word in words)]


def _copy(source: pathlib.Path, target: pathlib.Path) -> None:
    """Plain files of one directory."""
    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        if path.is_file():
            (target / path.name).write_bytes(path.read_bytes())


@pytest.fixture()
def controller(world: World) -> Iterator[Controller]:
    client = Controller(str(world.controller.socket))
    yield client
    client.close()


@pytest.fixture()
def volume(controller: Controller) -> Iterator[Callable[..., str]]:
    """Makes volumes that are deleted when the test ends; answers their ids."""
    made: list[str] = []

    def make(name: str, size: int = csi_client.GIB, **more: object) -> str:
        made.append(csi_client.again(lambda: controller.create(name, size, **more)).volume_id)  # type: ignore[arg-type]
        return made[-1]

    yield make
    for volume_id in made:
        csi_client.again(lambda: controller.unpublish(volume_id), seconds=90)
        csi_client.again(lambda: controller.delete(volume_id), seconds=90)
