"""Links to the outside in every output: each port once, shut, and in nothing that would let traffic through.

The lab with a border on each of its networks: on border leaves, leaves, spines, and a switch alone. That each
file is one that its reader takes, `test_every_output` says of the same designs.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
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
from sovereign_ai.render.interop.netbox_exports import without_known
from sovereign_ai.spec import AIFactory
from tests.outputs.designs import design
from tests.outputs.judging import written

BORDER_LEAVES = "border leaves"
BORDERS = (
    BORDER_LEAVES,
    "leaves with links to the outside",
    "spines with links to the outside",
    "a switch with links to the outside",
)
EACH = pytest.mark.parametrize("name", BORDERS)


@dataclass(frozen=True, slots=True)
class Outside:
    """A port to the outside.

    Attributes:
        plane: its plane.
        switch: its switch.
        name: the plan's name.
        linux: its interface.
        sonic: its interface in SONiC.
    """

    plane: str
    switch: str
    name: str
    linux: str
    sonic: str


@cache
def bordered(name: str) -> tuple[AIFactory, Plan, dict[str, str]]:
    factory, plan = design(f"edge {name}")
    return factory, plan, dict(written(factory, plan).files)


@cache
def outside_ports(name: str) -> tuple[Outside, ...]:
    """Give the ports to the outside, by the plan's cables; SONiC's names are those of the port maps."""
    _, plan, files = bordered(name)
    found = []
    for plane in plan.fabrics:
        for cable in plane.cables[len(plane.cables) - plane.outside :]:
            whole, _, part = cable.upper_port.partition("/")
            linux = f"swp{whole}" + (f"s{int(part) - 1}" if part else "")
            listed = json.loads(files[f"{plane.name}/switches/{cable.upper}/ports.json"])["ports"]
            [sonic] = [port["sonic"] for port in listed if port["interface"] == linux]
            found.append(Outside(plane.name, cable.upper, cable.upper_port, linux, sonic))
    return tuple(found)


def of_switch(name: str, port: Outside, file: str) -> str:
    return bordered(name)[2][f"{port.plane}/switches/{port.switch}/{file}"]


def table(name: str, file: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(bordered(name)[2].get(file, ""))))


def mentions(interface: str, text: str) -> int:
    """Count a name of an interface in a text, with its VLANs; `swp1` is no part of `swp10` or `swp1s0`."""
    return len(re.findall(rf"(?<![\w/-]){re.escape(interface)}(?!\w)", text))


@EACH
def test_each_network_has_links_to_the_outside(name: str) -> None:
    """So that no check below is about nothing."""
    _, plan, _ = bordered(name)
    assert {plane.role for plane in plan.fabrics} == {"compute", "storage", "in-band", "out-of-band"}
    assert all(plane.outside for plane in plan.fabrics)
    ends = [(port.switch, port.name) for port in outside_ports(name)]
    assert len(set(ends)) == len(ends) == sum(plane.outside for plane in plan.fabrics)
    tiers = {switch.name: switch.tier for plane in plan.fabrics for switch in plane.switches}
    assert len({tiers[switch] for switch, _ in ends}) == 1
    assert bool([tier for tier in tiers.values() if tier == "border"]) == (name == BORDER_LEAVES)


@EACH
def test_a_port_map_has_each_once_without_zone_address_or_partition(name: str) -> None:
    files = bordered(name)[2]
    found = []
    for path, text in files.items():
        if path.endswith("/ports.json"):
            data = json.loads(text)
            found += [(data["switch"], port) for port in data["ports"] if port["role"] == "outside"]
    assert sorted((switch, port["name"]) for switch, port in found) == sorted(
        (port.switch, port.name) for port in outside_ports(name)
    )
    for _, port in found:
        assert (port["zone"], port["address"]) == ("", "")
        assert not port.keys() & {"isolation", "number", "vlan"}


@EACH
def test_frr_shuts_each_and_speaks_of_it_nowhere_else(name: str) -> None:
    for port in outside_ports(name):
        text = of_switch(name, port, "frr.conf")
        assert mentions(port.linux, text) == 1
        [body] = re.findall(rf"^interface {port.linux}\n((?: .*\n)*)exit$", text, re.MULTILINE)
        assert [line.split()[0] for line in body.splitlines()] == ["description", "shutdown"]
        assert mentions(port.sonic, of_switch(name, port, "sonic-frr.conf")) == 0


@EACH
def test_sonics_database_has_each_down_and_in_no_other_table(name: str) -> None:
    files = bordered(name)[2]
    for port in outside_ports(name):
        texts = [of_switch(name, port, "config_db.json")]
        snapshot = f"{port.plane}/snapshot/sonic_configs/{port.switch}"
        texts.append(files[f"{snapshot}/config_db.json"])
        assert mentions(port.sonic, files[f"{snapshot}/frr.conf"]) == 0
        for text in texts:
            tables = json.loads(text)
            assert tables["PORT"].pop(port.sonic)["admin_status"] == "down"
            # How the port is split is a fact of the whole port.
            tables.pop("BREAKOUT_CFG", None)
            assert mentions(port.sonic, json.dumps(tables)) == 0


@EACH
def test_all_other_ports_are_up(name: str) -> None:
    """The opposite of the test above: a switch all of whose ports are down would pass that one."""
    shut = {(port.switch, port.sonic) for port in outside_ports(name)}
    for path, text in bordered(name)[2].items():
        if path.endswith("/config_db.json") and "/switches/" in path:
            switch = path.split("/")[2]
            for port, row in json.loads(text)["PORT"].items():
                assert (row["admin_status"] == "down") == ((switch, port) in shut), (switch, port)


@EACH
def test_nvue_has_each_down_and_in_nothing_else(name: str) -> None:
    for port in outside_ports(name):
        [document] = yaml.load(of_switch(name, port, "nvue.yaml"), yaml.CSafeLoader)
        settings = document["set"]
        fields = settings["interface"].pop(port.linux)
        assert fields.keys() == {"type", "description", "link"}
        assert fields["link"]["state"] == {"down": {}}
        assert mentions(port.linux, json.dumps(settings)) == 0


@EACH
def test_topologies_of_laboratories_have_none(name: str) -> None:
    files = bordered(name)[2]
    for port in outside_ports(name):
        [topology] = [files[path] for path in files if path.endswith(f"/{port.plane}.clab.yml")]
        assert mentions(f"{port.switch}:{port.linux}", topology) == 0
        edges = json.loads(files[f"{port.plane}/snapshot/batfish/layer1_topology.json"])["edges"]
        ends = [tuple(node.values()) for edge in edges for node in edge.values()]
        assert edges
        assert (port.switch, port.sonic) not in ends
        assert not [path for path in files if "/snapshot/hosts/" in path and "outside" in path]


@EACH
def test_lists_of_cables_have_each_once_and_order_our_end_of_it(name: str) -> None:
    _, plan, _ = bordered(name)
    for plane in plan.fabrics:
        rows = table(name, f"{plane.name}/cables.csv")
        far = [row for row in rows if "outside" in row["a"] or "outside" in row["b"]]
        assert Counter((row["b"], row["b port"]) for row in far) == Counter(
            (port.switch, port.name) for port in outside_ports(name) if port.plane == plane.name
        )
        assert {(row["length m"], row["a rack"]) for row in far} == {("", "")}
        [part] = {row["part"] for row in far}
        assert part.endswith(", our end")
        counted = {row["part"]: int(row["cables"]) for row in table(name, f"{plane.name}/parts.csv")}
        assert counted[part] == plane.outside
        assert sum(counted.values()) == len(rows) == len(plane.cables)


@EACH
def test_the_order_has_our_end_of_each_and_no_optic_of_the_far_end(name: str) -> None:
    factory, plan, _ = bordered(name)
    order = order_cables(factory, plan)
    assert order.links == sum(len(plane.cables) for plane in plan.fabrics)
    assert (order.unserved, {use.fabric for use in order.outside}) == (
        0,
        {part.name for part in factory.fabrics},
    )
    for use in order.outside:
        lines = [line for line in order.lines if line.use == f"{use.fabric} to the outside"]
        pieces = Counter(dict.fromkeys(("transceiver", "fibre", "cable"), 0))
        for line in lines:
            pieces[line.part.kind] += line.pieces
        planes = [plane for plane in plan.fabrics if plane.fabric == use.fabric]
        cages = {
            (cable.upper, cable.upper_port.partition("/")[0])
            for plane in planes
            for cable in plane.outside_links
        }
        assert use.links == sum(plane.outside for plane in planes)
        if use.gbps > 10:
            assert pieces == {"transceiver": len(cages), "fibre": len(cages), "cable": 0}
        else:
            assert pieces == {"transceiver": 0, "fibre": 0, "cable": use.links}


@EACH
def test_netbox_has_an_interface_for_each_disabled_and_without_cable_and_address(name: str) -> None:
    rows = table(name, "netbox/12-outside-ports.csv")
    assert Counter((row["device"], row["name"]) for row in rows) == Counter(
        (port.switch, port.linux) for port in outside_ports(name)
    )
    assert {row["enabled"] for row in rows} == {"false"}
    assert all("outside" in row["description"] for row in rows)
    own = {(row["device"], row["name"]) for row in rows}
    for file, columns in (
        ("7-interfaces", (("device", "name"),)),
        ("8-cables", (("side_a_device", "side_a_name"), ("side_b_device", "side_b_name"))),
        ("11-ip-addresses", (("device", "interface"),)),
    ):
        for row in table(name, f"netbox/{file}.csv"):
            assert not own & {(row[device], row[port]) for device, port in columns}


def test_a_second_import_leaves_ports_to_the_outside_as_they_are_in_netbox() -> None:
    """Whoever took one into use enabled it there."""
    text = bordered(BORDER_LEAVES)[2]["netbox/12-outside-ports.csv"]
    ends = [(port.switch, port.linux) for port in outside_ports(BORDER_LEAVES)]
    held = {"interfaces": {end: str(number) for number, end in enumerate(ends, 1)}}
    file = "12-outside-ports.csv"
    assert without_known(file, text, held) == ""
    del held["interfaces"][ends[0]]
    [row] = csv.DictReader(io.StringIO(without_known(file, text, held)))
    assert (row["device"], row["name"], "id" in row) == (*ends[0], False)


@EACH
def test_infragraph_has_one_device_outside_of_each_network_with_each_link_once(name: str) -> None:
    _, plan, files = bordered(name)
    data = json.loads(files["infragraph/infrastructure.json"])
    for plane in plan.fabrics:
        far = f"{plane.name}-outside"
        assert [row["count"] for row in data["instances"] if row["name"] == far] == [1]
        edges = [edge for edge in data["edges"] if edge["ep1"]["instance"].startswith(f"{far}[")]
        assert {edge["link"] for edge in edges} == {far}
        numbers: list[int] = []
        for edge in edges:
            first, last = map(int, re.findall(r"\d+", edge["ep1"]["component"]))
            numbers += range(first, last)
        assert numbers == list(range(plane.outside))
        assert not [edge for edge in data["edges"] if edge["ep2"]["instance"].startswith(f"{far}[")]


@EACH
def test_schedulers_place_work_below_leaves_with_machines_alone(name: str) -> None:
    _, _, files = bordered(name)
    trees = {path: text for path, text in files.items() if re.search(r"topolog|topograph|slurm/", path)}
    assert len(trees) >= 3
    for path, text in trees.items():
        if not path.startswith(("slurm/", "compute-")) or "snapshot" in path:
            continue
        assert "-border-" not in text, path
        assert "outside" not in text, path
    lines = files["slurm/lab/topology.conf"].splitlines()[1:]
    assert lines
    assert all(re.fullmatch(r"SwitchName=\S+ (Nodes|Switches)=\S+", line) for line in lines)
    [forest] = yaml.safe_load(files["slurm/lab/topology.yaml"])
    for row in forest["tree"]["switches"]:
        assert row.get("nodes") or row.get("children")


@EACH
def test_prometheus_counts_no_port_to_the_outside_under_either_of_its_names(name: str) -> None:
    _, plan, files = bordered(name)
    groups = yaml.safe_load(files["monitoring/fra1/rules.yaml"])["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    left_out = Counter(
        (rule["labels"]["switch"], rule["labels"]["device"])
        for rule in rules
        if rule.get("record") == "plan:outside_port"
    )
    names = Counter((port.switch, port.linux) for port in outside_ports(name))
    names.update((port.switch, port.sonic) for port in outside_ports(name))
    assert left_out == names
    cabled: Counter[str] = Counter()
    for plane in plan.fabrics:
        for cable in plane.cables[: len(plane.cables) - plane.outside]:
            cabled.update({cable.lower, cable.upper} & {switch.name for switch in plane.switches})
    planned = {
        rule["labels"]["switch"]: int(re.findall(r"\d+", rule["expr"])[0])
        for rule in rules
        if rule.get("record") == "plan:switch_ports"
    }
    assert planned == cabled
    [alert] = [rule for rule in rules if rule.get("alert") == "SwitchLinksDown"]
    assert "unless on (switch, device) plan:outside_port" in alert["expr"]
    series = _series(name, "SwitchLinksDown")
    first = _first_switch(name)
    assert {value for device, value in series["quiet"] if device in first} == {0}
    assert {value for device, value in series["fires"] if device in first} == {1}


def _first_switch(name: str) -> list[str]:
    """Give the interfaces, to the outside, of the first switch that has some."""
    ports = outside_ports(name)
    return [port.linux for port in ports if port.switch == ports[0].switch]


def _series(name: str, alert: str) -> dict[str, list[tuple[str, int]]]:
    """Give the ports of the two tests of an alert, each with what it is."""
    found: dict[str, list[tuple[str, int]]] = {}
    for test in json.loads(bordered(name)[2]["monitoring/fra1/rules_test.json"])["tests"]:
        for check in test["alert_rule_test"]:
            if check["alertname"] == alert:
                rows = [
                    (re.findall(r'device="([^"]+)"', row["series"])[0], int(row["values"][0]))
                    for row in test["input_series"]
                ]
                found["fires" if check["exp_alerts"] else "quiet"] = rows
    return found


def test_border_leaves_have_no_machine_no_zone_and_no_segment() -> None:
    factory, plan, files = bordered(BORDER_LEAVES)
    kinds = {part.kind for part in plan.partitions}
    assert {"vrf", "vni"} <= kinds
    borders = [(plane, name) for plane in plan.fabrics for name in _borders(plane)]
    assert len(borders) == 8
    for plane, border in borders:
        assert border not in plane.host_links.uppers()
        folder = f"{plane.name}/switches/{border}"
        for path in [path for path in files if path.startswith(f"{folder}/")]:
            for zone in factory.zones:
                assert mentions(zone.name, files[path]) == 0, path
        text = files[f"{folder}/frr.conf"] + files[f"{folder}/sonic-frr.conf"]
        assert not re.findall(r"\b(vrf|vni|evpn|ip route)\b", text)
        tables = json.loads(files[f"{folder}/config_db.json"]).keys()
        assert not {table for table in tables if re.search("VRF|VLAN|VXLAN|RELAY", table)}
        [document] = yaml.load(files[f"{folder}/nvue.yaml"], yaml.CSafeLoader)
        assert document["set"]["vrf"].keys() == {"default"}
        assert not document["set"].keys() & {"bridge", "nve", "evpn"}


def test_no_switch_has_a_zones_link_to_a_border_leaf() -> None:
    """The routing tables of zones end at spines: their VLANs are on the cables to leaves alone."""
    _, plan, files = bordered(BORDER_LEAVES)
    checked = 0
    for plane in plan.fabrics:
        borders = set(_borders(plane))
        for cable in plane.switch_links:
            if cable.lower in borders:
                text = files[f"{plane.name}/switches/{cable.upper}/frr.conf"]
                assert not re.findall(rf"\bswp{cable.upper_port.replace('/', 's')}\.\d+", text)
                checked += 1
    assert checked


def _borders(plane: FabricPlan) -> Iterator[str]:
    for switch in plane.switches:
        if switch.tier == "border":
            yield switch.name


@EACH
@pytest.mark.parametrize("sonic", [False, True])
def test_what_a_port_to_the_outside_hears_is_outside_and_nothing_is_missing(
    name: str, tmp_path: Path, *, sonic: bool
) -> None:
    factory, plan, _ = bordered(name)
    _write_heard(name, tmp_path, sonic=sonic, far="core-of-the-customer")
    found = observe(factory, plan, tmp_path)
    assert (found.wrong, found.extra, dict(found.conflicts), found.unread) == ((), (), {}, ())
    ends = {(port.switch, port.linux) for port in outside_ports(name)}
    assert {near for near, _ in found.outside} == ends
    assert len(found.outside) == len(ends)
    assert found.ok


@EACH
def test_silent_ports_to_the_outside_are_right_too(name: str, tmp_path: Path) -> None:
    """As they are shut at first."""
    factory, plan, _ = bordered(name)
    _write_heard(name, tmp_path)
    found = observe(factory, plan, tmp_path)
    assert (found.wrong, found.extra, found.outside, found.ok) == ((), (), (), True)


def test_a_port_to_the_outside_that_meets_a_device_of_the_plan_is_reported(tmp_path: Path) -> None:
    factory, plan, _ = bordered(BORDER_LEAVES)
    _write_heard(BORDER_LEAVES, tmp_path, far="train-001")
    found = observe(factory, plan, tmp_path)
    assert {near for near, _ in found.extra} >= {
        (port.switch, port.linux) for port in outside_ports(BORDER_LEAVES)
    }
    assert (found.outside, found.ok) == ((), False)


def _write_heard(name: str, folder: Path, *, sonic: bool = False, far: str = "") -> None:
    """Write what each device hears where all is cabled as planned.

    Args:
        name: the design.
        folder: where the reports go.
        sonic: switches report their ports under SONiC's names.
        far: what ports to the outside hear; empty for nothing.
    """
    factory, plan, files = bordered(name)
    named: dict[tuple[str, str], str] = {}
    for path, text in files.items() if sonic else ():
        if path.endswith("/ports.json"):
            data = json.loads(text)
            named |= {(data["switch"], port["interface"]): port["sonic"] for port in data["ports"]}
    links = dict(expected(factory, plan).planned)
    for number, outside in enumerate(outside_ports(name) if far else ()):
        links[outside.switch, outside.linux] = (far, f"Ethernet{number}/1")
    heard: dict[str, list[dict[str, Any]]] = {}
    for (device, port), end in links.items():
        here = named.get((device, port), port)
        heard.setdefault(device, []).append(_neighbour(here, *end))
    for device, rows in heard.items():
        (folder / f"{device}.json").write_text(json.dumps({"lldp": [{"interface": rows}]}))


def _neighbour(here: str, device: str, port: str) -> dict[str, Any]:
    chassis = {"id": [{"type": "local", "value": device}], "name": [{"value": device}]}
    there = {"id": [{"type": "ifname", "value": port}], "descr": [{"value": port}]}
    return {"name": here, "chassis": [chassis], "port": [there]}
