"""The frames that a world and the agents in its nodes exchange.

A connection carries one request. A frame is one letter that says what it is, a length, and bytes:

    r  request, JSON (host to node, first frame)      a  answer, JSON (node to host, last frame)
    i  standard input, empty at its end               o, e  standard output, standard error
"""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

_HEADER = struct.Struct("!cI")

AGENT_PORT = 9001
PLUGIN_PORT = 9002
PLUGIN_SOCKET = "/run/rbd-csi/node.sock"


def send(connection: socket.socket, kind: bytes, payload: bytes) -> None:
    """Send one frame."""
    connection.sendall(_HEADER.pack(kind, len(payload)) + payload)


def send_json(connection: socket.socket, kind: bytes, message: dict[str, Any]) -> None:
    """Send one frame of JSON."""
    send(connection, kind, json.dumps(message).encode())


def receive(connection: socket.socket) -> tuple[bytes, bytes] | None:
    """The next frame, or None when the other side has closed."""
    header = _exactly(connection, _HEADER.size)
    if header is None:
        return None
    kind, length = _HEADER.unpack(header)
    payload = _exactly(connection, length)
    return None if payload is None else (kind, payload)


def _exactly(connection: socket.socket, length: int) -> bytes | None:
    data = bytearray()
    while len(data) < length:
        piece = connection.recv(min(length - len(data), 1 << 18))
        if not piece:
            return None
        data += piece
    return bytes(data)
