"""Devices' reports on their neighbours, read into ends of cables."""

from __future__ import annotations

import doctest
from typing import Any

import pytest

from sovereign_ai.errors import UsageError
from sovereign_ai.operate import cable_reports
from sovereign_ai.operate.cable_ends import Expected
from sovereign_ai.operate.cable_reports import (
    Reports,
    add_addresses,
    add_neighbours,
    add_states,
    add_subnet,
    rows_of,
)
from sovereign_ai.operate.neighbour_forms import LldpNeighbour

EXPECTED = Expected(
    {}, frozenset({"leaf", "a"}), {("leaf", "Ethernet0"): ("leaf", "swp1")}, {}, {}, frozenset()
)
OWNERS = {"02:00:00:00:00:01": ("a", "in-band0"), "02:00:00:00:00:02": ("b", "in-band0")}
SUBNET = """vendid=0x0
Switch\t2 "S-1"\t# "leaf" lid 1
[1]\t"H-1"[1]\t# "a" lid 2 4xNDR

Ca\t1 "H-1"\t# "a" lid 2
[1]\t"S-1"[1]\t# "leaf" lid 1 4xNDR
"""


def test_a_neighbour_is_noted_under_the_plans_names() -> None:
    reports = Reports()
    add_neighbours(reports, EXPECTED, "leaf", [LldpNeighbour(("Ethernet0",), "a.example.com", ("compute0",))])
    assert reports.seen == {("leaf", "swp1"): ("a", "compute0")}
    assert reports.reporting == {"leaf"}


def test_a_second_report_that_disagrees_is_a_conflict_with_both_neighbours() -> None:
    reports = Reports()
    near, first, second = ("leaf", "swp1"), ("a", "compute0"), ("b", "compute0")
    for far in (first, first, second):
        reports.add(near, far)
    assert reports.seen == {near: first}
    assert reports.conflicts == {near: (first, second)}


def test_in_a_subnet_every_end_reports() -> None:
    reports = Reports()
    add_subnet(reports, EXPECTED, SUBNET, "subnet.txt")
    assert reports.seen == {("leaf", "1"): ("a", "1"), ("a", "1"): ("leaf", "1")}
    assert reports.reporting == {"leaf", "a"}


@pytest.mark.parametrize(
    "row", [{"mac": "02:00:00:00:00:01", "ifname": "swp1"}, {"lladdr": "02:00:00:00:00:01", "dev": "swp1"}]
)
def test_an_address_with_a_known_owner_is_a_neighbour(row: dict[str, Any]) -> None:
    reports = Reports()
    add_addresses(reports, EXPECTED, "leaf", [row, {"mac": "02:00:00:00:00:09", "ifname": "swp2"}], OWNERS)
    assert reports.seen == {("leaf", "swp1"): ("a", "in-band0")}


@pytest.mark.parametrize("state", ["FAILED", "NOARP", "INCOMPLETE", ["FAILED"]])
def test_an_address_that_did_not_answer_is_no_neighbour(state: Any) -> None:
    reports = Reports()
    row = {"lladdr": "02:00:00:00:00:01", "dev": "swp1", "state": [state]}
    add_addresses(reports, EXPECTED, "leaf", [row], OWNERS)
    assert bool(reports.seen) is isinstance(state, list)


def test_two_owners_behind_a_port_are_no_cable_and_a_heard_neighbour_counts_more() -> None:
    rows = [{"mac": mac, "ifname": port} for port in ("swp1", "swp2") for mac in OWNERS]
    reports = Reports()
    add_addresses(reports, EXPECTED, "leaf", rows, OWNERS)
    assert reports.seen == {}
    add_neighbours(reports, EXPECTED, "leaf", [LldpNeighbour(("swp1",), "c", ("eth0",))])
    add_addresses(reports, EXPECTED, "leaf", rows[:1], OWNERS)
    assert (reports.seen, reports.conflicts) == ({("leaf", "swp1"): ("c", "eth0")}, {})


def test_ports_that_are_down_are_noted_under_the_plans_names() -> None:
    reports = Reports()
    rows = [
        {"ifname": "Ethernet0", "operstate": "DOWN"},
        {"ifname": "swp2", "operstate": "UP"},
        {"ifname": 3},
    ]
    add_states(reports, EXPECTED, "leaf", rows)
    assert reports.down == {("leaf", "swp1")}


@pytest.mark.parametrize("raw", [b"{}", b"[1]", b'[{"a": 1}, []]', b"null"])
def test_anything_but_a_list_of_objects_is_refused(raw: bytes) -> None:
    with pytest.raises(UsageError, match="not-a-table"):
        rows_of(raw, "leaf.neigh.json")
    assert rows_of(b'[{"a": 1}]', "leaf.neigh.json") == [{"a": 1}]


def test_its_examples_hold() -> None:
    assert doctest.testmod(cable_reports).failed == 0
