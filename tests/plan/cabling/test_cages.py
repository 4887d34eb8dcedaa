"""Which cage of a host a port is in."""

from __future__ import annotations

from sovereign_ai.plan.cabling.cages import HostPorts
from sovereign_ai.spec import Fabric
from sovereign_ai.units import BitsPerSecond


def cages(system: str, rails: int, gbps: int) -> list[int]:
    link = BitsPerSecond(gbps * 10**9)
    fabric = Fabric(name="f", kind="roce", rails=rails, radix=64, link=link)
    ports = HostPorts(fabric, "compute", {"n": system})
    return [ports.port("n", f"compute{rail}", gbps, 100, "roce").number for rail in range(rails)]


def test_the_parts_of_a_split_port_share_its_cage() -> None:
    assert cages("dgx-h200", 8, 400) == cages("dgx-h200", 16, 200)[::2]
    assert cages("dgx-b200", 16, 200)[::2] == cages("dgx-b200", 16, 200)[1::2]
