"""FRR's configuration: a session for each cable between switches, and none for a host."""

from __future__ import annotations

import pytest

from sovereign_ai.render.switches.frr_config import frr
from sovereign_ai.render.switches.ports import port_maps
from tests.render.lab import stack
from tests.render.switches.test_switches import SMALL, maps


@pytest.mark.parametrize("name", SMALL)
def test_each_cable_between_switches_is_a_session_and_no_host_has_one(name: str) -> None:
    for _, switches in maps(name):
        for found in switches:
            text = frr(found).split("\nrouter bgp ")[1]
            sessions = {line.split()[1] for line in text.splitlines() if " interface peer-group" in line}
            assert sessions == {port.interface for port in found.fabric}


def test_an_infiniband_switch_has_no_routing_daemon() -> None:
    factory, plan = stack("superpod")
    with pytest.raises(ValueError, match="InfiniBand switch"):
        frr(port_maps(factory, plan, plan.fabrics[0])[0])
