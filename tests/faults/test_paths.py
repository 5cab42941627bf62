"""Paths that lead elsewhere are refused, also when they begin to during the call; nothing elsewhere is touched."""
from typing import Callable, Iterator

import pytest

import csi_client
from csi_client import MIB, Controller
from pod import KUBELET, Pod
from scorecard import Score
from world import World

SIZE = 64 * MIB
OUTSIDE = "/var/lib/outside"
PODS = f"{KUBELET}/pods"
# Exchanges a directory and a symlink of the same parent, again and again, at no particular moment.
SWAPPER = """
import ctypes, random, sys, time
libc = ctypes.CDLL(None, use_errno=True)
left, right = sys.argv[1].encode(), sys.argv[2].encode()
while True:
    libc.renameat2(-100, left, -100, right, 2)
    time.sleep(random.random() / 200)
"""


@pytest.fixture()
def pod(world: World, controller: Controller, volume: Callable[..., str]) -> Iterator[Pod]:
    """Staged, not published."""
    pod = Pod(world, controller, "node1", volume("paths", SIZE), name="paths")
    pod.machine.run(["mkdir", "-p", f"{OUTSIDE}/mount", PODS])
    # The nodes' own root is an overlay, which cannot exchange directories.
    pod.machine.run(["mount", "-t", "tmpfs", "none", PODS])
    pod.machine.run(["bash", "-c", f"echo precious > {OUTSIDE}/mount/file"])
    pod.attach()
    pod.stage()
    yield pod
    pod.unpublish()
    pod.unstage()
    pod.detach()
    pod.machine.run(["umount", PODS])


def untouched(pod: Pod) -> bool:
    """The directory that links lead to is as it was: no mount, its file there."""
    table = pod.machine.run(["cat", "/proc/self/mountinfo"]).stdout
    content = pod.machine.run(["cat", f"{OUTSIDE}/mount/file"], check=False).stdout
    return OUTSIDE not in table and content == "precious\n"


def test_a_link_that_appears_during_the_call_leads_nowhere(pod: Pod, score: Score, full: bool) -> None:
    parent, link = pod.volumes, f"{pod.volumes}-link"
    pod.machine.run(["ln", "-sfn", OUTSIDE, link])
    swapper = pod.machine.spawn(["/usr/bin/python3", "-c", SWAPPER, parent, link])
    csi_client.wait_until(lambda: pod.machine.run(["test", "-L", parent], check=False).returncode == 0, 30,
                          "the directory is a link for the first time")
    answers = {"OK": 0}
    for _ in range(200 if full else 20):
        score.trial()
        for call in (pod.publish, pod.unpublish):
            try:
                call()
                answers["OK"] += 1
            except csi_client.grpc.RpcError as error:
                code = error.code().name
                assert code in ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "NOT_FOUND", "UNAVAILABLE"), error.details()
                answers[code] = answers.get(code, 0) + 1
    pod.machine.signal(swapper, 9)
    pod.machine.wait(swapper)
    print(answers)
    assert answers["OK"] and len(answers) > 1, "it was always a directory when it was looked at, or always a link"
    score.leaked += int(not untouched(pod))
    if pod.machine.run(["test", "-L", parent], check=False).returncode == 0:
        pod.machine.run(["/usr/bin/python3", "-c", SWAPPER.replace("while", "if"), parent, link])
    pod.machine.run(["rm", link])


@pytest.mark.parametrize("path", ["relative/path", "/etc/target", "/var/lib/kubelet/../../../etc/target",
                                  "/var/lib/kubelet/pods/" + "x" * 5000, "/var/lib/kubelet", "/", "/dev/shm/target"])
def test_a_path_outside_of_the_allowed_directory_is_refused(pod: Pod, path: str) -> None:
    plugin = pod.plugin
    for call in (lambda: plugin.publish(pod.volume_id, pod.context, pod.staging, path),
                 lambda: plugin.publish(pod.volume_id, pod.context, path, pod.target),
                 lambda: plugin.unpublish(pod.volume_id, path),
                 lambda: plugin.unstage(pod.volume_id, path)):
        try:
            call()
        except csi_client.grpc.RpcError as error:
            assert error.code().name in ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "NOT_FOUND"), error.details()
    assert untouched(pod)


@pytest.mark.parametrize("what", ["a file", "a link", "another file system", "a pipe"])
def test_a_staging_path_that_is_something_else_is_refused(pod: Pod, what: str) -> None:
    other = f"{pod.staging}-other"
    make = {"a file": f"touch {other}", "a link": f"ln -s {OUTSIDE} {other}",
            "another file system": f"mkdir {other} && mount -t tmpfs none {other}", "a pipe": f"mkfifo {other}"}
    pod.machine.run(["bash", "-c", make[what]])
    code, message = csi_client.refused(lambda: pod.plugin.stage(pod.volume_id, pod.context, other))
    assert code in ("INVALID_ARGUMENT", "FAILED_PRECONDITION"), message
    assert untouched(pod)
    pod.machine.run(["bash", "-c", f"umount {other} 2>/dev/null; rm -rf {other}"])
