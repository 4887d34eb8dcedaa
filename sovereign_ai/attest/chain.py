"""The log of every run: a JSON object a line, each with the hash of the one before, and each signed.

    {"at":"2026-11-24T12:00:00+00:00","evidence":"<sha256 of the payload>","hash":"…","n":0,"previous":"000…","sig":"…","subjects":{…}}

Taking out, changing or reordering a line breaks the chain at that line, and whoever has no key cannot mend it. Lines cut
off at the end leave a chain that is whole: that is why every piece of evidence says how long the log was and what stood
last in it, and `verify` holds the log against that. `at` is what the signer's own clock said; nobody stamps it.
"""

from __future__ import annotations

import base64
import binascii
import fcntl
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sovereign_ai.attest.signing import base64_text, pae, read_bytes, signed
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError, Where
from sovereign_ai.names import KEYS

FIRST = "0" * 64
"""What stands before the first line."""
_ENTRY = f"application/vnd.{KEYS.domain}.log-entry+json"


def head(log: Path) -> dict[str, Any]:
    """Give how many lines a log has and the hash of the last; a log that is not there has none.

    Raises:
        UsageError: its last line is no entry.
    """
    if not log.exists():
        return {"entries": 0, "head": FIRST}
    lines = read_bytes(log).splitlines()
    last = _entry(lines[-1]) if lines else {"hash": FIRST}
    if last is None:
        raise UsageError(
            Problem("broken-log", "the last line is no entry of a log", Where(str(log), len(lines)), "check it: evidence verify")
        )
    return {"entries": len(lines), "head": str(last["hash"])}


def append(log: Path, envelope: Mapping[str, Any], key: Ed25519PrivateKey, *, at: str) -> dict[str, Any]:
    """Add a run to the log, which is made with mode 0600; runs at the same time wait for each other.

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
    with os.fdopen(descriptor, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        before = head(log)
        if said["predicate"]["log"] != before:
            raise UsageError(Problem("log-moved", "another run was added meanwhile", Where(file=str(log)), "sign again"))
        entry = _made(before, at, payload, said, key)
        file.write(_canonical(entry) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return entry


def _made(before: Mapping[str, Any], at: str, payload: bytes, said: Mapping[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """Make a line."""
    entry: dict[str, Any] = {
        "n": before["entries"],
        "previous": before["head"],
        "at": at,
        "evidence": hashlib.sha256(payload).hexdigest(),
        "subjects": {one["name"]: one["digest"]["sha256"] for one in said["subject"]},
    }
    entry["hash"] = hashlib.sha256(_canonical(entry)).hexdigest()
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
    previous, hashes, runs = FIRST, [FIRST], []
    for number, line in enumerate(read_bytes(log).splitlines()):
        entry = _entry(line)
        wrong = "it is no entry" if entry is None else _wrong(entry, number, previous, key)
        if entry is None or wrong:
            hint = "this line, or one before it, was changed, taken out or put in; nothing after it can be believed"
            return [Problem("broken-log", f"log: line {number + 1}: {wrong}", Where(str(log), number + 1), hint)]
        previous = str(entry["hash"])
        hashes.append(previous)
        runs.append(entry["evidence"])
    return [] if said is None else _held(log, hashes, runs, said)


def _held(log: Path, hashes: list[str], runs: list[str], said: Mapping[str, Any]) -> list[Problem]:
    """Hold a statement against a log that is whole."""
    then = said["predicate"]["log"]
    number = int(then["entries"])
    if number >= len(hashes) or hashes[number] != (then["head"] or FIRST):
        message = f"log: the evidence saw {number} lines in it, and they are not these"
        return [Problem("wrong-log", message, Where(file=str(log)), "lines were cut off, or this is another factory's log")]
    digest = hashlib.sha256(_canonical(said)).hexdigest()
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
    if entry["hash"] != hashlib.sha256(_canonical(rest)).hexdigest():
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


def _canonical(data: Any) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
