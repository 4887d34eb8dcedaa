"""Links between the switches of pairs in every output: each cable once, its ports up, and no route over them.

The lab whose every network has leaves, spines and border leaves by twos.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from functools import cache

import yaml

from sovereign_ai.operate.cable_ends import expected
from sovereign_ai.plan import Plan
from sovereign_ai.plan.cabling import order_cables
from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.spec import AIFactory
from tests.outputs.designs import design
from tests.outputs.judging import faults, written

NAME = "stranger pairs of switches"
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


def test_what_is_observed_is_compared_with_them() -> None:
    factory, plan, _ = paired()
    wanted = expected(factory, plan).planned
    for plane, switch, port, _ in ends():
        assert wanted[switch, port][0] != switch, plane.name


def test_they_are_ordered() -> None:
    factory, plan, _ = paired()
    assert order_cables(factory, plan).links == sum(len(plane.cables) for plane in plan.fabrics)
