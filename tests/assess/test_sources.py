"""The data files hold figures with sources alone, and a user's file is read with all its faults at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sovereign_ai.assess.sheet import Given
from sovereign_ai.assess.sources import figure, figures, given_by, series
from sovereign_ai.catalog.figures import Grade, UnknownNameError
from sovereign_ai.errors import SpecError

FILES = ("acceptance", "emissions", "engineering", "failures", "limits", "prices")


@pytest.mark.parametrize("file", FILES)
def test_every_figure_has_a_source_a_day_and_a_range_around_its_value(file: str):
    for name, row in figures(file).items():
        assert row.source.strip(), name
        assert re.fullmatch(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]", row.read), name
        if row.grade is Grade.ESTIMATE and isinstance(row.value, int | float):
            assert row.low is not None, f"{name}: an estimate without a range"
        if row.low is not None and row.high is not None:
            assert isinstance(row.value, int | float)
            assert row.low <= row.value <= row.high, name


def test_the_counted_interruptions_sum_to_419():
    counts = [row.value for name, row in figures("failures").items() if name.startswith("llama3.count.")]
    assert sum(count for count in counts if isinstance(count, int)) == figure("failures", "llama3.interruptions").value == 419


def test_an_unknown_figure_names_the_nearest():
    with pytest.raises(UnknownNameError, match=r"did you mean 'price\.dgx-b200'"):
        figure("prices", "price.dgx-b20")


def test_a_users_file_gives_numbers_and_ranges(tmp_path: Path):
    file = tmp_path / "figures.yaml"
    file.write_text("electricity.FI: 0.062\nprice.dgx-b200: {value: 450000, low: 400000, high: 500000, source: offer}\n")
    assert given_by(file) == {"electricity.FI": Given(0.062), "price.dgx-b200": Given(450000, 400000, 500000, "offer")}


def test_every_fault_of_a_users_file_is_told_at_once_with_its_line(tmp_path: Path):
    file = tmp_path / "figures.yaml"
    file.write_text("a: many\nb: {value: 3, low: 4, high: 5}\nc: {value: 3, low: 2}\nd: {valu: 3}\ne: true\n")
    with pytest.raises(SpecError) as caught:
        given_by(file)
    assert [problem.where.line for problem in caught.value.problems] == [1, 2, 3, 4, 5]


def test_a_missing_or_oversized_file_is_refused(tmp_path: Path):
    with pytest.raises(SpecError, match="no-file"):
        given_by(tmp_path / "none.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * (1 << 20) + b"x")
    with pytest.raises(SpecError, match="too-large"):
        given_by(tmp_path / "large.yaml")


def test_a_series_is_a_number_a_line_with_a_header_allowed(tmp_path: Path):
    file = tmp_path / "wet.csv"
    file.write_text("wet bulb\n3.5\n\n-1,\n12\n")
    assert series(file) == (3.5, -1.0, 12.0)
    file.write_text("3.5\nwarm\n")
    with pytest.raises(SpecError, match="'warm' is no number"):
        series(file)
