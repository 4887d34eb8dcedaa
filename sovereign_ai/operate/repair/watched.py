"""What a cluster reports of its machines, kept by watches: a fault is known as soon as it is reported.

Held of each object is what a decision reads, and no more: of 1,000 machines with eight GPUs a few megabytes.
However many events a storm brings, a machine has one state; whoever waits for a change is woken once.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from sovereign_ai.cluster import CORDON_OWNER
from sovereign_ai.cluster.api import Api, Follower, UnreachableError
from sovereign_ai.errors import Problem
from sovereign_ai.operate.repair.faults import READY, Object, is_health_event
from sovereign_ai.operate.repair.maintenance import MAINTENANCE_VERSIONS
from sovereign_ai.operate.repair.readiness import READINESS, has_readiness_taint, read_rule
from sovereign_ai.operate.repair.record import ACCEPTANCE, ANNOTATION, HOLD, REPAIRS, REPLACES
from sovereign_ai.operate.repair.view import DRA_VERSIONS, FATAL_CONDITIONS, MAINTENANCE, SPARE, NodeReports

_KEPT_ANNOTATIONS = (ANNOTATION, ACCEPTANCE, REPLACES, REPAIRS, HOLD, CORDON_OWNER)
_LONGEST_VALUE = 4096
"""Letters of an annotation that are kept; a longer one is no record of this controller."""
_STALE = 15.0
"""Seconds without the server after which nothing is decided any more: as long as a lease lasts."""
_FIRST_LISTS, _LOOK = 30.0, 0.1
"""Seconds that the first lists may take before rounds begin, and of a look whether they are there."""
_JOIN = 10.0


class WatchedCluster:
    """The reports of one cluster."""

    def __init__(
        self,
        api: Api,
        machines: Collection[str],
        conditions: Collection[str] = FATAL_CONDITIONS,
        *,
        readiness: bool = False,
    ) -> None:
        """Prepare; nothing is read until `watching`.

        Args:
            api: the cluster.
            machines: the names of the machines whose Nodes are held.
            conditions: the types of the node conditions that are held, beside `Ready`.
            readiness: whether NodeReadinessRules are watched too, and all conditions of machines they taint.
        """
        self._api, self._machines = api, frozenset(machines)
        self._conditions = frozenset(conditions) | {READY, MAINTENANCE}
        self._changed = threading.Event()
        wake = self._changed.set
        self._nodes = Follower(api, ("v1",), "Node", self._kept_node, wake)
        self._rules = Follower(api, DRA_VERSIONS, "DeviceTaintRule", _kept_rule, wake)
        self._slices = Follower(api, DRA_VERSIONS, "ResourceSlice", _kept_slice, wake)
        self._maintenances = [
            Follower(api, (version,), "NodeMaintenance", partial(_kept_maintenance, version), wake)
            for version in MAINTENANCE_VERSIONS
        ]
        self._readiness = [Follower(api, (READINESS,), "NodeReadinessRule", read_rule, wake)]
        if not readiness:
            self._readiness.clear()
        self._followers: tuple[Follower[Any], ...] = (
            self._nodes,
            self._rules,
            self._slices,
            *self._maintenances,
            *self._readiness,
        )

    @contextmanager
    def watching(self) -> Iterator[WatchedCluster]:
        """Watch as long as the block runs."""
        stop = threading.Event()
        threads = []
        for follower in self._followers:
            threads.append(threading.Thread(target=follower.run, args=(stop,), daemon=True, name="watch"))
        for thread in threads:
            thread.start()
        try:
            self._await_lists()
            yield self
        finally:
            stop.set()
            for thread in threads:
                thread.join(_JOIN)

    def _await_lists(self) -> None:
        """Wait until everything was listed once, or something ended a list: the rounds report that."""
        deadline = time.monotonic() + _FIRST_LISTS
        while time.monotonic() < deadline:
            missing = [each for each in self._followers if each.stale_seconds() == math.inf]
            if not missing or any(each.problem for each in missing):
                return
            self._changed.wait(_LOOK)

    def reports(self) -> NodeReports:
        """Return what is reported now.

        Raises:
            ApiError: the server refuses to list or watch.
            UnreachableError: it has not been heard for so long that nothing may be decided.
        """
        for follower in self._followers:
            if follower.stale_seconds() <= _STALE:
                continue
            if follower.problem is not None:
                raise follower.problem
            message = f"{self._api.server} has not listed everything yet"
            raise UnreachableError(Problem("not-listed", message, hint="the next round tries anew"))
        nodes = []
        for version, node in self._nodes.versioned():
            nodes.append({**node, "metadata": {**node["metadata"], "resourceVersion": version}})
        maintenances = [each for follower in self._maintenances for each in follower.objects()]
        readiness = [rule for follower in self._readiness for rule in follower.objects()]
        return NodeReports(nodes, self._rules.objects(), self._slices.objects(), maintenances, readiness)

    def wait(self, seconds: float) -> bool:
        """Wait for a change, and return whether there was one since the last call."""
        has_changed = self._changed.wait(seconds)
        self._changed.clear()
        return has_changed

    def put(self, node: Object) -> None:
        """Hold a Node as the answer to a write of this process has it."""
        self._nodes.put(node)

    def _kept_node(self, node: Object) -> Object | None:
        """Return what decisions read of a Node; None for a Node of nobody's plan."""
        metadata = node["metadata"]
        if metadata["name"] not in self._machines:
            return None
        return _kept_fields(node, self._conditions, every=bool(self._readiness) and has_readiness_taint(node))


def decision_basis(node: Object, conditions: Collection[str], *, readiness: bool) -> Object:
    """Return what decisions read of a Node, to see whether any of it has changed since.

    Of its taints these are a spare's and those of NodeReadinessRules. A write that changes one of them has
    all others as the Node had them at the last look.

    Args:
        node: the Node, as it is held or as the server has it.
        conditions: the types of the node conditions that are held, beside `Ready`.
        readiness: whether taints of NodeReadinessRules are read.
    """
    is_unready = readiness and has_readiness_taint(node)
    kept = _kept_fields(node, {*conditions, READY, MAINTENANCE}, every=is_unready)
    taints = []
    for taint in kept["spec"].get("taints") or ():
        is_of_rule = is_unready and has_readiness_taint({"spec": {"taints": [taint]}})
        if is_of_rule or taint.get("key") == SPARE:
            taints.append(taint)
    return {**kept, "spec": {**kept["spec"], "taints": taints}}


def _kept_fields(node: Object, types: Collection[str], *, every: bool) -> dict[str, Any]:
    """Return what decisions read of a Node.

    Args:
        node: the Node.
        types: the types of conditions that are kept, beside those of NVSentinel.
        every: whether all other conditions are kept too.
    """
    metadata = node["metadata"]
    live = metadata.get("annotations") or {}
    annotations = {key: live[key] for key in _KEPT_ANNOTATIONS if len(live.get(key, "")) in _LENGTHS}
    # However long the reason, a person holds the machine.
    if live.get(HOLD):
        annotations[HOLD] = live[HOLD][:_LONGEST_VALUE]
    conditions = []
    for condition in (node.get("status") or {}).get("conditions") or ():
        # One whose type a policy names may be a HealthEvent of NVSentinel to machines of another.
        if is_health_event(condition):
            message = str(condition.get("message") or "")[:_LONGEST_VALUE]
            kept = _fields(condition, ("type", "status", "reason", "lastTransitionTime"))
            conditions.append({**kept, "message": message})
        elif every or condition.get("type") in types:
            conditions.append(_fields(condition, ("type", "status", "lastTransitionTime")))
    # Without its resourceVersion, which changes with each heartbeat and is held beside it.
    return {
        "metadata": {"name": metadata["name"], "uid": metadata.get("uid"), "annotations": annotations},
        "spec": _fields(node.get("spec") or {}, ("unschedulable", "taints")),
        "status": {"conditions": conditions},
    }


_LENGTHS = range(1, _LONGEST_VALUE + 1)


def _kept_rule(rule: Object) -> Object | None:
    """Return what decisions read of a DeviceTaintRule."""
    return {"spec": _fields(rule["spec"], ("deviceSelector", "taint"))}


def _kept_maintenance(api_version: str, live: Object) -> Object | None:
    """Return what decisions read of a NodeMaintenance of an API."""
    kept: dict[str, Any] = {
        "apiVersion": api_version,
        "metadata": _fields(live["metadata"], ("namespace", "name")),
    }
    # A cluster's own definition of the kind may permit anything, and a watch must not end by it.
    spec, status = live.get("spec"), live.get("status")
    if isinstance(spec, Mapping):
        kept["spec"] = _fields(spec, ("nodeName", "requestorID", "additionalRequestors", "reason"))
    listed = status.get("conditions") if isinstance(status, Mapping) else None
    conditions = []
    for condition in listed if isinstance(listed, list) else ():
        if isinstance(condition, Mapping) and condition.get("type") == READY:
            conditions.append(_fields(condition, ("type", "reason")))
    return {**kept, "status": {"conditions": conditions}}


def _kept_slice(live: Object) -> Object | None:
    """Return the devices of a ResourceSlice that have taints; None where none has."""
    devices = []
    for device in live["spec"].get("devices") or ():
        if device.get("taints"):
            devices.append(_fields(device, ("name", "taints")))
    if not devices:
        return None
    return {"spec": {"nodeName": live["spec"].get("nodeName") or "", "devices": devices}}


def _fields(mapping: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return some of a mapping's fields, where it has them."""
    return {name: mapping[name] for name in names if name in mapping}
