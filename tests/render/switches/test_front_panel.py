"""SONiC's names and lanes of the ports of each switch model."""

from __future__ import annotations

import pytest

from sovereign_ai.catalog.switch import switches
from sovereign_ai.render.switches.front_panel import front_panel, panel_behind


@pytest.mark.parametrize(
    ("model", "breakout", "port", "name", "lanes"),
    [
        ("sn2201", 1, "48", "Ethernet47", (188,)),
        ("sn4600c", 1, "64", "Ethernet252", (504, 505, 506, 507)),
        ("sn4600c", 2, "2/2", "Ethernet6", (10, 11)),
        ("sn5600", 1, "64", "Ethernet504", tuple(range(504, 512))),
        ("sn5600", 2, "64/2", "Ethernet508", (508, 509, 510, 511)),
        ("sn5600", 4, "1/4", "Ethernet6", (6, 7)),
    ],
)
def test_ports_have_the_names_and_lanes_of_sonics_platform_files(
    model: str, breakout: int, port: str, name: str, lanes: tuple[int, ...]
) -> None:
    found = front_panel(model, 1, breakout).port(port)
    assert (found.name, found.lanes) == (name, lanes)


def test_every_switch_of_which_sonics_platform_is_known_has_a_port_map() -> None:
    mapped = [known for known in switches() if known.sonic_platform]
    assert {"sn2201", "sn4600c", "sn5600"} <= {known.name for known in mapped}
    for known in mapped:
        panel = front_panel(known.name, known.rate.count)
        assert panel.platform == known.sonic_platform
        names = [panel.port(str(number)).name for number in range(1, known.ports + 1)]
        assert len(set(names)) == known.ports


@pytest.mark.parametrize("breakout", range(1, 9))
@pytest.mark.parametrize("model", [None, "sn2201", "sn4600c", "sn5600"])
def test_however_a_port_is_split_its_parts_have_names_and_lanes_of_their_own(
    model: str | None, breakout: int
) -> None:
    panel = front_panel(model, 400 * 10**9, breakout)
    parts = [panel.port(f"{port}/{part}") for port in (1, 2, 3) for part in range(1, breakout + 1)]
    assert len({part.name for part in parts}) == len(parts)
    assert (
        len({lane for part in parts for lane in part.lanes})
        == sum(len(part.lanes) for part in parts)
        >= len(parts)
    )


def test_ports_for_spines_alone_count_on_from_the_others_by_their_lanes() -> None:
    below = front_panel("sn2201", 10**9)
    above = panel_behind(below, 48, 100 * 10**9)
    assert [above.port(name).name for name in ("49", "50")] == ["Ethernet48", "Ethernet52"]
    assert above.parent("50") == "Ethernet52"
    first, second = above.port("49"), above.port("50")
    assert len(first.lanes) == 4
    assert second.lanes[0] == first.lanes[-1] + 1 > below.port("48").lanes[-1]


def test_ports_for_spines_alone_that_are_split_have_names_and_lanes_of_their_own() -> None:
    above = panel_behind(front_panel("sn2201", 10**9), 48, 100 * 10**9, 2)
    parts = [above.port(name) for name in ("49/1", "49/2", "50/1")]
    assert [part.name for part in parts] == ["Ethernet48", "Ethernet50", "Ethernet52"]
    assert [len(part.lanes) for part in parts] == [2, 2, 2]
    assert len({lane for part in parts for lane in part.lanes}) == 6
