"""The status of NetBox's cables by what was observed of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from sovereign_ai.assess.observed import End, ObservedPort, PortState
from sovereign_ai.operate.netbox import Push, PushOutcome, cable_statuses, compare, read_held, with_statuses
from sovereign_ai.operate.netbox.cable_status import CableStatuses
from sovereign_ai.operate.observation import Observation
from tests.operate.netbox.fake_netbox import FakeNetBox, fake_netbox
from tests.operate.netbox.inventory import FACTORY, Tables, connection, planned, pushed

FIRST = (("train-001", "compute0"), ("leaf", "swp1"))
SECOND = (("train-002", "compute0"), ("leaf", "swp2"))


def seen(
    states: Mapping[tuple[End, End], tuple[PortState, PortState]],
    extra: tuple[tuple[End, End], ...] = (),
    conflicts: Mapping[End, tuple[End, End]] | None = None,
) -> Observation:
    """Return an observation of cables: the states of both of their ports."""
    ports = []
    for (near, far), (near_state, far_state) in states.items():
        ports.append(ObservedPort(*near, near_state, far, None))
        ports.append(ObservedPort(*far, far_state, near, None))
    return Observation(tuple(ports), extra, conflicts or {}, (), {}, 1)


RIGHT = (PortState.RIGHT, PortState.RIGHT)
ALL_RIGHT = {FIRST: RIGHT, SECOND: RIGHT}


@pytest.fixture
def netbox() -> Iterator[FakeNetBox]:
    with fake_netbox() as running:
        assert not pushed(running, planned()).problems
        running.writes.clear()
        yield running


def push(netbox: FakeNetBox, tables: Tables, observation: Observation) -> PushOutcome:
    statuses = cable_statuses(observation)
    wanted = with_statuses(tables, statuses)
    held = read_held(connection(netbox), FACTORY, wanted)
    assert not held.foreign
    difference = compare(wanted, held, statuses.unplanned)
    return Push(connection(netbox), held).apply(difference)


def status(netbox: FakeNetBox) -> dict[str, str]:
    """Return the label of each cable to its status."""
    return {held["label"]: held["status"] for held in netbox.of("cables").values()}


def test_a_cable_whose_ports_are_right_is_connected_and_a_second_push_writes_nothing(
    netbox: FakeNetBox,
) -> None:
    assert status(netbox) == {"c-train-001": "planned", "c-train-002": "planned"}
    assert push(netbox, planned(), seen(ALL_RIGHT)).written == 2
    assert status(netbox) == {"c-train-001": "connected", "c-train-002": "connected"}
    assert netbox.writes == [("cables", "PATCH")]
    assert push(netbox, planned(), seen(ALL_RIGHT)).written == 0


@pytest.mark.parametrize(
    ("near", "far", "wanted"),
    [
        (PortState.SWAPPED, PortState.SWAPPED, "planned"),
        (PortState.RIGHT, PortState.SWAPPED, "planned"),
        (PortState.UNKNOWN, PortState.MISSING, "planned"),
        (PortState.MISSING, PortState.MISSING, "planned"),
        (PortState.HALF_SEEN, PortState.HALF_SEEN, "connected"),
        (PortState.RIGHT, PortState.HALF_SEEN, "connected"),
        (PortState.UNREPORTED, PortState.UNREPORTED, "connected"),
    ],
)
def test_a_cable_that_is_not_as_planned_is_planned_again_and_an_unjudged_one_stays(
    netbox: FakeNetBox, near: PortState, far: PortState, wanted: str
) -> None:
    push(netbox, planned(), seen(ALL_RIGHT))
    push(netbox, planned(), seen({FIRST: (near, far), SECOND: RIGHT}))
    assert status(netbox) == {"c-train-001": wanted, "c-train-002": "connected"}


def test_a_port_with_two_reported_neighbours_leaves_its_cable_s_status(netbox: FakeNetBox) -> None:
    both = (FIRST[0], SECOND[0])
    push(netbox, planned(), seen(ALL_RIGHT, conflicts={FIRST[1]: both}))
    assert status(netbox) == {"c-train-001": "planned", "c-train-002": "connected"}


def test_a_cable_that_is_created_has_the_status_that_was_seen() -> None:
    with fake_netbox() as netbox:
        push(netbox, planned(), seen({FIRST: RIGHT, SECOND: (PortState.MISSING, PortState.MISSING)}))
        assert status(netbox) == {"c-train-001": "connected", "c-train-002": "planned"}


def test_a_cable_out_of_the_plan_is_decommissioning_as_long_as_it_is_seen(netbox: FakeNetBox) -> None:
    smaller = planned(["train-001"])
    observation = seen({FIRST: RIGHT}, extra=((SECOND[1], SECOND[0]),))
    outcome = push(netbox, smaller, observation)
    assert not outcome.problems
    assert status(netbox) == {"c-train-001": "connected", "c-train-002": "decommissioning"}
    names = {held["name"] for held in netbox.of("devices").values()}
    assert names == {"leaf", "train-001", "train-002"}
    # It is still there: nothing to do. Once it is out, it goes with its ports and the machine.
    assert push(netbox, smaller, observation).written == 0
    assert not push(netbox, smaller, seen({FIRST: RIGHT})).problems
    assert status(netbox) == {"c-train-001": "connected"}
    assert {held["name"] for held in netbox.of("devices").values()} == {"leaf", "train-001"}


def test_a_seen_cable_gives_way_where_the_plan_has_another_for_its_port(netbox: FakeNetBox) -> None:
    smaller = planned(["train-001"])
    # It was moved by hand to the port of the machine that stays.
    observation = seen({FIRST: (PortState.SWAPPED, PortState.SWAPPED)}, extra=((SECOND[0], FIRST[1]),))
    assert not cable_statuses(observation).unplanned
    assert not push(netbox, smaller, observation).problems
    assert status(netbox) == {"c-train-001": "planned"}


def test_without_an_observation_the_status_belongs_to_the_operators(netbox: FakeNetBox) -> None:
    push(netbox, planned(), seen(ALL_RIGHT))
    assert pushed(netbox, planned()).written == 0
    assert set(status(netbox).values()) == {"connected"}


def test_the_counts_are_said_for_a_person_and_a_program() -> None:
    first, second = frozenset(FIRST), frozenset(SECOND)
    statuses = CableStatuses({first: "connected"}, 1, frozenset({second}))
    assert statuses.text == "cables as observed: 1 connected, 0 planned, 1 not judged, whose status stays"
    assert statuses.to_data() == {"connected": 1, "planned": 0, "left": 1, "unplanned": 1}
