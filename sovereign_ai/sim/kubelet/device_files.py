"""Readings of devices in containers: one folder a device, one file a reading, and the tool that prints them.

The files have the names of nvidia-smi's query fields and change while a container runs, since it has the
folder mounted. A broken GPU has a file `lost` with its Xid: the tool then reports it and exits with 15, as
NVIDIA's does for a GPU that is lost. Values are those of the metrics (`sim/metrics.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sovereign_ai.files import RUN, content_if_whole, package_file
from sovereign_ai.files.writing import replace
from sovereign_ai.sim.faults import takes_out
from sovereign_ai.sim.identity import nvml_bus, pci_bus
from sovereign_ai.sim.kubelet.gpus import GpuDevice, devices, tool
from sovereign_ai.sim.machine import Machine
from sovereign_ai.sim.metrics import Faults, readings
from sovereign_ai.sim.slices import cuda_version

_METRICS = {
    "utilization.gpu": "DCGM_FI_DEV_GPU_UTIL",
    "memory.free": "DCGM_FI_DEV_FB_FREE",
    "memory.used": "DCGM_FI_DEV_FB_USED",
    "power.draw": "DCGM_FI_DEV_POWER_USAGE",
    "temperature.gpu": "DCGM_FI_DEV_GPU_TEMP",
}


def write(folder: Path, machine: Machine, holders: tuple[str, ...], faults: Faults) -> None:
    """Write a machine's readings, and the tool; a file that would not change is not written.

    Args:
        folder: the node's `gpus` on the host.
        machine: the machine that is played.
        holders: the holder of each device.
        faults: machine and GPU to the last Xid.
    """
    values = readings(machine, holders, faults)
    for device in devices(machine):
        own = folder / device.folder
        own.mkdir(exist_ok=True)
        # `mkdir` takes the umask away from its mode, and the supervisor's is 077; containers run as any user.
        own.chmod(0o755)
        texts = _static(machine, device)
        for name, metric in _METRICS.items():
            texts[name] = str(values[device.gpu][metric])
        xid = faults.get((machine.node.name, device.gpu), 0)
        if takes_out(machine, xid):
            texts["lost"] = str(xid)
        _write_all(own, texts)
    name = tool(machine)
    if name:
        script = Path(__file__).with_name(f"{name.replace('-', '_')}.sh")
        _write(folder / name, package_file(script).decode(), 0o755, folder)


def _static(machine: Machine, device: GpuDevice) -> dict[str, str]:
    """Return the readings that never change."""
    kind, driver = machine.accelerator, machine.part.driver
    product = kind.product or kind.name
    # NVML pads the domain to eight digits; other tools print the address as Linux does.
    bus = nvml_bus if tool(machine) == "nvidia-smi" else pci_bus
    return {
        "index": str(device.gpu),
        "uuid": device.uuid,
        "name": product.replace("-", " "),
        # In MiB, as nvidia-smi prints it.
        "memory.total": str(kind.memory.count // 2**20),
        "power.limit": str(kind.tdp.count),
        "driver_version": driver,
        "cuda_version": cuda_version(driver) or "unknown",
        "pci.bus_id": bus(device.gpu),
        "mig.profile": machine.part.mig,
    }


def _write_all(folder: Path, texts: Mapping[str, str]) -> None:
    """Write a device's readings, and remove those that it no longer has."""
    for name, text in texts.items():
        # Half-written files lie outside the folder, which containers see.
        _write(folder / name, f"{text}\n", 0o644, folder.parent)
    for path in folder.iterdir():
        if path.name not in texts:
            path.unlink()


def _write(path: Path, text: str, mode: int, scratch_folder: Path) -> None:
    """Write a file atomically, for all users to read, unless it holds the text already."""
    data = text.encode()
    if content_if_whole(path, RUN) != data:
        replace(path, data, mode=mode, durable=False, scratch=scratch_folder)
