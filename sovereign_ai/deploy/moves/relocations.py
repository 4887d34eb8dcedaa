"""Report what moves on a cluster, and what is renamed without objects of its own, with what each costs.

A tenant, a pool or a storage tier that keeps its name may get another zone, hall, region, key or protocol.
Sites, halls, fabrics, keys and registries have no objects: a new name of one shows in the objects of others
(`place_renames.py`). Gateways are recognised by where they lead (`gateway_moves.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from sovereign_ai.deploy.live.deployed_record import DeployedRecord, record_in
from sovereign_ai.deploy.moves.component_move import (
    Move,
    Usage,
    losses_in,
    namespace_of,
    total_size,
)
from sovereign_ai.deploy.moves.component_places import (
    DRAINED,
    DRIVER,
    Places,
    component_places,
    places_of,
    planned_places,
)
from sovereign_ai.deploy.moves.entity_changes import entity_changes
from sovereign_ai.deploy.moves.gateway_moves import GATEWAY, gateway_moves, known_gateways
from sovereign_ai.deploy.moves.lost_classes import lost_classes
from sovereign_ai.deploy.moves.noted_renames import Renames
from sovereign_ai.deploy.moves.place_renames import (
    Relocation,
    RenamedPlaces,
    as_deployed,
    changed_places,
    moved_components,
    recorded_renames,
    renamed_places,
)
from sovereign_ai.deploy.moves.pool_nodes import change_of, departure_of, is_simulated, shrunk_pools
from sovereign_ai.deploy.moves.successors import MOVABLE, component_of, tenancy_of
from sovereign_ai.deploy.moves.waiting_work import waiting_costs
from sovereign_ai.names import KEYS
from sovereign_ai.plan import Plan
from sovereign_ai.render.kubernetes import parts
from sovereign_ai.rules import registries_of
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted
from sovereign_ai.units import Bytes

Object = Mapping[str, Any]
_PODS = "sovereign-pods"
"""The policy that names the registries; a test renders it."""
_MOST_NAMED = 5
_FIXED = ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")
"""Fields of a storage class that cannot be changed, so that it is made again."""
_NESTED = ("site", "region", "hall")
"""Places of a pool that change together, the one first by which the change is known."""


def relocations(
    live: Iterable[Object],
    wanted: Iterable[Object],
    renamed: Mapping[str, str],
    usage: Usage,
    factory: AIFactory,
    plan: Plan,
    cluster: str,
    noted: Renames | None = None,
) -> list[Move]:
    """Return what moves, and what is renamed beside the components.

    Args:
        live: the factory's own live objects and nodes.
        wanted: the bundle's objects.
        renamed: each component that goes, and the one that takes its place.
        usage: the objects of tenants and controllers.
        factory: the new description.
        plan: its plan.
        cluster: the plan's name for the cluster.
        noted: what the run that was begun last took for renamed.
    """
    old, new = list(live), list(wanted)
    changes, pairs = place_changes(old, new, renamed, factory, plan, cluster, noted)
    staying = usage.outside(going_namespaces(old, new))
    # Of a zone that the first run took for a component nothing may be left but the record.
    components = {**noted.components, **renamed} if noted and noted.is_resumed else renamed
    moves = [*_renames(pairs, factory, components, old, new, usage, staying), *_registries(old, new, usage)]
    moves += _quotas(old, new)
    moves += entity_changes(old, record_in(old, factory.name, cluster), factory, usage)
    moves += _namespaces(old, new, renamed, pairs, usage)
    zones = {name: new_name for (kind, name), new_name in pairs.items() if kind == "zone"}
    moves += gateway_moves(old, factory.gateways, zones, usage, known_gateways(old, factory, cluster, noted))
    moves += lost_classes(old, new, renamed, staying, factory, plan)
    own = {component_of(obj) for obj in new}
    covered = set(renamed)
    outside = _outside_their_zones(new, plan, cluster, usage)
    for relocation in _without_repetition(moved_components(changes, pairs)):
        is_here = relocation.component in renamed or relocation.component in own
        moves.append(_move(relocation, renamed, old, usage, outside, is_here=is_here))
        if not is_here:
            covered.add(relocation.component)
    moves += shrunk_pools(old, plan, cluster, covered, usage)
    return moves


def going_namespaces(live: Iterable[Object], wanted: Iterable[Object]) -> set[str]:
    """Return the namespaces that a deployment deletes, with everything in them."""
    kept = {obj["metadata"]["name"] for obj in wanted if obj["kind"] == "Namespace"}
    return {obj["metadata"]["name"] for obj in live if obj["kind"] == "Namespace"} - kept


def place_changes(
    live: Iterable[Object],
    wanted: Iterable[Object],
    renamed: Mapping[str, str],
    factory: AIFactory,
    plan: Plan,
    cluster: str,
    noted: Renames | None = None,
) -> tuple[list[Relocation], RenamedPlaces]:
    """Return the components whose places have other names, and the places that are renamed.

    Args:
        live: the factory's own live objects and nodes.
        wanted: the bundle's objects.
        renamed: each component that goes, and the one that takes its place.
        factory: the new description.
        plan: its plan.
        cluster: the plan's name for the cluster.
        noted: what the run that was begun last took for renamed.
    """
    old = list(live)
    record = record_in(old, factory.name, cluster)
    before: Places = as_deployed(component_places(old), record, factory)
    known = (noted or Renames()).unfinished(set(), _remaining(before, record))
    if not known.is_resumed:
        before = known.undone(before)
    after = component_places(wanted) | planned_places(plan, before.keys(), renamed)
    changes = changed_places(before, after, renamed)
    # The run that goes on takes nothing else for renamed than the one that was cut short did.
    if known.is_resumed:
        return changes, dict(known.places)
    # What that run has recorded need not be there yet.
    recorded = {}
    for kind, names in record.parts.items():
        coming = {new for (place, _), new in known.places.items() if place == kind}
        recorded[kind] = names.keys() - coming
    pairs = renamed_places(factory, renamed, before, changes, recorded, known.places)
    return changes, pairs | recorded_renames(record.parts, parts(factory), pairs)


def _remaining(before: Places, record: DeployedRecord) -> set[tuple[str, str]]:
    """Return the places in which anything is still, or of which the last deployment knew."""
    remaining: set[tuple[str, str]] = set()
    for (_, kind), names in before.items():
        remaining.update((kind, name) for name in names)
    for kind, recorded in record.parts.items():
        remaining.update((kind, name) for name in recorded)
    return remaining


def _without_repetition(moved: Iterable[Relocation]) -> Iterator[Relocation]:
    """Yield each move once: a pool on another site is in another region and hall too."""
    by_component: dict[str, dict[str, Relocation]] = defaultdict(dict)
    for relocation in moved:
        by_component[relocation.component][relocation.kind] = relocation
    for by_kind in by_component.values():
        nested = [kind for kind in _NESTED if kind in by_kind]
        yield from (relocation for kind, relocation in by_kind.items() if kind not in nested[1:])


def _renames(
    pairs: RenamedPlaces,
    factory: AIFactory,
    renamed: Mapping[str, str],
    live: Iterable[Object],
    wanted: Iterable[Object],
    usage: Usage,
    staying: Usage,
) -> Iterator[Move]:
    """Yield the renames of places that are no components."""
    sites = {site.name for site in factory.sites}
    classes, nodes = _objects_by_place(live)
    fates = _fates_of_classes(live, wanted)
    for (kind, old), new in sorted(pairs.items()):
        # The rename of a zone is reported as that of a component, and that of a gateway with where it leads.
        if kind == GATEWAY or (kind == "zone" and f"zone.{old}" in renamed):
            continue
        # A site without a region of its own is one by its name, and is reported as a site.
        if kind == "region" and new in sites and pairs.get(("site", old)) == new:
            continue
        affected = classes[kind, old]
        label = kind
        if kind == "site" and pairs.get(("region", old)) == new:
            affected, label = classes["region", old], "region"
        costs = list(_rename_costs(kind, old, affected, fates, nodes[kind, old], usage))
        costs += waiting_costs(label, {old}, staying)
        yield Move(kind, old, new, tuple(costs))


def _objects_by_place(
    live: Iterable[Object],
) -> tuple[dict[tuple[str, str], dict[str, str]], dict[tuple[str, str], int]]:
    """Return the storage classes in each place with when they were created, and the number of its nodes."""
    classes: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    nodes: dict[tuple[str, str], int] = defaultdict(int)
    for obj in live:
        for place in set(places_of(obj)):
            if obj["kind"] == "StorageClass":
                classes[place][obj["metadata"]["name"]] = _created(obj)
            elif obj["kind"] == "Node":
                nodes[place] += 1
    return classes, nodes


def zone_costs(zone: str, live: Iterable[Object], wanted: Iterable[Object], usage: Usage) -> Iterator[str]:
    """Yield what the new name of a zone costs, beside its own objects.

    Args:
        zone: its old name.
        live: the factory's own live objects and nodes.
        wanted: the bundle's objects.
        usage: the objects of tenants and controllers.
    """
    classes, nodes = _objects_by_place(live)
    fates = _fates_of_classes(live, wanted)
    yield from _rename_costs("zone", zone, classes["zone", zone], fates, nodes["zone", zone], usage)


def _fates_of_classes(live: Iterable[Object], wanted: Iterable[Object]) -> dict[str, str]:
    """Return what becomes of each storage class that stays: the API server refuses to change some fields."""
    new = {obj["metadata"]["name"]: obj for obj in wanted if obj["kind"] == "StorageClass"}
    fates = {}
    for obj in live:
        name = obj["metadata"]["name"]
        if obj["kind"] == "StorageClass" and name in new:
            is_same = all((obj.get(field) or "") == (new[name].get(field) or "") for field in _FIXED)
            fates[name] = "changed" if is_same else "made again"
    return fates


def _rename_costs(
    kind: str,
    old: str,
    classes: Mapping[str, str],
    fates: Mapping[str, str],
    nodes: int,
    usage: Usage,
) -> Iterator[str]:
    """Yield what the new name of a place costs.

    Args:
        kind: the kind of place.
        old: its old name.
        classes: the storage classes in it, with the time of their creation.
        fates: what becomes of those that stay; one with another name is told with its tier.
        nodes: the number of its nodes.
        usage: the objects of tenants and controllers.
    """
    if nodes:
        yield counted(nodes, "node gets another label", "nodes get another label")
    for fate in ("made again", "changed"):
        names = [name for name in classes if fates.get(name) == fate]
        if len(names) == 1:
            yield f"storage class {names[0]} is {fate}"
        elif names:
            yield f"storage classes {_listed(names)} are {fate}"
    yield from _kept_volumes(usage, classes, kind, old)


def _kept_volumes(usage: Usage, classes: Mapping[str, str], kind: str, old: str) -> Iterator[str]:
    """Yield that volumes stay what and where they are, for a person.

    A storage class is created anew when its key or its place changes, so that an older volume may be of an
    earlier one.
    """
    current: list[Object] = []
    older: list[Object] = []
    for volume in usage.volumes_of(classes):
        # Times of the API server are RFC 3339 in UTC without fractions: as texts they sort as times do.
        is_older = _created(volume) < classes[volume["spec"]["storageClassName"]]
        (older if is_older else current).append(volume)
    if current:
        is_single = len(current) == 1
        if kind == "key":
            kept = f"{'stays' if is_single else 'stay'} encrypted under {old}"
        else:
            kept = f"{'keeps' if is_single else 'keep'} the {kind} {old}"
        yield f"{_counted_volumes(current)} {kept}"
    if len(older) == 1:
        yield f"{_counted_volumes(older)} is older than its storage class, and keeps the {kind} of that time"
    elif older:
        subject = _counted_volumes(older)
        yield f"{subject} are older than their storage class, and keep the {kind} of that time"


def _counted_volumes(volumes: Sequence[Object]) -> str:
    """Return the number of volumes with their size, for a person."""
    size = total_size(volumes, "capacity")
    return counted(len(volumes), f"volume ({size})", f"volumes ({size})")


def _created(obj: Object) -> str:
    """Return when the API server created an object; empty where that is not known."""
    return str(obj["metadata"].get("creationTimestamp") or "")


def _move(
    relocation: Relocation,
    renamed: Mapping[str, str],
    live: Iterable[Object],
    usage: Usage,
    outside: Iterable[Object],
    *,
    is_here: bool,
) -> Move:
    """Return a component that is in other places, with what that costs.

    Args:
        relocation: its change of place.
        renamed: each component that goes, and the one that takes its place.
        live: the factory's own live objects and nodes.
        usage: the objects of tenants and controllers.
        outside: running pods that will be on nodes of another zone than their namespaces.
        is_here: whether it has objects on this cluster afterwards.
    """
    kind, _, name = relocation.component.partition(".")
    component = renamed.get(relocation.component) or relocation.component
    own = [obj for obj in live if component_of(obj) == relocation.component]
    return Move(
        MOVABLE.get(kind, kind),
        name,
        component.partition(".")[2],
        tuple(
            _relocation_costs(
                relocation, own, usage, outside, is_here=is_here, is_renamed=relocation.component in renamed
            )
        ),
        relocation.kind,
        _listed(relocation.old),
        _listed(relocation.new),
    )


def _relocation_costs(
    relocation: Relocation,
    own: Iterable[Object],
    usage: Usage,
    outside: Iterable[Object],
    *,
    is_here: bool,
    is_renamed: bool,
) -> Iterator[str]:
    """Yield what is interrupted or left behind where a component is in other places.

    Args:
        relocation: the component's change of place.
        own: the component's live objects.
        usage: the objects of tenants and controllers.
        outside: running pods that will be on nodes of another zone than their namespaces.
        is_here: whether the component has objects on this cluster afterwards.
        is_renamed: whether it has another name too.
    """
    names: dict[str, set[str]] = defaultdict(set)
    classes: dict[str, str] = {}
    real_nodes = 0
    for obj in own:
        if obj["kind"] == "StorageClass":
            classes[obj["metadata"]["name"]] = _created(obj)
        if obj["kind"] == "Node" and not _is_concerned(obj, relocation):
            continue
        if obj["kind"] == "Node" and not is_simulated(obj):
            real_nodes += 1
        labels = obj["metadata"].get("labels") or {}
        # A tenant's namespaces in other zones stay where they are.
        if obj["kind"] != "Namespace" or labels.get(KEYS.namespace_zone) in relocation.old:
            names[obj["kind"]].add(obj["metadata"]["name"])
    if relocation.kind == "zone":
        yield from _zone_costs(relocation, names["Namespace"], names["Node"], usage, outside)
    yield from _kept_volumes(usage, classes, relocation.kind, _listed(relocation.old))
    kind, _, pool = relocation.component.partition(".")
    if kind == "pool":
        if is_here and not is_renamed and real_nodes and relocation.kind in DRAINED:
            yield f"`up` drains {counted(real_nodes, 'node', 'nodes')}"
            if relocation.kind == DRIVER:
                yield "`sovereign-ai hosts configure` installs it"
        # The nodes of a pool with another name leave, which is told with its name.
        concerned = names["Node"] if not is_renamed else set()
        yield from _pool_costs(pool, relocation, concerned, usage, is_here=is_here)


def _zone_costs(
    relocation: Relocation,
    namespaces: AbstractSet[str],
    nodes: AbstractSet[str],
    usage: Usage,
    outside: Iterable[Object],
) -> Iterator[str]:
    """Yield what stays in the old zone, and what waits for it, where a tenant or a pool is in another one."""
    stay = [pod for pod in outside if _is_in(pod, namespaces, nodes)]
    if stay:
        single = "running pod stays on a node of another zone until it ends"
        yield counted(len(stay), single, "running pods stay on nodes of another zone until they end")
    inside = tuple(usage.pods_in(namespaces))
    made = tuple(obj for obj in usage.controllers if namespace_of(obj) in namespaces)
    yield from waiting_costs("zone", relocation.old, Usage(pods=inside, controllers=made))


def _outside_their_zones(wanted: Iterable[Object], plan: Plan, cluster: str, usage: Usage) -> list[Object]:
    """Return the running pods whose node and namespace both stay, and are in two zones then.

    Args:
        wanted: the bundle's objects.
        plan: the plan of the new description.
        cluster: the plan's name for the cluster.
        usage: the objects of tenants and controllers.
    """
    zones = {}
    for obj in wanted:
        if obj["kind"] == "Namespace":
            zones[obj["metadata"]["name"]] = tenancy_of(obj)[1]
    nodes = {node.name: node.zone for node in plan.nodes_of(cluster)}
    outside = []
    for pod in usage.pods:
        zone = zones.get(namespace_of(pod))
        node_zone = nodes.get((pod.get("spec") or {}).get("nodeName", ""), zone)
        if zone and node_zone != zone:
            outside.append(pod)
    return outside


def _is_in(pod: Object, namespaces: AbstractSet[str], nodes: AbstractSet[str]) -> bool:
    """Return whether a pod is in one of some namespaces or on one of some nodes."""
    return namespace_of(pod) in namespaces or pod["spec"].get("nodeName") in nodes


def _is_concerned(node: Object, relocation: Relocation) -> bool:
    """Return whether a node leaves its place; where nodes do not state this kind of place, all do."""
    names = {name for kind, name in places_of(node) if kind == relocation.kind and name}
    return not names or not names.isdisjoint(relocation.old)


def _pool_costs(
    pool: str, relocation: Relocation, nodes: AbstractSet[str], usage: Usage, *, is_here: bool
) -> Iterator[str]:
    """Yield what is interrupted where a pool is in other places."""
    waiting = [workload for workload in usage.workloads if workload["spec"].get("queueName") == pool]
    if waiting and (relocation.kind == "zone" or not is_here):
        yield counted(len(waiting), "workload loses its queue", "workloads lose their queue")
    if nodes and is_here:
        yield change_of(nodes, usage)
    elif nodes:
        yield f"{departure_of(nodes, usage)}: the pool is on another cluster then"


def _namespaces(
    live: Iterable[Object],
    wanted: Iterable[Object],
    renamed: Mapping[str, str],
    pairs: RenamedPlaces,
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
        successor = new.get((tenant, pairs.get(("zone", zone), zone)), "")
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
        costs = []
        if pods:
            single = "running pod has images from it, and cannot start again"
            several = "running pods have images from it, and cannot start again"
            costs.append(counted(len(pods), single, several))
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
        key = namespace_of(obj), obj["metadata"]["name"]
        if obj["kind"] == "ResourceQuota" and key in new:
            yield from _smaller_amounts(obj, new[key])


def _smaller_amounts(quota: Object, hard: Mapping[str, Any]) -> Iterator[Move]:
    """Yield each resource of a live quota of which less will be permitted than is used."""
    used = (quota.get("status") or {}).get("used") or {}
    before = (quota.get("spec") or {}).get("hard") or {}
    tenant = component_of(quota).partition(".")[2]
    for resource, value in sorted(hard.items()):
        amount = str(value)
        in_use, permitted = str(used.get(resource, "0")), str(before.get(resource, "0"))
        # Less than is used, and less than before: a quota that was too small already is no news.
        if _count(amount) < min(_count(in_use), _count(permitted)):
            cost = f"{in_use} are used: what runs stays, and nothing more starts"
            yield Move("tenant", tenant, tenant, (cost,), f"quota {resource} of", permitted, amount)


def _count(quantity: str) -> int:
    """Return a Kubernetes quantity; a part counts as one."""
    return Bytes.from_kubernetes(quantity).count


def _listed(names: Iterable[str]) -> str:
    """Return names for a person."""
    ordered = sorted(names)
    more = f" and {len(ordered) - _MOST_NAMED} more" if len(ordered) > _MOST_NAMED else ""
    return ", ".join(ordered[:_MOST_NAMED]) + more
