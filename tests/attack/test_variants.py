"""Each object by which someone tries to get out is refused, and what is permitted beside it is let in."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.rules.engine import evaluate
from tests.attack.counted import read as read_classes
from tests.attack.variants import TABLES, Variant, read
from tests.rules.test_residency_by_default import described

REFUSED = [variant for variant in read() if variant.decision == "deny"]
PERMITTED = [variant for variant in read() if variant.decision == "allow"]


def rules_against(obj: dict[str, Any]) -> set[str]:
    """Return the rules that refuse an object of the lab with its gateway."""
    return {finding.rule for finding in evaluate([obj], described()[2])}


@pytest.mark.parametrize("variant", REFUSED, ids=str)
def test_a_variant_of_a_way_round_is_refused(variant: Variant) -> None:
    assert rules_against(variant.object)


@pytest.mark.parametrize("variant", PERMITTED, ids=str)
def test_what_is_permitted_beside_a_way_round_is_let_in(variant: Variant) -> None:
    assert rules_against(variant.object) == set()


def test_every_class_of_the_table_is_one_of_the_list() -> None:
    listed = {row.name for row in read_classes()}
    assert {variant.attack_class for variant in read()} <= listed, TABLES


def test_no_two_variants_are_the_same_object() -> None:
    seen = []
    for variant in read():
        metadata = {key: value for key, value in variant.object["metadata"].items() if key != "name"}
        seen.append(repr({**variant.object, "metadata": metadata}))
    assert len(set(seen)) == len(seen)
