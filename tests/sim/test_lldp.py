"""The neighbours that lldpd would print on each machine."""

from __future__ import annotations

from sovereign_ai.operate.cable_ends import expected
from sovereign_ai.sim.lldp import lldp
from tests.render.lab import stack


def test_every_ethernet_port_of_a_machine_hears_its_planned_neighbour() -> None:
    factory, plan = stack("lab")
    planned = expected(factory, plan).planned
    rows = lldp(plan)["train-001"]["lldp"][0]["interface"]
    for row in rows:
        chassis, port = row["chassis"][0]["name"][0]["value"], row["port"][0]["id"][0]["value"]
        assert planned["train-001", row["name"]] == (chassis, port)
    ends = [port for device, port in planned if device == "train-001"]
    assert sorted(row["name"] for row in rows) == sorted(ends)


def test_infiniband_has_no_lldp_and_hosts_without_a_node_have_no_document() -> None:
    _, plan = stack("superpod")
    documents = lldp(plan)
    assert set(documents) <= {node.name for node in plan.nodes}
    switches = {
        switch.name for plane in plan.fabrics if plane.kind == "infiniband" for switch in plane.switches
    }
    for document in documents.values():
        for row in document["lldp"][0]["interface"]:
            assert row["chassis"][0]["name"][0]["value"] not in switches
