"""What the chart renders: as it was looked at, and by the rules that every version of it must keep."""
import pathlib
import subprocess
from typing import Any, Iterator

import pytest

from chart import documents, generated, helm

WORKLOADS = ("Deployment", "DaemonSet")


def pods(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """(kind, pod spec) of the workloads of a set."""
    for thing in helm.objects(helm.render(name)):
        if thing["kind"] in WORKLOADS:
            yield thing["kind"], thing["spec"]["template"]["spec"]


def containers() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(kind of the workload, set, container) of every set."""
    for name in helm.SETS:
        for kind, pod in pods(name):
            for container in pod["containers"]:
                yield kind, name, container


def rules(kinds: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """The rules of the roles of these kinds, in every set."""
    for name in helm.SETS:
        for thing in helm.objects(helm.render(name)):
            if thing["kind"] in kinds:
                yield from thing["rules"]


def test_nothing_that_is_rendered_has_drifted() -> None:
    assert "\n".join(generated.differences()) == ""


@pytest.mark.parametrize("name", helm.SETS)
def test_lint_is_content(name: str) -> None:
    done = helm.run("lint", "--strict", str(helm.CHART), "--values", helm.values_file(name))
    assert done.code == 0, done.out + done.err
    assert "[WARNING]" not in done.out and "[ERROR]" not in done.out


def test_only_the_node_plugin_is_privileged_and_everything_else_is_confined() -> None:
    for kind, name, container in containers():
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"], (name, container["name"])
        if (kind, container["name"]) == ("DaemonSet", "rbd-csi-node"):
            continue
        assert not context.get("privileged") and not context["allowPrivilegeEscalation"], (name, container["name"])
        assert context["capabilities"] == {"drop": ["ALL"]}, (name, container["name"])


def test_every_container_has_its_three_probes_and_says_why_it_ended() -> None:
    for _, name, container in containers():
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert probe in container, (name, container["name"], probe)
        assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_the_controller_is_of_the_restricted_standard() -> None:
    for name in helm.SETS:
        pod = dict(pods(name))["Deployment"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not [volume for volume in pod["volumes"] if "hostPath" in volume]


def test_the_daemons_have_no_token_for_the_api() -> None:
    token = "/var/run/secrets/kubernetes.io/serviceaccount"
    for _, pod in pods("everything"):
        assert pod["automountServiceAccountToken"] is False
    for kind, name, container in containers():
        mounted = token in [mount["mountPath"] for mount in container["volumeMounts"]]
        sidecar = kind == "Deployment" and container["name"].startswith("csi-")
        assert mounted == sidecar, (name, container["name"])


def test_no_role_reads_secrets_but_those_that_a_class_names() -> None:
    for rule in rules(("ClusterRole",)):
        assert "secrets" not in rule["resources"] and "*" not in rule["resources"] + rule["verbs"]
    named = [rule for rule in rules(("Role",)) if "secrets" in rule["resources"]]
    assert [(rule["resourceNames"], rule["verbs"]) for rule in named] == [(["tenant-controller"], ["get"])]


def test_every_image_of_the_mirrored_set_comes_from_the_mirror_and_is_in_the_list() -> None:
    listed = (helm.CHART / "images.txt").read_text().split()
    names = [image.split("/", 1)[1] for image in listed]
    things = helm.objects(helm.render("air-gapped"))
    specs = [thing["spec"].get("template", thing)["spec"] for thing in things if thing["kind"] in (*WORKLOADS, "Pod")]
    for pod in specs:
        assert pod["imagePullSecrets"] == [{"name": "mirror"}]
        for container in pod["containers"]:
            registry, name = container["image"].split("/mirror/")
            assert registry == "registry.internal.example:5000" and name.split("@")[0] in names


def test_the_annotation_for_artifact_hub_lists_the_same_images() -> None:
    annotations = documents.one((helm.CHART / "Chart.yaml").read_text())["annotations"]
    listed = [entry["image"] for entry in documents.one(annotations["artifacthub.io/images"])]
    assert listed == (helm.CHART / "images.txt").read_text().split()


def test_the_chart_is_of_the_drivers_version() -> None:
    chart = documents.one((helm.CHART / "Chart.yaml").read_text())
    cmake = (helm.ROOT / "CMakeLists.txt").read_text()
    assert f"VERSION {chart['appVersion']} " in cmake


def test_snapshot_metadata_is_for_the_version_of_its_api_that_the_sidecar_speaks() -> None:
    """It left v1alpha1 in its 1.0 and would never become ready on a cluster that has nothing newer."""
    for version, expected in (("v1alpha1", False), ("v1beta1", True)):
        apis = (*helm.SETS["default"], f"cbt.storage.k8s.io/{version}")
        done = helm.template("--values", helm.values_file("default"), apis=apis)
        assert ("name: csi-snapshot-metadata" in done.out) == expected, done.err
        assert ("kind: SnapshotMetadataService" in done.out) == expected


def test_it_can_be_packaged(tmp_path: pathlib.Path) -> None:
    done = subprocess.run([helm.program(), "package", str(helm.CHART), "--destination", str(tmp_path)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("rbd-csi-*.tgz"))) == 1
