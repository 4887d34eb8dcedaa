"""Small factories of many kinds for the tests of cabling, and what is counted of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sovereign_ai.plan.cabling.assemblies import Assembler, MediumChoice, Piece
from sovereign_ai.plan.cabling.links import FabricLinks, plug_groups
from sovereign_ai.plan.cabling.order import every_link
from sovereign_ai.plan.factory import plan
from sovereign_ai.spec.cabling import Cabling
from sovereign_ai.spec.factory import AIFactory
from tests.plan.wishes import pool, wish

KINDS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "ndr, two ports a cage at both ends": (
        "dgx-h100",
        {"kind": "infiniband", "switch": "qm9700", "link": "400 Gbps", "managers": 4},
    ),
    "ndr, one port a cage on servers": (
        "xe9680-h200",
        {"kind": "infiniband", "switch": "qm9700", "link": "400 Gbps"},
    ),
    "xdr": ("dgx-b300", {"kind": "infiniband", "switch": "q3400", "link": "800 Gbps"}),
    "xdr, optics in the switch": ("dgx-b300", {"kind": "infiniband", "switch": "q3450", "link": "800 Gbps"}),
    "800G split in two": (
        "xe9680-h200",
        {"kind": "roce", "switch": "sn5600", "link": "400 Gbps", "breakout": 2},
    ),
    "800G split in four": (
        "xe9680-h200",
        {"kind": "roce", "switch": "sn5600", "link": "200 Gbps", "breakout": 4},
    ),
    "two planes": (
        "dgx-b300",
        {"kind": "roce", "switch": "sn5600", "link": "400 Gbps", "breakout": 2, "planes": 2},
    ),
    "whole ports of 800G": ("dgx-b300", {"kind": "roce", "switch": "sn5600", "link": "800 Gbps"}),
    "400G of eight lanes": ("xe9680-h200", {"kind": "roce", "switch": "sn4700", "link": "400 Gbps"}),
    "400G split in two": (
        "xe9680-h200",
        {"kind": "roce", "switch": "sn4700", "link": "200 Gbps", "breakout": 2},
    ),
    "100G": (
        "dgx-h100",
        {"role": "in-band", "kind": "ethernet", "rails": 2, "switch": "sn4600c", "link": "100 Gbps"},
    ),
    "management": (
        "dgx-h100",
        {
            "role": "out-of-band",
            "kind": "ethernet",
            "rails": 1,
            "switch": "sn2201",
            "link": "1 Gbps",
            "uplink": "100 Gbps",
            "spine_switch": "sn4600c",
        },
    ),
    "no model": ("xe9680-h200", {"kind": "roce", "radix": 64, "link": "400 Gbps"}),
}
"""What is cabled, and the system and the fabric for it."""


@dataclass(frozen=True)
class Cabled:
    """One fabric with its groups of links and their pieces."""

    links: FabricLinks
    cabling: Cabling
    groups: list[tuple[list[int], MediumChoice | None]]
    pieces: list[Piece]


def factory(kind: str, nodes: int, cabling: Mapping[str, Any] | None = None, **more: Any) -> AIFactory:
    """Make a factory of one pool and one fabric, laid out for the machines alone."""
    system, fabric = KINDS[kind]
    made = wish([pool(nodes=nodes, system=system)], {"name": "net", "padding": "none", **fabric})
    # Three of six supplies after the loss of a feed are another test's subject.
    (site,) = made.sites
    power = site.power.model_copy(update={"survive": "none"})
    # Short rows, so that links go between rows.
    halls = tuple(hall.model_copy(update={"row": 3}) for hall in site.halls)
    sites = (site.model_copy(update={"power": power, "halls": halls}),)
    changed = {"sites": sites, "cabling": None if cabling is None else Cabling(**cabling), **more}
    return made.model_copy(update=changed)


def cabled(described: AIFactory) -> Cabled:
    """Cable the one fabric of a factory."""
    cabling = described.cabling or Cabling()
    (links,) = every_link(described, plan(described), cabling)
    assembler = Assembler(links, cabling)
    groups = []
    pieces: list[Piece] = []
    for group in plug_groups(links):
        choice = assembler.choice(group)
        groups.append((group, choice))
        if choice is not None:
            pieces += assembler.pieces(group, choice)
    return Cabled(links, cabling, groups, pieces)
