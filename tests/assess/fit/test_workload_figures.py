"""A user's figures of a fit, from a file that serves other assessments too."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.assess.fit.workload_figures import split_figures
from sovereign_ai.assess.sources import read_figures
from sovereign_ai.errors import SpecError
from tests.assess.fit.work import job
from tests.assess.stacks import stack


def test_figures_of_other_assessments_are_left_to_them(tmp_path: Path):
    file = tmp_path / "figures.yaml"
    file.write_text("memory.reserved: 5000000000\nstall: 30\nprice.dgx-h100: 100000\n")
    figures = split_figures(*stack("lab"), job(), read_figures(file))
    assert {name: figure.value for name, figure in figures.items()} == {"memory.reserved": 5e9, "stall": 30}


def test_wrong_and_unknown_figures_are_reported_together(tmp_path: Path):
    file = tmp_path / "figures.yaml"
    file.write_text("memory.reserved: -1\nprice.gold: 1\n")
    with pytest.raises(SpecError) as caught:
        split_figures(*stack("lab"), job(), read_figures(file))
    assert [problem.code for problem in caught.value.problems] == ["impossible-figure", "unknown-figure"]
