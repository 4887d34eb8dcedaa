"""Stable identities of devices, by the node's name and the device's index: UUID, bus address, NUMA node.

Bus addresses and NUMA nodes follow from the index alone. UUIDs are of version 5, by factory, node and index.

    >>> gpu_uuid("lab", "train-001", 0) == gpu_uuid("lab", "train-001", 0)
    True
    >>> pci_bus(0), pci_root(0), pci_bus(7)
    ('0000:18:00.0', 'pci0000:17', '0000:dc:00.0')
    >>> nvml_bus(7), nvml_bus(8), pci_bus(8)
    ('00000000:DC:00.0', '00000001:18:00.0', '0001:18:00.0')
"""

from __future__ import annotations

import uuid

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "sovereign-ai.internal")
_FIRST_BUS, _BUS_STEP = 0x18, 0x1C
"""Static: devices are a bus stride apart, each below its own root, as in a machine with one switch a GPU."""
_SEGMENT_DEVICES = 8
"""Static: devices of one PCI segment, which has 256 buses; the ninth is the first of the next segment."""
_NUMA_NODES = 2
"""Static: two sockets, the devices shared between them in halves."""


def identity(*parts: str) -> uuid.UUID:
    """Return the UUID (version 5) of an object by its names, from the widest to the narrowest."""
    return uuid.uuid5(_NAMESPACE, "/".join(parts))


def gpu_uuid(factory: str, node: str, index: int) -> str:
    """Return a GPU's UUID as NVML writes it."""
    return f"GPU-{identity(factory, node, 'gpu', str(index))}"


def instance_uuid(factory: str, node: str, index: int, instance: int) -> str:
    """Return a MIG instance's UUID as NVML writes it."""
    return f"MIG-{identity(factory, node, 'gpu', str(index), 'mig', str(instance))}"


def clique(factory: str, nvlink_domain: str) -> str:
    """Return the NVLink clique `<cluster UUID>.<clique id>` of a rack-scale domain's machines."""
    return f"{identity(factory, 'nvlink', nvlink_domain)}.0"


def pci_bus(index: int) -> str:
    """Return a device's bus address as Linux and Kubernetes' `pciBusID` write it."""
    segment, bus = _segment_and_bus(index)
    return f"{segment:04x}:{bus:02x}:00.0"


def nvml_bus(index: int) -> str:
    """Return a device's bus address as NVML, DCGM and nvidia-smi write it.

    Its format is NVML_DEVICE_PCI_BUS_ID_FMT of nvml.h, `%08X:%02X:%02X.0`.
    """
    segment, bus = _segment_and_bus(index)
    return f"{segment:08X}:{bus:02X}:00.0"


def pci_root(index: int) -> str:
    """Return the root complex above a device."""
    segment, bus = _segment_and_bus(index)
    # Each device is on the bus after that of its own root.
    return f"pci{segment:04x}:{bus - 1:02x}"


def _segment_and_bus(index: int) -> tuple[int, int]:
    """Return the PCI segment and the bus of a device."""
    segment, position = divmod(index, _SEGMENT_DEVICES)
    return segment, _FIRST_BUS + position * _BUS_STEP


def numa_node(index: int, devices: int) -> int:
    """Return the NUMA node of a device among so many."""
    return index * _NUMA_NODES // max(devices, 1)
