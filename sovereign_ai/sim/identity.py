"""Stable identities of devices, by the node's name and the device's index: UUID, bus address, NUMA node.

Bus addresses and NUMA nodes follow from the index alone. UUIDs are of version 5, by factory, node and index.

    >>> gpu_uuid("lab", "train-001", 0) == gpu_uuid("lab", "train-001", 0)
    True
    >>> pci_bus(0), pci_root(0), pci_bus(7)
    ('0000:18:00.0', 'pci0000:17', '0000:dc:00.0')
"""

from __future__ import annotations

import uuid

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "sovereign-ai.internal")
_FIRST_BUS, _BUS_STEP = 0x18, 0x1C
"""Static: devices are a bus stride apart, each below its own root, as in a machine with one switch a GPU."""
BUS_PLACES = 8
"""For how many devices the static bus map has places."""
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
    """Return a device's bus address."""
    return f"0000:{_FIRST_BUS + index * _BUS_STEP:02x}:00.0"


def pci_root(index: int) -> str:
    """Return the root complex above a device."""
    # Each device is on the bus after that of its own root.
    return f"pci0000:{_FIRST_BUS + index * _BUS_STEP - 1:02x}"


def numa_node(index: int, devices: int) -> int:
    """Return the NUMA node of a device among so many."""
    return index * _NUMA_NODES // max(devices, 1)
