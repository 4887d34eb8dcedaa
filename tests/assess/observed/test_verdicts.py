"""Every way in which a cable can be wrong, against a brute force over a small plan."""

from __future__ import annotations

from itertools import product

import pytest

from sovereign_ai.assess.observed.verdicts import End, PortState, count, judge, unplanned

CABLES = [(("h1", "p0"), ("leaf", "1")), (("h2", "p0"), ("leaf", "2"))]
PLAN: dict[End, End] = {near: far for a, b in CABLES for near, far in ((a, b), (b, a))}
EVERYBODY = {"h1", "h2", "leaf"}


def states(seen: dict[End, End], reporting: set[str] = EVERYBODY) -> dict[End, str]:
    return {(port.device, port.port): str(port.state) for port in judge(PLAN, seen, reporting)}


def test_what_is_cabled_as_planned_is_right_from_both_ends() -> None:
    assert set(states(PLAN).values()) == {"right"}


def test_one_end_alone_is_enough_where_the_other_is_silent() -> None:
    seen = {near: far for near, far in PLAN.items() if near[0] == "leaf"}
    assert set(states(seen, {"leaf"}).values()) == {"right"}


def test_two_cables_that_are_exchanged_are_four_swapped_ports() -> None:
    crossed = {
        ("h1", "p0"): ("leaf", "2"),
        ("leaf", "2"): ("h1", "p0"),
        ("h2", "p0"): ("leaf", "1"),
        ("leaf", "1"): ("h2", "p0"),
    }
    assert set(states(crossed).values()) == {"swapped"}


def test_a_cable_that_nobody_sees_is_missing_and_one_of_silent_devices_is_not_reported() -> None:
    seen = {near: far for near, far in PLAN.items() if "h2" not in (near[0], far[0])}
    assert states(seen)["h2", "p0"] == states(seen)["leaf", "2"] == "missing"
    assert set(states({}, set()).values()) == {"not reported"}


def test_a_stranger_is_unknown_and_a_port_that_one_side_sees_is_half_seen() -> None:
    strange = PLAN | {("leaf", "1"): ("laptop", "eth0"), ("h1", "p0"): ("laptop", "eth1")}
    assert states(strange)["leaf", "1"] == states(strange)["h1", "p0"] == "unknown"
    half = {near: far for near, far in PLAN.items() if near != ("leaf", "1")}
    assert states(half)["leaf", "1"] == states(half)["h1", "p0"] == "half seen"


def test_a_link_at_a_port_that_is_planned_free_is_named() -> None:
    seen = PLAN | {("leaf", "9"): ("h1", "p7")}
    assert list(unplanned(PLAN, seen, EVERYBODY)) == [(("leaf", "9"), ("h1", "p7"))]


@pytest.mark.parametrize("damage", list(product([None, ("leaf", "1"), ("leaf", "2"), ("x", "1")], repeat=2)))
def test_a_port_is_right_exactly_if_its_device_sees_what_is_planned(
    damage: tuple[End | None, End | None],
) -> None:
    seen = dict(PLAN)
    for host, met in zip(("h1", "h2"), damage, strict=True):
        if met is None:
            del seen[host, "p0"]
        else:
            seen[host, "p0"] = met
    for port in judge(PLAN, seen, EVERYBODY):
        if port.device != "leaf":
            assert (port.state is PortState.RIGHT) == (seen.get((port.device, port.port)) == port.planned)


def test_states_are_counted_and_empty_ones_left_out() -> None:
    assert count(judge(PLAN, PLAN, EVERYBODY)) == {"right": 4}
