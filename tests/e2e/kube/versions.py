"""The versions in go.mod beside this file: nothing else says which Kubernetes, sidecars or helm the tests use."""
import functools
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[2]
PLACE = REPOSITORY / "build" / "kube"
PROGRAMS = PLACE / "bin"
CRDS = PLACE / "crds"

CSI = "github.com/kubernetes-csi"
KUBERNETES = "k8s.io/kubernetes"
HELM = "helm.sh/helm/v3"
# The sidecars' modules, and the programs in them.
SIDECARS = {
    "csi-provisioner": f"{CSI}/external-provisioner/v6",
    "csi-attacher": f"{CSI}/external-attacher/v4",
    "csi-resizer": f"{CSI}/external-resizer/v2",
    "csi-snapshotter": f"{CSI}/external-snapshotter/v8",
    "snapshot-controller": f"{CSI}/external-snapshotter/v8",
}
SNAPSHOT_CRDS = f"{CSI}/external-snapshotter/client/v8"


@functools.cache
def modules() -> dict[str, str]:
    """Module to version, without leading v: {"k8s.io/kubernetes": "1.36.3", ...}."""
    return dict(re.findall(r"^\s+(\S+/\S+) v(\S+)(?: // indirect)?$", (HERE / "go.mod").read_text(), re.MULTILINE))


def go() -> tuple[int, int, int]:
    """The Go that go.mod asks for."""
    match = re.search(r"^go (\d+)\.(\d+)\.(\d+)$", (HERE / "go.mod").read_text(), re.MULTILINE)
    if match is None:
        raise ValueError(f"read {HERE / 'go.mod'}: no line `go X.Y.Z`")
    return int(match[1]), int(match[2]), int(match[3])
