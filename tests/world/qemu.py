"""The machine under a node: QEMU's command line, and talking to QEMU itself."""

from __future__ import annotations

import json
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import WorldError
from .kernel import Kernel

# The clock is trusted because a paused machine's stands still with it; the watchdogs and the stall
# detector would only report that the host is busy.
KERNEL_WORDS = (
    "console=ttyS0 quiet panic=-1 tsc=reliable nowatchdog mitigations=off random.trust_cpu=on no_timer_check "
    "rcupdate.rcu_cpu_stall_suppress=1 net.ifnames=0 audit=0 selinux=0 apparmor=0"
)


def clock_words() -> str:
    """What tells the guest the speed of its time stamp counter, which under TCG is the host's.

    A guest that calibrates it by itself on a busy host has been seen to run 8.7 times too fast. A host that
    is a virtual machine with a constant counter shows the right number; others may show what the processor
    does at the moment.
    """
    text = Path("/proc/cpuinfo").read_text()
    speed = re.search(r"^cpu MHz\s*: ([0-9.]+)", text, re.MULTILINE)
    if speed is None or "constant_tsc" not in text or "hypervisor" not in text:
        return ""
    return f" tsc_early_khz={float(speed.group(1)) * 1000:.0f}"


@dataclass(frozen=True)
class Size:
    """Memory (MiB) and processors of a node."""

    memory: int = 1024
    cpus: int = 1


@dataclass(frozen=True)
class Machine:
    """What QEMU has to know about one node."""

    name: str
    title: str
    index: int
    size: Size
    console: Path
    monitor: Path
    shares: dict[str, Path]
    disk: Path | None = None

    def command(self, provided: Kernel) -> list[str]:
        """The command line. All shares but `world` are read-only."""
        command = [
            "/usr/bin/qemu-system-x86_64", "-name", self.title,
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max",
            "-m", str(self.size.memory), "-smp", str(self.size.cpus),
            "-kernel", str(provided.image), "-initrd", str(provided.initramfs),
            "-append", f"{KERNEL_WORDS}{clock_words()} rbdcsi.node={self.name}",
            "-chardev", f"file,id=console,append=on,path={_quoted(self.console)}", "-serial", "chardev:console",
            "-qmp", f"unix:{_quoted(self.monitor)},server=on,wait=off",
            "-netdev", f"tap,id=net,ifname=tap{self.index},script=no,downscript=no",
            "-device", f"virtio-net-pci,netdev=net,romfile=,mac=52:54:00:00:00:{self.index:02x}",
        ]  # fmt: skip
        if self.disk:
            # "unsafe" concerns a power failure of this machine, not of the node: what it wrote is in our page cache.
            options = f"file={_quoted(self.disk)},format=raw,if=virtio,cache=unsafe,discard=unmap"
            command += ["-drive", options]
        for tag, path in self.shares.items():
            readonly = "off" if tag == "world" else "on"
            options = f"id={tag},path={_quoted(path)},security_model=none,multidevs=remap,readonly={readonly}"
            command += ["-fsdev", f"local,{options}", "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
        return command

    def ask(self, verb: str) -> dict[str, Any]:
        """Run one command of QEMU's monitor."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(10)
            connection.connect(str(self.monitor))
            with connection.makefile("rw") as stream:
                answer: dict[str, Any] = {}
                for command in ("qmp_capabilities", verb):
                    stream.write(json.dumps({"execute": command}) + "\n")
                    stream.flush()
                    answer = self._answer(stream.readline, command)
                return answer

    def _answer(self, readline: Any, command: str) -> dict[str, Any]:
        """The answer among the greeting and the events that come in between."""
        while True:
            message: dict[str, Any] = json.loads(readline() or '{"error": {"desc": "QEMU is gone"}}')
            if "error" in message:
                raise WorldError(f"{self.name}: {command}: {message['error']['desc']}")
            if "return" in message:
                answer: dict[str, Any] = message["return"]
                return answer


def _quoted(path: Path) -> str:
    """QEMU reads a comma as the next option unless it is doubled."""
    return str(path).replace(",", ",,")
