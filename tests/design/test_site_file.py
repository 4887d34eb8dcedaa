"""Where a design is for: a country, a site's file, or a description."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.design.site_file import read_site
from sovereign_ai.errors import SpecError, UsageError

STACKS = Path(__file__).resolve().parents[2] / "stacks"
SITE = """\
name: here
country: FI
power: {it_budget: 90 kW, feeds: {A: 90 kW, B: 90 kW}}
halls:
  - {name: h1, cooling: {kind: air, supply: 22 degC}, rack_limit: 45 kW}
"""


def test_a_code_is_a_country_in_either_case() -> None:
    assert read_site("fi").country == "FI"
    assert read_site("FI").site is None


def test_a_file_with_one_site_is_that_site(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(SITE)
    source = read_site(str(file))
    assert source.country == "FI"
    assert source.site is not None
    assert source.site["name"] == "here"
    assert source.context == {}


def test_a_stack_gives_its_site_and_what_does_not_follow_from_a_design() -> None:
    source = read_site(str(STACKS / "superpod"))
    assert source.country == "FR"
    assert source.context["operator"]["name"] == "Example Research Computing"
    assert "pools" not in source.context


def test_a_name_that_was_meant_is_offered() -> None:
    with pytest.raises(UsageError) as caught:
        read_site("Finland")
    [problem] = caught.value.problems
    assert (problem.code, "'FI'" in problem.hint) == ("unknown-site", True)


def test_the_folder_in_which_one_stands_is_a_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(STACKS / "lab")
    assert read_site(".").country == "DE"


@pytest.mark.parametrize("text", ["", "a" * 5_000, "\0", "\x1b[2K", "/dev/null"])
def test_a_text_that_no_file_system_takes_is_refused_without_a_fault(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_site(text)
    [problem] = caught.value.problems
    assert problem.code == "unknown-site"
    assert len(problem.message) < 400


@pytest.mark.parametrize(
    ("text", "field"), [("[]", ""), (SITE.replace("90 kW,", "90 metres,"), "power.it_budget"), ("a: 1", "a")]
)
def test_every_problem_of_a_file_is_placed_in_it(text: str, field: str, tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(text)
    with pytest.raises(SpecError) as caught:
        read_site(str(file))
    assert field in {problem.where.field for problem in caught.value.problems}
    assert {problem.where.file for problem in caught.value.problems} == {str(file)}


def test_a_value_that_cannot_be_read_is_one_problem_and_not_two(tmp_path: Path) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(SITE.replace("name: here", 'name: "here\\e[31m"'))
    with pytest.raises(SpecError) as caught:
        read_site(str(file))
    assert [problem.code for problem in caught.value.problems] == ["hidden-character"]
