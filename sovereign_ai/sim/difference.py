"""What must be made, mended, replaced and removed so that live objects are as planned.

Only fields that we state are looked at: a label that somebody added to a node stays, one of ours
that was changed is restored. Taints are the exception: the cluster's own (`node.kubernetes.io/…`) stay,
any other that is not planned goes, for a taint says where work may run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sovereign_ai.names import KEYS

FAULT = f"{KEYS.domain}/fault"
"""The taint of an injected fault."""
THEIRS = ("node.kubernetes.io/", "node.cloudprovider.kubernetes.io/", FAULT)
"""Taints that the cluster's controllers, or an injected fault, put on a node."""

Judge = Callable[[Mapping[str, Any], Mapping[str, Any]], dict[str, Any] | str | None]
"""Compares wanted and live: None if equal, a text if it can only be replaced, else the object to apply."""


@dataclass(frozen=True, slots=True)
class Change:
    """The way from what is to what is planned.

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


def changes(wanted: Iterable[dict[str, Any]], live: Iterable[dict[str, Any]], judge: Judge) -> Change:
    """Compare by name."""
    found = {obj["metadata"]["name"]: obj for obj in live}
    make, mend, replace = [], [], []
    for obj in wanted:
        there = found.pop(obj["metadata"]["name"], None)
        if there is None:
            make.append(obj)
            continue
        verdict = judge(obj, there)
        if isinstance(verdict, str):
            replace.append(obj)
        elif verdict is not None:
            mend.append(verdict)
    return Change(tuple(make), tuple(mend), tuple(replace), tuple(found.values()))


def node_spec(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any] | str | None:
    """Compare a node: labels and annotations that we state, taints, resources; a provider ID cannot be changed."""
    if live["spec"].get("providerID") not in {None, "", wanted["spec"]["providerID"]}:
        return "spec.providerID"
    theirs = [taint for taint in live["spec"].get("taints") or [] if str(taint["key"]).startswith(THEIRS)]
    taints = _taints(wanted["spec"].get("taints", []))
    faulty = any(taint["key"] == FAULT for taint in theirs)
    same = (
        _holds(live["metadata"].get("labels"), wanted["metadata"]["labels"])
        and _holds(live["metadata"].get("annotations"), wanted["metadata"]["annotations"])
        and live["spec"].get("providerID") == wanted["spec"]["providerID"]
        and _taints(live["spec"].get("taints") or []) - _taints(theirs) == taints
        and _holds(live["status"].get("capacity"), wanted["status"]["capacity"])
        and (faulty or _holds(live["status"].get("allocatable"), wanted["status"]["allocatable"]))
    )
    if same:
        return None
    return {**wanted, "spec": {**wanted["spec"], "taints": [*wanted["spec"].get("taints", []), *theirs]}}


def owned_slice(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any] | str | None:
    """Compare a ResourceSlice: its devices, and the node that it belongs to; driver, pool and node cannot be changed."""
    for key in ("driver", "nodeName"):
        if live["spec"].get(key) != wanted["spec"][key]:
            return f"spec.{key}"
    owners = [owner.get("uid") for owner in live["metadata"].get("ownerReferences") or []]
    if owners != [owner["uid"] for owner in wanted["metadata"]["ownerReferences"]]:
        return "metadata.ownerReferences"
    pool = live["spec"]["pool"]
    same = (
        live["spec"].get("devices") == wanted["spec"]["devices"]
        and pool["resourceSliceCount"] == wanted["spec"]["pool"]["resourceSliceCount"]
        and _holds(live["metadata"].get("labels"), wanted["metadata"]["labels"])
    )
    if same:
        return None
    generation = {**wanted["spec"]["pool"], "generation": pool["generation"] + 1}
    return {**wanted, "spec": {**wanted["spec"], "pool": generation}}


def _holds(live: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> bool:
    """Tell whether all that is stated is there."""
    there = live or {}
    return all(there.get(key) == value for key, value in wanted.items())


def _taints(taints: Iterable[Mapping[str, Any]]) -> set[tuple[str, str, str]]:
    """Taints as a set."""
    return {(str(taint["key"]), str(taint.get("value", "")), str(taint["effect"])) for taint in taints}
