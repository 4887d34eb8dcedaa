"""Topologies of containerlab: kinds, groups, links within and out of the topology."""

from __future__ import annotations

import pytest

from sovereign_ai.adopt.standing import MACHINE, SWITCH
from tests.adopt.kit import problems, site

LAB = """name: lab
topology:
  defaults: {kind: linux}
  groups:
    fabric: {kind: srl}
  nodes:
    l1: {group: leaf, labels: {RACK: r1}}
    s1: {group: fabric}
    h1: {kind: linux, group: host}
    h2:
    br0: {kind: bridge}
  links:
  - endpoints: ["h1:eth1", "l1:swp1"]
  - endpoints: [{node: h2, interface: eth1}, {node: l1, interface: swp2}]
  - endpoints: ["l1:swp3", "s1:e1-1"]
  - endpoints: ["s1:e1-2", "br0:port1"]
  - endpoints: ["s1:e1-3", "host:veth1"]
  - {type: mgmt-net, endpoint: {node: h1, interface: eth9}, host-interface: x}
""".replace("RACK", "sovereign.ai/rack")


def test_nodes_are_machines_or_switches_by_group_and_kind() -> None:
    seen = site("containerlab", x_clab_yml=LAB)
    kinds = {name: (device.kind, device.role) for name, device in seen.devices.items()}
    assert kinds == {"l1": (SWITCH, "leaf"), "s1": (SWITCH, ""), "h1": (MACHINE, ""), "h2": (MACHINE, "")}


def test_links_are_read_in_both_forms_and_those_out_of_the_topology_are_left_out() -> None:
    seen = site("containerlab", x_clab_yml=LAB)
    assert set(seen.cables) == {
        (("h1", "eth1"), ("l1", "swp1")),
        (("h2", "eth1"), ("l1", "swp2")),
        (("l1", "swp3"), ("s1", "e1-1")),
    }
    assert set(seen.left_out) == {
        "node of kind bridge",
        "2 x link out of the topology",
        "link of type mgmt-net",
    }


def test_a_switch_is_a_switch_in_the_topology_that_manages_it_too() -> None:
    managed = "topology:\n  nodes:\n    l1: {kind: linux}\n    m1: {group: leaf}\n  links:\n"
    managed += '  - endpoints: ["l1:mgmt0", "m1:swp1"]\n'
    for texts in ({"a_clab_yml": LAB, "b_clab_yml": managed}, {"a_clab_yml": managed, "b_clab_yml": LAB}):
        assert site("containerlab", **texts).devices["l1"].kind == SWITCH


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ('"h1:eth1", "l1:swp1"', '"h3:eth1", "l1:swp1"', "unknown-node", 13),
        ('"l1:swp3", "s1:e1-1"', '"l1:swp1", "s1:e1-1"', "port-twice", 15),
        ('"l1:swp3", "s1:e1-1"', '"l1:swp3"', "bad-link", 15),
        ('"l1:swp3", "s1:e1-1"', '"l1", "s1:e1-1"', "bad-link", 15),
        ("h2:\n", "h2: [1]\n", "bad-field", 10),
        ("h2:\n", "h1: {}\n", "duplicate-key", 10),
        ("group: fabric}", "group: [fabric]}", "bad-field", 8),
    ],
)
def test_every_fault_is_reported_with_its_line(old: str, new: str, code: str, line: int) -> None:
    assert old in LAB
    told = problems("containerlab", x_clab_yml=LAB.replace(old, new))
    assert (code, line) in {(problem.code, problem.where.line) for problem in told}


@pytest.mark.parametrize("text", ["", "name: x\n", "topology: {links: []}\n", "- 1\n"])
def test_another_document_is_refused(text: str) -> None:
    assert "not-containerlab" in {problem.code for problem in problems("containerlab", x_clab_yml=text)}
