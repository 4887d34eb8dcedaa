"""OSCAL: references that resolve, outcomes that say no more than was found.

The documents were read once by compliance-trestle 5.2.0 (`trestle validate -a`, OSCAL 1.2.1), all four kinds,
with and without violations; it is no dependency of these tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest

from sovereign_ai.attest import oscal
from sovereign_ai.rules.judgement import RuleVerdict
from sovereign_ai.rules.registry import REGISTRY
from tests.attest.judged import NOW, clean, factory, verdict

TOKEN = re.compile(r"(\w|_)[\w.\-]*")


def documents(found: RuleVerdict | None = None) -> dict[str, dict[str, Any]]:
    return oscal.documents(found or verdict(), factory(), NOW)


def result(found: RuleVerdict | None = None) -> dict[str, Any]:
    one: dict[str, Any] = documents(found)[oscal.RESULTS_FILE]["assessment-results"]["results"][0]
    return one


def walk(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    yield key, value
    if isinstance(value, dict):
        for name, item in value.items():
            yield from walk(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item, key)


def test_there_are_four_documents_of_one_version() -> None:
    found = documents()
    assert set(found) == {oscal.CATALOG_FILE, oscal.COMPONENTS_FILE, oscal.RESULTS_FILE, oscal.PLAN_FILE}
    for document in found.values():
        (body,) = document.values()
        assert body["metadata"]["oscal-version"] == "1.2.1"
        assert body["metadata"]["last-modified"] == "2026-11-24T12:00:00+00:00"


@pytest.mark.parametrize(
    "name", [oscal.CATALOG_FILE, oscal.COMPONENTS_FILE, oscal.RESULTS_FILE, oscal.PLAN_FILE]
)
def test_identifiers_are_version_5_unique_and_every_reference_resolves(name: str) -> None:
    document = documents()[name]
    declared = [value for key, value in walk(document) if key == "uuid"]
    assert len(declared) == len(set(declared))
    assert {UUID(one).version for one in declared} == {5}
    for key, value in walk(document):
        if key in {"observation-uuid", "risk-uuid", "subject-uuid"}:
            assert value in declared
        if key == "href" and str(value).startswith("#"):
            assert value[1:] in declared
        if key == "party-uuids" and isinstance(value, str):
            assert value in declared


def test_no_value_is_empty_and_every_token_is_one() -> None:
    for document in documents().values():
        for key, value in walk(document):
            if isinstance(value, str | list | dict):
                assert value, key
            if key in {"control-id", "target-id", "id"}:
                assert TOKEN.fullmatch(str(value)), value
            if key == "value":
                assert value == " ".join(str(value).split())


def test_the_catalog_holds_every_control_that_is_referred_to_and_says_what_is_no_law() -> None:
    body = documents()[oscal.CATALOG_FILE]["catalog"]
    controls = [control for group in body["groups"] for control in group["controls"]]
    ids = {control["id"] for control in controls}
    assert len(ids) == len(controls)
    for name in (oscal.COMPONENTS_FILE, oscal.RESULTS_FILE):
        assert {value for key, value in walk(documents()[name]) if key == "control-id"} <= ids
    assert {control["class"] for control in controls if control["id"].startswith("cada-")} == {"proposal"}
    assert {control["class"] for control in controls if control["id"].startswith("gdpr-")} == {"law"}


def test_every_rule_stands_in_a_component() -> None:
    props = [
        value
        for key, value in walk(documents()[oscal.COMPONENTS_FILE])
        if key == "props" and isinstance(value, dict)
    ]
    assert {prop["value"] for prop in props if prop["name"] == "Rule_Id"} == {rule.id for rule in REGISTRY}


def outcome(control: str, found: RuleVerdict | None = None) -> tuple[str, str]:
    one = next(item for item in result(found)["findings"] if item["target"]["target-id"] == f"{control}_smt")
    return one["target"]["status"]["state"], one["target"]["status"]["reason"]


def test_a_control_is_satisfied_only_where_every_rule_was_decided_and_none_violated() -> None:
    assert outcome("ecsf-sov-2.2") == ("not-satisfied", "fail")
    assert outcome("ecsf-sov-2.2", clean()) == ("satisfied", "pass")
    assert outcome("c3a-sov-4-01") == ("not-satisfied", "other"), "a waiver never hides"
    assert outcome("c3a-sov-4-05") == ("not-satisfied", "other"), "undecidable is no pass"
    assert {item["target"]["status"]["state"] for item in result(clean())["findings"]} == {"satisfied"}


def test_the_plan_of_action_names_what_is_open_and_what_is_waived_until_when() -> None:
    body = documents()[oscal.PLAN_FILE]["plan-of-action-and-milestones"]
    risks = {risk["title"]: risk for risk in body["risks"]}
    assert risks["LAW-001 Factory/small"]["status"] == "open"
    waived = risks["STF-001 Factory/small"]
    assert (waived["status"], waived["deadline"]) == ("deviation-approved", "2027-01-15T00:00:00+00:00")
    assert waived["mitigating-factors"][0]["description"] == "two people look on"
    assert len(body["poam-items"]) == len(body["risks"]) == len(body["observations"])


def test_without_a_finding_there_is_no_plan_of_action() -> None:
    assert oscal.PLAN_FILE not in documents(clean())


def test_the_same_verdict_at_the_same_time_gives_the_same_bytes_and_a_finding_keeps_its_name() -> None:
    assert orjson.dumps(documents()) == orjson.dumps(documents())
    later = oscal.documents(verdict(), factory(), NOW + timedelta(days=1))[oscal.RESULTS_FILE][
        "assessment-results"
    ]
    assert [one["uuid"] for one in later["results"][0]["observations"]] == [
        one["uuid"] for one in result()["observations"]
    ]
    assert later["results"][0]["uuid"] != result()["uuid"]


@pytest.mark.parametrize("found", [verdict(), clean()], ids=["with findings", "clean"])
def test_every_finding_rests_on_an_observation_that_says_what_was_decided(found: RuleVerdict) -> None:
    document = result(found)
    observations = {one["uuid"]: one for one in document["observations"]}
    assert len(document["findings"]) > 50
    for finding in document["findings"]:
        related = [observations[one["observation-uuid"]] for one in finding["related-observations"]]
        assert related, finding["title"]
        rules = {prop["value"] for one in related for prop in one["props"] if prop["name"] == "Rule_Id"}
        assert rules <= {
            each.strip() for each in finding["target"]["status"]["remarks"].removeprefix("rules: ").split(",")
        }
