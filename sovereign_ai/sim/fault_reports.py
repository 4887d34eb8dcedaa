"""What the agents of a simulated machine report of faults that are no GPU's own Xid.

Each is reported as a real agent does: a machine without power or with a dead kubelet by its `Ready`
condition, as the node controller writes it; a port or a temperature by a condition of NVSentinel's monitors,
whose form is the check's name, `<check>IsNotHealthy` and `ErrorCode:… Recommended Action=…;`
(NVIDIA/NVSentinel, platform connector, read 2026-11-27); a broken NVLink domain by a taint on all devices of
its machines. A switch that forwards nothing while its ports are up is seen by what is sent through it and
never acknowledged: NVSentinel counts `local_ack_timeout_err`, calls it not fatal, recommends nothing for it
and reports an event of the Node instead of a condition (nic-health-monitor and platform connector, read
2026-11-29).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from sovereign_ai.cluster.api import Api, ApiError, is_outdated, retry_on_conflict
from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.names import KEYS, OWNER, label
from sovereign_ai.sim.difference import FAULT, as_read
from sovereign_ai.sim.machine import Machine
from sovereign_ai.sim.nodes import FAKE

NODE_LABEL = f"{KEYS.domain}/node"
"""The label of a DeviceTaintRule that names the machine whose fault it reports."""
REPAIRED_AT = f"{KEYS.domain}/simulated-repair-at"
"""The annotation of a Node with the moment before which no reset of its hardware helps."""
SILENCED = f"{KEYS.domain}/simulated-silence"
"""The annotation of a Node that KWOK played until it fell silent."""
THERMAL_CHECK = "GpuThermalWatch"
PORT_CHECKS = {"infiniband": "InfiniBandStateCheck", "roce": "EthernetStateCheck"}
"""Kind of fabric to the check of its ports."""
LOSS_CHECKS = {"infiniband": "InfiniBandDegradationCheck", "roce": "EthernetDegradationCheck"}
"""Kind of fabric to the check that counts what is lost at ports that are up."""
_CHECKS = frozenset({THERMAL_CHECK, *PORT_CHECKS.values()})
_MANAGER = "sovereign-ai-fault"


def report_condition(api: Api, node: str, check: str, message: str) -> None:
    """Let a monitor on a machine report that a check failed.

    Raises:
        ApiError: the server refused; status 404 where the machine is not in the cluster.
        UnreachableError: there was no answer.
    """
    _set_conditions(api, node, {check: _condition(check, "True", f"{check}IsNotHealthy", message)})


def stop_kubelet(api: Api, node: str, until: datetime | None = None) -> None:
    """Let nobody play a machine's kubelet any more; its last report stands until somebody notes that.

    Args:
        api: the cluster.
        node: the machine.
        until: until when no reset helps, which is noted as `await_parts` does; None to note nothing.

    Raises:
        ApiError: the server refused; status 404 where the machine is not in the cluster.
        UnreachableError: there was no answer.
    """
    awaited = _awaited_parts(api, node, until) if until is not None else {}
    _annotate(api, node, {FAKE: None, SILENCED: "true", **awaited})


def report_silence(api: Api, node: str) -> None:
    """Let a machine fall silent: nobody plays its kubelet any more, and the node controller notes that.

    Raises:
        ApiError: the server refused; status 404 where the machine is not in the cluster.
        UnreachableError: there was no answer.
    """
    stop_kubelet(api, node)
    note_silence(api, node)


def note_silence(api: Api, node: str) -> None:
    """Note that a machine is silent, as the node controller does.

    Raises:
        ApiError: the server refused; status 404 where the machine is not in the cluster.
        UnreachableError: there was no answer.
    """
    message = "Kubelet stopped posting node status."
    _set_conditions(api, node, {"Ready": _condition("Ready", "Unknown", "NodeStatusUnknown", message)})


def report_loss(api: Api, node: str, check: str, switch: str, until: datetime) -> None:
    """Let a monitor on a machine report that nobody acknowledges what it sends, with its ports up.

    Args:
        api: the cluster.
        node: the machine.
        check: the check that counts this.
        switch: what the message names.
        until: when the loss ends. It names the report too, so that another attempt at it is the same one.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    message = f"ErrorCode:local_ack_timeout_err switch {switch}, whose ports are up Recommended Action=NONE;"
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{node}.{int(until.timestamp() * 1e6):x}", "namespace": "default"},
        # The Node's name as its UID, and the check as the type, are what NVSentinel writes.
        "involvedObject": {"kind": "Node", "name": node, "uid": node},
        "type": check,
        "reason": f"{check}IsNotHealthy",
        "message": message,
        "source": {"component": "nic-health-monitor", "host": node},
        "reportingComponent": "nic-health-monitor",
        "reportingInstance": node,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    api.apply(event, field_manager=_MANAGER, force=True)


def report_domain(api: Api, factory: str, machine: Machine, xid: int) -> None:
    """Let a driver taint all devices of a machine.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    node = machine.node.name
    labels = {KEYS.owner: OWNER, KEYS.factory: factory, NODE_LABEL: node}
    rule = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceTaintRule",
        "metadata": {"name": label("fault", node, "all"), "labels": labels},
        "spec": {
            "deviceSelector": {"driver": machine.dra_driver, "pool": node},
            "taint": {"key": FAULT, "value": f"xid-{xid}", "effect": "NoSchedule"},
        },
    }
    api.apply(rule, field_manager=_MANAGER, force=True)


def await_parts(api: Api, node: str, until: datetime) -> None:
    """Note until when no reset helps; a later moment that is noted already stays.

    Raises:
        ApiError: the server refused; status 404 where the machine is not in the cluster.
        UnreachableError: there was no answer.
    """
    awaited = _awaited_parts(api, node, until)
    if awaited:
        _annotate(api, node, awaited)


def _awaited_parts(api: Api, node: str, until: datetime) -> dict[str, str | None]:
    """Return the annotation that says until when no reset helps; none where a later moment is noted."""
    live = api.get("v1", "Node", node)
    if live is not None and is_awaiting_parts(live, until):
        return {}
    return {REPAIRED_AT: until.astimezone(UTC).isoformat(timespec="milliseconds")}


def is_awaiting_parts(node: Mapping[str, Any], now: datetime) -> bool:
    """Return whether the hardware of a machine, by its Node, is repaired only after a moment."""
    text = (node["metadata"].get("annotations") or {}).get(REPAIRED_AT)
    return text is not None and now < datetime.fromisoformat(text)


def withdraw(api: Api, live: Mapping[str, Any], more: Collection[str] = ()) -> None:
    """Let a simulated machine report that it is well; a real kubelet reports for itself.

    Args:
        api: the cluster.
        live: its Node, as it was read a moment ago.
        more: types of conditions that are a fault of it too, such as those of its policy.

    Raises:
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    node, annotations = live["metadata"]["name"], live["metadata"].get("annotations") or {}
    if FAKE not in annotations and SILENCED not in annotations:
        return
    try:
        _withdraw_conditions(api, live, more)
    except ApiError as error:
        if not is_outdated(error):
            raise
        retry_on_conflict(lambda: _withdraw_conditions(api, node_of(api, node), more))
    if REPAIRED_AT in annotations or SILENCED in annotations:
        _annotate(api, node, {REPAIRED_AT: None, SILENCED: None, FAKE: "fake"})


def _withdraw_conditions(api: Api, live: Mapping[str, Any], more: Collection[str]) -> None:
    """Report the conditions of a Node as well that are faults, on the version that was read."""
    changed = {}
    for condition in (live.get("status") or {}).get("conditions") or ():
        kind = condition["type"]
        if kind in {*_CHECKS, *more} and condition["status"] == "True":
            changed[kind] = _condition(kind, "False", f"{kind}IsHealthy", "No Health Failures")
        elif kind == "Ready" and condition["status"] != "True":
            changed[kind] = _condition(kind, "True", "KubeletReady", "kubelet is posting ready status")
    if changed:
        _write_conditions(api, live, changed)


def _condition(kind: str, status: str, reason: str, message: str) -> dict[str, str]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }


def _set_conditions(api: Api, node: str, changed: Mapping[str, Mapping[str, Any]]) -> None:
    """Write some conditions of a machine's Node, which KWOK and the node controller write too."""
    retry_on_conflict(lambda: _write_conditions(api, node_of(api, node), changed))


def _write_conditions(api: Api, live: Mapping[str, Any], changed: Mapping[str, Mapping[str, Any]]) -> None:
    """Write some conditions of a Node; a merge patch replaces the list, so that the others are stated too."""
    kept = []
    for condition in (live.get("status") or {}).get("conditions") or ():
        if condition["type"] not in changed:
            kept.append(condition)
    head = {"apiVersion": "v1", "kind": "Node", "metadata": as_read(live)}
    api.update_status({**head, "status": {"conditions": [*kept, *changed.values()]}})


def node_of(api: Api, name: str) -> dict[str, Any]:
    """Return a machine's Node as it is now.

    Raises:
        UsageError: it is not in the cluster.
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    live = api.get("v1", "Node", name)
    if live is None:
        hint = "simulate the factory first"
        raise UsageError(Problem("machine-absent", f"{name} is not in the cluster", hint=hint))
    return live


def _annotate(api: Api, node: str, annotations: Mapping[str, str | None]) -> None:
    change = {"metadata": {"annotations": annotations}}
    query, merge = {"fieldManager": _MANAGER}, "application/merge-patch+json"
    api.request("PATCH", f"/api/v1/nodes/{node}", change, query=query, content_type=merge)
