"""The command line: `tests/world/world`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from .ceph import OBJECT_STORES
from .errors import WorldError
from .lifecycle import World

DESCRIPTION = """\
Starts a real, throwaway Ceph and real Linux nodes, and takes them down again.

A world is one Ceph (a monitor, a manager, an OSD, the pool "rbd") and any number of
nodes: virtual machines that run Debian's kernel, krbd included, on top of this
machine's file system, which they see read-only. It has a network namespace of its own,
so worlds in different directories run side by side. It needs root, but no KVM.
"""

EPILOG = """\
examples:
  world up                               a Ceph and two nodes; ready in about ten seconds
  world exec node1 -- rbd --version      run a command in a node; its exit code is ours
  world ceph -- osd pool ls              ask Ceph as client.admin
  world run -- rbd create --size 1G x    run a command of this machine in the world's network
  world node kill node1                  pull the plug of a node; `node boot` starts it again
  world status -o json                   what a program needs to use the world
  world down                             end it all

The world's logs are in DIR/log, one per process. In a node, /world is DIR and /host is
this machine's root as it is right now.
"""


def main(arguments: list[str]) -> int:
    """Run one subcommand; returns the exit code."""
    before, command = _split(arguments)
    options = _parser().parse_args(before)
    options.command = command
    signal.signal(signal.SIGTERM, _interrupt)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except WorldError as error:
        print(f"world: {error.report()}", file=sys.stderr)
        return 1
    except FileNotFoundError as error:
        print(f"world: {error}", file=sys.stderr)
        return 127
    except KeyboardInterrupt:
        print("world: interrupted", file=sys.stderr)
        return 130


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, and the command behind `--`, which is not ours to read."""
    if "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def _interrupt(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="world",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--dir", metavar="DIR", help="where the world lives (default: build/world of the repository)")

    def add(name: str, text: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        about = f"{text[0].upper()}{text[1:]}."
        command = commands.add_parser(name, help=text, description=about, parents=[common])
        command.set_defaults(run=run)
        return command

    _add_up_options(add("up", "start a world", _up))
    status = add("status", "say what is there", _status)
    status.add_argument("-o", "--output", choices=["text", "json"], default="text", help="how to say it")
    execute = add("exec", "run a command in a node", _exec)
    execute.add_argument("node", metavar="NODE")
    node = add("node", "change the power of a node", _node)
    node.add_argument("verb", choices=["kill", "pause", "resume", "boot"])
    node.add_argument("node", metavar="NODE")
    run = add("run", "run a command of this machine in the world's network, CEPH_CONF set", _run)
    ceph = add("ceph", "run a ceph command as client.admin", _ceph)
    for command, rest in ((execute, "NODE -- CMD…"), (run, "-- CMD…"), (ceph, "-- ARGS…")):
        command.usage = f"{command.prog} [--dir DIR] {rest}"
    add("down", "take the world down, all of it", _down)
    return parser


def _add_up_options(up: argparse.ArgumentParser) -> None:
    up.add_argument("--nodes", type=_count, default=2, metavar="N", help="how many nodes (default: 2, at most 99)")
    up.add_argument(
        "--objectstore", choices=OBJECT_STORES, default="memstore",
        help="memstore is fast and holds 8 GiB; bluestore (20 GiB, sparse) survives a killed OSD (default: memstore)",
    )  # fmt: skip
    up.add_argument("--with-driver", action="store_true", help="also start the controller and the node plugins")
    up.add_argument(
        "--build", metavar="BIN",
        help="where the driver's programs are (default: $RBDCSI_BUILD, else build/release/bin)",
    )  # fmt: skip
    up.add_argument("--node-memory", type=int, default=1024, metavar="MIB", help="memory of a node (default: 1024)")
    up.add_argument("--node-cpus", type=int, default=1, metavar="N", help="processors of a node (default: 1)")


def _count(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 99:
        raise argparse.ArgumentTypeError("from 0 to 99")
    return number


def _up(options: argparse.Namespace) -> int:
    world = World.up(
        options.dir,
        nodes=options.nodes,
        objectstore=options.objectstore,
        with_driver=options.with_driver,
        build=options.build,
        memory=options.node_memory,
        cpus=options.node_cpus,
        report=lambda line: print(line, flush=True),
    )
    print(f"the world in {world.directory} is up")
    return 0


def _status(options: argparse.Namespace) -> int:
    world = World.attach(options.dir)
    if options.output == "json":
        print(json.dumps(world.status(), indent=2))
        return 0
    print(f"directory   {world.directory}\nnamespace   {world.layout.namespace}")
    print(f"ceph.conf   {world.ceph.conf}\nmonitors    {', '.join(world.ceph.monitors)}")
    for daemon in ("mon.a", "mgr.x", "osd.0"):
        print(f"{daemon:<11} {'running' if world.ceph.is_running(daemon) else 'down'}")
    for node in world.nodes:
        state = node.state()
        plugin = ", plugin running" if state == "running" and node.plugin.is_running() else ""
        print(f"{node.name:<11} {state}{plugin}, {node.address}, {node.socket}")
    print(f"controller  {'running' if world.controller.is_running() else 'down'}, {world.controller.socket}")
    return 0


def _exec(options: argparse.Namespace) -> int:
    node = World.attach(options.dir).node(options.node)
    stdin = open(0, "rb", buffering=0, closefd=False)
    code = node.stream(_command(options), stdin, sys.stdout.buffer, sys.stderr.buffer)
    return code if code >= 0 else 128 - code


def _node(options: argparse.Namespace) -> int:
    node = World.attach(options.dir).node(options.node)
    {"kill": node.kill, "pause": node.pause, "resume": node.resume, "boot": node.boot}[options.verb]()
    print(f"{node.name} is {node.state()}")
    return 0


def _run(options: argparse.Namespace) -> int:
    return _replace_process(World.attach(options.dir), _command(options))


def _ceph(options: argparse.Namespace) -> int:
    return _replace_process(World.attach(options.dir), ["ceph", *_command(options)])


def _replace_process(world: World, argv: list[str]) -> NoReturn:
    sys.stdout.flush()
    command = world.layout.in_network(argv)
    os.execve(command[0], command, world.ceph.environment())


def _down(options: argparse.Namespace) -> int:
    there = World.remove(options.dir)
    print("the world is down" if there else "there was no world")
    return 0


def _command(options: argparse.Namespace) -> list[str]:
    words: list[str] = options.command
    if not words:
        raise WorldError("no command was given: put it after --")
    return words
