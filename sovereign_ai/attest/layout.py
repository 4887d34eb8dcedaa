"""The layout of signed statements: a statement of another layout is reported, and never breaks a reader.

>>> first_deviation({"subject": [], "predicateType": PREDICATE, "predicate": {}})
'subject is empty'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from sovereign_ai.names import KEYS

STATEMENT = "https://in-toto.io/Statement/v1"
"""Type of an in-toto statement, version 1."""
# The types below are private names; no page exists at these addresses.
PREDICATE = f"https://{KEYS.domain}/evidence/v1"
"""Type of the predicate of a statement about a run."""
ACCESS = f"https://{KEYS.domain}/access/v1"
"""Type of the predicate of a statement about break-glass access."""
KEY = f"https://{KEYS.domain}/key/v1"
"""Type of the predicate of a statement about the key that signs the log from here on."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_GRANT = ("id", "person", "approver", "reason", "seat", "namespace", "kind", "begins", "ends")
"""Members that each grant of access has; all are text, and so are any others."""


def first_deviation(statement: Mapping[str, Any]) -> str:
    """Return the first deviation of a statement from its layout; empty if there is none."""
    return next(_deviations(statement), "")


def _deviations(statement: Mapping[str, Any]) -> Iterator[str]:
    """Yield each member that is laid out otherwise."""
    subjects = statement.get("subject")
    if not isinstance(subjects, list):
        yield "subject is no list"
        return
    if not subjects:
        yield "subject is empty"
        return
    yield from _subject_deviations(subjects)
    predicate = statement.get("predicate")
    if not isinstance(predicate, dict):
        yield "predicate is no object"
        return
    if not isinstance(predicate.get("factory"), str):
        yield "predicate.factory is no text"
    if not _is_log(predicate.get("log")):
        yield "predicate.log has no number of entries and head"
    kind = statement.get("predicateType")
    if kind == ACCESS:
        yield from _access_deviations(predicate)
    elif kind == KEY:
        yield from _text_deviations(predicate, ("old", "new", "until", "at"), "predicate")
    else:
        yield from _evidence_deviations(predicate)


def _subject_deviations(subjects: Iterable[Any]) -> Iterator[str]:
    """Yield what is wrong with the subjects."""
    names: set[str] = set()
    for number, subject in enumerate(subjects):
        if not _is_subject(subject):
            yield f"subject[{number}] has no name with a SHA-256 alone"
        elif subject["name"] in names:
            # One reader would compare the first of them, and another the last.
            yield f"subject[{number}] has the name of one before it"
        else:
            names.add(subject["name"])


def _is_subject(subject: Any) -> bool:
    """Return whether a value is a subject: a name with a SHA-256, and nothing that no reader compares."""
    if not isinstance(subject, dict) or {*subject} != {"name", "digest"}:
        return False
    digest = subject["digest"]
    if not isinstance(subject["name"], str) or not isinstance(digest, dict) or {*digest} != {"sha256"}:
        return False
    return isinstance(digest["sha256"], str) and _SHA256.fullmatch(digest["sha256"]) is not None


def _is_log(log: Any) -> bool:
    """Return whether a value states the number of a log's entries, and its head."""
    if not isinstance(log, dict) or not isinstance(log.get("head"), str):
        return False
    entries = log.get("entries")
    # In Python a truth value is a number, too.
    return isinstance(entries, int) and not isinstance(entries, bool) and entries >= 0


def _evidence_deviations(predicate: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a statement about a run."""
    yield from _item_deviations(predicate.get("items"))
    for name in ("description", "verdict", "observation"):
        if not isinstance(predicate.get(name, {}), dict):
            yield f"predicate.{name} is no object"
    if not _is_day(predicate.get("date")):
        yield "predicate.date is no day"


def _is_day(value: Any) -> bool:
    """Return whether a value is a day, written as 2026-11-24 and in no other way of ISO 8601."""
    try:
        return isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _item_deviations(items: Any) -> Iterator[str]:
    """Yield what is wrong with the digests of single parts."""
    if not isinstance(items, dict):
        yield "predicate.items is no object"
        return
    for name, parts in items.items():
        if not isinstance(parts, dict) or not all(isinstance(digest, str) for digest in parts.values()):
            yield f"predicate.items.{name} is no object of digests"


def _access_deviations(predicate: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a statement about break-glass access."""
    yield from _text_deviations(predicate, ("cluster", "event", "at"), "predicate")
    grant = predicate.get("access")
    if not isinstance(grant, dict):
        yield "predicate.access is no object"
        return
    yield from _text_deviations(grant, {**dict.fromkeys(_GRANT), **grant}, "predicate.access")


def _text_deviations(data: Mapping[str, Any], names: Iterable[str], path: str) -> Iterator[str]:
    """Yield each of some members that is no text."""
    for name in names:
        if not isinstance(data.get(name), str):
            yield f"{path}.{name} is no text"
