"""Numbers that follow from each other: ranges, bases, and what the user replaces."""

from __future__ import annotations

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from sovereign_ai.assess.measure import Basis, Measure, plain
from sovereign_ai.assess.sheet import GivenValue, Sheet
from sovereign_ai.errors import UsageError

positive = st.floats(min_value=0.01, max_value=1e6)


def _sheet(given: dict[str, GivenValue] | None = None) -> Sheet:
    sheet = Sheet(given or {})
    sheet.estimate("load", 80.0, "kW", 70.0, 90.0, "our guess")
    sheet.estimate("losses", 0.1, "1", 0.05, 0.2, "our guess")
    sheet.plan("hours", 10.0, "h", "as described")
    sheet.ask("price", "EUR/kWh", "What does it cost?")
    sheet.derive(
        "energy",
        "kWh",
        "load x hours / (1 - losses)",
        lambda load, hours, lost: load * hours / (1 - lost),
        "load",
        "hours",
        "losses",
    )
    sheet.derive("cost", "EUR", "energy x price", lambda energy, price: energy * price, "energy", "price")
    return sheet


def _one(sheet: Sheet, name: str) -> Measure:
    return next(measure for measure in sheet.measures() if measure.id == name)


def test_a_range_reaches_every_number_that_hangs_on_it():
    energy = _one(_sheet(), "energy")
    assert (energy.low, energy.value, energy.high) == pytest.approx((700 / 0.95, 800 / 0.9, 900 / 0.8))
    assert energy.inputs == ("load", "hours", "losses")
    assert energy.basis is Basis.ESTIMATE


def test_a_missing_figure_leaves_no_value_and_says_which_it_is():
    cost = _one(_sheet(), "cost")
    assert cost.value is None
    assert cost.needs == ("price",)
    assert cost.basis is Basis.OPEN
    assert str(cost) == "needs price"


def test_a_given_figure_replaces_ours_everywhere():
    sheet = _sheet(
        {"load": GivenValue(60.0), "price": GivenValue(0.1, 0.1, 0.2, "contract"), "losses": GivenValue(0.0)}
    )
    cost = _one(sheet, "cost")
    assert (cost.low, cost.value, cost.high) == (60.0, 60.0, 120.0)
    assert cost.basis is Basis.USER
    assert _one(sheet, "price").source == "contract"


def test_a_figure_that_would_change_nothing_is_refused_with_the_nearest_name():
    with pytest.raises(UsageError, match="'laod' is no figure") as caught:
        _sheet({"laod": GivenValue(1.0)}).measures()
    assert caught.value.problems[0].hint == "did you mean 'load'?"
    with pytest.raises(UsageError, match="is calculated and cannot be given"):
        _sheet({"energy": GivenValue(1.0)}).measures()


def test_the_widest_swing_comes_first_and_what_moves_nothing_is_left_out():
    swings = _sheet().swings("energy")
    assert [leaf for leaf, _, _ in swings] == ["load", "losses"]
    assert swings[0][1:] == pytest.approx((700 / 0.9, 900 / 0.9))


@examples(low=positive, spread=positive, factor=positive)
def test_a_range_holds_its_value_and_scales_with_it(low: float, spread: float, factor: float):
    sheet = Sheet()
    sheet.estimate("a", low + spread / 2, "W", low, low + spread, "any")
    sheet.derive("b", "W", "a x factor", lambda a: a * factor, "a")
    sheet.derive("c", "1/W", "1 / a", lambda a: 1 / a, "a")
    for name in ("b", "c"):
        found = _one(sheet, name)
        assert found.low is not None
        assert found.value is not None
        assert found.high is not None
        assert found.low <= found.value <= found.high
    assert _one(sheet, "b").high == pytest.approx((low + spread) * factor)


def test_numbers_are_cut_so_that_last_bits_do_not_show():
    data = Measure(id="x", unit="1", basis=Basis.PLAN, value=1 / 3, low=0.1 + 0.2, high=2.0).to_data()
    assert (data["value"], data["low"], data["high"]) == (0.333333333, 0.3, 2.0)


def test_numbers_are_written_with_three_digits():
    assert [plain(number) for number in (0.85312, 12, 1234.6, -0.05, 0)] == [
        "0.853",
        "12",
        "1,230",
        "-0.05",
        "0",
    ]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (90_962_300, "W", "90.9623 MW"),
        (5.67e12, "B", "5.67 TB"),
        (1_265_447, "kWh", "1.26545 GWh"),
        (0.129, "kg/kWh", "0.129 kg/kWh"),
        (7.84e9, "EUR", "7,840 MEUR"),
        (2.09e9, "EUR/a", "2,090 MEUR/a"),
        (0.19, "EUR/kWh", "0.19 EUR/kWh"),
        (0, "W", "0 W"),
        (16, "machines", "16 machines"),
    ],
)
def test_units_take_the_prefix_that_leaves_few_digits(value: float, unit: str, text: str):
    assert str(Measure(id="x", unit=unit, basis=Basis.PLAN, value=value)) == f"{text} (plan)"
