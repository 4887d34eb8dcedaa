"""Evidence: a signed statement of what a run rested on, and a chain of all runs; both are checked offline.

The statement is an in-toto Statement v1 over SHA-256 digests of the description, its waivers, the plan, the rules, each
cluster's objects, and, where given, what was observed live and the report file. It is signed as a DSSE envelope: the
signature is made by an Ed25519 key of the user's choice (`signing.py`). The chain of all runs is `chain.py`.

    parts = parts_of(factory, plan)
    envelope = sign(statement(parts, factory="lab", now=now, previous=head(log)), key)
    verify(envelope, public, parts)          # [] or what changed, the first thing first

A signature shows that the holder of the key said so, not that it is true. No clock is read here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from sovereign_ai import __version__
from sovereign_ai.attest.signing import base64_text, key_id, pae, read_bytes, signed
from sovereign_ai.errors import Problem, UsageError, Where
from sovereign_ai.names import KEYS
from sovereign_ai.plan.factory import Plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.spec.factory import AIFactory

STATEMENT = "https://in-toto.io/Statement/v1"
"""Type of an in-toto statement, version 1."""
PAYLOAD = "application/vnd.in-toto+json"
"""Payload type of an in-toto statement in a DSSE envelope."""
PREDICATE = f"https://{KEYS.domain}/evidence/v1"
"""Type of what our statement says beyond digests; a private name, which leads nowhere."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that evidence is about.

    Attributes:
        name: `spec`, `waivers`, `plan`, `rules`, `objects/<cluster>`, `observation` or `report`.
        digest: SHA-256, hexadecimal.
        items: digests of what it consists of, by name, so that a change can be named; empty where it has no parts.
    """

    name: str
    digest: str
    items: Mapping[str, str]


def parts_of(factory: AIFactory, plan: Plan, files: Mapping[str, bytes] | None = None) -> list[Part]:
    """Give everything that evidence is about, in the order in which one follows from the other.

    Args:
        factory: the description.
        plan: what follows from it.
        files: `observation` and `report` to the bytes of their files, where there are any.
    """
    found = [
        Part("spec", factory.digest, _items(factory.to_data())),
        Part("waivers", factory.waivers_digest, {waiver.id: _hash(waiver.model_dump(mode="json")) for waiver in factory.waivers}),
        Part("plan", plan.digest, _items(plan.to_data())),
        _rules(),
    ]
    for cluster in plan.clusters:
        bundle = render(factory, plan, cluster.name)
        found.append(Part(f"objects/{cluster.name}", bundle.digest, {_named(obj): _hash(obj) for obj in bundle.objects}))
    found += [Part(name, hashlib.sha256(raw).hexdigest(), {}) for name, raw in sorted((files or {}).items())]
    return found


def _rules() -> Part:
    """Give the registry of rules."""
    rows = [rule.to_data() for rule in REGISTRY]
    return Part("rules", _hash(rows), {str(rule.id): _hash(row) for rule, row in zip(REGISTRY, rows, strict=True)})


def _items(data: Mapping[str, Any]) -> dict[str, str]:
    """Digest plain data a field at a time, and parts in short lists by their names."""
    found: dict[str, str] = {}
    for field, value in data.items():
        named = isinstance(value, list) and 0 < len(value) <= 200 and all(isinstance(one, dict) and "name" in one for one in value)
        if named:
            found |= {f"{field}[{one['name']}]": _hash(one) for one in value}
        found[field] = _hash(value)
    return found


def _named(obj: Mapping[str, Any]) -> str:
    metadata = obj["metadata"]
    return "/".join(part for part in (obj["kind"], metadata.get("namespace"), metadata["name"]) if part)


def _hash(data: Any) -> str:
    return hashlib.sha256(_canonical(data)).hexdigest()


def _canonical(data: Any) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)


def statement(parts: Iterable[Part], *, factory: str, now: date, previous: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Give the in-toto statement.

    Args:
        parts: what it is about.
        factory: the factory's name.
        now: the day that the run was for.
        previous: head of the log before this run, as `head` gives it.
    """
    listed = list(parts)
    return {
        "_type": STATEMENT,
        "subject": [{"name": part.name, "digest": {"sha256": part.digest}} for part in listed],
        "predicateType": PREDICATE,
        "predicate": {
            "factory": factory,
            "date": now.isoformat(),
            "tool": f"sovereign-ai {__version__}",
            "selfAssessment": True,
            "items": {part.name: dict(part.items) for part in listed if part.items},
            "log": dict(previous or {"entries": 0, "head": ""}),
        },
    }


def sign(said: Mapping[str, Any], key: Ed25519PrivateKey) -> dict[str, Any]:
    """Give the DSSE envelope of a statement."""
    payload = _canonical(said)
    signature = {"keyid": key_id(key.public_key()), "sig": base64_text(key.sign(pae(PAYLOAD, payload)))}
    return {"payloadType": PAYLOAD, "payload": base64_text(payload), "signatures": [signature]}


def envelope_of(path: Path) -> dict[str, Any]:
    """Read an envelope.

    Raises:
        EnvironmentLacksError: the file cannot be read.
        UsageError: it is no JSON object.
    """
    try:
        found = orjson.loads(read_bytes(path))
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise UsageError(Problem("bad-envelope", "it is no JSON object", Where(file=str(path)), "name the file that `evidence sign` wrote"))
    return found


def opened(
    envelope: Mapping[str, Any], key: Ed25519PublicKey, kinds: Collection[str] = (PREDICATE,)
) -> tuple[dict[str, Any], list[Problem]]:
    """Check an envelope's signature before anything in it is believed; give its statement, or what is wrong.

    Args:
        envelope: what was signed.
        key: the public key that must have signed it.
        kinds: the types of predicate that the reader expects.
    """
    try:
        kind = str(envelope["payloadType"])
        payload = base64.b64decode(envelope["payload"], validate=True)
        signatures = [base64.b64decode(one["sig"], validate=True) for one in envelope["signatures"]]
    except (KeyError, TypeError, ValueError, binascii.Error):
        return {}, [Problem("bad-envelope", "envelope: it is no DSSE envelope", hint="the file was changed or cut")]
    if not any(signed(key, one, pae(kind, payload)) for one in signatures):
        hint = "the payload was changed, or another key signed it; nothing in it can be believed"
        return {}, [Problem("bad-signature", "envelope: no signature of this key fits the payload", hint=hint)]
    try:
        said = orjson.loads(payload) if kind == PAYLOAD else None
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict) or said.get("_type") != STATEMENT or said.get("predicateType") not in kinds:
        kind = str(said.get("predicateType", "")) if isinstance(said, dict) else ""
        message = f"envelope: what is signed is {kind[:80] or 'no statement'}, expected {' or '.join(kinds)}"
        return {}, [Problem("wrong-type", message, hint="name the file that `evidence sign` or `access` wrote")]
    return said, []


def verify(envelope: Mapping[str, Any], key: Ed25519PublicKey, parts: Iterable[Part]) -> list[Problem]:
    """Hold signed evidence against what is there now; the first problem is the first thing that changed.

    What follows from a changed part changes too, so the parts are held in order: a changed description is named before
    the plan that follows from it.

    Args:
        envelope: the signed evidence.
        key: the public key that must have signed it, as the reader got it from the signer.
        parts: what is there now.
    """
    said, problems = opened(envelope, key)
    if problems:
        return problems
    then = {one["name"]: one["digest"]["sha256"] for one in said["subject"]}
    items: Mapping[str, Mapping[str, str]] = said["predicate"]["items"]
    now = {part.name: part for part in parts}
    for name in dict.fromkeys((*now, *then)):
        if name not in then:
            problems.append(Problem("not-covered", f"{name}: the evidence says nothing about it", hint="sign again with it"))
        elif name not in now:
            problems.append(Problem("missing", f"{name}: signed, and not there to compare", hint=_give(name)))
        elif now[name].digest != then[name]:
            first = _first(items.get(name, {}), now[name].items)
            message = f"{name}: changed since it was signed{first}"
            problems.append(Problem("changed", message, hint=f"signed {then[name][:12]}, now {now[name].digest[:12]}"))
    return problems


def _give(name: str) -> str:
    return f"give the file with --{name}" if name in {"hosts", "observation", "report"} else "the description no longer has it"


def _first(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Name the first items that changed, the most specific ones."""
    changed = [name for name in dict.fromkeys((*now, *sorted(then))) if then.get(name) != now.get(name)]
    exact = [name for name in changed if not any(other.startswith(f"{name}[") for other in changed)]
    more = f" and {len(exact) - 3} more" if len(exact) > 3 else ""
    return f": {', '.join(exact[:3])}{more}" if exact else ""
