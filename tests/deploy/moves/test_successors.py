"""Which part of a factory takes the place of one that goes."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.deploy.moves.successors import successors
from tests.daytwo.probes import Described
from tests.daytwo.table import Change, changes, described

CHANGES = {change.name: change for change in changes()}


def objects_of(data: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    return Described.of(data).bundle.objects


def successors_in(change: Change) -> dict[str, str]:
    return successors(objects_of(change.before), objects_of(change.after))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "a tenant and its zone are renamed",
            {"tenant.startups": "tenant.ventures", "zone.open": "zone.public"},
        ),
        (
            "every part has the same name",
            {
                "pool.train": "pool.core",
                "storage.scratch": "storage.core",
                "tenant.research": "tenant.core",
                "zone.restricted": "zone.core",
            },
        ),
        (
            "a tenant in two zones leaves the first and is renamed",
            {"tenant.research": "tenant.science", "zone.restricted": ""},
        ),
        (
            "a tenant is in both zones and both are renamed",
            {"zone.open": "zone.public", "zone.restricted": "zone.citadel"},
        ),
        (
            "a tenant has another name, zone and quota",
            {"tenant.startups": "tenant.ventures", "zone.open": ""},
        ),
        ("a pool is removed", {"pool.serve": ""}),
        ("a pool grows", {}),
    ],
)
def test_parts_that_are_renamed_together_each_have_their_successor(
    name: str, expected: dict[str, str]
) -> None:
    assert successors_in(CHANGES[name]) == expected


def test_no_order_decides_between_parts_that_are_equally_alike() -> None:
    change = CHANGES["everything has another name"]
    old, new = objects_of(change.before), objects_of(change.after)
    assert successors(reversed(old), reversed(new)) == successors(old, new)


def test_a_part_that_keeps_its_name_or_is_kept_goes_nowhere() -> None:
    lab = objects_of(described("lab"))
    assert successors(lab, lab) == {}
    without = [obj for obj in lab if obj["kind"] != "StorageClass"]
    assert successors(lab, without) == {"storage.models": "", "storage.scratch": ""}
    assert successors(lab, without, kept={"storage.models", "storage.scratch"}) == {}
