"""Fabrics whose links between switches have another rate than those to machines."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from typing import Any

import orjson
import pytest

from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.factory import plan as planned
from sovereign_ai.render.interop.cabling import cables_csv, parts_csv
from sovereign_ai.render.switches.ports import SwitchPorts, port_maps
from sovereign_ai.render.switches.sonic import sonic
from tests.plan.factories import factory, pool
from tests.render.switches.sonic_yang import faults

SPLIT = {"kind": "roce", "rails": 8, "switch": "sn5600", "breakout": 2, "link": "400 Gbps"}
FABRICS: dict[str, dict[str, Any]] = {
    "400 down and 800 up": {**SPLIT, "uplink": "800 Gbps"},
    "ports for spines alone": {
        "role": "out-of-band",
        "kind": "ethernet",
        "rails": 1,
        "switch": "sn2201",
        "link": "1 Gbps",
        "uplink": "100 Gbps",
        "spine_switch": "sn4600c",
    },
}
PORTS = {
    "400 down and 800 up": (("400000", 4), ("800000", 8), ("800000", 8, "ACS-SN5600")),
    "ports for spines alone": (("1000", 1), ("100000", 4), ("100000", 4, "ACS-MSN4600C")),
}


def rendered(name: str) -> tuple[Plan, list[SwitchPorts]]:
    wish = factory(pools=[pool(nodes=70)], fabrics=[{"name": "f", **FABRICS[name]}])
    plan = planned(wish)
    return plan, list(port_maps(wish, plan, plan.fabrics[0]))


def port(table: dict[str, Any], peer: str) -> tuple[str, int]:
    """Return speed and number of lanes of the first port that leads to a device of a name."""
    ports = [entry for entry in table["PORT"].values() if peer in entry["description"]]
    return ports[0]["speed"], len(ports[0]["lanes"].split(","))


@pytest.mark.parametrize("name", FABRICS)
def test_each_port_has_the_speed_and_the_lanes_of_its_link(name: str) -> None:
    _, maps = rendered(name)
    leaf, spine = orjson.loads(sonic(maps[0])), orjson.loads(sonic(maps[-1]))
    to_host, to_spine, of_spine = PORTS[name]
    assert port(leaf, "train-") == to_host
    assert port(leaf, "-spine-") == to_spine
    assert (*port(spine, "-leaf-"), spine["DEVICE_METADATA"]["localhost"]["hwsku"]) == of_spine
    for device in (leaf, spine):
        assert list(faults(device)) == []
        lanes: defaultdict[str, list[str]] = defaultdict(list)
        for interface, entry in device["PORT"].items():
            for lane in entry["lanes"].split(","):
                lanes[lane].append(interface)
        assert {len(users) for users in lanes.values()} == {1}
        # What is split is split by the links to machines alone.
        for row in device.get("BREAKOUT_CFG", {}).values():
            assert row["brkout_mode"].startswith("2x400G")


@pytest.mark.parametrize("name", FABRICS)
def test_cables_and_parts_are_ordered_by_the_rate_of_each_link(name: str) -> None:
    plan, _ = rendered(name)
    plane = plan.fabrics[0]
    rates: defaultdict[str, set[str]] = defaultdict(set)
    parts: defaultdict[str, set[str]] = defaultdict(set)
    for row in csv.DictReader(io.StringIO(cables_csv(plan, plane))):
        end = "spine" if "-spine-" in row["b"] else "machine"
        rates[end].add(row["rate"])
        parts[end].add(row["part"])
    fabric = FABRICS[name]
    assert rates == {"machine": {fabric["link"]}, "spine": {fabric["uplink"]}}
    assert parts["machine"].isdisjoint(parts["spine"])
    ordered = {row["part"] for row in csv.DictReader(io.StringIO(parts_csv(plan, plane)))}
    assert ordered == parts["machine"] | parts["spine"]
