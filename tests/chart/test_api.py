"""Every object that the chart renders, and those in manifests/ and examples/, in Kubernetes' own words."""
import pathlib

import pytest

from chart import api, helm

FILES = sorted(path for folder in ("manifests", "examples") for path in (helm.ROOT / folder).rglob("*.yaml")
               if path.name != "check.yaml")


@pytest.mark.parametrize("name", helm.SETS)
def test_what_the_chart_renders_is_understood_by_kubernetes(name: str) -> None:
    found = [complaint for thing in helm.objects(helm.render(name)) for complaint in api.complaints(thing)]
    assert found == []


@pytest.mark.parametrize("path", FILES, ids=str)
def test_what_users_apply_is_understood_by_kubernetes(path: pathlib.Path) -> None:
    things = helm.objects(path.read_text())
    assert things
    assert [complaint for thing in things for complaint in api.complaints(thing)] == []


def test_the_judge_finds_a_misspelt_field() -> None:
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "x"},
             "spec": {"accessMode": ["ReadWriteOnce"]}}
    assert ["accessMode" in complaint for complaint in api.complaints(claim)] == [True]
    snapshot = {"apiVersion": "snapshot.storage.k8s.io/v1", "kind": "VolumeSnapshot", "metadata": {"nam": "x"},
                "spec": {"source": {"claim": "x"}}}
    assert len(api.complaints(snapshot)) >= 2
    assert "no PersistentVolumeClaim" in api.complaints({**claim, "apiVersion": "v2"})[0]
