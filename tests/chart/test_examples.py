"""The examples and their checks fit together, before a cluster is asked."""
import pathlib
import re
from typing import Any

import pytest

from chart import documents, helm

FOLDERS = sorted(path for path in (helm.ROOT / "examples").iterdir() if path.is_dir())
PRINTED = {"prints", "matches", "keep", "atLeast"}
VERBS = {"apply": set[str](), "delete": {"seconds"}, "patch": {"with"}, "wait": {"for", "seconds"},
         "exec": {"run"} | PRINTED, "get": {"path"} | PRINTED, "node": {"run"} | PRINTED, "admin": PRINTED}
NEEDED = {"patch": {"with"}, "wait": {"for"}, "exec": {"run"}, "get": {"path"}, "node": {"run"}}
LISTS = {"pods", "volumesnapshots", "volumeattachments"}
FEATURES = {"snapshots", "group-snapshots", "attributes"}
IMAGES = {"docker.io/library/busybox:1.37", "docker.io/library/mariadb:11"}


def check(folder: pathlib.Path) -> dict[str, Any]:
    """A folder's check.yaml."""
    found: dict[str, Any] = documents.one((folder / "check.yaml").read_text())
    return found


def things(folder: pathlib.Path) -> list[dict[str, Any]]:
    """Every object in a folder."""
    return [thing for path in sorted(folder.glob("*.yaml")) if path.name != "check.yaml"
            for thing in helm.objects(path.read_text())]


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_a_check_speaks_the_language_of_the_readme(folder: pathlib.Path) -> None:
    found = check(folder)
    assert set(found) <= {"story", "needs", "steps"} and found["story"]
    assert set(found.get("needs", [])) <= FEATURES
    for step in found["steps"]:
        verb = next(iter(step))
        assert verb in VERBS, step
        assert NEEDED.get(verb, set()) <= set(step) - {verb} <= VERBS[verb], step


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_a_check_applies_each_file_and_names_only_what_is_there(folder: pathlib.Path) -> None:
    steps = check(folder)["steps"]
    files = {path.name for path in folder.glob("*.yaml")} - {"check.yaml"}
    assert {step["apply"] for step in steps if "apply" in step} == files
    names = {thing["metadata"]["name"] for thing in things(folder)}
    for step in steps:
        if next(iter(step)) in ("apply", "admin"):
            continue
        target = str(next(iter(step.values()))).split("/")[-1]
        # What a StatefulSet or a pod's template makes is named after it.
        assert target in LISTS or any(re.search(rf"(^|-){re.escape(name)}(-|$)", target) for name in names)


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_examples_use_pinned_images_and_the_classes_of_the_chart(folder: pathlib.Path) -> None:
    text = documents.text_of(things(folder))
    assert set(re.findall(r"image: (\S+)", text)) <= IMAGES
    assert set(re.findall(r"[a-zA-Z]*SnapshotClassName: (\S+)", text)) <= {"rbd"}
    made = {thing["metadata"]["name"] for thing in things(folder) if thing["kind"] == "StorageClass"}
    assert set(re.findall(r"storageClassName: (\S+)", text)) <= {"rbd", "''"} | made
    assert all("namespace" not in thing["metadata"] for thing in things(folder))


def test_the_readme_lists_every_example() -> None:
    listed = re.findall(r"^\| \[(\S+)\]\(\1\)", (helm.ROOT / "examples" / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == [folder.name for folder in FOLDERS]
