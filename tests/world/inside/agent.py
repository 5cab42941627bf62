"""The agent in a node: runs commands there for the world outside.

Threads and plain sockets, no asyncio: its import alone takes a second on an emulated processor.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

from .splice import forward, serve
from .wire import AGENT_PORT, PLUGIN_PORT, PLUGIN_SOCKET, receive, send, send_json

Request = dict[str, Any]
_children: dict[int, subprocess.Popen[bytes]] = {}


def main() -> None:
    """Listen on both ports; the plugin's is wired to its unix socket, whoever serves that."""
    agent = _listen(AGENT_PORT)
    plugin = _listen(PLUGIN_PORT)
    threading.Thread(target=serve, args=(plugin, forward(socket.AF_UNIX, PLUGIN_SOCKET)), daemon=True).start()
    print(f"agent ready after {open('/proc/uptime').read().split()[0]} s", flush=True)
    serve(agent, _answer)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.bind(("", port))
    listener.listen(64)
    return listener


def _answer(connection: socket.socket) -> None:
    frame = receive(connection)
    if frame is None:
        return
    request = json.loads(frame[1])
    try:
        answer = _OPERATIONS[request["op"]](connection, request)
    except (OSError, KeyError, ValueError) as error:
        answer = {"error": f"{type(error).__name__}: {error}", "errno": getattr(error, "errno", None)}
    send_json(connection, b"a", answer)


def _environment(request: Request) -> dict[str, str]:
    return {**os.environ, **(request.get("env") or {})}


def _exec(connection: socket.socket, request: Request) -> Request:
    """Run a command, its streams over the connection. It dies when the connection does."""
    child = subprocess.Popen(
        request["argv"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(request),
        cwd=request.get("cwd"),
        start_new_session=True,
    )
    lock = threading.Lock()
    readers = [
        threading.Thread(target=_send_stream, args=(connection, lock, kind, pipe), daemon=True)
        for kind, pipe in ((b"o", child.stdout), (b"e", child.stderr))
    ]
    for thread in readers:
        thread.start()
    threading.Thread(target=_feed, args=(connection, child), daemon=True).start()
    try:
        code: int | None = child.wait(request.get("timeout"))
    except subprocess.TimeoutExpired:
        code = None
        _kill_group(child)
    # A daemon left behind may hold the pipes open: what has arrived by now is the output.
    end = time.monotonic() + 1
    for thread in readers:
        thread.join(max(0, end - time.monotonic()))
    lock.acquire()  # Nothing may follow the answer.
    return {"code": code}


def _send_stream(connection: socket.socket, lock: threading.Lock, kind: bytes, pipe: Any) -> None:
    try:
        while data := os.read(pipe.fileno(), 1 << 16):
            with lock:
                send(connection, kind, data)
    except (OSError, ValueError):
        pass


def _feed(connection: socket.socket, child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    try:
        while frame := receive(connection):
            try:
                if frame[1]:
                    child.stdin.write(frame[1])
                    child.stdin.flush()
                else:
                    child.stdin.close()
            except (BrokenPipeError, ValueError):
                pass  # The command does not read; its output still counts.
    except OSError:
        pass
    _kill_group(child)


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    if child.returncode is None:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def _spawn(_: socket.socket, request: Request) -> Request:
    """Start a command that outlives the connection; its output goes to a file."""
    with open(request["log"], "ab", buffering=0) as log:
        child = subprocess.Popen(
            request["argv"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=_environment(request),
            cwd=request.get("cwd"),
            start_new_session=True,
        )
    _children[child.pid] = child
    threading.Thread(target=child.wait, daemon=True).start()
    return {"pid": child.pid}


def _signal(_: socket.socket, request: Request) -> Request:
    child = _children.get(request["pid"])
    if child is not None and child.poll() is not None:
        raise ProcessLookupError(3, "it has ended")
    os.kill(request["pid"], request["signal"])
    return {}


def _wait(_: socket.socket, request: Request) -> Request:
    """The exit code of a spawned process, None while it runs."""
    child = _children.get(request["pid"])
    if child is None:
        raise ValueError(f"process {request['pid']} was not spawned here")
    try:
        return {"code": child.wait(request.get("timeout", 0))}
    except subprocess.TimeoutExpired:
        return {"code": None}


def _connect(_: socket.socket, request: Request) -> Request:
    """Does a unix socket in the node accept connections?"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.connect(request["path"])
    return {}


def _clock(_: socket.socket, request: Request) -> Request:
    """Set the wall clock: a paused machine has missed the time that passed."""
    time.clock_settime(time.CLOCK_REALTIME, request["now"])
    return {}


def _hello(_: socket.socket, __: Request) -> Request:
    return {"uptime": float(open("/proc/uptime").read().split()[0])}


_OPERATIONS: dict[str, Callable[[socket.socket, Request], Request]] = {
    "exec": _exec,
    "spawn": _spawn,
    "signal": _signal,
    "wait": _wait,
    "connect": _connect,
    "clock": _clock,
    "hello": _hello,
}

if __name__ == "__main__":
    main()
