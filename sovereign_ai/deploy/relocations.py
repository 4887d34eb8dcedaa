"""Recognise what moves on a cluster, and what is renamed without objects of its own.

A tenant, a pool or a storage tier that keeps its name may get another zone, hall, region, key or protocol.
Sites, halls, fabrics, keys and registries have no objects: a new name of one shows in the objects of others.
Where the old name is not in the description any more, and the new one was nowhere on the cluster, it is a
rename. Gateways are recognised by where they lead (`gateway_moves.py`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from sovereign_ai.deploy.gateway_moves import gateway_moves
from sovereign_ai.deploy.part_move import Move, Usage, losses_in, namespace_of, total_size
from sovereign_ai.deploy.successors import MOVABLE, component_of, tenancy_of
from sovereign_ai.names import KEYS, label_value
from sovereign_ai.plan import Plan
from sovereign_ai.render.interop import switch_tiers
from sovereign_ai.rules import ENCRYPTION_KEY, registries_of
from sovereign_ai.spec import AIFactory
from sovereign_ai.units import Bytes

Object = Mapping[str, Any]
Places = Mapping[tuple[str, str], AbstractSet[str]]
"""(component, kind of place) to the names of the places in which the component is."""
_REGION = "topology.kubernetes.io/region"
_SYSTEM = "node.kubernetes.io/instance-type"
_PODS = "sovereign-pods"
"""The policy that names the registries; a test renders it."""
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class _Shift:
    """A component that is in other places than before."""

    component: str
    place: str
    old: frozenset[str]
    new: frozenset[str]


def relocations(
    live: Iterable[Object],
    wanted: Iterable[Object],
    renamed: Mapping[str, str],
    usage: Usage,
    factory: AIFactory,
    plan: Plan,
) -> list[Move]:
    """Return what moves, and what is renamed beside the components.

    Args:
        live: the factory's own live objects and nodes.
        wanted: the bundle's objects.
        renamed: each component that goes, and the one that takes its place.
        usage: the objects of tenants and controllers.
        factory: the new description.
        plan: its plan.
    """
    old, new = list(live), list(wanted)
    before = _places(old)
    after = _places(new) | _planned_places(plan, before.keys(), renamed)
    names = _Renames(factory, renamed, before, after)
    result = [*names.moves(old, usage), *_registries(old, new, usage), *_quotas(old, new)]
    result += _namespaces(old, new, renamed, names, usage)
    zones = {name: new_name for (place, name), new_name in names.names.items() if place == "zone"}
    result += gateway_moves(old, factory.gateways, zones, usage)
    for shift in names.shifts():
        result.append(_move(shift, renamed, old, usage))
    return result


def _places(objects: Iterable[Object]) -> dict[tuple[str, str], set[str]]:
    """Return where components are, by their objects."""
    places: dict[tuple[str, str], set[str]] = defaultdict(set)
    for obj in objects:
        component = component_of(obj)
        for place, name in _places_of(obj):
            if name:
                places[component, place].add(name)
    return dict(places)


def _places_of(obj: Object) -> Iterator[tuple[str, str]]:
    """Yield every place that an object states."""
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


def _planned_places(
    plan: Plan, known: Iterable[tuple[str, str]], renamed: Mapping[str, str]
) -> dict[tuple[str, str], set[str]]:
    """Return where the plan has the nodes of the pools that have live nodes already."""
    pools, kinds = set(), set()
    for component, place in known:
        pools.add(renamed.get(component) or component)
        kinds.add(place)
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


class _Renames:
    """What the places before and after a change say together.

    Attributes:
        names: (kind of place, old name) to the new name, of places that are renamed.
    """

    def __init__(self, factory: AIFactory, renamed: Mapping[str, str], before: Places, after: Places) -> None:
        self._renamed = renamed
        self._before, self._after = before, after
        self._sites = {site.name for site in factory.sites}
        declared: dict[str, set[str]] = {"site": self._sites, "region": set(), "hall": set()}
        declared["zone"] = {zone.name for zone in factory.zones}
        declared["key"] = {key.name for key in factory.keys}
        declared["fabric"] = {fabric.name for fabric in factory.fabrics}
        for site in factory.sites:
            declared["region"].add(site.region or site.name)
            declared["hall"].update(hall.name for hall in site.halls)
        existing: dict[str, set[str]] = defaultdict(set)
        for (_, place), values in before.items():
            existing[place] |= values
        self.names: dict[tuple[str, str], str] = {}
        for component, successor in renamed.items():
            kind, _, name = component.partition(".")
            if kind == "zone" and successor:
                self.names["zone", name] = successor.partition(".")[2]
        # First the components that are in one place, which leave no doubt.
        for shift in sorted(self._changed(), key=lambda shift: len(shift.old)):
            if shift.place not in declared:
                continue
            known = {old: new for (place, old), new in self.names.items() if place == shift.place}
            gone = shift.old - declared[shift.place] - known.keys()
            fresh = shift.new - existing[shift.place] - set(known.values())
            for old, new in zip(sorted(gone), sorted(fresh), strict=False):
                self.names[shift.place, old] = new

    def moves(self, live: Iterable[Object], usage: Usage) -> Iterator[Move]:
        """Yield the renames of places that are no components."""
        classes: dict[tuple[str, str], set[str]] = defaultdict(set)
        nodes: dict[tuple[str, str], int] = defaultdict(int)
        for obj in live:
            for where in set(_places_of(obj)):
                if obj["kind"] == "StorageClass":
                    classes[where].add(obj["metadata"]["name"])
                elif obj["kind"] == "Node":
                    nodes[where] += 1
        for (place, old), new in sorted(self.names.items()):
            if place == "zone" and f"zone.{old}" in self._renamed:
                continue
            is_site = place == "region" and new in self._sites
            # A site without a region of its own is one by its name.
            if is_site and self.names.get(("site", old)) == new:
                continue
            affected = classes[place, old]
            if place == "site" and self.names.get(("region", old)) == new:
                affected = classes["region", old]
            costs = tuple(_rename_costs(place, old, affected, nodes[place, old], usage))
            yield Move("site" if is_site else place, old, new, costs)

    def shifts(self) -> Iterator[_Shift]:
        """Yield the components that are in other places, and not in the same ones under other names."""
        for shift in self._changed():
            renamed = {self.names.get((shift.place, name), name): name for name in shift.old}
            old = frozenset(name for new, name in renamed.items() if new not in shift.new)
            new = shift.new - renamed.keys()
            if old:
                yield _Shift(shift.component, shift.place, old, new)

    def _changed(self) -> Iterator[_Shift]:
        """Yield the components whose places have other names."""
        for (component, place), values in sorted(self._before.items()):
            there = self._after.get((self._renamed.get(component) or component, place))
            # A part that goes is in no place, and its removal is reported already.
            if there is None or there == values:
                continue
            yield _Shift(component, place, frozenset(values - there), frozenset(there - values))


def _rename_costs(place: str, old: str, classes: AbstractSet[str], nodes: int, usage: Usage) -> Iterator[str]:
    """Yield what the new name of a place costs."""
    if nodes:
        yield f"{nodes} nodes get another label"
    if classes:
        yield f"storage classes {_listed(classes)} are made again"
    if volumes := usage.volumes_of(classes):
        size = total_size(volumes, "capacity")
        tail = f"stay encrypted under {old}" if place == "key" else f"keep the {place} {old}"
        yield f"{len(volumes)} volumes ({size}) {tail}"


def _move(shift: _Shift, renamed: Mapping[str, str], live: Iterable[Object], usage: Usage) -> Move:
    """Return a component that is in other places, with what that costs."""
    kind, _, name = shift.component.partition(".")
    successor = (renamed.get(shift.component) or shift.component).partition(".")[2]
    own = [obj for obj in live if component_of(obj) == shift.component]
    costs = tuple(_shift_costs(kind, name, shift, own, usage))
    origin, target = _listed(shift.old), _listed(shift.new)
    return Move(MOVABLE.get(kind, kind), name, successor, costs, shift.place, origin, target)


def _shift_costs(kind: str, name: str, shift: _Shift, own: Iterable[Object], usage: Usage) -> Iterator[str]:
    """Yield what is interrupted or left behind where a component is in other places."""
    namespaces, classes, nodes = set(), set(), set()
    for obj in own:
        labels = obj["metadata"].get("labels") or {}
        if obj["kind"] == "Namespace" and labels.get(KEYS.namespace_zone) in shift.old:
            namespaces.add(obj["metadata"]["name"])
        elif obj["kind"] == "StorageClass":
            classes.add(obj["metadata"]["name"])
        elif obj["kind"] == "Node":
            nodes.add(obj["metadata"]["name"])
    if pods := usage.pods_in(namespaces):
        yield f"{len(pods)} running pods stay on nodes of {shift.place} {_listed(shift.old)} until they end"
    if volumes := usage.volumes_of(classes):
        size = total_size(volumes, "capacity")
        yield f"{len(volumes)} volumes ({size}) stay as they are, in {shift.place} {_listed(shift.old)}"
    if kind == "pool":
        waiting = [item for item in usage.workloads if item["spec"].get("queueName") == name]
        if waiting and shift.place == "zone":
            yield f"{len(waiting)} workloads lose their queue"
        if nodes:
            on_nodes = [pod for pod in usage.pods if pod["spec"].get("nodeName") in nodes]
            tail = f", with {len(on_nodes)} running pods on them" if on_nodes else ""
            yield f"{len(nodes)} nodes change{tail}"


def _namespaces(
    live: Iterable[Object],
    wanted: Iterable[Object],
    renamed: Mapping[str, str],
    names: _Renames,
    usage: Usage,
) -> Iterator[Move]:
    """Yield the namespaces that tenants lose although they stay: one in a second zone gets longer names."""
    new = {}
    for obj in wanted:
        if obj["kind"] == "Namespace":
            new[tenancy_of(obj)] = obj["metadata"]["name"]
    for obj in live:
        component, name = component_of(obj), obj["metadata"]["name"]
        is_tenants = obj["kind"] == "Namespace" and component.startswith("tenant.")
        # What a renamed tenant loses is reported with its name.
        if not is_tenants or component in renamed or name in new.values():
            continue
        tenant, zone = tenancy_of(obj)
        successor = new.get((tenant, names.names.get(("zone", zone), zone)), "")
        yield Move("namespace", name, successor, tuple(losses_in({name}, usage)))


def _registries(live: Iterable[Object], wanted: Iterable[Object], usage: Usage) -> Iterator[Move]:
    """Yield the registries that images may not come from any more, each with one that takes its place."""
    before, after = _registries_in(live), _registries_in(wanted)
    lost = sorted(before - after)
    gained = sorted(after - before)
    if not before or not after:
        return
    for number, registry in enumerate(lost):
        new = gained[number] if number < len(gained) and len(lost) == len(gained) else ""
        pods = [pod for pod in usage.pods if _uses(pod, registry, after)]
        costs = [f"{len(pods)} running pods have images from it, and cannot start again"] if pods else []
        yield Move("registry", registry, new, tuple(costs))


def _registries_in(objects: Iterable[Object]) -> set[str]:
    """Return the registries that a cluster's policies permit."""
    for obj in objects:
        if obj["kind"] == "ValidatingAdmissionPolicy" and obj["metadata"]["name"] == _PODS:
            return set(registries_of(obj))
    return set()


def _uses(pod: Object, registry: str, permitted: Iterable[str]) -> bool:
    """Return whether a pod has an image from a registry that no other permitted one contains."""
    for container in pod["spec"].get("containers") or ():
        image = str(container.get("image", ""))
        is_permitted = any(image.startswith(f"{other}/") for other in permitted)
        if image.startswith(f"{registry}/") and not is_permitted:
            return True
    return False


def _quotas(live: Iterable[Object], wanted: Iterable[Object]) -> Iterator[Move]:
    """Yield the quotas that become smaller than what is used."""
    new = {}
    for obj in wanted:
        if obj["kind"] == "ResourceQuota":
            new[namespace_of(obj), obj["metadata"]["name"]] = obj["spec"].get("hard") or {}
    for obj in live:
        hard = (
            new.get((namespace_of(obj), obj["metadata"]["name"])) if obj["kind"] == "ResourceQuota" else None
        )
        if hard is None:
            continue
        used = (obj.get("status") or {}).get("used") or {}
        before = (obj.get("spec") or {}).get("hard") or {}
        for resource, amount in sorted(hard.items()):
            taken, permitted = str(used.get(resource, "0")), str(before.get(resource, "0"))
            # Less than is used, and less than before: a quota that was too small already is no news.
            if _count(str(amount)) < min(_count(taken), _count(permitted)):
                cost = f"{taken} are used: what runs stays, and nothing more starts"
                tenant = component_of(obj).partition(".")[2]
                yield Move("tenant", tenant, tenant, (cost,), f"quota {resource} of", permitted, str(amount))


def _count(quantity: str) -> int:
    """Return a Kubernetes quantity; a part counts as one."""
    return Bytes.from_kubernetes(quantity).count


def _listed(names: Iterable[str]) -> str:
    """Return names for a person."""
    ordered = sorted(names)
    more = f" and {len(ordered) - _MOST_NAMED} more" if len(ordered) > _MOST_NAMED else ""
    return ", ".join(ordered[:_MOST_NAMED]) + more
