"""Waivers and the signature of who agreed: what counts offline, in policies and before the operator, and what
does not.
"""

from __future__ import annotations

import doctest
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as some

from sovereign_ai.cli.waiver import sign_waiver
from sovereign_ai.errors import SpecError
from sovereign_ai.names import normal_name
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.rules import approval
from sovereign_ai.rules.approval import (
    WAIVER_TYPE,
    approved_waivers,
    is_signed,
    mandate_ends,
    signed_waivers,
    unapproved_waivers,
)
from sovereign_ai.rules.judgement import UNWAIVABLE, RuleFinding, judge
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.rules.waiver_review import answer, question
from sovereign_ai.rules.whole_check import check
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import read_data
from sovereign_ai.spec.waiver import Approver, Waiver
from tests.rules.waivers import TODAY, waiver
from tests.support.approvals import key_of, listed, listed_in, public_key_of, signed_data

LAB = Path(__file__).parents[2] / "stacks" / "lab" / "factory.yaml"
WAIVER = {
    "id": "debug",
    "rule": "PRV-001",
    "resource": "Pod/research/debug",
    "reason": "a fault of the network is being looked for",
    "owner": "head of operations",
    "requester": "network lead",
    "approver": "security officer",
    "compensating_control": "the pod is watched",
    "created": "2026-11-01",
    "expires": "2026-12-20",
}
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "debug", "namespace": "research"},
    "spec": {"hostNetwork": True, "containers": [{"name": "a", "image": "registry.example.com/ai/a"}]},
}


def described(**changes: Any) -> dict[str, Any]:
    """Return the lab's plain data with one signed waiver, in which a test changes what it likes."""
    from sovereign_ai.spec.reader import load

    data = load(LAB).to_data()
    return signed_data({**data, "waivers": [{**WAIVER, **changes}]})


def status(factory: AIFactory) -> str:
    """Judge the pod that the waiver is for; return how PRV-001 ends."""
    verdict = check(factory, plan(factory), [POD], now=TODAY, cluster="lab")
    return next(
        one.status
        for one in verdict.findings
        if one.rule == "PRV-001" and one.resource == "Pod/research/debug"
    )


def policies(factory: AIFactory) -> list[dict[str, Any]]:
    bundle = render(factory, plan(factory), "lab")
    return [obj for obj in bundle.objects if obj["kind"] == "ValidatingAdmissionPolicy"]


def asked(factory: AIFactory) -> bool:
    """Tell whether a rendered policy asks about the waiver."""
    return "Pod/research/debug" in str(policies(factory))


def reasons(factory: AIFactory) -> list[str]:
    return [why for _, _, why in unapproved_waivers(factory)]


def test_a_waiver_that_its_listed_approver_signed_counts_everywhere() -> None:
    factory = read_data(described(), "lab").factory
    assert reasons(factory) == []
    assert status(factory) == "waived"
    assert asked(factory)
    assert answer(question(approved_waivers(factory), "lab"), listed_in(factory), TODAY) == "debug"
    verdict = check(factory, plan(factory), [POD], now=TODAY, cluster="lab")
    assert not [one for one in verdict.findings if one.rule == "WVR-004"]


@pytest.mark.parametrize(
    ("rule", "resource"),
    [
        ("RES-011", "ObjectBucketClaim/research/models"),
        ("RES-011", "S3Bucket/research/models"),
        ("RES-012", "ExternalSecret/research/token"),
        ("RES-012", "Service/research/of-knative"),
        ("RBC-009", "RoleBinding/research/acme:Ops_2"),
        ("PRV-001", "Pod/research/debug"),
    ],
)
def test_a_waiver_of_whatever_kind_check_names_is_read_and_asked_about_at_admission(
    rule: str, resource: str
) -> None:
    """Kinds of add-ons, and those that no rule knows, have one policy for all of them."""
    factory = read_data(described(rule=rule, resource=resource), "lab").factory
    assert reasons(factory) == []
    assert resource in str(policies(factory))


@pytest.mark.parametrize(
    "resource",
    [
        "Pod/research/*",
        "*/research/debug",
        "Pod",
        "Pod/",
        "Pod/a/b/c",
        "2Pod/research/debug",
        "Pod /research/debug",
        "Pod/research/debug\n",
        "Pod/research/d\u0435bug",
        "Pod/research/debug,other",
        "Pod/research/[a-z]",
        "Pod/research/(a|b)",
    ],
)
def test_no_waiver_is_for_more_than_one_resource(resource: str) -> None:
    with pytest.raises(SpecError, match=r"waivers\[0\].resource"):
        read_data(described(resource=resource), "lab")


def _unsigned(data: dict[str, Any]) -> None:
    del data["waivers"][0]["signature"]


def _unlisted(data: dict[str, Any]) -> None:
    data["approvers"] = []


def _of_another(data: dict[str, Any]) -> None:
    made = sign_waiver(Waiver.model_validate(WAIVER), "lab", key_of("a stranger"))
    data["waivers"][0]["signature"] = made


def _another_key_listed(data: dict[str, Any]) -> None:
    data["approvers"][0]["key"] = public_key_of("a stranger")


def _of_another_factory(data: dict[str, Any]) -> None:
    data["waivers"][0]["signature"] = sign_waiver(
        Waiver.model_validate(WAIVER), "other", key_of("security officer")
    )


def _agreed_after_the_last_day(data: dict[str, Any]) -> None:
    data["approvers"][0]["until"] = "2026-10-31"


def _key_of_the_signer_alone(data: dict[str, Any]) -> None:
    key, _, made = data["waivers"][0]["signature"].partition(":")
    data["waivers"][0]["signature"] = f"{public_key_of('a stranger')}:{made}"
    assert key != public_key_of("a stranger")


def _changed(field: str, value: str) -> Callable[[dict[str, Any]], None]:
    return lambda data: data["waivers"][0].update({field: value})


@pytest.mark.parametrize(
    "change",
    [
        _unsigned,
        _unlisted,
        _of_another,
        _another_key_listed,
        _of_another_factory,
        _agreed_after_the_last_day,
        _key_of_the_signer_alone,
        _changed("id", "other"),
        _changed("reason", "another reason"),
        _changed("owner", "nobody"),
        _changed("requester", "somebody"),
        _changed("approver", "head of law"),
        _changed("compensating_control", "nothing"),
        _changed("created", "2026-11-02"),
        _changed("expires", "2026-12-21"),
    ],
)
def test_a_waiver_without_a_signature_that_fits_covers_nothing_anywhere_and_is_named(
    change: Callable[[dict[str, Any]], None],
) -> None:
    data = described()
    change(data)
    factory = read_data(data, "lab").factory
    assert len(reasons(factory)) == 1
    assert status(factory) == "violation"
    verdict = check(factory, plan(factory), [POD], now=TODAY, cluster="lab")
    [found] = [one for one in verdict.violations if one.rule == "WVR-004"]
    assert "it covers nothing" in found.message
    assert "waiver sign" in found.remediation
    assert not asked(factory)


@pytest.mark.parametrize("field", sorted(Waiver.model_fields))
def test_every_field_of_a_waiver_is_covered_by_its_signature(field: str) -> None:
    """A field that a later version adds is covered, too, or this fails."""
    data = described()
    other = {
        "created": "2026-11-02",
        "expires": "2026-12-21",
        "rule": "PRV-002",
        "resource": "Pod/research/other",
    }
    data["waivers"][0][field] = other.get(field, "other") if field != "signature" else None
    assert len(reasons(read_data(data, "lab").factory)) == 1


@pytest.mark.parametrize(
    "name",
    [
        "id",
        "rule",
        "resource",
        "requester",
        "approver",
        "created",
        "expires",
        "signature",
        "factory",
        "words",
    ],
)
def test_the_operator_answers_no_where_any_fact_of_a_question_was_changed(name: str) -> None:
    [row] = orjson.loads(question([waiver()], "lab"))
    other = {
        "created": "2026-11-22",
        "expires": "2026-12-01",
        "rule": "PRV-002",
        "resource": "Pod/research/other",
    }
    row[name] = other.get(name, "other")
    assert answer(orjson.dumps([row]).decode(), listed("security officer"), TODAY) == ""
    del row[name]
    assert answer(orjson.dumps([row]).decode(), listed("security officer"), TODAY) == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (" Network  Lead", "network lead"),
        ("network\u00a0lead", "Network Lead"),
        ("network-lead", "network lead"),
        ("NETWORK_LEAD", "network lead"),
        ("network lead.", "network lead"),
        ("\uff4eetwork lead", "network lead"),  # a full-width n
        ("Stra\u00dfe", "STRASSE"),
        ("\ufb01nance", "finance"),  # a ligature
        ("network\tlead", "network lead"),
        ("re\u0301gie", "r\u00e9gie"),  # an accent apart
    ],
)
def test_who_asks_cannot_agree_however_the_name_is_written(one: str, other: str) -> None:
    assert normal_name(one) == normal_name(other)
    factory = read_data(described(), "lab").factory
    made = factory.waivers[0].model_copy(update={"requester": one, "approver": other})
    made = made.model_copy(update={"signature": sign_waiver(made, "lab", key_of(other))})
    listed = (Approver.model_construct(None, name=other, key=public_key_of(other), until=None),)
    changed = factory.model_copy(update={"waivers": (made,), "approvers": listed})
    assert reasons(changed) == ["who asks cannot agree"]
    assert status(changed) == "violation"


@given(some.text(max_size=30))
def test_a_normal_form_is_its_own(text: str) -> None:
    assert normal_name(normal_name(text)) == normal_name(text)
    assert normal_name(f"  {text} ") == normal_name(text)


def test_two_names_with_one_key_are_one_person_and_refused() -> None:
    data = described()
    data["approvers"].append({"name": "network lead", "key": data["approvers"][0]["key"]})
    with pytest.raises(SpecError, match="same key"):
        read_data(data, "lab")
    data["approvers"][1] = {"name": "Security  Officer", "key": public_key_of("b")}
    with pytest.raises(SpecError, match="same name"):
        read_data(data, "lab")


@pytest.mark.parametrize(
    ("another", "reason"),
    [
        (("head of audit", "security officer"), "'head of audit' and 'security officer' have the same key"),
        (("Security  Officer", "head of audit"), "the description lists 'security officer' twice"),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_what_no_reader_saw_counts_no_more_than_what_was_read(
    another: tuple[str, str], reason: str, place: int
) -> None:
    """A description that a program built may list a key or a name twice."""
    factory = read_data(described(), "lab").factory
    name, owner = another
    approvers = [*factory.approvers]
    approvers.insert(place, Approver(name=name, key=public_key_of(owner)))
    built = factory.model_copy(update={"approvers": tuple(approvers)})
    [found] = reasons(built)
    assert reason in found
    assert status(built) == "violation"


@pytest.mark.parametrize("key", ["", "MCowBQYDK2VwAyEA", "A" * 60, "MCowBQYDK2VwAyEA" + "A" * 44])
def test_what_is_no_key_is_refused_when_it_is_read(key: str) -> None:
    data = described()
    data["approvers"][0]["key"] = key
    with pytest.raises(SpecError, match="bad-approver-key"):
        read_data(data, "lab")


def test_a_key_of_a_point_that_is_none_approves_nothing() -> None:
    data = described()
    other = "MCowBQYDK2VwAyEA" + "C" * 42 + "A="
    data["approvers"][0]["key"] = other
    data["waivers"][0]["signature"] = f"{other}:{'A' * 86}=="
    with pytest.raises(SpecError, match="nobody can sign for this key"):
        read_data(data, "lab")
    assert not is_signed(data["waivers"][0]["signature"], WAIVER_TYPE, b"whatever")


def ending(until: date | None, **changes: Any) -> AIFactory:
    """Return the described factory, whose approver may agree up to a day."""
    data = described(**changes)
    data["approvers"][0]["until"] = until.isoformat() if until is not None else None
    return read_data(data, "lab").factory


def honoured(factory: AIFactory, now: date) -> tuple[str, str]:
    """Return the waiver that counts on a day offline, and by the operator's answer to the policies."""
    broken = RuleFinding("PRV-001", "high", "Pod/research/debug", "", "", "")
    [offline] = judge([broken], approved_waivers(factory), now).findings
    signed = signed_waivers(factory)
    asked = question(signed, "lab", mandate_ends(factory))
    return offline.waiver, answer(asked, listed_in(factory), now) if signed else ""


@pytest.mark.parametrize("until", [-40, -5, -1, 0, 1, 29, 60, None])
@pytest.mark.parametrize("created", [-95, -60, -5, 0, 5])
@pytest.mark.parametrize("days", [1, 90])
def test_what_an_approver_signed_counts_up_to_that_ones_last_day_whatever_day_it_bears(
    until: int | None, created: int, days: int
) -> None:
    begin, ends = TODAY + timedelta(days=created), until
    last = TODAY + timedelta(days=ends) if ends is not None else None
    end = begin + timedelta(days=days)
    factory = ending(last, created=begin.isoformat(), expires=end.isoformat())
    for passed in (-90, -30, -5, -1, 0, 1, 2, 29, 30, 60, 89):
        now = TODAY + timedelta(days=passed)
        counts = begin <= now < end and (last is None or now <= last)
        expected = "debug" if counts else ""
        assert honoured(factory, now) == (expected, expected), now


def test_a_waiver_that_is_dated_back_covers_nothing_and_says_how_to_go_on() -> None:
    """The key's owner may agree no more since the 10th, and signs on the 24th what bears the 9th."""
    factory = ending(date(2026, 11, 10), created="2026-11-09", expires="2027-02-07")
    assert status(factory) == "violation"
    verdict = check(factory, plan(factory), [POD], now=TODAY, cluster="lab")
    [told] = [one for one in verdict.findings if one.rule == "WVR-003"]
    assert "ended on 2026-11-11 with its approver's right to agree and covers nothing; have" in told.message
    assert told.field == "waivers[0].approver"
    assert '"until":"2026-11-10"' in str(policies(factory)).replace("\\", "")


def test_a_waiver_of_before_the_last_day_is_renewed_by_who_may_agree_now() -> None:
    data = described(created="2026-11-09", expires="2027-02-07")
    data["approvers"][0]["until"] = "2026-11-10"
    renewed = {**data["waivers"][0], "approver": "head of law"}
    data = signed_data({**data, "waivers": [renewed]})
    factory = read_data(data, "lab").factory
    assert len(factory.approvers) == 2
    assert honoured(factory, TODAY) == ("debug", "debug")
    assert status(factory) == "waived"


def test_policies_tell_the_last_day_only_where_it_ends_a_waiver_early() -> None:
    assert '"until' not in str(policies(ending(date(2026, 12, 19)))).replace("\\", "")
    assert '"until' in str(policies(ending(date(2026, 12, 18)))).replace("\\", "")


@pytest.mark.parametrize("until", ["", "2026-11-31", "soon", 20261130, None, [], {}])
def test_the_operator_answers_no_where_the_last_day_is_no_day(until: object) -> None:
    [row] = orjson.loads(question([waiver()], "lab"))
    assert answer(orjson.dumps([{**row, "until": until}]).decode(), listed("security officer"), TODAY) == ""


def test_no_waiver_covers_what_is_wrong_with_waivers() -> None:
    assert {rule.id for rule in REGISTRY if rule.id.startswith("WVR-")} <= UNWAIVABLE


def test_an_old_record_stays_readable_and_its_signature_holds_after_its_end() -> None:
    data = described(
        created=(date(2025, 1, 1)).isoformat(), expires=(date(2025, 1, 1) + timedelta(days=30)).isoformat()
    )
    assert reasons(read_data(data, "lab").factory) == []


def test_its_examples_hold() -> None:
    assert doctest.testmod(approval).failed == 0
