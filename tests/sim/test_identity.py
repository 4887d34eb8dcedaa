"""Identities of devices: alike on every run, and no two alike."""

from __future__ import annotations

from sovereign_ai.sim.identity import (
    BUS_PLACES,
    clique,
    gpu_uuid,
    instance_uuid,
    numa_node,
    pci_bus,
    pci_root,
)


def test_an_identity_is_the_same_on_any_machine() -> None:
    assert gpu_uuid("lab", "train-001", 0) == "GPU-abe2a439-d0dc-5521-933c-8004639588b0"


def test_no_two_devices_share_an_identity() -> None:
    uuids = [gpu_uuid(factory, node, gpu) for factory in "ab" for node in "cd" for gpu in range(8)]
    uuids += [instance_uuid("a", "c", gpu, instance) for gpu in range(8) for instance in range(7)]
    assert len(uuids) == len(set(uuids))


def test_each_place_of_the_bus_map_is_a_bus_of_its_own_below_its_own_root() -> None:
    buses = [pci_bus(index) for index in range(BUS_PLACES)]
    roots = [pci_root(index) for index in range(BUS_PLACES)]
    assert len(set(buses)) == len(set(roots)) == BUS_PLACES
    assert all(int(bus[5:7], 16) == int(root[8:], 16) + 1 for bus, root in zip(buses, roots, strict=True))
    assert int(buses[-1][5:7], 16) <= 0xFF


def test_the_first_half_of_the_devices_is_on_the_first_numa_node() -> None:
    assert [numa_node(index, 8) for index in range(8)] == [0] * 4 + [1] * 4
    assert numa_node(0, 0) == 0


def test_the_machines_of_a_domain_share_its_clique() -> None:
    assert clique("lab", "domain-0") == clique("lab", "domain-0") != clique("lab", "domain-1")
