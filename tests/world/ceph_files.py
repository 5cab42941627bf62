"""The files a Ceph is born from: ceph.conf and the keyring."""

from __future__ import annotations

import base64
import os
import struct
import subprocess
import time
from collections.abc import Mapping

from .paths import CEPH_ADDRESS, Layout

GIB = 1 << 30
POOL = "rbd"
CONTROLLER_USER = "rbd-csi-controller"
NODE_USER = "rbd-csi-node"

# Written into the monitor's first keyring, which spares one slow `ceph auth` per entity.
CAPABILITIES = {
    "mon.": {"mon": "allow *"},
    "mgr.x": {"mon": "allow profile mgr", "osd": "allow *", "mds": "allow *"},
    "osd.0": {"mon": "allow profile osd", "mgr": "allow profile osd", "osd": "allow *"},
    "client.admin": {"mon": "allow *", "mgr": "allow *", "osd": "allow *", "mds": "allow *"},
    f"client.{CONTROLLER_USER}": {
        "mon": "profile rbd", "mgr": f"profile rbd pool={POOL}", "osd": f"profile rbd pool={POOL}",
    },
    f"client.{NODE_USER}": {"mon": "profile rbd", "osd": f"profile rbd pool={POOL}"},
}  # fmt: skip

CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = [v2:{address}:3300,v1:{address}:6789]
public addr = {address}
keyring = {directory}/keyring
run dir = {sockets}
log file =
mon cluster log to file = false
crash dir = {directory}/crash
auth allow insecure global id reclaim = false
mon allow pool size one = true
mon allow pool delete = true
mon warn on pool no redundancy = false
mon data avail crit = 1
mon data avail warn = 1
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
# Half an hour. A placement group serves while its lease lasts (16 s). The answers of other replicas renew it; alone,
# one whose OSD was paused for longer can stay `laggy` until it peers again, and each call for it waits for ever.
osd pool default read lease ratio = 90
# memstore is taken for a rotating disk, on which Ceph rests for 5 s after each object that it trims of a snapshot.
osd snap trim sleep hdd = 0
osd objectstore = {objectstore}
osd memory target = 939524096
bluestore block size = {block_size}
memstore device bytes = {memory_size}
# memstore writes its content to disk in an orderly shutdown only.
osd fast shutdown = false
{extra}
[mon]
admin socket = {sockets}/$name.sock
log to stderr = true
[mgr]
admin socket = {sockets}/$name.sock
log to stderr = true
mgr initial modules =
[osd]
admin socket = {sockets}/$name.sock
log to stderr = true
[mon.a]
mon data = {directory}/mon
[mgr.x]
mgr data = {directory}/mgr
[osd.0]
osd data = {directory}/osd
"""


def write_configuration(layout: Layout, fsid: str, objectstore: str, options: Mapping[str, str]) -> None:
    """Write ceph.conf; `options` go into [global]."""
    text = CONFIGURATION.format(
        fsid=fsid,
        address=CEPH_ADDRESS,
        directory=layout.ceph,
        sockets=layout.private_sockets,
        objectstore=objectstore,
        block_size=20 * GIB,
        memory_size=8 * GIB,
        extra="".join(f"{name} = {value}\n" for name, value in options.items()),
    )
    layout.ceph_conf.write_text(text)


def write_keyring(layout: Layout) -> None:
    """Keys are a type, the time and random bytes; ceph-authtool would take a process for each."""
    key_type, length = _key_type()
    lines = []
    for entity, capabilities in CAPABILITIES.items():
        key = base64.b64encode(struct.pack("<HIIH", key_type, int(time.time()), 0, length) + os.urandom(length))
        lines.append(f"[{entity}]\n\tkey = {key.decode()}\n")
        lines += [f'\tcaps {kind} = "{grant}"\n' for kind, grant in capabilities.items()]
    layout.keyring.touch(mode=0o600)
    layout.keyring.write_text("".join(lines))


def _key_type() -> tuple[int, int]:
    """Type and length of a key, as this Ceph makes them: from version 20 on it refuses the keys of the older ones."""
    sample = subprocess.run(["ceph-authtool", "--gen-print-key"], check=True, capture_output=True, text=True)
    key_type, _, _, length = struct.unpack_from("<HIIH", base64.b64decode(sample.stdout))
    return key_type, length
