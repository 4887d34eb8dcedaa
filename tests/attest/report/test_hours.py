"""Supply against load by the hour on the page: columns keep energy, the worst hours are shown, and sizes are
bounded.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sovereign_ai.assess.energy.balance import Balance, EnergyStore, Supply, balance
from sovereign_ai.attest.report.hours import CLOSE, COLUMNS, balances, columns, worst_hours

_SERIES = st.lists(
    st.tuples(st.floats(0, 1e5), st.floats(0, 1e5), st.floats(0, 1e5)), min_size=1, max_size=300
)


def _of(rows: list[tuple[float, float, float]], store: EnergyStore | None = None) -> Balance:
    load, sun, grid = zip(*rows, strict=True)
    return balance(load, (Supply("sun", "solar", sun), Supply("net", "grid", grid)), store)


def _text(found: Balance) -> str:
    return "".join(balances({"fra1": found}))


@given(_SERIES, st.one_of(st.none(), st.builds(EnergyStore, st.floats(1, 1e6), st.floats(1, 1e5))))
def test_in_every_hour_the_load_is_what_was_given_at_once_and_from_the_store_and_the_shortfall(
    rows: list[tuple[float, float, float]], store: EnergyStore | None
) -> None:
    found = _of(rows, store)
    course = found.course
    for hour, load in enumerate(course.load):
        whole = (
            sum(hours[hour] for hours in course.given.values()) + course.store[hour] + course.shortfall[hour]
        )
        assert whole == pytest.approx(load, abs=1e-6 * max(load, 1.0))
    assert sum(course.shortfall) == pytest.approx(found.shortfall)
    at_once = sum(sum(hours) for hours in course.given.values())
    assert at_once + sum(course.store) == pytest.approx(sum(found.used.values()), abs=1e-3)


@given(_SERIES, st.integers(1, 50))
def test_columns_keep_energy_and_tell_of_every_hour_that_is_short(
    rows: list[tuple[float, float, float]], step: int
) -> None:
    found = _of(rows)
    drawn = columns(found.course, 0, found.hours, step)
    counts = [min(step, found.hours - start) for start in range(0, found.hours, step)]
    assert sum(one.load * count for one, count in zip(drawn, counts, strict=True)) == pytest.approx(
        found.load, abs=1e-3
    )
    for one in drawn:
        assert sum(one.parts) == pytest.approx(one.load, abs=1e-6 * max(one.load, 1.0))
    assert any(one.short for one in drawn) == (found.short_hours > 0)
    first, last = worst_hours(found.course)
    assert 0 <= first < last <= found.hours
    assert last - first == min(CLOSE, found.hours)
    assert max(found.course.shortfall) == max(found.course.shortfall[first:last])


def test_a_year_is_drawn_in_few_columns_with_its_worst_hours_beside_it_and_stays_small() -> None:
    rows = [(100.0, 150.0 if hour % 24 in range(8, 18) else 0.0, 40.0) for hour in range(8_766)]
    rows[5_000] = (500.0, 0.0, 0.0)
    text = _text(_of(rows))
    assert len(text) < 45_000
    assert len(re.findall("<svg", text)) == 2
    assert "in means of 74 hours" in text
    assert COLUMNS >= -(-8_766 // 74)
    assert "in 5,117 of 8,766 hours, by 500 kW at most" in text
    assert "Hours 4,977 to 5,024, around the largest shortfall" in text
    assert re.search(r"<td[^>]*>5,001</td>", text)


def test_a_day_is_drawn_once_hour_by_hour_and_says_that_it_is_covered() -> None:
    text = _text(_of([(100.0, 40.0, 80.0)] * 24))
    assert len(re.findall("<svg", text)) == 1
    assert "hour by hour" in text
    assert "the load is covered in each of 24 hours" in text
    assert "hour-short" not in re.sub(r"<span.*?</span>", "", text)


def test_without_hours_the_page_says_so_and_does_not_call_it_covered() -> None:
    text = "".join(balances({}))
    assert "no hours were given" in text
    assert "covered" not in text
