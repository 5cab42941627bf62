"""The host's end of the wire to one node: unix sockets that lead to TCP ports of the node.

It runs inside the world's network; unix sockets know no network namespace, so whoever is outside
reaches the node through them. It is started and killed with its node, which makes connections to
a killed node break at once instead of hanging.
"""

from __future__ import annotations

import os
import socket
import sys
import threading

from .splice import forward, serve


def main(arguments: list[str]) -> None:
    """Serve each `PATH=ADDRESS:PORT` given."""
    threads = [threading.Thread(target=_serve_path, args=(each,)) for each in arguments]
    for thread in threads:
        thread.start()


def _serve_path(argument: str) -> None:
    path, _, target = argument.rpartition("=")
    address, _, port = target.partition(":")
    if os.path.exists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(path)
    listener.listen(64)
    serve(listener, forward(socket.AF_INET, (address, int(port))))


if __name__ == "__main__":
    main(sys.argv[1:])
