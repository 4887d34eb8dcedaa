"""Names of interfaces and routing tables keep within Linux' limit."""

from __future__ import annotations

import re

from sovereign_ai.render.switches.names import SonicNames
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
