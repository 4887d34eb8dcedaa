"""Ten thousand generated objects: what Python denies is what the real API server denies, rule by rule, and
nothing else.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import islice
from pathlib import Path

import pytest

from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.rules.context import Context, factory_context
from sovereign_ai.rules.engine import evaluate
from sovereign_ai.rules.kinds import KINDS
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.spec.reader import load
from tests.rules.agreement import UNREACHED, compare, running_plane
from tests.rules.generated import Generator, Object, corpus

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"
COUNT, DECIDED = 5_000, 10_000


@cache
def lab() -> tuple[tuple[Object, ...], Context]:
    factory = load(LAB)
    derived = plan(factory)
    return corpus(render(factory, derived, "lab").objects), factory_context(factory, derived, "lab")


def generated(seed: int, count: int) -> list[tuple[Object, str]]:
    return list(islice(Generator(seed, *lab()), count))


@cache
def first() -> tuple[Object, ...]:
    """Give the objects of the first seed, which nobody changes."""
    return tuple(obj for obj, _ in generated(1, COUNT))


def test_a_seed_gives_the_same_objects_each_time_and_another_seed_gives_others() -> None:
    assert generated(1, 200) == generated(1, 200) != generated(2, 200)


def test_every_kind_is_made_and_lies_in_namespaces_of_ours() -> None:
    assert {obj["kind"] for obj in first()} == set(KINDS)
    namespaces = {obj["metadata"].get("namespace", "") for obj in first()}
    assert namespaces == {"", *dict(lab()[1].namespaces)}


def test_every_rule_refuses_some_and_many_are_refused_by_no_rule_or_by_one() -> None:
    refused = [{finding.rule for finding in evaluate([obj], lab()[1])} for obj in first()]
    # Kinds of add-ons are listed by themselves, and the lab declares no signers of images, no resolvers and
    # no clusters that work is sent to.
    apart = {"RES-011", "IMG-004", "NET-011", "NET-012", "PLC-012"}
    assert {rule.id for rule in REGISTRY if rule.checks} - apart == set().union(*refused)
    sizes = Counter(map(len, refused))
    assert sizes[0] > COUNT / 5
    assert sizes[1] > COUNT / 5


@pytest.mark.cluster
def test_ten_thousand_objects_are_decided_alike_in_python_and_by_the_api_server() -> None:
    with running_plane() as plane:
        report = compare(DECIDED, plane)
    assert report.disagreed == []
    assert report.agreed.total() == DECIDED
    assert min(report.agreed["allow"], report.agreed["deny"]) > DECIDED / 5
    asked = {rule.id for rule in REGISTRY if rule.checks and "admission" in rule.places}
    assert asked - set(report.rules) == set(UNREACHED)
    assert set(report.kinds) >= {name for name, kind in KINDS.items() if kind.group}
