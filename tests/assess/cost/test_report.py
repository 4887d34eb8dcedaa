"""Cost over time, against hand arithmetic; the tornado, the break-even and the export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from sovereign_ai.assess.cost.report import assess_cost
from sovereign_ai.assess.sheet import GivenValue
from tests.assess.stacks import ALL, changed, stack

WHOLE = {
    **{
        f"price.{name}": GivenValue(value)
        for name, value in {"link.1": 10.0, "link.100": 200.0, "sn2201": 3_000.0, "sn4600c": 20_000.0}.items()
    },
    "price.storage.home": GivenValue(100.0),
    "price.storage.hps": GivenValue(300.0),
    "price.dgx-h100": GivenValue(300_000.0),
    "price.qm9700": GivenValue(40_000.0),
    "price.link.400": GivenValue(1_000.0),
    "building.per-watt": GivenValue(10.0),
    "exchange.usd-per-eur": GivenValue(1.0),
    "staff.people": GivenValue(10.0),
    "staff.cost": GivenValue(100_000.0),
    "other.cost": GivenValue(500_000.0),
    "interest": GivenValue(0.0),
    "life.machines": GivenValue(5.0),
    "life.building": GivenValue(20.0),
    "maintenance": GivenValue(0.05),
    "electricity.EU": GivenValue(0.10),
    "utilisation": GivenValue(0.8),
    "site.lyon.pue": GivenValue(1.2),
    "system.dgx-h100.typical-share": GivenValue(0.8),
    "system.dgx-h100.idle": GivenValue(2_000.0),
}


def test_a_superpod_with_all_prices_comes_out_by_hand():
    factory, planned = stack("superpod")
    found = assess_cost(factory, planned, WHOLE)
    value = lambda name: found.measure(name).value or 0  # noqa: E731 - short for the lines below
    assert found.needs == ()
    # Switches and storage servers at the upper ends of their figures; they draw alike at work and without.
    devices = 148_900
    machines, building = 127 * 300_000, (1_295_400 + devices) * 10
    assert value("capex.machines") == machines
    assert value("capex.building") == building
    energy = (127 * (8_160 * 0.8 + 2_000 * 0.2) + devices) * 8_766 / 1000 * 1.2 * 0.10
    assert value("year.energy") == pytest.approx(energy)
    other = value("capex.switches") + value("capex.links") + value("capex.storage")
    year = (machines + other) / 5 + building / 20 + energy + machines * 0.05 + 1_000_000 + 500_000
    assert value("year.total") == pytest.approx(year) == value("year.total.known")
    hour = year / (1_016 * 8_766 * 0.8)
    assert value("gpu-hour") == pytest.approx(hour)
    assert value("break-even") == pytest.approx(year / (1_016 * 8_766 * 2.95))
    # renting at the break-even utilisation costs what owning does
    assert value("rent.hour") * 8_766 * value("break-even") == pytest.approx(year)


def test_giving_a_missing_price_never_lowers_the_known_part():
    factory, planned = stack("superpod")
    before = assess_cost(factory, planned).measure("year.total.known").value or 0
    after = (
        assess_cost(factory, planned, {"price.storage.hps": GivenValue(200.0)})
        .measure("year.total.known")
        .value
        or 0
    )
    assert after > before


def test_a_site_without_its_own_price_takes_the_unions():
    assert "electricity.EU" in {one.id for one in assess_cost(*stack("superpod")).measures}
    mine = assess_cost(*stack("superpod"), {"electricity.FR": GivenValue(0.05)})
    assert mine.measure("electricity.FR").value == 0.05
    assert "electricity.EU" not in {one.id for one in mine.measures}


@pytest.mark.parametrize("name", ALL)
def test_every_stack_is_assessed_alike_twice_and_as_json(name: str):
    factory, planned = stack(name)
    one, two = (
        orjson.dumps(assess_cost(factory, planned).to_data(), option=orjson.OPT_SORT_KEYS) for _ in range(2)
    )
    assert one == two


def test_renaming_a_pool_changes_no_number(tmp_path: Path):
    before = assess_cost(*stack("superpod"))
    after = assess_cost(*changed("superpod", "dgx, site: lyon", "other, site: lyon", tmp_path))
    assert [(one.value, one.low, one.high) for one in before.measures] == [
        (one.value, one.low, one.high) for one in after.measures
    ]


def test_the_labs_page_stays_as_it_was(golden: Callable[[Path, str], None]):
    golden(Path(__file__).parent / "lab.txt", "\n".join(assess_cost(*stack("lab")).lines()) + "\n")


@pytest.mark.parametrize("country", ["US", "NO", "SG", "CH"])
def test_a_site_outside_the_union_is_asked_for_its_own_price_of_electricity(country: str, tmp_path: Path):
    factory, planned = changed(
        "superpod", "country: FR\n    power", f"country: {country}\n    power", tmp_path
    )
    found = assess_cost(factory, planned)
    assert f"electricity.{country}" in found.measure("year.energy").needs
    assert "electricity.EU" not in {one.id for one in found.measures}
    assert (found.measure("gpu-hour.known").value or 0) > 0
    assert any(f"electricity.{country}" in line for line in found.lines())
    mine = assess_cost(factory, planned, {f"electricity.{country}": GivenValue(0.05)})
    assert mine.measure("year.energy").value == pytest.approx(
        (mine.measure("site.lyon.e-dc").value or 0) * 0.05
    )
