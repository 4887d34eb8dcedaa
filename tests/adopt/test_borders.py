"""Links to the outside and border leaves, written in each format and read back, for a design of each `at`."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.adopt.comparison import compare
from sovereign_ai.adopt.fabrics import AdoptedBorder
from sovereign_ai.adopt.formats import FORMATS, site_of
from sovereign_ai.adopt.part import AdoptedPart, adopt
from sovereign_ai.adopt.planned import planned_site
from sovereign_ai.adopt.standing import StandingSite
from sovereign_ai.plan.fabric.planes import FabricPlan
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec import Border, Fabric, read_data
from tests.adopt.kit import problems, site
from tests.outputs.designs import design
from tests.outputs.edge_designs import description
from tests.outputs.test_borders import BORDERS
from tests.outputs.test_round_trips import sources

DESIGNS = [f"edge {name}" for name in (*BORDERS, "cores with links to the outside", "pairs of switches")]
EACH = pytest.mark.parametrize("name", DESIGNS)


def read_back(name: str, form: str) -> StandingSite:
    return site_of(FORMATS[form], list(sources(name, form)))


def wanted(fabric: Fabric, plane: FabricPlan) -> dict[str, Any]:
    """Give what a description says of a border, as files can: numbers instead of what is left out."""
    border = fabric.border
    assert border is not None
    data: dict[str, Any] = {"ports": border.ports}
    if border.at != "border-leaf":
        data["at"] = border.at
    else:
        first = next(switch.name for switch in plane.switches if switch.tier == "border")
        ups = [cable for cable in plane.uplinks if cable.lower == first]
        data |= {"leaves": plane.border, "uplinks": len(ups)}
    if border.at == "leaf" and border.leaves is not None and border.leaves < plane.leaf:
        data["leaves"] = border.leaves
    if fabric.outside_link != fabric.link:
        data["link"] = str(fabric.outside_link)
    for field in ("peer_links", "switch", "radix"):
        if getattr(border, field) is not None:
            data[field] = getattr(border, field)
    return data


@EACH
def test_netbox_says_where_links_to_the_outside_are_how_many_and_their_rate(name: str) -> None:
    factory, derived = design(name)
    part = adopt(read_back(name, "netbox"))
    fabrics = {fabric.name: fabric for fabric in factory.fabrics}
    assert len(part.fabrics) == len(derived.fabrics)
    for row in part.to_data()["fabrics"]:
        [plane] = [plane for plane in derived.fabrics if plane.name.startswith(f"{row['name']}-p")]
        fabric = fabrics[plane.fabric]
        assert row.get("border") == (wanted(fabric, plane) if fabric.border is not None else None)
        if "border" in row:
            assert Border(**row["border"]).at == plane_tier(plane)


def plane_tier(plane: FabricPlan) -> str:
    tiers = {switch.name: switch.tier for switch in plane.switches}
    [tier] = {tiers[name] for name in plane.outside_links.uppers()}
    return "border-leaf" if tier == "border" else tier


@EACH
def test_the_adopted_fabrics_plan_to_the_same_switches_and_cables(name: str) -> None:
    """Among the described pools, once the question is answered which ports the switches have."""
    data = description(name.removeprefix("edge "))
    described = {fabric["role"]: fabric for fabric in data["fabrics"]}
    part = adopt(read_back(name, "netbox")).to_data()
    assert {row["name"]: row["nodes"] for row in part["pools"]} == {
        pool["name"]: pool["nodes"] for pool in data["pools"]
    }
    _, before = design(name)
    fabrics = []
    for row in part["fabrics"]:
        seen = {key: value for key, value in row.items() if key not in ("switch", "radix")}
        answers = described[row["role"]]
        models = {key: answers[key] for key in ("switch", "radix") if key in answers}
        fabrics.append({**seen, **models})
    again = plan(read_data({**data, "fabrics": fabrics}, "adopted").factory)
    assert {node.name for node in again.nodes} == {node.name for node in before.nodes}
    for plane in again.fabrics:
        [twin] = [other for other in before.fabrics if other.role == plane.role]
        for count in (
            "border",
            "outside",
            "outside_link",
            "leaf",
            "spine",
            "core",
            "node_leaf",
            "leaf_spine",
            "partners",
        ):
            assert getattr(plane, count) == getattr(twin, count), (plane.name, count)


@EACH
def test_containerlab_says_border_leaves_alone_and_asks_for_their_ports(name: str) -> None:
    factory, derived = design(name)
    part = adopt(read_back(name, "containerlab"))
    for row, fabric in zip(part.to_data()["fabrics"], part.fabrics, strict=True):
        [plane] = [plane for plane in derived.fabrics if plane.name.startswith(f"{row['name']}-p")]
        asked = [
            line for line in part.questions if line.startswith(f"fabric {row['name']}: the links of its")
        ]
        assert (fabric.outside is not None) == bool(plane.border) == bool(asked)
        if plane.border:
            full = wanted(next(one for one in factory.fabrics if one.name == plane.fabric), plane)
            keys = [key for key in ("leaves", "uplinks", "peer_links") if key in full]
            assert row["border"] == {key: full[key] for key in keys}


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "netbox"])
def test_what_a_format_cannot_say_of_a_border_it_names(form: str) -> None:
    said = " ".join(FORMATS[form].cannot_say)
    # InfiniBand has no ports to another network at all.
    assert ("outside" in said) == (form != "ibnetdiscover")


@EACH
@pytest.mark.parametrize("form", ["netbox", "containerlab", "topograph", "slurm"])
def test_what_is_read_back_is_equal_to_the_plan(name: str, form: str) -> None:
    seen = read_back(name, form)
    compared = compare(seen, planned_site(form, *design(name), seen))
    assert compared.equal, list(compared.lines())[:5]
    assert ("ports to the outside" in compared.compared) == (form == "netbox")


def test_a_port_to_the_outside_that_the_plan_has_not_is_a_difference_and_one_in_use_is_none() -> None:
    name = DESIGNS[0]
    seen = read_back(name, "netbox")
    planned = planned_site("netbox", *design(name), seen)
    first, *rest = sorted(seen.outside)
    free = next(end for end in seen.interfaces if end not in seen.outside)
    used = StandingSite(seen.devices, seen.interfaces, seen.cables, (), frozenset(rest))
    assert compare(used, planned).equal
    more = StandingSite(seen.devices, seen.interfaces, seen.cables, (), seen.outside | {free})
    [difference] = compare(more, planned).differences
    assert (difference.kind, difference.seen) == ("outside", "a port to the outside")
    gone = {end: kind for end, kind in seen.interfaces.items() if end != first}
    [difference] = compare(
        StandingSite(seen.devices, gone, seen.cables, (), frozenset(rest)), planned
    ).differences
    assert (difference.subject, difference.planned) == (" ".join(first), "a port to the outside")


DEVICES = """name,device_type,site,role
n1,dgx-h100,a,
l1,sw,a,{roles[0]}
l2,sw,a,{roles[0]}
s1,sw,a,{roles[1]}
b1,big,a,{roles[2]}
b2,big,a,{roles[2]}
"""
CABLES = """Device A,Termination A,Device B,Termination B
n1,e0,l1,1
n1,e1,l2,1
l1,2,s1,1
l2,2,s1,2
b1,1,s1,3
b2,1,s1,4
,CID-4711,b1,64
b2,64,,CID-4712
"""


def of_others(*roles: str) -> AdoptedPart:
    rows = ["device,name,type,enabled,description"]
    ends = ["n1,e0", "n1,e1", "l1,1", "l2,1", "l1,2", "l2,2", "s1,1", "s1,2", "s1,3", "s1,4", "b1,1", "b2,1"]
    rows += [f"{end},400gbase-x-qsfpdd,true," for end in ends]
    rows += ["b1,64,100gbase-x-qsfp28,true,transit", "b2,64,100gbase-x-qsfp28,true,transit"]
    texts = {
        "a_devices_csv": DEVICES.format(roles=roles),
        "a_interfaces_csv": "\n".join(rows) + "\n",
        "a_cables_csv": CABLES,
    }
    return adopt(site("netbox", **texts))


def test_a_circuit_at_a_switch_of_others_is_a_link_to_the_outside() -> None:
    part = of_others("leaf", "spine", "border leaf")
    [fabric] = part.fabrics
    assert fabric.outside == AdoptedBorder("border-leaf", 2, True, 1, 100 * 10**9, 1, "", 4)  # noqa: FBT003
    assert "border: {leaves: 2, ports: 1, link: 100 Gbps, uplinks: 1, radix: 4}" in part.to_yaml()
    assert (fabric.leaf, fabric.spine, fabric.core, fabric.border) == (2, 1, 0, 2)


def test_without_roles_switches_beyond_spines_with_ports_out_are_border_leaves_and_a_guess() -> None:
    part = of_others("", "", "")
    [fabric] = part.fabrics
    assert (fabric.border, fabric.core) == (2, 0)
    assert any("no role says" in question for question in part.questions)


def test_ports_to_the_outside_of_a_device_that_is_not_listed_are_a_problem() -> None:
    texts = {
        "devices_csv": "name,device_type,site\nn1,dgx-h100,a\n",
        "interfaces_csv": "device,name,type\nn1,e0,other\n",
        "cables_csv": "side_a_device,side_a_name,side_b_device,side_b_name\n",
        "12-outside-ports_csv": "device,name,type,enabled,description\nleaf-9,swp1,other,false,\n",
    }
    [problem] = problems("netbox", **texts)
    assert (problem.code, problem.where.line) == ("unknown-device", 2)
    lines = texts["12-outside-ports_csv"].replace("device,", "machine,")
    [problem] = problems("netbox", **{**texts, "12-outside-ports_csv": lines})
    assert (problem.code, problem.where.file) == ("no-column", "12-outside-ports.csv")
