"""What is twinned, how it is wired and how neighbours are told apart: all without a namespace."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import EnvironmentLacksError, UsageError
from sovereign_ai.render.hosts.network import rail_files
from sovereign_ai.render.switches.links import links
from sovereign_ai.sim.twin.neighbours import frame, heard, planned
from sovereign_ai.sim.twin.reduce import Limits
from sovereign_ai.sim.twin.sample import predicted, sample
from sovereign_ai.sim.twin.wiring import host_link
from tests.render.lab import stack
from tests.sim.twin.planar import planar


def test_the_labs_twin_is_its_whole_compute_and_storage_planes_side_by_side_and_says_so() -> None:
    found = sample(*stack("lab"))
    assert found.planes == ("compute-fra1-p0", "storage-fra1-p0")
    assert "the whole of compute-fra1-p0: 8 leaves, 4 spines, 0 cores, 8 rails, 256 cables" in found.said
    assert found.said.endswith(
        "the whole of storage-fra1-p0: 4 leaves, 2 spines, 0 cores, 2 rails, 116 cables; 2 other planes are not in it"
    )
    compute, storage = found.parts
    assert (len(compute.endpoints), len(storage.endpoints), found.cables) == (128, 52, 372)
    assert sum(found.gpus[host] for host in compute.hosts) == 128
    assert set(compute.hosts) < set(storage.hosts) == set(found.hosts)
    assert found.beside(compute) == (storage,)
    assert found.sisters(compute) == ()


def test_another_plane_can_be_asked_for_alone_and_an_unknown_one_has_a_hint() -> None:
    assert sample(*stack("lab"), "storage-fra1-p0").planes == ("storage-fra1-p0",)
    with pytest.raises(UsageError, match="did you mean 'storage-fra1-p0'"):
        sample(*stack("lab"), "storage-fra1-p1")


def test_of_a_fabric_of_several_planes_two_are_twinned_and_of_another_fabric_one() -> None:
    factory, derived = planar(4)
    found = sample(factory, derived)
    assert [one.name for one in derived.fabrics[:5]] == [*(f"compute-fra1-p{plane}" for plane in range(4)), "storage-fra1-p0"]
    assert found.planes == ("compute-fra1-p0", "compute-fra1-p1", "storage-fra1-p0")
    assert found.sisters(found.parts[0]) == (found.parts[1],)
    assert found.parts[0].hosts == found.parts[1].hosts
    foretold = predicted(found, derived).lost
    assert [(one.planes, str(one.share), one.nodes, one.gpus, one.dark) for one in foretold.values()] == [
        (2, "1/2", 6, 48, 0),
        (2, "1/2", 6, 48, 0),
        (1, "0", 16, 48, 16),
    ]


@pytest.mark.parametrize(("switches", "planes"), [(12, 3), (11, 2), (4, 1), (3, 1)])
def test_what_has_no_room_beside_the_first_plane_is_left_out_from_the_end(switches: int, planes: int) -> None:
    found = sample(*planar(2), None, Limits(switches, 400))
    assert found.planes == ("compute-fra1-p0", "compute-fra1-p1", "storage-fra1-p0")[:planes]
    assert len(found.switches) <= switches


def test_where_no_plane_can_be_twinned_each_says_why() -> None:
    with pytest.raises(EnvironmentLacksError, match="InfiniBand, and FRR speaks Ethernet") as told:
        sample(*stack("superpod"))
    assert "VRFs, which the twin does not build" in str(told.value)


def test_each_host_port_is_put_into_its_own_zones_segment() -> None:
    for part in sample(*stack("lab")).parts:
        for leaf in part.tier("leaf"):
            masters = {one["name"]: one["master"] for one in links(leaf)}
            for end in (one for one in part.endpoints if one.leaf == leaf.switch.name):
                assert masters[end.leaf_interface] == f"br{leaf.partitions[end.zone].number}"


def test_a_host_answers_from_the_rail_that_was_asked_and_reaches_no_other_plane_from_it() -> None:
    compute, storage = sample(*stack("lab")).parts
    mine = [end for end in compute.endpoints if end.host == "train-001"]
    assert [end.table for end in mine] == list(range(100, 108))
    for end in mine:
        lines = list(host_link(compute, end))
        assert f"rule add from {end.ip} lookup {end.table} priority 10000" in lines
        assert sum(f"dev {end.interface} src {end.ip}" in line for line in lines) == 8
        kept_out = [line for line in lines if "unreachable" in line]
        assert [line.split()[5] for line in kept_out] == list(storage.rails)
        assert {line.split()[3] for line in kept_out} == {end.ip}


def test_the_hosts_of_the_twin_have_the_tables_and_rules_that_a_hosts_files_have() -> None:
    factory, derived = planar(2)
    files = rail_files(derived)
    for part in sample(factory, derived).parts:
        for end in part.endpoints:
            text = files[end.host][f"/etc/systemd/network/30-{end.interface}.network"]
            lines = list(host_link(part, end))
            assert f"Address={end.address}\n" in text
            assert f"From={end.ip}\nTable={end.table}\nPriority=10000\n" in text
            assert text.count("\n[Route]\n") == sum(line.startswith("route add") for line in lines)
            kept_out = [line.split()[5] for line in lines if "unreachable" in line]
            assert [f"From={end.ip}\nTo={one}\nType=unreachable\n" in text for one in kept_out] == [True] * len(kept_out)
            assert text.count("Type=unreachable") == len(kept_out)


def test_no_two_ports_of_a_host_share_a_table() -> None:
    ends = sample(*planar(2)).endpoints
    tables = {(end.host, end.table) for end in ends}
    assert len(tables) == len(ends)


def test_every_port_has_one_planned_neighbour_and_both_agree_and_no_cable_joins_planes() -> None:
    found = sample(*stack("lab"))
    wanted = planned(found)
    assert len(wanted) == 2 * 372
    assert all(wanted[peer] == port for port, peer in wanted.items())
    plane = {one.switch.name: part.name for part in found.parts for one in part.switches}
    assert all(plane[port[0]] == plane[peer[0]] for port, peer in wanted.items() if port[0] in plane and peer[0] in plane)


@pytest.mark.parametrize("data", [b"", bytes(14), bytes(40), frame("leaf", "swp1", bytes(6))[:20], b"\xff" * 60])
def test_what_is_no_whole_lldp_frame_is_nobody(data: bytes) -> None:
    assert heard(data) is None


def test_a_frame_is_heard_as_it_was_said() -> None:
    assert heard(frame("compute-fra1-p0-leaf-r0-001", "swp3s1", bytes(6))) == ("compute-fra1-p0-leaf-r0-001", "swp3s1")
