"""InfraGraph: every cable of the plan is an edge, and every edge that leaves a device is a cable."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from sovereign_ai.render.interop.cabling import rail_map
from sovereign_ai.render.interop.infragraph import infrastructure, node_annotations
from tests.render.interop.test_output_files import SMALL
from tests.render.lab import stack

SLICE = re.compile(r"([a-z0-9-]+)\[(\d+)(?::(\d+))?\]")


@cache
def document(name: str) -> dict[str, Any]:
    return json.loads(infrastructure(stack(name)[1]))


def device_names(name: str) -> dict[tuple[str, int], str]:
    """Give (instance, number) to the plan's name, as the annotations have it."""
    names = {}
    for row in json.loads(node_annotations(stack(name)[1]))["nodes"]:
        attributes = {pair["attribute"]: pair["value"] for pair in row["attributes"]}
        kind, first, last = members(row["name"])
        assert last == first + 1
        names[kind, first] = attributes["name"]
    return names


def members(text: str) -> tuple[str, int, int]:
    """Give the name, the first number and the one after the last of a slice."""
    match = SLICE.fullmatch(text)
    assert match is not None, text
    name, first, last = match.groups()
    return name, int(first), int(last) if last else int(first) + 1


def ends(end: dict[str, str]) -> list[tuple[str, int, str, int]]:
    """Give what a slice expands to, as InfraGraph does it: device by device, component by component."""
    kind, first, last = members(end["instance"])
    component, first_port, last_port = members(end["component"])
    expanded = []
    for device in range(first, last):
        expanded += [(kind, device, component, port) for port in range(first_port, last_port)]
    return expanded


def joined(name: str) -> Iterator[tuple[str, tuple[str, str, int], tuple[str, str, int]]]:
    """Give each edge between devices that is a cable: link, and both ends with the plan's device."""
    names = device_names(name)
    for edge in document(name)["edges"]:
        if edge["scheme"] == "one2one":
            lower, upper = ends(edge["ep1"]), ends(edge["ep2"])
            assert len(lower) == len(upper)
            for one_end, other_end in zip(lower, upper, strict=True):
                yield edge["link"], (names[one_end[:2]], *one_end[2:]), (names[other_end[:2]], *other_end[2:])


def inner_edges(device: dict[str, Any]) -> set[tuple[str, str]]:
    """Give the slices that the edges inside a device join."""
    return {(edge["ep1"]["component"], edge["ep2"]["component"]) for edge in device["edges"]}


@pytest.mark.parametrize("name", SMALL)
def test_the_edges_between_devices_are_the_cables_of_the_plan(name: str):
    planned = Counter()
    for plane in stack(name)[1].fabrics:
        planned.update((plane.name, cable.lower, cable.upper) for cable in plane.cables)
    edges = Counter()
    ports = Counter()
    for link, lower, upper in joined(name):
        edges[link.rpartition("-")[0], lower[0], upper[0]] += 1
        ports.update([lower, upper])
    assert edges == planned
    # A port has one cable, in the file as in the plan.
    assert set(ports.values()) == {1}


@pytest.mark.parametrize("name", SMALL)
def test_a_port_of_a_switch_has_the_number_of_its_position_on_the_front(name: str):
    numbers: dict[tuple[str, str], set[int]] = {}
    planned: dict[tuple[str, str], list[str]] = {}
    for plane in stack(name)[1].fabrics:
        for cable in plane.cables:
            planned.setdefault((plane.name, cable.upper), []).append(cable.upper_port)
    for link, _, (device, component, number) in joined(name):
        assert component == "port"
        numbers.setdefault((link.rpartition("-")[0], device), set()).add(number)
    for switch, ports in planned.items():
        parts = 2 if any("/" in port for port in ports) else 1
        positions = set()
        for port in ports:
            whole, _, part = port.partition("/")
            positions.add((int(whole) - 1) * parts + int(part or 1) - 1)
        assert numbers[switch] == positions


@pytest.mark.parametrize("name", SMALL)
def test_every_slice_stays_inside_the_counts_of_its_instance_and_device(name: str):
    infrastructure = document(name)
    counts = {row["name"]: row["count"] for row in infrastructure["instances"]}
    components = {}
    for device in infrastructure["devices"]:
        components[device["name"]] = {part["name"]: part["count"] for part in device["components"]}
    assert counts.keys() == components.keys()
    links = {row["name"] for row in infrastructure["links"]}
    for edge in infrastructure["edges"]:
        assert edge["link"] in links
        for end in (edge["ep1"], edge["ep2"]):
            kind, _, last = members(end["instance"])
            component, _, last_port = members(end["component"])
            assert last <= counts[kind]
            assert last_port <= components[kind][component]
    for device in infrastructure["devices"]:
        inside = {row["name"] for row in device["links"]}
        for edge in device["edges"]:
            assert edge["link"] in inside
            for end in (edge["ep1"], edge["ep2"]):
                component, _, last = members(end["component"])
                assert last <= components[device["name"]][component]


@pytest.mark.parametrize("name", SMALL)
def test_each_gpu_is_joined_to_the_compute_ports_of_its_rail(name: str):
    plan = stack(name)[1]
    devices = {device["name"]: device for device in document(name)["devices"]}
    for plane in plan.fabrics:
        if plane.role != "compute":
            continue
        for host, rows in rail_map(plan, plane).items():
            edges = inner_edges(devices[host.rpartition("-")[0]])
            for row in rows:
                port = int(row["interface"].removeprefix("compute").partition("p")[0])
                for gpu in row["gpus"]:
                    assert (f"xpu[{gpu}]", f"compute[{port}]") in edges, (host, row)


def test_machines_of_a_rack_scale_domain_share_its_switches():
    plan = stack("plural")[1]
    names = device_names("plural")
    domains: dict[int, set[str]] = {}
    for edge in document("plural")["edges"]:
        if edge["scheme"] == "many2many":
            assert edge["link"] == "nvlink-domain"
            _, number, _ = members(edge["ep2"]["instance"])
            machines = {names[end[:2]] for end in ends(edge["ep1"])}
            domains.setdefault(number, set()).update(machines)
    planned: dict[str, set[str]] = {}
    for node in plan.nodes:
        if node.nvlink_domain:
            planned.setdefault(node.nvlink_domain, set()).add(node.name)
    assert sorted(map(sorted, domains.values())) == sorted(map(sorted, planned.values()))
    assert planned
