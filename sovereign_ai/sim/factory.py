"""Brings the plan's machines to a cluster and keeps them as planned.

`simulate` may be called at any time: what is missing is made, what was changed is restored, what
is ours and no longer planned goes. Only what differs is written, so that a second call writes
nothing. Machines that somebody else made are never touched.

    simulated = simulate(api, factory, plan, "lab", progress=print)
    # lab: 17 machines to make, 0 to mend, 0 to remove
    # lab: 17 of 17 machines ready
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from sovereign_ai.cluster.access import Api
from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError
from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.plan.factory import Plan
from sovereign_ai.sim.difference import Change, changes, node_spec, owned_slice
from sovereign_ai.sim.nodes import FAKE, node_objects
from sovereign_ai.sim.slices import slice_objects
from sovereign_ai.spec.factory import AIFactory

MANAGER = "sovereign-ai-sim"
"""In whose name fields of simulated objects are applied."""
SLICE = ("resource.k8s.io/v1", "ResourceSlice")
_POLL_SECONDS, _SLOWEST_POLL_SECONDS = 0.2, 1.0
_WORKERS = 16


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
    wanted = node_objects(factory, plan, cluster)
    live = api.list("v1", "Node")
    _refuse_foreign(live, wanted, factory, foreign=foreign)
    ours = [node for node in live if is_ours(node, factory.name)]
    nodes = changes(wanted, ours, node_spec)
    counted = (len(nodes.make), len(nodes.mend), len(nodes.remove) + len(nodes.replace))
    progress(f"{cluster}: {counted[0]} machines to make, {counted[1]} to mend, {counted[2]} to remove")
    _write(api, nodes)
    names = {node["metadata"]["name"] for node in wanted}
    ready = _wait(api, factory, names, wait_seconds, lambda line: progress(f"{cluster}: {line}"))
    planned = _with_owners(slice_objects(plan, cluster), ready)
    slices = changes(planned, api.list(*SLICE, label_selector=selector(factory.name)), owned_slice)
    _write(api, slices)
    progress(f"{cluster}: {len(planned)} device lists as planned")
    both = (nodes, slices)
    return Simulated(
        cluster=cluster,
        nodes=len(wanted),
        ready=len(ready),
        slices=len(planned),
        created=sum(len(change.make) + len(change.replace) for change in both),
        mended=sum(len(change.mend) for change in both),
        removed=sum(len(change.remove) for change in both),
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
    found = [*api.list(*SLICE, label_selector=selector(factory.name))]
    found += [node for node in api.list("v1", "Node", label_selector=selector(factory.name)) if is_simulated(node)]
    api.many((partial(_delete, api, obj) for obj in found), workers=_WORKERS)
    progress(f"{cluster or factory.name}: {len(found)} simulated objects removed")
    return len(found)


def selector(factory: str) -> str:
    """Give the label selector of everything of a factory."""
    return f"{KEYS.owner}={OWNER},{KEYS.factory}={factory}"


def is_simulated(node: dict[str, Any]) -> bool:
    """Tell whether a node is played by KWOK."""
    return bool((node["metadata"].get("annotations") or {}).get(FAKE) == "fake")


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


def _write(api: Api, change: Change) -> None:
    """Bring a difference to the cluster: first room, then what is missing, then what is wrong."""
    api.many((partial(_delete, api, obj) for obj in (*change.remove, *change.replace)), workers=_WORKERS)
    api.many((partial(api.create, obj) for obj in (*change.make, *change.replace)), workers=_WORKERS)
    api.many((partial(_mend, api, obj) for obj in change.mend), workers=_WORKERS)


def _mend(api: Api, obj: dict[str, Any]) -> None:
    """Restore one object, its status apart."""
    status = obj.get("status")
    api.apply({key: value for key, value in obj.items() if key != "status"}, field_manager=MANAGER, force=True)
    if status is not None:
        head = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": {"name": obj["metadata"]["name"]}}
        api.update_status(head | {"status": {key: status[key] for key in ("capacity", "allocatable")}})


def _delete(api: Api, obj: dict[str, Any]) -> None:
    """Remove one object."""
    api.delete(obj["apiVersion"], obj["kind"], obj["metadata"]["name"])


def _with_owners(slices: list[dict[str, Any]], uids: dict[str, str]) -> list[dict[str, Any]]:
    """Let each slice belong to its node, so that it goes with it, as with a real driver."""
    for obj in slices:
        node = obj["spec"]["nodeName"]
        owner = {"apiVersion": "v1", "kind": "Node", "name": node, "uid": uids[node], "controller": True}
        obj["metadata"]["ownerReferences"] = [owner]
    return slices


def _wait(api: Api, factory: AIFactory, names: set[str], wait_seconds: float, progress: Callable[[str], object]) -> dict[str, str]:
    """Wait until all machines are Ready; name to UID."""
    deadline = time.monotonic() + wait_seconds
    pause, shown = _POLL_SECONDS, -1
    while True:
        nodes = api.list("v1", "Node", label_selector=selector(factory.name))
        ready = {node["metadata"]["name"]: node["metadata"].get("uid", "") for node in nodes if is_ready(node)}
        ready = {name: uid for name, uid in ready.items() if name in names}
        if len(ready) != shown:
            progress(f"{len(ready)} of {len(names)} machines ready")
            shown = len(ready)
        if len(ready) == len(names):
            return ready
        if time.monotonic() > deadline:
            late = sorted(names - set(ready))
            hint = "see that KWOK runs (`sovereign-ai cluster status`); without it nothing plays simulated machines"
            raise EnvironmentLacksError(
                Problem("nodes-not-ready", f"{len(late)} machines are not Ready after {wait_seconds:g} s: {_some(late)}", hint=hint)
            )
        time.sleep(pause)
        pause = min(pause * 1.5, _SLOWEST_POLL_SECONDS)


def is_ready(node: dict[str, Any]) -> bool:
    """Tell whether a node says that it is Ready and is not on its way out."""
    conditions = node.get("status", {}).get("conditions") or []
    going = node["metadata"].get("deletionTimestamp")
    return not going and any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _some(names: list[str]) -> str:
    """Name the first few."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
