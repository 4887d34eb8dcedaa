"""Rows to fill in: every kind has a template that lacks nothing but its sources."""

from __future__ import annotations

from datetime import date

import pytest
import yaml

from sovereign_ai.catalog.row_template import kinds, template
from sovereign_ai.catalog.user_rows import KINDS, UNFILLED, row_problems

READ = date(2026, 11, 27)


def test_every_kind_has_a_template() -> None:
    assert kinds() == sorted(KINDS)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_template_lacks_nothing_but_its_sources(kind: str) -> None:
    [row] = yaml.safe_load(template(kind, "our-row", READ))["rows"]
    problems = list(row_problems(row, "row"))
    assert {problem.message for problem in problems} == {"the source is not filled in"}
    [filled] = yaml.safe_load(
        template(kind, "our-row", READ).replace(UNFILLED, "our data sheet, page 2: measured")
    )["rows"]
    assert list(row_problems(filled, "row")) == []
    assert {str(figure["read"]) for figure in row["figures"].values() if "read" in figure} <= {"2026-11-27"}
