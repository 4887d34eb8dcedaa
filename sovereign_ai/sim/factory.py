"""Brings the plan's machines to a cluster and keeps them as planned.

`simulate` may be called at any time: what is missing is made, what was changed is restored, what
is ours and no longer planned goes. Only what differs is written, so that a second call writes
nothing. Machines that somebody else made are never touched, and a machine that a real kubelet plays
(`sim/kubelet`) is left to it.

    simulated = simulate(api, factory, plan, "lab", progress=print)
    # lab: 17 machines to make, 0 to mend, 0 to remove
    # lab: 17 of 17 machines ready
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sovereign_ai.cluster.access import Api, ApiError
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.plan.factory import Plan
from sovereign_ai.sim.difference import changes, node_spec, owned_slice
from sovereign_ai.sim.nodes import FAKE, node_objects, with_cache_time
from sovereign_ai.sim.pod_ranges import assign, cluster_range
from sovereign_ai.sim.slices import slice_objects
from sovereign_ai.spec.factory import AIFactory

MANAGER = "sovereign-ai-sim"
"""In whose name fields of simulated objects are applied."""
RULE = ("resource.k8s.io/v1", "DeviceTaintRule")
SLICE = ("resource.k8s.io/v1", "ResourceSlice")
_POLL_SECONDS = 0.2
_WORKERS = 16
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a call found and did.

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
) -> Simulated:
    """Make, mend or remove simulated machines and devices until they are as planned, and wait until they are Ready.

    Args:
        api: the cluster.
        factory: the description.
        plan: what follows from it.
        cluster: which of the plan's clusters this is.
        progress: told one line a step.
        foreign: go on although machines are there that we did not make.
        wait_seconds: how long machines may take to be Ready.

    Raises:
        UsageError: the cluster has machines of others, and `foreign` is not given.
        EnvironmentLacksError: machines did not become Ready: nothing plays them.
        ApiError: the server refused.
        UnreachableError: there was no answer.
        KeyError: the plan has no such cluster.
    """
    live = api.list("v1", "Node")
    real = {str(node["metadata"]["name"]) for node in live if is_played_for_real(node, factory.name)}
    wanted = [node for node in node_objects(factory, plan, cluster) if node["metadata"]["name"] not in real]
    wanted = [_without_address(node) for node in wanted] if real else wanted
    _refuse_foreign(live, wanted, factory, foreign=foreign)
    ours = [node for node in live if is_ours(node, factory.name)]
    nodes = changes(wanted, ours, node_spec)
    fresh = [*nodes.replace, *nodes.make]
    planned = [obj for obj in slice_objects(plan, cluster) if obj["spec"]["nodeName"] not in real]
    going = _uids([*fresh, *nodes.remove])
    kept = owned(planned, {name: uid for name, uid in _uids(ours).items() if name not in going})
    there = [obj for obj in api.list(*SLICE, label_selector=selector(factory.name)) if obj["spec"].get("nodeName") not in real]
    slices = changes(kept, there, owned_slice)
    progress(f"{cluster}: {len(fresh)} machines to make, {len(nodes.mend)} to mend, {len(nodes.remove)} to remove")

    _delete_all(api, [*nodes.remove, *nodes.replace, *slices.remove, *slices.replace])
    ranged = assign(fresh, live, cluster_range(plan, cluster), factory.clusters.pods_per_node)
    noted = [with_cache_time(node, len(live) + number) for number, node in enumerate(ranged, 1)]
    made = _make_all(api, noted, planned, lambda line: progress(f"{cluster}: {line}"))
    api.many((partial(api.create, obj) for obj in (*slices.make, *slices.replace)), workers=_WORKERS)
    api.many((partial(mend, api, obj) for obj in (*nodes.mend, *slices.mend)), workers=_WORKERS)
    names = {node["metadata"]["name"] for node in wanted}
    ready = _wait(api, factory, names, wait_seconds, lambda line: progress(f"{cluster}: {line}"))
    return Simulated(
        cluster=cluster,
        nodes=len(wanted),
        ready=ready,
        slices=len(planned),
        created=made + len(slices.make) + len(slices.replace),
        mended=len(nodes.mend) + len(slices.mend),
        removed=len(nodes.remove) + len(slices.remove),
    )


def remove(api: Api, factory: AIFactory, cluster: str | None = None, *, progress: Callable[[str], object] = lambda _line: None) -> int:
    """Remove every simulated machine and device of a factory; the number of objects removed.

    Namespaces should be gone before: a pod on a machine that is no more is only cleared away by the
    cluster's garbage collection, minutes later.

    Args:
        api: the cluster.
        factory: the description.
        cluster: the plan's name for the cluster, for the progress line.
        progress: told one line.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    found = [*_served(api, SLICE, factory.name), *_served(api, RULE, factory.name)]
    found += [node for node in api.list("v1", "Node", label_selector=selector(factory.name)) if is_simulated(node)]
    _delete_all(api, found)
    progress(f"{cluster or factory.name}: {len(found)} simulated objects removed")
    return len(found)


def selector(factory: str) -> str:
    """Give the label selector of everything of a factory."""
    return f"{KEYS.owner}={OWNER},{KEYS.factory}={factory}"


def _served(api: Api, kind: tuple[str, str], factory: str) -> list[dict[str, Any]]:
    """List what is ours of a kind; nothing where an older server does not serve it."""
    try:
        return api.list(*kind, label_selector=selector(factory))
    except ApiError as error:
        if error.reason == "KindUnknown":
            return []
        raise


def is_simulated(node: dict[str, Any]) -> bool:
    """Tell whether a node is played by KWOK."""
    return bool((node["metadata"].get("annotations") or {}).get(FAKE) == "fake")


def is_played_for_real(node: dict[str, Any], factory: str) -> bool:
    """Tell whether a node is one of this factory that a real kubelet plays."""
    labels = node["metadata"].get("labels") or {}
    return not is_simulated(node) and labels.get(KEYS.owner) == OWNER and labels.get(KEYS.factory) == factory


def _without_address(node: dict[str, Any]) -> dict[str, Any]:
    """Take a simulated machine's address away: beside real ones, somebody would try to reach it, and it leads out of the cluster."""
    addresses = [one for one in node["status"]["addresses"] if one["type"] == "Hostname"]
    return {**node, "status": {**node["status"], "addresses": addresses}}


def is_ours(node: dict[str, Any], factory: str) -> bool:
    """Tell whether a node is a simulated one of this factory."""
    labels = node["metadata"].get("labels") or {}
    return is_simulated(node) and labels.get(KEYS.owner) == OWNER and labels.get(KEYS.factory) == factory


def _refuse_foreign(live: list[dict[str, Any]], wanted: list[dict[str, Any]], factory: AIFactory, *, foreign: bool) -> None:
    """Stop before the first write if somebody else's machines are there, or bear a planned name."""
    others = {node["metadata"]["name"] for node in live if not is_ours(node, factory.name)}
    taken = sorted(others & {node["metadata"]["name"] for node in wanted})
    if taken:
        hint = "remove these nodes, or give the pool another name"
        raise UsageError(Problem("node-taken", f"nodes that are not ours bear planned names: {_some(taken)}", hint=hint))
    real = sorted(node["metadata"]["name"] for node in live if not is_simulated(node))
    if real and not foreign:
        hint = "simulate on an embedded cluster (`sovereign-ai cluster up`), or say that this cluster is meant"
        raise UsageError(
            Problem("cluster-foreign", f"the cluster has {len(real)} machines that are not simulated: {_some(real)}", hint=hint)
        )


def _make_all(api: Api, nodes: list[dict[str, Any]], slices: list[dict[str, Any]], progress: Callable[[str], object]) -> int:
    """Make machines, each with its slices; the number of objects made."""
    by_node: dict[str, list[dict[str, Any]]] = {}
    for obj in slices:
        by_node.setdefault(obj["spec"]["nodeName"], []).append(obj)
    made = 0
    for start in range(0, len(nodes), _BATCH):
        batch = nodes[start : start + _BATCH]
        made += sum(api.many((partial(_make, api, node, by_node.get(node["metadata"]["name"], [])) for node in batch), workers=_WORKERS))
        if len(nodes) > _BATCH:
            progress(f"{start + len(batch)} of {len(nodes)} machines made")
    return made


def _make(api: Api, node: dict[str, Any], slices: list[dict[str, Any]]) -> int:
    """Make one machine and its slices; the number of objects made."""
    name, uid = node["metadata"]["name"], api.create(node)["metadata"]["uid"]
    for obj in owned(slices, {name: uid}):
        api.create(obj)
    return 1 + len(slices)


def _delete_all(api: Api, objects: list[dict[str, Any]]) -> None:
    """Remove objects."""
    api.many((partial(api.delete, obj["apiVersion"], obj["kind"], obj["metadata"]["name"]) for obj in objects), workers=_WORKERS)


def mend(api: Api, obj: dict[str, Any]) -> None:
    """Restore one object, its status apart."""
    status = obj.get("status")
    api.apply({key: value for key, value in obj.items() if key != "status"}, field_manager=MANAGER, force=True)
    if status is not None:
        head = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": {"name": obj["metadata"]["name"]}}
        api.update_status(head | {"status": {key: status[key] for key in ("capacity", "allocatable")}})


def _uids(nodes: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Give nodes' UIDs by name; empty for those that are yet to be made."""
    return {node["metadata"]["name"]: node["metadata"].get("uid", "") for node in nodes}


def owned(slices: Iterable[dict[str, Any]], uids: Mapping[str, str]) -> list[dict[str, Any]]:
    """Give the slices of these nodes, each belonging to its node, so that it goes with it, as with a real driver."""
    found = []
    for obj in slices:
        node = obj["spec"]["nodeName"]
        if node in uids:
            owner = {"apiVersion": "v1", "kind": "Node", "name": node, "uid": uids[node], "controller": True}
            found.append({**obj, "metadata": {**obj["metadata"], "ownerReferences": [owner]}})
    return found


def _wait(api: Api, factory: AIFactory, names: set[str], wait_seconds: float, progress: Callable[[str], object]) -> int:
    """Wait until all machines are Ready; how many they are."""
    deadline = time.monotonic() + wait_seconds
    shown = -1
    while True:
        began = time.monotonic()
        nodes = api.list("v1", "Node", label_selector=selector(factory.name))
        ready = names & {str(node["metadata"]["name"]) for node in nodes if is_ready(node)}
        if len(ready) != shown:
            progress(f"{len(ready)} of {len(names)} machines ready")
            shown = len(ready)
        if len(ready) == len(names):
            return len(ready)
        if began > deadline:
            late = sorted(names - ready)
            hint = "see that KWOK runs (`sovereign-ai cluster status`); without it nothing plays simulated machines"
            raise EnvironmentLacksError(
                Problem("nodes-not-ready", f"{len(late)} machines are not Ready after {wait_seconds:g} s: {_some(late)}", hint=hint)
            )
        time.sleep(_POLL_SECONDS + 2 * (time.monotonic() - began))


def is_ready(node: dict[str, Any]) -> bool:
    """Tell whether a node says that it is Ready and is not on its way out."""
    conditions = node.get("status", {}).get("conditions") or []
    going = node["metadata"].get("deletionTimestamp")
    return not going and any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _some(names: list[str]) -> str:
    """Name the first few."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
