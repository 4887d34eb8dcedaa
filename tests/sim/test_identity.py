"""Identities of devices: alike on every run, and no two alike."""

from __future__ import annotations

import re

from sovereign_ai.sim.identity import (
    clique,
    gpu_uuid,
    instance_uuid,
    numa_node,
    nvml_bus,
    pci_bus,
    pci_root,
)


def test_an_identity_is_the_same_on_any_machine() -> None:
    assert gpu_uuid("lab", "train-001", 0) == "GPU-abe2a439-d0dc-5521-933c-8004639588b0"


def test_no_two_devices_share_an_identity() -> None:
    uuids = [gpu_uuid(factory, node, gpu) for factory in "ab" for node in "cd" for gpu in range(8)]
    uuids += [instance_uuid("a", "c", gpu, instance) for gpu in range(8) for instance in range(7)]
    assert len(uuids) == len(set(uuids))


def test_each_of_72_devices_is_on_a_bus_of_its_own_below_its_own_root() -> None:
    devices = range(72)
    buses = [pci_bus(index) for index in devices]
    roots = [pci_root(index) for index in devices]
    assert len(set(buses)) == len(set(roots)) == len({nvml_bus(index) for index in devices}) == 72
    for index, bus, root in zip(devices, buses, roots, strict=True):
        # The patterns of resource.kubernetes.io/pciBusID and pcieRoot, and the format of NVML.
        assert re.fullmatch(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", bus)
        assert re.fullmatch(r"pci[0-9a-f]{4}:[0-9a-f]{2}", root)
        assert re.fullmatch(r"[0-9A-F]{8}:[0-9A-F]{2}:[0-9A-F]{2}\.0", nvml_bus(index))
        assert nvml_bus(index) == f"0000{bus.upper()}"
        assert int(bus[5:7], 16) == int(root[8:], 16) + 1
        assert bus[:4] == root[3:7]


def test_the_first_half_of_the_devices_is_on_the_first_numa_node() -> None:
    assert [numa_node(index, 8) for index in range(8)] == [0] * 4 + [1] * 4
    assert numa_node(0, 0) == 0


def test_the_machines_of_a_domain_share_its_clique() -> None:
    assert clique("lab", "domain-0") == clique("lab", "domain-0") != clique("lab", "domain-1")
