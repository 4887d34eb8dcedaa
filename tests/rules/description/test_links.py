"""Lines between sites: what two of them share is named, and what is not described counts as not known."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.deciding import messages_of
from tests.rules.test_described import APART_LINES, FACTORY, OTHER, site, uplink


def between(*changes: dict[str, Any]) -> list[str]:
    """The messages of LNK-004 on two lines to the other site, each with a change."""
    lines = []
    for line, change in zip(APART_LINES, changes, strict=True):
        lines.append({**line, **change})
    return messages_of("LNK-004", **site(uplinks=lines))


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ({"carrier": "Example-Net"}, {"carrier": "example net"}, "are both of Example-Net"),
        ({"entries": ["gate", "yard"]}, {"entries": ["Yard"]}, "both enter at yard"),
        ({"ducts": ["bridge"]}, {"ducts": ["river", "bridge"]}, "both follow bridge"),
        ({"route": ["DE", "GB"]}, {"route": ["DE", "GB"]}, "both pass GB"),
        ({"carrier_seat": "US"}, {"carrier_seat": "US"}, "are both under the law of US"),
        ({"ducts": []}, {}, "do not both say which ducts and cables they follow"),
        ({}, {"entries": []}, "do not both say where they enter the sites"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_shared_risk_of_two_lines_is_named(
    first: dict[str, Any], second: dict[str, Any], shared: str
) -> None:
    [message] = between(first, second)
    assert shared in message


def test_the_countries_of_the_sites_and_laws_of_the_union_are_no_shared_risk() -> None:
    assert between({"route": ["DE"], "carrier_seat": "FR"}, {"route": ["DE"], "carrier_seat": "FR"}) == []


def test_two_lines_of_three_that_share_nothing_are_enough() -> None:
    third = {**APART_LINES[0], "name": "spare"}
    assert messages_of("LNK-004", **site(uplinks=[third, *APART_LINES])) == []


def test_lines_that_are_described_at_either_site_count_together() -> None:
    here, there = FACTORY["sites"]
    first = {**here, "uplinks": [APART_LINES[0]]}
    second = {**there, "uplinks": [{**APART_LINES[1], "to": here["name"]}]}
    assert messages_of("LNK-004", sites=[first, second]) == []


def test_a_line_through_a_third_country_is_no_way_that_stays() -> None:
    lines = [{**APART_LINES[0], "route": ["DE", "GB"]}, {**APART_LINES[1], "carrier_seat": "US"}]
    [message] = messages_of("LNK-005", **site(uplinks=lines))
    assert "east passes GB" in message
    assert "under the law of US" in message
    assert messages_of("LNK-005", **site(uplinks=[uplink(name="home", to=OTHER), lines[0]])) == []
