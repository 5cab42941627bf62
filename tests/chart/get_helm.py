"""Builds helm alone, by the recipe of the cluster tests, which take it from there: the chart's tests need no more.

Run in tests/: python3 -m chart.get_helm
"""
import sys

from e2e.kube import build, toolchain, versions


def main() -> int:
    """build/kube/bin/helm; nothing if it is there."""
    if (versions.PROGRAMS / "helm").exists():
        return 0
    versions.PROGRAMS.mkdir(parents=True, exist_ok=True)
    go = toolchain.find(versions.go())
    build.build(go, "helm", versions.modules()[versions.HELM], [f"{versions.HELM}/cmd/helm"])
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as error:
        sys.exit(f"get_helm: {error}")
