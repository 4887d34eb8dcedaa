"""Designs that others published, described in a few fields, come out with the counts that they printed.

A file is a design: `system`, `pool` and `fabric` are fields of a description; a row may change any of them. A
row has the machines (`nodes`, or `pools` of several kinds), what is printed, and `left_out` with the reason
where it cannot be reproduced. `planes: together` compares the switches of all planes with what is printed,
and the links of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.catalog.switch import switch
from sovereign_ai.catalog.system import system
from sovereign_ai.plan.fabric.feasibility import size_fabrics
from sovereign_ai.plan.fabric.size import FabricSize
from sovereign_ai.plan.power.loads import rack_watts
from tests.plan.wishes import pool, wish

FILES = sorted(Path(__file__).parent.glob("*.yaml"))
LINKS = ("node_leaf", "leaf_spine", "spine_core")


def _rows() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in FILES:
        design = yaml.safe_load(file.read_text(encoding="utf-8"))
        common = {name: value for name, value in design.items() if name != "rows"}
        for row in design["rows"]:
            merged = {**common, **row}
            for part in ("pool", "fabric"):
                merged[part] = {**common.get(part, {}), **row.get(part, {})}
            yield f"{file.stem}: {row['row']}", merged


ROWS = dict(_rows())
REPRODUCED = [name for name, row in ROWS.items() if "left_out" not in row]
LEFT_OUT = [name for name, row in ROWS.items() if "left_out" in row]


def counts(row: dict[str, Any]) -> dict[str, int]:
    """Plan a row and count what may be printed."""
    if "switch" in row:
        power = switch(row["switch"]).worst_power
        return {"watts": row["nodes"] * power.count if power else 0}
    if not row["fabric"]:
        return {"watts": rack_watts(system(row["system"]), row["nodes"])}
    # Machines of several kinds: each says its name, its number, and what differs from the others.
    entries = row["pools"] if "pools" in row else [{"nodes": row["nodes"]}]
    pools = [pool(**{"system": row["system"], **row["pool"], **entry}) for entry in entries]
    factory = wish(
        pools,
        {"name": "published", **row["fabric"]},
    )
    planes = size_fabrics(factory, {}, {"a": row.get("servers", 0)}, {"a": row.get("managed", 0)})
    together = planes if row.get("planes") == "together" else planes[:1]
    tiers = ("leaf", "spine", "core", "border")
    found = {tier: sum(getattr(plane, tier) for plane in together) for tier in tiers}
    found |= {name: getattr(planes[0], name) for name in LINKS}
    found["networks"] = len(planes)
    management = [pool for pool in factory.pools if pool.purpose == "management"]
    found["management_nodes"] = sum(pool.nodes for pool in management if pool.is_on(factory.fabrics[0]))
    found["tiers"] = planes[0].tiers
    found["ports_of_a_machine"] = planes[0].rails
    found["leaves_of_a_card"] = planes[0].rails // system(row["system"]).compute_nics
    found["links_up_of_a_leaf"] = planes[0].up
    found["core_links_of_a_spine"] = planes[0].shape.spine_up
    found["outside"] = planes[0].outside
    layout = planes[0].layout
    if layout is not None:
        found["partners"] = planes[0].partners
        found["peer_links"] = layout.peers or layout.partners.leaf
        found["spine_peer_links"] = layout.partners.spine
        found["border_peer_links"] = layout.partners.border
    found["switches"] = sum(found[tier] for tier in tiers)
    found["cables"] = sum(found[name] for name in LINKS)
    found["leaf_cages"] = found["switches"] * 32
    return found


@pytest.mark.parametrize("name", REPRODUCED)
def test_a_published_row_comes_out_as_printed(name: str) -> None:
    row = ROWS[name]
    found = counts(row)
    assert {field: found[field] for field in row["printed"]} == row["printed"]


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_row_that_cannot_be_reproduced_has_a_reason_and_the_printed_figures(name: str) -> None:
    assert len(ROWS[name]["left_out"]) > 40
    assert ROWS[name]["printed"]


def test_every_row_has_a_source_and_a_day() -> None:
    for name, row in ROWS.items():
        assert len(row["source"]) > 10, name
        assert row["read"], name


def test_there_are_rows_enough_of_designs_enough() -> None:
    assert len(REPRODUCED) >= 55
    assert len({ROWS[name]["design"] for name in REPRODUCED}) >= 14


def test_a_wrong_count_would_be_seen() -> None:
    row = ROWS["nvidia-superpod-gb200: 2 SU"]
    without = {name: value for name, value in row["fabric"].items() if name != "pod_by"}
    assert counts(row)["spine"] == 48
    assert counts({**row, "fabric": {**without, "leaf_hosts": 32}})["leaf"] != 64


def test_a_plane_has_the_reasons_of_its_counts() -> None:
    row = ROWS["nvidia-superpod-gb200: 2 SU"]
    factory = wish([pool(nodes=288, system=row["system"])], {"name": "published", **row["fabric"]})
    [plane] = size_fabrics(factory, {})
    assert isinstance(plane, FabricSize)
    assert plane.why["pods"] == "8 of at most 8 leaves, each of one group of rails"
    assert (
        plane.why["spine"]
        == "8 pods x 6: smallest divisor of 18 uplinks whose 32 ports hold those of 8 leaves"
    )
