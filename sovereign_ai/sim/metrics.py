"""Metrics under DCGM's names, in the Prometheus text format, from plan, allocation and faults.

Names and labels are those of NVIDIA's dcgm-exporter (default-counters.csv). Values follow the allocation in
two steps, held or free; they do not follow what a pod really does. docs/fidelity.md lists which value is
simulated and which is static.

    exposition(plan, "lab", read_holders(api, plan, "lab"), faults(api, factory))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from sovereign_ai.catalog import instance_memory
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Node, Plan
from sovereign_ai.sim.allocation import Holders
from sovereign_ai.sim.identity import gpu_uuid, nvml_bus
from sovereign_ai.sim.machine import Machine, machines

_MEBIBYTE = 2**20
_EXPORTER = "dcgm-exporter"
_IDLE_POWER, _BUSY_POWER = Fraction(1, 10), Fraction(9, 10)
"""Estimates (the project's own judgement, 2026-11): a GPU's power as a share of its thermal design power."""
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
"""Machine's name and GPU's index to the last Xid, as `faults.faults` reads it."""


@frozen_dataclass
class _Gpu:
    """One GPU.

    Attributes:
        machine: its machine.
        index: its index there.
        holders: the holder of each of its devices; empty where it is free.
    """

    machine: Machine
    index: int
    holders: tuple[str, ...]


def exposition(
    plan: Plan,
    cluster: str,
    held: Holders,
    faults: Faults | None = None,
    target: Callable[[Node], Mapping[str, str]] | None = None,
) -> str:
    """Return the metrics of every NVIDIA GPU of a cluster as one text.

    Args:
        plan: the plan.
        cluster: which of its clusters.
        held: machine to the holder of each of its devices.
        faults: the last Xid of GPUs that had one.
        target: returns the labels that a scrape adds to all samples of a machine; None where the scrape
            itself will add them.

    Raises:
        KeyError: the plan has no such cluster.
    """
    gpus: list[_Gpu] = []
    for machine in machines(plan, cluster):
        if machine.gpu_vendor and machine.gpu_vendor.telemetry == _EXPORTER:
            gpus += _gpus(machine, held)
    values = [_values(gpu, faults or {}) for gpu in gpus]
    labels = [_labels(gpu) | dict(target(gpu.machine.node) if target else {}) for gpu in gpus]
    lines = []
    # All samples of a metric must follow its HELP and TYPE lines as one group (Prometheus' text format).
    for name, (kind, text) in _METRICS.items():
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        for own, of_gpu in zip(labels, values, strict=True):
            lines.append(sample(name, own, of_gpu[name]))
    # The last line must end with a line feed.
    return "\n".join([*lines, ""])


def sample(name: str, labels: Mapping[str, str], value: float) -> str:
    """Return one sample; no name of a plan or of Kubernetes holds a character that the format escapes."""
    pairs = ",".join([f'{key}="{text}"' for key, text in labels.items()])
    return f"{name}{{{pairs}}} {value}"


def readings(machine: Machine, holders: tuple[str, ...], faults: Faults) -> list[dict[str, int]]:
    """Return the values of each of a machine's GPUs, by DCGM's names; of other vendors' GPUs as well.

    Args:
        machine: the machine.
        holders: the holder of each of its devices.
        faults: the last Xid of GPUs that had one.
    """
    gpus = _gpus(machine, {machine.node.name: holders})
    return [_values(gpu, faults) for gpu in gpus]


def _gpus(machine: Machine, held: Holders) -> list[_Gpu]:
    """Return a machine's GPUs with their holders."""
    free = ("",) * machine.devices
    holders = held.get(machine.node.name, free)
    gpus = []
    for index in range(machine.node.gpus):
        # Devices are numbered GPU by GPU.
        first = index * machine.instances
        own = holders[first : first + machine.instances]
        gpus.append(_Gpu(machine, index, own))
    return gpus


def _values(gpu: _Gpu, faults: Faults) -> dict[str, int]:
    """Return a GPU's values."""
    kind, part = gpu.machine.accelerator, gpu.machine.part
    busy = len(gpu.holders) - gpu.holders.count("")
    share = Fraction(busy, len(gpu.holders))
    total = kind.memory.count // _MEBIBYTE
    # The instances of a GPU may have less memory together than the whole GPU.
    device = instance_memory(part.mig, kind).count // _MEBIBYTE if part.mig else total
    used = int(device * busy * _BUSY_MEMORY)
    power = kind.tdp.count * (_IDLE_POWER + (_BUSY_POWER - _IDLE_POWER) * share)
    celsius = _IDLE_CELSIUS + (_BUSY_CELSIUS - _IDLE_CELSIUS) * share
    return {
        "DCGM_FI_DEV_GPU_UTIL": int(_BUSY_UTILISATION * share),
        "DCGM_FI_DEV_FB_FREE": total - used,
        "DCGM_FI_DEV_FB_USED": used,
        "DCGM_FI_DEV_POWER_USAGE": int(power),
        "DCGM_FI_DEV_GPU_TEMP": int(celsius),
        "DCGM_FI_DEV_XID_ERRORS": faults.get((gpu.machine.node.name, gpu.index), 0),
    }


def _labels(gpu: _Gpu) -> dict[str, str]:
    """Return a GPU's labels; namespace and pod are those of its first holder, empty where it has none."""
    machine = gpu.machine
    product = machine.accelerator.product or machine.accelerator.name
    # A sample of a GPU has room for one pod, though each instance may have another.
    holder = next((holder for holder in gpu.holders if holder), "")
    namespace, _, pod = holder.partition("/")
    return {
        "gpu": str(gpu.index),
        "UUID": gpu_uuid(machine.factory, machine.node.name, gpu.index),
        "pci_bus_id": nvml_bus(gpu.index),
        "device": _device_name(machine, gpu.index),
        "modelName": product.replace("-", " "),
        "Hostname": machine.node.name,
        "DCGM_FI_DRIVER_VERSION": machine.part.driver,
        "namespace": namespace,
        "pod": pod,
    }


def _device_name(machine: Machine, index: int) -> str:
    """Return the name of a GPU's device file, without its folder."""
    files = machine.accelerator.gpu_vendor.container
    return files.device_file(index).rpartition("/")[2] if files else ""
