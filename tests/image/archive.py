"""The image as one file, an OCI archive that says its own name; and out of it again, as a container would see it."""
from __future__ import annotations

import io
import json
import pathlib
import subprocess
import tarfile
from typing import Any

import debian_root

Json = dict[str, Any]


def add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    """A file without time or owner: the archive of the same image is the same file."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o644
    archive.addfile(entry, io.BytesIO(content))


def pack(layout: pathlib.Path, reference: str, target: pathlib.Path) -> None:
    """An OCI layout as a file. Its name stands in it twice: containerd reads the first, podman the second."""
    index = json.loads((layout / "index.json").read_text())
    index["manifests"][0]["annotations"] = {"io.containerd.image.name": reference,
                                            "org.opencontainers.image.ref.name": reference}
    part = target.with_suffix(".part")
    with tarfile.open(part, "w") as archive:
        add(archive, "oci-layout", (layout / "oci-layout").read_bytes())
        add(archive, "index.json", json.dumps(index, sort_keys=True).encode())
        for blob in sorted((layout / "blobs/sha256").iterdir()):
            add(archive, f"blobs/sha256/{blob.name}", blob.read_bytes())
    part.rename(target)


def blob(archive: tarfile.TarFile, digest: str) -> bytes:
    """One blob by its digest."""
    content = archive.extractfile("blobs/" + digest.replace(":", "/"))
    assert content is not None
    return content.read()


def unpack(source: pathlib.Path, root: pathlib.Path) -> Json:
    """The file system of an archive, in place of what was there; the image's configuration."""
    debian_root.remove(root)
    root.mkdir(parents=True)
    with tarfile.open(source) as archive:
        index = archive.extractfile("index.json")
        assert index is not None
        manifest = json.loads(blob(archive, json.load(index)["manifests"][0]["digest"]))
        for layer in manifest["layers"]:
            subprocess.run(["tar", "-x", "-z", "-p", "--same-owner", "-C", str(root)], check=True,
                           input=blob(archive, layer["digest"]))
        config: Json = json.loads(blob(archive, manifest["config"]["digest"]))
    return config
