"""Descriptions for the tests of this room: one site or several, pools and fabrics as wished for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import orjson

from sovereign_ai.plan.fabric.planes import FabricPlan, plan_fabrics
from sovereign_ai.plan.nodes import Node
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.pool import GpuNodePool

UNIT = 32
CABLE_ROWS = attrgetter("rows")
"""What orjson is given for the cables of a plane, which it does not write by itself."""


def pool(
    name: str = "train", nodes: int = 16, site: str = "a", system: str = "dgx-h100", **more: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "site": site,
        "system": system,
        "nodes": nodes,
        "purpose": "training",
        "zone": "z",
        **more,
    }


def wish(pools: Sequence[dict[str, Any]], *fabrics: dict[str, Any]) -> AIFactory:
    """Make a factory with nothing but pools and fabrics."""
    sites = list(dict.fromkeys(entry["site"] for entry in pools))
    return AIFactory(
        name="wish",
        operator={
            "name": "Example",
            "seat": "DE",
            "parent": {"seat": "DE"},
            "staff": {"location": ["DE"], "citizenship": ["EU"]},
        },
        sites=[
            {
                "name": site,
                "country": "DE",
                "power": {"it_budget": "500 MW", "feeds": {"A": "900 MW", "B": "900 MW"}},
                "halls": [
                    {
                        "name": f"h{site}",
                        "cooling": {"kind": "air", "supply": "22 degC"},
                        "rack_limit": "90 kW",
                    }
                ],
            }
            for site in sites
        ],
        pools=list(pools),
        fabrics=[{"link": "100 Gbps", "kind": "ethernet", **fabric} for fabric in fabrics],
        zones=[{"name": "z", "trust": "low"}],
        images={"registries": ["registry.example.com/ai"]},
    )


def _machine(entry: GpuNodePool, index: int, unit: int) -> Node:
    return Node(
        name=f"{entry.name}-{index:05d}",
        pool=entry.name,
        system=entry.system,
        site=entry.site,
        region=entry.site,
        hall=f"h{entry.site}",
        zone=entry.zone,
        jurisdiction="DE",
        rack="",
        place=0,
        scalable_unit=f"{entry.site}-{entry.name}-su{index // unit}",
        nvlink_domain="",
        cluster="",
        spare=index >= entry.nodes,
        gpus=8,
        address="",
        bmc="",
    )


def machines(factory: AIFactory, spares: Mapping[str, int] | None = None) -> list[Node]:
    """Name machines as the plan does, as far as fabrics are concerned."""
    made = []
    for entry in factory.pools:
        extra = (spares or {}).get(entry.name, 0)
        unit = entry.scalable_unit or (UNIT if entry.system == "dgx-h100" else entry.nodes + extra)
        made += [_machine(entry, index, unit) for index in range(entry.nodes + extra)]
    return made


def laid(factory: AIFactory, spares: Mapping[str, int] | None = None) -> tuple[FabricPlan, ...]:
    return plan_fabrics(factory, machines(factory, spares))


def as_json(plans: Sequence[FabricPlan], nodes: Sequence[Node]) -> dict[str, Any]:
    """Give what the checker reads: plain JSON, through text."""
    data: dict[str, Any] = json.loads(orjson.dumps({"fabrics": plans, "nodes": nodes}, default=CABLE_ROWS))
    return data
