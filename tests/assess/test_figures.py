"""A user's figures shared out among the assessments, and everything that is wrong with his file told at
once.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sovereign_ai.assess.figures import split, template
from sovereign_ai.assess.goodput.report import assess_goodput
from sovereign_ai.assess.sheet import GivenValue
from sovereign_ai.assess.sources import read_figures
from sovereign_ai.errors import Problem, SpecError
from tests.assess.stacks import ALL, stack


def _split(tmp_path: Path, text: str, name: str = "lab") -> dict[str, dict[str, GivenValue]]:
    file = tmp_path / "figures.yaml"
    file.write_text(text)
    return split(*stack(name), read_figures(file))


def _problems(tmp_path: Path, text: str) -> tuple[Problem, ...]:
    with pytest.raises(SpecError) as caught:
        _split(tmp_path, text)
    return caught.value.problems


def test_each_assessment_gets_the_figures_that_it_takes(tmp_path: Path):
    found = _split(tmp_path, "price.dgx-h100: 1\nstall: 5\nsite.fra1.warm: 1\n")
    assert {what: sorted(names) for what, names in found.items()} == {
        "goodput": ["stall"],
        "energy": ["site.fra1.warm", "stall"],
        "cost": ["price.dgx-h100", "stall"],
    }


@pytest.mark.parametrize("name", ALL)
def test_every_figure_that_is_listed_can_be_given_as_we_hold_it_all_at_once(tmp_path: Path, name: str):
    lines = [
        match[1]
        for line in template(*stack(name))
        if (match := re.fullmatch(r"# ([a-z][\w.-]*: [^# ].*)", line))
    ]
    assert len(lines) > 40
    found = _split(tmp_path, "\n".join(lines), name)
    assert len({figure for figures in found.values() for figure in figures}) == len(lines)


def test_the_list_as_it_is_written_changes_nothing(tmp_path: Path):
    assert _split(tmp_path, "\n".join(template(*stack("lab")))) == {"goodput": {}, "energy": {}, "cost": {}}


def test_every_impossible_number_is_told_at_once_with_its_line_what_was_given_and_what_is_permitted(
    tmp_path: Path,
):
    text = """\
job.train.tokens: -5
site.fra1.pue: 0.2
utilisation: 90
price.dgx-h100: -5
system.dgx-h100.idle: 99999999
site.fra1.public: 7
site.fra1.started: 99999999
staff.people: {value: 3, low: -2, high: 4}
mbu.decode: {value: 0.6, low: 0.5, high: 60}
"""
    found = _problems(tmp_path, text)
    assert [(one.where.line, one.where.field, one.message) for one in found] == [
        (1, "job.train.tokens", "-5 is out of range: at least 0, in tokens"),
        (2, "site.fra1.pue", "0.2 is out of range: at least 1"),
        (3, "utilisation", "90 is out of range: 0 to 1"),
        (4, "price.dgx-h100", "-5 is out of range: at least 0, in USD"),
        (5, "system.dgx-h100.idle", "99999999 is out of range: at most 7,752, in W"),
        (6, "site.fra1.public", "7 is out of range: 0 or 1"),
        (7, "site.fra1.started", "99999999 is out of range: a day from 19500101 to 21001231"),
        (8, "staff.people.low", "-2 is out of range: at least 0, in people"),
        (9, "mbu.decode.high", "60 is out of range: 0 to 1"),
    ]
    assert {(one.code, one.where.file) for one in found} == {
        ("impossible-figure", str(tmp_path / "figures.yaml"))
    }
    assert found[2].hint == "a share is a part of one: write 90 % as 0.9"


def test_a_misspelt_name_is_told_with_its_place_and_the_nearest_beside_every_other_fault(tmp_path: Path):
    found = _problems(
        tmp_path, "jbo.train.parameters: 7e10\nsite.fra1.puee: 1.2\nstall: mine\nsite.fra1.e-dc: 5\n"
    )
    assert [(one.where.line, one.where.column, one.code) for one in found] == [
        (1, 1, "unknown-figure"),
        (1, 23, "bad-number"),
        (2, 1, "unknown-figure"),
        (3, 8, "bad-figure"),
        (4, 1, "unknown-figure"),
    ]
    assert [one.hint for one in found if one.code == "unknown-figure"] == [
        "did you mean 'job.train.parameters'?",
        "did you mean 'site.fra1.pue'?",
        "`assess figures STACK` lists what can be given",
    ]
    assert not any("refused" in str(one) or str(one).count(one.where.field) > 1 for one in found)


def test_a_part_that_is_more_than_its_whole_is_refused_by_figures_of_the_same_file_where_they_are_there(
    tmp_path: Path,
):
    good = "job.train.parameters: 7000\njob.train.active: 7000\nsystem.dgx-h100.peak: 1000\nsystem.dgx-h100.typical-share: 0.5\n"  # noqa: E501 - one literal text
    assert _split(tmp_path, f"{good}system.dgx-h100.idle: 500\n")["goodput"][
        "job.train.active"
    ] == GivenValue(7000.0)
    found = _problems(tmp_path, good.replace("active: 7000", "active: 7001") + "system.dgx-h100.idle: 501\n")
    assert [one.message for one in found] == [
        "7001 is out of range: at most 7,000, in parameters",
        "501 is out of range: at most 500, in W",
    ]
    assert found[1].hint == "that is system.dgx-h100.peak x system.dgx-h100.typical-share"


def test_a_part_is_not_judged_by_a_whole_that_is_wrong_itself_or_not_known(tmp_path: Path):
    found = _problems(tmp_path, "system.dgx-h100.peak: -5\nsystem.dgx-h100.idle: 3000\n")
    assert [one.where.line for one in found] == [1]
    assert _split(tmp_path, "job.train.active: 7000\n")["goodput"] == {"job.train.active": GivenValue(7000.0)}


def test_a_price_of_electricity_may_be_negative_and_no_other_price_may(tmp_path: Path):
    assert _split(tmp_path, "electricity.DE: -0.01\n")["cost"] == {"electricity.DE": GivenValue(-0.01)}
    assert len(_problems(tmp_path, "rent.h100-sxm: -0.01\n")) == 1


def test_a_figure_in_whose_place_another_is_given_is_told_to_change_nothing(tmp_path: Path):
    [problem] = _problems(tmp_path, "site.fra1.pue: 1.2\nchain.house: 0.01\n")
    assert (problem.code, problem.where.line) == ("unused-figure", 2)


def test_a_figure_that_follows_from_the_others_given_is_told_to_and_not_to_look_where_it_is_listed(
    tmp_path: Path,
):
    assert any(line.startswith("# job.train.reload: ") for line in template(*stack("lab")))
    [problem] = _problems(tmp_path, "job.train.parameters: 7000000000\njob.train.reload: 60\n")
    assert (problem.where.line, problem.message) == (
        2,
        "it is calculated from the others that are given and cannot be given",
    )
    assert problem.hint == "remove it or the others"


def test_very_many_unknown_names_are_counted(tmp_path: Path):
    found = _problems(tmp_path, "".join(f"x{number}: 1\n" for number in range(70)))
    assert len(found) == 51
    assert any(one.message == "and 20 more that are no figures of any assessment" for one in found)


@pytest.mark.parametrize(
    "text", ["failure-rate.h100-sxm: 0", "failure-rate.h100-sxm: {value: 0.0005, low: 0, high: 0.001}"]
)
def test_a_failure_rate_of_nothing_is_refused_and_a_small_one_is_offered(tmp_path: Path, text: str):
    """The mean time between failures is one over the rate: with 0 every job was called infeasible."""
    [problem] = _problems(tmp_path, text)
    assert problem.message == "0 is out of range: more than 0, at most 24, in 1/GPU-d"
    small = re.search(r"write a small rate, ([0-9.]+)$", problem.hint)
    assert small
    given = _split(tmp_path, f"failure-rate.h100-sxm: {small[1]}")["goodput"]
    [job] = assess_goodput(*stack("lab"), given, runs=0).jobs
    assert job.verdict == "feasible"
    assert (assess_goodput(*stack("lab"), given, runs=0).measure("job.train.goodput").value or 0) > 0.999
