"""What a world remembers in DIR/state.json: that it is there, and what `up` was asked for."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from .paths import Layout

STARTING, UP, FAILED = "starting", "up", "failed"


@dataclass(frozen=True)
class Settings:
    """What `up` was asked for."""

    nodes: int = 2
    objectstore: str = "memstore"
    with_driver: bool = False
    build: str = ""
    memory: int = 1024
    cpus: int = 1
    disk: str = ""


def read(layout: Layout) -> tuple[str, Settings] | None:
    """Phase and settings; None where no world is. An empty file is that of an `up` killed very early."""
    try:
        text = layout.state.read_text()
    except FileNotFoundError:
        return None
    if not text:
        return STARTING, Settings()
    state = json.loads(text)
    return state["phase"], Settings(**state["settings"])


def write(layout: Layout, phase: str, settings: Settings) -> None:
    """Replace the file in one step."""
    state = {"phase": phase, "namespace": layout.namespace, "settings": asdict(settings)}
    partial = layout.state.with_suffix(".partial")
    partial.write_text(json.dumps(state, indent=2) + "\n")
    partial.rename(layout.state)
