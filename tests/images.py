"""The bytes of images, written and compared by `rbd` itself, so that no code of ours vouches for itself."""
import tempfile

from csi_client import MIB
from world import World

DIFF_HEADER = b"rbd diff v1\n"


def spec(volume_id: str) -> str:
    """What `rbd` calls the image of a volume, or a snapshot."""
    return volume_id.split("/", 1)[1]


def fill(world: World, volume_id: str, text: str, *, offset: int = 0, length: int = 8 * MIB) -> None:
    """Writes a pattern that names itself into a volume that nobody has mapped."""
    pattern = (text.encode() + b"\0" * 64)[:64] * (length // 64)
    with tempfile.NamedTemporaryFile(dir=world.directory) as file:
        file.write(DIFF_HEADER + b"w" + offset.to_bytes(8, "little") + length.to_bytes(8, "little") + pattern + b"e")
        file.flush()
        world.ceph.rbd("import-diff", "--no-progress", file.name, spec(volume_id))


def checksum(world: World, what: str) -> str:
    """SHA-256 of all bytes that librbd reads from a volume or a snapshot, by its CSI id."""
    command = f"set -o pipefail; rbd export --no-progress '{spec(what)}' - | sha256sum"
    return str(world.run_in_network(["bash", "-c", command]).stdout.split()[0])
