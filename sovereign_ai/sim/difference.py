"""The objects to make, restore, replace and remove so that live objects are as planned.

Only fields that the plan states are compared: a label that somebody added to a node stays, and a planned one
that was changed is restored. Labels and resources of the vendors' and of this project's domains are removed
where they are not planned any more: nobody else writes them, and a node would keep them from what it was
before. So are taints, except the cluster's own (`node.kubernetes.io/…`), since a taint decides where work may
run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from sovereign_ai.catalog.accelerator import accelerators
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS, MANAGEMENT_ROLE

FAULT = f"{KEYS.domain}/fault"
"""The taint of an injected fault."""
FOREIGN_TAINTS = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/", FAULT)
"""Taints that the cluster's controllers, or an injected fault, put on a node."""

_VENDORS = frozenset(row.resource.partition("/")[0] for row in accelerators())
_RESOURCES = _VENDORS | {"rdma"}
"""Domains of the extended resources that a simulated machine may offer."""
_LABELS = _VENDORS | {KEYS.domain, KEYS.restricted, KEYS.fabric, KEYS.accelerator, MANAGEMENT_ROLE}
"""Labels, and domains of labels, that only a simulated machine itself is given."""

Judge = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any] | str | None]
"""Compares wanted and live: None if equal, a text if it can only be replaced, else the object to apply."""


@frozen_dataclass
class ObjectChange:
    """The changes from live objects to planned ones.

    Attributes:
        make: objects that are missing.
        mend: objects to apply over live ones.
        replace: objects whose live ones must go first, since a field cannot be changed.
        remove: live objects that are not planned.
    """

    make: tuple[dict[str, Any], ...]
    mend: tuple[dict[str, Any], ...]
    replace: tuple[dict[str, Any], ...]
    remove: tuple[dict[str, Any], ...]


def changes(wanted: Iterable[dict[str, Any]], live: Iterable[dict[str, Any]], judge: Judge) -> ObjectChange:
    """Compare objects of one kind by name.

    Args:
        wanted: the planned objects.
        live: the live objects; those that are not planned are removed.
        judge: compares a planned object with the live one of its name.
    """
    unplanned = {obj["metadata"]["name"]: obj for obj in live}
    make, mend, replace = [], [], []
    for obj in wanted:
        current = unplanned.pop(obj["metadata"]["name"], None)
        if current is None:
            make.append(obj)
            continue
        verdict = judge(obj, current)
        if isinstance(verdict, str):
            replace.append(obj)
        elif verdict is not None:
            mend.append(verdict)
    return ObjectChange(tuple(make), tuple(mend), tuple(replace), tuple(unplanned.values()))


def node_spec(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any] | str | None:
    """Compare a node: labels and annotations that the plan states, taints, resources and addresses.

    Returns:
        None if they are equal, the field that cannot be changed if the node must be replaced, or the node to
        apply; a label or a resource that must go has the value None.
    """
    # The API server refuses to change a provider ID, but it may be set where there is none.
    if live["spec"].get("providerID") not in {None, "", wanted["spec"]["providerID"]}:
        return "spec.providerID"
    status, planned = live["status"], wanted["status"]
    labels = _surplus(live["metadata"].get("labels"), wanted["metadata"]["labels"], _LABELS)
    capacity = _surplus(status.get("capacity"), planned["capacity"], _RESOURCES)
    allocatable = _surplus(status.get("allocatable"), planned["allocatable"], _RESOURCES)
    has_surplus = labels or capacity or allocatable
    theirs = taints_of_others(live)
    if not has_surplus and _is_as_stated(wanted, live, theirs):
        return None
    meta = {**wanted["metadata"], "labels": wanted["metadata"]["labels"] | labels}
    # Applied without it, a node that was removed in the meantime would come to be again, without a status.
    if uid := live["metadata"].get("uid"):
        meta["uid"] = uid
    return {
        **wanted,
        "metadata": meta,
        "spec": {**wanted["spec"], "taints": [*wanted["spec"].get("taints", []), *theirs]},
        "status": {
            **planned,
            "capacity": planned["capacity"] | capacity,
            "allocatable": planned["allocatable"] | allocatable,
        },
    }


def _is_as_stated(
    wanted: Mapping[str, Any], live: Mapping[str, Any], theirs: Iterable[Mapping[str, Any]]
) -> bool:
    """Return whether a live node holds all that the plan states of it.

    Args:
        wanted: the planned node.
        live: the live node.
        theirs: the live node's taints of the cluster's controllers and of injected faults.
    """
    metadata, spec, status = live["metadata"], live["spec"], live["status"]
    planned = wanted["status"]
    if not _holds(metadata.get("labels"), wanted["metadata"]["labels"]):
        return False
    if not _holds(metadata.get("annotations"), wanted["metadata"]["annotations"]):
        return False
    own_taints = taint_set(spec.get("taints") or []) - taint_set(theirs)
    if spec.get("providerID") != wanted["spec"]["providerID"]:
        return False
    if own_taints != taint_set(wanted["spec"].get("taints", [])):
        return False
    # An injected fault lowers what a node offers, and must stay until it is healed.
    is_faulty = any(taint["key"] == FAULT for taint in theirs)
    if not is_faulty and not _holds(status.get("allocatable"), planned["allocatable"]):
        return False
    # KWOK fills in what is left empty, as the version of kube-proxy.
    info = {}
    for key, value in planned["nodeInfo"].items():
        is_stated = bool(value)
        if is_stated:
            info[key] = value
    return (
        _holds(status.get("capacity"), planned["capacity"])
        and status.get("addresses") == planned.get("addresses")
        and _holds(status.get("nodeInfo"), info)
    )


def owned_slice(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any] | str | None:
    """Compare a ResourceSlice: its devices, its labels, and the node that owns it.

    Returns:
        None if they are equal, the field that cannot be changed if the slice must be replaced, or the slice
        to apply.
    """
    for key in ("driver", "nodeName"):
        if live["spec"].get(key) != wanted["spec"][key]:
            return f"spec.{key}"
    if _owners(live) != _owners(wanted):
        return "metadata.ownerReferences"
    pool, planned = live["spec"]["pool"], wanted["spec"]["pool"]
    same_devices = live["spec"].get("devices") == wanted["spec"]["devices"]
    same_count = pool["resourceSliceCount"] == planned["resourceSliceCount"]
    if same_devices and same_count and _holds(live["metadata"].get("labels"), wanted["metadata"]["labels"]):
        return None
    # The scheduler ignores slices of older generations, so that it never sees a pool half changed.
    renewed = {**planned, "generation": pool["generation"] + 1}
    return {**wanted, "spec": {**wanted["spec"], "pool": renewed}}


def _owners(obj: Mapping[str, Any]) -> list[str | None]:
    """Return the UIDs of an object's owners."""
    references = obj["metadata"].get("ownerReferences") or []
    return [owner.get("uid") for owner in references]


def taints_of_others(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the taints of a node that the cluster's controllers and injected faults put on it."""
    taints = node["spec"].get("taints") or []
    return [taint for taint in taints if str(taint["key"]).startswith(FOREIGN_TAINTS)]


def _holds(live: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """Return whether a mapping has all that is stated."""
    current = live or {}
    return all(current.get(key) == value for key, value in wanted.items())


def _surplus(
    live: Mapping[str, Any] | None, wanted: Mapping[str, Any], domains: Collection[str]
) -> dict[str, None]:
    """Return the live keys of a list of keys and domains that are not wanted, each with the value None."""
    surplus: dict[str, None] = {}
    for key in live or {}:
        domain, slash, _ = key.partition("/")
        is_own = (domain in domains and slash) or key in domains
        if is_own and key not in wanted:
            surplus[key] = None
    return surplus


def as_read(live: Mapping[str, Any]) -> dict[str, str]:
    """Return the metadata by which the server applies something to an object only as it was read.

    A list that is applied whole would otherwise take back what others wrote since, and an object that was
    removed would come to be again.
    """
    meta = live["metadata"]
    return {key: meta[key] for key in ("name", "uid", "resourceVersion") if key in meta}


def taint_set(taints: Iterable[Mapping[str, Any]]) -> set[tuple[str, str, str]]:
    """Return taints as a set, without the time at which they were added."""
    compared = set()
    for taint in taints:
        value = str(taint.get("value", ""))
        compared.add((str(taint["key"]), value, str(taint["effect"])))
    return compared
