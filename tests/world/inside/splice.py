"""Joins two stream sockets: what comes in here goes out there."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable


def serve(listener: socket.socket, handle: Callable[[socket.socket], None]) -> None:
    """Give each connection to `handle`, in a thread of its own, for ever."""
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_guarded, args=(connection, handle), daemon=True).start()


def _guarded(connection: socket.socket, handle: Callable[[socket.socket], None]) -> None:
    with connection:
        try:
            handle(connection)
        except OSError:
            pass  # The other side went away: closing is all there is to do.


def forward(family: int, address: str | tuple[str, int]) -> Callable[[socket.socket], None]:
    """A handler that joins each connection to a new one to `address`."""

    def handle(connection: socket.socket) -> None:
        with socket.socket(family, socket.SOCK_STREAM) as target:
            target.connect(address)
            if family == socket.AF_INET:
                target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            join(connection, target)

    return handle


def join(one: socket.socket, other: socket.socket) -> None:
    """Copy both ways until both sides have finished, or either has failed."""
    back = threading.Thread(target=_copy, args=(other, one), daemon=True)
    back.start()
    _copy(one, other)
    back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for side in (source, target):
            try:
                side.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
