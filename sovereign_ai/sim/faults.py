"""Faults of simulated GPUs: the effects of an Xid on a node, as the cluster sees them.

An Xid that an application causes (13, 31, 43, 45, 69) is only recorded, by a device taint without effect, as
NVIDIA's DRA driver does (kubernetes-sigs/dra-driver-nvidia-gpu, pull 1457). A hardware Xid takes the GPU out:
its devices are tainted by a DeviceTaintRule, the node offers fewer devices, reports that in a condition, and
is tainted so that nothing new is placed on it (NVIDIA Xid catalogue: the resolution bucket decides between
the two). `heal` undoes all of it.

    inject(api, factory, plan, "train-001", gpu=3, xid=79)
    faults(api, factory)        # {('train-001', 3): 79}
    heal(api, factory, plan, "train-001")
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sovereign_ai.catalog.vendors import FaultCodes, vendors
from sovereign_ai.cluster.api import Api, delete_as_read, retry_on_conflict
from sovereign_ai.errors import Problem, UsageError, nearest
from sovereign_ai.names import KEYS, OWNER, label
from sovereign_ai.plan import Plan
from sovereign_ai.sim.difference import FAULT, as_read
from sovereign_ai.sim.factory import RULE, selector
from sovereign_ai.sim.fault_reports import NODE_LABEL, is_awaiting_parts, node_of, withdraw
from sovereign_ai.sim.machine import Machine, machines
from sovereign_ai.sim.slices import device_names
from sovereign_ai.spec import AIFactory

CONDITION = "GpuFault"
"""The condition that a node with a broken GPU reports."""
_MANAGER = "sovereign-ai-fault"
_XID, _GPU = f"{KEYS.domain}/xid", f"{KEYS.domain}/gpu"


def inject(api: Api, factory: AIFactory, plan: Plan, node: str, *, gpu: int, xid: int) -> bool:
    """Let a GPU report an Xid.

    Args:
        api: the cluster.
        factory: the description.
        plan: the plan.
        node: the machine's name.
        gpu: the GPU's index.
        xid: the Xid.

    Returns:
        Whether the GPU is out of use; False if the Xid is one that leaves it healthy.

    Raises:
        UsageError: no such machine, GPU or Xid, or its vendor has no Xids.
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    return inject_into(api, factory, machine_of(plan, node), gpu=gpu, xid=xid)


def inject_into(api: Api, factory: AIFactory, machine: Machine, *, gpu: int, xid: int) -> bool:
    """Let a GPU of a machine report an Xid, as `inject` does.

    Raises:
        UsageError: no such GPU or Xid, or its vendor has no Xids.
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    codes = _checked_codes(machine, gpu, xid)
    for name in _devices_of(machine, gpu):
        api.apply(_rule(factory, machine, gpu, xid, name), field_manager=_MANAGER, force=True)
    if xid in codes.application:
        return False
    # Read back, for other GPUs of the node may be broken already.
    _mark(api, machine, faults(api, factory, machine.node.name))
    return True


def heal(api: Api, factory: AIFactory, plan: Plan, node: str) -> int:
    """Repair every GPU of a node.

    Returns:
        The number of GPUs that had an Xid.

    Raises:
        UsageError: no such machine.
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    return heal_machine(api, factory, machine_of(plan, node))


def heal_machine(api: Api, factory: AIFactory, machine: Machine, more: Collection[str] = ()) -> int:
    """Repair every GPU of a machine, and let the machine report that it is well, as `heal` does.

    Nothing is repaired before the moment that the fault's report names: no reset helps until then.

    Args:
        api: the cluster.
        factory: the description.
        machine: the machine.
        more: types of conditions that are a fault of it too, such as those of its policy.

    Returns:
        The number of GPUs that had an Xid.

    Raises:
        UsageError: the machine is not in the cluster.
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    node = machine.node.name
    live = node_of(api, node)
    if is_awaiting_parts(live, datetime.now(UTC)):
        return 0
    rules = _rules(api, factory, node)
    for rule in rules:
        delete_as_read(api, *RULE, rule["metadata"])
    # Of a thousand machines that lost their power none has a fault of its own to take back.
    if _is_marked(live):
        _mark(api, machine, {})
        live = node_of(api, node)
    withdraw(api, live, more)
    return len(_xids(rules))


def faults(api: Api, factory: AIFactory, node: str = "") -> dict[tuple[str, int], int]:
    """Return the GPUs that reported an Xid, of one machine or of all: machine and index to Xid."""
    return _xids(_rules(api, factory, node))


def _rules(api: Api, factory: AIFactory, node: str) -> list[dict[str, Any]]:
    """Return the DeviceTaintRules that report faults of one machine; of all where none is named."""
    wanted = selector(factory.name) + (f",{NODE_LABEL}={node}" if node else "")
    return api.list(*RULE, label_selector=wanted)


def _xids(rules: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], int]:
    """Return the GPUs of which rules report an Xid, by machine and index."""
    xids: dict[tuple[str, int], int] = {}
    for rule in rules:
        labels = rule["metadata"]["labels"]
        # Other rules of the factory have no Xid.
        if _XID in labels:
            xids[labels[NODE_LABEL], int(labels[_GPU])] = int(labels[_XID])
    return xids


def takes_out(machine: Machine, code: int) -> bool:
    """Return whether a fault takes a GPU of a machine out of use."""
    codes = machine.gpu_vendor.faults if machine.gpu_vendor else None
    return codes is not None and code in codes.hardware


def _checked_codes(machine: Machine, gpu: int, xid: int) -> FaultCodes:
    """Return the codes of a machine's vendor, if the machine can have a fault.

    Raises:
        UsageError: it cannot.
    """
    codes = machine.gpu_vendor.faults if machine.gpu_vendor else None
    if codes is None:
        raise UsageError(_no_codes(machine))
    if not 0 <= gpu < machine.node.gpus:
        last = machine.node.gpus - 1
        hint = f"GPUs of {machine.node.name} are numbered 0 to {last}" if last >= 0 else "it has none at all"
        raise UsageError(Problem("fault-unknown", f"{machine.node.name} has no GPU {gpu}", hint=hint))
    if xid not in codes.application | codes.hardware:
        known = ", ".join(str(number) for number in sorted(codes.application | codes.hardware))
        hint = f"simulated are {known}"
        raise UsageError(Problem("fault-unknown", f"{codes.word} {xid} is not simulated", hint=hint))
    return codes


def _no_codes(machine: Machine) -> Problem:
    """Return the problem of a machine whose vendor's driver reports no faults by code."""
    words = []
    titles = []
    for row in vendors():
        if row.faults:
            words.append(f"{row.faults.word}s are {row.title}'s")
            titles.append(row.title)
    makers = " or ".join(titles)
    hint = f"{', '.join(words)}; break a GPU of a pool with {makers} GPUs"
    return Problem("fault-unknown", f"{machine.node.name} has no {makers} GPUs", hint=hint)


def machine_of(plan: Plan, name: str) -> Machine:
    """Return the machine of a name.

    Raises:
        UsageError: the plan has none.
    """
    for cluster in plan.clusters:
        for machine in machines(plan, cluster.name):
            if machine.node.name == name:
                return machine
    hint = nearest(name, [node.name for node in plan.nodes])
    raise UsageError(Problem("machine-unknown", f"the plan has no machine {name!r}", hint=hint))


def _devices_of(machine: Machine, gpu: int) -> list[str]:
    """Return the names of a GPU's devices: its own, or those of its MIG instances."""
    first = gpu * machine.instances
    return device_names(machine)[first : first + machine.instances]


def _rule(factory: AIFactory, machine: Machine, gpu: int, xid: int, device: str) -> dict[str, Any]:
    """Return the rule that taints one device."""
    node = machine.node.name
    # The labels are the record of the fault, from which `faults` reads it.
    labels = {KEYS.owner: OWNER, KEYS.factory: factory.name, NODE_LABEL: node, _GPU: str(gpu), _XID: str(xid)}
    selected = {"driver": machine.dra_driver, "pool": node, "device": device}
    effect = "NoSchedule" if takes_out(machine, xid) else "None"
    return {
        "apiVersion": RULE[0],
        "kind": RULE[1],
        "metadata": {"name": label("fault", node, device), "labels": labels},
        "spec": {
            "deviceSelector": selected,
            "taint": {"key": FAULT, "value": f"xid-{xid}", "effect": effect},
        },
    }


def _mark(api: Api, machine: Machine, faults: dict[tuple[str, int], int]) -> None:
    """Write a node's taint, condition and resources by its broken GPUs.

    Raises:
        UsageError: the node is not in the cluster.
    """
    # The repair controller, the node controller and KWOK write the same lists.
    retry_on_conflict(partial(_mark_as_read, api, machine, faults))


def _mark_as_read(api: Api, machine: Machine, faults: dict[tuple[str, int], int]) -> None:
    """Do so once, on the version that is read.

    Raises:
        UsageError: the node is not in the cluster.
        ApiError: the server refused; with a conflict where the node changed since it was read.
    """
    name = machine.node.name
    broken = {}
    for (node, gpu), xid in faults.items():
        if node == name and takes_out(machine, xid):
            broken[gpu] = xid
    live = node_of(api, name)
    head = {"apiVersion": "v1", "kind": "Node", "metadata": as_read(live)}
    # The list is applied whole, so that the taints of others are stated as well.
    taints = _without(live["spec"].get("taints"), "key", FAULT)
    if broken:
        taints.append({"key": FAULT, "value": f"xid-{max(broken.values())}", "effect": "NoSchedule"})
    live = api.apply({**head, "spec": {"taints": taints}}, field_manager=_MANAGER, force=True)
    conditions = _without(live["status"].get("conditions"), "type", CONDITION)
    conditions.append(_condition(machine, broken))
    # A broken GPU takes all its instances with it.
    offered = machine.devices - len(broken) * machine.instances
    allocatable = dict(live["status"]["allocatable"])
    if machine.part.resource:
        allocatable[machine.part.resource] = str(offered)
    status = {"conditions": conditions, "allocatable": allocatable}
    api.update_status({**head, "metadata": as_read(live), "status": status})


def _is_marked(node: Mapping[str, Any]) -> bool:
    """Return whether a Node says of itself that a GPU is broken: by its taint, or by its condition."""
    if any(taint["key"] == FAULT for taint in (node.get("spec") or {}).get("taints") or ()):
        return True
    conditions = (node.get("status") or {}).get("conditions") or ()
    return any(row["type"] == CONDITION and row["status"] == "True" for row in conditions)


def _without(rows: list[dict[str, Any]] | None, field: str, value: str) -> list[dict[str, Any]]:
    """Return the rows in which a field has another value."""
    return [row for row in rows or [] if row[field] != value]


def _condition(machine: Machine, broken: dict[int, int]) -> dict[str, str]:
    """Return the condition of a node with these broken GPUs, each with its fault."""
    codes = machine.gpu_vendor.faults if machine.gpu_vendor else None
    word = codes.word if codes else ""
    texts = [f"GPU {gpu}: {word} {xid}" for gpu, xid in sorted(broken.items())]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": CONDITION,
        "status": "True" if broken else "False",
        "reason": "HardwareFault" if broken else "NoFault",
        "message": ", ".join(texts),
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }
