"""Write container images byte for byte the same each time: layers, OCI archives, Docker archives.

A layer is a tar with sorted entries, one time and root as owner. An image is named by the digest of
its manifest, so that what was built can be asked for by content.

    layer = write_layer(path, [Entry("pause", data, 0o755)])
    image = Image(("example/pause:1",), (layer,), entrypoint=("/pause",))
    write_oci(archive, [image])
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.toolchain.fetch import this_platform

EPOCH = 1_767_225_600
"""The time of every file and image, 2026-01-01 UTC: one that is no reader's business but must be some."""
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@frozen_dataclass
class ArchiveEntry:
    """One file, link or folder of a layer.

    Attributes:
        name: its path without the leading slash.
        content: bytes; a file on disk; a text, which is a link's target; or None for a folder.
        mode: its permissions.
    """

    name: str
    content: bytes | Path | str | None
    mode: int = 0o644


@frozen_dataclass
class Layer:
    """One layer on disk.

    Attributes:
        path: the uncompressed tar.
        digest: its SHA-256, hexadecimal.
        size: its bytes.
    """

    path: Path
    digest: str
    size: int


@frozen_dataclass
class Image:
    """One image.

    Attributes:
        names: what it is called; several names are one image.
        layers: from the bottom.
        entrypoint: the program with its fixed arguments.
        cmd: arguments that a pod may replace.
        env: variables besides PATH.
        labels: what it says of itself.
        stop_signal: how its first process is told to end; empty for the usual.
    """

    names: tuple[str, ...]
    layers: tuple[Layer, ...]
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    stop_signal: str = ""

    def config(self) -> bytes:
        """Give the image's configuration."""
        system, machine = this_platform().split("/")
        run: dict[str, Any] = {"Env": [_PATH, *self.env], "WorkingDir": "/"}
        run |= {"Entrypoint": list(self.entrypoint)} if self.entrypoint else {}
        run |= {"Cmd": list(self.cmd)} if self.cmd else {}
        run |= {"Labels": dict(self.labels)} if self.labels else {}
        run |= {"StopSignal": self.stop_signal} if self.stop_signal else {}
        return orjson.dumps(
            {
                "architecture": machine,
                "os": system,
                "created": "2026-01-01T00:00:00Z",
                "config": run,
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.digest}" for layer in self.layers]},
            },
            option=orjson.OPT_SORT_KEYS,
        )

    def manifest(self) -> bytes:
        """Give the image's manifest, whose digest names the image."""
        config = self.config()
        layers = [
            {"mediaType": _LAYER, "digest": f"sha256:{layer.digest}", "size": layer.size}
            for layer in self.layers
        ]
        head = {"mediaType": _CONFIG, "digest": f"sha256:{sha256(config)}", "size": len(config)}
        return orjson.dumps(
            {"schemaVersion": 2, "mediaType": _MANIFEST, "config": head, "layers": layers},
            option=orjson.OPT_SORT_KEYS,
        )

    @property
    def digest(self) -> str:
        """The manifest's digest, `sha256:…`."""
        return f"sha256:{sha256(self.manifest())}"

    @property
    def identity(self) -> str:
        """The configuration's digest, which Docker calls the image's ID."""
        return f"sha256:{sha256(self.config())}"


def sha256(data: bytes) -> str:
    """Give the SHA-256 of bytes, hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    """Give the SHA-256 of a file, hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def layer_of(path: Path) -> Layer:
    """Take a tar that is there as a layer."""
    return Layer(path, file_sha256(path), path.stat().st_size)


def write_layer(path: Path, entries: Iterable[ArchiveEntry]) -> Layer:
    """Write a layer: entries sorted, the folders above them included."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for entry in _with_folders(entries):
            _add(tar, entry)
    return layer_of(path)


def write_oci(path: Path, images: Sequence[Image]) -> None:
    """Write an OCI archive; what images share is in it once."""
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, ArchiveEntry("oci-layout", orjson.dumps({"imageLayoutVersion": "1.0.0"})))
        for name, content in sorted(_blobs(images).items()):
            _add(tar, ArchiveEntry(f"blobs/sha256/{name}", content))
        manifests = [
            {
                "mediaType": _MANIFEST,
                "digest": image.digest,
                "size": len(image.manifest()),
                "annotations": {"io.containerd.image.name": name},
            }
            for image in images
            for name in image.names
        ]
        _add(
            tar,
            ArchiveEntry(
                "index.json",
                orjson.dumps({"schemaVersion": 2, "manifests": manifests}, option=orjson.OPT_SORT_KEYS),
            ),
        )


def write_docker(path: Path, image: Image) -> None:
    """Write an archive for `docker load`."""
    config = image.config()
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, ArchiveEntry(f"{sha256(config)}.json", config))
        for layer in image.layers:
            _add(tar, ArchiveEntry(f"{layer.digest}.tar", layer.path))
        index = {
            "Config": f"{sha256(config)}.json",
            "RepoTags": list(image.names),
            "Layers": [f"{layer.digest}.tar" for layer in image.layers],
        }
        _add(tar, ArchiveEntry("manifest.json", orjson.dumps([index])))


def _blobs(images: Iterable[Image]) -> dict[str, bytes | Path]:
    """Collect everything that images are made of, by digest."""
    found: dict[str, bytes | Path] = {}
    for image in images:
        config, manifest = image.config(), image.manifest()
        found |= {sha256(config): config, sha256(manifest): manifest}
        found |= {layer.digest: layer.path for layer in image.layers}
    return found


def _with_folders(entries: Iterable[ArchiveEntry]) -> Iterator[ArchiveEntry]:
    """Add the folders above each entry, and sort."""
    listed = {entry.name: entry for entry in entries}
    for name in list(listed):
        for folder in PurePosixPath(name).parents:
            if str(folder) != ".":
                listed.setdefault(str(folder), ArchiveEntry(str(folder), None, 0o755))
    yield from (listed[name] for name in sorted(listed))


def _add(tar: tarfile.TarFile, entry: ArchiveEntry) -> None:
    """Add one entry with the fixed time and owner."""
    info = tarfile.TarInfo(entry.name)
    info.mtime, info.mode = EPOCH, entry.mode
    if entry.content is None:
        info.type = tarfile.DIRTYPE
        tar.addfile(info)
    elif isinstance(entry.content, str):
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, entry.content, 0o777
        tar.addfile(info)
    elif isinstance(entry.content, Path):
        info.size = entry.content.stat().st_size
        with entry.content.open("rb") as source:
            tar.addfile(info, source)
    else:
        info.size = len(entry.content)
        tar.addfile(info, io.BytesIO(entry.content))
