"""Small factories for the tests of this room: one part is changed, the rest stays the same."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from sovereign_ai.errors import Problem
from sovereign_ai.plan.factory import Plan, plan
from sovereign_ai.plan.feasibility import feasible
from sovereign_ai.plan.shapes import Shape, pool_shapes
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.reader import load

STACKS = Path(__file__).resolve().parent.parent.parent / "stacks"
NAMES = ("gigafactory", "lab", "plural", "superpod")


@cache
def stack(name: str) -> AIFactory:
    """Read one of the repository's stacks."""
    return load(STACKS / name)


@cache
def planned(name: str) -> Plan:
    """Plan one of the repository's stacks."""
    return plan(stack(name))


def pool(name: str = "train", **more: Any) -> dict[str, Any]:
    """A pool of eight DGX H100."""
    return {
        "name": name,
        "site": "a",
        "system": "dgx-h100",
        "nodes": 8,
        "purpose": "training",
        "zone": "z",
        **more,
    }


def power(**more: Any) -> dict[str, Any]:
    """Three feeds and three rack PDUs, so that a DGX H100 survives the loss of a feed."""
    return {"it_budget": "10 MW", "feeds": {"A": "6 MW", "B": "6 MW", "C": "6 MW"}, "rack_pdus": 3, **more}


def hall(name: str = "h1", kind: str = "air", **more: Any) -> dict[str, Any]:
    """A hall that allows 45 kW a rack."""
    cooling = {"kind": kind, "supply": "22 degC", **more.pop("cooling", {})}
    return {"name": name, "cooling": cooling, "rack_limit": "45 kW", **more}


def site(name: str = "a", **more: Any) -> dict[str, Any]:
    """A site with one hall."""
    return {"name": name, "country": "DE", "power": power(), "halls": [hall(f"h{name}")], **more}


def factory(**more: Any) -> AIFactory:
    """One site, one pool, one zone, no fabrics."""
    return AIFactory(
        **{
            "name": "wish",
            "operator": {
                "name": "Example",
                "seat": "DE",
                "parent": {"seat": "DE"},
                "staff": {"location": ["DE"], "citizenship": ["EU"]},
            },
            "sites": [site()],
            "pools": [pool()],
            "zones": [{"name": "z", "trust": "low"}],
            "images": {"registries": ["registry.example.com/ai"]},
            **more,
        }
    )


def management() -> list[dict[str, Any]]:
    """An in-band and an out-of-band network."""
    return [
        {
            "name": "inband",
            "role": "in-band",
            "kind": "ethernet",
            "rails": 2,
            "radix": 64,
            "link": "100 Gbps",
        },
        {"name": "oob", "role": "out-of-band", "kind": "ethernet", "rails": 1, "radix": 48, "link": "1 Gbps"},
    ]


def only_shape(wish: AIFactory) -> Shape:
    """The shape of a factory's one pool."""
    (found,) = pool_shapes(wish)
    return found


def codes(wish: AIFactory) -> list[str]:
    """The codes of everything that cannot be."""
    return [problem.code for problem in feasible(wish)]


def only_problem(wish: AIFactory) -> Problem:
    """The one thing that cannot be."""
    (found,) = feasible(wish)
    return found
