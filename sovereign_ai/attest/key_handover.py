"""The keys of a log: the first one signs its lines until it hands over to the next.

A hand-over is a statement that the old and the new key both sign, with its own line in the log. The old key
vouches for the new one, and the new key for the log as it was, so that a reader who trusts either of them can
check every line.

    log: signed from line 1 by key 9f86d0818843, from line 42 by key 60303ae22b99, until 2027-12-31

A key may have a last day. It is refused from the next day on, and a line that it signed later is a finding.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Protocol

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sovereign_ai import __version__
from sovereign_ai.attest.evidence import open_envelope, read_envelope
from sovereign_ai.attest.layout import KEY, STATEMENT
from sovereign_ai.attest.line_agreement import time_differences
from sovereign_ai.attest.signing import key_id
from sovereign_ai.errors import Problem, SovereignError, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.key_material import RefusedKeyError, ed25519_key, exact_base64

SUBJECT = "key/"
"""Prefix of the subject of a line that hands over."""
_ID = re.compile(r"[0-9a-f]{64}")
"""A key's identifier; it becomes part of a file's name."""


class Line(Protocol):
    """The members of a log's line that a search for hand-overs reads."""

    @property
    def number(self) -> int:
        """Its number, from zero."""

    @property
    def evidence(self) -> str:
        """SHA-256 of the statement."""

    @property
    def subjects(self) -> Mapping[str, str]:
        """Digest by name."""

    @property
    def at(self) -> str:
        """Its time."""


@frozen_dataclass
class HandoverStep:
    """One hand-over.

    Attributes:
        number: number of its line, from zero; the old key signs it.
        old: the key before.
        new: the key after.
        until: last day of the new key; None if it has none.
        head: hash of the line before, as the statement names it.
        factory: the factory that the statement names.
    """

    number: int
    old: Ed25519PublicKey
    new: Ed25519PublicKey
    until: date | None
    head: str
    factory: str


@frozen_dataclass
class SigningKeys:
    """The keys of a log, oldest first.

    Attributes:
        first: the key of the first line.
        steps: the hand-overs.
    """

    first: Ed25519PublicKey
    steps: tuple[HandoverStep, ...] = ()

    def at(self, number: int) -> Ed25519PublicKey:
        """Return the key that signs a line."""
        step = self._last(number)
        return self.first if step is None else step.new

    def until(self, number: int) -> date | None:
        """Return the last day of the key that signs a line; None if it has none."""
        step = self._last(number)
        return None if step is None else step.until

    def expired(self, number: int, at: str) -> bool:
        """Return whether the key of a line had ended when the line was written.

        Days are those of UTC: whoever signs chooses the offset of a time.
        """
        until = self.until(number)
        # Compared as moments: one of the first or last year has none in UTC.
        return until is not None and datetime.fromisoformat(at) > datetime.combine(until, time.max, UTC)

    def lines(self) -> list[str]:
        """Return in words which key signs from which line on; nothing for a log with one key."""
        if not self.steps:
            return []
        names = [f"from line 1 by key {key_id(self.first)[:12]}"]
        for step in self.steps:
            end = f", until {step.until}" if step.until else ""
            # The old key signs the line of the hand-over itself; people count lines from 1.
            names.append(f"from line {step.number + 2} by key {key_id(step.new)[:12]}{end}")
        return [f"log: signed {', '.join(names)}"]

    def _last(self, number: int) -> HandoverStep | None:
        """Return the last hand-over before a line; None if there is none."""
        last: HandoverStep | None = None
        for step in self.steps:
            if step.number < number:
                last = step
        return last


def public_text(key: Ed25519PublicKey) -> str:
    """Return a public key as base64 of its SubjectPublicKeyInfo."""
    raw = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(raw).decode()


def handover(
    old: Ed25519PublicKey,
    new: Ed25519PublicKey,
    *,
    factory: str,
    until: date | None,
    at: datetime,
    log: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the statement of a hand-over, to be signed by both keys.

    Args:
        old: the key that signs up to here.
        new: the key that signs from here on; the old one, where only its last day changes.
        factory: the factory's name.
        until: last day of the new key; None for no end.
        at: when, with an offset.
        log: head of the log, as `chain.head` returns it.
    """
    new_id = key_id(new)
    predicate = {
        "factory": factory,
        "old": public_text(old),
        "new": public_text(new),
        "until": until.isoformat() if until else "",
        "at": at.isoformat(timespec="seconds"),
        "tool": f"sovereign-ai {__version__}",
        "log": dict(log),
    }
    return {
        "_type": STATEMENT,
        "subject": [{"name": f"{SUBJECT}{new_id}", "digest": {"sha256": new_id}}],
        "predicateType": KEY,
        "predicate": predicate,
    }


def handover_file(log: Path, number: int, id_: str) -> Path:
    """Return the file of a hand-over's signed statement, beside the log."""
    return log.parent / f"key-{log.stem}-{number + 1}-{id_[:16]}.json"


def read_keys(log: Path, lines: Iterator[Line], key: Ed25519PublicKey) -> tuple[SigningKeys, list[Problem]]:
    """Return the keys of a log from one that the reader trusts, and what is wrong with its hand-overs.

    Args:
        log: the log's file; the statements of hand-overs are beside it.
        lines: its lines, which need not be whole.
        key: the key that the reader trusts: any that signed a part of the log.
    """
    steps: list[HandoverStep] = []
    for line in lines:
        for name in line.subjects:
            if not name.startswith(SUBJECT):
                continue
            id_ = name.removeprefix(SUBJECT)
            try:
                step = _step(log, line, id_, steps[-1].new if steps else None)
            except _BadHandoverError as error:
                message = f"log: line {line.number + 1}: {error}"
                file = handover_file(log, line.number, id_).name
                hint = f"ask the operator for {file} as it was signed, and put it beside the log"
                where = Where(str(log), line.number + 1)
                return SigningKeys(key), [Problem("bad-handover", message, where, hint)]
            steps.append(step)
    known: set[str] = set()
    for step in steps:
        known.add(key_id(step.old))
        known.add(key_id(step.new))
    # Where the trusted key is none of these, no line will fit it; the reader learns that from the first line.
    if key_id(key) not in known:
        return SigningKeys(key), []
    return SigningKeys(steps[0].old, tuple(steps)), []


class _BadHandoverError(Exception):
    """A statement of a hand-over cannot be believed; the message says why."""


def _step(log: Path, line: Line, id_: str, in_force: Ed25519PublicKey | None) -> HandoverStep:
    """Return the hand-over of a line; both keys must have signed its statement.

    Args:
        log: the log's file.
        line: the line.
        id_: the new key's identifier, as the line has it.
        in_force: the key before; None if this is the first hand-over.

    Raises:
        _BadHandoverError: they have not, or it is the statement of something else.
    """
    envelope, keys = _recorded(log, line, id_)
    try:
        old, new = ed25519_key(keys["old"]), ed25519_key(keys["new"])
    except RefusedKeyError as error:
        raise _BadHandoverError(f"a key of its hand-over may not be trusted: {error}") from None
    if in_force is not None and key_id(old) != key_id(in_force):
        raise _BadHandoverError("the key that hands over is not the one that was in force")
    if key_id(new) != id_:
        raise _BadHandoverError("the statement of its hand-over is about another key")
    for signer in (old, new):
        statement, problems = open_envelope(envelope, signer, (KEY,))
        if problems:
            raise _BadHandoverError(f"its hand-over is not signed by key {key_id(signer)[:12]}")
    predicate = statement["predicate"]
    log_then = predicate["log"]
    # A statement of one line must not be copied to another.
    if log_then["entries"] != line.number:
        raise _BadHandoverError("its hand-over was signed for another line")
    for difference in time_differences(statement, line.at):
        raise _BadHandoverError(difference)
    until = date.fromisoformat(predicate["until"]) if predicate["until"] else None
    return HandoverStep(line.number, old, new, until, log_then["head"], predicate["factory"])


def _recorded(log: Path, line: Line, id_: str) -> tuple[dict[str, Any], dict[str, object]]:
    """Return the envelope of a hand-over that a line records, and the keys that it names, before any check.

    Raises:
        _BadHandoverError: it is not beside the log, or is another.
    """
    if not _ID.fullmatch(id_):
        raise _BadHandoverError("it hands over to something that is no key")
    try:
        envelope = read_envelope(handover_file(log, line.number, id_))
        payload = exact_base64(envelope["payload"])
        predicate = orjson.loads(payload)["predicate"]
        keys = {"old": predicate["old"], "new": predicate["new"]}
    except (SovereignError, KeyError, TypeError, ValueError):
        raise _BadHandoverError("the signed statement of its hand-over is not beside the log") from None
    if hashlib.sha256(payload).hexdigest() != line.evidence:
        raise _BadHandoverError("the statement of its hand-over is not the one that was recorded")
    return envelope, keys
