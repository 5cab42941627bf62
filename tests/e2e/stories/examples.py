"""The examples of examples/, each applied as it is, used as its check.yaml says, and deleted: one story each."""
from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import]

from e2e.cluster import Cluster
from e2e.kube.versions import REPOSITORY
from e2e.stories.steps import Steps
from e2e.stories.told import Story, scene

EXAMPLES = REPOSITORY / "examples"
SHORT = {"mysql", "snapshot-restore"}


def used(folder: Path, cluster: Cluster) -> None:
    """Do what its check.yaml says, then delete it; its images have to be gone."""
    name = f"example-{folder.name}"
    with scene(cluster, name) as namespace, tempfile.TemporaryDirectory() as scratch:
        steps = Steps(cluster, folder, namespace, Path(scratch))
        for step in _check(folder)["steps"]:
            steps.do(step)
        steps.clean()


def _check(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((folder / "check.yaml").read_text())
    return found


def _stories() -> list[Story]:
    """Long ones first, so that none of them is what all others wait for at the end."""
    checks = {path.parent: _check(path.parent) for path in EXAMPLES.glob("*/check.yaml")}
    ordered = sorted(checks, key=lambda folder: (folder.name not in SHORT, -len(checks[folder]["steps"])))
    return [Story(folder.name, f"examples/{folder.name}: {checks[folder]['story']}", partial(used, folder),
                  short=folder.name in SHORT, together=True) for folder in ordered]


STORIES = _stories()
