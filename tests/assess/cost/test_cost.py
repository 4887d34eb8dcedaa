"""Cost over time, against hand arithmetic; the tornado, the break-even and the export."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date
from pathlib import Path

import orjson
import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from assess.stacks import ALL, changed, stack
from sovereign_ai.assess.cost.focus import COLUMNS, OURS
from sovereign_ai.assess.cost.report import assess
from sovereign_ai.assess.cost.tco import annuity
from sovereign_ai.assess.sheet import Given
from sovereign_ai.errors import UsageError

WHOLE = {
    **{
        f"price.{name}": Given(value) for name, value in {"link.1": 10.0, "link.100": 200.0, "sn2201": 3_000.0, "sn4600c": 20_000.0}.items()
    },
    "price.storage.home": Given(100.0),
    "price.storage.hps": Given(300.0),
    "price.dgx-h100": Given(300_000.0),
    "price.qm9700": Given(40_000.0),
    "price.link.400": Given(1_000.0),
    "building.per-watt": Given(10.0),
    "exchange.usd-per-eur": Given(1.0),
    "staff.people": Given(10.0),
    "staff.cost": Given(100_000.0),
    "other.cost": Given(500_000.0),
    "interest": Given(0.0),
    "life.machines": Given(5.0),
    "life.building": Given(20.0),
    "maintenance": Given(0.05),
    "electricity.EU": Given(0.10),
    "utilisation": Given(0.8),
    "site.lyon.pue": Given(1.2),
    "system.dgx-h100.typical-share": Given(0.8),
    "system.dgx-h100.idle": Given(2_000.0),
}


def test_an_annuity_pays_off_its_capital():
    left = 1_000.0
    for _ in range(7):
        left = left * 1.06 - annuity(1_000.0, 0.06, 7)
    assert left == pytest.approx(0, abs=1e-9)


@examples(capital=st.floats(1, 1e9), rate=st.floats(0.001, 0.3), years=st.floats(1, 40))
def test_an_annuity_rises_with_interest_and_falls_with_life(capital: float, rate: float, years: float):
    assert annuity(capital, rate, years) > annuity(capital, rate / 2, years) > annuity(capital, 0.0, years) * (1 - 1e-9)
    assert annuity(capital, rate, years * 2) < annuity(capital, rate, years)


def test_a_superpod_with_all_prices_comes_out_by_hand():
    factory, planned = stack("superpod")
    found = assess(factory, planned, WHOLE)
    value = lambda name: found.measure(name).value or 0  # noqa: E731 - short for the lines below
    assert found.needs == ()
    machines, building = 127 * 300_000, 1_295_400 * 10
    assert value("capex.machines") == machines
    assert value("capex.building") == building
    energy = 127 * (8_160 * 0.8 + 2_000 * 0.2) * 8_766 / 1000 * 1.2 * 0.10
    assert value("year.energy") == pytest.approx(energy)
    other = value("capex.switches") + value("capex.links") + value("capex.storage")
    year = (machines + other) / 5 + building / 20 + energy + machines * 0.05 + 1_000_000 + 500_000
    assert value("year.total") == pytest.approx(year) == value("year.total.known")
    hour = year / (1_016 * 8_766 * 0.8)
    assert value("gpu-hour") == pytest.approx(hour)
    assert value("break-even") == pytest.approx(year / (1_016 * 8_766 * 2.95))
    # renting at the break-even utilisation costs what owning does
    assert value("rent.hour") * 8_766 * value("break-even") == pytest.approx(year)


def test_useful_work_costs_a_gpu_hour_over_what_it_does():
    found = assess(*stack("superpod"), WHOLE)
    hour, good = found.measure("gpu-hour").value or 0, found.measure("job.dgx.goodput").value or 1
    assert found.measure("job.dgx.exaflop").value == pytest.approx(hour / (989e12 * 0.41 * good * 3600) * 1e18)


def test_what_nobody_prices_has_no_total_and_a_lower_bound_that_says_so():
    found = assess(*stack("superpod"))
    total, known = found.measure("year.total"), found.measure("year.total.known")
    assert total.value is None
    assert {"staff.people", "staff.cost", "other.cost", "price.storage.hps"} <= set(total.needs)
    assert known.value is not None
    assert found.measure("gpu-hour.known").note.startswith("a lower bound")


def test_giving_a_missing_price_never_lowers_the_known_part():
    factory, planned = stack("superpod")
    before = assess(factory, planned).measure("year.total.known").value or 0
    after = assess(factory, planned, {"price.storage.hps": Given(200.0)}).measure("year.total.known").value or 0
    assert after > before


def test_a_price_changes_only_what_hangs_on_it():
    factory, planned = stack("superpod")
    before = {one.id: one for one in assess(factory, planned, WHOLE).measures}
    after = {one.id: one for one in assess(factory, planned, WHOLE | {"price.qm9700": Given(50_000.0)}).measures}
    moved = {name for name in before if before[name] != after[name]}
    assert {"price.qm9700", "capex.switches", "year.switches", "year.total", "gpu-hour", "break-even", "job.dgx.exaflop"} <= moved
    assert not {name for name in moved if name.startswith(("capex.machines", "capex.building", "year.energy", "year.upkeep", "rent."))}


def test_the_tornado_is_sorted_and_its_bars_hold_the_cost():
    found = assess(*stack("gigafactory"))
    middle = found.measure("gpu-hour.known").value or 0
    widths = [abs(bar.high - bar.low) for bar in found.tornado]
    assert widths == sorted(widths, reverse=True)
    assert len(found.tornado) == 12
    for bar in found.tornado:
        assert min(bar.low, bar.high) <= middle * (1 + 1e-9)
        assert max(bar.low, bar.high) >= middle * (1 - 1e-9)


def test_a_site_without_its_own_price_takes_the_unions():
    assert "electricity.EU" in {one.id for one in assess(*stack("superpod")).measures}
    mine = assess(*stack("superpod"), {"electricity.FR": Given(0.05)})
    assert mine.measure("electricity.FR").value == 0.05
    assert "electricity.EU" not in {one.id for one in mine.measures}


def test_where_every_contract_has_a_price_the_site_pays_their_mean_by_what_each_gives(tmp_path: Path):
    wind, base = "power: 80 MW, source: wind", "power: 60 MW, source: mixed"
    one = assess(*changed("gigafactory", wind, f"{wind}, price: 50 EUR/MWh", tmp_path))
    assert "site.north.electricity" not in {measure.id for measure in one.measures}
    both = assess(*changed("gigafactory", wind, f"{wind}, price: 50 EUR/MWh", tmp_path, (base, f"{base}, price: 90 EUR/MWh")))
    gives = both.measure("contract.north.wind.mean").value or 0
    expected = (gives * 0.05 + 60e6 * 0.09) / (gives + 60e6)
    assert both.measure("site.north.electricity").value == pytest.approx(expected)
    assert both.measure("year.energy.north").inputs[1] == "site.north.electricity"
    mine = assess(
        *changed("gigafactory", wind, f"{wind}, price: 50 EUR/MWh", tmp_path, (base, f"{base}, price: 90 EUR/MWh")),
        {"electricity.FI": Given(0.04)},
    )
    assert mine.measure("year.energy.north").inputs[1] == "electricity.FI"


@pytest.mark.parametrize("month", [date(1, 1, 1), date(9999, 12, 1)])
def test_a_month_beyond_those_that_a_figure_may_name_is_refused(month: date):
    with pytest.raises(UsageError, match="is out of range: a day from 19500101 to 21001231"):
        assess(*stack("lab")).focus(month)


def test_the_export_has_focus_columns_and_its_months_sum_to_the_year():
    found = assess(*stack("superpod"), WHOLE)
    rows = list(csv.DictReader(io.StringIO(found.focus(date(2026, 12, 15)))))
    assert list(rows[0]) == [*COLUMNS, *OURS]
    assert len(COLUMNS) == 21
    assert list(COLUMNS) == sorted(COLUMNS)
    assert {row["BillingPeriodStart"] for row in rows} == {"2026-12-01T00:00:00Z"}
    assert {row["BillingPeriodEnd"] for row in rows} == {"2027-01-01T00:00:00Z"}
    year = found.measure("year.total").value or 0
    assert sum(float(row["EffectiveCost"]) for row in rows) * 12 == pytest.approx(year, rel=1e-6)


def test_a_cost_without_a_price_is_an_empty_row_and_no_zero():
    rows = list(csv.DictReader(io.StringIO(assess(*stack("superpod")).focus(date(2027, 1, 1)))))
    storage = [row for row in rows if row["x_Item"].startswith("storage")]
    assert [(row["EffectiveCost"], row["x_Needs"]) for row in storage] == [("", "price.storage.hps"), ("", "price.storage.home")]


def test_no_cell_of_the_export_is_run_as_a_formula(tmp_path: Path):
    factory, planned = changed("superpod", "name: Example Research Computing", 'name: "=1+1 Computing"', tmp_path)
    rows = list(csv.DictReader(io.StringIO(assess(factory, planned).focus(date(2027, 1, 1)))))
    assert rows[0]["ProviderName"] == "'=1+1 Computing"


@pytest.mark.parametrize("name", ALL)
def test_every_stack_is_assessed_alike_twice_and_as_json(name: str):
    factory, planned = stack(name)
    one, two = (orjson.dumps(assess(factory, planned).to_data(), option=orjson.OPT_SORT_KEYS) for _ in range(2))
    assert one == two


def test_renaming_a_pool_changes_no_number(tmp_path: Path):
    before = assess(*stack("superpod"))
    after = assess(*changed("superpod", "dgx, site: lyon", "other, site: lyon", tmp_path))
    assert [(one.value, one.low, one.high) for one in before.measures] == [(one.value, one.low, one.high) for one in after.measures]


def test_the_labs_page_stays_as_it_was(golden: Callable[[Path, str], None]):
    golden(Path(__file__).parent / "lab.txt", "\n".join(assess(*stack("lab")).lines()) + "\n")


def test_a_building_is_for_the_devices_with_a_figure_too():
    factory, planned = stack("lab")
    before, after = (assess(factory, planned, given) for given in ({}, {"device.server.power": Given(1_000)}))
    assert before.measure("count.fra1.watts").value == 163_200
    count = after.measure("site.fra1.devices.server").value or 0
    assert count > 0
    assert after.measure("count.fra1.watts").value == 163_200 + count * 1_000


@pytest.mark.parametrize("country", ["US", "NO", "SG", "CH"])
def test_a_site_outside_the_union_is_asked_for_its_own_price_of_electricity(country: str, tmp_path: Path):
    factory, planned = changed("superpod", "country: FR\n    power", f"country: {country}\n    power", tmp_path)
    found = assess(factory, planned)
    assert f"electricity.{country}" in found.measure("year.energy").needs
    assert "electricity.EU" not in {one.id for one in found.measures}
    assert (found.measure("gpu-hour.known").value or 0) > 0
    assert any(f"electricity.{country}" in line for line in found.lines())
    mine = assess(factory, planned, {f"electricity.{country}": Given(0.05)})
    assert mine.measure("year.energy").value == pytest.approx((mine.measure("site.lyon.e-dc").value or 0) * 0.05)
