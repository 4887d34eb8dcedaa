"""A twin of fabrics whose leaves, spines and border leaves are joined by twos, under the real FRR.

Nothing may take a link between the two of a pair: a leaf has exactly its uplinks as paths, to its partner
too, and a lost uplink, spine or leaf costs what the plan foretells, which knows of no way beside spines.

Without root, FRR and Ansible these fail and say what is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from sovereign_ai.deploy.hosts.runner import configure_twin
from sovereign_ai.fabric_twin.checks import run_checks
from sovereign_ai.fabric_twin.namespace import list_namespaces, query_table
from sovereign_ai.fabric_twin.result import Result
from sovereign_ai.fabric_twin.sample import Sample, choose_sample, predict
from sovereign_ai.fabric_twin.twin import Twin
from sovereign_ai.render.switches.ports import Port, SwitchPorts
from tests.fabric_twin.planar import shaped

pytestmark = pytest.mark.twin
PAIRED = {
    "radix": 16,
    "rails": 2,
    "leaf_hosts": 3,
    "peer_links": 2,
    "spine_peer_links": 1,
    "border": {"leaves": 2, "ports": 2, "peer_links": 1},
}


@dataclass(frozen=True)
class Standing:
    """What was seen of a twin that stood.

    Attributes:
        results: each check by its name and plane.
        paths: (switch, its partner) to the interfaces of its routes to the partner's loopback.
        routed: (switch, interface) of each link of a pair that any route of the switch takes.
        up: how many ports to partners have a carrier.
    """

    results: dict[str, Result]
    paths: dict[tuple[str, str], list[str]]
    routed: set[tuple[str, str]]
    up: int


@pytest.fixture(scope="module")
def paired() -> Sample:
    return choose_sample(*shaped("paired", **PAIRED), name="compute-fra1-p0")


@pytest.fixture(scope="module")
def stood(paired: Sample) -> Iterator[Standing]:
    plan = shaped("paired", **PAIRED)[1]
    with Twin.up(paired, lambda _line: None, configure_twin) as twin:
        paths = {}
        for switch in paired.switches:
            for port in partners(switch):
                name = switch.switch.name
                paths[name, port.peer] = twin.paths(name, port.peer)
        routed, up = set(), 0
        for switch in paired.switches:
            name = switch.switch.name
            own = {port.interface for port in partners(switch)}
            rows = query_table(twin.name(name), "-4", "route", "show")
            for row in rows:
                hops = row.get("nexthops") or [row]
                routed |= {(name, hop["dev"]) for hop in hops if hop.get("dev") in own}
            links = query_table(twin.name(name), "link", "show")
            up += sum(link["operstate"] == "UP" for link in links if link["ifname"] in own)
        results = {str(result): result for result in run_checks(twin, predict(paired, plan))}
        yield Standing(results, paths, routed, up)
    assert list_namespaces("twin-paired.") == []


def partners(switch: SwitchPorts) -> list[Port]:
    return [port for port in switch.ports if port.partner]


def test_it_has_pairs_of_leaves_spines_and_border_leaves(paired: Sample) -> None:
    """So that no check below is about nothing."""
    tiers = {switch.switch.tier for switch in paired.switches if partners(switch)}
    assert tiers == {"leaf", "spine", "border"}


def test_every_check_is_right(stood: Standing) -> None:
    assert {name: result.message for name, result in stood.results.items() if not result.passed} == {}
    assert len(stood.results) > 10


def test_every_link_of_a_pair_is_up_and_no_route_takes_one(stood: Standing, paired: Sample) -> None:
    assert stood.up == 2 * paired.parts[0].plane.partners > 0
    assert stood.routed == set()


def test_a_leaf_reaches_its_partner_by_all_its_uplinks(stood: Standing, paired: Sample) -> None:
    seen = 0
    for switch in paired.parts[0].tier("leaf"):
        for port in partners(switch):
            uplinks = sorted(link.interface for link in switch.fabric)
            assert stood.paths[switch.switch.name, port.peer] == uplinks
            seen += 1
    assert seen
