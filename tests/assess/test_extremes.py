"""Figures at the ends of what is permitted: every assessment answers, and every number that it gives is
one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from sovereign_ai.assess.cost import report as cost
from sovereign_ai.assess.energy import report as energy
from sovereign_ai.assess.figures import split
from sovereign_ai.assess.goodput import report as goodput
from sovereign_ai.assess.ranges import permitted
from sovereign_ai.assess.sources import read_figures
from sovereign_ai.errors import SpecError
from tests.assess.stacks import stack

_NUMBERS = (
    0,
    1e-30,
    1e-6,
    0.1,
    0.5,
    0.9999999999999999,
    1,
    2,
    10,
    24,
    200,
    -10,
    -100,
    1e3,
    1e6,
    31_557_600,
    1e12,
    1e20,
    1e30,
    20270101,
)
YEAR = 31_557_600


@cache
def _leaves(name: str) -> Mapping[str, str]:
    """Give every figure of a stack that no other has to be given for, and its unit."""
    rooms = (
        goodput.assess_goodput(*stack(name), runs=0),
        energy.assess_energy(*stack(name)),
        cost.assess_cost(*stack(name)),
    )
    return {one.id: one.unit for room in rooms for one in room.measures if not one.formula}


def _numbers(name: str) -> st.SearchStrategy[dict[str, float]]:
    """Make files of figures, all of them permitted."""
    leaves = _leaves(name)
    return st.fixed_dictionaries(
        {}, optional={one: st.sampled_from(_permitted(one, unit)) for one, unit in leaves.items()}
    )


def _permitted(name: str, unit: str) -> list[float]:
    return [number for number in _NUMBERS if permitted(name, unit).holds(number)]


def _assessed(name: str, numbers: Mapping[str, float], file: Path) -> Iterator[Any]:
    lines = [f"{figure}: '{number!r}'\n" for figure, number in numbers.items()]
    # A file of comments alone has no figures; an empty one is refused.
    file.write_text("".join(["# figures\n", *lines]))
    factory, planned = stack(name)
    figures = split(factory, planned, read_figures(file))
    yield goodput.assess_goodput(factory, planned, figures["goodput"], runs=4)
    yield energy.assess_energy(factory, planned, figures["energy"])
    yield cost.assess_cost(factory, planned, figures["cost"])


def _not_finite(data: Any) -> bool:
    if isinstance(data, dict | list | tuple):
        return any(map(_not_finite, data.values() if isinstance(data, dict) else data))
    return isinstance(data, float) and not math.isfinite(data)


@pytest.mark.parametrize("name", ["lab", "superpod"])
def test_whatever_is_permitted_has_an_answer_in_numbers(name: str, tmp_path: Path):
    @settings(max_examples=25)
    @examples(numbers=_numbers(name))
    def answers(numbers: dict[str, float]) -> None:
        try:
            found = list(_assessed(name, numbers, tmp_path / "figures.yaml"))
        except SpecError as error:
            assert {one.code for one in error.problems} <= {  # noqa: PT017
                "impossible-figure",
                "unused-figure",
                "unknown-figure",
            }
            return
        for one in found:
            assert not _not_finite(one.to_data())
            assert not [line for line in one.lines() if re.search(r"\b(nan|inf)\b|\de[+-]\d", line)]

    answers()


@pytest.mark.parametrize(
    "numbers",
    [
        {"stall": YEAR},
        {"repair": YEAR},
        {"domain.repair": YEAR, "domain.share": 1},
        {"restart": YEAR, "weibull.shape": 10},
        {"failure-rate.h100-sxm": 24},
        {"failure-rate.h100-sxm": 1e-30},
        {"confidence": 0.9999999999999999},
        {"failure-rate.h100-sxm": 24, "repair": YEAR, "confidence": 0.9999999999999999},
        {"pool.dgx.spares.domain.rack": 1e30},
        {"pool.dgx.spares.gpus": 1e30},
        {"job.dgx.parameters": 1e30, "job.dgx.tokens": 1e30, "checkpoint.bytes-per-parameter": 1e30},
    ],
    ids=str,
)
def test_a_figure_of_goodput_at_its_end_holds_nobody_up(numbers: Mapping[str, float], tmp_path: Path):
    found = list(_assessed("superpod", numbers, tmp_path / "figures.yaml"))
    assert [_not_finite(one.to_data()) for one in found] == [False] * 3
