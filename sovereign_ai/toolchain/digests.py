"""The digest of a tool, recorded when it is installed and compared whenever it is used.

A program that is run as the API server or as the engine must be the one that was installed. Hashing all of
them takes a second or two, so a digest is computed only where the file's state differs from the recorded
one: its inode, size, and the times of its last change. The kernel sets the time of a status change; no
account can set it back.

A compiler runs programs that lie beside it, and the files of a module are read and applied to a cluster. So
a folder has a digest as well, over the name, the kind and the contents of everything in it.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.errors import EnvironmentLacksError, Problem, SovereignError, Where
from sovereign_ai.files import STATE, TOOL, parse_json, pieces, read
from sovereign_ai.files.writing import write_private


def verified_digest(path: Path, record: Path, *, next_step: str) -> str:
    """Return the SHA-256 of a tool, hexadecimal.

    Args:
        path: the binary, or the folder of a tool that has several files.
        record: where its digest is recorded; one that is not there yet is made, for a tool that an earlier
            version installed.
        next_step: what to do where the tool is another than the recorded one.

    Raises:
        EnvironmentLacksError: it is another, the record is damaged, or one of the two cannot be read.
    """
    state = _state(path)
    known = _recorded(record)
    if known is not None and known["state"] == state:
        return str(known["sha256"])
    digest = _hashed(path)
    if known is not None and known["sha256"] != digest:
        message = f"{path} is another program than the one that was installed"
        raise EnvironmentLacksError(Problem("tool-changed", message, Where(str(record)), next_step))
    write_private(record, orjson.dumps({"sha256": digest, "state": state}), durable=False)
    return digest


def _state(path: Path) -> list[int | str]:
    """Return what changes whenever a file is written, replaced or renamed; for a folder, any file in it."""
    if not path.is_dir():
        status = path.stat()
        return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    states = hashlib.sha256()
    for name, part in _parts(path):
        status = part.lstat()
        line = (name, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        states.update(orjson.dumps(line))
    return [states.hexdigest()]


def _hashed(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names, kinds and contents of everything in a folder."""
    if not path.is_dir():
        return file_sha256(path)
    whole = hashlib.sha256()
    for name, part in _parts(path):
        mode = part.lstat().st_mode
        contents = ""
        if stat.S_ISREG(mode):
            contents = file_sha256(part)
        elif stat.S_ISLNK(mode):
            contents = str(part.readlink())
        whole.update(orjson.dumps((name, stat.S_IFMT(mode), contents)))
    return whole.hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a tool's file, hexadecimal.

    Raises:
        EnvironmentLacksError: it cannot be read, or is no regular file.
    """
    digest = hashlib.sha256()
    for piece in pieces(path, TOOL):
        digest.update(piece)
    return digest.hexdigest()


def _parts(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield everything below a folder, links not followed, with its path from there, in a fixed order."""
    # The file system gives them in any order, and the digest needs one.
    for part in sorted(folder.rglob("*")):
        yield str(part.relative_to(folder)), part


def _recorded(record: Path) -> dict[str, Any] | None:
    """Return what is recorded; None where nothing is.

    Raises:
        EnvironmentLacksError: the record is damaged.
    """
    if not record.exists():
        return None
    try:
        data = parse_json(read(record, STATE), str(record), STATE).data
        if isinstance(data["sha256"], str) and isinstance(data["state"], list):
            return {"sha256": data["sha256"], "state": data["state"]}
    except (SovereignError, KeyError, TypeError):
        pass
    hint = (
        "remove the file if you trust the tool, else the tool's own folder beside it,"
        " and run `sovereign-ai tools install`"
    )
    raise EnvironmentLacksError(
        Problem("tool-record-damaged", "it does not say which tool was installed", Where(str(record)), hint)
    )
