"""The Ceph users that the installation makes: the least that works, made once, and enough for what the chart starts."""
import json
import pathlib

import csi_client
from chart import documents
from chart.mounted import ceph, lay_out, script
from world import World
from world.ceph_files import CAPABILITIES

NODE = "v1/node1/198.51.100.1"


def caps(world: World, user: str) -> dict[str, str]:
    """What Ceph grants a user."""
    return dict(json.loads(ceph(world, "auth", "get", f"client.{user}", "--format=json"))[0]["caps"])


def remove_users(world: World) -> None:
    """As if nothing had been installed yet."""
    for user in ("controller", "node"):
        ceph(world, "auth", "rm", f"client.rbd-csi-{user}")


def test_a_dry_run_makes_nothing(world: World) -> None:
    remove_users(world)
    done = script(world, "--pool", "rbd", "--dry-run")
    assert done.returncode == 0 and "would run: ceph auth get-or-create" in done.stderr
    assert "rbd-csi" not in ceph(world, "auth", "ls")


def test_the_users_are_made_once_and_with_the_tested_capabilities(world: World, tmp_path: pathlib.Path) -> None:
    remove_users(world)
    for attempt in ("first", "second"):
        assert script(world, "--pool", "rbd", "--output", str(tmp_path / attempt)).returncode == 0
    for name in ("values.yaml", "secret.yaml"):
        assert (tmp_path / "first" / name).read_text() == (tmp_path / "second" / name).read_text()
        assert (tmp_path / "first" / name).stat().st_mode & 0o77 == 0
    for user in ("rbd-csi-controller", "rbd-csi-node"):
        assert caps(world, user) == CAPABILITIES[f"client.{user}"]
    for thing in documents.several((tmp_path / "first" / "secret.yaml").read_text()):
        user = thing["stringData"]["userID"]
        assert thing["stringData"]["userKey"] == ceph(world, "auth", "get-key", f"client.{user}").strip()


def test_the_controller_works_with_what_the_chart_mounts(world: World, tmp_path: pathlib.Path) -> None:
    assert script(world, "--pool", "rbd", "--update", "--output", str(tmp_path)).returncode == 0
    daemon = world.extra_controller("mounted")
    daemon.start(lay_out(tmp_path))
    try:
        daemon.wait_ready()
        client = csi_client.Controller(str(daemon.socket))
        volume = client.create("pvc-chart").volume_id
        client.publish(volume, NODE)
        client.unpublish(volume, NODE)
        snapshot = client.snapshot(volume, "snapshot-chart").snapshot_id
        restored = client.create("pvc-restored", source=snapshot).volume_id
        for made in (restored, volume):
            client.delete(made)
        client.delete_snapshot(snapshot)
    finally:
        daemon.stop()


def test_capabilities_are_not_taken_away_by_accident(world: World) -> None:
    assert script(world, "--pool", "rbd", "--update").returncode == 0
    done = script(world, "--pool", "second")
    assert done.returncode == 1 and "--update" in done.stderr
    assert caps(world, "rbd-csi-node")["osd"] == "profile rbd pool=rbd"
    assert script(world, "--pool", "rbd", "--pool", "second", "--update").returncode == 0
    assert caps(world, "rbd-csi-node")["osd"] == "profile rbd pool=rbd, profile rbd pool=second"


def test_a_pool_that_is_not_there_is_named_with_what_makes_it(world: World) -> None:
    done = script(world, "--pool", "absent")
    assert done.returncode == 1 and "ceph osd pool create absent && rbd pool init absent" in done.stderr
