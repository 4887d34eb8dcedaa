"""Containerlab's topology: the plan's devices and cables, in the form that its schema permits."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.render.interop.test_output_files import SMALL, written
from tests.render.lab import stack

FORM = json.loads((Path(__file__).parent / "containerlab-0.79.json").read_text())


@cache
def topologies(name: str) -> dict[str, Any]:
    """Return plane to its topology."""
    documents = {}
    for file, text in written(name).items():
        if file.endswith(".clab.yml"):
            documents[file.partition("/")[0]] = yaml.load(text, yaml.CSafeLoader)
    return documents


@pytest.mark.parametrize("name", SMALL)
def test_every_ethernet_plane_has_its_devices_and_its_cables(name: str) -> None:
    planes = [plane for plane in stack(name)[1].fabrics if plane.kind != "infiniband"]
    assert topologies(name).keys() == {plane.name for plane in planes}
    for plane in planes:
        topology = topologies(name)[plane.name]["topology"]
        joined = Counter()
        for link in topology["links"]:
            lower, upper = (end.rpartition(":")[0] for end in link["endpoints"])
            joined[lower, upper] += 1
        assert joined == Counter((cable.lower, cable.upper) for cable in plane.cables)
        tiers = Counter(node["group"] for node in topology["nodes"].values())
        del tiers["host"]
        assert tiers == Counter(switch.tier for switch in plane.switches)


@pytest.mark.parametrize("name", SMALL)
def test_the_form_is_that_of_containerlabs_schema(name: str) -> None:
    for plane, document in topologies(name).items():
        assert list(document) == FORM["top"]
        assert re.fullmatch(FORM["name"], document["name"])
        assert list(document["topology"]) == FORM["topology"]
        nodes = document["topology"]["nodes"]
        for node, fields in nodes.items():
            assert re.fullmatch(FORM["node_name"], node), plane
            assert fields.keys() <= set(FORM["node"])
            assert fields["kind"] in FORM["kinds"]
        ends = [end for link in document["topology"]["links"] for end in link["endpoints"]]
        # An interface is one end of one link, and both ends are devices of the file.
        assert max(Counter(ends).values()) == 1
        for end in ends:
            assert re.fullmatch(FORM["endpoint"], end)
            device, _, interface = end.rpartition(":")
            assert device in nodes
            assert interface != FORM["reserved_interface"]
            assert len(interface) <= FORM["interface_characters"]


def test_switches_take_the_configuration_that_is_written_beside_the_file() -> None:
    for plane, document in topologies("lab").items():
        for node, fields in document["topology"]["nodes"].items():
            for bind in fields.get("binds", ()):
                source = bind.partition(":")[0]
                assert f"{plane}/{source}" in written("lab"), node
                assert "interface swp" in written("lab")[f"{plane}/{source}"]
