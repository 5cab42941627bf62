"""What Kubernetes never does, and so the workload does not: detach a node while it attaches the same volume.

A node that is between ControllerPublish and the end of its map has nothing yet that a fence could hit: detached in that
moment, it goes on mapping and writes beside the next node (docs/limitations.md). The attacher waits for the node's last
detachment before it attaches there again, and force-detaches minutes later, when no stage is under way. `--race-stage`
opens the gate, to show the hole.
"""
import contextlib
import threading
import time
from typing import Iterator

PATIENCE = 120.0


class Gate:
    """For each volume and node: many attachments at a time or many detachments, never both. Any thread."""

    def __init__(self, is_open: bool) -> None:
        self._open = is_open
        self._inside: dict[tuple[str, str, str], int] = {}
        self._changed = threading.Condition()

    def attaching(self, key: str, node: str) -> "contextlib.AbstractContextManager[None]":
        """From before ControllerPublish until the stage has ended, well or not."""
        return self._pass((key, node, "attach"), (key, node, "detach"))

    def detaching(self, key: str, node: str) -> "contextlib.AbstractContextManager[None]":
        """From before ControllerUnpublish until no server is at it any more."""
        return self._pass((key, node, "detach"), (key, node, "attach"))

    @contextlib.contextmanager
    def _pass(self, mine: tuple[str, str, str], other: tuple[str, str, str]) -> Iterator[None]:
        end = time.monotonic() + PATIENCE
        with self._changed:
            while not self._open and self._inside.get(other, 0):
                assert self._changed.wait(end - time.monotonic()), f"{other} did not end within {PATIENCE:.0f} s"
            self._inside[mine] = self._inside.get(mine, 0) + 1
        try:
            yield
        finally:
            with self._changed:
                self._inside[mine] -= 1
                self._changed.notify_all()
