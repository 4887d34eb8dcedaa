"""Descriptions that no stack resembles: names at their limits or with a meaning elsewhere, one machine alone,
networks left out, split or of several kinds, several sites.

Each is the lab with a few fields of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import yaml

from tests.conftest import STACKS

Data = dict[str, Any]
_NAMES = (
    *("lab", "fra1", "h1", "train", "serve", "compute", "storage", "inband", "oob", "scratch", "models"),
    *("restricted", "open", "research", "startups", "hsm-fra", "personal", "east"),
)
_WORDS = ("role", "kind", "protocol", "purpose")
"""Fields whose values are words of the description's language, not names."""
_WITH_A_MEANING = {
    "lab": "yes",
    "fra1": "no",
    "h1": "off",
    "train": "all",
    "serve": "default",
    "inband": "mgmt",
    "oob": "eth0",
    "restricted": "default",
    "open": "mgmt",
    "research": "true",
    "startups": "null",
    "scratch": "self",
    "models": "nan",
}
"""Names that programs, YAML or Linux read as something else."""


def description(name: str) -> Data:
    """Return the description of a name."""
    return _CHANGES[name](_lab())


def edge_design_names() -> list[str]:
    """Return the names of all of them."""
    return list(_CHANGES)


def _lab() -> Data:
    """Return the lab's description."""
    data: Data = yaml.safe_load((STACKS / "lab" / "factory.yaml").read_text())
    return data


def _renamed(value: Any, names: Mapping[str, str], field: str = "") -> Any:
    """Return a description in which everything has another name."""
    if isinstance(value, dict):
        return {key: _renamed(below, names, key) for key, below in value.items()}
    if isinstance(value, list):
        return [_renamed(below, names, field) for below in value]
    return names.get(value, value) if isinstance(value, str) and field not in _WORDS else value


def _longest(data: Data) -> Data:
    """Give everything a name of 32 characters, the most that a description permits."""
    return dict(_renamed(data, {name: f"{name}-{'x' * 32}"[:32] for name in _NAMES}))


def _shortest(data: Data) -> Data:
    """Give everything a name of one letter."""
    return dict(_renamed(data, dict(zip(_NAMES, "abcdefghijklmnopqr", strict=True))))


def _alike(data: Data) -> Data:
    """Give pools and zones names of which one begins another."""
    return dict(_renamed(data, {"train": "p-1", "serve": "p", "restricted": "p-1-001", "open": "p-1-002"}))


def _one_machine(data: Data) -> Data:
    """Leave one machine, one zone and no storage."""
    data["pools"] = [{**data["pools"][0], "nodes": 1}]
    data["zones"] = [{"name": "restricted", "trust": "high", "tenants": ["research"]}]
    data["tenants"] = [{"name": "research", "seat": "DE"}]
    return data | {"storage": [], "residency": [], "keys": []}


def _networks(*kept: int) -> Callable[[Data], Data]:
    """Return a change that leaves one machine and some networks."""

    def change(data: Data) -> Data:
        data = _one_machine(data)
        return data | {"fabrics": [data["fabrics"][number] for number in kept]}

    return change


def _compute(**fields: Any) -> Callable[[Data], Data]:
    """Return a change of the compute network."""

    def change(data: Data) -> Data:
        kept = {key: value for key, value in data["fabrics"][0].items() if fields.get(key, value) is not None}
        data["fabrics"][0] = kept | {key: value for key, value in fields.items() if value is not None}
        return data

    return change


def _two_kinds(data: Data) -> Data:
    """Add machines whose compute network is InfiniBand, with managers."""
    for power in ("A", "B", "C"):
        data["sites"][0]["power"]["feeds"][power] = "900 kW"
    data["sites"][0]["power"]["it_budget"] = "900 kW"
    data["pools"].append({**data["pools"][0], "name": "more", "nodes": 4})
    data["fabrics"][0]["pools"] = ["train", "serve"]
    second = {"kind": "infiniband", "rails": 8, "switch": "qm9700", "link": "400 Gbps"}
    data["fabrics"].append({**second, "name": "second", "role": "compute", "pools": ["more"], "managers": 2})
    return data


def _two_sites(data: Data) -> Data:
    """Add a site with machines of the same zone."""
    site = {key: value for key, value in data["sites"][0].items() if key != "uplinks"}
    halls = [{**site["halls"][0], "name": "h2"}]
    data["sites"].append({**site, "name": "ber1", "halls": halls})
    data["pools"].append({**data["pools"][0], "name": "more", "site": "ber1", "nodes": 4})
    return data


def _many_zones(data: Data) -> Data:
    """Give each of twelve machines a zone of its own."""
    zones, tenants, pools = [], [], []
    for number in range(12):
        zones.append({"name": f"z{number}", "trust": "low", "tenants": [f"t{number}"]})
        tenants.append({"name": f"t{number}", "seat": "DE"})
        pools.append({**data["pools"][0], "name": f"p{number}", "nodes": 1, "zone": f"z{number}"})
    return data | {
        "zones": zones,
        "tenants": tenants,
        "pools": pools,
        "storage": [],
        "keys": [],
        "residency": [],
    }


def _servers(purpose: str) -> Callable[[Data], Data]:
    """Return a change that adds servers without GPUs, whose ports for storage are of another rate."""

    def change(data: Data) -> Data:
        data["pools"].append({**data["pools"][0], "name": "cpus", "system": "r660", "purpose": purpose})
        data["pools"][-1] |= {"nodes": 5, "spares": 1}
        data["fabrics"][1] |= {"breakout": 2, "pool_links": [{"pool": "cpus", "link": "200 Gbps"}]}
        return data

    return change


def _bordered(border: Data, **fields: Any) -> Callable[[Data], Data]:
    """Return a change that gives each network links to the outside; switches are small and have spines."""

    def change(data: Data) -> Data:
        for fabric in data["fabrics"]:
            fabric.pop("switch", None)
            fabric |= {"radix": 32 if fabric["role"] == "compute" else 16, "border": border, **fields}
            if border.get("at") == "leaf":
                fabric["leaf_rails"] = fabric["rails"]
        data["fabrics"][1]["border"] = {**border, "link": "100 Gbps"}
        data["fabrics"][2] |= {"isolation": "vni"}
        return data

    return change


def _paired(data: Data) -> Data:
    """Join leaves, spines and border leaves of each network by twos."""
    data = _bordered({"leaves": 2, "ports": 2, "peer_links": 2}, peer_links=2, spine_peer_links=1)(data)
    data["fabrics"][3] |= {"radix": 32, "oversubscription": "1:1"}
    return data


def _bordered_switch(data: Data) -> Data:
    """Leave one machine, whose every network is one switch with links to the outside."""
    return _bordered({"at": "leaf", "ports": 2})(_one_machine(data))


def _spoken_of(data: Data) -> Data:
    """Give operator and carrier names with letters of many kinds."""
    data["operator"]["name"] = "Größte Rechner GmbH & Co. <\"'>{{ .Values }}, 東京 🚀"
    data["sites"][0]["uplinks"][0]["carrier"] = '=1+1 Téléphone "&" Söhne'
    return data


def _edges(data: Data) -> Data:
    """Choose networks and numbers at the ends of their ranges."""
    return data | {"network": {"asn": 4_294_900_000, "vni": 16_000_000, "vlan": 3_990}}


_PAIRED_BORDER: Data = {"leaves": 2, "ports": 2, "peer_links": 1}
_PEERS = {"peer_links": 2, "spine_peer_links": 2}
_INFINIBAND = {"kind": "infiniband", "radix": None}
_CHANGES: dict[str, Callable[[Data], Data]] = {
    "longest names": _longest,
    "shortest names": _shortest,
    "names with a meaning": lambda data: dict(_renamed(data, _WITH_A_MEANING)),
    "names that begin alike": _alike,
    "names of many letters": _spoken_of,
    "one machine": _one_machine,
    "no network": _networks(),
    "compute network alone": _networks(0),
    "management network alone": _networks(3),
    "two kinds of network": _two_kinds,
    "two sites": _two_sites,
    "a zone for each machine": _many_zones,
    "ports split by four": _compute(switch="sn5600", radix=None, breakout=4, link="200 Gbps"),
    "InfiniBand ports split by two": _compute(**_INFINIBAND, switch="qm9700", breakout=2, link="200 Gbps"),
    "four planes": _compute(planes=4, radix=64),
    "a plane for each rail": _compute(planes_by="rail"),
    "three tiers": _compute(radix=8, pod_leaves=4),
    "InfiniBand of three tiers": _compute(kind="infiniband", radix=8),
    "a switch for each rack": _compute(radix=128, leaf_hosts="rack", leaf_rails=8),
    "small clusters": lambda data: data | {"clusters": {"nodes": 3}},
    "last numbers": _edges,
    "management servers": _servers("management"),
    "servers of CPUs for work": _servers("mixed"),
    "border leaves": _bordered({"leaves": 2, "ports": 4}),
    "leaves with links to the outside": _bordered({"at": "leaf", "ports": 2}),
    "spines with links to the outside": _bordered({"at": "spine", "ports": 1}),
    "a switch with links to the outside": _bordered_switch,
    "pairs of switches": _paired,
    "pairs of switches in three tiers": _compute(
        radix=16, pod_leaves=4, peer_links=1, spine_peer_links=1, border=_PAIRED_BORDER
    ),
    "pairs of switches with split ports": _compute(
        switch="sn5600", radix=None, breakout=4, link="200 Gbps", uplink="800 Gbps", **_PEERS
    ),
    "pairs of switches in InfiniBand": _compute(
        kind="infiniband", radix=32, peer_links=8, spine_peer_links=2
    ),
    "two leaves without spines": _compute(radix=128, leaf_rails=4, spines="none"),
    "InfiniBand spines of more ports": _compute(kind="infiniband", radix=16, spine_radix=32),
    "cores with links to the outside": _compute(radix=16, pod_leaves=4, border={"at": "core", "ports": 1}),
}
