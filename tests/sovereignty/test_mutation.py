"""One field of the description changed: exactly the findings change that depend on it, and each names that
field.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sovereign_ai.sovereignty.criteria import CRITERIA
from sovereign_ai.sovereignty.report import SovereigntyReport
from tests.sovereignty.described import Data, changed, report
from tests.sovereignty.test_answers import proof

EVERYTHING = proof({one.id: one.top for one in CRITERIA})


def put(*path: str | int, value: Any) -> Callable[[Data], None]:
    """Give a change that puts a value at a path."""

    def change(data: Data) -> None:
        inner: Any = data
        for step in path[:-1]:
            inner = inner[step]
        inner[path[-1]] = value

    return change


OPERATOR, SITES = "operator", "sites"
MUTATIONS: list[tuple[str, Callable[[Data], None], set[str]]] = [
    (
        "operator.seat",
        put(OPERATOR, "seat", value="US"),
        {"SOV-1.1", "SOV-1.8", "SOV-2.1", "SOV-2.2", "SOV-2.3"},
    ),
    (
        "operator.parent.seat",
        put(OPERATOR, "parent", "seat", value="US"),
        {"SOV-1.1", "SOV-1.8", "SOV-2.1", "SOV-2.2", "SOV-2.3"},
    ),
    ("operator.parent.seat", put(OPERATOR, "parent", "seat", value="FR"), set()),
    (
        "operator.shareholders",
        put(OPERATOR, "shareholders", 0, "seat", value="US"),
        {"SOV-1.1", "SOV-1.4", "SOV-2.1", "SOV-2.2", "SOV-2.3"},
    ),
    ("operator.shareholders", put(OPERATOR, "shareholders", 0, "share", value="60 %"), set()),
    (
        "operator.staff.location",
        put(OPERATOR, "staff", "location", value=["US"]),
        {"SOV-1.8", "SOV-2.3", "SOV-4.2", "SOV-4.3", "SOV-4.6", "SOV-2.1"},
    ),
    ("operator.staff.citizenship", put(OPERATOR, "staff", "citizenship", value=["US"]), {"SOV-4.3"}),
    ("operator.staff.cleared", put(OPERATOR, "staff", "cleared", value=True), {"SOV-4.3", "SOV-4.4"}),
    (
        "operator.certificates",
        put(OPERATOR, "certificates", 0, "scheme", value="Common Criteria EAL2"),
        {"SOV-7.1"},
    ),
    (
        "operator.support",
        put(OPERATOR, "support", value=["DE", "US"]),
        {"SOV-2.1", "SOV-2.3", "SOV-4.2", "SOV-4.4"},
    ),
    ("operator.support", put(OPERATOR, "support", value=["FR"]), set()),
    (
        "operator.soc",
        put(OPERATOR, "soc", value=["US"]),
        {"SOV-2.1", "SOV-2.3", "SOV-3.2", "SOV-4.2", "SOV-7.3"},
    ),
    (
        "operator.sub_processors",
        put(OPERATOR, "sub_processors", 0, "seat", value="US"),
        {"SOV-1.8", "SOV-4.6", "SOV-2.2", "SOV-2.3", "SOV-4.2"},
    ),
    (
        "operator.sub_processors",
        put(OPERATOR, "sub_processors", 0, "parent_seat", value="US"),
        {"SOV-1.8", "SOV-4.6", "SOV-2.2", "SOV-2.3", "SOV-4.2"},
    ),
    ("operator.exit_plan", put(OPERATOR, "exit_plan", value="none"), {"SOV-4.1"}),
    ("operator.exit_plan", put(OPERATOR, "exit_plan", value="tested"), {"SOV-4.1"}),
    (
        "sites.country",
        put(SITES, 0, "country", value="US"),
        {"SOV-1.8", "SOV-2.1", "SOV-3.2", "SOV-3.4", "SOV-6.5"},
    ),
    (
        "sites.contracts",
        put(SITES, 0, "contracts", 0, "supplier_seat", value="US"),
        {"SOV-1.8", "SOV-4.6", "SOV-8.4"},
    ),
    ("sites.contracts", put(SITES, 0, "contracts", 0, "source", value="nuclear"), {"SOV-8.4"}),
    ("sites.uplinks", put(SITES, 0, "uplinks", 0, "carrier_seat", value="US"), {"SOV-1.8", "SOV-4.6"}),
    (
        "sites.uplinks",
        put(SITES, 0, "uplinks", 0, "route", value=["DE", "CH"]),
        {"SOV-1.8", "SOV-2.3", "SOV-4.6"},
    ),
    ("keys.custodian", put("keys", 0, "custodian", value="provider"), {"SOV-3.1"}),
    ("keys.custodian", put("keys", 0, "custodian", value="operator"), {"SOV-3.1"}),
    ("keys.module", put("keys", 0, "module", value="software"), {"SOV-3.1"}),
    (
        "keys.jurisdiction",
        put("keys", 0, "jurisdiction", value="US"),
        {"SOV-1.8", "SOV-2.2", "SOV-2.3", "SOV-3.1"},
    ),
    ("residency", put("residency", 0, "backups", value=["US"]), {"SOV-3.4"}),
    ("residency", put("residency", 0, "logs", value=["EU"]), set()),
    ("residency", put("residency", 0, "transfer", value="scc"), {"SOV-3.4"}),
    ("gateways", put("gateways", 0, "seat", value="US"), {"SOV-3.4"}),
    ("images.digests", put("images", "digests", value="optional"), {"SOV-5.5"}),
    (
        "services",
        put("services", 0, "jurisdiction", value="US"),
        {"SOV-1.8", "SOV-2.2", "SOV-2.3", "SOV-4.6"},
    ),
    ("services", put("services", 1, "jurisdiction", value="US"), {"SOV-1.8", "SOV-4.6"}),
    ("services", put("services", 5, "jurisdiction", value="US"), {"SOV-1.8", "SOV-4.6"}),
    (
        "services",
        put("services", 6, "jurisdiction", value="US"),
        {"SOV-1.8", "SOV-2.2", "SOV-2.3", "SOV-4.6"},
    ),
    ("services", put("services", 7, "jurisdiction", value="US"), {"SOV-1.8", "SOV-4.6"}),
    ("services", put("services", 0, "alternative", value=None), set()),
    ("suppliers", put("suppliers", 0, "jurisdiction", value="US"), set()),
    ("suppliers", put("suppliers", 0, "alternative", value=None), set()),
    ("suppliers", put("suppliers", 4, "grace", value="30 d"), {"SOV-1.8", "SOV-4.6"}),
    ("suppliers", put("suppliers", 4, "control_channel", value="licence"), {"SOV-1.8", "SOV-4.6", "SOV-5.6"}),
    ("suppliers", put("suppliers", 4, "control_channel", value="telemetry"), {"SOV-2.2", "SOV-2.3"}),
]


def numbers(found: SovereigntyReport) -> dict[str, tuple[int, int, tuple[str, ...]]]:
    """What each criterion came to."""
    return {one.criterion: (one.number, one.best, one.barred) for one in found.answers}


@pytest.mark.parametrize(
    ("field", "change", "expected"),
    MUTATIONS,
    ids=[f"{number}-{field}" for number, (field, _, _) in enumerate(MUTATIONS)],
)
def test_a_changed_field_changes_exactly_the_criteria_that_depend_on_it(
    rich: Data, field: str, change: Callable[[Data], None], expected: set[str]
) -> None:
    before, after = report(rich, EVERYTHING), report(changed(rich, change), EVERYTHING)
    moved = {name for name, came in numbers(after).items() if came != numbers(before)[name]}
    assert moved == expected
    named = {
        one.criterion: {*one.fields, *was.fields}
        for one, was in zip(after.answers, before.answers, strict=True)
    }
    for name in moved:
        barred = numbers(after)[name][2] != numbers(before)[name][2]
        assert barred or any(_same(field, other) for other in named[name]), f"{name} does not name {field}"


@pytest.mark.parametrize(
    ("field", "change", "expected"),
    MUTATIONS,
    ids=[f"{number}-{field}" for number, (field, _, _) in enumerate(MUTATIONS)],
)
def test_parts_and_other_frameworks_change_only_where_they_name_the_field(
    rich: Data, field: str, change: Callable[[Data], None], expected: set[str]
) -> None:
    before, after = report(rich), report(changed(rich, change))
    parts = {part.id: part for part in before.graph.parts}
    for part in after.graph.parts:
        was = parts.get(part.id)
        assert part == was or any(_same(field, other) for other in part.fields), part.id
    for one, was_one in zip(after.frameworks, before.frameworks, strict=True):
        for item, was_item in zip(one.items, was_one.items, strict=True):
            names = {*item.fields, *was_item.fields}
            assert item.outcome == was_item.outcome or any(_same(field, other) for other in names), item.id


def _same(field: str, other: str) -> bool:
    """Whether two dotted fields are the same or one holds the other."""
    return field == other or field.startswith(f"{other}.") or other.startswith(f"{field}.")


def _codes(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Give the path of every country code in data."""
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in _codes(inner, (*path, key))]
    if isinstance(value, list):
        return [found for number, inner in enumerate(value) for found in _codes(inner, (*path, number))]
    return [path] if value in ("DE", "FR", "EU", "US") else []


def test_every_country_code_of_the_description_moves_only_criteria_that_name_its_field(rich: Data) -> None:
    before = report(rich, EVERYTHING)
    paths = _codes(rich)
    moving = 0
    for path in paths:
        after = report(changed(rich, put(*path, value="IN")), EVERYTHING)
        field = ".".join(step for step in path if isinstance(step, str))
        for one, was in zip(after.answers, before.answers, strict=True):
            if (one.number, one.best) != (was.number, was.best) and one.barred == was.barred:
                assert any(_same(field, other) for other in {*one.fields, *was.fields}), (
                    f"{one.criterion} does not name {field}"
                )
                moving += 1
    assert len(paths) > 30
    assert moving > len(paths)
