"""Switch configuration: golden files for the lab, and what must hold of every stack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from sovereign_ai.plan.fabric.planes import FabricPlan
from sovereign_ai.render.switches.frr_config import frr
from sovereign_ai.render.switches.ports import SwitchPorts, port_maps
from sovereign_ai.render.switches.sonic import NAMES, sonic
from sovereign_ai.render.switches.vendors import cumulus
from tests.render.lab import stack

GOLDEN = Path(__file__).parent / "golden"
SMALL = ("lab", "plural", "superpod")


@cache
def maps(name: str) -> list[tuple[FabricPlan, tuple[SwitchPorts, ...]]]:
    factory, plan = stack(name)
    return [(plane, port_maps(factory, plan, plane)) for plane in plan.fabrics if plane.kind != "infiniband"]


def one(name: str) -> SwitchPorts:
    return next(found for _, switches in maps("lab") for found in switches if found.switch.name == name)


@pytest.mark.parametrize(
    "switch", ["compute-fra1-p0-leaf-r0-001", "compute-fra1-p0-spine-001", "inband-fra1-p0-leaf-r0-001"]
)
def test_the_labs_files_are_the_golden_ones(switch: str, golden: Callable[[Path, str], None]) -> None:
    found = one(switch)
    golden(GOLDEN / f"{switch}.frr.conf", frr(found))
    golden(GOLDEN / f"{switch}.config_db.json", sonic(found))
    golden(GOLDEN / f"{switch}.sonic-frr.conf", frr(found, NAMES))
    golden(GOLDEN / f"{switch}.nvue.yaml", cumulus(found))


@pytest.mark.parametrize("name", SMALL)
def test_no_two_switches_share_a_loopback_and_no_two_leaves_an_as(name: str) -> None:
    switches = [found.switch for _, found_all in maps(name) for found in found_all]
    assert max(Counter(switch.loopback for switch in switches).values()) == 1
    assert max(Counter(switch.asn for switch in switches if switch.tier == "leaf").values()) == 1


def test_a_port_is_in_its_zones_segment_in_every_rendering() -> None:
    leaf = one("compute-fra1-p0-leaf-r0-001")
    vlans = {port.interface: leaf.partitions[port.zone].vlan for port in leaf.ports if port.host}
    members = {key.partition("|") for key in orjson.loads(sonic(leaf))["VLAN_MEMBER"]}
    assert members == {
        (f"Vlan{vlan}", "|", leaf.panel.port(name.removeprefix("swp")).name) for name, vlan in vlans.items()
    }
    interfaces: dict[str, Any] = yaml.safe_load(cumulus(leaf))[0]["set"]["interface"]
    assert {name: interfaces[name]["bridge"]["domain"]["br_default"]["access"] for name in vlans} == vlans
    assert set(vlans.values()) == {100, 101}
