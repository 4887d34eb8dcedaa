"""Break-glass access in the chain of all runs: each grant and each early end is a signed line of it.

An in-toto statement about the grant's own facts is signed. The chain holds its digest, and the envelope is a
file beside the chain, so that it outlives the cluster. `statements` opens all of them, offline.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sovereign_ai import __version__
from sovereign_ai.attest import chain
from sovereign_ai.attest.evidence import open_envelope, read_envelope, sign_statement
from sovereign_ai.attest.key_handover import SigningKeys
from sovereign_ai.attest.layout import ACCESS, STATEMENT
from sovereign_ai.attest.line_agreement import line_problems
from sovereign_ai.attest.signing import Signer
from sovereign_ai.attest.witness import Witness
from sovereign_ai.errors import Problem, SovereignError, UsageError, Where
from sovereign_ai.key_material import exact_base64
from sovereign_ai.operate import AccessGrant
from sovereign_ai.toolchain import make_folders

_SUBJECT = "access/"
_EVENTS = ("granted", "revoked")
_ID = re.compile(r"[0-9A-Za-z]{1,64}")


def record(
    log: Path,
    facts: Mapping[str, Any],
    event: Literal["granted", "revoked"],
    *,
    factory: str,
    cluster: str,
    key: Signer,
    now: datetime,
    witnesses: Sequence[Witness] = (),
) -> tuple[dict[str, Any], Path]:
    """Add a grant, or its early end, to the chain.

    Args:
        log: the chain's file.
        facts: the grant as plain data, with its `id`.
        event: whether it was granted or ended early.
        factory: the factory's name.
        cluster: the plan's name for the cluster.
        key: signs the statement and the line; the same as for evidence, since one key signs a chain.
        now: when, with an offset.
        witnesses: the second places that keep the log's head.

    Returns:
        The line, and the file of the signed statement.

    Raises:
        EnvironmentLacksError: the chain cannot be written.
        UsageError: it is recorded already, another run was added meanwhile, or the chain's last line is none.
    """
    make_folders(log.parent)
    id_ = str(facts["id"])
    with _locked(log.parent):
        if is_recorded(log, id_, event):
            message = f"that grant {id_} was {event} is recorded in {log} already"
            raise UsageError(Problem("access-recorded", message))
        at = now.isoformat(timespec="seconds")
        statement = _access_statement(facts, event, factory, cluster, at, chain.head(log))
        envelope = sign_statement(statement, key)
        # What an earlier try left that broke off before its line was written is written over.
        path = _statement_file(log, id_, event)
        line = chain.append_with_statement(path, log, envelope, key, at=at, witnesses=witnesses)
        return line, path


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock, so that no other command records something there meanwhile."""
    # The folder, since `chain.append` locks the log itself, and may be the first to create it.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _access_statement(
    facts: Mapping[str, Any],
    event: str,
    factory: str,
    cluster: str,
    at: str,
    log: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the statement about a grant, or its early end.

    Args:
        facts: the grant as plain data.
        event: whether it was granted or ended early.
        factory: the factory's name.
        cluster: the plan's name for the cluster.
        at: when, in ISO 8601.
        log: head of the log before it.
    """
    digest = _digest_of(facts)
    predicate = {
        "factory": factory,
        "cluster": cluster,
        "event": event,
        "access": dict(facts),
        "at": at,
        "tool": f"sovereign-ai {__version__}",
        "log": log,
    }
    return {
        "_type": STATEMENT,
        "subject": [{"name": f"{_SUBJECT}{facts['id']}", "digest": {"sha256": digest}}],
        "predicateType": ACCESS,
        "predicate": predicate,
    }


def _digest_of(facts: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the facts of an access."""
    canonical = orjson.dumps(dict(facts), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()


def is_recorded(log: Path, id_: str, event: str) -> bool:
    """Return whether the chain has the line of a statement that is beside it; a try that broke off left none.

    Raises:
        EnvironmentLacksError: the chain cannot be read.
    """
    path = _statement_file(log, id_, event)
    try:
        return path.is_file() and chain.holds(log, read_envelope(path))
    except (UsageError, KeyError, TypeError, ValueError):
        return False  # the file is no statement


def _statement_file(log: Path, id_: str, event: str) -> Path:
    """Return the file of a signed statement."""
    return log.parent / f"access-{id_}-{event}.json"


def statements(
    log: Path, key: Ed25519PublicKey, keys: SigningKeys | None = None, whole: int | None = None
) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Open the signed statement of every grant and early end that a chain records.

    Args:
        log: the chain's file, which `chain.verify` accepted.
        key: the public key that must have signed each, where the log has no other.
        keys: the key of each line; left out, `key` signs all.
        whole: how many lines are whole; left out, all.

    Returns:
        The predicates of the statements, in the order of the chain, and a problem for each that cannot be
        believed.
    """
    predicates: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for number, line in enumerate(islice(chain.entries_of(log), whole), 1):
        entry = orjson.loads(line)
        for name in entry["subjects"]:
            if not name.startswith(_SUBJECT):
                continue
            signer = keys.at(number - 1) if keys is not None else key
            statement, wrong = _open_statement(log, signer, name.removeprefix(_SUBJECT), entry)
            if statement:
                predicates.append(statement["predicate"])
            for problem in wrong:
                message = f"log: line {number}: {name}: {problem.message}"
                problems.append(Problem(problem.code, message, Where(str(log), number), problem.hint))
            if statement:
                problems += line_problems(statement, entry, Where(str(log), number))
    return predicates, problems


def _open_statement(
    log: Path, key: Ed25519PublicKey, id_: str, entry: Mapping[str, Any]
) -> tuple[dict[str, Any], list[Problem]]:
    """Return one line's statement, and what is wrong with it.

    The statement is the file beside the chain whose payload has the digest that the line holds.
    """
    paths: list[Path] = []
    # The id comes from the log, and must not lead out of its folder.
    if _ID.fullmatch(id_):
        files = []
        for event in _EVENTS:
            file = _statement_file(log, id_, event)
            files.append(file)
        paths = [path for path in files if path.is_file()]
    for path in paths:
        try:
            envelope = read_envelope(path)
            digest = hashlib.sha256(exact_base64(envelope["payload"])).hexdigest()
        except (SovereignError, KeyError, TypeError, ValueError):
            continue
        if digest == entry["evidence"]:
            statement, problems = open_envelope(envelope, key, (ACCESS,))
            return statement, problems or access_problems(statement)
    if paths:
        message = f"no statement beside the log is the one that was recorded ({paths[0].name})"
        hint = "it was changed after it was signed; ask the operator for the file as it was"
        return {}, [Problem("wrong-statement", message, hint=hint)]
    message = "its signed statement is not beside the log, so the grant cannot be read"
    hint = f"ask the operator for access-{id_[:64]}-granted.json and put it beside the log"
    return {}, [Problem("no-statement", message, hint=hint)]


def access_problems(statement: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with a statement of access beside its own signature.

    It must be about the access that it names, for the factory and cluster that were agreed to, and another
    person must have agreed: the approver's own signature lies in the facts.
    """
    predicate = statement["predicate"]
    access = predicate["access"]
    differences: list[str] = []
    for name in ("factory", "cluster"):
        if predicate[name] != access.get(name):
            agreed = str(access.get(name, ""))
            differences.append(f"it is of {name} {predicate[name][:80]!r}, and agreed was {agreed[:80]!r}")
    named = {"name": f"{_SUBJECT}{access['id']}", "digest": {"sha256": _digest_of(access)}}
    if statement["subject"] != [named]:
        differences.append("its subject is another access than that of its facts")
    if predicate["event"] not in _EVENTS or (predicate["event"] == "revoked") != ("revoked" in access):
        differences.append(f"it says {predicate['event'][:80]!r}, and its facts do not")
    problems: list[Problem] = []
    for difference in differences:
        hint = "it was put together from two statements; ask the operator for the access as it was agreed"
        problems.append(Problem("contradiction", difference, hint=hint))
    if not _is_agreed(access):
        message = f"the signature of {access['approver'][:80]!r} does not fit: nobody agreed to this access"
        hint = "ask the approver which access was agreed to, and who gave this one"
        problems.append(Problem("unapproved", message, hint=hint))
    return problems


def _is_agreed(access: Mapping[str, Any]) -> bool:
    """Return whether the facts of an access hold its approver's signature, and keep to what it covers."""
    facts = dict(access)
    facts.pop("revoked", None)
    try:
        return AccessGrant.from_data(facts).is_approved
    except (TypeError, ValueError):
        return False


def access_lines(predicate: Mapping[str, Any]) -> list[str]:
    """Return a statement in words: person, role, namespace, time, approver and reason.

    Args:
        predicate: the statement's predicate.
    """
    grant = predicate["access"]
    head = f"access {grant['id']}:"
    if predicate["event"] == "revoked":
        return [f"{head} ended early at {predicate['at']}: {grant.get('revoked', '')}"]
    place = f"{grant['namespace']} of {predicate['cluster']}"
    return [
        f"{head} {grant['person']} had {grant['kind']} in {place}, from {grant['seat']},",
        f"    {grant['begins']} to {grant['ends']}; {grant['approver']} agreed: {grant['reason']}",
    ]
