"""Outputs of `ibnetdiscover`: names of switches and machines, rates, and what is none of them."""

from __future__ import annotations

from pathlib import Path

from sovereign_ai.adopt.standing import MACHINE, SWITCH
from tests.adopt.kit import places, site

RECORDED = (Path(__file__).parents[1] / "assess" / "observed" / "subnet.txt").read_text(encoding="utf-8")
MANAGED = """Switch\t65 "S-0000000000000001"\t# "MF0;leaf-1:MQM9700/U1" enhanced port 0 lid 1 lmc 0
[1]\t"H-0000000000000011"[1](11) \t# "n1 mlx5_0" lid 11 4xNDR
[2]\t"H-0000000000000012"[2](13) \t# "n1 mlx5_1" lid 12 4xNDR
[3]\t"H-0000000000000014"[1](14) \t# "default" lid 14 4xNDR
[4]\t"H-0000000000000015"[1](15) \t# "default" lid 15 4xNDR
[5]\t"R-0000000000000017"[1](17) \t# "router" lid 17 4xNDR
[6]\t"H-0000000000000018"[1](18) \t# "gone mlx5_0" lid 18 4xNDR
[65]\t"H-0000000000000016"[1](16) \t# "Mellanox Technologies Aggregation Node" lid 16 4xNDR

Ca\t1 "H-0000000000000011"\t# "n1 mlx5_0"
[1](11)\t"S-0000000000000001"[1]\t# lid 11 lmc 0 "MF0;leaf-1:MQM9700/U1" lid 1 4xNDR
Ca\t2 "H-0000000000000012"\t# "n1 mlx5_1"
[2](13)\t"S-0000000000000001"[2]\t# lid 12 lmc 0 "MF0;leaf-1:MQM9700/U1" lid 1 4xNDR
Ca\t1 "H-0000000000000014"\t# "default"
[1](14)\t"S-0000000000000001"[3]\t# lid 14 lmc 0 "MF0;leaf-1:MQM9700/U1" lid 1 4xNDR
Ca\t1 "H-0000000000000015"\t# "default"
[1](15)\t"S-0000000000000001"[4]\t# lid 15 lmc 0 "MF0;leaf-1:MQM9700/U1" lid 1 4xNDR
Ca\t1 "H-0000000000000016"\t# "Mellanox Technologies Aggregation Node"
[1](16)\t"S-0000000000000001"[65]\t# lid 16 lmc 0 "MF0;leaf-1:MQM9700/U1" lid 1 4xNDR
Rt\t1 "R-0000000000000017"\t# "router"
[1](17)\t"S-0000000000000001"[5]\t# lid 17 lmc 0 "MF0;leaf-1:MQM9700/U1" lid 1 4xNDR
"""


def test_a_recorded_subnet_has_its_machines_switches_and_each_cable_once() -> None:
    seen = site("ibnetdiscover", subnet_txt=RECORDED)
    kinds = [device.kind for device in seen.devices.values()]
    assert (kinds.count(SWITCH), kinds.count(MACHINE)) == (3, 8)
    assert len(seen.cables) == 12
    assert seen.interfaces["a-001", "compute0"] == "infiniband-sdr-4x"
    assert not seen.left_out


def test_switches_and_adapters_have_the_names_that_operators_gave_them() -> None:
    seen = site("ibnetdiscover", subnet_txt=MANAGED)
    leaf = seen.devices["leaf-1"]
    assert (leaf.kind, leaf.model, leaf.ports) == (SWITCH, "MQM9700", 65)
    assert set(map(frozenset, seen.cables)) == {
        frozenset({("leaf-1", "1"), ("n1", "mlx5_0")}),
        frozenset({("leaf-1", "2"), ("n1", "mlx5_1/2")}),
    }


def test_what_is_no_machine_is_left_out() -> None:
    seen = site("ibnetdiscover", subnet_txt=MANAGED)
    assert set(seen.devices) == {"leaf-1", "n1"}
    assert set(seen.left_out) == {
        "aggregation node of a switch",
        "2 x adapter without a description of its own",
        "router of InfiniBand",
        "end of a link that the other end does not report",
    }


def test_several_subnets_are_one_site_and_another_text_is_refused() -> None:
    other = RECORDED.replace("compute-x", "compute-y").replace("-compute0", "-compute1")
    seen = site("ibnetdiscover", a_txt=RECORDED, b_txt=other)
    assert len(seen.cables) == 24
    assert places("ibnetdiscover", a_txt="no route to host\n", b_txt="") == [("not-a-subnet", None)] * 2
