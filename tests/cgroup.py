"""A pod's cgroup, where each of the kubelet's drivers puts it."""
import re

from pod import Pod

ROOT = "/sys/fs/cgroup"

# Where a kubelet puts a pod, from the top: the drivers systemd and cgroupfs, and the kubelet's own --cgroup-root.
LAYOUTS = {
    "systemd": ["kubepods.slice", "kubepods-burstable.slice", "kubepods-burstable-pod{under}.slice"],
    "cgroupfs": ["kubepods", "besteffort", "pod{uid}"],
    "prefixed": ["kubelet.slice", "kubelet-kubepods.slice", "kubelet-kubepods-pod{under}.slice"],
}


class Cgroup:
    """A pod's cgroup as the kubelet makes it, with one container in it."""

    def __init__(self, pod: Pod, uid: str, layout: str) -> None:
        self.machine = pod.machine
        names = [name.format(uid=uid, under=uid.replace("-", "_")) for name in LAYOUTS[layout]]
        self.levels = ["/".join([ROOT, *names[:depth]]) for depth in range(len(names) + 1)]
        self.path = self.levels[-1]

    def make(self) -> None:
        for level in self.levels:
            self.machine.run(["mkdir", "-p", level])
            self.machine.run(["bash", "-c", f"echo +memory > {level}/cgroup.subtree_control"])
        self.machine.run(["mkdir", f"{self.path}/container"])

    def remove(self) -> None:
        for level in [f"{self.path}/container", *reversed(self.levels[1:])]:
            self.machine.run(["rmdir", level], check=False)

    def limits(self) -> str:
        """The pod's io.max, without the device."""
        return self.machine.run(["cat", f"{self.path}/io.max"]).stdout.strip().partition(" ")[2]

    def seconds(self, *dd: str) -> float:
        """How long one dd takes in the container, as it says itself."""
        line = f"echo $$ > {self.path}/container/cgroup.procs; exec dd {' '.join(dd)}"
        said = self.machine.run(["bash", "-c", line], timeout=120).stderr
        found = re.search(r"([0-9.e-]+) s, ", said)
        assert found, said
        return float(found.group(1))
