from __future__ import annotations

import ast
import re
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai import errors
from sovereign_ai.errors import (
    DeploymentError,
    EnvironmentLacksError,
    ExitCode,
    Problem,
    SovereignError,
    SpecError,
    UsageError,
    Where,
    closest,
    nearest,
    results_of,
)


def test_the_exit_codes_are_those_that_the_manual_promises():
    named = {"OK": 0, "FINDINGS": 1, "BAD_INPUT": 2, "ENVIRONMENT": 3, "DEPLOYMENT": 4, "INTERRUPTED": 130}
    assert {code.name: int(code) for code in ExitCode} == named
    assert [kind.exit_code for kind in (SpecError, UsageError, EnvironmentLacksError, DeploymentError)] == [
        2,
        2,
        3,
        4,
    ]


def test_a_problem_is_written_with_its_place_and_its_hint():
    problem = Problem(
        "unknown-name",
        "no zone is called 'opne'",
        Where("f.yaml", 4, 7, "pools[0].zone"),
        "did you mean 'open'?",
    )
    assert (
        str(problem)
        == "f.yaml:4:7: pools[0].zone: no zone is called 'opne' [unknown-name]\n    did you mean 'open'?"
    )
    assert str(Problem("a", "b")) == "b [a]"
    assert str(Problem("a", "b", Where(field="c"))) == "c: b [a]"


def test_a_problem_as_data_has_exactly_the_promised_keys():
    data = Problem("a", "b", Where("f", 1, 2, "c"), "d").to_data()
    assert data == {
        "code": "a",
        "file": "f",
        "line": 1,
        "column": 2,
        "field": "c",
        "message": "b",
        "hint": "d",
    }


def test_an_error_carries_its_problems_in_the_order_of_the_text():
    places = [Where("f", 2, 1), Where("f", 1, 9), Where("f", 1, 2), Where(None)]
    error = SpecError(Problem("a", "b", where) for where in places)
    assert [problem.where for problem in error.problems] == [places[3], places[2], places[1], places[0]]
    assert isinstance(error, SovereignError)
    assert str(error).count("[a]") == 4


def test_an_error_without_a_problem_is_a_defect():
    with pytest.raises(ValueError, match="at least one problem"):
        SpecError([])


def test_the_nearest_name_is_offered_and_else_the_first_few():
    assert nearest("opne", ["open", "restricted"]) == "did you mean 'open'?"
    assert nearest("nvidia-h100", ["dgx-h100", "mi300x-oam8"]) == "did you mean 'dgx-h100'?"
    assert nearest("zzz", [f"pool{index}" for index in range(20)]).startswith("known: pool0, pool1")
    assert nearest("x", ["a"]) == "known: a"
    assert nearest("x", []) == "nothing of that kind is declared yet"


@pytest.mark.parametrize(
    ("name", "known"), [("--bogus", "--output"), ("runtime", "name"), ("title", "sites"), ("h9", "h1")]
)
def test_a_name_that_is_only_a_little_alike_is_not_offered_as_what_was_meant(name: str, known: str):
    assert nearest(name, [known]) == f"known: {known}"


@given(st.text(max_size=200), st.lists(st.text(max_size=80), max_size=20))
def test_a_hint_is_found_for_any_text(name: str, known: list[str]):
    assert nearest(name, known)


def test_a_hint_is_found_among_very_many_names():
    assert nearest("pool-99999x", [f"pool-{index}" for index in range(100_000)]).startswith(
        ("did you mean", "known")
    )
    assert nearest("x" * 1_000_000, ["y" * 1_000_000])


def decides_by_a_hint(node: ast.AST) -> bool:
    """Whether an expression compares the text of a hint, which is for people and may be worded anew."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        is_test = node.func.attr in {"startswith", "endswith", "find", "index", "count"}
        return is_test and is_hint(node.func.value)
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn | ast.Eq | ast.NotEq):
        return any(is_hint(side) for side in (node.left, *node.comparators))
    return False


def is_hint(node: ast.AST) -> bool:
    return getattr(node, "attr", getattr(node, "id", "")) == "hint"


@pytest.mark.parametrize(
    "text",
    ["problem.hint.startswith('there is')", "'backup' in problem.hint", "hint.endswith('x')", "hint == 'x'"],
)
def test_a_decision_by_a_hint_is_recognised(text: str):
    assert any(map(decides_by_a_hint, ast.walk(ast.parse(text))))


def test_no_decision_is_made_by_the_wording_of_a_hint():
    package = Path(__file__).parent.parent / "sovereign_ai"
    places = []
    for path in sorted(package.rglob("*.py")):
        deciding = filter(decides_by_a_hint, ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        places += [f"{path.relative_to(package)}: {ast.unparse(node)}" for node in deciding]
    assert places == []


@given(st.text(max_size=80), st.lists(st.text(min_size=1, max_size=80), max_size=12))
def test_the_closest_name_is_a_right_one_or_none(name: str, known: list[str]):
    assert closest(name, known) in {"", *known}


def test_no_hint_has_a_semicolon_or_a_comma_behind_a_question_mark() -> None:
    package = Path(errors.__file__).parent
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for part, following in pairwise(getattr(node, "values", None) or []):
                asks = isinstance(part, ast.FormattedValue) and re.search(
                    r"(nearest|country_hint|model_hint|system_hint|suggestion)\b", ast.unparse(part.value)
                )
                goes_on = isinstance(following, ast.Constant) and str(following.value).startswith((";", ","))
                assert not (asks and goes_on), f"{path}:{part.lineno}"


def test_all_calls_are_made_and_the_problems_of_those_that_fail_are_told_together() -> None:
    made = []

    def call(number: int) -> int:
        made.append(number)
        if number in (2, 3):
            raise (SpecError if number == 2 else UsageError)(Problem("bad", f"number {number}"))
        return number

    assert results_of(partial(call, number) for number in (1, 4)) == [1, 4]
    with pytest.raises(SpecError) as caught:
        results_of(partial(call, number) for number in (1, 2, 3, 4))
    assert [problem.message for problem in caught.value.problems] == ["number 2", "number 3"]
    assert made == [1, 4, 1, 2, 3, 4]
