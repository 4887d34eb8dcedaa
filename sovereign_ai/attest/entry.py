"""One line of the log of every run: made, read and checked.

    {"at":"2026-11-24T12:00:00+00:00","evidence":"<sha256>","hash":"…","n":0,"previous":"000…","sig":"…",…}

The hash covers every member but itself and the signature, in canonical JSON; the signature covers the hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sovereign_ai.attest.signing import Signer, base64_text, is_signed, pae
from sovereign_ai.key_material import RefusedKeyError, exact_base64
from sovereign_ai.names import KEYS

FIRST = "0" * 64
"""The hash before the first line."""
_ENTRY = f"application/vnd.{KEYS.domain}.log-entry+json"
_TYPES = {"n": int, "previous": str, "at": str, "evidence": str, "subjects": dict, "hash": str, "sig": str}
"""The members of a line."""


def make_entry(
    number: int,
    previous: str,
    at: str,
    payload: bytes,
    statement: Mapping[str, Any],
    key: Signer,
    notes: Mapping[str, str],
) -> dict[str, Any]:
    """Return a new line.

    Args:
        number: its number, from zero.
        previous: hash of the line before it.
        at: its time.
        payload: the signed statement's bytes.
        statement: the same as data.
        key: signs the line.
        notes: further subjects.
    """
    subjects = {}
    for subject in statement["subject"]:
        subjects[subject["name"]] = subject["digest"]["sha256"]
    entry: dict[str, Any] = {
        "n": number,
        "previous": previous,
        "at": at,
        "evidence": sha256(payload),
        "subjects": {**subjects, **notes},
    }
    entry["hash"] = sha256(canonical(entry))
    signature = key.sign(pae(_ENTRY, entry["hash"].encode()))
    entry["sig"] = base64_text(signature)
    return entry


def subjects_with_prefix(entry: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """Return the subjects of a line that begin with a prefix, without it, with their digests."""
    subjects: dict[str, str] = {}
    for name, digest in entry["subjects"].items():
        if name.startswith(prefix):
            subjects[name.removeprefix(prefix)] = digest
    return subjects


def entry_fault(entry: Mapping[str, Any], number: int, previous: str, key: Ed25519PublicKey) -> str:
    """Return what is wrong with a line; empty if nothing."""
    if entry["n"] != number:
        return f"it has the number of line {entry['n'] + 1}"
    if entry["previous"] != previous:
        return "it does not follow from the line before"
    if not _hash_fits(entry):
        return "its text was changed"
    try:
        signature = exact_base64(entry["sig"])
    except RefusedKeyError:
        return "its signature is none"
    if not is_signed(key, signature, pae(_ENTRY, entry["hash"].encode())):
        return "no signature of this key fits it"
    return ""


def read_entry(line: bytes) -> dict[str, Any] | None:
    """Return a line as data; None if it is no entry.

    Only the text that `canonical` writes is one. The hash covers what was read, so a second member of a name,
    which one program reads and another passes over, would be covered by no signature.
    """
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(entry, dict):
        return None
    types = {}
    for name, value in entry.items():
        types[name] = type(value)
    if types != _TYPES or not _is_moment(entry["at"]):
        return None
    digests = entry["subjects"].values()
    if not all(isinstance(digest, str) for digest in digests):
        return None
    # Only now: lists that nest deeper than the writer goes, which the reader takes, are none of these.
    return entry if line.removesuffix(b"\n") == canonical(entry) else None


def is_whole(line: bytes) -> bool:
    """Return whether a line is an entry whose hash is that of its text.

    Of a line that reached the disk in parts only, it is not, whatever stands in the other parts.
    """
    entry = read_entry(line)
    return entry is not None and _hash_fits(entry)


def _hash_fits(entry: Mapping[str, Any]) -> bool:
    """Return whether the hash of an entry is that of its other members."""
    hashed = {name: value for name, value in entry.items() if name not in {"hash", "sig"}}
    return bool(entry["hash"] == sha256(canonical(hashed)))


def _is_moment(text: str) -> bool:
    """Return whether a text is a time with an offset."""
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def is_torn(line: bytes) -> bool:
    """Return whether a line, if it is the last one, was cut off: it is no JSON."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return True
    return False


def sha256(raw: bytes) -> str:
    """Return the SHA-256 of bytes, hexadecimal."""
    return hashlib.sha256(raw).hexdigest()


def canonical(data: Any) -> bytes:
    """Return data as canonical JSON: without blanks, keys sorted."""
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
