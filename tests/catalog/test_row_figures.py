"""The bounds of figures: wide enough for every row of the package, and closed to every slip of the pen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import date
from typing import Any

import pytest
import yaml

from sovereign_ai.catalog.figures import DefectiveDataError, Row, rows
from sovereign_ai.catalog.row_figures import RULES, is_mapping, names_of, rule_of, value_problems
from sovereign_ai.catalog.row_template import template
from sovereign_ai.catalog.user_rows import KINDS, row_problems

FILES = {
    "system": "systems.json",
    "accelerator": "accelerators.json",
    "switch": "switches.json",
    "supplier": "suppliers.json",
    "controller": "controllers.json",
}
NO_FIGURES = {"name", "figures", "vendor", "accelerator", "kind", "scalable_units", "title", "makes"}
FIGURES = [(kind, name) for kind, rules in RULES.items() for name in rules]


def row_of(kind: str) -> dict[str, Any]:
    text = template(kind, "ours", date(2026, 11, 28)).replace("FILL IN", "our data sheet")
    row: dict[str, Any] = yaml.safe_load(text)["rows"][0]
    return row


def packaged_rows() -> Iterator[tuple[str, dict[str, Any]]]:
    for kind, file in FILES.items():
        for row in rows(file):
            yield kind, dict(row.raw)
    for row in rows("parts.json"):
        yield row.raw["kind"], dict(row.raw)


def single_figures(kind: str, row: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, figure in row["figures"].items():
        if is_mapping(kind, name):
            for part, inner in figure.items():
                yield f"{name}.{part}", inner
        else:
            yield name, figure


def test_every_row_of_the_package_is_within_the_bounds() -> None:
    seen = 0
    for kind, row in packaged_rows():
        for name, figure in single_figures(kind, row):
            rule = rule_of(kind, name)
            assert rule is not None, f"{row['name']}: {name}"
            assert list(value_problems(rule, figure, name)) == [], f"{row['name']}: {name}"
            seen += 1
    assert seen > 1000


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_figure_of_the_typed_row_has_a_rule(kind: str) -> None:
    typed = {field.name for field in fields(KINDS[kind].model)} - NO_FIGURES
    # The type of a switch is a figure with a source, that of a part is none.
    assert set(names_of(kind)) == typed | ({"kind"} if kind == "switch" else set())


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, name in FIGURES if RULES[kind][name].example]
)
def test_a_row_needs_a_figure_exactly_where_it_is_not_built_without_it(kind: str, name: str) -> None:
    row = row_of(kind)
    # A mapping without any figure is another problem.
    row["figures"]["colour"] = {}
    outer, _, inner = name.partition(".")
    del (row["figures"][outer] if inner else row["figures"])[inner or outer]
    first, *found = [problem.message for problem in row_problems(row, "row")]
    assert first == "no figure is called 'colour'"
    del row["figures"]["colour"]
    if not RULES[kind][name].is_needed:
        assert found == []
        return
    assert found == [f"{name} is absent"]
    # Two texts and the rate of one precision are what the typed row would do without.
    if name not in {"cpu_arch", "kind", "dense_tflops.bf16"}:
        with pytest.raises(DefectiveDataError, match="is absent"):
            KINDS[kind].build(Row.of(row))


@pytest.mark.parametrize(("kind", "name"), FIGURES)
def test_no_figure_takes_what_nothing_has(kind: str, name: str) -> None:
    row = row_of(kind)
    rule = RULES[kind][name]
    unit = rule.example.partition(" ")[2] or str(rule.low).partition(" ")[2] or None
    figure: dict[str, Any] = {"source": "x", "read": "2026-11-28", "grade": "datasheet", "unit": unit}
    outer, _, inner = name.partition(".")
    if is_mapping(kind, outer):
        row["figures"].setdefault(outer, {})[inner or "any"] = figure
    else:
        row["figures"][outer] = figure
    values: tuple[object, ...] = (-1, 10**16, 10**400, float("nan"), float("inf"), True, [], {}, "a\nb")
    for value in values:
        figure["value"] = value
        problems = list(row_problems(row, "row"))
        assert problems, value
        assert problems[0].where.field.startswith(f"row.figures.{outer}")
        assert problems[0].hint


@pytest.mark.parametrize(
    ("kind", "name", "figure", "message"),
    [
        ("system", "cpu_arch", {"value": "riscv64"}, "'riscv64' is none of amd64, arm64"),
        ("system", "cooling", {"value": "vacuum"}, "'vacuum' is not air, liquid or hybrid, or several"),
        ("system", "max_power", {"value": 11}, "11 has no unit"),
        ("system", "max_power", {"value": 11, "unit": "MW"}, "11 MW is not between 1 W and 1 MW"),
        ("system", "max_power", {"value": 11, "unit": "GB"}, "'11 GB' is an amount of bytes"),
        ("system", "weight_kg", {"value": 1, "unit": "t"}, "it has no unit"),
        ("system", "gpus", {"value": 8.0}, "8.0 is no whole number"),
        ("system", "gpus", {"value": 8, "low": -8, "high": 9}, "-8 is not between 0 and 1,024"),
        ("switch", "kind", {"value": "token ring"}, "'token ring' is none of ethernet, infiniband"),
        ("supplier", "seat", {"value": "UK"}, "'UK' is no country code of ISO 3166-1"),
        ("supplier", "seat", {"value": False}, "false is no text"),
        ("accelerator", "resource", {"value": "gpu"}, "'gpu' is not a domain, a slash and a name"),
        ("controller", "namespace", {"value": "Kube System"}, "'Kube System' is not a name"),
        ("controller", "licence", {"value": "do what you like"}, "'do what you like' is not an SPDX"),
    ],
)
def test_a_wrong_value_is_told_at_its_figure(
    kind: str, name: str, figure: dict[str, Any], message: str
) -> None:
    row = row_of(kind)
    sourced = {"source": "x", "read": "2026-11-28", "grade": "datasheet"}
    row["figures"][name] = {**sourced, **figure}
    found = list(row_problems(row, "row"))
    assert [problem.where.field.removesuffix(".unit") for problem in found] == [f"row.figures.{name}"]
    assert found[0].message.startswith(message)


def test_a_precision_that_nobody_knows_is_refused() -> None:
    row = row_of("accelerator")
    row["figures"]["dense_tflops"]["bf17"] = row["figures"]["dense_tflops"]["bf16"]
    [problem] = row_problems(row, "row")
    assert (problem.message, problem.hint) == ("dense_tflops has no 'bf17'", "did you mean 'bf16'?")
