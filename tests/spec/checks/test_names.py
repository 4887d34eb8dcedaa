"""Names that are declared once, and declared where they are used."""

from __future__ import annotations

from sovereign_ai.spec.checks.names import check_names
from tests.plan.factories import pool
from tests.spec.refusals import problems, refusals


def test_a_name_that_is_declared_twice_is_refused_at_the_second() -> None:
    assert ("duplicate-name", "pools[1].name") in refusals(pools=[pool(), pool()])


def test_a_name_that_is_not_declared_gets_the_nearest_one() -> None:
    (problem,) = problems(pools=[pool(system="dgx-h10")])
    assert (problem.code, problem.where.field) == ("unknown-name", "pools[0].system")
    assert "dgx-h100" in problem.hint


def test_an_entry_that_a_list_has_twice_is_refused() -> None:
    zones = [{"name": "z", "trust": "low", "tenants": ["t", "t"]}]
    expected = [("duplicate-entry", "zones[0].tenants[1]")]
    assert refusals(zones=zones, tenants=[{"name": "t", "seat": "DE"}]) == expected


def test_uses_are_not_checked_against_declarations_that_are_unreadable() -> None:
    data = {"sites": "none", "pools": [{"name": "p", "site": "a", "zone": "z", "system": "dgx-h100"}]}
    assert [problem.where.field for problem in check_names(data)] == ["pools[0].zone"]
