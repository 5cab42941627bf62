"""What is on a device is never formatted away: a file system, a partition table, a LUKS header, random bytes."""
import hashlib
from typing import Callable

import pytest

import csi_client
from csi_client import MIB, Controller
from pod import Pod
from world import World

SIZE = 320 * MIB

# What is put on the raw device, as a shell line with the device in "$1".
CONTENT = {
    "another file system": 'mkfs.xfs -q -f "$1"',
    "a swap area": 'mkswap "$1"',
    "a DOS partition table": 'echo ",,83" | sfdisk -q "$1"',
    "a GPT partition table": 'echo "label: gpt" | sfdisk -q "$1"',
    "only the backup of a GPT": 'echo "label: gpt" | sfdisk -q "$1" && '
                                'dd if=/dev/zero of="$1" bs=512 count=64 conv=fsync',
    "a LUKS header": "echo secret | cryptsetup luksFormat --batch-mode --pbkdf pbkdf2 "
                     '--pbkdf-force-iterations 1000 "$1" -',
    "random bytes at the start": 'dd if=/dev/urandom of="$1" bs=4096 count=1 conv=fsync',
    "one byte in the first MiB": 'printf x | dd of="$1" bs=1 seek=777777 conv=fsync',
}


def checksum(world: World, volume_id: str) -> str:
    """Of the whole image, read through librbd."""
    path = world.directory / "image"
    world.run_in_network(["rbd", "export", "--no-progress", f"rbd/{volume_id.split('/')[-1]}", path], timeout=120)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.unlink()
    return digest


@pytest.mark.parametrize("what", CONTENT)
def test_a_device_that_holds_something_is_refused_and_not_touched(world: World, controller: Controller,
                                                                  volume: Callable[..., str], what: str) -> None:
    volume_id = volume("holds-" + hashlib.sha256(what.encode()).hexdigest()[:8], SIZE)
    raw = Pod(world, controller, "node1", volume_id, name="raw", capability=csi_client.block()).start()
    raw.machine.run(["bash", "-ec", CONTENT[what], "put", raw.target], timeout=120)
    raw.stop()
    before = checksum(world, volume_id)
    pod = Pod(world, controller, "node1", volume_id, name="pod", capability=csi_client.mount("ext4"))
    pod.attach()
    code, message = csi_client.refused(pod.stage)
    print(f"{what}: {message}")
    assert code == "FAILED_PRECONDITION"
    assert checksum(world, volume_id) == before
    pod.unstage()
    pod.detach()


@pytest.mark.parametrize("fs_type", ["ext4", "xfs"])
def test_a_file_system_of_ours_is_used_again_with_its_files(world: World, controller: Controller,
                                                            volume: Callable[..., str], fs_type: str) -> None:
    volume_id = volume(f"again-{fs_type}", SIZE, capability=csi_client.mount(fs_type))
    for number in range(2):
        pod = Pod(world, controller, f"node{number + 1}", volume_id, capability=csi_client.mount(fs_type)).start()
        kind = pod.machine.run(["findmnt", "-n", "-o", "FSTYPE,OPTIONS", pod.target]).stdout
        assert fs_type in kind and "nosuid" in kind and "nodev" in kind
        pod.machine.run(["bash", "-c", f"echo {number} >> {pod.target}/file && sync"])
        assert pod.machine.run(["cat", f"{pod.target}/file"]).stdout.split() == ["0", "1"][:number + 1]
        pod.stop()


def test_a_blank_volume_is_not_formatted_for_a_reader(world: World, controller: Controller,
                                                      volume: Callable[..., str]) -> None:
    volume_id = volume("blank-reader", SIZE)
    reader = csi_client.mount(mode=csi_client.MODE.MULTI_NODE_READER_ONLY)
    pod = Pod(world, controller, "node1", volume_id, capability=reader)
    pod.attach()
    code, _ = csi_client.refused(pod.stage)
    assert code == "FAILED_PRECONDITION"
    pod.unstage()
    pod.detach()
