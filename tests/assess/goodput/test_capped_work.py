"""Work under a cap on power: never faster, never slower than in proportion, and not slower above the draw."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.assess.goodput.report import Goodput, assess_goodput
from sovereign_ai.assess.sheet import GivenValue
from sovereign_ai.plan.factory import plan
from tests.plan.factories import factory, power, site

MODEL = {
    "job.train.parameters": GivenValue(7e9),
    "job.train.tokens": GivenValue(1e12),
    "job.train.read": GivenValue(1e10),
    "job.train.write": GivenValue(1e10),
}


def assessed(**given: float) -> Goodput:
    """The goodput of eight DGX H100 whose cap leaves each 5.1 kW, half of its rating."""
    return _under({"cap": {"site": "40800 W"}}, given)


def _under(more: dict[str, Any], given: dict[str, float]) -> Goodput:
    described = factory(sites=[site(power=power(**more))])
    figures = {name.replace("_", "."): GivenValue(value) for name, value in given.items()}
    return assess_goodput(described, plan(described), {**MODEL, **figures}, runs=0)


def _value(result: Goodput, name: str) -> float:
    value = result.measure(name).value
    assert value is not None
    return value


def test_training_takes_longer_under_a_cap_and_at_most_in_proportion() -> None:
    free, held = _under({}, {}), assessed(cap_exponent=1.0)
    share = 5_100 / _value(held, "system.dgx-h100.typical")
    assert _value(held, "pool.train.work-rate") == pytest.approx(share)
    assert _value(held, "job.train.time") == pytest.approx(_value(free, "job.train.time") / share)
    # Power and time cancel each other: slowed in proportion, a run takes the same energy.
    assert _value(held, "job.train.it-energy") == pytest.approx(_value(free, "job.train.it-energy"))


def test_the_range_of_the_slowing_goes_from_none_to_proportion() -> None:
    rate = assessed().measure("pool.train.work-rate")
    assert rate.high == 1.0
    assert rate.low is not None
    assert rate.value is not None
    assert rate.low < rate.value < 1


def test_a_cap_above_the_typical_draw_slows_nothing() -> None:
    loose = _under({"cap": {"site": "72 kW"}}, {"cap.exponent": 1.0})
    assert _value(loose, "pool.train.work-rate") == 1.0
