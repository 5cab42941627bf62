"""The figures for a terminal."""
from typing import Any

from bench.limits import FLOORS, Row, Verdict

HEADS = ["op", "callers", "p50 ms", "p95 ms", "per s", "raw p50", "raw per s", "ratio", "OSD ops", "raw ops", "commits",
         "raw commits"]
FIELDS = ["op", "callers", "p50_ms", "p95_ms", "per_s", "floor_p50_ms", "floor_per_s", "ratio_p50", "osd_ops",
          "floor_osd_ops", "mon_commits", "floor_mon_commits"]


def cell(value: Any) -> str:
    """Three significant digits are more than a shared machine can promise."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return str(value)


def grid(rows: list[list[str]]) -> str:
    """Columns as wide as their widest cell; the first to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [text.ljust(width) if column == 0 else text.rjust(width)
                 for column, (text, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def calls(rows: list[Row]) -> str:
    """Every RPC beside its raw calls."""
    return grid([HEADS] + [[cell(row.get(field)) for field in FIELDS] for row in rows if "callers" in row])


def values(rows: list[Row]) -> str:
    """The single numbers."""
    return grid([[row["op"], cell(float(row["value"]))] for row in rows if "value" in row])


def limits(verdicts: list[Verdict]) -> str:
    """What is promised, and whether it holds."""
    return grid([["limit", "measured", "at most", ""]]
                + [[one.name, cell(one.measured), cell(float(one.limit)), one.word] for one in verdicts])


def notes() -> str:
    """What `raw` means in each row."""
    return "raw:\n" + "\n".join(f"  {op}: {text}" for op, text in FLOORS.items())
