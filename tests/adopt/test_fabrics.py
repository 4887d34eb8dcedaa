"""Planes of switches as tables show them."""

from __future__ import annotations

import pytest

from sovereign_ai.adopt.fabrics import is_end, named, plain, planes, rate_of
from sovereign_ai.adopt.standing import Device, StandingSite

FAST, SLOW = "400gbase-x-osfp", "1000base-t"


def device(name: str, role: str = "") -> Device:
    return Device(name, "", "a", "", role)


def site() -> StandingSite:
    """Two servers below two leaves and a spine, whose management ports are on a slow switch."""
    devices = {name: device(name) for name in ("n1", "n2", "leaf-1", "leaf-2", "spine-1", "mgmt-1", "lone")}
    cables = [
        (("n1", "e0"), ("leaf-1", "1")),
        (("n2", "e0"), ("leaf-2", "1")),
        (("leaf-1", "2"), ("spine-1", "1")),
        (("leaf-2", "2"), ("spine-1", "2")),
        (("n1", "bmc"), ("mgmt-1", "1")),
        (("leaf-1", "mgmt"), ("mgmt-1", "2")),
    ]
    slow = {("n1", "bmc"), ("leaf-1", "mgmt"), ("mgmt-1", "1"), ("mgmt-1", "2")}
    interfaces = {end: SLOW if end in slow else FAST for cable in cables for end in cable}
    return StandingSite(devices, interfaces, tuple(cables))


def test_planes_have_the_switches_that_cables_connect_and_a_guessed_role() -> None:
    tables = site()
    (compute, management), loose = planes(tables, tables.devices, {"n1", "n2"})
    assert (compute.role, compute.leaf, compute.spine, compute.inner) == ("compute", 2, 1, 2)
    assert compute.machines == {"n1", "n2"}
    assert (management.role, management.leaf, management.node_leaf) == ("out-of-band", 1, 2)
    assert loose == []


def test_switches_without_a_server_are_loose() -> None:
    tables = site()
    fabrics, loose = planes(tables, tables.devices, set())
    assert fabrics == ()
    assert set(loose) == {"n1", "n2", "leaf-1", "leaf-2", "spine-1", "mgmt-1"}


@pytest.mark.parametrize(
    ("kind", "rate"), [("400gbase-x-osfp", 400 * 10**9), ("infiniband-ndr-2x", 200 * 10**9), ("virtual", 0)]
)
def test_the_type_of_an_interface_has_a_rate(kind: str, rate: int) -> None:
    assert rate_of(kind) == rate


def test_storage_servers_and_pdus_are_below_switches() -> None:
    here = {"s": device("s", "Storage Array"), "p": device("p", "rack PDU"), "x": device("x", "spine")}
    assert [is_end(name, here, set()) for name in here] == [True, True, False]
    assert is_end("x", here, {"x"})


def test_names_are_compared_plainly_and_written_as_labels() -> None:
    assert plain("DGX-H100 ") == "dgxh100"
    assert named("Compute Fabric_1") == "compute-fabric-1"
    assert named("??") == "unnamed"
