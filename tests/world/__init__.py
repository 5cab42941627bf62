"""Real, throwaway worlds for the tests: a Ceph and nodes with krbd, in a network of their own.

    from world import World                  # with tests/ on sys.path, as root

    with World.up(directory, nodes=2) as world:       # or World.attach(directory)
        world.ceph.rbd("create", "--size", "1G", "image")
        world.ceph.command("osd", "blocklist", "ls")           # parsed JSON
        node = world.node("node1")
        node.run(["lsblk"]).stdout                            # like subprocess.run, text captured
        node.pause(); node.resume(); node.kill(); node.boot()
        world.controller.start(["--flag"], env={"FAILPOINT": "x"})
        world.controller.wait_ready()
        node.plugin.start(); node.plugin.kill()

World
    up(directory=None, *, nodes=2, objectstore="memstore"|"bluestore", with_driver=False, build=None,
       memory=1024, cpus=1, disk=None, ceph_options=None, report=callable) -> World
    attach(directory=None) -> World         a world that runs already
    remove(directory=None) -> bool          `down` for whatever is left in a directory
    down(), context manager                 leaves nothing behind
    .directory .ceph .nodes .controller     node(name) -> Node
    network.cut(address), network.join(address)              a node from Ceph, and again
    extra_controller(name) -> Controller    one more, at DIR/<name>.sock
    run_in_network(argv, *, check, input, env, timeout)      a host command; CEPH_CONF is set
    status() -> dict                        what `world status -o json` prints

Node        .name .index .address .socket (the plugin's gRPC, on the host) .console (log) .plugin
    run(argv, *, check=True, input=None, env=None, cwd=None, timeout=60) -> CompletedProcess[str]
        CommandFailed (a CalledProcessError) when check fails; subprocess.TimeoutExpired, the command
        killed, when it takes too long; NodeUnreachable when the node is down or paused
    spawn(argv, env=None, log="/dev/null") -> pid     signal(pid, number)     wait(pid, timeout) -> code
    accepts(path)                           does a unix socket in the node accept connections?
    pause() resume() kill() boot()          state() -> "running", "paused" or "down"
    In a node: DIR is writable at /world and at its own path; /host is the host's root as it is now;
    the rest of / is the host's root as it was at boot, under a layer of the node's own; /tmp and
    /run are empty. With `disk` (an image) each node has a copy of it as /dev/vda, for all of its lives.

Ceph        .conf .keyring .monitors .objectstore
    command(*args) -> JSON      rbd(*args, check=True) -> CompletedProcess[str]      key(user)
    osd_ops() mon_commits()     counters that only grow; subtract
    counter(daemon, section, name)      ask_daemon(daemon, "perf dump") -> JSON
    start stop kill pause resume is_running (daemon)         "mon.a", "mgr.x", "osd.0"

Controller, NodePlugin      .socket .log .pid
    start(args=(), env=None) stop(timeout=20) kill() wait_ready(timeout=30, check=None) is_running()

Every error of a world is a WorldError; its `log` names the file that tells more.
"""

from .ceph import Ceph
from .channel import NodeUnreachable
from .driver import Controller, NodePlugin
from .errors import WorldError
from .guest import CommandFailed
from .lifecycle import GuestNode as Node
from .lifecycle import World

__all__ = [
    "Ceph",
    "CommandFailed",
    "Controller",
    "Node",
    "NodePlugin",
    "NodeUnreachable",
    "World",
    "WorldError",
]
