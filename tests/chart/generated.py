"""What is rendered and kept in the repository: golden files, manifests/, the table of values, the list of images.

`make update` writes them, `make verify` compares: python3 -m chart.generated [--check], in tests/.
"""
from __future__ import annotations

import difflib
import pathlib
import re
import sys
from typing import Iterator

from chart import documents, helm, values_table

BEGIN, END = "<!-- values, by `make update` -->\n", "<!-- end of values -->\n"
STORAGE = {"StorageClass": "storageclass.yaml", "VolumeSnapshotClass": "snapshotclass.yaml"}
# Of no use without helm: who manages the object, and the template it came from.
HELM_LINES = re.compile(r"^(# Source: .*| *helm\.sh/chart: .*| *app\.kubernetes\.io/managed-by: .*)\n", re.MULTILINE)


def golden() -> Iterator[tuple[pathlib.Path, str]]:
    """One rendering for each set of values."""
    for name in helm.SETS:
        yield helm.HERE / "golden" / f"{name}.yaml", helm.render(name)


def manifests() -> Iterator[tuple[pathlib.Path, str]]:
    """The chart for those without helm: the driver in one file, what users may want otherwise in others."""
    done = helm.template("--values", helm.values_file("manifests"), "--no-hooks",
                         apis=helm.ATTRIBUTES + helm.SNAPSHOTS)
    if done.code:
        raise RuntimeError(f"helm template of the manifests: {done.err}")
    files: dict[str, str] = {}
    for text in HELM_LINES.sub("", done.out).split("---\n"):
        thing = documents.one(text)
        if thing:
            name = STORAGE.get(thing["kind"], "rbd-csi.yaml")
            files[name] = files.get(name, "") + "---\n" + text
    for name, text in files.items():
        yield helm.ROOT / "manifests" / name, text


def install_page() -> tuple[pathlib.Path, str]:
    """docs/install.md with the table between its marks."""
    path = helm.ROOT / "docs" / "install.md"
    before, rest = path.read_text().split(BEGIN)
    table = values_table.table((helm.CHART / "values.yaml").read_text())
    return path, before + BEGIN + table + END + rest.split(END)[1]


def images(values: dict) -> Iterator[str]:
    """Every image that the chart may use, with its tag."""
    version = documents.one((helm.CHART / "Chart.yaml").read_text())["appVersion"]
    parts = [values["image"], *(part["image"] for part in values["sidecars"].values()), values["tests"]["image"]]
    for image in parts:
        yield f"{image['registry']}/{image['repository']}:{image['tag'] or version}"


def files() -> Iterator[tuple[pathlib.Path, str]]:
    """All of them, with what they should hold."""
    yield from golden()
    yield from manifests()
    yield install_page()
    values = documents.one((helm.CHART / "values.yaml").read_text())
    yield helm.CHART / "images.txt", "".join(f"{image}\n" for image in images(values))


def differences() -> list[str]:
    """Lines of diffs between what is there and what should be; empty if nothing."""
    found: list[str] = []
    for path, text in files():
        there = path.read_text() if path.exists() else ""
        name = str(path.relative_to(helm.ROOT))
        found += difflib.unified_diff(there.splitlines(), text.splitlines(), name, f"{name}, as rendered", lineterm="")
    return found


def main(arguments: list[str]) -> int:
    """Write, or with --check only compare."""
    if arguments == ["--check"]:
        found = differences()
        print("\n".join(found) + "\nverify: the files above are not what is rendered (run make update)" if found
              else "verify: golden files, manifests, table and images are what is rendered")
        return 1 if found else 0
    for path, text in files():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(path.relative_to(helm.ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
