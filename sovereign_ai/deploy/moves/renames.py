"""List the components of a factory that are renamed, moved or removed, and what each change costs.

Kubernetes has no renames: a tenant with another name is one namespace deleted and another one created, with
everything in the first one lost. A deployment therefore reports which of its deletions belong to which of its
creations (`successors.py`), which components move to another place (`relocations.py`), and what is in the way
of that: running pods, volume claims, volumes of a storage class, workloads of a queue.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import filterfalse
from typing import Any

from sovereign_ai.cluster import is_recreated
from sovereign_ai.cluster.api import Api, list_if_served
from sovereign_ai.deploy.live.deployed_record import DeployedRecord, record_in
from sovereign_ai.deploy.moves.component_move import Move, Usage, losses_in, old_class_costs
from sovereign_ai.deploy.moves.component_places import component_places
from sovereign_ai.deploy.moves.gateway_moves import renamed_gateways
from sovereign_ai.deploy.moves.noted_renames import Renames
from sovereign_ai.deploy.moves.place_renames import as_deployed, zones_renamed_by_pools
from sovereign_ai.deploy.moves.pool_nodes import departure_of, nodes_by_pool
from sovereign_ai.deploy.moves.relocations import going_namespaces, place_changes, relocations, zone_costs
from sovereign_ai.deploy.moves.successors import MOVABLE, component_of, components_of, successors
from sovereign_ai.deploy.moves.waiting_work import CONTROLLERS, claim_costs, waiting_costs
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted
from sovereign_ai.verify import UNREAD

Object = Mapping[str, Any]
_FIELDS = {"pool": "pools", "storage": "storage", "tenant": "tenants", "zone": "zones"}
"""Prefix of a component label to the field of the description that has such components."""
_NODE = "Node"


def moves(
    live: Iterable[Object],
    wanted: Iterable[Object],
    usage: Usage,
    factory: AIFactory,
    plan: Plan,
    cluster: str,
    noted: Renames | None = None,
) -> tuple[Move, ...]:
    """Return the components that go, each with the component that takes its place, and those that move.

    Args:
        live: the factory's own live objects, of every kind that a bundle has, and its nodes.
        wanted: the bundle's objects.
        usage: the objects of tenants and controllers.
        factory: the new description; a part of it without objects on this cluster has not gone.
        plan: its plan.
        cluster: the plan's name for the cluster.
        noted: what the run that was begun last took for renamed.

    Returns:
        The moves, sorted by kind and old name.
    """
    old, new = list(live), list(wanted)
    before = components_of(old)
    renamed = _renamed(old, new, factory, plan, cluster, noted)
    nodes = nodes_by_pool(old)
    staying = usage.outside(going_namespaces(old, new))
    result = []
    for component, successor in renamed.items():
        prefix, _, name = component.partition(".")
        costs = list(_costs(prefix, name, before[component], usage))
        if prefix == "pool" and nodes.get(name):
            costs.append(departure_of(nodes[name], usage))
        if prefix == "zone" and successor:
            costs += zone_costs(name, old, new, usage)
        if prefix in {"pool", "zone"}:
            costs += waiting_costs(prefix, {name}, staying)
        classes = {obj["metadata"]["name"] for obj in before[component] if obj["kind"] == "StorageClass"}
        costs += claim_costs(classes, staying)
        result.append(Move(MOVABLE[prefix], name, successor.partition(".")[2], tuple(costs)))
    result += relocations(old, new, renamed, usage, factory, plan, cluster, noted)
    return tuple(sorted(result, key=lambda move: (move.kind, move.old, move.place)))


def planned_renames(
    api: Api,
    wanted: Iterable[Object],
    factory: AIFactory,
    plan: Plan,
    cluster: str,
    noted: Renames | None = None,
) -> Renames:
    """Return what a deployment takes for renamed on a cluster.

    Args:
        api: the cluster.
        wanted: the bundle's objects.
        factory: the new description.
        plan: its plan.
        cluster: the plan's name for the cluster.
        noted: what the run that was begun last took for renamed.

    Raises:
        ApiError: a permission is missing.
        UnreachableError: there was no answer.
    """
    if noted is not None and noted.is_resumed:
        return noted
    listed = list(wanted)
    live = read_parts(api, listed, factory.name)
    renamed = _renamed(live, listed, factory, plan, cluster, noted)
    _, places = place_changes(live, listed, renamed, factory, plan, cluster, noted)
    return Renames(renamed, places | renamed_gateways(live, places, factory, cluster, noted))


def planned_moves(
    api: Api,
    wanted: Iterable[Object],
    factory: AIFactory,
    plan: Plan,
    cluster: str,
    noted: Renames | None = None,
) -> tuple[Move, ...]:
    """Return the components that a deployment would rename, move or remove on a cluster, with what it costs.

    Args:
        api: the cluster.
        wanted: the bundle's objects.
        factory: the new description.
        plan: its plan.
        cluster: the plan's name for the cluster.
        noted: what the run that was begun last took for renamed.

    Raises:
        ApiError: a permission is missing.
        UnreachableError: there was no answer.
    """
    listed = list(wanted)
    live = read_parts(api, listed, factory.name)
    # Most deployments move nothing, and do not need the list of every pod.
    if not moves(live, listed, Usage(), factory, plan, cluster, noted):
        return ()
    return moves(live, listed, read_usage(api), factory, plan, cluster, noted)


def read_usage(api: Api) -> Usage:
    """Read the objects of a cluster that a move could affect.

    Raises:
        ApiError: a permission is missing.
        UnreachableError: there was no answer.
    """
    kinds = (
        ("v1", "Pod"),
        ("v1", "PersistentVolumeClaim"),
        ("v1", "PersistentVolume"),
        ("kueue.x-k8s.io/v1beta2", "Workload"),
    )
    listed = api.many(_listing(api, kind) for kind in (*kinds, *CONTROLLERS))
    pods, claims, volumes, workloads = listed[: len(kinds)]
    controllers: list[dict[str, Any]] = []
    for objects in listed[len(kinds) :]:
        # One that another makes, as a Job of a CronJob, has the template of its owner.
        controllers += filterfalse(is_recreated, objects)
    running = []
    for pod in pods:
        phase = pod.get("status", {}).get("phase")
        if phase not in {"Succeeded", "Failed"}:
            running.append(pod)
    return Usage(tuple(running), tuple(claims), tuple(volumes), tuple(workloads), tuple(controllers))


def read_parts(api: Api, wanted: Iterable[Object], factory: str) -> list[dict[str, Any]]:
    """List the factory's own live objects of every kind that its bundle has, and its nodes.

    Raises:
        ApiError: a permission is missing.
        UnreachableError: there was no answer.
    """
    kinds = sorted({("v1", _NODE), *((obj["apiVersion"], obj["kind"]) for obj in wanted)})
    selector = f"{KEYS.owner}={OWNER},{KEYS.factory}={factory}"
    live: list[dict[str, Any]] = []
    for objects in api.many(_listing(api, kind, selector) for kind in kinds):
        live += objects
    return live


def _listing(
    api: Api, kind: tuple[str, str], selector: str | None = None
) -> Callable[[], list[dict[str, Any]]]:
    """Return a call that lists the objects of a kind, without the content of what nobody may read."""
    return partial(list_if_served, api, *kind, selector, metadata_only=kind in UNREAD)


def _renamed(
    live: Iterable[Object],
    wanted: Iterable[Object],
    factory: AIFactory,
    plan: Plan,
    cluster: str,
    noted: Renames | None,
) -> dict[str, str]:
    """Return each component that goes, and the one that takes its place.

    What a run that was cut short has brought is not there yet: it may take the place of another one still.
    What that run took for renamed, the one that goes on with the same objects does too.
    """
    everything, new = list(live), list(wanted)
    old = _without_nodes(everything)
    record = record_in(old, factory.name, cluster)
    # Of a pool the machines are there still once all of its objects have gone.
    there = components_of(everything).keys()
    known = (noted or Renames()).unfinished(there, set())
    # A run that was cut short early has brought nothing of what it had begun with.
    begun = _begun(old, record, plan, cluster) | (known.coming & there)
    # A run that was cut short may have recorded what it had not brought yet.
    recorded = record.components - known.coming
    deployed = [obj for obj in old if component_of(obj) not in begun]
    described = _described(factory)
    renamed = successors(deployed, new, described, recorded)
    before = as_deployed(component_places(deployed), record, factory)
    renamed |= zones_renamed_by_pools(renamed, before, component_places(new), recorded)
    # What it brought and is not described goes again, and nothing takes its place.
    renamed = dict.fromkeys(begun - described, "") | renamed
    return {**renamed, **known.components} if known.is_resumed else renamed


def _begun(live: Iterable[Object], record: DeployedRecord, plan: Plan, cluster: str) -> set[str]:
    """Return the zones and pools with live objects that the last deployment did not have, by its record."""
    begun = set()
    # Queues of pools of other clusters, to which work is sent, are recorded nowhere.
    pools = {part.pool for part in plan.cluster(cluster).pools} if record.machines else set()
    zones = record.parts.get("zone")
    for component in components_of(live):
        prefix, _, name = component.partition(".")
        is_new_pool = prefix == "pool" and name in pools and name not in record.machines
        is_new_zone = prefix == "zone" and zones is not None and name not in zones
        if is_new_pool or is_new_zone:
            begun.add(component)
    return begun


def _without_nodes(objects: Iterable[Object]) -> list[Object]:
    """Return objects of a bundle's kinds: nodes are no part of it, and a pool keeps them."""
    return [obj for obj in objects if obj["kind"] != _NODE]


def _described(factory: AIFactory) -> set[str]:
    """Return the component labels of everything in a description that could have objects."""
    components = set()
    for prefix, field in _FIELDS.items():
        for component in getattr(factory, field):
            components.add(f"{prefix}.{component.name}")
    return components


def _costs(prefix: str, component: str, objects: Iterable[Object], usage: Usage) -> Iterable[str]:
    """Yield what is lost or interrupted with a component, a sentence each."""
    namespaces: set[str] = set()
    classes: set[str] = set()
    for obj in objects:
        name = obj["metadata"]["name"]
        if obj["kind"] == "Namespace":
            namespaces.add(name)
        elif obj["kind"] == "StorageClass":
            classes.add(name)
    if namespaces:
        yield from losses_in(namespaces, usage)
    yield from old_class_costs(classes, usage)
    # A local queue has its pool's name, in the namespaces of its zone. A tenant's go with its namespace.
    waiting = [workload for workload in usage.workloads if workload["spec"].get("queueName") == component]
    if prefix == "pool" and waiting:
        yield counted(len(waiting), "workload loses its queue", "workloads lose their queue")
