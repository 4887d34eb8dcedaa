"""Power chains that contradict themselves or their feeds."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.errors import SpecError
from tests.plan.power.chains import EFFICIENCY, generators, ups, with_chain

BUSBAR = {"voltage": "50 V", "current": "1 kA", "shelves": 8}
TWO = {"feeds": {"A": "20 MW", "B": "20 MW"}, "rack_pdus": 2}


@pytest.mark.parametrize(
    ("parts", "more", "code", "field"),
    [
        ({"ups": ups(topology="2N")}, {}, "contradiction", "ups.topology"),
        ({"ups": ups()}, TWO, "contradiction", "ups.topology"),
        ({"mechanical": {"power": "1 kW", "on_ups": "2 kW"}}, {}, "contradiction", "mechanical.on_ups"),
        ({"generators": generators(start="6 min")}, {}, "contradiction", "generators.start"),
        ({"ups": ups(efficiency={**EFFICIENCY, "half": "9.6 %"})}, {}, "out-of-range", "ups.efficiency.half"),
        ({"busbar": {**BUSBAR, "shelf": "gb200-powershelf"}}, {}, "unknown-name", "busbar.shelf"),
        ({"busbar": {**BUSBAR, "shelf": "connectx-7"}}, {}, "unknown-name", "busbar.shelf"),
    ],
    ids=["2N on three", "distributed on two", "pumps", "battery", "efficiency", "misspelt", "no shelf"],
)
def test_a_contradiction_is_refused_at_its_field(
    parts: dict[str, Any], more: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(SpecError) as caught:
        with_chain(parts, **more)
    (problem,) = caught.value.problems
    assert problem.code == code
    assert (problem.where.field or "").endswith(field)


def test_a_misspelt_shelf_gets_the_nearest_name() -> None:
    with pytest.raises(SpecError) as caught:
        with_chain({"busbar": {**BUSBAR, "shelf": "gb200-powershelf"}})
    assert "gb200-power-shelf" in caught.value.problems[0].hint


def test_each_topology_has_the_feeds_that_it_serves() -> None:
    with_chain({"ups": ups(topology="2N")}, **TWO, survive="none")
    with_chain({"ups": ups(topology="block-redundant")})
    with_chain({"ups": ups(topology="N+1")})
