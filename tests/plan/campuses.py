"""A small campus: two buildings of one site, each with a fabric of its own, joined over two routes."""

from __future__ import annotations

from typing import Any

from sovereign_ai.spec.factory import AIFactory
from tests.plan.factories import factory, hall, pool, site


def fabric(name: str, pools: list[str], **more: Any) -> dict[str, Any]:
    """A RoCE fabric of 64-port switches with spines to spare for links to other buildings."""
    return {
        "name": name,
        "kind": "roce",
        "rails": 8,
        "radix": 64,
        "link": "400 Gbps",
        "oversubscription": "1:1",
        "spines": 8,
        "pools": pools,
        **more,
    }


def route(name: str, length: str, **more: Any) -> dict[str, Any]:
    """A route between the two buildings."""
    return {"name": name, "between": ["north", "south"], "length": length, **more}


def campus(**more: Any) -> dict[str, Any]:
    """Two buildings, two routes of different lengths, and one link at 4:1."""
    return {
        "buildings": [{"name": "north", "halls": ["n1"]}, {"name": "south", "halls": ["s1"]}],
        "routes": [route("east", "450 m"), route("west", "1200 m")],
        "links": [{"fabrics": ["cn", "cs"], "oversubscription": "4:1"}],
        **more,
    }


def on_campus(**more: Any) -> AIFactory:
    """Eight DGX H100 in each building."""
    pools = [pool("tn", hall="n1"), pool("ts", hall="s1")]
    description: dict[str, Any] = {
        "sites": [site(halls=[hall("n1"), hall("s1")], campus=campus(**more.pop("campus", {})))],
        "pools": pools,
        "fabrics": [fabric("cn", ["tn"]), fabric("cs", ["ts"])],
        **more,
    }
    return factory(**description)
