"""What holds for every figure of every table."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest

import sovereign_ai
from sovereign_ai.catalog import accelerator as accelerators
from sovereign_ai.catalog import jurisdictions, parts, published, storage
from sovereign_ai.catalog import supplier as suppliers
from sovereign_ai.catalog import switch as switches
from sovereign_ai.catalog import system as systems
from sovereign_ai.catalog.figures import DefectiveDataError, Figure, Grade, Row, Sourced, UnknownNameError
from sovereign_ai.units import Bytes, Watts

PACKAGE = Path(sovereign_ai.__file__).parent
ROWS: Sequence[Sourced] = (
    *accelerators.accelerators(),
    *systems.systems(),
    *switches.switches(),
    *parts.parts(),
    *storage.grades(),
    *suppliers.suppliers(),
    *jurisdictions.laws(),
    *(country.adequacy for country in jurisdictions.countries() if country.adequacy),
    *published.bills(),
)


def _figures() -> Iterator[tuple[str, Figure]]:
    for row in ROWS:
        for figure in row.figures:
            yield f"{row.name}.{figure.field}", figure


def test_every_row_has_figures_and_every_figure_a_source_and_a_day() -> None:
    assert all(row.figures for row in ROWS)
    for place, figure in _figures():
        assert len(figure.source) > 5, place
        assert date.fromisoformat(figure.read) <= date(2026, 11, 28), place


def test_every_figure_in_every_file_has_a_source_a_day_and_a_grade_that_it_deserves() -> None:
    """Files are walked as they are, so that a table that no row above reads is held to the same."""
    written = [
        (path.name, figure)
        for path in sorted(PACKAGE.glob("*/data/*.json"))
        for figure in _written(orjson.loads(path.read_bytes()))
    ]
    assert len({name for name, _ in written}) > 5
    for place, figure in written:
        assert len(figure["source"]) > 5, (place, figure)
        assert date.fromisoformat(figure["read"]) <= date(2026, 11, 28), (place, figure)
        grade = Grade(figure["grade"])
        if "repeat" in figure.get("note", ""):
            assert grade is Grade.SECONDARY, f"{place}: somebody else's page repeats it: {figure}"
        is_number = type(figure["value"]) in {int, float}
        if grade is Grade.ESTIMATE and is_number:
            # Equal ends would look known: what is known has a source that says so.
            assert figure["low"] < figure["high"], (place, figure)
        if is_number and figure.get("low") is not None:
            assert figure["low"] <= figure["value"] <= figure["high"], (place, figure)


def _written(data: Any) -> Iterator[dict[str, Any]]:
    """Yield every figure as it is written in a file."""
    if isinstance(data, dict) and {"value", "source", "grade"} <= data.keys():
        yield data
    elif isinstance(data, dict | list):
        for inner in data.values() if isinstance(data, dict) else data:
            yield from _written(inner)


def test_every_estimated_number_has_ends_that_differ() -> None:
    estimates = [
        (place, figure)
        for place, figure in _figures()
        if figure.grade is Grade.ESTIMATE and isinstance(figure.value, int | float)
    ]
    assert estimates
    for place, figure in estimates:
        assert figure.low is not None, place
        assert figure.high is not None, place
        assert figure.low < figure.high, place


def test_every_range_holds_its_value() -> None:
    for place, figure in _figures():
        assert (figure.low is None) == (figure.high is None), place
        if figure.low is not None and figure.high is not None:
            assert isinstance(figure.value, int | float), place
            assert figure.low <= figure.value <= figure.high, place


def test_a_calculated_number_says_how_it_was_calculated() -> None:
    for place, figure in _figures():
        if figure.grade is Grade.CALCULATED:
            assert figure.note, place


def test_no_source_names_a_place_on_one_machine() -> None:
    for place, figure in _figures():
        text = f"{figure.source} {figure.note} {figure.value}"
        assert not any(word in text for word in ("/work", "/tmp", "/root", "/home")), place  # noqa: S108 - looked for, not used


def test_every_figure_belongs_to_a_field_of_its_row() -> None:
    for row in ROWS:
        counts = getattr(row, "counts", {})
        names = {one.name for one in dataclasses.fields(row)}
        for figure in row.figures:
            assert figure.field.partition(".")[0] in names or figure.field in counts, (
                f"{row.name}.{figure.field}"
            )


def test_a_field_without_a_source_reads_as_nothing_and_has_no_figure() -> None:
    for row in (*accelerators.accelerators(), *systems.systems(), *switches.switches()):
        sourced = {figure.field for figure in row.figures}
        for one in dataclasses.fields(row):
            if getattr(row, one.name) is None:
                assert one.name not in sourced, f"{row.name}.{one.name}"


def test_source_of_gives_the_figure_or_nothing_and_refuses_a_field_that_is_none() -> None:
    b200 = systems.system("dgx-b200")
    figure = b200.source_of("max_power")
    assert figure is not None
    assert figure.grade is Grade.OFFICIAL
    assert figure.quantity(Watts) == b200.max_power
    assert "14.3 kW (official: https://docs.nvidia.com/" in str(figure)
    assert b200.source_of("rack_shared_power") is None
    with pytest.raises(UnknownNameError, match="did you mean 'max_power'"):
        b200.source_of("max_powr")


def test_source_of_reaches_into_a_mapping() -> None:
    figure = accelerators.accelerator("h100-sxm").source_of("dense_tflops.fp8")
    assert figure is not None
    assert figure.value == 1979
    assert accelerators.accelerator("h100-sxm").source_of("dense_tflops.fp4") is None


def test_a_figure_of_another_unit_is_refused() -> None:
    figure = systems.system("dgx-b200").source_of("max_power")
    assert figure is not None
    with pytest.raises(ValueError, match="no unit of an amount of bytes"):
        figure.quantity(Bytes)


def test_an_unknown_name_is_a_value_error_with_the_nearest_right_name() -> None:
    with pytest.raises(ValueError, match="no system is called 'dgx-h10'; did you mean 'dgx-h100'") as caught:
        systems.system("dgx-h10")
    assert isinstance(caught.value, UnknownNameError)
    assert caught.value.__cause__ is None
    for look_up in (
        switches.switch,
        suppliers.supplier,
        storage.grade,
        published.bill,
        published.rows,
        jurisdictions.law,
        accelerators.accelerator,
    ):
        with pytest.raises(UnknownNameError):
            look_up("nothing-of-the-sort-exists")


def test_a_row_that_lacks_what_it_needs_is_a_defect_that_names_the_field() -> None:
    row = Row.of(
        {
            "name": "broken",
            "figures": {
                "gpus": {"value": "eight", "source": "a test", "read": "2026-11-24", "grade": "estimate"}
            },
        }
    )
    with pytest.raises(DefectiveDataError, match="broken: gpus is 'eight'"):
        row.integer("gpus")
    with pytest.raises(DefectiveDataError, match="broken: tdp is absent"):
        row.needed("tdp", row.quantity("tdp", Watts))


def test_rows_are_frozen_and_hashable_and_looked_up_once() -> None:
    assert systems.system("dgx-h100") is systems.system("dgx-h100")
    with pytest.raises(dataclasses.FrozenInstanceError):
        systems.system("dgx-h100").gpus = 9  # type: ignore[misc]  # the point of the test
    assert len(set(ROWS)) == len({(type(row), row.name) for row in ROWS}) == len(ROWS)
    assert dataclasses.replace(systems.system("dgx-h100"), gpus=4).gpus == 4


READ_ALL = """
import sys
from sovereign_ai import errors, units
import orjson, dataclasses, functools, pkgutil
from sovereign_ai.catalog import accelerator, jurisdictions, published, storage, supplier, switch, system
def read():
    accelerator.accelerators(); system.systems(); switch.switches(); supplier.suppliers(); storage.grades()
    jurisdictions.countries(); jurisdictions.laws(); published.fabric_tables(); published.bills(); published.rack_powers()
read()
print(sorted(set(sys.modules) & {"pulumi", "kubernetes", "yaml", "requests", "grpc", "pydantic"}))
"""  # noqa: E501 - one literal text


def test_reading_the_whole_catalogue_loads_nothing_heavy() -> None:
    root = Path(sovereign_ai.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL], capture_output=True, text=True, check=True, cwd=root
    )
    assert done.stdout.strip() == "[]"
