"""The lines of a description that is written in Python."""

from __future__ import annotations

import sys

from sovereign_ai.spec.pool import GpuNodePool
from sovereign_ai.spec.source import of_python
from tests.plan.factories import factory


def test_a_part_has_the_line_of_its_call_and_a_field_that_of_its_part() -> None:
    line = sys._getframe().f_lineno + 1
    entry = GpuNodePool(name="p", site="a", system="dgx-h100", nodes=1, purpose="training", zone="z")
    source = of_python(factory(pools=[entry]))
    assert source.where("pools[0]").line == line
    assert source.where("pools[0].nodes").line == line
    assert source.where("pools[0].nodes").field == "pools[0].nodes"
    assert source.where("pools[0]").file == __file__


def test_the_file_may_be_given() -> None:
    assert of_python(factory(), "other.py").file == "other.py"
