"""Metrics under DCGM's names, in the Prometheus text format, from plan, allocation and faults.

Names and labels are those of NVIDIA's dcgm-exporter (default-counters.csv). Values follow the
allocation in two steps, held or free; they do not follow what a pod really does. Which value is
simulated and which is static stands in docs/fidelity.md.

    exposition(plan, "lab", allocation(api, plan, "lab"), faults(api, factory))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from sovereign_ai.catalog.mig import instance_memory
from sovereign_ai.plan.factory import Plan
from sovereign_ai.sim.allocation import Holders
from sovereign_ai.sim.identity import gpu_uuid, pci_bus
from sovereign_ai.sim.machine import Machine, machines

_MEBIBYTE = 2**20
_IDLE_POWER, _BUSY_POWER = Fraction(1, 10), Fraction(9, 10)
"""Estimates (our own judgement, 2026-11): a GPU's power as a share of its thermal design power."""
_IDLE_CELSIUS, _BUSY_CELSIUS = 30, 65
_BUSY_UTILISATION, _BUSY_MEMORY = 95, Fraction(9, 10)

_METRICS = {
    "DCGM_FI_DEV_GPU_UTIL": ("gauge", "GPU utilization (in %)."),
    "DCGM_FI_DEV_FB_FREE": ("gauge", "Framebuffer memory free (in MiB)."),
    "DCGM_FI_DEV_FB_USED": ("gauge", "Framebuffer memory used (in MiB)."),
    "DCGM_FI_DEV_POWER_USAGE": ("gauge", "Power draw (in W)."),
    "DCGM_FI_DEV_GPU_TEMP": ("gauge", "GPU temperature (in C)."),
    "DCGM_FI_DEV_XID_ERRORS": ("gauge", "Value of the last XID error encountered."),
}

Faults = Mapping[tuple[str, int], int]
"""Machine's name and GPU's index to the last Xid."""


@dataclass(frozen=True, slots=True)
class _Gpu:
    """One GPU with its holders, one for each of its devices."""

    machine: Machine
    index: int
    holders: tuple[str, ...]


def exposition(plan: Plan, cluster: str, held: Holders, faults: Faults | None = None) -> str:
    """Give the metrics of every NVIDIA GPU of a cluster as one text.

    Args:
        plan: the plan.
        cluster: which of its clusters.
        held: who holds which device.
        faults: the last Xid of GPUs that had one.

    Raises:
        KeyError: the plan has no such cluster.
    """
    gpus = [gpu for machine in machines(plan, cluster) if machine.accelerator.vendor == "nvidia" for gpu in _gpus(machine, held)]
    lines = []
    for name, (kind, text) in _METRICS.items():
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{{{_labels(gpu)}}} {_values(gpu, faults or {})[name]}" for gpu in gpus]
    return "\n".join([*lines, ""])


def readings(machine: Machine, holders: tuple[str, ...], faults: Faults) -> list[dict[str, int]]:
    """Give the values of each of a machine's GPUs, by DCGM's names; of other vendors' GPUs as well.

    Args:
        machine: the machine.
        holders: who holds each of its devices.
        faults: the last Xid of GPUs that had one.
    """
    return [_values(gpu, faults) for gpu in _gpus(machine, {machine.node.name: holders})]


def _gpus(machine: Machine, held: Holders) -> list[_Gpu]:
    """Give a machine's GPUs with those who hold them."""
    holders = held.get(machine.node.name, ("",) * machine.devices)
    step = machine.instances
    return [_Gpu(machine, index, holders[index * step : (index + 1) * step]) for index in range(machine.node.gpus)]


def _values(gpu: _Gpu, faults: Faults) -> dict[str, int]:
    """Give a GPU's values."""
    kind, part = gpu.machine.accelerator, gpu.machine.part
    share = Fraction(sum(bool(holder) for holder in gpu.holders), len(gpu.holders))
    memory = kind.memory.count // _MEBIBYTE
    one = (instance_memory(part.mig, kind).count if part.mig else kind.memory.count) // _MEBIBYTE
    used = int(one * share * len(gpu.holders) * _BUSY_MEMORY)
    return {
        "DCGM_FI_DEV_GPU_UTIL": int(_BUSY_UTILISATION * share),
        "DCGM_FI_DEV_FB_FREE": memory - used,
        "DCGM_FI_DEV_FB_USED": used,
        "DCGM_FI_DEV_POWER_USAGE": int(kind.tdp.count * (_IDLE_POWER + (_BUSY_POWER - _IDLE_POWER) * share)),
        "DCGM_FI_DEV_GPU_TEMP": int(_IDLE_CELSIUS + (_BUSY_CELSIUS - _IDLE_CELSIUS) * share),
        "DCGM_FI_DEV_XID_ERRORS": faults.get((gpu.machine.node.name, gpu.index), 0),
    }


def _labels(gpu: _Gpu) -> str:
    """Give a GPU's labels; namespace and pod of who holds it first, empty where nobody does."""
    machine = gpu.machine
    namespace, _, pod = next((holder for holder in gpu.holders if holder), "").partition("/")
    labels = {
        "gpu": str(gpu.index),
        "UUID": gpu_uuid(machine.factory, machine.node.name, gpu.index),
        "pci_bus_id": pci_bus(gpu.index),
        "device": f"nvidia{gpu.index}",
        "modelName": (machine.accelerator.product or machine.accelerator.name).replace("-", " "),
        "Hostname": machine.node.name,
        "DCGM_FI_DRIVER_VERSION": machine.part.driver,
        "namespace": namespace,
        "pod": pod,
    }
    return ",".join(f'{key}="{value}"' for key, value in labels.items())
