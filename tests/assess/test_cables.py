from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sovereign_ai.assess.cables import CableTotals, lengths
from sovereign_ai.render.interop.cabling import cables_csv
from tests.assess.stacks import changed, stack


@pytest.mark.parametrize("name", ["lab", "superpod", "plural"])
def test_the_longest_cable_within_a_hall_is_the_longest_of_the_cable_list(name: str) -> None:
    factory, plan = stack(name)
    hall = {device: rack.hall for rack in plan.racks for device in (*rack.devices, *rack.pdu_names)}
    for found, plane in zip(lengths(factory, plan), (one for one in plan.fabrics if one.cables), strict=True):
        rows = [line.split(",") for line in cables_csv(plan, plane).splitlines()]
        at = {title: number for number, title in enumerate(rows[0])}
        listed = [
            float(row[at["length m"]])
            for row in rows[1:]
            if row[at["length m"]] and hall[row[at["a"]]] == hall[row[at["b"]]]
        ]
        assert found.value == pytest.approx(max(listed), abs=0.051)
        assert found.low <= found.value <= found.high


def test_a_reach_below_the_least_length_is_too_short_and_one_within_the_range_is_open(tmp_path: Path) -> None:
    found = lengths(*stack("lab"))[0]
    assert found.holds
    text = 'oversubscription: "1:1", padding: none}\n  - {name: storage'
    for reach, holds in ((found.low - 0.1, False), (found.value, None), (found.high + 0.1, True)):
        new = text.replace("none}", f"none, reach: {round(reach * 100)} cm}}")
        assert lengths(*changed("lab", text, new, tmp_path))[0].holds is holds


def test_cables_between_halls_are_counted_and_leave_the_plane_open() -> None:
    found = {one.plane: one for one in lengths(*stack("plural"))}
    assert found["storage-vie1-p0"].between_halls > 0
    assert found["storage-vie1-p0"].holds is None
    assert found["storage-vie1-p0"].text.endswith("; 72 between halls: open")


def test_what_is_said_of_a_plane_fits_behind_its_word_on_a_terminal_however_long_the_cables_are() -> None:
    widest = CableTotals("p", 1253.4, 1255.6, 1380.1, 99_999, 500.0, holds=False)
    assert widest.text == "up to 1,260 m [1,250 to 1,380], reach 500 m; 99,999 between halls: too short"
    assert len(f"  cables {CableTotals('p', 253.4, 255.6, 380.1, 99_999, 500.0, holds=None).text}") <= 80
    assert len(f"  cables {CableTotals('p', 53.4, 55.6, 80.1, 9_999, 50.0, holds=False).text}") <= 80


def test_management_links_too_long_for_twisted_pairs_are_named() -> None:
    factory, plan = stack("lab")
    assert all(found.beyond_twisted == 0 for found in lengths(factory, plan))
    # A rack far down the rows: its machines are more than 100 m from the switches of the others.
    racks = list(plan.racks)
    far = next(number for number, rack in enumerate(racks) if rack.kind == "compute")
    racks[far] = replace(racks[far], name=f"{racks[far].hall}-r900")
    found = {row.plane: row for row in lengths(factory, replace(plan, racks=tuple(racks)))}
    oob = found["oob-fra1-p0"]
    assert 0 < oob.beyond_twisted < 30
    assert oob.text.endswith("links are too long for twisted pairs and take optics")
    assert found["compute-fra1-p0"].beyond_twisted == 0
