"""What goes wrong with a cluster, a key or a setting: an answer within 15 s, with the code and with what to do."""
import json
import pathlib
import subprocess
import time
from typing import Callable, Iterator

import pytest

import csi_client
from csi_client import MIB, Controller
from world import World

SIZE = 64 * MIB
LIMIT_SECONDS = 15


class Variant:
    """A second controller with a config file and keys of its own."""

    def __init__(self, world: World, place: pathlib.Path) -> None:
        self.world = world
        self.place = place
        self.process = world.extra_controller("variant")
        self.client = Controller(str(self.process.socket), deadline=30)

    def start(self, clusters: object = None, user: str = "rbd-csi-controller", key: str = "") -> Controller:
        config = self.place / "config.json"
        text = clusters if isinstance(clusters, str) else json.dumps(
            clusters or [{"clusterID": "world", "monitors": self.world.ceph.monitors}])
        config.write_text(text)
        keys = self.place / "keys" / "world"
        keys.mkdir(parents=True, exist_ok=True)
        (keys / "userID").write_text(user)
        (keys / "userKey").write_text(key or self.world.ceph.key(user))
        self.process.start([f"--clusters-config={config}", f"--keys={keys.parent}"])
        self.process.wait_ready()
        return self.client


@pytest.fixture()
def variant(world: World, tmp_path: pathlib.Path) -> Iterator[Variant]:
    made = Variant(world, tmp_path)
    yield made
    made.client.close()
    made.process.stop()


def refused_in_time(call: Callable[[], object]) -> tuple[str, str]:
    """The code and the message of a call that must fail within the limit."""
    begin = time.monotonic()
    code, message = csi_client.refused(call)
    assert time.monotonic() - begin < LIMIT_SECONDS, f"{code} after {time.monotonic() - begin:.1f} s: {message}"
    print(f"{time.monotonic() - begin:5.1f} s {code}: {message}")
    return code, message


def test_an_unreachable_cluster_is_unavailable_and_names_the_monitors(variant: Variant) -> None:
    client = variant.start([{"clusterID": "world", "monitors": ["192.0.2.99:3300"]}])
    code, message = refused_in_time(lambda: client.create("nowhere", SIZE))
    assert code == "UNAVAILABLE" and "192.0.2.99" in message
    assert client.identity.Probe(csi_client.pb.ProbeRequest(), timeout=5).ready.value


def test_one_unreachable_cluster_does_not_slow_the_other(variant: Variant) -> None:
    client = variant.start([{"clusterID": "gone", "monitors": ["192.0.2.99:3300"]},
                            {"clusterID": "world", "monitors": variant.world.ceph.monitors}])
    gone = variant.place / "keys" / "gone"
    gone.mkdir()
    for name in ("userID", "userKey"):
        (gone / name).write_text((variant.place / "keys" / "world" / name).read_text())
    background = client.stub.CreateVolume.future(csi_client.pb.CreateVolumeRequest(
        name="slow", volume_capabilities=[csi_client.mount()], parameters={"pool": "rbd", "clusterID": "gone"}),
        timeout=20)
    begin = time.monotonic()
    volume = client.create("beside-it", SIZE, {"pool": "rbd", "clusterID": "world"})
    assert time.monotonic() - begin < 3
    client.delete(volume.volume_id)
    assert background.exception().code().name == "UNAVAILABLE"


def test_a_wrong_key_is_unauthenticated(variant: Variant) -> None:
    client = variant.start(key="AQAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAA==")
    code, message = refused_in_time(lambda: client.create("wrong-key", SIZE))
    assert code == "UNAUTHENTICATED" and "rbd-csi-controller" in message
    assert "AQAAAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAA" not in message


def test_a_missing_key_is_unauthenticated_and_says_where_it_was_looked_for(variant: Variant) -> None:
    client = variant.start()
    (variant.place / "keys" / "world" / "userKey").unlink()
    code, message = refused_in_time(lambda: client.create("no-key", SIZE))
    assert code == "UNAUTHENTICATED" and "userKey" in message


def test_missing_caps_are_permission_denied_and_name_the_caps(variant: Variant) -> None:
    made = variant.world.ceph.command("auth", "get-or-create", "client.weak", "mon", "allow r")
    client = variant.start(user="weak", key=made[0]["key"])
    code, message = refused_in_time(lambda: client.create("no-caps", SIZE))
    assert code == "PERMISSION_DENIED" and "profile rbd" in message


def test_a_missing_pool_is_named_with_the_way_to_make_it(controller: Controller) -> None:
    code, message = refused_in_time(lambda: controller.create("no-pool", SIZE, {"pool": "absent"}))
    assert code in ("NOT_FOUND", "INVALID_ARGUMENT", "FAILED_PRECONDITION")
    assert "absent" in message and "ceph osd pool create" in message


def test_a_full_pool_is_resource_exhausted_and_deleting_still_works(world: World, variant: Variant) -> None:
    world.ceph.command("osd", "pool", "create", "small", "8")
    world.ceph.rbd("pool", "init", "small")
    made = world.ceph.command("auth", "get-or-create", "client.small", "mon", "profile rbd", "mgr", "profile rbd",
                              "osd", "profile rbd pool=small")
    client = variant.start(user="small", key=made[0]["key"])
    volume = client.create("before", SIZE, {"pool": "small"})
    world.ceph.command("osd", "pool", "set-quota", "small", "max_objects", "1")

    def full() -> bool:
        pools = world.ceph.command("osd", "dump")["pools"]
        return any("full" in pool["flags_names"] for pool in pools if pool["pool_name"] == "small")

    csi_client.wait_until(full, 60, "the pool to be flagged full")
    code, message = refused_in_time(lambda: client.create("one-too-many", SIZE, {"pool": "small"}))
    assert code == "RESOURCE_EXHAUSTED" and "small" in message
    client.delete(volume.volume_id)
    world.ceph.command("osd", "pool", "set-quota", "small", "max_objects", "0")
    csi_client.wait_until(lambda: not full(), 60, "the pool to take writes again")
    again = csi_client.again(lambda: client.create("one-too-many", SIZE, {"pool": "small"}))
    client.delete(again.volume_id)


def test_a_misspelt_parameter_is_refused_with_the_nearest_name(controller: Controller) -> None:
    typo = {"pool": "rbd", "imageFeature": "layering"}
    code, message = refused_in_time(lambda: controller.create("typo", SIZE, typo))
    assert code == "INVALID_ARGUMENT" and "imageFeatures" in message


def test_no_pool_says_so(controller: Controller) -> None:
    code, message = refused_in_time(lambda: controller.create("nopool", SIZE, {"clusterID": "world"}))
    assert code == "INVALID_ARGUMENT" and "pool" in message


def test_an_unknown_cluster_names_those_there_are(controller: Controller) -> None:
    code, message = refused_in_time(lambda: controller.create("x", SIZE, {"pool": "rbd", "clusterID": "wrold"}))
    assert code == "INVALID_ARGUMENT" and "world" in message


@pytest.mark.parametrize("text, words", [
    ('[{"clusterID": "world", "monitor": ["192.0.2.1:3300"]}]', ["monitors", "config.json"]),
    ('[{"clusterID": "world",\n "monitors": ["192.0.2.1:3300"}]', ["config.json", "line 2"]),
    ('[{"monitors": ["192.0.2.1:3300"]}]', ["clusterID"]),
])
def test_a_misspelt_config_is_refused_at_start_naming_file_and_key(world: World, tmp_path: pathlib.Path, text: str,
                                                                   words: list[str]) -> None:
    config = tmp_path / "config.json"
    config.write_text(text)
    done = subprocess.run([str(csi_client.BIN / "rbd-csi-controller"), f"--endpoint=unix://{tmp_path}/c.sock",
                           f"--clusters-config={config}"], capture_output=True, text=True, timeout=LIMIT_SECONDS,
                          check=False)
    assert done.returncode not in (0, -6, -11)
    assert all(word in done.stderr for word in words), done.stderr


def test_a_stopped_osd_is_unavailable_and_everything_goes_on_after_it(world: World, controller: Controller) -> None:
    world.ceph.pause("osd.0")
    try:
        code, _ = refused_in_time(lambda: controller.create("stopped", SIZE))
        assert code in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
        assert controller.identity.Probe(csi_client.pb.ProbeRequest(), timeout=5).ready.value
    finally:
        world.ceph.resume("osd.0")
    volume = csi_client.again(lambda: controller.create("stopped", SIZE), seconds=90)
    csi_client.again(lambda: controller.delete(volume.volume_id))
