"""Designs whose every output is judged: stacks, published designs, the catalogue's presets, and edge designs.

A published row states a pool and a compute (or in-band) fabric. What it leaves open is added in the plainest
form: a site with power and cooling enough, two zones, storage, and the networks that it does not state.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from sovereign_ai.catalog.published_fabric import designs
from sovereign_ai.catalog.system import System, system
from sovereign_ai.plan import Plan, plan
from sovereign_ai.spec import AIFactory
from tests.outputs.edge_designs import description, edge_design_names
from tests.published.test_published import ROWS
from tests.render.lab import stack

STACKS = ("lab", "superpod", "plural")
_LARGE_STACKS = ("gigafactory",)
_MOST_NODES = 150
"""Machines of the largest published design that is judged by default."""
_MOST_LARGE_NODES = 1_400
"""Machines of the largest published design that is judged with `make loads`."""
_OTHERS: tuple[dict[str, Any], ...] = (
    {"name": "inband", "role": "in-band", "rails": 2, "switch": "sn4600c", "link": "100 Gbps"},
    {"name": "oob", "role": "out-of-band", "rails": 1, "switch": "sn2201", "link": "1 Gbps"},
)
_PRESET_SYSTEMS = {
    "amd": "mi300x-oam8",
    "intel": "gaudi3-oam8",
    "nvidia-superpod-b200": "dgx-b200",
    "nvidia-superpod-b300": "dgx-b300",
    "nvidia-hgx-era-800": "dgx-b300",
    "nvidia-superpod-gb200": "gb200-nvl72-tray",
}
"""Begin of a preset's name to the system that it is for; any other is for `dgx-h100`."""


def _published() -> Iterator[tuple[str, int]]:
    """Yield each published design that a description can state, with its number of machines."""
    for name, row in ROWS.items():
        if "left_out" not in row and row["fabric"] and "switch" not in row:
            yield name, sum(entry["nodes"] for entry in _entries(row))


def _entries(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what a row says of each pool."""
    entries: list[dict[str, Any]] = row["pools"] if "pools" in row else [{"nodes": row["nodes"]}]
    return entries


def _preset_names() -> list[str]:
    """Return the names of the catalogue's presets."""
    return [preset.name for preset in designs()]


_WITHOUT_DESCRIPTION = frozenset(
    {
        "jupiter: a Booster group",
        "oracle-exadata-x8m: leaves of a rack by itself",
        "oracle-exadata-x8m: eight racks",
        "oracle-exadata-x8m: two racks",
        "oracle-exadata-x8m: three racks, whose leaves have 3, 3 and 2 links",
        "infragraph-examples: two scale-out switches",
    }
)
"""Published designs whose machines have no row: others stand in for their ports, in no such racks."""


def design_names(*, large: bool) -> list[str]:
    """Return the designs that are judged by default, or those that take long."""
    stacks = _LARGE_STACKS if large else STACKS
    names = [f"stack {name}" for name in stacks]
    for name, nodes in _published():
        if name in _WITHOUT_DESCRIPTION:
            continue
        if (_MOST_NODES < nodes <= _MOST_LARGE_NODES) if large else nodes <= _MOST_NODES:
            names.append(f"published {name}")
    if not large:
        names += [f"preset {name}" for name in _preset_names()]
        names += [f"edge {name}" for name in edge_design_names()]
    return names


@cache
def design(name: str) -> tuple[AIFactory, Plan]:
    """Return the description and the plan of a design."""
    kind, _, rest = name.partition(" ")
    if kind == "stack":
        return stack(rest)
    if kind == "edge":
        wanted = AIFactory.model_validate(description(rest))
    elif kind == "preset":
        pools = [{"system": _preset_system(rest), "nodes": 16}]
        wanted = _description(pools, {"design": rest, "name": "compute", "role": "compute"})
    else:
        row = ROWS[rest]
        pools = []
        for entry in _entries(row):
            pools.append({"system": row["system"], **row["pool"], **entry})
        wanted = _description(pools, row["fabric"])
    return wanted, plan(wanted)


def _preset_system(preset: str) -> str:
    """Return the system that a preset is for."""
    for begin, name in _PRESET_SYSTEMS.items():
        if preset.startswith(begin):
            return name
    return "dgx-h100"


def _description(pools: list[dict[str, Any]], fabric: Mapping[str, Any]) -> AIFactory:
    """Return a whole description of pools and one fabric; the zones take turns in the pools."""
    zones, members, systems = ("restricted", "open"), [], []
    for number, entry in enumerate(pools):
        named = {"name": f"pool{number}", "site": "fra1", "purpose": "training"}
        members.append({**named, "zone": zones[number % 2], **entry})
        systems.append(system(entry["system"]))
    fabrics = [{"name": "published", **fabric}]
    role = fabric.get("role", "compute")
    for other in _OTHERS:
        if other["role"] != role:
            fabrics.append({"kind": "ethernet", "oversubscription": "11:1", "isolation": "vrf", **other})
    hall = {"name": "h1", "rack_limit": "400 kW", "cooling": _cooling(_cooling_kind(systems))}
    power = {"it_budget": "900 MW", "feeds": {"A": "1800 MW", "B": "1800 MW"}, "survive": "none"}
    storage = {"name": "scratch", "protocol": "nfs", "grade": "good", "capacity": "100 TB"}
    return AIFactory.model_validate(
        {
            "name": "published",
            "operator": {
                "name": "Example",
                "seat": "DE",
                "parent": {"seat": "DE"},
                "staff": {"location": ["DE"], "citizenship": ["EU"]},
            },
            "sites": [{"name": "fra1", "country": "DE", "power": power, "halls": [hall]}],
            "pools": members,
            "fabrics": fabrics,
            "zones": [{"name": "restricted", "trust": "high"}, {"name": "open", "trust": "low"}],
            "storage": [{**storage, "zone": "open", "encryption": {"key": "k"}}],
            "keys": [{"name": "k", "custodian": "customer", "module": "pkcs11", "jurisdiction": "DE"}],
            "images": {"registries": ["registry.example.com/ai"]},
        }
    )


def _cooling_kind(systems: list[System]) -> str:
    """Return the cooling of a hall that takes all systems: both kinds where no single kind does."""
    liquid = [entry for entry in systems if "air" not in entry.cooling]
    if not liquid:
        return "air"
    return liquid[0].cooling[0] if len(liquid) == len(systems) else "hybrid"


def _cooling(kind: str) -> dict[str, Any]:
    """Return the cooling of a hall."""
    if kind == "air":
        return {"kind": "air", "supply": "22 degC"}
    return {"kind": kind, "supply": "30 degC", "cdu_capacity": "900 MW"}
