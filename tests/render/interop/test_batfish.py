"""Batfish's snapshots: the folders that it reads, and interfaces that the switches' own files have."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from ipaddress import IPv4Interface, IPv4Network
from pathlib import Path

import pytest

from sovereign_ai.cli.main import call
from sovereign_ai.render.interop.batfish import batfish
from tests.render.lab import STACKS, stack

# Batfish's Batfish.java, SonicControlPlaneExtractor.java, BfConsts.java, read 2026-11-27: a folder a switch
# below sonic_configs, with one config_db.json and one frr.conf.
PATHS = re.compile(
    r"sonic_configs/[a-z0-9-]+/(config_db\.json|frr\.conf)|hosts/[a-z0-9-]+\.json|batfish/layer1_topology\.json"
)
HOST_FIELDS = {"hostname", "hostInterfaces"}
INTERFACE_FIELDS = {"name", "prefix", "gateway"}
PLANES = [("lab", plane.name) for plane in stack("lab")[1].fabrics] + [("plural", "instinct-vie1-p0")]


@cache
def snapshot(name: str, plane: str) -> dict[str, str]:
    factory, plan = stack(name)
    return dict(batfish(factory, plan, next(row for row in plan.fabrics if row.name == plane)))


@pytest.mark.parametrize(("name", "plane"), PLANES)
def test_the_folders_are_those_that_batfish_reads(name: str, plane: str):
    files = snapshot(name, plane)
    assert all(PATHS.fullmatch(path) for path in files)
    planned = next(row for row in stack(name)[1].fabrics if row.name == plane)
    configured = Counter(path.split("/")[1] for path in files if path.startswith("sonic_configs/"))
    assert configured == {switch.name: 2 for switch in planned.switches}


@pytest.mark.parametrize(("name", "plane"), PLANES)
def test_layer_1_has_every_cable_between_interfaces_that_the_files_name(name: str, plane: str):
    files = snapshot(name, plane)
    planned = next(row for row in stack(name)[1].fabrics if row.name == plane)
    edges = json.loads(files["batfish/layer1_topology.json"])["edges"]
    cables = Counter((cable.lower, cable.upper) for cable in planned.cables)
    assert Counter((edge["node1"]["hostname"], edge["node2"]["hostname"]) for edge in edges) == cables
    ends = [(end["hostname"], end["interfaceName"]) for edge in edges for end in edge.values()]
    assert max(Counter(ends).values()) == 1
    for device, interface in ends:
        configuration = files.get(f"sonic_configs/{device}/config_db.json")
        if configuration is not None:
            assert interface in json.loads(configuration)["PORT"], device


@pytest.mark.parametrize(("name", "plane"), PLANES)
def test_a_host_has_its_planned_addresses_once_each_behind_a_gateway_of_their_block(name: str, plane: str):
    addresses = []
    for path, text in snapshot(name, plane).items():
        if not path.startswith("hosts/"):
            continue
        host = json.loads(text)
        assert host.keys() == HOST_FIELDS
        assert path == f"hosts/{host['hostname']}.json"
        for interface, fields in host["hostInterfaces"].items():
            assert fields.keys() == INTERFACE_FIELDS
            assert fields["name"] == interface
            address = IPv4Interface(fields["prefix"])
            assert IPv4Network(f"{fields['gateway']}/32").subnet_of(address.network)
            addresses.append(address)
    assert len(set(addresses)) == len(addresses) > 0


def test_snapshots_are_written_only_where_they_are_asked_for(tmp_path: Path):
    assert call(["fabric", "render", str(STACKS / "lab"), "-o", str(tmp_path / "plain")]) == 0
    assert not list(tmp_path.glob("plain/*/snapshot"))
    assert call(["fabric", "render", str(STACKS / "lab"), "-o", str(tmp_path / "with"), "--batfish"]) == 0
    topologies = list(tmp_path.glob("with/*/snapshot/batfish/layer1_topology.json"))
    assert len(topologies) == len(stack("lab")[1].fabrics)
    frr = tmp_path / "with" / "compute-fra1-p0"
    (switch, *_) = (path.name for path in (frr / "switches").iterdir())
    rendered = (frr / "switches" / switch / "sonic-frr.conf").read_text()
    assert (frr / "snapshot" / "sonic_configs" / switch / "frr.conf").read_text() == rendered
