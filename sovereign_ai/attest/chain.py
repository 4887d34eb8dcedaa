"""The log of every run: a JSON object a line, each with the hash of the one before, and each signed.

    {"at":"2026-11-24T12:00:00+00:00","evidence":"<sha256 of the payload>","hash":"…","n":0,"previous":"000…","sig":"…","subjects":{…}}

Taking out, changing or reordering a line breaks the chain at that line, and whoever has no key cannot mend it. Lines cut
off at the end leave a chain that is whole: that is why every piece of evidence says how long the log was and what stood
last in it, and `verify` holds the log against that. `at` is what the signer's own clock said; nobody stamps it.

A power cut may leave the last line half written; half of a line is no JSON. The next run puts it, byte for byte, into a file
beside the log and notes that file with its digest under its own signature, so that the log goes on and nobody tears off a
line unseen. A line that can be read is never set aside, whatever is wrong with it.

    lab.jsonl.torn-3-9f86d081-60303ae2      what stood in line 3, after the line whose hash begins with 9f86d081
    "subjects":{"torn/lab.jsonl.torn-3-9f86d081-60303ae2":"60303ae2…",…}
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import glob
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sovereign_ai.attest.signing import base64_text, pae, read_bytes, read_lines, signed
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, Where
from sovereign_ai.names import KEYS

FIRST = "0" * 64
"""What stands before the first line."""
_ENTRY = f"application/vnd.{KEYS.domain}.log-entry+json"
_TORN = "torn/"
"""How the subject of a line begins that notes what was set aside."""


@dataclass(frozen=True, slots=True)
class _End:
    """How a log ends.

    Attributes:
        entries: how many lines it has.
        head: hash of the last.
        size: the bytes up to its end.
        ended: whether that line has its end.
        torn: what stands after it: a line that was cut off while it was written; empty if none was.
    """

    entries: int = 0
    head: str = FIRST
    size: int = 0
    ended: bool = True
    torn: bytes = b""


def head(log: Path) -> dict[str, Any]:
    """Give how many lines a log has and the hash of the last; a log that is not there has none.

    A last line that was cut off while it was written is none.

    Raises:
        UsageError: its last line is no entry.
        EnvironmentLacksError: the file cannot be read.
    """
    end = _end(log)
    return {"entries": end.entries, "head": end.head}


def _end(log: Path) -> _End:
    """See how a log ends.

    Raises:
        UsageError: its last line is no entry.
        EnvironmentLacksError: the file cannot be read.
    """
    if not log.exists():
        return _End()
    count, size, before, last = 0, 0, b"", b""
    for line in read_lines(log):
        count, size, before, last = count + 1, size + len(line), last, line
    torn = last if last and _torn(last) else b""
    if torn:
        count, size, last = count - 1, size - len(torn), before
    if not count:
        return _End(torn=torn)
    entry = _entry(last)
    if entry is None:
        hint = "check it: evidence verify; to go on, move it away, keep it as it is, and a new log begins"
        raise UsageError(Problem("broken-log", "the last line is no entry of a log", Where(str(log), count), hint))
    return _End(count, str(entry["hash"]), size, last.endswith(b"\n"), torn)


def append(log: Path, envelope: Mapping[str, Any], key: Ed25519PrivateKey, *, at: str) -> dict[str, Any]:
    """Add a run to the log, which is made with mode 0600; runs at the same time wait for each other.

    The line is on the disk when this returns, and where it fails the log is as it was. A line that was cut off before it is set
    aside and noted.

    Args:
        log: the file.
        envelope: the signed evidence of the run.
        key: signs the line.
        at: when, in ISO 8601 with an offset.

    Raises:
        EnvironmentLacksError: the file cannot be written.
        UsageError: the log has grown since the evidence was made, so that the evidence names another head.
    """
    payload = base64.b64decode(envelope["payload"])
    said = orjson.loads(payload)
    try:
        log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError as error:
        raise EnvironmentLacksError(Problem("no-log", f"{log}: {error.strerror}", hint="name a folder that can be written")) from None
    with os.fdopen(descriptor, "ab", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = _end(log)
        if said["predicate"]["log"] != {"entries": end.entries, "head": end.head}:
            raise UsageError(Problem("log-moved", "another run was added meanwhile", Where(file=str(log)), "sign again"))
        if end.torn:
            _put(log.with_name(f"{_aside(log, end)}{_sha256(end.torn)[:8]}"), end.torn)
        entry = _made(end, at, payload, said, key, _notes(log, end))
        _settle(log.parent)
        _add(file, end, _canonical(entry) + b"\n")
    return entry


def holds(log: Path, envelope: Mapping[str, Any]) -> bool:
    """Tell whether a run stands in the log, by the digest of its signed evidence; a log that is not there holds none.

    Raises:
        EnvironmentLacksError: the file cannot be read.
    """
    digest = _sha256(base64.b64decode(envelope["payload"]))
    entries = (_entry(line) for line in read_lines(log)) if log.exists() else ()
    return any(entry is not None and entry["evidence"] == digest for entry in entries)


def _add(file: FileIO, end: _End, line: bytes) -> None:
    """Write a line after the last, in place of what was cut off there, and wait for the disk; where that fails take it back."""
    rest = memoryview(line if end.ended else b"\n" + line)
    try:
        if end.torn:
            file.truncate(end.size)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())
    except BaseException:
        with contextlib.suppress(OSError):
            file.truncate(end.size)
        raise


def _put(path: Path, raw: bytes) -> None:
    """Write a file of mode 0600 and wait until it is on the disk."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where its file system can say so."""
    descriptor = os.open(folder, os.O_RDONLY)
    with contextlib.suppress(OSError):
        os.fsync(descriptor)
    os.close(descriptor)


def _aside(log: Path, end: _End) -> str:
    """Give how the names begin of files with what was cut off after the end of a log."""
    return f"{log.name}.torn-{end.entries + 1}-{end.head[:8]}-"


def _notes(log: Path, end: _End) -> dict[str, str]:
    """Name what was set aside after the end of a log, with its digests; also that of a run that came no further than this."""
    found = sorted(one for one in log.parent.glob(f"{glob.escape(_aside(log, end))}*") if one.is_file())
    return {f"{_TORN}{one.name}": _sha256(read_bytes(one)) for one in found}


def _made(end: _End, at: str, payload: bytes, said: Mapping[str, Any], key: Ed25519PrivateKey, notes: Mapping[str, str]) -> dict[str, Any]:
    """Make a line."""
    entry: dict[str, Any] = {
        "n": end.entries,
        "previous": end.head,
        "at": at,
        "evidence": _sha256(payload),
        "subjects": {**{one["name"]: one["digest"]["sha256"] for one in said["subject"]}, **notes},
    }
    entry["hash"] = _sha256(_canonical(entry))
    return {**entry, "sig": base64_text(key.sign(pae(_ENTRY, entry["hash"].encode())))}


def verify(log: Path, key: Ed25519PublicKey, said: Mapping[str, Any] | None = None) -> list[Problem]:
    """Check the whole log, and that it holds what evidence says of it; the first problem is the first line that changed.

    Args:
        log: the file.
        key: the public key that must have signed every line.
        said: a statement that was opened by `evidence.opened`; its run and the head before it must stand in the log.

    Raises:
        EnvironmentLacksError: the file cannot be read.
    """
    previous, hashes, runs, torn = FIRST, [FIRST], [], []
    lines = read_lines(log)
    for number, line in enumerate(lines):
        entry = _entry(line)
        wrong = "it is no entry" if entry is None else _wrong(entry, number, previous, key)
        if _torn(line) and next(lines, None) is None:
            hint = "a power cut, a kill or a hand left it so; the lines before it are whole; the next `evidence sign` sets it aside and notes it"
            message = f"log: line {number + 1}: it was cut off while it was written, and {len(line)} bytes of it are there"
            torn = [Problem("torn-log", message, Where(str(log), number + 1), hint)]
            break
        if entry is None or wrong:
            hint = "this line, or one before it, was changed, taken out or put in; nothing after it can be believed"
            return [Problem("broken-log", f"log: line {number + 1}: {wrong}", Where(str(log), number + 1), hint)]
        previous = str(entry["hash"])
        hashes.append(previous)
        runs.append(entry["evidence"])
    return torn if said is None else torn + _held(log, hashes, runs, said)


def set_aside(log: Path) -> tuple[list[str], list[Problem]]:
    """Say what of a log was cut off and set aside, and what of that is no longer beside the log as it was noted.

    Args:
        log: the file, which `verify` has found whole.
    """
    told: list[str] = []
    problems: list[Problem] = []
    for number, line in enumerate(read_lines(log), 1):
        for name, digest in _torn_of(orjson.loads(line)).items():
            told.append(f"log: line {number}: a line before it was cut off and is kept in {name}")
            path = log.parent / name
            if Path(name).name != name or not path.is_file():
                hint = "ask the operator for it and put it beside the log"
                problems.append(Problem("no-torn", f"log: line {number}: {name} is not beside the log", Where(str(log), number), hint))
            elif _sha256(read_bytes(path)) != digest:
                hint = "it was changed after it was noted; ask the operator for the file as it was"
                message = f"log: line {number}: {name} is not what was set aside"
                problems.append(Problem("wrong-torn", message, Where(str(log), number), hint))
    return told, problems


def noted(log: Path, entry: Mapping[str, Any]) -> list[str]:
    """Say what was set aside when a line was added."""
    return [f"the line before it was cut off while it was written: set aside as {log.with_name(name)}" for name in _torn_of(entry)]


def _torn_of(entry: Mapping[str, Any]) -> dict[str, str]:
    """Give the files that a line notes as set aside, with their digests."""
    return {name.removeprefix(_TORN): digest for name, digest in entry["subjects"].items() if name.startswith(_TORN)}


def _held(log: Path, hashes: list[str], runs: list[str], said: Mapping[str, Any]) -> list[Problem]:
    """Hold a statement against a log that is whole."""
    then = said["predicate"]["log"]
    number = int(then["entries"])
    if number >= len(hashes) or hashes[number] != (then["head"] or FIRST):
        message = f"log: the evidence saw {number} lines in it, and they are not these"
        return [Problem("wrong-log", message, Where(file=str(log)), "lines were cut off, or this is another factory's log")]
    digest = _sha256(_canonical(said))
    if number >= len(runs) or runs[number] != digest:
        message = f"log: line {number + 1} must be this evidence's own run, and is not"
        return [Problem("wrong-log", message, Where(file=str(log)), "lines were cut off, or the evidence was never logged")]
    return []


def _wrong(entry: Mapping[str, Any], number: int, previous: str, key: Ed25519PublicKey) -> str:
    """Say what is wrong with a line; empty if nothing."""
    if entry["n"] != number:
        return f"it says that it is line {entry['n'] + 1}" if isinstance(entry["n"], int) else "it has no number"
    if entry["previous"] != previous:
        return "it does not follow from the line before"
    rest = {name: value for name, value in entry.items() if name not in {"hash", "sig"}}
    if entry["hash"] != _sha256(_canonical(rest)):
        return "its text was changed"
    try:
        signature = base64.b64decode(entry["sig"], validate=True)
    except (TypeError, ValueError, binascii.Error):
        return "its signature is none"
    return "" if signed(key, signature, pae(_ENTRY, entry["hash"].encode())) else "no signature of this key fits it"


def _entry(line: bytes) -> dict[str, Any] | None:
    """Read a line; None if it is no entry."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    names = {"n", "previous", "at", "evidence", "subjects", "hash", "sig"}
    return found if isinstance(found, dict) and set(found) == names else None


def _torn(line: bytes) -> bool:
    """Tell whether a line, if it is the last, was cut off: it is no JSON."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return True
    return False


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _canonical(data: Any) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
