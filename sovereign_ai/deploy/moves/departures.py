"""Which real nodes leave their pool or become other machines, and which of the drained ones have arrived.

Only real nodes count: on a local control plane the simulator removes and creates its own. A node leaves when
the plan does not contain it any more, or contains it in another pool or zone. It becomes another machine when
the description gives its pool another site, hall, region, system, driver, MIG profile or role, or makes it a
spare. What was described before is read from the cluster (`deployed_record.py`) and not from the node: a
driver that somebody updated is drift, and no reason to evict what runs on it.

What is only renamed stays what it is: pods go on running on a node whose zone or site has another name.

A node that leaves gets its new labels, driver or place when its host is configured anew, which is after the
deployment that drained it. The cordon keeps what the node was. A later deployment uncordons it once the node
shows the planned values; where no label of it shows them, a person uncordons it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any

import orjson

from sovereign_ai.cluster import CORDON_OWNER
from sovereign_ai.cluster.api import Snapshot
from sovereign_ai.deploy.live.deployed_record import DeployedRecord, deployed_record
from sovereign_ai.deploy.moves.component_places import as_labelled, places_of
from sovereign_ai.deploy.moves.noted_renames import Renames
from sovereign_ai.deploy.moves.place_renames import RenamedPlaces
from sovereign_ai.deploy.moves.pool_nodes import is_simulated
from sovereign_ai.deploy.moves.renames import planned_renames
from sovereign_ai.deploy.objects import FIELD_MANAGER
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS, MANAGEMENT_ROLE, OWNER
from sovereign_ai.plan import Node, Plan
from sovereign_ai.render.kubernetes import Bundle, machines
from sovereign_ai.spec import AIFactory

Object = Mapping[str, Any]
CORDONED_AS = f"{KEYS.domain}/cordoned-as"
"""The annotation of a drained node with what it was before, as JSON."""
_OWN_MANAGERS = frozenset({FIELD_MANAGER, "python-urllib3"})
"""Field managers under which drains cordon; an older version gave no name, and has that of its library."""
_SPARE = f"{KEYS.domain}/spare"
_COUNTED, _USE = "counted", "use"
_MOST_DIGITS = 9
"""Of a number of machines; a longer one is none."""
_PLACES = ("site", "hall", "region", "zone")
"""Facts that are moves; the others are changes of what a machine is."""


@frozen_dataclass
class Departure:
    """A node that leaves its pool, or becomes another machine.

    Attributes:
        node: the node's name.
        reason: why it leaves, for a person.
        was: what it was before, of the facts that change.
        hidden: facts among these that no label of the node shows.
        uid: the node's, as it was read; empty where that is not known.
    """

    node: str
    reason: str
    was: Mapping[str, str] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    uid: str = field(default="", compare=False)


def departures(
    nodes: Iterable[Object],
    factory: str,
    plan: Plan,
    cluster: str,
    record: DeployedRecord | None = None,
    renamed: RenamedPlaces | None = None,
) -> tuple[Departure, ...]:
    """Return the real nodes of a factory that a plan moves, makes other machines or does not contain.

    Args:
        nodes: live nodes.
        factory: the factory's name.
        plan: the new plan.
        cluster: the plan's name for the cluster.
        record: what was deployed last; left out, nothing that is known.
        renamed: places that have another name and are the same.
    """
    planned = {node.name: node for node in plan.nodes_of(cluster)}
    wanted = machines(plan, cluster)
    before = (record or DeployedRecord()).machines
    leaving = []
    for node in nodes:
        meta = node["metadata"]
        if not is_of_factory(node, factory) or is_simulated(node):
            continue
        name, uid = str(meta["name"]), str(meta.get("uid") or "")
        if name not in planned:
            leaving.append(Departure(name, "the plan does not contain it", uid=uid))
            continue
        target = planned[name]
        pool = (meta.get("labels") or {}).get(KEYS.pool)
        if pool is not None and pool != target.pool:
            leaving.append(Departure(name, f"it moves from pool {pool} to pool {target.pool}", uid=uid))
            continue
        facts = _facts(target, wanted[target.pool])
        departure = _change(node, target, facts, before.get(target.pool, {}), renamed or {})
        if departure is not None:
            leaving.append(departure)
    return tuple(sorted(leaving, key=lambda departure: departure.node))


def departing(
    reading: Snapshot, factory: AIFactory, plan: Plan, bundle: Bundle, noted: Renames | None = None
) -> tuple[Departure, ...]:
    """Return the nodes that a deployment drains on a cluster.

    Args:
        reading: the cluster before the deployment.
        factory: the new description.
        plan: its plan.
        bundle: the objects that are about to be deployed.
        noted: what the run that was begun last took for renamed.

    Raises:
        ApiError: a permission is missing.
        UnreachableError: there was no answer.
    """
    nodes = [node for node in reading.list("v1", "Node") if is_of_factory(node, factory.name)]
    # A local control plane of simulated machines drains none, and reads nothing more for it.
    if all(map(is_simulated, nodes)):
        return ()
    record = deployed_record(reading, factory.name, bundle.cluster)
    leaving = departures(nodes, factory.name, plan, bundle.cluster, record)
    if not any(departure.was.keys() & set(_PLACES) for departure in leaving):
        return leaving
    renames = planned_renames(reading, bundle.objects, factory, plan, bundle.cluster, noted)
    return departures(nodes, factory.name, plan, bundle.cluster, record, renames.places)


def arrivals(
    nodes: Iterable[Object], factory: str, plan: Plan, cluster: str, leaving: Iterable[Departure] = ()
) -> tuple[str, ...]:
    """Return the nodes that a drain cordoned and that are now what a plan has under their names.

    Args:
        nodes: live nodes.
        factory: the factory's name.
        plan: the new plan.
        cluster: the plan's name for the cluster.
        leaving: what this deployment drains: a node whose first change has come may have a further one.
    """
    listed = list(filter(is_cordoned_here, nodes))
    names = {str(node["metadata"]["name"]) for node in listed if is_of_factory(node, factory)}
    names &= {node.name for node in plan.nodes_of(cluster)}
    for departure in (*departures(listed, factory, plan, cluster), *leaving):
        names.discard(departure.node)
    return tuple(sorted(names))


def is_of_factory(node: Object, factory: str) -> bool:
    """Return whether a node carries the labels of a factory."""
    labels = node["metadata"].get("labels") or {}
    return labels.get(KEYS.owner) == OWNER and labels.get(KEYS.factory) == factory


def is_cordoned_here(node: Object) -> bool:
    """Return whether a drain cordoned a node, and not the repair controller or a person."""
    annotations = node["metadata"].get("annotations") or {}
    return is_cordoned(node) and annotations.get(CORDON_OWNER) == OWNER and not _is_cordoned_anew(node)


def is_cordoned(node: Object) -> bool:
    """Return whether anybody cordoned a node."""
    return bool((node.get("spec") or {}).get("unschedulable"))


def _is_cordoned_anew(node: Object) -> bool:
    """Return whether somebody else set a node's cordon last.

    `kubectl uncordon` leaves the annotations of a drain, which are no sign of who cordons the node later. The
    API server records who set the field.
    """
    managers = []
    for entry in node["metadata"].get("managedFields") or ():
        if "f:unschedulable" in ((entry.get("fieldsV1") or {}).get("f:spec") or {}):
            managers.append(entry.get("manager"))
    return bool(managers) and _OWN_MANAGERS.isdisjoint(managers)


def was_before(node: Object) -> dict[str, str]:
    """Return what a cordoned node was before its drain, as the cordon keeps it."""
    if not is_cordoned_here(node):
        return {}
    try:
        kept = orjson.loads((node["metadata"].get("annotations") or {}).get(CORDONED_AS, "{}"))
    except orjson.JSONDecodeError:
        return {}
    return {str(fact): str(value) for fact, value in kept.items()} if isinstance(kept, dict) else {}


def _change(
    node: Object,
    target: Node,
    wanted: Mapping[str, str],
    record: Mapping[str, str],
    renamed: RenamedPlaces,
) -> Departure | None:
    """Return a node's departure where it becomes another machine under its name.

    Args:
        node: the live node.
        target: the planned node of its name.
        wanted: what the plan makes of it.
        record: what was recorded of its pool.
        renamed: places that have another name and are the same.
    """
    shows = _shown(node)
    old = {"zone": shows.get("zone", ""), **_facts(target, record), **was_before(node)}
    was, hidden, reasons = {}, [], []
    for fact, new in wanted.items():
        before = old.get(fact, "")
        planned = as_labelled(fact, new)
        # A driver may be written as its vendor writes it, `580.95.05`, or as a version, `580.95.5`.
        is_same = not before or as_labelled(fact, before) == planned or renamed.get((fact, before)) == new
        if is_same or shows.get(fact) == planned:
            continue
        # A machine that was a spare runs nothing.
        if fact == _USE and new != "spare":
            continue
        was[fact] = before
        if not shows.get(fact):
            hidden.append(fact)
        reasons.append(_reason(fact, before, new))
    if not was:
        return None
    uid = str(node["metadata"].get("uid") or "")
    return Departure(target.name, " and ".join(reasons), was, tuple(hidden), uid)


def _facts(node: Node, pool: Mapping[str, str]) -> dict[str, str]:
    """Return what a pool's facts make of one of its machines; empty where nothing is known of the pool."""
    facts = {fact: value for fact, value in pool.items() if fact != _COUNTED}
    counted = pool.get(_COUNTED, "")
    number = node.name.rpartition("-")[2]
    if counted.isdecimal() and len(counted) <= _MOST_DIGITS and number.isdecimal():
        facts[_USE] = "spare" if int(number) > int(counted) else "work"
    return facts


def _shown(node: Object) -> dict[str, str]:
    """Return what a live node itself shows of the facts."""
    labels = node["metadata"].get("labels") or {}
    shows = {fact: value for fact, value in places_of(node) if value}
    # Only the factory's own identity may write this label, so it is as good as the record.
    if KEYS.zone in labels:
        shows["zone"] = labels[KEYS.zone]
    shows["role"] = "management" if MANAGEMENT_ROLE in labels else "work"
    taints = (node.get("spec") or {}).get("taints") or ()
    shows[_USE] = "spare" if any(taint["key"] == _SPARE for taint in taints) else "work"
    return shows


def _reason(fact: str, before: str, new: str) -> str:
    """Return why a machine is another one, for a person."""
    if fact == _USE:
        return "it becomes a spare"
    if fact in _PLACES:
        return f"it moves from {fact} {before} to {fact} {new}"
    return f"its {fact} changes from {before or 'none'} to {new or 'none'}"


def kept_reasons(departure: Departure) -> Iterator[str]:
    """Yield how a drained node gets open again, for a person."""
    if departure.hidden:
        facts = ", ".join(departure.hidden)
        yield (
            f"no label of {departure.node} shows its {facts}: "
            f"`kubectl uncordon {departure.node}` once it is as described"
        )
