"""Nodes without an operating system: DHCP reservations and boot scripts."""

from __future__ import annotations

import orjson
import yaml

from sovereign_ai.render.interop.output_files import DeliveredFacts, files
from tests.render.interop.test_output_files import written
from tests.render.lab import stack


def test_a_reservation_goes_by_the_port_until_the_machines_mac_is_known() -> None:
    factory, plan = stack("lab")
    text = dict(files(factory, plan, DeliveredFacts(macs={"train-001": "02:00:00:00:00:01"})))
    first, second, *_ = orjson.loads(text["inband-fra1-p0/kea-dhcp4.json"])["Dhcp4"]["shared-networks"][0][
        "subnet4"
    ][0]["reservations"]
    assert (first["hw-address"], first["ip-address"]) == ("02:00:00:00:00:01", "10.64.0.2")
    assert second["circuit-id"] == "'inband-fra1-p0-leaf-r0-001:swp2:Vlan104'"
    host = next(yaml.load_all(text["bare-metal/lab.yaml"], yaml.CSafeLoader))
    assert host["spec"]["bootMACAddress"] == "02:00:00:00:00:01"


def test_machines_boot_from_the_server_that_is_named_each_with_its_own_address() -> None:
    factory, plan = stack("lab")
    text = dict(files(factory, plan, DeliveredFacts(boot="10.64.0.9")))
    dhcp = orjson.loads(text["inband-fra1-p0/kea-dhcp4.json"])["Dhcp4"]
    assert {one["name"] for one in dhcp["client-classes"]} == {
        "ipxe",
        "tftp-x86_64",
        "tftp-arm64",
        "http-x86_64",
        "http-arm64",
    }
    assert all(one["next-server"] == "10.64.0.9" for one in dhcp["client-classes"])
    assert "client-classes" not in orjson.loads(text["oob-fra1-p0/kea-dhcp4.json"])["Dhcp4"]
    scripts = {name for name in text if name.startswith("pxe/hosts/")}
    assert scripts == {f"pxe/hosts/{node.name}.ipxe" for node in plan.nodes}
    assert "ip=10.64.0.2::10.64.0.1:255.255.255.240:train-001::off" in text["pxe/hosts/train-001.ipxe"]
    assert not any(name.startswith("pxe/") for name in written("lab"))
