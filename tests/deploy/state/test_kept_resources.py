"""What a failed run dropped from the state without deleting it goes back, and nothing else."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest

from sovereign_ai.deploy.state.kept_resources import put_back

STATE: list[dict[str, Any]] = [
    {"urn": "stack"},
    {"urn": "factory", "parent": "stack"},
    {"urn": "k8s", "parent": "factory"},
    {"urn": "tenant", "parent": "factory"},
    {"urn": "ns", "parent": "tenant", "provider": "k8s::id"},
    {"urn": "zone", "parent": "factory"},
    {"urn": "role", "parent": "zone", "deletedWith": "ns", "dependencies": ["ns"], "provider": "k8s::id"},
    {
        "urn": "binding",
        "parent": "zone",
        "deletedWith": "ns",
        "dependencies": ["ns", "role"],
        "provider": "k8s::id",
    },
    {"urn": "policy", "parent": "factory", "provider": "k8s::id"},
]


def urns(resources: Any) -> list[str]:
    return [one["urn"] for one in resources]


def without(*gone: str) -> list[dict[str, Any]]:
    return [one for one in STATE if one["urn"] not in gone]


def test_an_object_whose_namespace_stayed_goes_back_with_what_it_needs() -> None:
    after = put_back(STATE, without("zone", "role", "binding"))
    assert sorted(urns(after)) == sorted(urns(STATE))


def test_what_was_deleted_with_its_namespace_or_by_itself_stays_deleted() -> None:
    after = without("zone", "role", "binding", "ns", "tenant", "policy")
    assert put_back(STATE, after) == after


def test_a_run_that_dropped_nothing_changes_nothing() -> None:
    assert put_back(STATE, STATE) == STATE
    assert put_back([], STATE) == STATE


@pytest.mark.parametrize("seed", range(40))
def test_whatever_was_dropped_each_resource_stands_after_what_it_needs(seed: int) -> None:
    gone = random.Random(seed).sample(urns(STATE), k=seed % len(STATE))  # noqa: S311 - a case, not a secret
    # The engine deletes what needs others first: whatever needs what is gone is gone too.
    for _ in STATE:
        gone += [one["urn"] for one in STATE if one["urn"] not in gone and set(needs(one)) & set(gone)]
    after = put_back(STATE, without(*gone))
    places = {urn: number for number, urn in enumerate(urns(after))}
    assert len(places) == len(after), "none twice"
    for one, needed in itertools.chain.from_iterable(([(one, need) for need in needs(one)]) for one in after):
        assert places[needed] < places[one["urn"]]
    assert {urn for urn in ("role", "binding") if "ns" in places} <= set(places)


def needs(one: dict[str, Any]) -> list[str]:
    provider = one.get("provider", "").removesuffix("::id")
    return [
        urn
        for urn in (one.get("parent"), one.get("deletedWith"), *one.get("dependencies", []), provider)
        if urn
    ]
