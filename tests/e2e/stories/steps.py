"""The steps of an example's check.yaml, done on the real cluster. Their language: examples/README.md."""
from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from e2e.cluster import Cluster
from e2e.stories import pool
from e2e.stories.told import Broken, claim

Step = dict[str, Any]
PATIENCE = 300.0
# The API says things as soon as a controller has: what is expected of it may come a moment later.
SOON = 60.0


class Steps:
    """One example's steps in its namespace: what was kept, what was applied, which images it had."""

    def __init__(self, cluster: Cluster, folder: Path, namespace: str, scratch: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        self._namespace = namespace
        self._scratch = scratch
        self._kept = {"CLUSTER-ID": str(cluster.world.ceph.command("fsid")["fsid"])}
        self._applied: list[str] = []
        self._images: set[str] = set()

    def do(self, step: Step) -> None:
        """One step; what does not hold is said with the step."""
        verbs: dict[str, Callable[[str, Step], str | None]] = {
            "apply": self._apply, "delete": self._delete, "patch": self._patch, "wait": self._wait,
            "exec": self._exec, "get": self._get, "node": self._node, "admin": self._admin}
        step = self._filled(step)
        verb, target = next(iter(step.items()))
        begin = time.monotonic()
        try:
            said = verbs[verb](target, step)
            if said is not None:
                self._judge(step, said.strip())
            took = time.monotonic() - begin
            claim(took >= step.get("atLeast", 0), f"it took {took:.1f} s only")
        except Exception as error:
            raise Broken(f"step {step}: {error}") from error

    def clean(self) -> None:
        """Delete what was applied and is still there, the last one first; no image of it may stay."""
        self._note_images()
        if self._applied:
            self._kubectl("delete", "--ignore-not-found", f"--timeout={PATIENCE:.0f}s", "-f", "-",
                          input="\n---\n".join(reversed(self._applied)), timeout=PATIENCE + 20)
        self._cluster.delete("pvc", "--all", namespace=self._namespace)
        pool.gone(self._cluster, self._images)

    def _apply(self, target: str, _step: Step) -> None:
        text = (self._folder / target).read_text()
        for word in filter(str.isupper, self._kept):
            text = text.replace(word, self._kept[word])
        if text not in self._applied:
            self._applied.append(text)
        self._cluster.apply(text, namespace=self._namespace)

    def _delete(self, target: str, step: Step) -> None:
        self._note_images()
        self._cluster.delete(target, namespace=self._namespace, timeout=step.get("seconds", PATIENCE))

    def _patch(self, target: str, step: Step) -> None:
        self._kubectl("patch", target, "--type=merge", "-p", json.dumps(step["with"]))

    def _wait(self, target: str, step: Step) -> None:
        seconds = step.get("seconds", PATIENCE)
        if step["for"] != "delete":
            self._cluster.wait(target, "create", self._namespace, seconds)
        self._cluster.wait(target, step["for"], self._namespace, seconds)

    def _exec(self, target: str, step: Step) -> str:
        return self._cluster.exec(target, step["run"], self._namespace).stdout

    def _get(self, target: str, step: Step) -> str:
        end = time.monotonic() + SOON
        while True:
            said = self._kubectl("get", target, "-o", f"jsonpath={step['path']}")
            if _fits(step, said.strip()) or time.monotonic() > end:
                return said
            time.sleep(0.5)

    def _node(self, target: str, step: Step) -> str:
        name = self._kubectl("get", "pod", target, "-o", "jsonpath={.spec.nodeName}")
        return self._cluster.world.node(name).run(step["run"]).stdout

    def _admin(self, target: str, _step: Step) -> str:
        script = f"cd {shlex.quote(str(self._scratch))}\n{target}"
        return self._cluster.world.run_in_network(["sh", "-ec", script]).stdout

    def _judge(self, step: Step, said: str) -> None:
        claim(_fits(step, said), f"it printed {said!r}")
        if "keep" in step:
            claim(bool(said), "it printed nothing that could be kept")
            self._kept[step["keep"]] = said

    def _filled(self, value: Any) -> Any:
        """The step with ${name} replaced by what was kept under that name; a shell's own ${...} is left alone."""
        if isinstance(value, dict):
            return {key: self._filled(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._filled(each) for each in value]
        if isinstance(value, str):
            return re.sub(r"\$\{(\w+)\}", lambda found: self._kept.get(found[1], found[0]), value)
        return value

    def _note_images(self) -> None:
        self._images |= pool.images_of(self._cluster, self._namespace)

    def _kubectl(self, *arguments: str, **options: Any) -> str:
        return self._cluster.kubectl("-n", self._namespace, *arguments, **options).stdout


def _fits(step: Step, said: str) -> bool:
    return said == step.get("prints", said).strip() and re.search(step.get("matches", ""), said) is not None
