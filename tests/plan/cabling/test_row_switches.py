"""Where twisted pairs end short, the order list says how many switches in the rows would reach."""

from __future__ import annotations

from sovereign_ai.cli.cable_text import order_data, order_lines, ordered
from sovereign_ai.plan.cabling.row_switches import row_switches
from sovereign_ai.plan.factory import plan
from sovereign_ai.plan.racks import Rack
from sovereign_ai.spec.cabling import Cabling
from sovereign_ai.spec.fabric import Fabric
from sovereign_ai.spec.site import Power, Site
from tests.plan.wishes import pool, wish

OOB = {"name": "oob", "role": "out-of-band", "kind": "ethernet", "rails": 1, "link": "1 Gbps"}


def rack(number: int, row: int) -> Rack:
    name = f"h-r{number:03d}"
    return Rack(name, "a", "h", row, "compute", (f"m-{number}",), 10, 1000, ("A", "B"))


def test_each_row_gets_the_switches_whose_ports_hold_its_devices() -> None:
    racks = [rack(number, number // 10) for number in range(30)]
    devices = ["m-0"] * 49 + ["m-12"] * 48
    proposal = row_switches("a", Fabric(**OOB, switch="sn2201"), devices, racks)
    assert proposal is not None
    assert (proposal.links, proposal.rows, proposal.switches) == (97, 2, 3)
    # Ten racks of a row: from its last to its middle are five racks of 0.6 m beyond 7 m.
    assert proposal.longest == 1_000
    assert row_switches("a", Fabric(**OOB, switch="sn2201"), ["nowhere"], racks) is None


def _alone(site: Site) -> Power:
    """Return a site's power without a question of how many feeds a machine survives on."""
    return site.power.model_copy(update={"survive": "none"})


def test_the_order_list_names_the_switches_that_would_reach() -> None:
    # A machine a rack, in so many rows that twice the way is beyond 100 m from the farthest.
    whole = wish([pool(nodes=560, nodes_per_rack=1)], {**OOB, "radix": 48, "isolation": "vrf"})
    sites = tuple(site.model_copy(update={"power": _alone(site)}) for site in whole.sites)
    described = whole.model_copy(update={"sites": sites, "cabling": Cabling(slack="100 %")})
    shown = ordered(described, plan(described), None, None)
    text = " ".join(" ".join(order_lines(shown, why=False)).split())
    [proposal] = order_data(shown)["row_switches"]
    assert proposal["switches"] > 0
    assert f"{proposal['switches']} switches in the {proposal['rows']} rows of their devices would" in text
