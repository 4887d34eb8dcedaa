"""Rows of a table; one that is none is that row's own problem."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import Problem
from sovereign_ai.files.csv_text import MOST_CELL, MOST_CELLS, MOST_PROBLEMS, NETBOX, rows
from tests.hostile.texts import ESCAPES, SECRETS


def read(text: str) -> tuple[list[tuple[int, list[str]]], list[Problem]]:
    problems: list[Problem] = []
    return list(rows(text, "t.csv", NETBOX, problems)), problems


def test_rows_have_the_line_that_they_begin_in_and_empty_ones_are_left_out() -> None:
    assert read('a,b\n\n"x",y\n') == ([(1, ["a", "b"]), (3, ["x", "y"])], [])


@pytest.mark.parametrize(
    "row",
    [
        '"a"b,c',
        "x" * 140_000,
        "x" * (MOST_CELL + 1),
        "," * MOST_CELLS,
        *(f'"{text}"' for text in ESCAPES.values()),
    ],
)
def test_a_bad_row_is_one_problem_and_the_others_are_read(row: str) -> None:
    found, problems = read(f"a,b\n{row}\nc,d\n")
    assert [cells for _, cells in found] == [["a", "b"], ["c", "d"]]
    assert [problem.where.line for problem in problems[:1]] == [2]
    assert all(char.isprintable() for problem in problems for char in str(problem).replace("\n", ""))


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_in_a_cell_is_refused_and_not_repeated(secret: str) -> None:
    found, problems = read(f'a,"{secret}"\nb,c\n')
    assert ([cells for _, cells in found], [problem.code for problem in problems]) == (
        [["b", "c"]],
        ["secret"],
    )
    assert "Zq7L" not in str(problems)


def test_reading_ends_after_so_many_bad_rows() -> None:
    found, problems = read('"a"b\n' * (MOST_PROBLEMS + 50) + "x,y\n")
    assert found == []
    assert [problem.code for problem in problems[-1:]] == ["too-many-problems"]
    assert len(problems) == MOST_PROBLEMS + 1
