"""Break-glass access in the chain of all runs: each grant and each early end is a signed line of it.

What is signed is an in-toto statement about the grant's own facts; the chain holds its digest, and the envelope
stands beside the chain, so that it outlives the cluster. `statements` opens all of them again, offline.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sovereign_ai import __version__
from sovereign_ai.attest import chain
from sovereign_ai.attest.evidence import STATEMENT, envelope_of, opened, sign
from sovereign_ai.attest.signing import read_lines
from sovereign_ai.cluster.state import write_json
from sovereign_ai.errors import Problem, SovereignError, UsageError, Where
from sovereign_ai.names import KEYS

ACCESS = f"https://{KEYS.domain}/access/v1"
"""Type of what our statement says about break-glass access; a private name, which leads nowhere."""
_SUBJECT = "access/"
_EVENTS = ("granted", "revoked")


def record(
    log: Path,
    facts: Mapping[str, Any],
    event: Literal["granted", "revoked"],
    *,
    factory: str,
    cluster: str,
    key: Ed25519PrivateKey,
    now: datetime,
) -> tuple[dict[str, Any], Path]:
    """Add a grant, or its early end, to the chain.

    Args:
        log: the chain's file.
        facts: the grant as plain data, with its `id`.
        event: what happened to it.
        factory: the factory's name.
        cluster: the plan's name for the cluster.
        key: signs the statement and the line; the same as for evidence, since one key signs a chain.
        now: when, with an offset.

    Returns:
        The line, and the file of the signed statement.

    Raises:
        EnvironmentLacksError: the chain cannot be written.
        UsageError: it is recorded already, another run was added meanwhile, or the chain's last line is none.
    """
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(log.parent):
        if is_recorded(log, str(facts["id"]), event):
            raise UsageError(Problem("access-recorded", f"that grant {facts['id']} was {event} is recorded in {log} already"))
        return _added(log, facts, event, factory, cluster, key, now)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a folder against whoever else records something there."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _added(
    log: Path, facts: Mapping[str, Any], event: str, factory: str, cluster: str, key: Ed25519PrivateKey, now: datetime
) -> tuple[dict[str, Any], Path]:
    """Write the statement and its line; what a try left that broke off in between is written over."""
    digest = hashlib.sha256(orjson.dumps(dict(facts), option=orjson.OPT_SORT_KEYS)).hexdigest()
    said = {
        "_type": STATEMENT,
        "subject": [{"name": f"access/{facts['id']}", "digest": {"sha256": digest}}],
        "predicateType": ACCESS,
        "predicate": {
            "factory": factory,
            "cluster": cluster,
            "event": event,
            "access": dict(facts),
            "at": now.isoformat(timespec="seconds"),
            "tool": f"sovereign-ai {__version__}",
            "log": chain.head(log),
        },
    }
    envelope = sign(said, key)
    path = _beside(log, str(facts["id"]), event)
    write_json(path, envelope)
    try:
        return chain.append(log, envelope, key, at=now.isoformat(timespec="seconds")), path
    except BaseException:
        if not chain.holds(log, envelope):
            path.unlink(missing_ok=True)
        raise


def is_recorded(log: Path, id_: str, event: str) -> bool:
    """Tell whether the statement of this that stands beside the chain has its line in it; a try that broke off left it without.

    Raises:
        EnvironmentLacksError: the chain cannot be read.
    """
    path = _beside(log, id_, event)
    try:
        return path.is_file() and chain.holds(log, envelope_of(path))
    except (UsageError, KeyError, TypeError, ValueError):
        return False  # it is no statement


def _beside(log: Path, id_: str, event: str) -> Path:
    """Give the file of a signed statement."""
    return log.parent / f"access-{id_}-{event}.json"


def statements(log: Path, key: Ed25519PublicKey) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Open the signed statement of every grant and early end that a chain records.

    Args:
        log: the chain's file, which `chain.verify` has found whole.
        key: the public key that must have signed each.

    Returns:
        What the statements say, in the order of the chain, and what is wrong with those that cannot be believed.
    """
    found: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for number, line in enumerate(read_lines(log), 1):
        entry = orjson.loads(line)
        for name in (one for one in entry["subjects"] if one.startswith(_SUBJECT)):
            said, wrong = _statement(log, key, name.removeprefix(_SUBJECT), entry)
            found += [said] if said else []
            problems += (
                [Problem(wrong.code, f"log: line {number}: {name}: {wrong.message}", Where(str(log), number), wrong.hint)] if wrong else []
            )
    return found, problems


def _statement(log: Path, key: Ed25519PublicKey, id_: str, entry: Mapping[str, Any]) -> tuple[dict[str, Any], Problem | None]:
    """Open the statement of one line: the file beside the chain whose payload the line holds the digest of."""
    paths = [log.parent / f"access-{id_}-{event}.json" for event in _EVENTS] if id_.isalnum() else []
    there = [path for path in paths if path.is_file()]
    for path in there:
        try:
            envelope = envelope_of(path)
            digest = hashlib.sha256(base64.b64decode(envelope["payload"])).hexdigest()
        except (SovereignError, KeyError, TypeError, ValueError):
            continue
        if digest == entry["evidence"]:
            said, problems = opened(envelope, key, (ACCESS,))
            return (said["predicate"], None) if not problems else ({}, problems[0])
    if there:
        hint = "it was changed after it was signed; ask the operator for the file as it was"
        return {}, Problem("wrong-statement", f"no statement beside the log is the one that was recorded ({there[0].name})", hint=hint)
    hint = f"ask the operator for access-{id_[:64]}-granted.json and put it beside the log"
    return {}, Problem("no-statement", "its signed statement is not beside the log, so nobody can read who got what", hint=hint)


def lines(said: Mapping[str, Any]) -> list[str]:
    """Say in words what a statement says: who had what, where, from when to when, who agreed, and why."""
    one = said["access"]
    if said["event"] == "revoked":
        return [f"access {one['id']}: ended early at {said['at']}: {one.get('revoked', '')}"]
    return [
        f"access {one['id']}: {one['person']} had {one['kind']} in {one['namespace']} of {said['cluster']}, from {one['seat']},",
        f"    {one['begins']} to {one['ends']}; {one['approver']} agreed: {one['reason']}",
    ]
