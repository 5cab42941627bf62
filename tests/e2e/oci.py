"""Container images without a registry: one layer made from files, written as an OCI archive.

The same files give the same bytes: no times, no owners of this machine, members in order.
"""
from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

MEDIA = "application/vnd.oci.image."


@dataclass(frozen=True)
class Link:
    """A symbolic link in an image."""

    target: str


@dataclass(frozen=True)
class Folder:
    """A directory of an image that is not simply root's."""

    mode: int = 0o755
    owner: int = 0


Content = Path | bytes | Link | Folder


@dataclass(frozen=True)
class Image:
    """An image to be: its names, what lies where in it, and how it starts."""

    names: Sequence[str]
    files: Mapping[str, Content]
    entrypoint: Sequence[str] = ()
    command: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    def key(self) -> str:
        """Changes with whatever the archive is made of. Files count by size and time: reading them takes longer."""
        said = [repr((sorted(self.names), self.entrypoint, self.command, sorted(self.env.items())))]
        for path, content in sorted(self.files.items()):
            if isinstance(content, Path):
                stat = content.stat()
                said.append(f"{path} {content} {stat.st_size} {stat.st_mtime_ns} {stat.st_mode}")
            else:
                said.append(f"{path} {content!r}")
        return hashlib.sha256("\n".join(said).encode()).hexdigest()

    def write(self, archive: Path) -> None:
        """Write the archive, as `ctr images import` reads it."""
        layer = _layer(self.files)
        config = _json({"architecture": "amd64", "os": "linux", "config": self._start(),
                        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]}})
        manifest = _json({"schemaVersion": 2, "mediaType": MEDIA + "manifest.v1+json",
                          "config": _descriptor("config.v1+json", config),
                          "layers": [_descriptor("layer.v1.tar", layer)]})
        described = _descriptor("manifest.v1+json", manifest)
        named = [{**described, "annotations": {"io.containerd.image.name": name}} for name in self.names]
        index = _json({"schemaVersion": 2, "manifests": named})
        with tarfile.open(archive, "w") as out:
            _add(out, "oci-layout", 0o644, _json({"imageLayoutVersion": "1.0.0"}))
            _add(out, "index.json", 0o644, index)
            for blob in (config, manifest, layer):
                _add(out, "blobs/sha256/" + _digest(blob).removeprefix("sha256:"), 0o644, blob)

    def _start(self) -> dict[str, list[str]]:
        env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **self.env}
        start = {"Env": [f"{name}={value}" for name, value in sorted(env.items())],
                 "Entrypoint": list(self.entrypoint), "Cmd": list(self.command)}
        return {name: value for name, value in start.items() if value}


def _layer(files: Mapping[str, Content]) -> bytes:
    """The files as a tar, each after the directories that lead to it."""
    buffer = io.BytesIO()
    made: set[str] = set()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as out:
        for path, content in sorted(files.items()):
            name = path.strip("/")
            for parent in list(PurePosixPath(name).parents)[-2::-1]:
                if str(parent) not in made and not isinstance(files.get(f"/{parent}"), Folder):
                    _directory(out, str(parent), Folder())
                made.add(str(parent))
            if isinstance(content, Folder):
                _directory(out, name, content)
            elif isinstance(content, Link):
                out.addfile(_member(name, 0o777, type=tarfile.SYMTYPE, linkname=content.target))
            elif isinstance(content, bytes):
                _add(out, name, 0o755 if content.startswith(b"#!") else 0o644, content)
            else:
                _add(out, name, content.stat().st_mode & 0o7777, content.read_bytes())
    return buffer.getvalue()


def _member(name: str, mode: int, **fields: object) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mode = mode
    for key, value in fields.items():
        setattr(member, key, value)
    return member


def _directory(out: tarfile.TarFile, name: str, folder: Folder) -> None:
    out.addfile(_member(name, folder.mode, type=tarfile.DIRTYPE, uid=folder.owner, gid=folder.owner))


def _add(out: tarfile.TarFile, name: str, mode: int, data: bytes) -> None:
    out.addfile(_member(name, mode, size=len(data)), io.BytesIO(data))


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _digest(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def _descriptor(kind: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": MEDIA + kind, "digest": _digest(blob), "size": len(blob)}
