"""Evidence: a signed statement of everything that a run was based on, which is checked offline.

The statement is an in-toto Statement v1 over SHA-256 digests of the description, its waivers, this package,
the plan, the rules, each cluster's objects, the verdict of `check`, and, where given, a live observation and
the report file. It also holds the description itself as plain data, so that a reader need not run the program
that made it. It is signed as a DSSE envelope with an Ed25519 key of the user's choice (`signing.py`). The
chain of all runs is `chain.py`.

    parts = parts_of(factory, plan, now=now)
    envelope = sign(statement(parts, factory="lab", now=now, previous=head(log)), key)
    verify(envelope, public, parts)          # [] or what changed, the first thing first

A signature shows that the holder of the key stated it, not that it is true. This module reads no clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sovereign_ai import __version__
from sovereign_ai.attest.layout import PREDICATE, STATEMENT, first_deviation
from sovereign_ai.attest.package import package_digest, package_digests
from sovereign_ai.attest.signing import Signer, base64_text, is_signed, key_id, pae
from sovereign_ai.errors import Problem, UsageError, Where
from sovereign_ai.files import ENVELOPE, parse_json, read
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.key_material import exact_base64
from sovereign_ai.plan import Plan
from sovereign_ai.render.kubernetes import render
from sovereign_ai.rules import REGISTRY, RuleVerdict, check, merge_verdicts
from sovereign_ai.spec import AIFactory

_PLACES = frozenset({"file", "line", "column", "field"})
"""Members that place a finding in the user's own file: they differ from one computer to the next."""
_MOST_NAMED = 200
"""Longest list whose parts have digests of their own: longer ones would make the statement large."""
_MOST_SHOWN = 3
"""Changed items that a problem names."""
_MOST_SIGNATURES = 16
"""Most signatures of an envelope; a hand-over has two, any other statement one."""
PAYLOAD = "application/vnd.in-toto+json"
"""Payload type of an in-toto statement in a DSSE envelope."""


@frozen_dataclass
class EvidencePart:
    """One of the things that evidence is about.

    Attributes:
        name: `spec`, `waivers`, `package`, `plan`, `rules`, `objects/<cluster>`, `verdict`, `observation` or
            `report`.
        digest: SHA-256, hexadecimal.
        items: digests of the parts that it consists of, by name, so that a problem names what changed; may be
            empty.
    """

    name: str
    digest: str
    items: Mapping[str, str]


def parts_of(
    factory: AIFactory, plan: Plan, files: Mapping[str, bytes] | None = None, *, now: date
) -> list[EvidencePart]:
    """Return everything that evidence is about, each part after those that it follows from.

    Args:
        factory: the description.
        plan: what follows from it.
        files: `observation` and `report` to the bytes of their files, where there are any.
        now: the day for which the rules are judged.
    """
    parts, _ = parts_and_verdict(factory, plan, files, now=now)
    return parts


def parts_and_verdict(
    factory: AIFactory, plan: Plan, files: Mapping[str, bytes] | None = None, *, now: date
) -> tuple[list[EvidencePart], RuleVerdict]:
    """Return the parts as `parts_of` does, and the verdict whose digest is one of them."""
    waivers = {}
    for waiver in factory.waivers:
        waivers[waiver.id] = _hash(waiver.model_dump(mode="json"))
    # The order matters: `differences` reports the first part that changed first.
    parts = [
        EvidencePart("spec", factory.digest, _field_digests(factory.to_data())),
        EvidencePart("waivers", factory.waivers_digest, waivers),
        EvidencePart("package", package_digest(), package_digests()),
        EvidencePart("plan", plan.digest, _field_digests(plan.to_data())),
        _rules_part(),
    ]
    verdicts: list[RuleVerdict] = []
    for cluster in plan.clusters:
        bundle = render(factory, plan, cluster.name)
        objects = {}
        for obj in bundle.objects:
            objects[_object_name(obj)] = _hash(obj)
        parts.append(EvidencePart(f"objects/{cluster.name}", bundle.digest, objects))
        verdicts.append(check(factory, plan, bundle.objects, now=now, cluster=cluster.name))
    verdict = merge_verdicts(verdicts)
    parts.append(_verdict_part(verdict))
    for name, raw in sorted((files or {}).items()):
        digest = hashlib.sha256(raw).hexdigest()
        parts.append(EvidencePart(name, digest, {}))
    return parts, verdict


def _verdict_part(verdict: RuleVerdict) -> EvidencePart:
    """Return the part of the verdict of `check`, without the places of findings in the user's file."""
    rows: list[dict[str, Any]] = []
    by_rule: dict[str, list[Any]] = {}
    for finding in verdict.findings:
        row = {name: value for name, value in finding.to_data().items() if name not in _PLACES}
        rows.append(row)
        by_rule.setdefault(str(row["rule"]), []).append(row)
    items = {}
    for rule, rows_of_rule in by_rule.items():
        items[rule] = _hash(rows_of_rule)
    return EvidencePart("verdict", _hash([verdict.ok, rows]), items)


def description_data(factory: AIFactory) -> dict[str, Any]:
    """Return the description as plain data, waivers included, as `spec.reader.read_data` reads it."""
    # `to_data` has no waivers, which have a digest of their own.
    data = dict(factory.to_data())
    waivers = [waiver.model_dump(mode="json") for waiver in factory.waivers]
    if waivers:
        data["waivers"] = waivers
    return data


def verdict_counts(verdict: RuleVerdict) -> dict[str, Any]:
    """Return a verdict in numbers."""
    return {
        "ok": verdict.ok,
        "violations": len(verdict.violations),
        "waived": len(verdict.waived),
        "undecidable": len(verdict.undecidable),
        "notices": len(verdict.notices),
    }


def _rules_part() -> EvidencePart:
    """Return the part of the registry of rules."""
    rows: list[dict[str, Any]] = []
    items: dict[str, str] = {}
    for rule in REGISTRY:
        row = rule.to_data()
        rows.append(row)
        items[str(rule.id)] = _hash(row)
    return EvidencePart("rules", _hash(rows), items)


def _field_digests(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the digest of each field of plain data, and of the parts of short lists by their names."""
    digests: dict[str, str] = {}
    for field, value in data.items():
        if _has_named_parts(value):
            for part in value:
                digests[f"{field}[{part['name']}]"] = _hash(part)
        digests[field] = _hash(value)
    return digests


def _has_named_parts(value: Any) -> bool:
    """Return whether a value is a short list of parts with names."""
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_NAMED:
        return False
    return all(isinstance(part, dict) and "name" in part for part in value)


def _object_name(obj: Mapping[str, Any]) -> str:
    """Return kind, namespace and name of a Kubernetes object."""
    metadata = obj["metadata"]
    parts = (obj["kind"], metadata.get("namespace"), metadata["name"])
    return "/".join(part for part in parts if part)


def _hash(data: Any) -> str:
    return hashlib.sha256(_canonical(data)).hexdigest()


def _canonical(data: Any) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)


def statement(
    parts: Iterable[EvidencePart],
    *,
    factory: str,
    now: date,
    previous: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the in-toto statement.

    Args:
        parts: everything that it is about.
        factory: the factory's name.
        now: the day that the run was for.
        previous: head of the log before this run, as `head` returns it.
        facts: `description`, `verdict` and `observation` as plain data, where they are signed besides their
            digests.
    """
    subjects: list[dict[str, Any]] = []
    items: dict[str, dict[str, str]] = {}
    for part in parts:
        subject = {"name": part.name, "digest": {"sha256": part.digest}}
        subjects.append(subject)
        if part.items:
            items[part.name] = dict(part.items)
    predicate: dict[str, Any] = {
        "factory": factory,
        "date": now.isoformat(),
        "tool": f"sovereign-ai {__version__}",
        "selfAssessment": True,
        "items": items,
        "log": dict(previous or {"entries": 0, "head": ""}),
    }
    predicate.update(facts or {})
    return {
        "_type": STATEMENT,
        "subject": subjects,
        "predicateType": PREDICATE,
        "predicate": predicate,
    }


def sign_statement(contents: Mapping[str, Any], *keys: Signer) -> dict[str, Any]:
    """Return the DSSE envelope of a statement, with a signature by each key."""
    # Canonical JSON, since the log compares the digest of the payload with that of the statement.
    payload = _canonical(contents)
    signatures: list[dict[str, str]] = []
    for key in keys:
        signature = key.sign(pae(PAYLOAD, payload))
        row = {"keyid": key_id(key.public_key()), "sig": base64_text(signature)}
        signatures.append(row)
    return {"payloadType": PAYLOAD, "payload": base64_text(payload), "signatures": signatures}


def read_envelope(path: Path) -> dict[str, Any]:
    """Read an envelope from a file.

    Raises:
        UsageError: the file cannot be read, or is no JSON object.
    """
    envelope = parse_json(read(path, ENVELOPE), str(path), ENVELOPE).data
    if not isinstance(envelope, dict):
        message = f"it is no JSON object; expected {ENVELOPE.noun}"
        raise UsageError(Problem("bad-envelope", message, Where(str(path)), ENVELOPE.hint))
    return envelope


def open_envelope(
    envelope: Mapping[str, Any], key: Ed25519PublicKey, kinds: Collection[str] = (PREDICATE,)
) -> tuple[dict[str, Any], list[Problem]]:
    """Return an envelope's statement, or what is wrong with it.

    The signature is checked before anything in the payload is read.

    Args:
        envelope: the signed envelope.
        key: the public key that must have signed it.
        kinds: the types of predicate that the reader expects.
    """
    try:
        kind = str(envelope["payloadType"])
        payload = exact_base64(envelope["payload"])
        signatures = []
        # Each is checked, which takes time.
        if len(envelope["signatures"]) > _MOST_SIGNATURES:
            message = f"envelope: it has more than {_MOST_SIGNATURES} signatures"
            return {}, [Problem("bad-envelope", message, hint=ENVELOPE.hint)]
        for row in envelope["signatures"]:
            signature = exact_base64(row["sig"])
            signatures.append(signature)
    except (KeyError, TypeError, ValueError):
        hint = "the file was changed or cut"
        return {}, [Problem("bad-envelope", "envelope: it is no DSSE envelope", hint=hint)]
    text = pae(kind, payload)
    if not any(is_signed(key, signature, text) for signature in signatures):
        message = "envelope: no signature of this key fits the payload"
        hint = "the payload was changed, or another key signed it; nothing in it can be believed"
        return {}, [Problem("bad-signature", message, hint=hint)]
    contents = _statement_of(kind, payload)
    if contents.get("_type") != STATEMENT or contents.get("predicateType") not in kinds:
        signed_kind = str(contents.get("predicateType", ""))[:80] or "no statement"
        message = f"envelope: what is signed is {signed_kind}, expected {' or '.join(kinds)}"
        return {}, [Problem("wrong-type", message, hint=ENVELOPE.hint)]
    wrong = first_deviation(contents)
    # A number as 1 and as 1.0, or members in another order, would be other bytes for the same statement.
    if not wrong and payload != _canonical(contents):
        wrong = "its JSON is written in another way than this program writes it"
    if wrong:
        message = f"envelope: the statement is laid out otherwise: {wrong}"
        hint = (
            "it was signed by another program, or by another version; "
            "name the file that `evidence sign` or `access` wrote"
        )
        return {}, [Problem("wrong-layout", message, hint=hint)]
    return contents, []


def _statement_of(kind: str, payload: bytes) -> dict[str, Any]:
    """Return a payload's JSON object; an empty one where it is of another type, or no object."""
    if kind != PAYLOAD:
        return {}
    try:
        data = parse_json(payload, "envelope", ENVELOPE).data
    except UsageError:
        return {}
    return data if isinstance(data, dict) else {}


def verify(
    envelope: Mapping[str, Any], key: Ed25519PublicKey, parts: Iterable[EvidencePart]
) -> list[Problem]:
    """Compare signed evidence with the present; the first problem is the first thing that changed.

    Whatever follows from a changed part changes too, so the parts are compared in order: a changed
    description is named before the plan that follows from it.

    Args:
        envelope: the signed evidence.
        key: the public key that must have signed it, as the reader got it from the signer.
        parts: the present parts.
    """
    contents, problems = open_envelope(envelope, key)
    return problems or differences(contents, parts)


def differences(contents: Mapping[str, Any], parts: Iterable[EvidencePart]) -> list[Problem]:
    """Compare a statement that was opened with the present parts, in the order of `verify`."""
    problems: list[Problem] = []
    signed_digests = {}
    for subject in contents["subject"]:
        signed_digests[subject["name"]] = subject["digest"]["sha256"]
    items: Mapping[str, Mapping[str, str]] = contents["predicate"]["items"]
    present = {}
    for part in parts:
        present[part.name] = part
    for name in dict.fromkeys((*present, *signed_digests)):
        if name not in signed_digests:
            message = f"{name}: the evidence does not cover it"
            problems.append(Problem("not-covered", message, hint="sign again with it"))
        elif name not in present:
            message = f"{name}: signed, and not there to compare"
            problems.append(Problem("missing", message, hint=_missing_hint(name)))
        elif present[name].digest != signed_digests[name]:
            first = _first_changes(items.get(name, {}), present[name].items)
            hint = f"signed {signed_digests[name][:12]}, now {present[name].digest[:12]}"
            problems.append(Problem("changed", f"{name}: changed since it was signed{first}", hint=hint))
    return problems


def inner_problems(contents: Mapping[str, Any]) -> list[Problem]:
    """Return a problem for each thing that a statement about a run says twice, and not alike.

    The description that was signed as data must be the one whose digests were signed, and of the factory that
    the statement names.
    """
    predicate = contents["predicate"]
    description = dict(predicate.get("description", {}))
    if not description:
        return []
    signed_digests = {}
    for subject in contents["subject"]:
        signed_digests[subject["name"]] = subject["digest"]["sha256"]
    waivers = description.pop("waivers", [])
    differences: list[str] = []
    for name, data in (("spec", description), ("waivers", waivers)):
        if signed_digests.get(name) != _hash(data):
            differences.append(f"the description that was signed as data is not that of the digest {name!r}")
    if description.get("name") != predicate["factory"]:
        factory, described = predicate["factory"][:80], str(description.get("name", ""))[:80]
        differences.append(f"it is of factory {factory!r}, and its description of {described!r}")
    problems: list[Problem] = []
    for difference in differences:
        message = f"envelope: {difference}"
        problems.append(Problem("contradiction", message, hint="ask who signed it which of both is right"))
    return problems


def _missing_hint(name: str) -> str:
    """Return what to do about a part that was signed and is not present."""
    if name in {"hosts", "observation", "report"}:
        return f"give the file with --{name}"
    return "the description no longer has it"


def _first_changes(then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return the first items that changed as text; empty where no item has a digest of its own."""
    changed = [name for name in dict.fromkeys((*now, *sorted(then))) if then.get(name) != now.get(name)]
    exact: list[str] = []
    for name in changed:
        # `pools` is left out where `pools[train]` is named, which is more specific.
        has_part = any(other.startswith(f"{name}[") for other in changed)
        if not has_part:
            exact.append(name)
    if not exact:
        return ""
    more = f" and {len(exact) - _MOST_SHOWN} more" if len(exact) > _MOST_SHOWN else ""
    return f": {', '.join(exact[:_MOST_SHOWN])}{more}"
