"""The report as plain text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from sovereign_ai.sovereignty.results import NOTICE
from tests.sovereignty.test_drill import stack
from tests.sovereignty.test_report import GOLDEN, NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_stacks_report_in_the_terminal_is_the_golden_one(
    name: str, golden: Callable[[Path, str], None]
) -> None:
    golden(GOLDEN / f"{name}.txt", "\n".join(stack(name).lines()) + "\n")


@pytest.mark.parametrize("name", NAMES)
def test_a_report_fits_80_columns_and_says_in_every_form_that_it_is_a_self_assessment(name: str) -> None:
    found = stack(name)
    assert max(map(len, found.lines())) <= 80
    assert "Self-assessment" in found.lines()[1]
    assert orjson.loads(found.canonical())["notice"] == NOTICE
