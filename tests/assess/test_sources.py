"""The data files hold figures with sources alone, and a user's file is read with all its faults at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sovereign_ai.assess.sheet import GivenValue
from sovereign_ai.assess.sources import FigureFile, figure, figures, read_columns, read_figures, read_series
from sovereign_ai.catalog.figures import Grade, UnknownNameError
from sovereign_ai.errors import SpecError

FILES = ("acceptance", "emissions", "engineering", "failures", "faults", "fit", "limits", "prices")


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
    assert (
        sum(count for count in counts if isinstance(count, int))
        == figure("failures", "llama3.interruptions").value
        == 419
    )


def test_an_unknown_figure_names_the_nearest():
    with pytest.raises(UnknownNameError, match=r"did you mean 'price\.dgx-b200'"):
        figure("prices", "price.dgx-b20")


def _told(tmp_path: Path, text: str, name: str = "figures.yaml") -> FigureFile:
    file = tmp_path / name
    file.write_text(text)
    return read_figures(file)


def test_a_users_file_gives_numbers_and_ranges(tmp_path: Path):
    told = _told(
        tmp_path,
        "electricity.FI: 0.062\nprice.dgx-b200: {value: 450000, low: 400000, high: 500000, source: offer}\n",
    )
    assert told.figures == {
        "electricity.FI": GivenValue(0.062),
        "price.dgx-b200": GivenValue(450000, 400000, 500000, "offer"),
    }
    assert told.problems == ()


def test_every_fault_of_a_users_file_is_told_at_once_with_its_line(tmp_path: Path):
    text = "a: many\nb: {value: 3, low: 4, high: 5}\nc: {value: 3, low: 2}\nd: {valu: 3}\ne: true\nf:\ng: [1]\nh: 2\n"  # noqa: E501 - one literal text
    told = _told(tmp_path, text)
    assert [problem.where.line for problem in told.problems] == [1, 2, 3, 4, 5, 6, 7]
    assert told.names == ("a", "b", "c", "d", "e", "f", "g", "h")
    assert told.figures == {"h": GivenValue(2.0)}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: mine", "1:4: a: 'mine' is no number [bad-figure]"),
        ("a: [1, 2]", "1:4: a: a list is no number [bad-figure]"),
        ("a: true", "1:4: a: true is no number [bad-figure]"),
        ("a:", "1:3: a: it has no value [bad-figure]"),
        ("a: {low: 1, high: 2}", "1:4: a.value: it has no value [bad-figure]"),
        ("a: 7e10", "1:4: a: '7e10' is a number with an exponent [bad-number]"),
        ("a: {value: 7e10}", "1:12: a.value: '7e10' is a number with an exponent [bad-number]"),
        ("a: {value: 1, low: x, high: 2}", "1:20: a.low: 'x' is no number [bad-figure]"),
        ("a: {value: 1, source: [x]}", "1:23: a.source: a source is a text, and a list is none [bad-figure]"),
        ("a: '1e300'", "1:4: a: 1e+300 is beyond any figure: write 1e-30 to 1e+30, or zero [bad-figure]"),
        (
            "a: 1\na: 2",
            "2:1: a: 'a' stands here a second time; the first is at line 1, column 1 [duplicate-key]",
        ),
    ],
)
def test_a_fault_is_told_once_with_its_place_and_its_name_once(tmp_path: Path, text: str, problem: str):
    told = _told(tmp_path, f"{text}\n")
    assert [str(one).partition("\n")[0] for one in told.problems] == [f"{tmp_path}/figures.yaml:{problem}"]


def test_a_misspelt_part_of_a_figure_gets_the_nearest_and_no_second_problem(tmp_path: Path):
    [problem] = _told(tmp_path, "a: {valu: 3}\n").problems
    assert (problem.where.column, problem.hint) == (5, "did you mean 'value'?")


def test_a_file_of_comments_alone_gives_no_figures(tmp_path: Path):
    assert _told(tmp_path, "# price.dgx-h100: 270000\n").figures == {}
    with pytest.raises(SpecError, match="maps names to numbers"):
        _told(tmp_path, "- 1\n")


@pytest.mark.parametrize("text", ["", " \n\n", "\ufeff"])
def test_an_empty_file_is_not_taken_for_no_figures(tmp_path: Path, text: str):
    """A render that failed, or a full disk, leaves one: every default would hold without a word."""
    with pytest.raises(SpecError, match="empty-file"):
        _told(tmp_path, text)


def test_json_may_be_indented_by_tabs(tmp_path: Path):
    assert _told(tmp_path, '{\n\t"stall": 5\n}\n', "figures.json").figures == {"stall": GivenValue(5.0)}


def test_a_missing_or_oversized_file_is_refused(tmp_path: Path):
    with pytest.raises(SpecError, match="no-file"):
        read_figures(tmp_path / "none.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * (1 << 20) + b"x")
    with pytest.raises(SpecError, match="too-large"):
        read_figures(tmp_path / "large.yaml")


def test_a_series_is_a_number_a_line_with_a_header_allowed(tmp_path: Path):
    file = tmp_path / "wet.csv"
    file.write_text("wet bulb\n3.5\n\n-1,\n12\n")
    assert read_series(file) == (3.5, -1.0, 12.0)
    file.write_text("3.5\nwarm\n")
    with pytest.raises(SpecError, match="'warm' is no number"):
        read_series(file)


@pytest.mark.parametrize("first", ["10;1", "10,5", "10 degC", "-", "3.5.1", "nan", "inf"])
def test_a_first_line_that_begins_with_no_word_is_no_header(tmp_path: Path, first: str):
    file = tmp_path / "wet.csv"
    file.write_text(f"{first}\n3.5\n")
    with pytest.raises(SpecError) as caught:
        read_series(file)
    assert [(one.code, one.where.line) for one in caught.value.problems] == [("bad-number", 1)]


@pytest.mark.parametrize("first", ["wet bulb", "T at 2 m", "# hours of 2025", '"wet_bulb"'])
def test_a_header_of_words_costs_no_hour(tmp_path: Path, first: str):
    file = tmp_path / "wet.csv"
    file.write_text(f"{first}\n3.5\n")
    assert read_series(file) == (3.5,)


def test_the_mark_that_some_programs_set_before_a_text_costs_a_series_no_hour(tmp_path: Path):
    file = tmp_path / "hours.csv"
    file.write_text("\ufeff3.5\n4\n")
    assert read_series(file) == (3.5, 4.0)
    file.write_text("\ufeffload\n4\n")
    assert read_columns(file) == {"load": (4.0,)}


def test_a_file_of_hours_that_is_no_text_or_no_csv_is_refused(tmp_path: Path):
    file = tmp_path / "hours.csv"
    file.write_bytes(b"\xff\xfe1\x00\n\x002\x00")
    for read in (read_series, read_columns):
        with pytest.raises(SpecError, match="the text is UTF-16, not UTF-8"):
            read(file)
    file.write_text(f"load,{'w' * 200_000}\n1,2\n")
    with pytest.raises(SpecError, match="bad-row"):
        read_columns(file)
