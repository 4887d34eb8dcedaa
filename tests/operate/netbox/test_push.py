"""What reaches a NetBox, in which order, and what happens when a part of it does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.operate.netbox import Push, PushOutcome
from sovereign_ai.operate.netbox.held import MARK
from sovereign_ai.operate.netbox.planned import Reference
from sovereign_ai.render.interop import OUTSIDE_PORT
from tests.operate.netbox.fake_netbox import FakeNetBox, Reply, fake_netbox, reply_json
from tests.operate.netbox.inventory import (
    FACTORY,
    cable,
    changed,
    connection,
    looked,
    outside,
    planned,
    port,
    pushed,
    put,
)


@pytest.fixture
def netbox() -> Iterator[FakeNetBox]:
    with fake_netbox() as running:
        yield running


def codes(outcome: PushOutcome) -> list[str]:
    return [problem.code for problem in outcome.problems]


def writes(netbox: FakeNetBox) -> list[tuple[str, str]]:
    """Return kind and method of each batch since the last call."""
    done = list(netbox.writes)
    netbox.writes.clear()
    return done


def test_a_plan_is_written_with_its_factory_s_mark_and_a_second_run_writes_nothing(
    netbox: FakeNetBox,
) -> None:
    outcome = pushed(netbox, planned())
    assert not outcome.problems
    assert outcome.written == 18
    for kind in ("sites", "racks", "devices", "interfaces", "cables", "vrfs", "prefixes", "ip-addresses"):
        for held in netbox.of(kind).values():
            assert held["custom_fields"] == {MARK: FACTORY}
    assert len(netbox.of("devices")) == 3
    assert writes(netbox)
    assert pushed(netbox, planned()).written == 0
    assert not writes(netbox)


def test_a_removed_machine_goes_with_its_ports_cable_and_address(netbox: FakeNetBox) -> None:
    pushed(netbox, planned())
    writes(netbox)
    outcome = pushed(netbox, planned(["train-001"]))
    assert not outcome.problems
    assert writes(netbox) == [
        ("ip-addresses", "DELETE"),
        ("cables", "DELETE"),
        ("interfaces", "DELETE"),
        ("devices", "DELETE"),
    ]
    names = [held["name"] for held in netbox.of("devices").values()]
    assert names == ["leaf", "train-001"]


def test_a_cable_that_leads_elsewhere_is_taken_out_before_the_new_one_is_laid(netbox: FakeNetBox) -> None:
    pushed(netbox, planned())
    writes(netbox)
    other = planned()
    (key,) = [key for key in other["cables"] if "train-002" in key]
    del other["cables"][key]
    del other["interfaces"]["fra1", "leaf", "swp2"]
    port(other, "leaf", "swp9")
    cable(other, ("train-002", "compute0"), ("leaf", "swp9"))
    assert not pushed(netbox, other).problems
    assert writes(netbox) == [
        ("cables", "DELETE"),
        ("interfaces", "DELETE"),
        ("interfaces", "POST"),
        ("cables", "POST"),
    ]
    assert looked(netbox, other)[1].writes == 0


def test_two_machines_can_change_places(netbox: FakeNetBox) -> None:
    pushed(netbox, planned())
    swapped = planned(["train-002", "train-001"])
    # The order of the machines also changes ports and addresses; only the places matter here.
    places = {}
    for name in ("train-001", "train-002"):
        places[name] = swapped["devices"]["fra1", name].kept["position"]
    again = planned()
    for name, position in places.items():
        changed(again, "devices", ("fra1", name), position=position)
    assert not pushed(netbox, again).problems
    assert netbox.of("devices")[netbox.number("devices", name="train-001")]["position"] == 2
    assert looked(netbox, again)[1].writes == 0


def test_an_address_and_a_machine_outlive_the_port_and_the_rack_that_they_leave(netbox: FakeNetBox) -> None:
    pushed(netbox, planned())
    wanted = planned(["other-001", "train-002"])
    old, new = ("fra1", "r1"), ("fra1", "r2")
    put(wanted, "racks", new, wanted["racks"].pop(old).kept, site=Reference("sites", ("fra1",)), name="r2")
    for key in list(wanted["devices"]):
        changed(wanted, "devices", key, rack=Reference("racks", new))
    numbers = netbox.of("ip-addresses").keys() | netbox.of("devices").keys()
    outcome = pushed(netbox, wanted)
    assert not outcome.problems
    assert len(netbox.of("ip-addresses").keys() & numbers) == 2
    assert len(netbox.of("devices").keys() & numbers) == 2
    assert [held["name"] for held in netbox.of("racks").values()] == ["r2"]
    assert looked(netbox, wanted)[1].writes == 0


def test_a_status_that_somebody_sets_stays(netbox: FakeNetBox) -> None:
    pushed(netbox, planned())
    netbox.of("devices")[netbox.number("devices", name="leaf")]["status"] = "active"
    assert looked(netbox, planned())[1].writes == 0


def test_a_changed_field_is_put_back_and_others_are_not_sent(netbox: FakeNetBox) -> None:
    pushed(netbox, planned())
    number = netbox.number("prefixes", prefix="10.0.0.0/24")
    netbox.of("prefixes")[number] |= {"description": "mine", "status": "reserved"}
    (change,) = looked(netbox, planned())[1].changes
    assert change.line == "change prefixes small 10.0.0.0/24: description mine -> nodes train"
    pushed(netbox, planned())
    assert netbox.of("prefixes")[number]["description"] == "nodes train"
    assert netbox.of("prefixes")[number]["status"] == "reserved"


def test_what_is_refused_is_named_and_the_rest_of_its_batch_is_written(netbox: FakeNetBox) -> None:
    wanted = planned()
    # Two machines in one height unit: NetBox takes the first.
    place = wanted["devices"]["fra1", "train-001"].kept["position"]
    changed(wanted, "devices", ("fra1", "train-002"), position=place)
    outcome = pushed(netbox, wanted)
    (problem,) = outcome.problems
    assert "create devices fra1 train-002: U1.0 is already occupied" in problem.message
    # Its port, cable and address wait.
    assert outcome.waiting == 3
    assert outcome.written == 14
    again = pushed(netbox, planned())
    assert not again.problems
    assert again.written == 4


def test_a_write_without_an_answer_ends_the_run_and_the_next_one_repeats_nothing(netbox: FakeNetBox) -> None:
    held, difference = looked(netbox, planned())
    run = Push(connection(netbox), held)
    netbox.script = lambda method, path: cut_at(netbox, method, path, "vrfs")
    outcome = run.apply(difference)
    assert codes(outcome) == ["netbox-lost"]
    assert outcome.waiting == 4
    netbox.script = lambda _method, _path: None
    assert pushed(netbox, planned()).written == 3
    assert len(netbox.of("vrfs")) == 1
    assert looked(netbox, planned())[1].writes == 0


def cut_at(netbox: FakeNetBox, method: str, path: str, kind: str) -> None:
    """Have the writes of a kind carried out without an answer."""
    netbox.cut = 1 if method == "POST" and f"/{kind}/" in path else 0


def test_cables_are_sent_in_smaller_batches_since_netbox_traces_each(netbox: FakeNetBox) -> None:
    machines = [f"train-{number:03d}" for number in range(1, 31)]
    assert not pushed(netbox, planned(machines)).problems
    assert len(netbox.of("cables")) == 30
    assert netbox.writes.count(("cables", "POST")) == 2
    assert netbox.writes.count(("interfaces", "POST")) == 1


def test_after_twenty_refusals_of_a_kind_its_rest_is_left(netbox: FakeNetBox) -> None:
    machines = [f"train-{number:03d}" for number in range(1, 31)]
    netbox.script = lambda method, path: refuse(method, path, "devices")
    outcome = pushed(netbox, planned(machines))
    assert codes(outcome) == ["netbox-refused"] * 20
    assert sum(1 for method, path in netbox.requests if method == "POST" and "devices" in path) < 60


def refuse(method: str, path: str, kind: str) -> Reply | None:
    if method == "POST" and f"/{kind}/" in path:
        return reply_json(400, {"errors": [{"name": ["never"]}]})
    return None


def test_created_objects_in_another_order_are_no_answer(netbox: FakeNetBox) -> None:
    held, difference = looked(netbox, planned())
    netbox.script = lambda method, path: (
        reply_json(201, [{"id": 9, "name": "another"}]) if method == "POST" and "/sites/" in path else None
    )
    with pytest.raises(EnvironmentLacksError, match="another order"):
        Push(connection(netbox), held).apply(difference)


def test_a_port_to_the_outside_is_created_shut_and_is_its_users_from_then_on(netbox: FakeNetBox) -> None:
    wanted = planned()
    outside(wanted, "leaf", "swp64")
    pushed(netbox, wanted)
    number = netbox.number("interfaces", name="swp64")
    held = netbox.of("interfaces")[number]
    assert (held["enabled"], held["description"]) == (False, OUTSIDE_PORT)
    assert not looked(netbox, wanted)[1].changes
    held |= {"enabled": True, "description": "transit of example.net", "type": "100gbase-lr4"}
    assert not looked(netbox, wanted)[1].changes
    held |= {"description": ""}
    netbox.add("ip-addresses", address="192.0.2.1/31", vrf=None, assigned_object_id=number)
    assert not looked(netbox, wanted)[1].changes


def test_a_port_that_changes_its_purpose_is_shut_or_opened_in_one_run(netbox: FakeNetBox) -> None:
    inner, other = planned(), planned(["train-001"])
    outside(other, "leaf", "swp2")
    pushed(netbox, inner)
    number = netbox.number("interfaces", name="swp2")
    pushed(netbox, other)
    held = netbox.of("interfaces")[number]
    assert (held["enabled"], held["description"]) == (False, OUTSIDE_PORT)
    assert not looked(netbox, other)[1].changes
    pushed(netbox, inner)
    assert (held["enabled"], held["description"], held["type"]) == (True, "", "400gbase-x-osfp")
    assert not looked(netbox, inner)[1].changes


def test_a_port_to_the_outside_that_others_cabled_is_left_when_the_plan_has_it_no_more(
    netbox: FakeNetBox,
) -> None:
    wanted = planned()
    outside(wanted, "leaf", "swp64")
    pushed(netbox, wanted)
    port = netbox.number("interfaces", name="swp64")
    far = netbox.add("interfaces", device=netbox.number("devices", name="leaf"), name="far", type="other")
    ends = [[{"object_type": "dcim.interface", "object_id": number}] for number in (port, far)]
    netbox.add("cables", a_terminations=ends[0], b_terminations=ends[1])
    (left,) = [change for change in looked(netbox, planned())[1].changes if change.kind == "interfaces"]
    assert (left.action, left.key) == ("leave", ("fra1", "leaf", "swp64"))
