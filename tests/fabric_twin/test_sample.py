"""What is twinned, how it is wired and how neighbours are told apart: all without a namespace."""

from __future__ import annotations

import pytest

from sovereign_ai.errors import EnvironmentLacksError, UsageError
from sovereign_ai.fabric_twin.reduce import Limits
from sovereign_ai.fabric_twin.sample import choose_sample, predict
from sovereign_ai.render.switches.links import switch_links
from tests.fabric_twin.planar import planar
from tests.render.lab import stack


def test_the_labs_twin_is_its_whole_compute_and_storage_planes_side_by_side_and_says_so() -> None:
    found = choose_sample(*stack("lab"))
    assert found.planes == ("compute-fra1-p0", "storage-fra1-p0")
    assert "the whole of compute-fra1-p0: 8 leaves, 4 spines, 0 cores, 8 rails, 256 cables" in found.summary
    assert found.summary.endswith(
        "the whole of storage-fra1-p0: 4 leaves, 2 spines, 0 cores, 2 rails, 116 cables; 2 other planes are not in it"  # noqa: E501 - one literal text
    )
    compute, storage = found.parts
    assert (len(compute.endpoints), len(storage.endpoints), found.cables) == (128, 52, 372)
    assert sum(found.gpus[host] for host in compute.hosts) == 128
    assert set(compute.hosts) < set(storage.hosts) == set(found.hosts)
    assert found.beside(compute) == (storage,)
    assert found.sisters(compute) == ()


def test_another_plane_can_be_asked_for_alone_and_an_unknown_one_has_a_hint() -> None:
    assert choose_sample(*stack("lab"), "storage-fra1-p0").planes == ("storage-fra1-p0",)
    with pytest.raises(UsageError, match="did you mean 'storage-fra1-p0'"):
        choose_sample(*stack("lab"), "storage-fra1-p1")


def test_of_a_fabric_of_several_planes_two_are_twinned_and_of_another_fabric_one() -> None:
    factory, derived = planar(4)
    found = choose_sample(factory, derived)
    assert [one.name for one in derived.fabrics[:5]] == [
        *(f"compute-fra1-p{plane}" for plane in range(4)),
        "storage-fra1-p0",
    ]
    assert found.planes == ("compute-fra1-p0", "compute-fra1-p1", "storage-fra1-p0")
    assert found.sisters(found.parts[0]) == (found.parts[1],)
    assert found.parts[0].hosts == found.parts[1].hosts
    foretold = predict(found, derived).lost
    assert [(one.planes, str(one.share), one.nodes, one.gpus, one.dark) for one in foretold.values()] == [
        (2, "1/2", 6, 48, 0),
        (2, "1/2", 6, 48, 0),
        (1, "0", 16, 48, 16),
    ]


@pytest.mark.parametrize(("switches", "planes"), [(12, 3), (11, 2), (4, 1), (3, 1)])
def test_what_has_no_room_beside_the_first_plane_is_left_out_from_the_end(switches: int, planes: int) -> None:
    found = choose_sample(*planar(2), None, Limits(switches, 400))
    assert found.planes == ("compute-fra1-p0", "compute-fra1-p1", "storage-fra1-p0")[:planes]
    assert len(found.switches) <= switches


def test_where_no_plane_can_be_twinned_each_says_why() -> None:
    with pytest.raises(EnvironmentLacksError, match="InfiniBand, and FRR speaks Ethernet") as told:
        choose_sample(*stack("superpod"))
    assert "VRFs, which the twin does not build" in str(told.value)


def test_each_host_port_is_put_into_its_own_zones_segment() -> None:
    for part in choose_sample(*stack("lab")).parts:
        for leaf in part.tier("leaf"):
            masters = {one["name"]: one["master"] for one in switch_links(leaf)}
            for end in (one for one in part.endpoints if one.leaf == leaf.switch.name):
                assert masters[end.leaf_interface] == f"br{leaf.partitions[end.zone].number}"


def test_no_two_ports_of_a_host_share_a_table() -> None:
    ends = choose_sample(*planar(2)).endpoints
    tables = {(end.host, end.table) for end in ends}
    assert len(tables) == len(ends)
