"""The hourly balance of supply and load."""

from __future__ import annotations

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from sovereign_ai.assess.energy.balance import EnergyStore, Supply, balance
from tests.assess.energy.test_supply import series


@examples(load=series, green=series, firm=st.floats(0, 1000), size=st.floats(0, 5000))
def test_energy_is_kept_whatever_the_series(load: list[float], green: list[float], firm: float, size: float):
    hours = min(len(load), len(green))
    load, green = load[:hours], green[:hours]
    supplies = (Supply("sun", "solar", green), Supply("net", "grid", [firm] * hours))
    found = balance(load, supplies, EnergyStore(size, 100.0))
    assert sum(found.used.values()) + found.shortfall == pytest.approx(sum(load), abs=1e-6)
    assert found.used["sun"] + found.curtailed + found.lost == pytest.approx(sum(green), abs=1e-6)
    assert 0 <= found.renewable_share <= 1 + 1e-9
    assert found.worst_gap <= max(load)


def test_a_store_lowers_the_shortfall_and_never_makes_energy():
    load, sun = [100.0] * 48, [0.0 if hour % 24 < 12 else 240.0 for hour in range(48)]
    bare = balance(load, (Supply("sun", "solar", sun),))
    kept = balance(load, (Supply("sun", "solar", sun),), EnergyStore(1500, 200))
    assert bare.shortfall == 2400
    assert kept.shortfall < bare.shortfall
    assert kept.used["sun"] <= sum(sun)
    assert kept.lost > 0
