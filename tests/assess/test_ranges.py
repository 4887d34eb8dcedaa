"""Which numbers a figure may have, at the ends of each range."""

from __future__ import annotations

import pytest

from sovereign_ai.assess.ranges import permitted, whole_of
from sovereign_ai.assess.sources import figures
from tests.assess.test_sources import FILES


@pytest.mark.parametrize(
    ("name", "unit", "good", "bad"),
    [
        ("utilisation", "1", (0, 0.5, 1), (-0.01, 1.01, 90)),
        ("mfu.h100-sxm", "1", (0.41,), (41,)),
        ("site.fra1.pue", "1", (1, 1.2, 3), (0.2, 0.999, -1)),
        ("hall.h1.bypass", "1", (0, 0.99), (1, -0.1)),
        ("site.fra1.fan-share", "1", (0.125,), (1,)),
        ("transient", "1", (1, 1.4), (0.9,)),
        ("fibre.index", "1", (1.468,), (0.99,)),
        ("weibull.shape", "1", (0.5, 2), (0, -1)),
        ("service.chat.head-width", "1", (128,), (0,)),
        ("tier.home.snapshots", "1", (0, 7), (-1,)),
        ("site.fra1.public", "1", (0, 1), (7, 0.5, -1)),
        ("site.fra1.warm", "1", (0, 1), (2,)),
        ("site.fra1.water-stress", "1", (0, 1), (2,)),
        (
            "site.fra1.started",
            "yyyymmdd",
            (20270131, 20240229),
            (99999999, 20270231, 20270131.5, 2027, 0, -20270131, 18990101),
        ),
        ("interest", "1/a", (0, 0.07), (7, -0.01)),
        ("electricity.FI", "EUR/kWh", (-0.5, 0, 0.062), (62, -11)),
        ("exchange.usd-per-eur", "USD/EUR", (1.17,), (0, -1)),
        ("life.machines", "a", (0.5, 5), (0, -1)),
        ("wet-bulb", "degC", (-40, 0, 35), (95, 50, -100)),
        ("chain.chiller.design-wet-bulb", "degC", (24,), (75,)),
        ("site.fra1.waste-heat", "degC", (-5, 45), (-300, 300)),
        ("job.train.parameters", "parameters", (7e10,), (0, -1)),
        ("job.train.tokens", "tokens", (0, 2e12), (-5,)),
        ("price.dgx-h100", "USD", (0, 270_000), (-5,)),
        ("staff.cost", "EUR/a", (0, 90_000), (-1,)),
        ("stall", "s", (0, 60), (-1, 1e9)),
        ("failure-rate.h100-sxm", "1/GPU-d", (1e-9, 0.0005, 24), (0, -1, 25)),
        ("anything", "furlongs", (0, 1e9), (-1,)),
    ],
)
def test_a_range_ends_where_numbers_become_impossible(
    name: str, unit: str, good: tuple[float, ...], bad: tuple[float, ...]
):
    found = permitted(name, unit)
    assert [number for number in good if not found.holds(number)] == []
    assert [number for number in bad if found.holds(number)] == []
    assert found.words


def test_our_own_prices_and_counts_lie_in_the_ranges_of_their_units():
    rows = [
        (name, row) for file in FILES for name, row in figures(file).items() if row.unit and row.unit != "1"
    ]
    ends = [
        (name, row.unit or "", end)
        for name, row in rows
        for end in (row.value, row.low, row.high)
        if isinstance(end, int | float)
    ]
    assert len(ends) > 100
    assert [(name, end) for name, unit, end in ends if not permitted(name, unit).holds(end)] == []


def test_what_is_a_part_of_something_names_the_whole():
    assert whole_of("service.chat.experts-chosen") == ("service.chat.experts",)
    assert whole_of("job.train.active") == ("job.train.parameters",)
    assert whole_of("price.dgx-h100") == ()
