"""What the benchmark promises. A limit names one figure of one row and the most it may be."""
from typing import Any, NamedTuple, Optional

Row = dict[str, Any]

CREATE, REPEAT, DELETE = "CreateVolume", "CreateVolume again", "DeleteVolume"
PUBLISH, UNPUBLISH = "ControllerPublishVolume", "ControllerUnpublishVolume"
EXPAND, STAGE, UNSTAGE = "ControllerExpandVolume", "NodeStageVolume", "NodeUnstageVolume"

# One caller: with more of them than processors the figures are about the machine's queue, not about the driver.
RATIOS = {CREATE: 1.5, REPEAT: 1.2, STAGE: 1.3}
OSD_OPS = {CREATE: 10, REPEAT: 6, DELETE: 34, PUBLISH: 5, UNPUBLISH: 7, EXPAND: 30}
VALUES = {"idle_rss_controller_mib": 60, "idle_rss_node_mib": 20, "start_to_probe_controller_ms": 100,
          "start_to_probe_node_ms": 100}

# What the raw calls beside each RPC are.
FLOORS = {
    CREATE: "rbd_create4 with the size, features and order of the driver's own volumes",
    REPEAT: "rbd_open_read_only + rbd_stat + rbd_close",
    PUBLISH: "rados_lock_exclusive on an object that exists",
    UNPUBLISH: "rados_unlock of it",
    EXPAND: "rbd_open + rbd_resize by 1 MiB + rbd_close",
    DELETE: "rbd_trash_move",
    STAGE: "add_key + write to add_single_major (the driver's map options) + libblkid probe + mount(2)",
    UNSTAGE: "umount2 + write to remove_single_major",
}


class Verdict(NamedTuple):
    """One limit, measured."""

    name: str
    measured: Optional[float]
    limit: float

    @property
    def passed(self) -> bool:
        return self.measured is not None and self.measured <= self.limit

    @property
    def word(self) -> str:
        return "PASS" if self.passed else "FAIL"


def find(rows: list[Row], op: str, field: str, callers: Optional[int] = None) -> Optional[float]:
    """A figure of the first row of that name, or of the one with so many callers."""
    for row in rows:
        if row["op"] == op and callers in (None, row.get("callers")) and row.get(field) is not None:
            return float(row[field])
    return None


def judge(rows: list[Row]) -> list[Verdict]:
    """Every limit; one that was not measured does not pass."""
    verdicts = [Verdict(f"{op}: p50 / raw p50, 1 caller", find(rows, op, "ratio_p50", callers=1), limit)
                for op, limit in RATIOS.items()]
    verdicts += [Verdict(f"{op}: OSD operations a call", find(rows, op, "osd_ops"), limit)
                 for op, limit in OSD_OPS.items()]
    verdicts += [Verdict(op, find(rows, op, "value"), limit) for op, limit in VALUES.items()]
    return verdicts
