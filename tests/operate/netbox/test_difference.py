"""What is left, and what a difference says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.operate.netbox.fake_netbox import FakeNetBox, fake_netbox
from tests.operate.netbox.inventory import changed, looked, planned, pushed


@pytest.fixture
def netbox() -> Iterator[FakeNetBox]:
    with fake_netbox() as running:
        yield running


def test_a_machine_in_which_others_have_a_port_is_left_and_so_is_what_it_is_in(netbox: FakeNetBox) -> None:
    pushed(netbox, planned())
    device = netbox.number("devices", name="train-002")
    netbox.add("interfaces", device=device, name="console", type="1000base-t")
    difference = looked(netbox, planned(["train-001"]))[1]
    (left,) = difference.of("leave")
    assert left.line == "leave devices fra1 train-002: 1 part of others is in it"
    kinds = [change.kind for change in difference.of("delete")]
    assert kinds == ["ip-addresses", "cables", "interfaces", "interfaces"]
    nothing = {kind: {} for kind in planned()}
    kinds = [change.kind for change in looked(netbox, nothing)[1].of("leave")]
    assert kinds == ["devices", "racks", "sites"]


def test_a_port_with_a_strangers_address_is_left(netbox: FakeNetBox) -> None:
    pushed(netbox, planned())
    port = netbox.number("interfaces", name="swp2")
    netbox.add("ip-addresses", address="192.0.2.1/32", vrf=None, assigned_object_id=port)
    (left,) = looked(netbox, planned(["train-001"]))[1].of("leave")
    assert (left.kind, left.key) == ("interfaces", ("fra1", "leaf", "swp2"))


def test_a_difference_names_objects_and_not_their_numbers(netbox: FakeNetBox) -> None:
    pushed(netbox, planned())
    wanted = planned()
    port = wanted["ip-addresses"]["small", "10.0.0.1/32"].kept["interface"]
    changed(wanted, "ip-addresses", ("small", "10.0.0.2/32"), interface=port)
    (change,) = looked(netbox, wanted)[1].changes
    assert change.to_data() == {
        "action": "change",
        "kind": "ip-addresses",
        "name": "small 10.0.0.2/32",
        "id": netbox.number("ip-addresses", address="10.0.0.2/32"),
        "fields": [
            {"field": "interface", "before": "fra1 train-002 compute0", "after": "fra1 train-001 compute0"}
        ],
        "others": 0,
    }


def test_every_object_is_counted_once(netbox: FakeNetBox) -> None:
    pushed(netbox, planned())
    counts = looked(netbox, planned(["train-001"]))[1].counts()
    assert counts["devices"] == {"create": 0, "change": 0, "delete": 1, "leave": 0, "same": 2}
    assert counts["sites"] == {"create": 0, "change": 0, "delete": 0, "leave": 0, "same": 1}
