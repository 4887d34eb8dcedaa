"""Disruption budgets that limit nothing, hold for nothing, or have windows without an end or a clock."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.spec.checks.disruption import check_disruption_budgets
from sovereign_ai.spec.disruption import DisruptionBudget
from tests.render.lab import stack

NIGHT = {"start": "22:00", "duration": "6 h"}


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({}, ""),
        ({"pools": ["serve"], "tenants": ["research"], "max_unavailable": 1}, ".tenants"),
        ({"windows": [{**NIGHT, "duration": "8 d"}]}, ".windows[0].duration"),
        ({"windows": [{**NIGHT, "time_zone": "Europe/Berln"}]}, ".windows[0].time_zone"),
        ({"windows": [{**NIGHT, "time_zone": "Europe/Berlin"}], "max_unavailable": "10 %"}, None),
        ({"pools": ["serve"], "tenants": ["startups"], "max_unavailable": 1}, None),
    ],
)
def test_a_budget_that_says_nothing_is_refused_at_its_field(
    fields: dict[str, Any], place: str | None
) -> None:
    budget = DisruptionBudget.model_validate({"name": "a", **fields})
    factory = stack("lab")[0].model_copy(update={"disruption_budgets": (budget,)})
    places = [problem.where.field for problem in check_disruption_budgets(factory)]
    assert places == ([] if place is None else [f"disruption_budgets[0]{place}"])
