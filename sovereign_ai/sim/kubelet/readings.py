"""What a container reads about its devices: one folder a device, one file a reading, and the tool that shows them.

The files bear the names of nvidia-smi's query fields and change while a container runs, since it has the
folder mounted. A GPU that broke has a file `lost` with its Xid: the tool then says so and ends with 15, as
NVIDIA's does for a GPU that is lost. Values are those of the metrics (`sim/metrics.py`).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sovereign_ai.sim.faults import HARDWARE
from sovereign_ai.sim.identity import BUS_PLACES, pci_bus
from sovereign_ai.sim.kubelet.gpus import TOOL, VENDORS, Device, devices
from sovereign_ai.sim.machine import Machine
from sovereign_ai.sim.metrics import Faults, readings
from sovereign_ai.sim.slices import cuda_version

_TOOL_FILE = Path(__file__).with_name("nvidia_smi.sh")
_METRICS = {
    "utilization.gpu": "DCGM_FI_DEV_GPU_UTIL",
    "memory.free": "DCGM_FI_DEV_FB_FREE",
    "memory.used": "DCGM_FI_DEV_FB_USED",
    "power.draw": "DCGM_FI_DEV_POWER_USAGE",
    "temperature.gpu": "DCGM_FI_DEV_GPU_TEMP",
}


def write(folder: Path, machine: Machine, holders: tuple[str, ...], faults: Faults) -> None:
    """Write a machine's readings, and the tool; a file that would not change is left alone.

    Args:
        folder: the node's `gpus` on the host.
        machine: the machine that is played.
        holders: who holds each device.
        faults: machine and GPU to the last Xid.
    """
    values = readings(machine, holders, faults)
    for one in devices(machine):
        own = folder / one.folder
        own.mkdir(exist_ok=True)
        own.chmod(0o755)  # whatever our umask is
        xid = faults.get((machine.node.name, one.gpu), 0)
        texts = _static(machine, one) | {name: str(values[one.gpu][metric]) for name, metric in _METRICS.items()}
        _write_all(own, texts | ({"lost": str(xid)} if xid in HARDWARE else {}))
    if VENDORS[machine.accelerator.vendor].tool:
        _write(folder / TOOL, _TOOL_FILE.read_text(encoding="utf-8"), 0o755, folder)


def _static(machine: Machine, one: Device) -> dict[str, str]:
    """Give what never changes."""
    kind = machine.accelerator
    return {
        "index": str(one.gpu),
        "uuid": one.uuid,
        "name": (kind.product or kind.name).replace("-", " "),
        "memory.total": str(kind.memory.count // 2**20),
        "power.limit": str(kind.tdp.count),
        "driver_version": machine.part.driver,
        "cuda_version": cuda_version(machine.part.driver) or "unknown",
        "pci.bus_id": pci_bus(one.gpu) if machine.node.gpus <= BUS_PLACES else "unknown",
        "mig.profile": machine.part.mig,
    }


def _write_all(folder: Path, texts: Mapping[str, str]) -> None:
    """Write readings; one that is no more goes. What is half written lies outside the folder, which containers see."""
    for name, text in texts.items():
        _write(folder / name, f"{text}\n", 0o644, folder.parent)
    for path in folder.iterdir():
        if path.name not in texts:
            path.unlink()


def _write(path: Path, text: str, mode: int, scratch_folder: Path) -> None:
    """Write a file whole, for everybody to read, unless it says so already."""
    try:
        if path.read_text(encoding="utf-8") == text:
            return
    except FileNotFoundError:
        pass
    descriptor, scratch = tempfile.mkstemp(dir=scratch_folder, prefix=".writing-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
