"""InfiniBand planes of other shapes than a plain tree, on ibsim under the real OpenSM: leaves and spines that
are joined by twos, spines of more ports than leaves, two switches or one.

Without root, ibsim and OpenSM these fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from sovereign_ai.assess import FabricReport, assess_fabrics
from sovereign_ai.assess.observed import PortState
from sovereign_ai.fabric_twin.infiniband.checks import observed, run_checks
from sovereign_ai.fabric_twin.infiniband.ibsim_net import net
from sovereign_ai.fabric_twin.infiniband.subnet import RunningSubnet
from sovereign_ai.fabric_twin.twin import down
from sovereign_ai.render.switches.subnet import opensm_conf
from tests.fabric_twin.infiniband.small import small

pytestmark = pytest.mark.loads

ROW = "  - {{name: compute, role: compute, kind: infiniband, link: 400 Gbps, padding: none, managers: 1, rails: 1, {}}}\n"  # noqa: E501 - one literal text
SHAPES = {
    "pairs of leaves and spines": (
        'radix: 16, leaf_hosts: 4, uplinks: 2, oversubscription: "3:1", peer_links: 4, spine_peer_links: 2'
    ),
    "spines of more ports": "radix: 8, spine_radix: 16",
    "two leaves without spines": 'radix: 16, spines: none, oversubscription: "2:1"',
    "one switch": "radix: 32",
}
Place = tuple[str, int]
ENGINES = re.compile(r"^routing_engine (.*)$", re.MULTILINE)


@pytest.fixture(scope="module", params=SHAPES)
def standing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningSubnet, FabricReport]]:
    fields = SHAPES[request.param]
    factory, plan = small(tmp_path_factory.mktemp("shape"), ROW.format(fields), "shapes")
    plane = plan.fabrics[0]
    # So that a shape is the one that its name says.
    assert bool(plane.partners) == ("spine_peer_links" in fields)
    assert bool(plane.leaf_leaf) == ("none" in fields.partition("spines: ")[2][:4])
    [report] = [report for report in assess_fabrics(plan) if report.plane == plane.name]
    subnet = RunningSubnet.of(net(factory, plan, plane))
    down(factory.name)
    subnet.up(print)
    try:
        yield subnet, report
    finally:
        down(factory.name)


def test_every_check_is_right(standing: tuple[RunningSubnet, FabricReport]) -> None:
    results = list(run_checks(*standing))
    assert [f"{result}: {result.message}" for result in results if not result.passed] == []
    assert len(results) >= 5


def test_opensm_takes_the_engine_that_its_configuration_names_first(
    standing: tuple[RunningSubnet, FabricReport],
) -> None:
    """It would fall back to another one without a word but in its log."""
    subnet, _ = standing
    [engines] = ENGINES.findall(opensm_conf(subnet.net.plane))
    assert subnet.routing == engines.partition(",")[0]


def wrong(subnet: RunningSubnet) -> dict[Place, PortState]:
    ports = {}
    for port in observed(subnet):
        if port.state is not PortState.RIGHT:
            ports[port.device, int(port.port)] = port.state
    return ports


def test_links_of_pairs_that_are_cut_or_exchanged_are_exactly_their_ports(
    standing: tuple[RunningSubnet, FabricReport],
) -> None:
    subnet, _ = standing
    plane = subnet.net.plane
    first = plane.node_leaf
    pairs = subnet.net.links[first : first + plane.partners + plane.leaf_leaf]
    if not pairs:
        pytest.skip("no pairs in this shape")
    (near, far), (other, beyond) = pairs[:2]
    # Both are of one pair: only their ports say that they are exchanged.
    assert (near[0], far[0]) == (other[0], beyond[0])
    last = pairs[-1]

    def named(place: Place) -> str:
        return f'"{subnet.net.node_id(place[0])}"[{place[1]}]'

    cut = [f"Unlink {named(end)}" for end in (near, other, last[0])]
    whole = [f"Link {named(low)} {named(high)}" for low, high in ((near, far), (other, beyond), last)]
    crossed = [f"Link {named(near)} {named(beyond)}", f"Link {named(other)} {named(far)}"]
    expected = dict.fromkeys((near, far, other, beyond), PortState.SWAPPED)
    if last not in pairs[:2]:
        expected |= dict.fromkeys(last, PortState.MISSING)
    subnet.console(*cut)
    subnet.console(*crossed)
    try:
        assert wrong(subnet) == expected
    finally:
        subnet.console(*(f"Unlink {named(end)}" for end in (near, other)))
        subnet.console(*whole)
        subnet.sweep()
    assert not wrong(subnet)
