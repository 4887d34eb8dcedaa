"""Links between the switches of pairs in every output: each cable once, its ports up, and no route over them.

The lab whose every network has leaves, spines and border leaves by twos.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.operate.cable_ends import expected
from sovereign_ai.operate.observation import observe
from sovereign_ai.plan import Plan
from sovereign_ai.plan.cabling import order_cables
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.spec import AIFactory
from tests.operate.test_observation import document, neighbour
from tests.outputs.designs import design
from tests.outputs.judging import faults, written

NAME = "edge pairs of switches"
End = tuple[FabricPlan, str, str, str]
"""A port to a partner: its plane, its switch, its name in Linux, its name in SONiC."""


@cache
def paired() -> tuple[AIFactory, Plan, dict[str, str]]:
    factory, plan = design(NAME)
    return factory, plan, dict(written(factory, plan).files)


def linux(port: str) -> str:
    whole, _, part = port.partition("/")
    return f"swp{whole}" + (f"s{int(part) - 1}" if part else "")


@cache
def ends() -> tuple[End, ...]:
    """Give both ends of each link of a pair, by the plan's cables, with SONiC's names by the port maps."""
    _, plan, files = paired()
    found: list[End] = []
    for plane in plan.fabrics:
        for cable in plane.cables[plane.node_leaf : plane.node_leaf + plane.partners]:
            for switch, port in ((cable.lower, cable.lower_port), (cable.upper, cable.upper_port)):
                listed = json.loads(files[f"{plane.name}/switches/{switch}/ports.json"])["ports"]
                [row] = [row for row in listed if row["interface"] == linux(port)]
                assert row["role"] == "partner"
                found.append((plane, switch, linux(port), row["sonic"]))
    return tuple(found)


def of_switch(end: End, file: str) -> str:
    return paired()[2][f"{end[0].name}/switches/{end[1]}/{file}"]


def mentions(interface: str, text: str) -> int:
    """Count a name of an interface in a text, with its VLANs; `swp1` is no part of `swp10` or `swp1s0`."""
    return len(re.findall(rf"(?<![\w/-]){re.escape(interface)}(?!\w)", text))


def test_each_network_has_pairs_of_leaves_spines_and_border_leaves() -> None:
    """So that no check below is about nothing."""
    for plane in paired()[1].fabrics:
        tiers = {switch.name: switch.tier for switch in plane.switches}
        pairs = plane.cables[plane.node_leaf : plane.node_leaf + plane.partners].pairs()
        assert {tiers[lower] for lower, _ in pairs} == {"leaf", "spine", "border"}, plane.name


def test_every_file_is_one_that_its_reader_takes() -> None:
    assert list(faults(written(*design(NAME)))) == []


def test_frr_describes_each_and_speaks_of_it_nowhere_else() -> None:
    for end in ends():
        text = of_switch(end, "frr.conf")
        assert mentions(end[2], text) == 1
        [body] = re.findall(rf"^interface {end[2]}\n((?: .*\n)*)exit$", text, re.MULTILINE)
        assert [line.split()[0] for line in body.splitlines()] == ["description"]


def test_a_switch_has_sessions_over_its_other_links_and_accepts_nothing_of_its_partner() -> None:
    """The opposite of the test above: a switch without any session would pass that one."""
    for end in ends():
        plane, switch, _, _ = end
        routed = Counter(plane.uplinks.lowers()) + Counter(plane.uplinks.uppers())
        router = of_switch(end, "frr.conf").split("\nrouter bgp ")[1]
        assert router.count(" interface peer-group FABRIC") == routed[switch] > 0


def test_sonics_database_has_each_up_and_in_no_table_that_lets_a_packet_through() -> None:
    for end in ends():
        tables = json.loads(of_switch(end, "config_db.json"))
        row = tables.pop("PORT")[end[3]]
        assert (row["admin_status"], row["description"].count(":")) == ("up", 1)
        for name in ("INTERFACE", "VLAN_SUB_INTERFACE", "VLAN_MEMBER", "VLAN_INTERFACE"):
            assert mentions(end[3], json.dumps(tables.get(name, {}))) == 0, name
        assert mentions(end[3], of_switch(end, "sonic-frr.conf")) <= 1


def test_nvue_has_each_up_without_address_table_or_neighbour() -> None:
    for end in ends():
        [document] = yaml.load(of_switch(end, "nvue.yaml"), yaml.CSafeLoader)
        settings = document["set"]
        fields = settings["interface"].pop(end[2])
        assert fields.keys() == {"type", "description", "link"}
        assert "state" not in fields["link"]
        assert (
            mentions(end[2], json.dumps({name: settings[name] for name in ("interface", "router", "vrf")}))
            == 0
        )


def test_laboratories_lists_and_inventories_have_each_cable_once() -> None:
    _, plan, files = paired()
    for plane in plan.fabrics:
        cables = plane.cables[plane.node_leaf : plane.node_leaf + plane.partners]
        [topology] = [files[path] for path in files if path.endswith(f"/{plane.name}.clab.yml")]
        rows = list(csv.DictReader(io.StringIO(files[f"{plane.name}/cables.csv"])))
        joined = Counter(frozenset(((row["a"], row["a port"]), (row["b"], row["b port"]))) for row in rows)
        netbox = list(csv.DictReader(io.StringIO(files["netbox/8-cables.csv"])))
        laid = Counter(
            (row["side_a_device"], row["side_a_name"], row["side_b_device"], row["side_b_name"])
            for row in netbox
        )
        for cable in cables:
            near, far = f"{cable.lower}:{linux(cable.lower_port)}", f"{cable.upper}:{linux(cable.upper_port)}"
            both = [line for line in topology.splitlines() if mentions(near, line) and mentions(far, line)]
            assert len(both) == 1
            assert joined[frozenset(((cable.lower, cable.lower_port), (cable.upper, cable.upper_port)))] == 1
            lower, upper = (cable.lower, linux(cable.lower_port)), (cable.upper, linux(cable.upper_port))
            assert laid[*lower, *upper] + laid[*upper, *lower] == 1


Place = tuple[str, str]


def heard() -> dict[str, list[dict[str, Any]]]:
    """Give what every switch hears by LLDP where all is cabled as planned."""
    factory, plan, _ = paired()
    switches = {switch.name for plane in plan.fabrics for switch in plane.switches}
    rows = defaultdict(list)
    for (device, port), peer in expected(factory, plan).planned.items():
        if device in switches:
            rows[device].append(neighbour(port, *peer))
    return rows


def wrong(folder: Path, rows: dict[str, list[dict[str, Any]]]) -> dict[Place, str]:
    """Give the ports that are not right of what switches report; those of hosts are not asked."""
    for name, listed in rows.items():
        (folder / f"{name}.json").write_text(document(listed))
    factory, plan, _ = paired()
    found = observe(factory, plan, folder).wrong
    return {(port.device, port.port): str(port.state) for port in found if port.device in rows}


def renamed(rows: dict[str, list[dict[str, Any]]], place: Place, peer: Place | None) -> None:
    """Let a port hear another neighbour, or none."""
    device, port = place
    rows[device] = [row for row in rows[device] if row["name"] != port]
    if peer is not None:
        rows[device].append(neighbour(port, *peer))


def links_of_pairs(tier: str) -> list[tuple[Place, Place]]:
    """Give both ends of each link between switches of a tier of the compute network, by Linux's names."""
    plane = paired()[1].fabrics[0]
    tiers = {switch.name: switch.tier for switch in plane.switches}
    links = []
    for cable in plane.cables[plane.node_leaf : plane.node_leaf + plane.partners]:
        if tiers[cable.lower] == tier:
            links.append(((cable.lower, linux(cable.lower_port)), (cable.upper, linux(cable.upper_port))))
    return links


def test_as_cabled_each_is_right(tmp_path: Path) -> None:
    assert wrong(tmp_path, heard()) == {}


@pytest.mark.parametrize("tier", ["leaf", "spine", "border"])
def test_one_that_is_not_there_is_missing_at_both_ends(tier: str, tmp_path: Path) -> None:
    rows = heard()
    near, far = links_of_pairs(tier)[0]
    renamed(rows, near, None)
    renamed(rows, far, None)
    assert wrong(tmp_path, rows) == {near: "missing", far: "missing"}


@pytest.mark.parametrize("tier", ["leaf", "border"])
def test_two_of_a_pair_that_are_exchanged_are_exactly_their_four_ports(tier: str, tmp_path: Path) -> None:
    rows = heard()
    (near, far), (other, beyond) = links_of_pairs(tier)[:2]
    assert (near[0], far[0]) == (other[0], beyond[0])
    for first, second in ((near, beyond), (other, far)):
        renamed(rows, first, second)
        renamed(rows, second, first)
    assert wrong(tmp_path, rows) == dict.fromkeys((near, far, other, beyond), "swapped")


def test_one_that_leads_to_another_pair_or_to_a_spine_is_found(tmp_path: Path) -> None:
    """Two pairs joined crosswise are a ring of four; a link in a spine's port is a further uplink."""
    links = links_of_pairs("leaf")
    near, far = links[0]
    other, beyond = next(link for link in links if link[0][0] not in (near[0], far[0]))
    rows = heard()
    for first, second in ((near, beyond), (other, far)):
        renamed(rows, first, second)
        renamed(rows, second, first)
    assert wrong(tmp_path, rows) == dict.fromkeys((near, far, other, beyond), "swapped")
    upper = next(cable for cable in paired()[1].fabrics[0].uplinks if cable.lower == near[0])
    spine = (upper.upper, linux(upper.upper_port))
    leaf = (upper.lower, linux(upper.lower_port))
    rows = heard()
    for first, second in ((near, spine), (spine, near)):
        renamed(rows, first, second)
    for place in (far, leaf):
        renamed(rows, place, None)
    assert wrong(tmp_path, rows) == {near: "swapped", spine: "swapped", far: "missing", leaf: "missing"}


def test_they_are_ordered() -> None:
    factory, plan, _ = paired()
    assert order_cables(factory, plan).links == sum(len(plane.cables) for plane in plan.fabrics)
