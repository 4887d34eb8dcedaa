"""Rows of tools: versions that suit, and recipes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sovereign_ai.toolchain.row import parse_version
from sovereign_ai.toolchain.table import TOOLS

KWOK = TOOLS["kwok"]


@pytest.mark.parametrize(
    ("text", "numbers"), [("v1.37.2-rc.1", (1, 37, 2)), ("2", (2,)), (" 1.0 ", (1, 0)), ("x", ()), ("", ())]
)
def test_a_version_is_its_leading_numbers(text: str, numbers: tuple[int, ...]) -> None:
    assert parse_version(text) == numbers


@pytest.mark.parametrize(
    ("version", "suits"), [("0.7.0", True), ("0.7.9", True), ("0.8.0", False), ("", False)]
)
def test_a_version_suits_from_the_oldest_to_the_first_that_does_not(version: str, suits: bool) -> None:
    assert KWOK.accepts(version) is suits
    assert KWOK.wanted == "0.7.0 (>= 0.7, < 0.8)"


def test_a_recipe_changes_with_what_is_built_and_with_nothing_else() -> None:
    assert KWOK.source is not None
    assert replace(KWOK, purpose="another", at_least=(0, 6)).recipe == KWOK.recipe
    assert replace(KWOK, source=replace(KWOK.source, tags=("x",))).recipe != KWOK.recipe
    assert replace(KWOK, source=replace(KWOK.source, requires=("a v1",))).recipe != KWOK.recipe
