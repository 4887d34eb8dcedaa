"""Measures as text and as data."""

from __future__ import annotations

import pytest

from sovereign_ai.assess.measure import Assessment, Basis, Measure, cut, plain

LEAF = Measure(id="load", unit="W", basis=Basis.PLAN, value=1_500.0, source="the plan")
OPEN = Measure(id="staff", unit="people", basis=Basis.OPEN, source="How many?", needs=("staff",))
SUM = Measure(
    id="sum", unit="1", basis=Basis.OPEN, formula="load x staff", inputs=("load", "staff"), needs=("staff",)
)
ASSESSMENT = Assessment(factory="lab", spec_digest="d", measures=(LEAF, OPEN, SUM))


def test_a_unit_gets_a_prefix_and_an_exact_number_keeps_its_digits() -> None:
    assert str(LEAF) == "1.5 kW (plan)"
    assert str(Measure(id="x", unit="kWh", basis=Basis.PLAN, value=123_456.0)) == "123.456 MWh (plan)"
    assert str(Measure(id="x", unit="kg/kWh", basis=Basis.PLAN, value=4_000.0)) == "4,000 kg/kWh (plan)"


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("GPUs", 1.0, "1 GPU (plan)"),
        ("switches", 1.0, "1 switch (plan)"),
        ("GPUs", 2.0, "2 GPUs (plan)"),
        ("s", 1.0, "1 s (plan)"),
        ("tokens/s", 1.0, "1 tokens/s (plan)"),
    ],
)
def test_what_is_counted_is_singular_behind_an_exact_one(unit: str, value: float, text: str) -> None:
    assert str(Measure(id="x", unit=unit, basis=Basis.PLAN, value=value)) == text


def test_a_reason_has_the_formula_or_the_source() -> None:
    assert LEAF.reason == "load: 1.5 kW (plan); the plan"
    assert OPEN.reason == "staff: not known: How many?"
    assert SUM.reason == "sum = load x staff, from load, staff"


def test_reasons_go_down_to_the_sources_and_come_once() -> None:
    seen: set[str] = set()
    assert list(ASSESSMENT.reasons(["sum"], seen)) == [SUM.reason, LEAF.reason, OPEN.reason]
    assert list(ASSESSMENT.reasons(["load"], seen)) == []
    assert list(ASSESSMENT.reasons(["sum"], seen)) == [SUM.reason]


def test_an_unknown_measure_is_refused_with_the_nearest() -> None:
    with pytest.raises(KeyError, match=r"'laod'.*'load'"):
        ASSESSMENT.measure("laod")


def test_data_is_cut_to_nine_digits_and_lists_what_is_missing() -> None:
    assert ASSESSMENT.needs == ("staff",)
    assert ASSESSMENT.to_data()["needs"] == ["staff"]
    assert cut(1 / 3) == 0.333333333
    assert cut(None) is None


def test_plain_numbers_have_three_digits_and_no_trailing_zeros() -> None:
    assert [plain(0.0), plain(1.0), plain(0.12345), plain(98_765.0)] == ["0", "1", "0.123", "98,800"]


def test_one_of_what_is_counted_is_one_also_with_a_range() -> None:
    needed = Measure(id="x", unit="machines", basis=Basis.PLAN, value=1, low=1, high=2)
    assert str(needed).startswith("1 machine [1 to 2]")
