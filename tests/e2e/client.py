"""Talking to the cluster's API, with the same kubectl and helm that a user has."""
from __future__ import annotations

import json
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from e2e.kube.versions import PROGRAMS
from world import World

Manifest = dict[str, Any]


class CommandRefused(RuntimeError):
    """A command of kubectl or helm failed; the message holds what it said."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        words = shlex.join([Path(done.args[0]).name, *done.args[1:]])
        super().__init__(f"{words}: ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")
        self.done = done


class Client:
    """kubectl and helm as the cluster's administrator, inside the world's network."""

    def __init__(self, world: World, kubeconfig: Path) -> None:
        self._world = world
        self.kubeconfig = kubeconfig

    def kubectl(self, *arguments: str, input: str | None = None, check: bool = True,
                timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """One command; text captured, like subprocess.run."""
        return self._run("kubectl", arguments, input, check, timeout)

    def helm(self, *arguments: str, input: str | None = None, check: bool = True,
             timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """The same for helm, which waits for pods itself when asked to."""
        return self._run("helm", arguments, input, check, timeout)

    def apply(self, *manifests: Manifest | str | Path, namespace: str = "default") -> None:
        """Objects as dicts, YAML text, or files and directories of YAML."""
        files = [str(each) for each in manifests if isinstance(each, Path)]
        texts = [each if isinstance(each, str) else json.dumps(each)
                 for each in manifests if not isinstance(each, Path)]
        for path in files:
            self.kubectl("-n", namespace, "apply", "--server-side", "-f", path)
        if texts:
            self.kubectl("-n", namespace, "apply", "-f", "-", input="\n---\n".join(texts))

    def get(self, kind: str, name: str = "", namespace: str = "default") -> Any:
        """An object, or the list of all of a kind, as the API says it."""
        return json.loads(self.kubectl("-n", namespace, "get", kind, *([name] if name else []), "-o", "json").stdout)

    def delete(self, kind: str, *names: str, namespace: str = "default", wait: bool = True,
               timeout: float = 180) -> None:
        """Delete objects and, unless told otherwise, see them gone."""
        self.kubectl("-n", namespace, "delete", kind, *names, f"--wait={str(wait).lower()}", "--ignore-not-found",
                     f"--timeout={timeout:.0f}s", timeout=timeout + 20)

    def wait(self, what: str, condition: str, namespace: str = "default", timeout: float = 180) -> None:
        """`kubectl wait`: wait("pod/a", "condition=Ready"), wait("pvc/b", "jsonpath={.status.phase}=Bound")."""
        self.kubectl("-n", namespace, "wait", what, f"--for={condition}", f"--timeout={timeout:.0f}s",
                     timeout=timeout + 20)

    def exec(self, pod: str, argv: Sequence[str], namespace: str = "default", container: str = "",
             input: str | None = None, check: bool = True, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command in a pod's container."""
        chosen = ["-c", container] if container else []
        interactive = [] if input is None else ["-i"]
        return self.kubectl("-n", namespace, "exec", pod, *chosen, *interactive, "--", *argv, input=input, check=check,
                            timeout=timeout)

    def logs(self, pod: str, namespace: str = "default", container: str = "") -> str:
        """What a container has printed so far."""
        chosen = ["-c", container] if container else []
        return self.kubectl("-n", namespace, "logs", pod, *chosen).stdout

    @contextmanager
    def namespace(self, name: str) -> Iterator[str]:
        """A namespace for the length of a block; its objects go with it, and their volumes."""
        self.kubectl("create", "namespace", name)
        self.until(lambda: not self.kubectl("-n", name, "get", "sa", "default", check=False).returncode,
                   f"namespace {name} has no service account")
        try:
            yield name
        finally:
            self.delete("namespace", name)

    @staticmethod
    def until(check: Callable[[], bool], complaint: str, timeout: float = 60, pause: float = 0.3) -> None:
        """Ask again until the answer is yes; else the complaint is what went wrong."""
        end = time.monotonic() + timeout
        while not check():
            if time.monotonic() > end:
                raise TimeoutError(f"{complaint}, not within {timeout:.0f} s")
            time.sleep(pause)

    def _run(self, program: str, arguments: Sequence[str], input: str | None, check: bool,
             timeout: float) -> subprocess.CompletedProcess[str]:
        argv = [str(PROGRAMS / program), *arguments]
        env = {"KUBECONFIG": str(self.kubeconfig)}
        done = self._world.run_in_network(argv, input=input, check=False, timeout=timeout, env=env)
        done.args = argv
        if check and done.returncode:
            raise CommandRefused(done)
        return done
