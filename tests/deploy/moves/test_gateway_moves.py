"""Gateways that are renamed, closed, or lead elsewhere, by the policies that a description renders."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.deploy.moves.component_move import Usage
from sovereign_ai.deploy.moves.gateway_moves import gateway_moves
from tests.daytwo.edits import edited
from tests.daytwo.probes import Described
from tests.daytwo.table import described

_SECOND = {
    "name": "mirror",
    "entity": "Example Mirror",
    "seat": "DE",
    "addresses": ["198.51.100.0/24"],
    "ports": [8443],
    "zones": ["open", "restricted"],
}
TWO = [
    {"add": "gateways", "entry": _SECOND},
    {"set": "residency[personal].gateways", "to": ["out", "mirror"]},
]
"""Edits that open a second gateway, for both zones."""


def told(first: list[Any], edits: list[Any], zones: dict[str, str] | None = None, pods: int = 0) -> list[str]:
    """Return what is told of a change of the full description, a line each."""
    before = edited(described("full"), first)
    old, new = Described.of(before), Described.of(edited(before, edits))
    pod = {"metadata": {"name": "p", "namespace": "research"}, "spec": {}}
    usage = Usage(pods=(pod,) * pods)
    return [str(move) for move in gateway_moves(old.bundle.objects, new.factory.gateways, zones or {}, usage)]


def test_a_new_name_for_the_same_addresses_is_a_rename_also_where_the_zone_is_renamed() -> None:
    rename = {"rename": "gateway", "of": "out", "to": "west"}
    zone = {"rename": "zone", "of": "restricted", "to": "citadel"}
    line = "gateway out is renamed to west"
    assert told([], [rename], pods=2) == [line]
    assert told([], [rename, zone], {"restricted": "citadel"}) == [line]


def test_another_name_for_other_addresses_is_another_gateway_and_pods_lose_the_way() -> None:
    edits = [
        {"rename": "gateway", "of": "out", "to": "west"},
        {"set": "gateways[west].addresses", "to": ["198.51.100.0/24"]},
    ]
    assert told([], edits) == ["gateway out is removed"]
    assert told([], edits, pods=3) == [
        "gateway out is removed: 3 running pods lose the way to 203.0.113.0/24"
    ]


@pytest.mark.parametrize(
    ("edit", "lines"),
    [
        (
            {"set": "gateways[out].addresses", "to": ["198.51.100.0/24", "192.0.2.0/24"]},
            [
                (
                    "gateway out moves from address 203.0.113.0/24 to address 192.0.2.0/24, 198.51.100.0/24: "
                    "1 running pod loses the way to 203.0.113.0/24"
                )
            ],
        ),
        ({"set": "gateways[out].ports", "to": [8443]}, ["gateway out moves from port 443 to port 8443"]),
        ({"set": "gateways[mirror].zones", "to": ["restricted"]}, ["gateway mirror leaves zone open"]),
        ({"set": "gateways[out].zones", "to": ["restricted", "open"]}, []),
    ],
)
def test_what_a_gateway_leaves_is_told_and_what_it_gets_is_not(
    edit: dict[str, Any], lines: list[str]
) -> None:
    assert told(TWO, [edit], pods=1) == lines


def test_of_two_that_are_renamed_each_keeps_its_addresses() -> None:
    edits = [
        {"rename": "gateway", "of": "out", "to": "alpha"},
        {"rename": "gateway", "of": "mirror", "to": "beta"},
    ]
    assert told(TWO, edits) == ["gateway mirror is renamed to beta", "gateway out is renamed to alpha"]
    swapped = told(TWO, [{"exchange": "gateway", "names": ["out", "mirror"]}])
    assert "gateway out moves from address 203.0.113.0/24 to address 198.51.100.0/24" in swapped
