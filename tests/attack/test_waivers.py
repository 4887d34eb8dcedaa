"""Waivers, attacked: one that is another's, of another time, for something else, or that nobody signed.

Each covers nothing, offline and before the operator; the same waiver without the attack covers what it names.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import orjson
import pytest

from sovereign_ai.attest.signing import base64_text
from sovereign_ai.cli.waiver import sign_waiver
from sovereign_ai.rules.approval import approved_waivers, mandate_ends, signed_waivers
from sovereign_ai.rules.judgement import RuleFinding, judge
from sovereign_ai.rules.waiver_review import answer, question
from sovereign_ai.spec.waiver import Approver, Waiver
from tests.render.lab import stack
from tests.rules.test_approval import WAIVER
from tests.support.approvals import key_of, listed, listed_in, public_key_of
from tests.support.weak_keys import FORGED, NEUTRAL, text_of

FACTORY, _ = stack("lab")
DAY = date(2026, 11, 24)
OFFICERS = listed("security officer", "network lead")
OFFICER, MOVED = "security officer", "Pod/startups/debug"


def broken(resource: str = "Pod/research/debug", rule: str = "PRV-001") -> RuleFinding:
    return RuleFinding(rule, "high", resource, "", "", "")


Changes = dict[str, Any]


def waiver(factory: str = "lab", by: str = "", **changes: Any) -> Waiver:
    """Return a waiver that its approver signs as it is, or somebody else."""
    made = Waiver.model_validate({**WAIVER, **changes})
    signature = sign_waiver(made, factory, key_of(by or made.approver))
    return made.model_copy(update={"signature": signature})


def approvers(*names: str, until: date | None = None) -> tuple[Approver, ...]:
    return tuple(listed_as(name, public_key_of(name), until) for name in names)


def listed_as(name: str, key: str, until: date | None = None) -> Approver:
    return Approver.model_construct(None, name=name, key=key, until=until)


def covers(
    one: Waiver, listed: tuple[Approver, ...], now: date = DAY, finding: RuleFinding | None = None
) -> set[str]:
    """Return the waivers that count offline, and before the operator."""
    factory = FACTORY.model_copy(update={"waivers": (one,), "approvers": listed})
    met = finding or broken()
    [offline] = judge([met], approved_waivers(factory), now).findings
    signed = signed_waivers(factory)
    asked = question(signed, factory.name, mandate_ends(factory))
    online = answer(asked, listed_in(factory), now) if signed else ""
    # Policies ask for the object at hand, so that the question is about nothing else.
    is_asked = (one.rule, one.resource) == (met.rule, met.resource)
    return {offline.waiver, online if is_asked else ""} - {""}


LISTED = approvers("security officer", "network lead", "other officer")
SIGNED = waiver()


def after(**changes: Any) -> Waiver:
    """Return the waiver, changed after it was signed."""
    return SIGNED.model_copy(update=changes)


_OTHER = public_key_of("other officer")
ATTACKS: dict[str, Callable[[], set[str]]] = {
    # Another deployment.
    "of another factory": lambda: covers(waiver("other"), LISTED),
    "of no factory": lambda: covers(waiver(""), LISTED),
    "of a factory in capitals": lambda: covers(waiver("LAB"), LISTED),
    # Another time.
    "of yesterday": lambda: covers(SIGNED, LISTED, SIGNED.expires),
    "of long ago": lambda: covers(SIGNED, LISTED, date(2036, 1, 1)),
    "of tomorrow": lambda: covers(SIGNED, LISTED, SIGNED.created - timedelta(days=1)),
    "of the first day of all": lambda: covers(SIGNED, LISTED, date.min),
    "of the last day of all": lambda: covers(SIGNED, LISTED, date.max),
    "made longer": lambda: covers(after(expires=date(2027, 1, 30)), LISTED, date(2027, 1, 1)),
    "made earlier": lambda: covers(after(created=date(2026, 1, 1)), LISTED, date(2026, 2, 1)),
    "that ends before it begins": lambda: covers(waiver(expires="2026-10-01"), LISTED),
    "of ten years": lambda: covers(waiver(expires="2036-11-01"), LISTED),
    "by an approver of before": lambda: covers(
        SIGNED, approvers("security officer", until=date(2026, 11, 20))
    ),
    # Another scope.
    "of another rule": lambda: covers(after(rule="RES-001"), LISTED, finding=broken(rule="RES-001")),
    "of another pod": lambda: covers(SIGNED, LISTED, finding=broken("Pod/research/debug2")),
    "of a part of the name": lambda: covers(SIGNED, LISTED, finding=broken("Pod/research/debu")),
    "of another namespace": lambda: covers(
        after(resource="Pod/startups/debug"), LISTED, finding=broken("Pod/startups/debug")
    ),
    "of another kind": lambda: covers(SIGNED, LISTED, finding=broken("Job/research/debug")),
    "of a name in other letters": lambda: covers(SIGNED, LISTED, finding=broken("Pod/research/d\u0435bug")),
    # Somebody else.
    "by who asks": lambda: covers(waiver(approver="network lead"), LISTED),
    "by who asks, in other words": lambda: covers(waiver(approver="Network_LEAD"), LISTED),
    "by who asks, in another alphabet": lambda: covers(
        waiver(approver="\u0440\u043e\u0440\u0435", requester="pope"), approvers("\u0440\u043e\u0440\u0435")
    ),
    "by who asks, with one key under two names": lambda: covers(
        SIGNED,
        (listed_as("network lead", public_key_of("security officer")), *approvers("security officer")),
    ),
    "by nobody": lambda: covers(after(signature=None), LISTED),
    "by an empty signature": lambda: covers(after(signature=""), LISTED),
    "by a stranger": lambda: covers(waiver(approver="stranger"), LISTED),
    "by a stranger under the approver's name": lambda: covers(waiver(by="stranger"), LISTED),
    "by another approver under this one's name": lambda: covers(waiver(by="other officer"), LISTED),
    "under another approver's name": lambda: covers(after(approver="other officer"), LISTED),
    "by another approver's key before this one's signature": lambda: covers(
        after(signature=f"{_OTHER}:{(SIGNED.signature or '').partition(':')[2]}"), LISTED
    ),
    "by a weak key": lambda: covers(
        after(signature=f"{text_of(NEUTRAL)}:{base64_text(FORGED)}"),
        (listed_as("security officer", text_of(NEUTRAL)),),
    ),
    "by nobody who is listed": lambda: covers(SIGNED, ()),
    "with a blank behind the signature": lambda: covers(after(signature=f"{SIGNED.signature} "), LISTED),
    "with other words": lambda: covers(after(reason="none"), LISTED),
    "without what keeps the risk down": lambda: covers(after(compensating_control="nothing"), LISTED),
    "with another owner": lambda: covers(after(owner="nobody"), LISTED),
    "asked for by another": lambda: covers(after(requester="other officer"), LISTED),
    "of another id": lambda: covers(after(id="other"), LISTED),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_waiver_covers_nothing(attack: str) -> None:
    assert ATTACKS[attack]() == set()


@pytest.mark.parametrize("day", [SIGNED.created, DAY, SIGNED.expires - timedelta(days=1)])
def test_the_same_waiver_without_an_attack_covers_what_it_names(day: date) -> None:
    assert covers(SIGNED, LISTED, day) == {"debug"}
    assert covers(waiver(approver="other officer"), LISTED, day) == {"debug"}


def asked(**changes: Any) -> list[Changes]:
    """Return the rows of the operator's question about the waiver, with changes."""
    rows: list[Changes] = orjson.loads(question([SIGNED], "lab"))
    return [{**rows[0], **changes}]


def _without(name: str) -> list[Changes]:
    [row] = asked()
    row.pop(name)
    return [row]


QUESTIONS: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "no JSON": lambda: "{",
    "an object": lambda: orjson.dumps(asked()[0]).decode(),
    "a list of texts": lambda: '["debug"]',
    "a list of lists": lambda: "[[1, 2]]",
    "a number": lambda: "7",
    "NaN": lambda: "[NaN]",
    "something behind it": lambda: orjson.dumps(asked()).decode() + "[]",
    "no end": lambda: "[" * 100_000,
    "too long": lambda: orjson.dumps(asked()).decode() + " " * (1 << 17),
    "a huge number": lambda: orjson.dumps(asked()).decode().replace('"lab"', "9" * 5000),
    "a lone half of a letter": lambda: orjson.dumps(asked()).decode().replace("debug", "\ud800"),
    "of another factory": lambda: orjson.dumps(asked(factory="other")).decode(),
    "other words": lambda: orjson.dumps(asked(words="0" * 64)).decode(),
    "no words": lambda: orjson.dumps(_without("words")).decode(),
    "no factory": lambda: orjson.dumps(_without("factory")).decode(),
    "no signature": lambda: orjson.dumps(_without("signature")).decode(),
    "null for the signature": lambda: orjson.dumps(asked(signature=None)).decode(),
    "a number for the signature": lambda: orjson.dumps(asked(signature=1)).decode(),
    "a fact more": lambda: orjson.dumps(asked(more="x")).decode(),
    "an end that is no day": lambda: orjson.dumps(asked(until="soon")).decode(),
    "an end that is a number": lambda: orjson.dumps(asked(until=20261231)).decode(),
    "an end that has passed": lambda: orjson.dumps(asked(until="2026-11-01")).decode(),
    "a later end": lambda: orjson.dumps(asked(expires="2027-01-30")).decode(),
    "another rule": lambda: orjson.dumps(asked(rule="RES-001")).decode(),
    "another resource": lambda: orjson.dumps(asked(resource="Pod/startups/debug")).decode(),
    "every resource": lambda: orjson.dumps(asked(resource="Pod/*")).decode(),
    "two resources": lambda: orjson.dumps([*asked(), *_of_another_pod()]).decode(),
    "who asks agrees": lambda: question([waiver(approver="network lead")], "lab"),
    "ten years": lambda: question([waiver(expires="2036-11-01")], "lab"),
}


def _of_another_pod() -> list[Changes]:
    rows: list[Changes] = orjson.loads(question([waiver(resource="Pod/research/other")], "lab"))
    return rows


@pytest.mark.parametrize("attack", QUESTIONS)
def test_the_operator_answers_no_to_a_question_that_is_none(attack: str) -> None:
    assert answer(QUESTIONS[attack](), OFFICERS, DAY) == ""


def test_the_operator_answers_yes_to_the_question_itself() -> None:
    assert answer(orjson.dumps(asked()).decode(), OFFICERS, DAY) == "debug"
    assert answer(orjson.dumps(asked(until="2026-12-31")).decode(), OFFICERS, DAY) == "debug"
