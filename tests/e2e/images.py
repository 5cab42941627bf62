"""The images of the cluster: upstream's names, made from what was built here and from Debian's packages."""
from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from e2e import host_files
from e2e.kube import versions
from e2e.oci import Content, Folder, Image

REGISTRY = "registry.k8s.io"
PAUSE = f"{REGISTRY}/pause:3.10"
BUSYBOX = "docker.io/library/busybox:1.37"
CHART_TEST = f"{REGISTRY}/e2e-test-images/busybox:1.37.0-1"
MARIADB = "docker.io/library/mariadb:11"
DRIVER_ARCHIVE = Path(os.environ.get("RBDCSI_IMAGE", versions.REPOSITORY / "build" / "image" / "rbd-csi.oci.tar"))
# Stand-ins of our own carry the tags of the upstream releases whose flags they have.
STAND_INS = {"csi-node-driver-registrar": "v2.17.0", "livenessprobe": "v2.19.0"}

# Small: a worker has a gigabyte for all of its pods.
MARIADB_SETTINGS = b"""[mariadbd]
socket=/run/mysqld/mysqld.sock
pid-file=/run/mysqld/mysqld.pid
innodb-buffer-pool-size=32M
innodb-log-file-size=8M
aria-pagecache-buffer-size=8M
performance-schema=OFF
ignore-db-dirs=lost+found
[client]
socket=/run/mysqld/mysqld.sock
"""
MARIADB_PROGRAMS = ["/usr/sbin/mariadbd", "/usr/bin/mariadb", "/usr/bin/mariadb-install-db",
                    "/usr/bin/my_print_defaults", "/usr/bin/resolveip"]
USERS = b"root:x:0:0::/root:/bin/sh\nmysql:x:999:999::/var/lib/mysql:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
GROUPS = b"root:x:0:\nmysql:x:999:\nnobody:x:65534:\n"


def sidecars() -> dict[str, str]:
    """Program to image name."""
    # The snapshot controller is a process of the control plane.
    tags = {program: "v" + versions.modules()[module] for program, module in versions.SIDECARS.items()
            if program != "snapshot-controller"}
    return {program: f"{REGISTRY}/sig-storage/{program}:{tag}" for program, tag in {**tags, **STAND_INS}.items()}


def catalogue() -> list[Image]:
    """All images but the driver's, which comes as an archive."""
    own = [_single(PAUSE, "pause"), *(_single(name, program) for program, name in sidecars().items())]
    small: Mapping[str, Content] = {**host_files.busybox(), "/tmp": Folder(0o1777), "/etc/passwd": USERS,
                                    "/etc/group": GROUPS, "/root": Folder(0o700)}
    return [*own, Image([BUSYBOX, CHART_TEST], small, command=["sh"]), _mariadb(small)]


def _single(name: str, program: str) -> Image:
    return Image([name], {f"/{program}": versions.PROGRAMS / program}, entrypoint=[f"/{program}"])


def _mariadb(small: Mapping[str, Content]) -> Image:
    entrypoint = Path(__file__).with_name("mariadb-entrypoint")
    files: dict[str, Content] = {
        **small, **host_files.programs(MARIADB_PROGRAMS), **host_files.tree("/usr/share/mysql"),
        "/usr/local/bin/docker-entrypoint.sh": entrypoint, "/etc/mysql/my.cnf": MARIADB_SETTINGS,
        "/run/mysqld": Folder(0o1777), "/var/lib/mysql": Folder(0o755, 999)}
    return Image([MARIADB], files, entrypoint=["docker-entrypoint.sh"], command=["mariadbd"])
