"""YAML as Python's own values. Everything else that knows YAML goes through here: its library has no types."""
from __future__ import annotations

from typing import Any

import yaml  # type: ignore[import]


def one(text: str) -> Any:
    """The only document of a text."""
    return yaml.safe_load(text)


def several(text: str) -> list[Any]:
    """The documents of a stream that are not empty."""
    return [document for document in yaml.safe_load_all(text) if document]


def text_of(things: list[Any]) -> str:
    """The same as YAML, in its plainest form."""
    return str(yaml.safe_dump_all(things))
