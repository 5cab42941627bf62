"""The host's side of the conversation with the agent in a node."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from .errors import WorldError
from .inside import wire

# How much longer than a command's own time limit the host waits for the node to say so.
GRACE = 5.0


class NodeUnreachable(WorldError):
    """The agent in the node does not answer: the node is down, paused or starting."""


class Channel:
    """Speaks with the agent of one node through the node's relay socket."""

    def __init__(self, name: str, path: Path, log: Path) -> None:
        self._name = name
        self._path = path
        self._log = log

    def ask(self, op: str, *, patience: float = 10, **fields: Any) -> dict[str, Any]:
        """One request without streams. OSError if the agent met one, NodeUnreachable if it is silent."""
        with self._open(patience) as connection:
            answer = self._converse(connection, {"op": op, **fields}, lambda kind, data: None)
        if "error" not in answer:
            return answer
        if answer.get("errno"):
            raise OSError(answer["errno"], f"{self._name}: {answer['error']}")
        raise WorldError(f"{self._name}: {answer['error']}")

    def execute(
        self,
        argv: Sequence[str],
        output: Callable[[bytes, bytes], None],
        *,
        input: bytes | BinaryIO | None,
        env: Mapping[str, str] | None,
        cwd: str | None,
        timeout: float | None,
    ) -> int:
        """Run a command; `output` gets (b"o" or b"e", data) as it comes. Returns the exit code."""
        request = {"op": "exec", "argv": list(argv), "env": dict(env or {}), "cwd": cwd, "timeout": timeout}
        with self._open(None if timeout is None else timeout + GRACE) as connection:
            answer = self._converse(connection, request, output, lambda: _feed(connection, input))
        if "error" in answer:
            if answer.get("errno") == 2:
                raise FileNotFoundError(2, f"{self._name}: {answer['error']}")
            raise WorldError(f"{self._name}: {' '.join(argv)}: {answer['error']}")
        if answer["code"] is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(list(argv), timeout)
        return int(answer["code"])

    def _open(self, patience: float | None) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(patience)
        try:
            connection.connect(str(self._path))
        except OSError as error:
            connection.close()
            raise NodeUnreachable(f"{self._name} is not running: {error}", self._log) from error
        return connection

    def _converse(
        self,
        connection: socket.socket,
        request: dict[str, Any],
        output: Callable[[bytes, bytes], None],
        feed: Callable[[], None] = lambda: None,
    ) -> dict[str, Any]:
        try:
            wire.send_json(connection, b"r", request)
            threading.Thread(target=feed, daemon=True).start()
            while frame := wire.receive(connection):
                if frame[0] == b"a":
                    answer: dict[str, Any] = json.loads(frame[1])
                    return answer
                output(*frame)
        except OSError as error:
            raise NodeUnreachable(f"{self._name} does not answer: {error}", self._log) from error
        raise NodeUnreachable(f"{self._name} does not answer: the connection broke", self._log)


def _feed(connection: socket.socket, input: bytes | BinaryIO | None) -> None:
    """Send standard input and its end; a command that is over by then does not mind."""
    stream = io.BytesIO(input or b"") if input is None or isinstance(input, bytes) else input
    try:
        while data := stream.read1(1 << 16) if hasattr(stream, "read1") else stream.read(1 << 16):
            wire.send(connection, b"i", data)
        wire.send(connection, b"i", b"")
    except (OSError, ValueError):
        pass
