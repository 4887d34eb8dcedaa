"""The whole of a stack's energy: determinism, time, renaming, and a page that stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from sovereign_ai.assess.energy.report import assess_energy
from sovereign_ai.assess.sheet import GivenValue
from tests.assess.stacks import ALL, changed, stack


@pytest.mark.parametrize("name", ALL)
def test_every_stack_is_assessed_alike_twice_and_as_json(name: str):
    factory, planned = stack(name)
    one, two = (
        orjson.dumps(assess_energy(factory, planned).to_data(), option=orjson.OPT_SORT_KEYS) for _ in range(2)
    )
    assert one == two


def test_renaming_a_pool_changes_no_number(tmp_path: Path):
    before = assess_energy(*stack("superpod"))
    after = assess_energy(*changed("superpod", "dgx, site: lyon", "other, site: lyon", tmp_path))
    assert [(one.value, one.low, one.high) for one in before.measures] == [
        (one.value, one.low, one.high) for one in after.measures
    ]
    assert [(one.rule, one.status) for one in before.checks] == [
        (one.rule, one.status) for one in after.checks
    ]


def test_every_number_follows_from_leaves_that_say_where_they_come_from():
    for name in ALL:
        found = assess_energy(*stack(name)).measures
        names = {one.id for one in found}
        for one in found:
            assert set(one.inputs) <= names
            assert one.source or one.formula, one.id


def test_a_call_of_the_grid_costs_its_pause_and_a_restart():
    found = assess_energy(
        *stack("superpod"),
        {"response.pause": GivenValue(2.0), "stall": GivenValue(60), "restart": GivenValue(300)},
    )
    assert found.measure("site.lyon.response.cost").value == pytest.approx(127 * 2.1)
    assert found.measure("site.lyon.response.goodput").value == pytest.approx(2.1 / 730.5)
    assert found.measure("site.lyon.response.ready").value == 1.0
    slow = assess_energy(*stack("superpod"), {"stall": GivenValue(1000)})
    assert slow.measure("site.lyon.response.ready").value == 0.0


def test_the_labs_page_stays_as_it_was(golden: Callable[[Path, str], None]):
    golden(Path(__file__).parent / "lab.txt", "\n".join(assess_energy(*stack("lab")).lines()) + "\n")
