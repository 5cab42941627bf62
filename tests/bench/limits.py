"""What the benchmark promises. A limit names one figure of one row and the most it may be."""
from typing import Any, NamedTuple, Optional

Row = dict[str, Any]

CREATE, REPEAT, DELETE = "CreateVolume", "CreateVolume again", "DeleteVolume"
PUBLISH, UNPUBLISH = "ControllerPublishVolume", "ControllerUnpublishVolume"
EXPAND, STAGE, UNSTAGE = "ControllerExpandVolume", "NodeStageVolume", "NodeUnstageVolume"
SNAPSHOT, SNAPSHOT_REPEAT, SNAPSHOT_DELETE = "CreateSnapshot", "CreateSnapshot again", "DeleteSnapshot"
RESTORE, COPY = "CreateVolume from a snapshot", "CreateVolume from a volume"

# One caller: with more of them than processors the figures are about the machine's queue, not about the driver.
RATIOS = {CREATE: 1.5, REPEAT: 1.2, SNAPSHOT: 1.1, RESTORE: 0.7, STAGE: 1.3}
OSD_OPS = {CREATE: 10, REPEAT: 6, DELETE: 34, PUBLISH: 5, UNPUBLISH: 7, EXPAND: 30,
           SNAPSHOT: 38, SNAPSHOT_REPEAT: 6, SNAPSHOT_DELETE: 38, RESTORE: 18, COPY: 90}
# One round of the monitors, and the commit that a cluster makes every second by itself; two rounds would be 4.
MON_COMMITS = {SNAPSHOT: 2, SNAPSHOT_DELETE: 2, COPY: 2}
VALUES = {"idle_rss_controller_mib": 60, "idle_rss_node_mib": 20, "start_to_probe_controller_ms": 100,
          "start_to_probe_node_ms": 100, "list_volumes_osd_ops_less_20_per_entry": 1.1,
          "snapshots_32_parallel_over_one": 2}
# With so many volumes to make (--existing) growth is measured; the promise is about 10,000.
GROWTH_FROM = 1000
GROWTH = {"list_volumes_page_of_1000_ms": 100, "create_volume_at_existing_over_at_0": 1.2}

# What the raw calls beside each RPC are.
FLOORS = {
    CREATE: "rbd_create4 with the size, features and order of the driver's own volumes",
    REPEAT: "rbd_open_read_only + rbd_stat + rbd_close",
    PUBLISH: "rados_lock_exclusive on an object that exists",
    UNPUBLISH: "rados_unlock of it",
    EXPAND: "rbd_open + rbd_resize by 1 MiB + rbd_close",
    DELETE: "rbd_trash_move",
    SNAPSHOT: "rbd_open + rbd_snap_create + rbd_close",
    SNAPSHOT_REPEAT: "rbd_open_read_only + rbd_snap_get_id + rbd_close",
    SNAPSHOT_DELETE: "rbd_open + rbd_snap_remove + rbd_close",
    RESTORE: "rbd_clone3 with clone format 2 and the shape of the driver's own volumes",
    COPY: "rbd_open + rbd_snap_create + the same rbd_clone3 + rbd_snap_remove + rbd_close",
    STAGE: "add_key + write to add_single_major (the driver's map options) + libblkid probe + mount(2)",
    UNSTAGE: "umount2 + write to remove_single_major",
}


class Verdict(NamedTuple):
    """One limit, measured."""

    name: str
    measured: Optional[float]
    limit: float
    wanted: bool = True  # False: this run does not measure it

    @property
    def passed(self) -> bool:
        return not self.wanted if self.measured is None else self.measured <= self.limit

    @property
    def word(self) -> str:
        if self.measured is None and not self.wanted:
            return "not measured"
        return "PASS" if self.passed else "FAIL"


def find(rows: list[Row], op: str, field: str, callers: Optional[int] = None) -> Optional[float]:
    """A figure of the first row of that name, or of the one with so many callers."""
    for row in rows:
        if row["op"] == op and callers in (None, row.get("callers")) and row.get(field) is not None:
            return float(row[field])
    return None


def judge(rows: list[Row], growth: bool) -> list[Verdict]:
    """Every limit; one that should have been measured and was not does not pass."""
    verdicts = [Verdict(f"{op}: p50 / raw p50, 1 caller", find(rows, op, "ratio_p50", callers=1), limit)
                for op, limit in RATIOS.items()]
    verdicts += [Verdict(f"{op}: OSD operations a call", find(rows, op, "osd_ops"), limit)
                 for op, limit in OSD_OPS.items()]
    verdicts += [Verdict(f"{op}: monitor commits a call", find(rows, op, "mon_commits"), limit)
                 for op, limit in MON_COMMITS.items()]
    verdicts += [Verdict(op, find(rows, op, "value"), limit) for op, limit in VALUES.items()]
    verdicts += [Verdict(op, find(rows, op, "value"), limit, growth) for op, limit in GROWTH.items()]
    return verdicts
