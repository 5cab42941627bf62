"""The table of values in docs/install.md, from the comments in values.yaml: written in one place, beside the value."""
from __future__ import annotations

import json
import re
from typing import Any, Iterator

from chart import documents


MARK = "# -- "
KEY = re.compile(r"^( *)([A-Za-z]+):")


def entries(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """(path of the key, its description) for each key below a comment that begins with "# --"."""
    path: list[tuple[int, str]] = []
    description: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith(MARK):
            description = [stripped.removeprefix(MARK)]
        elif stripped.startswith("#") and description:
            description.append(stripped.removeprefix("#").strip())
        elif match := KEY.match(line):
            indent = len(match[1])
            path = [(column, key) for column, key in path if column < indent] + [(indent, match[2])]
            if description:
                yield tuple(key for _, key in path), " ".join(description)
            description = []
        else:
            description = []


def default(values: dict[str, Any], path: tuple[str, ...]) -> str:
    """The value at a path as one would type it; of a sidecar its image, which is what people look for."""
    value: Any = values
    for key in path:
        value = value[key]
    if isinstance(value, dict) and "image" in value:
        value = value["image"]
    if isinstance(value, dict) and "repository" in value:
        return f"`{value['repository']}:{value['tag']}`"
    return f"`{json.dumps(value)}`"


def table(text: str) -> str:
    """The Markdown table for a values.yaml."""
    values = documents.one(text)
    lines = ["| value | default | |", "|---|---|---|"]
    for path, description in entries(text):
        lines.append(f"| `{'.'.join(path)}` | {default(values, path)} | {description} |")
    return "\n".join(lines) + "\n"
