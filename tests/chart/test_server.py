"""The chart in a real Kubernetes API, without kubelets: what it takes pods to see is the cluster tests'.

It is accepted, judged by Kubernetes' own security standard, has rights that suffice, and is removed without a trace.
"""
import json
import pathlib
from typing import Iterator

import pytest

from chart import helm, mounted, server
from chart.server import Server
from e2e.client import CommandRefused
from world import World
from world.processes import poll

CLASSES = json.dumps([{"name": "slow", "parameters": {"maxIOPS": "100"}},
                      {"name": "fast", "parameters": {"maxIOPS": "1000"}}])
OURS = ("all,csidrivers,storageclasses,volumesnapshotclasses,volumegroupsnapshotclasses,poddisruptionbudgets,roles,"
        "rolebindings,clusterroles,clusterrolebindings,leases,serviceaccounts,configmaps,secrets")


@pytest.fixture(scope="module")
def kube(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An API with an empty namespace for the chart, which warns of what is not `restricted`."""
    found = Server(world, tmp_path_factory.mktemp("kube"))
    found.start()
    found.kubectl("create", "namespace", helm.NAME)
    found.kubectl("label", "namespace", helm.NAME, "pod-security.kubernetes.io/warn=restricted")
    found.kubectl("create", "namespace", "users")
    yield found


def install(kube: Server, verb: str, name: str, *more: str) -> str:
    """helm install or upgrade with a set of values; what helm said, warnings included."""
    done = kube.helm(verb, helm.NAME, str(helm.CHART), "--values", helm.values_file(name), *more)
    return done.stdout + done.stderr


def test_the_controller_passes_the_restricted_standard_and_every_set_is_accepted(kube: Server) -> None:
    said = install(kube, "install", "minimal")
    warnings = [line for line in said.splitlines() if "would violate PodSecurity" in line]
    assert len(warnings) == 1 and "rbd-csi-node" in warnings[0] and "rbd-csi-controller" not in warnings[0]
    for name in ("default", "air-gapped"):
        assert "STATUS: deployed" in install(kube, "upgrade", name)
    kube.helm("uninstall", helm.NAME)
    # Their classes differ from the others', so they begin anew; the API for changed blocks is in no module.
    for name in ("production", "everything"):
        more = ("--set", "sidecars.snapshotMetadata.forceEnable=false")
        assert "STATUS: deployed" in install(kube, "install", name, *more)
        kube.helm("uninstall", helm.NAME)


def test_a_class_that_cannot_be_changed_is_refused_before_anything_else_is(kube: Server) -> None:
    install(kube, "install", "default")
    with pytest.raises(CommandRefused, match="kubectl delete storageclass rbd"):
        install(kube, "upgrade", "default", "--set", "cluster.pool=other,controller.replicas=5")
    assert kube.get("deployment", "rbd-csi-controller", "-n", helm.NAME)["spec"]["replicas"] == 2
    kube.helm("uninstall", helm.NAME)


def test_the_manifests_and_the_examples_are_accepted(kube: Server) -> None:
    folders = [helm.ROOT / "manifests", *(path for path in (helm.ROOT / "examples").iterdir() if path.is_dir())]
    files = [path for folder in folders for path in sorted(folder.glob("*.yaml")) if path.name != "check.yaml"]
    for path in files:
        verb = "apply" if path.name == "namespace.yaml" else "create"
        # Namespaced things of the examples go to `users`; the manifests say their own.
        place = () if path.parent.name == "manifests" else ("--namespace", "users")
        kube.kubectl(verb, "--dry-run=server", "--validate=strict", *place, "-f", str(path))


def test_the_rights_of_the_sidecars_suffice_and_nothing_is_left_behind(kube: Server, tmp_path: pathlib.Path) -> None:
    world = kube.world
    assert mounted.script(world, "--pool", "rbd", "--update", "--output", str(tmp_path)).returncode == 0
    values = ("--values", str(tmp_path / "values.yaml"), "--set-json", f"volumeAttributesClasses={CLASSES}")
    kube.helm("install", helm.NAME, str(helm.CHART), *values)
    daemon = world.extra_controller("kube")
    daemon.start(mounted.lay_out(tmp_path))
    daemon.wait_ready()
    kube.start_sidecars(pathlib.Path(daemon.socket))
    use(kube)
    for name in server.SIDECARS:
        assert "forbidden" not in world.layout.log(name).read_text().lower()
    assert "csi." not in world.run_in_network(["rbd", "ls", "rbd"]).stdout
    kube.helm("uninstall", helm.NAME)
    found = kube.get(OURS, "-A")["items"]
    assert [thing["metadata"]["name"] for thing in found if helm.NAME in thing["metadata"]["name"]] == []


def use(kube: Server) -> None:
    """Everything that the sidecars do, and all of it deleted again."""
    here = ("--namespace", "users")
    wait = ("wait", *here, "--timeout=120s")
    kube.kubectl("apply", *here, "-f", str(helm.HERE / "volumes.yaml"))
    for name in ("first", "clone", "restored"):
        kube.kubectl(*wait, f"pvc/{name}", "--for=jsonpath={.status.phase}=Bound")
    kube.kubectl(*wait, "volumegroupsnapshot/group", "--for=jsonpath={.status.readyToUse}=true")
    volume = kube.get("pvc", "first", *here)["spec"]["volumeName"]
    kube.kubectl("create", "-f", "-", text="\n---\n".join(json.dumps(thing) for thing in attachment(volume)))
    kube.kubectl(*wait, "volumeattachment/first", "--for=jsonpath={.status.attached}=true")
    change = {"spec": {"resources": {"requests": {"storage": "100Mi"}}, "volumeAttributesClassName": "fast"}}
    kube.kubectl("patch", *here, "pvc", "first", "--type", "merge", "--patch", json.dumps(change))
    kube.kubectl(*wait, "pvc/first", "--for=jsonpath={.status.currentVolumeAttributesClassName}=fast")
    kube.kubectl(*wait, f"pv/{volume}", "--for=jsonpath={.spec.capacity.storage}=100Mi")
    for things in ("volumeattachment/first", "volumegroupsnapshot/group", "volumesnapshot/snapshot", "pvc --all"):
        kube.kubectl("delete", *here, *things.split(), "--timeout=120s")
    assert poll(lambda: kube.get("pv")["items"] == [], 60, 1)


def attachment(volume: str) -> list[dict[str, object]]:
    """A node that nobody runs, and the wish to attach a volume there."""
    name: dict[str, object] = {"name": "first"}
    return [{"apiVersion": "v1", "kind": "Node", "metadata": name},
            {"apiVersion": "storage.k8s.io/v1", "kind": "CSINode", "metadata": name,
             "spec": {"drivers": [{"name": "rbd-csi.io", "nodeID": "v1/first/198.51.100.1"}]}},
            {"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": name,
             "spec": {"attacher": "rbd-csi.io", "nodeName": "first", "source": {"persistentVolumeName": volume}}}]
