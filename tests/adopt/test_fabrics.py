"""Planes of switches as tables show them."""

from __future__ import annotations

import pytest

from sovereign_ai.adopt.fabrics import is_end, managed_only, named, plain, planes, rate_of
from sovereign_ai.adopt.standing import MACHINE, SWITCH, Device, StandingSite

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
    ("kind", "rate"),
    [
        ("400gbase-x-osfp", 400 * 10**9),
        ("infiniband-ndr-2x", 200 * 10**9),
        ("infiniband-sdr-4x", 10 * 10**9),
        ("infiniband-fdr10-4x", 40 * 10**9),
        ("infiniband-hdr", 50 * 10**9),
        ("QSFP-DD (400GE)", 400 * 10**9),
        ("NDR (100 Gbps)", 100 * 10**9),
        ("virtual", 0),
    ],
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


def unrated(*cables: tuple[tuple[str, str], tuple[str, str]]) -> StandingSite:
    """Return a site without types of interfaces, whose devices are switches by the beginning `s`."""
    devices = {}
    for cable in cables:
        for name, _ in cable:
            kind = SWITCH if name.startswith("s") else MACHINE
            devices[name] = Device(name, kind=kind)
    return StandingSite(devices, {}, cables)


def test_links_without_ports_are_a_tree_that_counts_no_cables() -> None:
    tree = unrated((("n1", ""), ("s1", "")), (("n2", ""), ("s1", "")), (("s1", ""), ("s2", "")))
    [fabric], _ = planes(tree, tree.devices, {"n1", "n2"})
    assert (fabric.is_tree, fabric.leaf, fabric.spine, fabric.fullest) == (True, 1, 1, 2)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("s-compute", "compute"),
        ("s-storage", "storage"),
        ("s-in-band", "in-band"),
        ("s-oob", "out-of-band"),
        ("s-any", "compute"),
    ],
)
def test_a_plane_without_rates_has_a_role_by_its_name(name: str, role: str) -> None:
    switch = f"{name}-leaf-001"
    site = unrated((("n1", "e0"), (switch, "1")))
    [fabric], _ = planes(site, site.devices, {"n1"})
    assert (fabric.role, fabric.link, fabric.is_tree) == (role, 0, False)


def test_a_management_port_is_known_by_its_name_where_no_rate_is() -> None:
    cables = ((("n1", "e0"), ("s1", "1")), (("s1", "mgmt0"), ("s9", "1")), (("n1", "bmc"), ("s9", "2")))
    site = unrated(*cables, (("pdu", "out-of-band0"), ("s9", "3")))
    fabrics, _ = planes(site, site.devices, {"n1", "pdu"})
    assert sorted(fabric.leaf for fabric in fabrics) == [1, 1]
    assert managed_only(site) == {"pdu"}
    # Where no machine has another port, the management network is all that the files show.
    alone = unrated((("n1", "bmc"), ("s9", "2")))
    assert managed_only(alone) == set()


def test_an_inner_port_of_a_switch_does_not_count() -> None:
    site = unrated((("n1", "e0"), ("s1", "1")))
    devices = {**site.devices, "s1": Device("s1", kind=SWITCH, ports=65)}
    [fabric], _ = planes(StandingSite(devices, {}, site.cables), devices, {"n1"})
    assert fabric.radix == 64
