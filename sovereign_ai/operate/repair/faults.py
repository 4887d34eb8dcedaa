"""Faults of machines as a cluster reports them: a node that is not ready, node conditions, device taints.

Only reports that a real agent makes are read. A GPU's fault is the Xid of a device taint, whoever wrote it:
the DRA driver in a ResourceSlice, or somebody in a DeviceTaintRule; or what a condition of NVSentinel says.

What an Xid asks for is NVIDIA's: codes of an application never take a machine out of work; after 79 (the GPU
has fallen off the bus) there is nothing left to reset, so that the machine restarts, as it does where the DRA
driver reports a GPU as lost, without an Xid; after any other hardware code a reset of the GPU is tried first
(Xid catalogue, resolution buckets, read 2026-11-29:
https://docs.nvidia.com/deploy/xid-errors/analyzing-xid-catalog.html).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any

from sovereign_ai.catalog.vendors import FaultCodes
from sovereign_ai.operate.repair.record import read_moment

Object = Mapping[str, Any]

READY = "Ready"
NOT_READY = "NotReady"
"""The fault of a machine whose kubelet reports nothing."""
LOST = "GpuLost"
"""The fault of a GPU that answers its driver no more."""
_XID = re.compile(r"(?:^|[^0-9a-z])xid[-_ ]?([0-9]{1,5})(?![0-9])", re.IGNORECASE)
_GPU = re.compile(r"^gpu-([0-9]{1,4})(?![0-9])")
_NO_EFFECT = "None"
_ILL = "IsNotHealthy"
_XID_CHECK, _SWITCH_CHECK = "XID", "SXID"
"""What the name of a check holds that reports numbers of GPUs, and of the switches between them."""
_ACTION = re.compile(r"Recommended Action=([A-Z_]{1,40})")
_ERROR_CODE = re.compile(r"ErrorCode:([0-9]{1,5})(?![0-9])")
_ENTITY = re.compile(r"(?i:\bGPU):([0-9]{1,4})(?![0-9a-z-])")
"""A GPU's index; an event may name its UUID instead, by which no machine's agent resets it."""


class Remedy(IntEnum):
    """What is tried first against a fault; a greater one also does what a smaller one does."""

    NOTHING = 0
    RESET = 1
    """Reset the GPU."""
    REBOOT = 2
    """Restart the machine."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault of a machine.

    Attributes:
        kind: what reported it: the type of a node condition, `Xid`, `SXid` of an NVSwitch, or `GpuLost`.
        gpu: the GPU's index; None for a fault of the whole machine, or of a GPU that nobody named.
        code: the Xid or SXid; 0 for a condition.
        remedy: what is tried first.
    """

    kind: str
    gpu: int | None
    code: int
    remedy: Remedy

    def __str__(self) -> str:
        """Return the fault as a person would say it."""
        where = "" if self.gpu is None else f" on GPU {self.gpu}"
        return f"{self.kind} {self.code}{where}" if self.code else f"{self.kind}{where}"


_ACTIONS = {"NONE": Remedy.NOTHING, "COMPONENT_RESET": Remedy.RESET}
"""What NVSentinel recommends, where it is less than a restart."""


def condition_faults(
    node: Object, fatal: Iterable[str], now: datetime, grace: timedelta
) -> tuple[Fault, ...]:
    """Return the faults that a node's own conditions report.

    Args:
        node: the live Node.
        fatal: types of conditions that are a fault where they are true, such as `KernelDeadlock`.
        now: the moment of the observation.
        grace: how long a node may be not ready before that is a fault: a kubelet that restarts is none.

    Returns:
        One fault a condition, sorted.
    """
    wanted = set(fatal)
    faults = []
    for condition in (node.get("status") or {}).get("conditions") or ():
        kind, status = condition.get("type"), condition.get("status")
        if kind == READY:
            since = read_moment(condition.get("lastTransitionTime"))
            is_fault = status != "True" and (since is None or now - since >= grace)
        else:
            is_fault = kind in wanted and status == "True"
        if is_fault:
            faults.append(Fault(_condition_name(kind), None, 0, Remedy.REBOOT))
        elif is_health_event(condition):
            faults += _health_event_faults(condition)
    return tuple(sorted(faults, key=str))


def is_health_event(condition: Object) -> bool:
    """Return whether a node condition is a fatal HealthEvent of NVSentinel.

    Its platform connector writes the check's name as the type, `<check>IsNotHealthy` as the reason, and
    `ErrorCode:… <entity>:… … Recommended Action=…;` for each event as the message; events that are not fatal
    are no conditions (NVIDIA/NVSentinel, platform-connectors, read 2026-11-27).
    """
    return condition.get("status") == "True" and condition.get("reason") == f"{condition.get('type')}{_ILL}"


def _health_event_faults(condition: Object) -> list[Fault]:
    """Return the faults of a condition of NVSentinel, by the actions that its events recommend."""
    faults: set[Fault] = set()
    check = str(condition.get("type"))
    text, began = str(condition.get("message") or ""), 0
    # What an event says may hold semicolons itself; only its action is sure to end it.
    for action in _ACTION.finditer(text):
        event, began = text[began : action.start()], action.end()
        # An action without a meaning here is what a restart begins with.
        remedy = _ACTIONS.get(action[1], Remedy.REBOOT)
        if remedy:
            faults.add(_event_fault(check, event, remedy))
    return list(faults)


def _event_fault(check: str, event: str, remedy: Remedy) -> Fault:
    """Return the fault of one event of a condition."""
    code, gpu = _ERROR_CODE.search(event), _ENTITY.search(event)
    index = int(gpu[1]) if gpu else None
    if code is None or _XID_CHECK not in check.upper():
        return Fault(check, index, 0, remedy)
    # Numbers of NVSwitches are others than those of GPUs. By its capitals: SysLogsXIDError has these letters.
    return Fault("SXid" if _SWITCH_CHECK in check else "Xid", index, int(code[1]), remedy)


def taint_faults(
    rules: Iterable[Object], slices: Iterable[Object], codes: Mapping[str, FaultCodes]
) -> dict[str, tuple[Fault, ...]]:
    """Return the faults that device taints report, by machine.

    A taint without effect is information. An Xid that no table knows takes the GPU out, since whoever tainted
    it with an effect knew more.

    Args:
        rules: live DeviceTaintRules.
        slices: live ResourceSlices.
        codes: machine to the codes of its GPUs' vendor; others are not looked at.

    Returns:
        The machine's name to its faults, sorted; a machine without one is left out.
    """
    faults: dict[str, set[Fault]] = {}
    for node, device, taint in _device_taints(rules, slices):
        fault = _taint_fault(taint, device, codes[node]) if node in codes else None
        if fault:
            faults.setdefault(node, set()).add(fault)
    ordered = {}
    for name, reported in faults.items():
        ordered[name] = tuple(sorted(reported, key=str))
    return ordered


def _device_taints(
    rules: Iterable[Object], slices: Iterable[Object]
) -> Iterator[tuple[str, str | None, Object]]:
    """Yield the machine, device and taint of each taint of a device."""
    for rule in rules:
        spec = rule["spec"]
        selected = spec.get("deviceSelector") or {}
        # A selector without a pool means devices of many machines, of which none is named.
        yield selected.get("pool") or "", selected.get("device"), spec.get("taint") or {}
    for slice_ in slices:
        spec = slice_["spec"]
        for device in spec.get("devices") or ():
            for taint in device.get("taints") or ():
                yield spec.get("nodeName") or "", device.get("name"), taint


def remedy_for(code: int, codes: FaultCodes) -> Remedy:
    """Return what is tried first against an Xid."""
    if code in codes.application:
        return Remedy.NOTHING
    return Remedy.REBOOT if code in codes.restart else Remedy.RESET


def _taint_fault(taint: Object, device: str | None, codes: FaultCodes) -> Fault | None:
    """Return the fault of a device taint; None where it reports nothing that takes the device out."""
    if taint.get("effect") in {None, _NO_EFFECT}:
        return None
    index = gpu_index(device)
    key = str(taint.get("key") or "")
    if key.rpartition("/")[2] == codes.lost:
        return Fault(LOST, index, 0, Remedy.REBOOT)
    match = _XID.search(f"{key} {taint.get('value') or ''}")
    if match is None:
        return None
    code = int(match[1])
    remedy = remedy_for(code, codes)
    return Fault("Xid", index, code, remedy) if remedy else None


def gpu_index(device: object) -> int | None:
    """Return the index of a GPU, or of the one that a partition is of, by its device's name."""
    matched = _GPU.match(device) if isinstance(device, str) else None
    return int(matched[1]) if matched else None


def _condition_name(kind: object) -> str:
    """Return the name of a fault that a condition reports."""
    return NOT_READY if kind == READY else str(kind)
