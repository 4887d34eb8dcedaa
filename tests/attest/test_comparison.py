from __future__ import annotations

import doctest
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from sovereign_ai.attest import comparison as module
from sovereign_ai.attest.comparison import SECTIONS, Comparison, Side, compare, compared_side
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec.reader import load, read_text

_STACKS = Path(__file__).parents[2] / "stacks"
_DAY = date(2026, 11, 24)


@cache
def _side(old: str = "", new: str = "") -> Side:
    text = (_STACKS / "lab" / "factory.yaml").read_text(encoding="utf-8")
    assert old in text
    factory = read_text(text.replace(old, new).encode(), "factory.yaml").factory
    return compared_side("new" if old else "old", factory, plan(factory), now=_DAY)


def _compared(old: str, new: str) -> Comparison:
    return compare(_side(), _side(old, new))


def _names(found: Comparison, section: str) -> list[str]:
    return [one.name for one in found.changes if one.section == section]


def test_a_description_does_not_differ_from_itself() -> None:
    found = compare(_side(), _side())
    assert not found.differs
    assert found.lines()[-1] == "no difference"


def test_one_changed_number_is_seen_in_field_plan_power_and_cost() -> None:
    found = _compared("nodes: 4,", "nodes: 5,")
    assert _names(found, "spec") == ["pools[serve].nodes"]
    assert "nodes" in _names(found, "plan")
    assert "site.fra1.it.peak" in _names(found, "power")
    assert "capex.total.known" in _names(found, "cost")


def test_capacities_are_compared_in_the_units_of_a_description() -> None:
    lines = _compared("capacity: 500 TB", "capacity: 600 TB").lines()
    assert {"    - 5 servers, 500 TB", "    + 5 servers, 600 TB"} <= {*lines}


def test_a_law_that_changes_moves_findings_and_ceiling_and_no_power_or_cost() -> None:
    found = _compared("parent: {seat: DE}", "parent: {seat: US}")
    assert _names(found, "spec") == ["operator.parent.seat"]
    assert _names(found, "findings")
    assert _names(found, "sovereignty")
    assert not _names(found, "power")
    assert not _names(found, "cost")


def test_parts_of_a_list_are_told_by_name_and_not_by_place() -> None:
    pools = (
        "  - {name: train, site: fra1, system: dgx-h100, nodes: 12, purpose: training, zone: restricted}\n"
    )
    serve = "  - {name: serve, site: fra1, system: dgx-h100, nodes: 4, purpose: inference, zone: open}\n"
    found = _compared(pools + serve, serve + pools)
    assert not _names(found, "spec")


def test_a_new_part_is_only_on_the_right() -> None:
    found = _compared(
        "keys:\n", "keys:\n  - {name: second, custodian: customer, module: kms, jurisdiction: DE}\n"
    )
    new = [one for one in found.changes if one.section == "spec" and "keys[second]" in one.name]
    assert new
    assert all(one.left is None and one.right is not None for one in new)


@pytest.mark.parametrize("change", [("nodes: 4,", "nodes: 5,"), ("parent: {seat: DE}", "parent: {seat: US}")])
def test_the_text_has_eighty_columns_and_every_section_that_changed(change: tuple[str, str]) -> None:
    found = _compared(*change)
    lines = found.lines()
    assert max(map(len, lines)) <= 80
    for section in SECTIONS:
        count = len(_names(found, section))
        assert (f"{section} ({count})" in lines) is bool(count)


def test_turned_around_every_change_is_turned_around() -> None:
    there, back = _compared("nodes: 4,", "nodes: 5,"), compare(_side("nodes: 4,", "nodes: 5,"), _side())
    assert {(one.section, one.name, one.left, one.right) for one in there.changes} == {
        (one.section, one.name, one.right, one.left) for one in back.changes
    }


def test_two_stacks_are_compared_whole() -> None:
    factory = load(_STACKS / "superpod")
    found = compare(_side(), compared_side("superpod", factory, plan(factory), now=_DAY))
    assert {one.section for one in found.changes} >= {"spec", "plan", "power", "cost"}
    assert [one.name for one in found.outlook][:2] == ["level", "ceiling"]
    assert max(map(len, found.lines())) <= 80


def test_examples_in_the_words_hold() -> None:
    assert doctest.testmod(module).failed == 0
