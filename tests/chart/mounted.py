"""Ceph's users and what the chart makes of them, for a controller that runs outside a pod."""
from __future__ import annotations

import pathlib
import subprocess
import sys
from typing import Any

from chart import helm
from world import World

SCRIPT = helm.ROOT / "charts" / "values_for_cluster.py"


def script(world: World, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """charts/values_for_cluster.py, run where `ceph` works."""
    return world.run_in_network([sys.executable, SCRIPT, *arguments], check=False)


def ceph(world: World, *arguments: str) -> str:
    """A ceph command as client.admin."""
    return world.run_in_network(["ceph", *arguments]).stdout


def lay_out(directory: pathlib.Path) -> list[str]:
    """What the chart mounts into the controller, as files beside values.yaml and secret.yaml; the arguments for it.

    These are the chart's, with the places of the files in them.
    """
    done = helm.template("--values", str(directory / "values.yaml"))
    assert done.code == 0, done.err
    things: list[dict[str, Any]] = helm.objects(done.out + "---\n" + (directory / "secret.yaml").read_text())
    named = {(thing["kind"], thing["metadata"]["name"]): thing for thing in things}
    pod = named["Deployment", "rbd-csi-controller"]["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    config = named["ConfigMap", volumes["config"]["configMap"]["name"]]["data"]["config.json"]
    (directory / "config.json").write_text(config)
    keys = volumes["keys"]["secret"]
    for item in keys["items"]:
        path = directory / "keys" / item["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(named["Secret", keys["secretName"]]["stringData"][item["key"]])
    places = {"--clusters-config": directory / "config.json", "--keys": directory / "keys"}
    return [f"{flag}={places.get(flag, value)}" for flag, _, value in
            (argument.partition("=") for argument in pod["containers"][0]["args"]) if flag != "--endpoint"]
