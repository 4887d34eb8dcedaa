"""Simulated machines of a plan on a cluster: made, restored and removed until they are as planned.

`simulate` may be called at any time. What is missing is made, what was changed is restored, and objects of
this factory that are no longer planned are removed. Only what differs is written, so a second call writes
nothing. Nodes of others are never touched, and a node that a real kubelet plays (`sim/kubelet`) is left to
it.

    simulated = simulate(api, factory, plan, "lab", progress=print)
    # lab: 17 machines to make, 0 to restore, 0 to remove
    # lab: 17 of 17 machines ready
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from ipaddress import IPv4Network
from typing import Any

from sovereign_ai.cluster import evictable_pods_on
from sovereign_ai.cluster.api import Api, ApiError, delete_as_read, list_if_served
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS, NODE_WRITER, OWNER
from sovereign_ai.plan import Plan, with_control_plane
from sovereign_ai.sim.difference import ObjectChange, changes, node_spec, owned_slice
from sovereign_ai.sim.nodes import FAKE, node_objects, with_cache_time
from sovereign_ai.sim.pod_ranges import assign, cluster_range, has_control_plane, is_within
from sovereign_ai.sim.slices import slice_objects
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted
from sovereign_ai.toolchain import polling

MANAGER = "sovereign-ai-sim"
"""The field manager of simulated objects."""
RULE = ("resource.k8s.io/v1", "DeviceTaintRule")
SLICE = ("resource.k8s.io/v1", "ResourceSlice")
_MERGE = "application/merge-patch+json"
_GONE, _CONFLICT = 404, 409
_RESTORED = ("capacity", "allocatable", "addresses", "nodeInfo")
"""Parts of a node's status that are stated; the rest is KWOK's."""
_POLL_SECONDS = 0.2
_WORKERS = 16
_BATCH = 500
_MOST_NAMED = 5


@frozen_dataclass
class SimulatedFactory:
    """What a call of `simulate` did, and what it observed.

    Attributes:
        cluster: the plan's cluster.
        nodes: machines planned for it.
        ready: machines Ready at the end.
        slices: ResourceSlices planned for it.
        created: objects made.
        mended: objects restored.
        removed: objects removed.
    """

    cluster: str
    nodes: int
    ready: int
    slices: int
    created: int
    mended: int
    removed: int


def simulate(
    api: Api,
    factory: AIFactory,
    plan: Plan,
    cluster: str,
    *,
    progress: Callable[[str], object] = lambda _line: None,
    foreign: bool = False,
    wait_seconds: float = 300,
) -> SimulatedFactory:
    """Make, restore or remove simulated machines until they are as planned, and wait until they are Ready.

    Args:
        api: the cluster.
        factory: the description.
        plan: what follows from it.
        cluster: which of the plan's clusters this is.
        progress: called with one line a step.
        foreign: go on although there are nodes that this package did not make.
        wait_seconds: how long machines may take to be Ready.

    Raises:
        UsageError: the cluster has nodes of others, and `foreign` is not set; or its pod range is too small.
        EnvironmentLacksError: machines did not become Ready: nothing plays them.
        ApiError: the server refused.
        UnreachableError: there was no answer.
        KeyError: the plan has no such cluster.
    """
    pods_per_node = factory.clusters.pods_per_node
    live = api.list("v1", "Node")
    own, real = [], set()
    for node in live:
        if is_simulated_by(node, factory.name):
            own.append(node)
        elif is_real_node_of(node, factory.name):
            real.add(_name(node))
    wanted = _wanted_nodes(factory, plan, cluster, real)
    _refuse_foreign(live, wanted, factory, foreign=foreign)
    pods = _pod_range(factory, plan, cluster, live)
    nodes = changes(wanted, own, partial(_judged, pods, pods_per_node))
    fresh = [*nodes.replace, *nodes.make]
    planned = _of_simulated(slice_objects(plan, cluster), real)
    slices = _slice_changes(api, factory, planned, nodes, own, real)
    machines_text = counted(len(fresh), "machine")
    counts = f"{machines_text} to make, {len(nodes.mend)} to restore, {len(nodes.remove)} to remove"
    progress(f"{cluster}: {counts}")

    # Before the first write, so that a range that is too small changes nothing.
    ranged = assign(fresh, _staying(live, [*fresh, *nodes.remove]), pods, pods_per_node)
    # Deletions come first: a node that is replaced has the name, and its slices the names, of what is made.
    _delete_all(api, [*nodes.remove, *nodes.replace, *slices.remove, *slices.replace])
    _end_work(api, _names(nodes.remove))
    noted = []
    for number, node in enumerate(ranged, 1):
        fresh_node = with_cache_time(node, len(live) + number)
        noted.append(fresh_node)
    # Admission lets no other user state where machines are. Without a node to write nobody has to be
    # impersonated.
    writer = api.acting_as(NODE_WRITER) if noted or nodes.mend else api

    def report(line: str) -> None:
        progress(f"{cluster}: {line}")

    made = _make_all(writer, noted, planned, report)
    missing = (*slices.make, *slices.replace)
    api.many((partial(api.create, obj, upsert=True) for obj in missing), workers=_WORKERS)
    changed = (*nodes.mend, *slices.mend)
    api.many((partial(restore, writer, obj) for obj in changed), workers=_WORKERS)
    ready = _wait(api, factory, _names(wanted), wait_seconds, report)
    return SimulatedFactory(
        cluster=cluster,
        nodes=len(wanted),
        ready=ready,
        slices=len(planned),
        created=made + len(missing),
        mended=len(changed),
        removed=len(nodes.remove) + len(slices.remove),
    )


def _wanted_nodes(factory: AIFactory, plan: Plan, cluster: str, real: set[str]) -> list[dict[str, Any]]:
    """Return the planned nodes that no real kubelet plays."""
    wanted = []
    for node in node_objects(factory, plan, cluster):
        if _name(node) in real:
            continue
        # Beside real nodes, somebody would try to reach a simulated address, and it leads out of the cluster.
        wanted.append(_without_address(node) if real else node)
    return wanted


def _pod_range(factory: AIFactory, plan: Plan, cluster: str, live: Iterable[Mapping[str, Any]]) -> str | None:
    """Return the range that pods of simulated nodes get addresses of; None where the plan has none."""
    pods = cluster_range(plan, cluster)
    if pods is None or not has_control_plane(live):
        return pods
    return str(with_control_plane(IPv4Network(pods), IPv4Network(factory.network.pods)))


def _slice_changes(
    api: Api,
    factory: AIFactory,
    planned: Iterable[dict[str, Any]],
    nodes: ObjectChange,
    own: Iterable[dict[str, Any]],
    real: set[str],
) -> ObjectChange:
    """Return the changes to slices of nodes that stay; slices of new nodes are made with their nodes."""
    going = _uids([*nodes.replace, *nodes.make, *nodes.remove])
    staying = {name: uid for name, uid in _uids(own).items() if name not in going}
    live = api.list(*SLICE, label_selector=selector(factory.name))
    return changes(owned(planned, staying), _of_simulated(live, real), owned_slice)


def _of_simulated(slices: Iterable[dict[str, Any]], real: set[str]) -> list[dict[str, Any]]:
    """Return the slices of simulated nodes; those of real ones are published by the agent beside kubelets."""
    return [obj for obj in slices if obj["spec"].get("nodeName") not in real]


def remove(
    api: Api,
    factory: AIFactory,
    cluster: str | None = None,
    *,
    progress: Callable[[str], object] = lambda _line: None,
) -> int:
    """Remove every simulated machine and device of a factory.

    Namespaces should be gone before: a pod on a node that no longer exists is only removed by the cluster's
    garbage collection, minutes later.

    Args:
        api: the cluster.
        factory: the description.
        cluster: the plan's name for the cluster, for the progress line.
        progress: called with one line.

    Returns:
        The number of objects removed.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    simulated: list[dict[str, Any]] = []
    for kind in (SLICE, RULE):
        simulated += list_if_served(api, *kind, selector(factory.name))
    nodes = api.list("v1", "Node", label_selector=selector(factory.name))
    simulated += [node for node in nodes if is_simulated(node)]
    _delete_all(api, simulated)
    progress(f"{cluster or factory.name}: {counted(len(simulated), 'simulated object')} removed")
    return len(simulated)


def selector(factory: str) -> str:
    """Return the label selector of every object of a factory."""
    return f"{KEYS.owner}={OWNER},{KEYS.factory}={factory}"


def is_simulated(node: dict[str, Any]) -> bool:
    """Return whether a node is played by KWOK."""
    return bool((node["metadata"].get("annotations") or {}).get(FAKE) == "fake")


def _is_of(node: dict[str, Any], factory: str) -> bool:
    """Return whether a node carries the labels of a factory."""
    labels = node["metadata"].get("labels") or {}
    return labels.get(KEYS.owner) == OWNER and labels.get(KEYS.factory) == factory


def is_real_node_of(node: dict[str, Any], factory: str) -> bool:
    """Return whether a node is one of this factory that a real kubelet plays."""
    return not is_simulated(node) and _is_of(node, factory)


def is_simulated_by(node: dict[str, Any], factory: str) -> bool:
    """Return whether a node is a simulated one of this factory."""
    return is_simulated(node) and _is_of(node, factory)


def _without_address(node: dict[str, Any]) -> dict[str, Any]:
    """Return a node with its host name as its only address."""
    addresses = [address for address in node["status"]["addresses"] if address["type"] == "Hostname"]
    return {**node, "status": {**node["status"], "addresses": addresses}}


def _judged(
    pods: str | None, most: int, wanted: Mapping[str, Any], live: Mapping[str, Any]
) -> dict[str, Any] | str | None:
    """Compare a node; one whose pods have addresses of another range can only be replaced."""
    return node_spec(wanted, live) if is_within(live, pods, most) else "spec.podCIDR"


def _staying(live: Iterable[dict[str, Any]], going: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the nodes that keep their ranges: those that are not about to be replaced or removed."""
    names = _names(going)
    return [node for node in live if _name(node) not in names]


def _name(node: dict[str, Any]) -> str:
    """Return a node's name."""
    return str(node["metadata"]["name"])


def _names(nodes: Iterable[dict[str, Any]]) -> set[str]:
    """Return the names of nodes."""
    return {_name(node) for node in nodes}


def _refuse_foreign(
    live: list[dict[str, Any]], wanted: list[dict[str, Any]], factory: AIFactory, *, foreign: bool
) -> None:
    """Check, before the first write, that no node is of others and no planned name is in use.

    Raises:
        UsageError: one is.
    """
    others, real = set(), []
    for node in live:
        if not is_simulated_by(node, factory.name):
            others.add(_name(node))
        if not is_simulated(node):
            real.append(_name(node))
    conflicts = sorted(_names(wanted) & others)
    if conflicts:
        message = f"nodes of others have planned names: {_some(conflicts)}"
        hint = "remove these nodes, or give the pool another name"
        raise UsageError(Problem("node-taken", message, hint=hint))
    if real and not foreign:
        machines_text = counted(len(real), "machine")
        message = f"the cluster has {machines_text} that are not simulated: {_some(sorted(real))}"
        hint = (
            "simulate on an embedded cluster (`sovereign-ai cluster up`), or state that this cluster is meant"
        )
        raise UsageError(Problem("cluster-foreign", message, hint=hint))


def _make_all(
    api: Api, nodes: list[dict[str, Any]], slices: list[dict[str, Any]], progress: Callable[[str], object]
) -> int:
    """Make nodes, each with its slices, and return the number of objects made."""
    by_node: dict[str, list[dict[str, Any]]] = {}
    for obj in slices:
        by_node.setdefault(obj["spec"]["nodeName"], []).append(obj)
    made = 0
    # Batches, so that a large factory reports its progress.
    for start in range(0, len(nodes), _BATCH):
        batch = nodes[start : start + _BATCH]
        calls = [partial(_make, api, node, by_node.get(_name(node), [])) for node in batch]
        made += sum(api.many(calls, workers=_WORKERS))
        if len(nodes) > _BATCH:
            progress(f"{start + len(batch)} of {counted(len(nodes), 'machine')} made")
    return made


def _make(api: Api, node: dict[str, Any], slices: list[dict[str, Any]]) -> int:
    """Make one node and its slices, and return the number of objects made."""
    created = api.create(node, upsert=True)
    # The slices refer to the node's UID, which the server assigns.
    for obj in owned(slices, {_name(node): created["metadata"]["uid"]}):
        api.create(obj, upsert=True)
    return 1 + len(slices)


def _delete_all(api: Api, objects: list[dict[str, Any]]) -> None:
    """Remove objects."""
    calls = []
    for obj in objects:
        call = partial(delete_as_read, api, obj["apiVersion"], obj["kind"], obj["metadata"])
        calls.append(call)
    api.many(calls, workers=_WORKERS)


def _end_work(api: Api, machines: set[str]) -> None:
    """Remove the pods of machines that are gone, so that their controllers make them again on others.

    A machine that is switched off takes its pods along. The cluster itself would call them running for up to
    a minute (podgc of the controller manager).
    """
    calls = []
    for pods in evictable_pods_on(api, machines).values():
        calls += [partial(_forget_pod, api, pod["metadata"]) for pod in pods]
    api.many(calls, workers=_WORKERS)


def _forget_pod(api: Api, meta: Mapping[str, Any]) -> None:
    """Delete a pod at once, since no kubelet is left to end it."""
    path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": meta["uid"]},
    }
    try:
        api.request("DELETE", path, options)
    except ApiError as error:
        # It is gone, or another one has its name by now.
        if error.status not in {_GONE, _CONFLICT}:
            raise


def restore(api: Api, obj: dict[str, Any]) -> None:
    """Restore one object, and its status apart; a label or a resource with the value None is removed."""
    name = obj["metadata"]["name"]
    labels = obj["metadata"].get("labels") or {}
    kept: dict[str, str] = {}
    gone: dict[str, None] = {}
    for key, value in labels.items():
        if value is None:
            gone[key] = None
        else:
            kept[key] = value
    stated = {**obj, "metadata": {**obj["metadata"], "labels": kept}}
    # A status is written under a path of its own; the server ignores it elsewhere.
    status = stated.pop("status", None)
    api.apply(stated, field_manager=MANAGER, force=True)
    if gone:
        # A node is created and not applied, so applying it without a label does not remove the label.
        patch = {"metadata": {"labels": gone}}
        api.request("PATCH", f"/api/v1/nodes/{name}", patch, content_type=_MERGE)
    if status is not None:
        head = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": {"name": name}}
        restored = {key: status[key] for key in _RESTORED if key in status}
        api.update_status({**head, "status": restored})


def _uids(nodes: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return nodes' UIDs by name; empty for those that are yet to be made."""
    return {node["metadata"]["name"]: node["metadata"].get("uid", "") for node in nodes}


def owned(slices: Iterable[dict[str, Any]], uids: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the slices of some nodes, each owned by its node and so removed with it, as a real driver's is.

    Args:
        slices: slices of any nodes.
        uids: the nodes, each with its UID.
    """
    kept = []
    for obj in slices:
        node = obj["spec"]["nodeName"]
        if node in uids:
            owner = {"apiVersion": "v1", "kind": "Node", "name": node, "uid": uids[node], "controller": True}
            kept.append({**obj, "metadata": {**obj["metadata"], "ownerReferences": [owner]}})
    return kept


def _wait(
    api: Api, factory: AIFactory, names: set[str], wait_seconds: float, progress: Callable[[str], object]
) -> int:
    """Wait until all nodes are Ready, and return how many they are.

    Raises:
        EnvironmentLacksError: some are not Ready in time.
    """
    ready: set[str] = set()
    shown = -1
    # Listing thousands of nodes takes time from the server that is to make them Ready: a third at most.
    for _ in polling(wait_seconds, _POLL_SECONDS, share=2):
        nodes = api.list("v1", "Node", label_selector=selector(factory.name))
        ready = names.intersection(_name(node) for node in nodes if is_ready(node))
        if len(ready) != shown:
            progress(f"{len(ready)} of {counted(len(names), 'machine')} ready")
            shown = len(ready)
        if len(ready) == len(names):
            return len(ready)
    late = sorted(names - ready)
    machines_text = counted(len(late), "machine is", "machines are")
    message = f"{machines_text} not Ready after {wait_seconds:g} s: {_some(late)}"
    hint = "see that KWOK runs (`sovereign-ai cluster status`); without it nothing plays simulated machines"
    raise EnvironmentLacksError(Problem("nodes-not-ready", message, hint=hint))


def is_ready(node: Mapping[str, Any]) -> bool:
    """Return whether a node reports that it is Ready and is not being deleted."""
    if node["metadata"].get("deletionTimestamp"):
        return False
    for condition in node.get("status", {}).get("conditions") or []:
        if condition["type"] == "Ready" and condition["status"] == "True":
            return True
    return False


def _some(names: list[str]) -> str:
    """Return the first few names as a text."""
    text = ", ".join(names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{text} and {more} more" if more > 0 else text
