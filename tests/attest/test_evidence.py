from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path
from time import process_time
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sovereign_ai.attest import chain
from sovereign_ai.attest.evidence import (
    PAYLOAD,
    STATEMENT,
    EvidencePart,
    open_envelope,
    parts_of,
    read_envelope,
    sign_statement,
    statement,
    verify,
)
from sovereign_ai.attest.layout import ACCESS, PREDICATE
from sovereign_ai.attest.signing import key_id, pae
from sovereign_ai.errors import SovereignError, UsageError
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec.reader import read_text

_LAB = Path(__file__).parents[2] / "stacks" / "lab" / "factory.yaml"
_DAY = date(2026, 11, 24)
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_AT = "2026-11-24T12:00:00+00:00"


@cache
def _parts(old: str = "", new: str = "", report: bytes = b"<html>") -> tuple[EvidencePart, ...]:
    text = _LAB.read_text(encoding="utf-8")
    assert old in text
    factory = read_text(text.replace(old, new).encode(), "factory.yaml").factory
    return tuple(parts_of(factory, plan(factory), {"report": report, "observation": b"{}"}, now=_DAY))


def _envelope(
    parts: tuple[EvidencePart, ...] | None = None, previous: dict[str, Any] | None = None
) -> dict[str, Any]:
    return sign_statement(statement(parts or _parts(), factory="lab", now=_DAY, previous=previous), _KEY)


def _check(envelope: dict[str, Any], parts: tuple[EvidencePart, ...]) -> list[str]:
    return [problem.message for problem in verify(envelope, _KEY.public_key(), parts)]


def test_a_statement_is_an_in_toto_statement_over_all_that_a_run_rests_on() -> None:
    said, problems = open_envelope(_envelope(), _KEY.public_key())
    assert not problems
    assert said["_type"] == STATEMENT == "https://in-toto.io/Statement/v1"
    names = [one["name"] for one in said["subject"]]
    assert names == [
        "spec",
        "waivers",
        "package",
        "plan",
        "rules",
        "objects/lab",
        "verdict",
        "observation",
        "report",
    ]
    assert said["subject"][-1]["digest"]["sha256"] == hashlib.sha256(b"<html>").hexdigest()
    assert said["predicate"]["selfAssessment"] is True


def test_unchanged_things_are_found_unchanged() -> None:
    assert _check(_envelope(), _parts()) == []


def test_a_changed_field_is_named_before_all_that_follows_from_it() -> None:
    found = _check(_envelope(), _parts("nodes: 4,", "nodes: 5,"))
    assert found[0] == "spec: changed since it was signed: pools[serve]"
    assert [message.split(":")[0] for message in found] == ["spec", "plan", "objects/lab", "verdict"]


def test_a_changed_object_is_named() -> None:
    parts = _parts()
    objects = next(part for part in parts if part.name == "objects/lab")
    name = sorted(objects.items)[3]
    other = replace(objects, digest="0" * 64, items={**objects.items, name: "1" * 64})
    found = _check(_envelope(), tuple(other if part is objects else part for part in parts))
    assert found == [f"objects/lab: changed since it was signed: {name}"]


def test_a_changed_report_is_named_alone() -> None:
    assert _check(_envelope(), _parts(report=b"<html>other")) == ["report: changed since it was signed"]


def test_what_was_signed_and_is_not_given_is_missed_and_what_was_not_signed_is_told() -> None:
    without = tuple(part for part in _parts() if part.name != "report")
    assert _check(_envelope(), without) == ["report: signed, and not there to compare"]
    assert _check(_envelope(without), _parts()) == ["report: the evidence does not cover it"]


def _other_payload(envelope: dict[str, Any]) -> None:
    said = orjson.loads(base64.b64decode(envelope["payload"]))
    said["subject"][0]["digest"]["sha256"] = "0" * 64
    envelope["payload"] = base64.b64encode(orjson.dumps(said)).decode()


def _other_signer(envelope: dict[str, Any]) -> None:
    other = Ed25519PrivateKey.generate()
    envelope["signatures"][0]["sig"] = base64.b64encode(
        other.sign(pae(PAYLOAD, base64.b64decode(envelope["payload"])))
    ).decode()


def _no_signature(envelope: dict[str, Any]) -> None:
    envelope["signatures"] = []


def _other_type(envelope: dict[str, Any]) -> None:
    envelope["payloadType"] = "application/json"


@pytest.mark.parametrize("tamper", [_other_payload, _other_signer, _no_signature, _other_type])
def test_a_tampered_envelope_is_not_believed(tamper: Callable[[dict[str, Any]], None]) -> None:
    envelope = _envelope()
    tamper(envelope)
    found = verify(envelope, _KEY.public_key(), _parts())
    assert [problem.code for problem in found] == ["bad-signature"]


@pytest.mark.parametrize(
    "envelope",
    [{}, {"payloadType": PAYLOAD, "payload": "%", "signatures": []}, {"payloadType": 1, "payload": None}],
)
def test_what_is_no_envelope_is_refused(envelope: dict[str, Any]) -> None:
    assert [problem.code for problem in verify(envelope, _KEY.public_key(), ())] == ["bad-envelope"]


def test_an_envelope_of_very_many_signatures_is_refused_before_one_is_checked() -> None:
    rows = [{"sig": base64.b64encode(bytes(64)).decode()}] * 100_000
    envelope = _envelope()
    envelope["signatures"] += rows
    begun = process_time()
    assert [problem.code for problem in verify(envelope, _KEY.public_key(), ())] == ["bad-envelope"]
    assert process_time() - begun < 1
    envelope["signatures"] = [*rows[:15], _envelope()["signatures"][0]]
    assert verify(envelope, _KEY.public_key(), _parts()) == []


@pytest.mark.parametrize(
    "write",
    [
        lambda payload: b" " + payload,
        lambda payload: payload + b"\n",
        lambda payload: b"\xef\xbb\xbf" + payload,
        lambda payload: orjson.dumps(orjson.loads(payload), option=orjson.OPT_INDENT_2),
        lambda payload: orjson.dumps(dict(reversed(orjson.loads(payload).items()))),
        lambda payload: payload.replace(b'"lab"', b'"l\\u0061b"', 1),
        lambda payload: payload.replace(b'"selfAssessment":true', b'"selfAssessment":1.00', 1),
    ],
    ids=["a blank", "a line end", "a mark of byte order", "indented", "reversed", "an escape", "a number"],
)
def test_a_statement_has_one_spelling(write: Callable[[bytes], bytes]) -> None:
    """The log holds the digest of its bytes: another spelling would be other bytes of the same statement."""
    payload = base64.b64decode(_envelope()["payload"])
    changed = write(payload)
    assert changed != payload
    envelope = {
        "payloadType": PAYLOAD,
        "payload": base64.b64encode(changed).decode(),
        "signatures": [{"sig": base64.b64encode(_KEY.sign(pae(PAYLOAD, changed))).decode()}],
    }
    [problem] = verify(envelope, _KEY.public_key(), _parts())
    assert problem.code == "wrong-layout"


def test_what_is_signed_rightly_and_is_no_evidence_is_refused() -> None:
    for payload in (
        b"not json",
        b"[]",
        b'{"_type":"https://in-toto.io/Statement/v1","predicateType":"other"}',
    ):
        signature = base64.b64encode(_KEY.sign(pae(PAYLOAD, payload))).decode()
        envelope = {
            "payloadType": PAYLOAD,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [{"sig": signature}],
        }
        assert [problem.code for problem in verify(envelope, _KEY.public_key(), ())] == ["wrong-type"]


def _log(path: Path, runs: int = 3) -> tuple[Path, list[dict[str, Any]]]:
    log, envelopes = path / "runs" / "lab.jsonl", []
    for number in range(runs):
        envelopes.append(_envelope(_parts(report=str(number).encode()), chain.head(log)))
        chain.append(log, envelopes[-1], _KEY, at=_AT)
    return log, envelopes


def _said(envelope: dict[str, Any]) -> dict[str, Any]:
    return open_envelope(envelope, _KEY.public_key())[0]


def test_every_run_stands_in_a_whole_log_that_others_cannot_read(tmp_path: Path) -> None:
    log, envelopes = _log(tmp_path)
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.parent.stat().st_mode & 0o777 == 0o700
    for envelope in envelopes:
        assert chain.verify(log, _KEY.public_key(), _said(envelope)) == []
    entries = [orjson.loads(line) for line in log.read_bytes().splitlines()]
    assert [entry["n"] for entry in entries] == [0, 1, 2]
    assert entries[1]["previous"] == entries[0]["hash"]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: [lines[0], lines[1].replace(b"2026-11-24", b"2026-11-23"), lines[2]], 2),
        (lambda lines: [lines[0], lines[2]], 2),
        (lambda lines: lines[1:], 1),
        (lambda lines: [lines[1], lines[0], lines[2]], 1),
        (lambda lines: [*lines, lines[2]], 4),
        (lambda lines: [lines[0], b"{}", lines[2]], 2),
        (lambda lines: [lines[0], lines[1][:-20], lines[2]], 2),
    ],
)
def test_the_first_line_of_a_log_that_was_touched_is_named(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], line: int
) -> None:
    log, _ = _log(tmp_path)
    log.write_bytes(b"\n".join(change(log.read_bytes().splitlines())) + b"\n")
    found = chain.verify(log, _KEY.public_key())
    assert [(problem.code, problem.where.line) for problem in found] == [("broken-log", line)]


def test_a_log_that_was_made_anew_by_another_is_found_out(tmp_path: Path) -> None:
    log, envelopes = tmp_path / "log", []
    other = Ed25519PrivateKey.generate()
    envelopes.append(_envelope(None, chain.head(log)))
    chain.append(log, envelopes[0], other, at=_AT)
    found = chain.verify(log, _KEY.public_key())
    assert "no signature of this key" in found[0].message


def test_lines_that_were_cut_off_are_missed_by_the_evidence_of_a_later_run(tmp_path: Path) -> None:
    log, envelopes = _log(tmp_path)
    lines = log.read_bytes().splitlines()
    log.write_bytes(b"\n".join(lines[:2]) + b"\n")
    assert chain.verify(log, _KEY.public_key()) == []
    assert [problem.code for problem in chain.verify(log, _KEY.public_key(), _said(envelopes[2]))] == [
        "wrong-log"
    ]
    log.write_bytes(lines[0] + b"\n")
    assert [problem.code for problem in chain.verify(log, _KEY.public_key(), _said(envelopes[2]))] == [
        "wrong-log"
    ]
    assert chain.verify(log, _KEY.public_key(), _said(envelopes[0])) == []


def test_evidence_that_names_an_old_head_is_not_added(tmp_path: Path) -> None:
    log, envelopes = _log(tmp_path)
    with pytest.raises(UsageError, match="meanwhile"):
        chain.append(log, envelopes[1], _KEY, at=_AT)
    assert len(log.read_bytes().splitlines()) == 3


def test_a_file_that_is_no_envelope_is_told(tmp_path: Path) -> None:
    path = tmp_path / "evidence.json"
    for raw in (b"", b"[]", b"\xff"):
        path.write_bytes(raw)
        with pytest.raises(SovereignError, match=r"expected signed evidence|not UTF-8"):
            read_envelope(path)


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _payload(envelope: dict[str, Any]) -> bytes:
    return base64.b64decode(envelope["payload"])


def _signing(kind: str, payload: bytes) -> dict[str, Any]:
    """An envelope by the right key, over whatever is stated."""
    return {
        "payloadType": kind,
        "payload": _b64(payload),
        "signatures": [_row(_KEY.sign(pae(kind, payload)))],
    }


def _row(signature: bytes) -> dict[str, Any]:
    return {"keyid": key_id(_KEY.public_key()), "sig": _b64(signature)}


def _with(**members: Any) -> Callable[[], dict[str, Any]]:
    return lambda: {**_envelope(), **members}


def _with_signature(make: Callable[[bytes], bytes]) -> Callable[[], dict[str, Any]]:
    return lambda: {**_envelope(), "signatures": [_row(make(_payload(_envelope())))]}


def _payload_text(change: Callable[[str], str]) -> Callable[[], dict[str, Any]]:
    return lambda: {**_envelope(), "payload": change(_envelope()["payload"])}


def _signed_payload(change: Callable[[bytes], bytes], kind: str = PAYLOAD) -> Callable[[], dict[str, Any]]:
    return lambda: _signing(kind, change(_payload(_envelope())))


_FORGED: dict[str, Callable[[], dict[str, Any]]] = {
    "a type with a parameter": _with(payloadType=f"{PAYLOAD}; charset=utf-8"),
    "a type in capitals": _with(payloadType=PAYLOAD.upper()),
    "a type with a blank": _with(payloadType=f"{PAYLOAD} "),
    "a type of look-alike letters": _with(payloadType=PAYLOAD.replace("a", "\u0430")),
    "no type": _with(payloadType=""),
    "a list as type": _with(payloadType=[PAYLOAD]),
    "signed without the encoding": _with_signature(_KEY.sign),
    "signed as base64": _with_signature(lambda raw: _KEY.sign(pae(PAYLOAD, base64.b64encode(raw)))),
    "signed as another type": _with_signature(lambda raw: _KEY.sign(pae("application/json", raw))),
    "a signature of nothing": _with_signature(lambda _raw: _KEY.sign(b"")),
    "an empty signature": _with_signature(lambda _raw: b""),
    "zeros as signature": _with_signature(lambda _raw: bytes(64)),
    "a signature too long": _with_signature(lambda raw: _KEY.sign(pae(PAYLOAD, raw)) + b"\0"),
    "half a signature": _with_signature(lambda raw: _KEY.sign(pae(PAYLOAD, raw))[:32]),
    "another's signature under our name": _with_signature(
        lambda raw: Ed25519PrivateKey.generate().sign(pae(PAYLOAD, raw))
    ),
    "signatures in an object": _with(signatures={"sig": "AAAA"}),
    "a signature that is no object": _with(signatures=["AAAA"]),
    "base64 with a line end": _payload_text(lambda text: text[:8] + "\n" + text[8:]),
    "base64 of URLs": _payload_text(lambda text: "-_" + text[2:]),
    "base64 with a tail": _payload_text(lambda text: text + "AAAA"),
    "base64 with its padding inside": _payload_text(lambda text: text[:4] + "====" + text[4:]),
    "a name twice, signed": _signed_payload(lambda raw: b'{"_type":"x",' + raw[1:]),
    "a subject twice, signed": _signed_payload(lambda raw: raw.replace(b'"name":', b'"name":"x","name":', 1)),
    "UTF-16, signed": _signed_payload(lambda raw: raw.decode().encode("utf-16")),
    "two documents, signed": _signed_payload(lambda raw: raw + raw),
    "a list of it, signed": _signed_payload(lambda raw: b"[" + raw + b"]"),
    "half of it, signed": _signed_payload(lambda raw: raw[: len(raw) // 2]),
    "another type, signed": _signed_payload(lambda raw: raw, "application/json"),
    "a statement about access, signed": _signed_payload(
        lambda raw: orjson.dumps({**orjson.loads(raw), "predicateType": ACCESS})
    ),
    "another framework, signed": _signed_payload(
        lambda raw: orjson.dumps({**orjson.loads(raw), "_type": "https://in-toto.io/Statement/v0.1"})
    ),
    "a version more, signed": _signed_payload(
        lambda raw: orjson.dumps({**orjson.loads(raw), "predicateType": PREDICATE + "0"})
    ),
    "subjects in an object, signed": _signed_payload(
        lambda raw: orjson.dumps({**orjson.loads(raw), "subject": {"name": "spec"}})
    ),
}
"""Envelopes that say other things than what the key signed, or that the key signed as something else."""


@pytest.mark.parametrize("make", _FORGED.values(), ids=_FORGED)
def test_nothing_of_a_forged_envelope_is_believed(make: Callable[[], dict[str, Any]]) -> None:
    contents, problems = open_envelope(make(), _KEY.public_key())
    assert contents == {}
    [problem] = problems
    assert problem.code in {"bad-envelope", "bad-signature", "wrong-type", "wrong-layout"}


@pytest.mark.parametrize("foreign", [0, 1, 3])
def test_a_right_signature_counts_whatever_others_signed_beside_it(foreign: int) -> None:
    envelope = _envelope()
    for _ in range(foreign):
        other = Ed25519PrivateKey.generate().sign(pae(PAYLOAD, _payload(envelope)))
        envelope["signatures"].insert(0, _row(other))
    assert verify(envelope, _KEY.public_key(), _parts()) == []
