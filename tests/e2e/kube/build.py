#!/usr/bin/python3
"""Builds Kubernetes, the CSI sidecars and helm from their Go modules into build/kube; nothing when they are there.

What is pinned is in go.mod and go.sum beside this file. helm comes first: the chart's own checks need only that.
"""
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from e2e.kube import toolchain, versions  # noqa: E402
from e2e.kube.lock import locked  # noqa: E402
from e2e.kube.versions import CRDS, HERE, PLACE, PROGRAMS, SIDECARS  # noqa: E402

LINKS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl")
OWN = ("kubernetes", "csi-node-driver-registrar", "livenessprobe", "pause")
BEGIN = time.monotonic()


def say(text: str) -> None:
    """One line of progress."""
    print(f"[{time.monotonic() - BEGIN:6.1f} s] {text}", flush=True)


def key() -> str:
    """Changes with whatever the result depends on."""
    digest = hashlib.sha256()
    for path in sorted([*HERE.glob("go.*"), *HERE.rglob("*.go"), pathlib.Path(__file__)]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def linker_flags(own: str) -> str:
    """The programs say their version as a release does; `own` is what sidecars keep in main. No symbols: smaller."""
    kubernetes, helm = (versions.modules()[name] for name in (versions.KUBERNETES, versions.HELM))
    major, minor, _ = kubernetes.split(".")
    base = "k8s.io/component-base/version"
    values = {f"{base}.gitVersion": f"v{kubernetes}", f"{base}.gitMajor": major, f"{base}.gitMinor": minor,
              f"{base}.gitTreeState": "clean", f"{versions.HELM}/internal/version.version": f"v{helm}",
              "main.version": f"v{own}"}
    # What helm renders for, where no cluster says it.
    for package in ("chartutil", "lint/rules"):
        values |= {f"{versions.HELM}/pkg/{package}.k8sVersionMajor": major,
                   f"{versions.HELM}/pkg/{package}.k8sVersionMinor": minor}
    return "-s -w " + " ".join(f"-X {name}={value}" for name, value in values.items())


def build(go: str, what: str, version: str, packages: list[str]) -> None:
    """One go build; it names each package as it is compiled, which is the progress."""
    argv = [go, "build", "-v", "-ldflags", linker_flags(version), "-o", f"{PROGRAMS}/", *packages]
    say(f"building {what} {version}")
    compiled, told, last = 0, time.monotonic(), ""
    with subprocess.Popen(argv, cwd=HERE, env=toolchain.environment(), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        complaints = []
        for line in process.stderr:
            if re.fullmatch(r"[\w.\-/]+\n", line):
                compiled, last = compiled + 1, line.strip()
            elif not line.startswith("go: downloading"):
                complaints.append(line)
            if time.monotonic() - told > 10:
                told = time.monotonic()
                say(f"  {compiled} packages compiled, now {last or 'downloading modules'}")
    if process.returncode:
        raise RuntimeError(f"go build {what}: ended with {process.returncode}:\n{''.join(complaints)}")


def copy_crds(go: str) -> None:
    """The snapshot API's definitions lie in its client module."""
    argv = [go, "list", "-m", "-f", "{{.Dir}}", versions.SNAPSHOT_CRDS]
    subprocess.run([go, "mod", "download", versions.SNAPSHOT_CRDS], cwd=HERE, env=toolchain.environment(), check=True)
    place = subprocess.run(argv, cwd=HERE, env=toolchain.environment(), check=True, capture_output=True, text=True)
    shutil.rmtree(CRDS, ignore_errors=True)
    CRDS.mkdir()
    for path in pathlib.Path(place.stdout.strip(), "config", "crd").glob("*.storage.k8s.io_*.yaml"):
        (CRDS / path.name).write_bytes(path.read_bytes())


def link() -> None:
    """One binary under the names of its programs."""
    for name in LINKS:
        path = PROGRAMS / name
        path.unlink(missing_ok=True)
        path.symlink_to("kubernetes")


def provide() -> None:
    """Build what is missing or old."""
    with locked(PLACE):
        _provide()


def _provide() -> None:
    stamp = PLACE / "stamp"
    wanted = key()
    files = [PROGRAMS / name for name in ("helm", *OWN, *SIDECARS, *LINKS)]
    if stamp.exists() and stamp.read_text() == wanted and all(path.exists() for path in files):
        return
    PROGRAMS.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    go = toolchain.find(versions.go())
    pinned = versions.modules()
    build(go, "helm", pinned[versions.HELM], [f"{versions.HELM}/cmd/helm"])
    build(go, "Kubernetes", pinned[versions.KUBERNETES], [f"./{name}" for name in OWN])
    link()
    for name, module in SIDECARS.items():
        build(go, name, pinned[module], [f"{module}/cmd/{name}"])
    copy_crds(go)
    stamp.write_text(wanted)
    say(f"Kubernetes {pinned[versions.KUBERNETES]} and its company are in {PROGRAMS}")


if __name__ == "__main__":
    try:
        provide()
    except (RuntimeError, subprocess.CalledProcessError) as error:
        sys.exit(f"build.py: {error}")
