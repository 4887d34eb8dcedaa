"""Faults of simulated GPUs: what an Xid does to a machine, as the cluster sees it.

An Xid of the application's own making (13, 31, 43, 45) is only recorded, by a device taint without
effect, as NVIDIA's DRA driver does (kubernetes-sigs/dra-driver-nvidia-gpu, pull 1457). A hardware Xid takes
the GPU out: its devices are tainted by a DeviceTaintRule, the machine offers fewer devices, says so in a
condition, and is tainted so that nothing new is placed on it (NVIDIA Xid catalogue: the resolution
bucket decides between the two). `heal` undoes all of it.

    inject(api, factory, plan, "train-001", gpu=3, xid=79)
    faults(api, factory)        # {('train-001', 3): 79}
    heal(api, factory, plan, "train-001")
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sovereign_ai.cluster.access import Api
from sovereign_ai.errors import Problem, UsageError, nearest
from sovereign_ai.names import KEYS, OWNER, label
from sovereign_ai.plan.factory import Plan
from sovereign_ai.sim.difference import FAULT
from sovereign_ai.sim.factory import RULE, selector
from sovereign_ai.sim.machine import Machine, machines
from sovereign_ai.sim.slices import device_names
from sovereign_ai.spec.factory import AIFactory

APPLICATION = frozenset({13, 31, 43, 45})
"""Xids that a program causes; the GPU is well."""
HARDWARE = frozenset({48, 64, 74, 79, 92, 94, 95})
"""Xids after which a GPU is drained, reset or replaced."""
CONDITION = "GpuFault"
"""The condition that a machine with a broken GPU reports."""
_MANAGER = "sovereign-ai-fault"
_XID, _GPU, _NODE = f"{KEYS.domain}/xid", f"{KEYS.domain}/gpu", f"{KEYS.domain}/node"


def inject(api: Api, factory: AIFactory, plan: Plan, node: str, *, gpu: int, xid: int) -> bool:
    """Let a GPU report an Xid; True if it was taken out, False if the Xid is one that leaves it well.

    Args:
        api: the cluster.
        factory: the description.
        plan: the plan.
        node: the machine's name.
        gpu: the GPU's index.
        xid: the Xid.

    Raises:
        UsageError: no such machine, GPU or Xid, or its vendor has no Xids.
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    machine = _machine(plan, node)
    _check(machine, gpu, xid)
    for name in _devices_of(machine, gpu):
        api.apply(_rule(factory, machine, gpu, xid, name), field_manager=_MANAGER, force=True)
    if xid in APPLICATION:
        return False
    _mark(api, machine, faults(api, factory))
    return True


def heal(api: Api, factory: AIFactory, plan: Plan, node: str) -> int:
    """Mend every GPU of a machine; the number of GPUs mended.

    Raises:
        UsageError: no such machine.
        ApiError: the server refused.
        UnreachableError: there was no answer.
    """
    machine = _machine(plan, node)
    mended = {gpu for name, gpu in faults(api, factory) if name == node}
    for rule in api.list(*RULE, label_selector=f"{selector(factory.name)},{_NODE}={node}"):
        api.delete(*RULE, rule["metadata"]["name"])
    _mark(api, machine, {})
    return len(mended)


def faults(api: Api, factory: AIFactory) -> dict[tuple[str, int], int]:
    """Read which GPUs reported an Xid: machine and index to Xid."""
    rules = api.list(*RULE, label_selector=selector(factory.name))
    labels = [rule["metadata"]["labels"] for rule in rules]
    return {(one[_NODE], int(one[_GPU])): int(one[_XID]) for one in labels if _XID in one}


def _check(machine: Machine, gpu: int, xid: int) -> None:
    """Insist on a fault that this machine can have."""
    if machine.accelerator.vendor != "nvidia":
        hint = "Xids are NVIDIA's; break a GPU of a pool of theirs"
        raise UsageError(Problem("fault-unknown", f"{machine.node.name} has no NVIDIA GPUs", hint=hint))
    if not 0 <= gpu < machine.node.gpus:
        hint = f"GPUs of {machine.node.name} are numbered 0 to {machine.node.gpus - 1}"
        raise UsageError(Problem("fault-unknown", f"{machine.node.name} has no GPU {gpu}", hint=hint))
    if xid not in APPLICATION | HARDWARE:
        known = ", ".join(str(one) for one in sorted(APPLICATION | HARDWARE))
        raise UsageError(Problem("fault-unknown", f"Xid {xid} is not simulated", hint=f"simulated are {known}"))


def _machine(plan: Plan, name: str) -> Machine:
    """Find a machine by its name."""
    for cluster in plan.clusters:
        for machine in machines(plan, cluster.name):
            if machine.node.name == name:
                return machine
    hint = nearest(name, [node.name for node in plan.nodes])
    raise UsageError(Problem("machine-unknown", f"the plan has no machine {name!r}", hint=hint))


def _devices_of(machine: Machine, gpu: int) -> list[str]:
    """Name the devices of one GPU: itself, or its MIG instances."""
    return device_names(machine)[gpu * machine.instances : (gpu + 1) * machine.instances]


def _rule(factory: AIFactory, machine: Machine, gpu: int, xid: int, device: str) -> dict[str, Any]:
    """Give the rule that taints one device."""
    node = machine.node.name
    labels = {KEYS.owner: OWNER, KEYS.factory: factory.name, _NODE: node, _GPU: str(gpu), _XID: str(xid)}
    return {
        "apiVersion": RULE[0],
        "kind": RULE[1],
        "metadata": {"name": label("fault", node, device), "labels": labels},
        "spec": {
            "deviceSelector": {"driver": machine.accelerator.dra_driver, "pool": node, "device": device},
            "taint": {"key": FAULT, "value": f"xid-{xid}", "effect": "NoSchedule" if xid in HARDWARE else "None"},
        },
    }


def _mark(api: Api, machine: Machine, broken: dict[tuple[str, int], int]) -> None:
    """Let a machine's taints, condition and resources say what is broken."""
    mine = {gpu: xid for (node, gpu), xid in broken.items() if node == machine.node.name and xid in HARDWARE}
    node = api.get("v1", "Node", machine.node.name)
    if node is None:
        raise UsageError(Problem("machine-absent", f"{machine.node.name} is not in the cluster", hint="simulate the factory first"))
    taints = [taint for taint in node["spec"].get("taints") or [] if taint["key"] != FAULT]
    if mine:
        taints.append({"key": FAULT, "value": f"xid-{max(mine.values())}", "effect": "NoSchedule"})
    head = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": machine.node.name}}
    api.apply(head | {"spec": {"taints": taints}}, field_manager=_MANAGER, force=True)
    conditions = [one for one in node["status"].get("conditions") or [] if one["type"] != CONDITION]
    said = ", ".join(f"GPU {gpu}: Xid {xid}" for gpu, xid in sorted(mine.items()))
    reason = "HardwareFault" if mine else "NoFault"
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    state = {"type": CONDITION, "status": "True" if mine else "False", "reason": reason, "message": said}
    conditions.append(state | {"lastHeartbeatTime": now, "lastTransitionTime": now})
    resource = machine.part.resource
    offered = machine.devices - len(mine) * machine.instances
    allocatable = {**node["status"]["allocatable"], resource: str(offered)}
    api.update_status(head | {"status": {"conditions": conditions, "allocatable": allocatable}})
