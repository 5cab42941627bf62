#!/usr/bin/python3
"""Run beside `ceph`, as an admin: makes the two Ceph users of rbd-csi and prints what helm and kubectl need.

It needs the ceph command and this file alone. Running it again changes nothing and prints the same.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import shlex
import subprocess
import sys
from typing import Any, NamedTuple

CONTROLLER, NODE = "rbd-csi-controller", "rbd-csi-node"
ADVICE = """\
# Next:
#   kubectl create namespace {namespace}
#   kubectl apply -f {secret}
#   helm install rbd-csi charts/rbd-csi --namespace {namespace} --values {values}
"""


class Failure(Exception):
    """Told to the user as it is."""


class User(NamedTuple):
    """A Ceph user: its capabilities are what `ceph auth get-or-create` takes."""

    name: str
    caps: dict[str, str]


class Ceph:
    """The ceph command; in a dry run it is only asked, never told."""

    def __init__(self, command: list[str], dry_run: bool) -> None:
        self._command = command
        self.dry_run = dry_run

    def ask(self, *arguments: str) -> Any:
        """The JSON answer of a command that changes nothing; None: ENOENT."""
        done = subprocess.run([*self._command, *arguments, "--format", "json"], capture_output=True, text=True,
                              check=False)
        if done.returncode == 2:
            return None
        if done.returncode:
            raise Failure(f"ceph {shlex.join(arguments)}: {done.stderr.strip()} (run this where `ceph status` works, "
                          "as an admin; --ceph says how to call it)")
        return json.loads(done.stdout)

    def tell(self, *arguments: str) -> None:
        """A command that changes something, shown before it runs."""
        print(f"# {'would run' if self.dry_run else 'running'}: ceph {shlex.join(arguments)}", file=sys.stderr)
        if self.dry_run:
            return
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure(f"ceph {shlex.join(arguments)}: {done.stderr.strip()}")


def users(pools: list[str]) -> list[User]:
    """The least that either half works with: the nodes write images, the controller also makes and fences them."""
    osd = ", ".join(f"profile rbd pool={pool}" for pool in pools)
    return [User(CONTROLLER, {"mon": "profile rbd", "mgr": osd, "osd": osd}),
            User(NODE, {"mon": "profile rbd", "osd": osd})]


def check_pools(ceph: Ceph, pools: list[str]) -> None:
    """Each has to be there, and to be a pool for RBD."""
    found = {pool["pool_name"]: pool for pool in ceph.ask("osd", "pool", "ls", "detail")}
    for name in pools:
        if name not in found:
            raise Failure(f"pool {name}: there is none (make it: ceph osd pool create {name} && rbd pool init {name}; "
                          f"there are: {', '.join(sorted(found)) or 'none'})")
        if "rbd" not in found[name]["application_metadata"]:
            raise Failure(f"pool {name}: not for RBD (if that is what it is for: rbd pool init {name})")


def ensure(ceph: Ceph, user: User, update: bool) -> str:
    """Make the user if it is not there; the key. Other capabilities than ours are only replaced if `update`."""
    name = f"client.{user.name}"
    caps = [word for pair in user.caps.items() for word in pair]
    found = ceph.ask("auth", "get", name)
    if found is None:
        ceph.tell("auth", "get-or-create", name, *caps)
        found = ceph.ask("auth", "get", name)
    elif found[0]["caps"] != user.caps:
        if not update:
            raise Failure(f"user {name}: has other capabilities: {json.dumps(found[0]['caps'])}, needed are "
                          f"{json.dumps(user.caps)} (name all its pools with --pool, or replace them with --update)")
        ceph.tell("auth", "caps", name, *caps)
    return found[0]["key"] if found else f"<key of {name}>"


def monitors(ceph: Ceph) -> list[str]:
    """Where the monitors listen, of each the newest protocol."""
    found = []
    for monitor in ceph.ask("mon", "dump")["mons"]:
        addresses = {address["type"]: address["addr"] for address in monitor["public_addrs"]["addrvec"]}
        found.append(addresses.get("v2") or addresses["v1"])
    return found


def values(ceph: Ceph, options: argparse.Namespace) -> str:
    """The values file: YAML in which strings are JSON's."""
    fsid = ceph.ask("fsid")["fsid"]
    lines = ["cluster:", f"  fsid: {fsid}", f"  monitors: {json.dumps(monitors(ceph))}",
             f"  pool: {json.dumps(options.pool[0])}"]
    if options.data_pool:
        lines += ["storageClasses:", f"  - {{name: rbd, dataPool: {json.dumps(options.data_pool)}}}"]
    return "\n".join(lines) + "\n"


def secret(namespace: str, user: str, key: str) -> str:
    """One Secret, named like its user."""
    return (f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {user}\n  namespace: {namespace}\ntype: Opaque\n"
            f"stringData:\n  userID: {user}\n  userKey: {json.dumps(key)}\n")


def write(directory: pathlib.Path, files: dict[str, str]) -> None:
    """The files, readable by their owner alone."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in files.items():
        path = directory / name
        path.touch(mode=0o600)
        path.write_text(text)
        print(path)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", action="append", required=True, metavar="POOL",
                        help="a pool for volumes, the first one the default; may be repeated")
    parser.add_argument("--data-pool", default="", metavar="POOL", help="an erasure-coded pool for the volumes' data")
    parser.add_argument("--namespace", default="rbd-csi", help="of the Secrets in Kubernetes (default: rbd-csi)")
    parser.add_argument("--ceph", default="ceph", metavar="COMMAND",
                        help='how to call ceph, for example "cephadm shell -- ceph" (default: ceph)')
    parser.add_argument("--update", action="store_true", help="replace the capabilities of users that are there")
    parser.add_argument("--dry-run", action="store_true", help="change nothing in Ceph; keys not yet made are left out")
    parser.add_argument("--output", type=pathlib.Path, metavar="DIR",
                        help="write values.yaml and secret.yaml there instead of printing them")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    ceph = Ceph(shlex.split(options.ceph), options.dry_run)
    pools = [*options.pool, *([options.data_pool] if options.data_pool else [])]
    try:
        check_pools(ceph, pools)
        keys = {user.name: ensure(ceph, user, options.update) for user in users(pools)}
        files = {"values.yaml": values(ceph, options),
                 "secret.yaml": "---\n".join(secret(options.namespace, *pair) for pair in keys.items())}
        paths = {name: str((options.output or pathlib.Path()) / name) for name in files}
        advice = ADVICE.format(namespace=options.namespace, secret=paths["secret.yaml"], values=paths["values.yaml"])
        if options.output and not options.dry_run:
            write(options.output, files)
            print(advice, end="")
        else:
            print("\n".join(f"# ---- {name} ----\n{text}" for name, text in files.items()) + "\n" + advice, end="")
    except (Failure, FileNotFoundError) as failure:
        print(f"values_for_cluster: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
