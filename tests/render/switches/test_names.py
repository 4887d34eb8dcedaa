"""Names of interfaces and routing tables keep within Linux' limit."""

from __future__ import annotations

import doctest
import re

import pytest

from sovereign_ai.render.switches import names
from sovereign_ai.render.switches.names import SonicNames, linux_vrf
from tests.render.lab import stack
from tests.render.switches.test_sonic import maps


def test_a_long_zone_name_and_a_high_port_keep_within_linuxs_limit() -> None:
    _, plan = stack("lab")
    one = next(found for found in maps("plural") if found.switch.name.startswith("instinct"))
    part = plan.partitions[0]
    high = next(port for port in one.ports if port.name == "64/2" or port.name.startswith("64"))
    name = SonicNames().subinterface(one, high, type(part)("x", "z", "vrf", 1, 2000))
    assert re.fullmatch(r"Eth50[48]\.2000", name)
    assert len(SonicNames().vrf(type(part)("x", "a-very-long-zone-name", "vrf", 1, 2))) == 15


@pytest.mark.parametrize(
    "zone",
    ["default", "mgmt", "all", "lo", "eth0", "swp1", "swp1s0", "br10001", "vni10001", "a-zone-of-sixteen"],
)
def test_a_zone_whose_name_a_switch_has_already_gets_a_table_of_another_name(zone: str) -> None:
    table = linux_vrf(zone)
    assert table.startswith("vrf-")
    assert len(table) == 15
    assert linux_vrf(zone + "-more-of-it") != table


@pytest.mark.parametrize("zone", ["research", "defaults", "brno", "lot", "ethics", "fifteen-letters"])
def test_any_other_zone_gives_its_table_its_name(zone: str) -> None:
    assert linux_vrf(zone) == zone


def test_its_examples_hold() -> None:
    assert doctest.testmod(names).failed == 0
