"""LLDP frames, the planned neighbour of each port, and miswires."""

from __future__ import annotations

import pytest

from sovereign_ai.fabric_twin import neighbours
from sovereign_ai.fabric_twin.neighbours import Port, frame, miswires, parse_frame, planned
from sovereign_ai.fabric_twin.sample import choose_sample
from tests.render.lab import stack


def test_every_port_has_one_planned_neighbour_and_no_cable_joins_planes() -> None:
    found = choose_sample(*stack("lab"))
    wanted = planned(found)
    assert len(wanted) == 2 * 372
    assert all(wanted[peer] == port for port, peer in wanted.items())
    plane = {one.switch.name: part.name for part in found.parts for one in part.switches}
    assert all(
        plane[port[0]] == plane[peer[0]]
        for port, peer in wanted.items()
        if port[0] in plane and peer[0] in plane
    )


@pytest.mark.parametrize(
    "data", [b"", bytes(14), bytes(40), frame("leaf", "swp1", bytes(6))[:20], b"\xff" * 60]
)
def test_what_is_no_whole_lldp_frame_is_nobody(data: bytes) -> None:
    assert parse_frame(data) is None


def test_a_frame_is_heard_as_it_was_sent() -> None:
    assert parse_frame(frame("compute-fra1-p0-leaf-r0-001", "swp3s1", bytes(6))) == (
        "compute-fra1-p0-leaf-r0-001",
        "swp3s1",
    )


def test_a_miswire_names_what_the_port_should_meet_and_what_it_meets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = choose_sample(*stack("lab"))
    seen: dict[Port, Port] = planned(chosen)
    first, second = sorted(seen)[:2]
    seen[first] = seen[second]
    del seen[second]
    monkeypatch.setattr(neighbours, "neighbours", lambda _prefix, _ports: seen)
    wrong, silent = miswires(chosen, "twin.")
    assert (wrong.port, silent.port) == (first, second)
    assert str(wrong).endswith(f"and meets {' '.join(wrong.seen or ())}")
    assert str(silent).endswith("and hears nobody")
