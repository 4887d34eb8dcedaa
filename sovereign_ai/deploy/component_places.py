"""Where the components of a factory are: zone, site, fabric, hall, region, system, key and protocol.

Of live and rendered objects, labels and parameters state it; rendered objects have no nodes, so the plan
states where nodes will be.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from sovereign_ai.deploy.successors import component_of
from sovereign_ai.names import KEYS, label_value
from sovereign_ai.plan import Plan
from sovereign_ai.render.interop import switch_tiers
from sovereign_ai.rules import ENCRYPTION_KEY

Object = Mapping[str, Any]
Places = Mapping[tuple[str, str], AbstractSet[str]]
"""(component, kind of place) to the names of the places in which the component is."""
_REGION = "topology.kubernetes.io/region"
_SYSTEM = "node.kubernetes.io/instance-type"


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
        case "StorageClass":
            parameters = obj.get("parameters") or {}
            yield "zone", labels.get(KEYS.namespace_zone, "")
            yield "key", parameters.get(ENCRYPTION_KEY, "")
            yield "protocol", str(obj.get("provisioner", "")).rpartition("/")[2]
            for region in _regions_of(obj):
                yield "region", region
        case _:
            return


def _site_of(unit: str, pool: str) -> str:
    """Return the site in the name of a scalable unit, `<site>-<pool>-su0`; empty where it was shortened."""
    site, separator, _ = unit.rpartition(f"-{pool}-su")
    return site if separator else ""


def _fabric_of(switch: str, site: str) -> str:
    """Return the fabric in the name of a switch, `<fabric>-<site>-p0-…`; empty where it was shortened."""
    match = re.fullmatch(rf"(.+)-{re.escape(site)}-p\d+-.+", switch) if site else None
    return match[1] if match else ""


def _regions_of(storage_class: Object) -> Iterator[str]:
    """Yield the regions in which a storage class has volumes."""
    for term in storage_class.get("allowedTopologies") or ():
        for expression in term.get("matchLabelExpressions") or ():
            if expression["key"] == _REGION:
                yield from expression["values"]


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
    return dict(places)
