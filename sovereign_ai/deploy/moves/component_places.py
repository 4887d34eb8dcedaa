"""Where the components of a factory are: zone, site, fabric, hall, region, key and protocol.

Of a storage class it is also stated which CSI driver it has, with parameters and mount options. Of the
machines of a pool it is stated what they have: system, driver and MIG profile. Of live and rendered objects,
labels and parameters state it; rendered objects have no nodes, so the plan states where nodes will be.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from sovereign_ai.deploy.moves.successors import component_of
from sovereign_ai.names import KEYS, label_value
from sovereign_ai.plan import Plan
from sovereign_ai.render.interop import switch_tiers
from sovereign_ai.rules import ENCRYPTION_KEY

Object = Mapping[str, Any]
Places = Mapping[tuple[str, str], AbstractSet[str]]
"""(component, kind of place) to the names of the places in which the component is."""
_REGION = "topology.kubernetes.io/region"
_TOPOLOGY = {_REGION: "region", "topology.kubernetes.io/zone": "hall"}
"""Label of the topology of volumes to the kind of place that it states."""
_SYSTEM = "node.kubernetes.io/instance-type"
_DRIVER = ("/cuda.driver-version.full", "/gpu.driver-version")
"""Ends of the labels by which the vendors' own programs state a node's driver: NVIDIA's GPU feature
discovery (docs/gpu-feature-discovery/README.md), AMD's node labeller (docs/user-guide/nodelabeller.md)."""
_CAN_SPLIT = "/mig.capable"
_PRODUCT, _SPLIT = ".product", "-MIG-"
DRIVER, PROFILE = "driver", "MIG profile"
DRAINED = frozenset({"zone", "site", "hall", "region", "system", DRIVER, PROFILE})
"""Kinds of place of which a change makes a pool's real machines other machines (`departures.py`)."""
_WHOLE = "none"
CSI_DRIVER, CSI_PARAMETERS, MOUNT_OPTIONS = "CSI driver", "CSI parameters", "mount options"
_LONGEST, _NONE = 120, "none"


def component_places(objects: Iterable[Object]) -> dict[tuple[str, str], set[str]]:
    """Return where components are, by their objects."""
    places: dict[tuple[str, str], set[str]] = defaultdict(set)
    for obj in objects:
        component = component_of(obj)
        for place, name in places_of(obj):
            if name:
                places[component, place].add(name)
    return dict(places)


def places_of(obj: Object) -> Iterator[tuple[str, str]]:
    """Yield every place that an object states, as the kind of place and its name; a name may be empty."""
    labels = obj["metadata"].get("labels") or {}
    match obj["kind"]:
        case "Namespace":
            yield "zone", labels.get(KEYS.namespace_zone, "")
        case "ResourceFlavor":
            yield "zone", (obj["spec"].get("nodeLabels") or {}).get(KEYS.zone, "")
        case "Node":
            unit, pool = labels.get(KEYS.scalable_unit, ""), labels.get(KEYS.pool, "")
            site = _site_of(unit, pool)
            yield "site", site
            yield "fabric", _fabric_of(labels.get(KEYS.tier(0), ""), site)
            yield "hall", labels.get(KEYS.hall, "")
            yield "region", labels.get(_REGION, "")
            yield "system", labels.get(_SYSTEM, "")
            yield DRIVER, _driver_of(labels)
            yield PROFILE, _profile_of(labels)
        case "StorageClass":
            parameters = obj.get("parameters") or {}
            yield "zone", labels.get(KEYS.namespace_zone, "")
            facts = {**(obj["metadata"].get("annotations") or {}), **parameters}
            yield "key", facts.get(ENCRYPTION_KEY, "")
            yield from _provisioner_of(obj)
            yield from _topology_of(obj)
        case _:
            return


def _provisioner_of(obj: Object) -> Iterator[tuple[str, str]]:
    """Yield the protocol of a storage class, and its CSI driver with parameters and mount options."""
    # A CSI driver's name has no domain before a slash.
    _, slash, name = str(obj.get("provisioner", "")).rpartition("/")
    parameters = {} if slash else obj.get("parameters") or {}
    yield "protocol", name if slash else ""
    yield CSI_DRIVER, _NONE if slash else name
    yield CSI_PARAMETERS, _brief(f"{key}={value}" for key, value in sorted(parameters.items()))
    yield MOUNT_OPTIONS, _brief(map(str, obj.get("mountOptions") or ()))


def _brief(entries: Iterable[str]) -> str:
    """Return entries in one text; of a long one the beginning with a digest, so that no two are the same."""
    text = ", ".join(entries) or _NONE
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… ({hashlib.sha256(text.encode()).hexdigest()[:12]})"


def _site_of(unit: str, pool: str) -> str:
    """Return the site in the name of a scalable unit, `<site>-<pool>-su0`; empty where it was shortened."""
    site, separator, _ = unit.rpartition(f"-{pool}-su")
    return site if separator else ""


def _driver_of(labels: Mapping[str, str]) -> str:
    """Return a node's driver as a description writes it; empty where no label states it."""
    for key, value in labels.items():
        if key.endswith(_DRIVER):
            return _version(value)
    return ""


def as_labelled(kind: str, value: str) -> str:
    """Return a described value in the form in which `places_of` yields it of a node."""
    match kind:
        case name if name == DRIVER:
            return _version(value)
        case name if name == PROFILE:
            return value or _WHOLE
        case "site":
            return value
        case _:
            return label_value(value)


def _version(written: str) -> str:
    """Return a version without zeros in front of its numbers, which some vendors write."""
    numbers = [number.lstrip("0") or "0" for number in written.split(".")]
    return ".".join(numbers)


def _profile_of(labels: Mapping[str, str]) -> str:
    """Return a node's MIG profile; `none` where its GPUs are whole, empty where no label states it."""
    for key, value in labels.items():
        if key.endswith(_PRODUCT) and _SPLIT in value:
            return value.rpartition(_SPLIT)[2]
    can_split = any(key.endswith(_CAN_SPLIT) for key in labels)
    return _WHOLE if can_split else ""


def _fabric_of(switch: str, site: str) -> str:
    """Return the fabric in the name of a switch, `<fabric>-<site>-p0-…`; empty where it was shortened."""
    match = re.fullmatch(rf"(.+)-{re.escape(site)}-p\d+-.+", switch) if site else None
    return match[1] if match else ""


def _topology_of(storage_class: Object) -> Iterator[tuple[str, str]]:
    """Yield the regions and halls in which a storage class has volumes."""
    for term in storage_class.get("allowedTopologies") or ():
        for expression in term.get("matchLabelExpressions") or ():
            if place := _TOPOLOGY.get(expression["key"]):
                for name in expression["values"]:
                    yield place, name


def planned_places(
    plan: Plan, known: Iterable[tuple[str, str]], renamed: Mapping[str, str]
) -> dict[tuple[str, str], set[str]]:
    """Return where the plan has the nodes of the pools that have live nodes already.

    Args:
        plan: the plan of the new description.
        known: the components that are on the cluster, each with a kind of place.
        renamed: each component that goes, and the one that takes its place.
    """
    pools, kinds = set(), set()
    for component, kind in known:
        pools.add(renamed.get(component) or component)
        kinds.add(kind)
    # The switches above every node are worth their time only where live nodes name theirs.
    above = switch_tiers(plan) if "fabric" in kinds else {}
    places: dict[tuple[str, str], set[str]] = defaultdict(set)
    for node in plan.nodes:
        component = f"pool.{node.pool}"
        if component in pools:
            site = _site_of(label_value(node.scalable_unit), node.pool)
            switch = label_value(above[node.name][0]) if node.name in above else ""
            if fabric := _fabric_of(switch, site):
                places[component, "fabric"].add(fabric)
            places[component, "site"].add(site)
            places[component, "hall"].add(label_value(node.hall))
            places[component, "region"].add(label_value(node.region))
            places[component, "system"].add(label_value(node.system))
    for cluster in plan.clusters:
        for part in cluster.pools:
            if f"pool.{part.pool}" in pools:
                places[f"pool.{part.pool}", DRIVER].add(_version(part.driver))
                places[f"pool.{part.pool}", PROFILE].add(part.mig or _WHOLE)
    return dict(places)
