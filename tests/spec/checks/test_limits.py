"""Lists that are too long."""

from __future__ import annotations

from sovereign_ai.spec.checks.limits import MOST_OF
from tests.plan.factories import pool
from tests.spec.refusals import refusals


def test_a_list_at_its_limit_is_fine_and_one_more_entry_is_refused_alone() -> None:
    suppliers = [
        {"name": f"s{number}", "component": "x", "vendor": "v", "jurisdiction": "DE"}
        for number in range(MOST_OF["suppliers"] + 1)
    ]
    assert refusals(suppliers=suppliers[1:]) == []
    assert refusals(suppliers=suppliers, pools=[pool(site="nowhere")]) == [("too-many-entries", "suppliers")]


def test_a_list_within_a_part_has_a_limit_too() -> None:
    ports = list(range(1, 5_002))
    zones = [{"name": "z", "trust": "low", "allow": [{"to": "y", "ports": ports}]}]
    assert refusals(zones=zones) == [("too-many-entries", "zones[0].allow[0].ports")]
