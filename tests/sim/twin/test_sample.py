"""What is twinned, how it is wired and how neighbours are told apart: all without a namespace."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import EnvironmentLacksError, UsageError
from sovereign_ai.render.switches.links import links
from sovereign_ai.sim.twin.neighbours import frame, heard, planned
from sovereign_ai.sim.twin.sample import sample
from sovereign_ai.sim.twin.wiring import host_links
from tests.render.lab import stack


def test_the_labs_twin_is_its_whole_compute_plane_and_says_so() -> None:
    found = sample(*stack("lab"))
    assert found.plane.name == "compute-fra1-p0"
    assert "8 leaves, 4 spines, 0 cores, 8 rails, 256 cables; 3 other planes are not in it" in found.said
    assert len(found.endpoints) == 128
    assert sum(found.gpus[host] for host in found.hosts) == 128


def test_another_plane_can_be_asked_for_and_an_unknown_one_has_a_hint() -> None:
    assert sample(*stack("lab"), "storage-fra1-p0").plane.role == "storage"
    with pytest.raises(UsageError, match="did you mean 'storage-fra1-p0'"):
        sample(*stack("lab"), "storage-fra1-p1")


def test_where_no_plane_can_be_twinned_each_says_why() -> None:
    with pytest.raises(EnvironmentLacksError, match="InfiniBand, and FRR speaks Ethernet") as told:
        sample(*stack("superpod"))
    assert "VRFs, which the twin does not build" in str(told.value)


def test_each_host_port_is_put_into_its_own_zones_segment() -> None:
    found = sample(*stack("lab"))
    for leaf in found.tier("leaf"):
        masters = {one["name"]: one["master"] for one in links(leaf)}
        for end in (one for one in found.endpoints if one.leaf == leaf.switch.name):
            assert masters[end.leaf_interface] == f"br{leaf.partitions[end.zone].number}"


def test_a_host_answers_from_the_rail_that_was_asked() -> None:
    found = sample(*stack("lab"))
    mine = [end for end in found.endpoints if end.host == "train-001"]
    lines = list(host_links(found, mine))
    assert len(mine) == 8
    for end in mine:
        assert f"rule add from {end.ip} lookup {100 + end.rail}" in lines
        assert sum(f"dev {end.interface} src {end.ip}" in line for line in lines) == 8


def test_every_port_has_one_planned_neighbour_and_both_agree() -> None:
    wanted = planned(sample(*stack("lab")))
    assert len(wanted) == 512
    assert all(wanted[peer] == port for port, peer in wanted.items())


@pytest.mark.parametrize("data", [b"", bytes(14), bytes(40), frame("leaf", "swp1", bytes(6))[:20], b"\xff" * 60])
def test_what_is_no_whole_lldp_frame_is_nobody(data: bytes) -> None:
    assert heard(data) is None


def test_a_frame_is_heard_as_it_was_said() -> None:
    assert heard(frame("compute-fra1-p0-leaf-r0-001", "swp3s1", bytes(6))) == ("compute-fra1-p0-leaf-r0-001", "swp3s1")
