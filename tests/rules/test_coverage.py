"""The published matrix, held against what each place really does with the cases."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sovereign_ai.render.kubernetes.admission import objects
from sovereign_ai.render.kubernetes.revision import enforced_revision
from sovereign_ai.rules.coverage import decided_share, places_matrix
from sovereign_ai.rules.engine import ObjectPlace
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.spec.reader import load
from tests.rules.cases import LAB, Case, cases, found_offline, lab_context

ROOT = Path(__file__).resolve().parents[2]
OBJECT_RULES = {rule.id for rule in REGISTRY if rule.checks}
FEW = 8
EVALUATED: tuple[ObjectPlace, ...] = ("bundle", "pulumi", "live")


@cache
def enforced() -> frozenset[str]:
    """Give the rules that the lab's admission policies name."""
    # With a signer of images and a resolver: without them the policies leave out the rules about them.
    policies = [
        obj for obj in objects(load(LAB), lab_context()) if obj["kind"] == "ValidatingAdmissionPolicy"
    ]
    messages = [validation["message"] for policy in policies for validation in policy["spec"]["validations"]]
    named = {message.partition(":")[0] for message in messages if enforced_revision(message) is None}
    return frozenset(named)


@cache
def some_cases() -> tuple[Case, ...]:
    """Give the first few cases of each rule and decision; there are thousands of some rules."""
    counts: Counter[str] = Counter()
    chosen = []
    for case in cases():
        kind = f"{case.name.partition('/')[0]} {case.decision}"
        counts[kind] += 1
        if counts[kind] <= FEW:
            chosen.append(case)
    return tuple(chosen)


@cache
def seen(place: ObjectPlace) -> tuple[frozenset[str], frozenset[str]]:
    """Give the rules that refuse some case in a place, and those that say `undecidable` there."""
    found = [finding for case in some_cases() for finding in found_offline(case, place)]
    refusing = frozenset(one.rule for one in found if one.status == "violation")
    return refusing, frozenset(one.rule for one in found if one.status == "undecidable")


def decided(place: str) -> set[str]:
    return {
        cell.rule
        for cell in places_matrix()
        if cell.place == place and cell.decided and cell.rule in OBJECT_RULES
    }


@pytest.mark.parametrize("place", EVALUATED)
def test_a_rule_that_a_place_decides_refuses_some_case_and_any_other_is_undecidable(
    place: ObjectPlace,
) -> None:
    refusing, silent = seen(place)
    assert decided(place) == refusing
    assert OBJECT_RULES - decided(place) == silent


def test_admission_policies_hold_exactly_the_rules_that_admission_decides() -> None:
    assert decided("admission") == enforced()


def test_at_least_80_in_100_cells_are_decided_counted_by_what_each_place_does() -> None:
    cells = sum(len(seen(place)[0]) for place in EVALUATED) + len(enforced())
    share = cells / (4 * len(OBJECT_RULES))
    assert share == decided_share() >= 0.8
    assert (
        f"{len(OBJECT_RULES)} look at Kubernetes objects, and are decided in {share:.1%} of their places"
        in (ROOT / "docs" / "controls.md").read_text(encoding="utf-8")
    )


def test_rules_prints_the_same_matrix_and_why_a_place_does_not_decide() -> None:
    from sovereign_ai.cli.main import app

    data = json.loads(CliRunner().invoke(app, ["rules", "--json"]).stdout)
    assert {(one["rule"], one["place"], one["decided"], one["why"]) for one in data["matrix"]} == {
        (cell.rule, cell.place, cell.decided, cell.why) for cell in places_matrix()
    }
    assert data["share_decided"] == round(decided_share(), 4)
    assert all(one["decided"] != bool(one["why"]) for one in data["matrix"])
