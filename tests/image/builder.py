"""buildah, with everything it keeps in one folder: base, stages and the compiler's cache.

The base is a root of Debian from this machine's mirror unless a registry's image is asked for by name.
"""
from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import time
from collections.abc import Callable
from typing import Optional

import debian_root

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASE = "localhost/rbd-csi-base"
# Seconds between two lines about the compiler.
PATIENCE = 15.0
Say = Callable[[str], None]


class BuildError(Exception):
    """What did not work, in a line for the user."""


class Builder:
    """One store of buildah's, in a folder."""

    def __init__(self, folder: pathlib.Path, say: Say) -> None:
        self.folder, self.say = folder, say
        self.log = folder / "build.log"
        for name in ("ccache", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        # Not a pass of the preprocessor for each file: most builds find nothing in the cache.
        (folder / "ccache/ccache.conf").write_text("depend_mode = true\nmax_size = 500M\n")
        # Processes of a build that is interrupted end with it.
        self.buildah = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "buildah",
                        f"--root={folder}/store/root", f"--runroot={folder}/store/run", "--storage-driver=overlay"]
        self.environment = {**os.environ, "TMPDIR": str(folder / "tmp"), "BUILDAH_ISOLATION": "chroot"}

    def run(self, *argv: str) -> str:
        """One command of buildah; what it prints."""
        done = subprocess.run([*self.buildah, *argv], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, env=self.environment)
        if done.returncode != 0:
            raise BuildError(f"buildah {argv[0]}: {done.stderr.strip()}")
        return done.stdout.strip()

    def base(self, suite: str, mirror: str) -> str:
        """The name of the base, made now when it is not there."""
        name = f"{BASE}:{suite}"
        if self.run("images", "--quiet", "--filter", f"reference={name}"):
            return name
        begin = time.monotonic()
        mirror = mirror or debian_root.own_mirror()
        self.say(f"base: Debian {suite} from {mirror}")
        debian_root.make_root(self.folder, suite, debian_root.with_updates(suite, mirror), [], "base.tar")
        container = self.run("from", "scratch")
        self.run("add", "--quiet", container, str(self.folder / "base.tar"), "/")
        self.run("commit", "--quiet", "--rm", container, name)
        (self.folder / "base.tar").unlink()
        self.say(f"base: {time.monotonic() - begin:.0f} s")
        return name

    def build(self, base: str, epoch: int, arguments: dict[str, str]) -> str:
        """The Dockerfile over that base; the image's id."""
        words = [f"--build-arg={name}={text}" for name, text in {"BASE": base, **arguments}.items()]
        mark = self.folder / "image.id"
        argv = [*self.buildah, "build", "--layers", "--network=host", f"--timestamp={epoch}", f"--iidfile={mark}",
                f"--volume={self.folder}/ccache:/ccache", *words, f"--file={ROOT}/Dockerfile", str(ROOT)]
        with self.log.open("w", buffering=1) as log, subprocess.Popen(
                argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                env=self.environment) as process:
            assert process.stdout is not None
            shown = Progress(self.say)
            for line in process.stdout:
                log.write(line)
                shown.line(line)
            shown.end()
        if process.returncode != 0:
            tail = self.log.read_text().splitlines()[-30:]
            raise BuildError("\n".join(tail) + f"\nbuildah build failed (the whole story: {self.log})")
        return mark.read_text().strip()

    def push(self, image: str, layout: pathlib.Path) -> str:
        """Writes the image as an OCI layout; the digest of its manifest."""
        debian_root.remove(layout)
        self.run("push", "--quiet", image, f"oci:{layout}")
        return str(json.loads((layout / "index.json").read_text())["manifests"][0]["digest"])


class Progress:
    """Which step a build is at, and how far the compiler is; never silent for long."""

    def __init__(self, say: Say) -> None:
        self.say, self.shown = say, time.monotonic()
        self.step: Optional[str] = None
        self.begin = self.shown

    def line(self, text: str) -> None:
        """A line of buildah's output."""
        step = re.match(r"(?:\[\d+/\d+\] )?STEP \d+/\d+: (.*)", text)
        ninja = re.match(r"\[(\d+)/(\d+)\] ", text)
        if step:
            self.end()
            self.step, self.begin = step[1], time.monotonic()
        elif ninja and time.monotonic() - self.shown > PATIENCE:
            self.tell(f"compiling, {ninja[1]} of {ninja[2]}")

    def end(self) -> None:
        """A step that took its time is told when it is done."""
        if self.step and time.monotonic() - self.begin > 2:
            short = re.sub(r"--\S+ ", "", self.step)[:60]
            self.tell(f"{short}...: {time.monotonic() - self.begin:.0f} s")

    def tell(self, text: str) -> None:
        self.say(text)
        self.shown = time.monotonic()
