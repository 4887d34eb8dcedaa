"""Checks of an InfiniBand twin; each leaves the subnet in the state in which it was.

Cabling and partitions are read back from every port. Routes and path records are queried for a sample of
pairs. Links, spines and leaves are taken away at ibsim's console, OpenSM sweeps, and what is left is compared
with the prediction.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from sovereign_ai.assess import FabricReport
from sovereign_ai.assess.observed import End, ObservedPort, PortState, count, judge
from sovereign_ai.fabric_twin.infiniband.ibsim_net import Net
from sovereign_ai.fabric_twin.infiniband.subnet import RunningSubnet
from sovereign_ai.fabric_twin.result import Result, Seen, examples
from sovereign_ai.text import counted

LIMITED, FULL = 0x7FFF, 0xFFFF
"""The default partition for hosts, who reach the subnet manager alone, and for the manager itself."""
PAIRS = 48
"""Pairs whose path records are queried, and as many for routes."""
_NO_FAT_TREE = {"updn": ": OpenSM finds no fat tree, so routes are not spread evenly"}
"""What is said of the engine that `opensm.conf` names for a plane that is no fat tree to OpenSM."""
_KEY = re.compile(r"0x([0-9a-f]{4})")
_Link = tuple[tuple[str, int], tuple[str, int]]
"""Both ends of a cable as (node, port number), the lower first."""


def run_checks(subnet: RunningSubnet, report: FabricReport) -> Iterator[Result]:
    """Run every check, the harmless ones first.

    Args:
        subnet: a twin that runs.
        report: the plan's prediction for its plane.
    """
    for name, run in _work(subnet, report):
        start = time.monotonic()
        passed, text, figures = run()
        seconds = round(time.monotonic() - start, 3)
        yield Result(name, subnet.net.plane.name, passed, text, figures, seconds)


def _work(subnet: RunningSubnet, report: FabricReport) -> Iterator[tuple[str, Callable[[], Seen]]]:
    """Yield the checks in their order."""
    yield "cabling", lambda: cabling(subnet)
    yield "partitions", lambda: partitions(subnet)
    yield "paths within zones and none across", lambda: separation(subnet)
    yield "routes", lambda: routes(subnet)
    yield "a wrong P_Key is found", lambda: wrong_key(subnet)
    # Without spines there is no link between switches that could be lost.
    if subnet.net.plane.leaf_spine:
        yield "a miswire is found", lambda: miswire(subnet)
        yield "a link lost", lambda: link_lost(subnet)
        yield "a spine lost", lambda: switch_lost(subnet, report, "spine")
        yield "a leaf lost", lambda: switch_lost(subnet, report, "leaf")


def observed(subnet: RunningSubnet) -> tuple[ObservedPort, ...]:
    """Return every port of the plane as `ibnetdiscover` sees it."""
    return compare(subnet.net, subnet.discover().links)


def compare(net: Net, links: Mapping[tuple[str, int], tuple[str, int]]) -> tuple[ObservedPort, ...]:
    """Compare links that were seen with a plane's cables."""
    planned: dict[End, End] = {}
    for lower, upper in net.links:
        low, high = _observed_end(lower), _observed_end(upper)
        planned[low] = high
        planned[high] = low
    seen = {_observed_end(near): _observed_end(far) for near, far in links.items()}
    return judge(planned, seen, {*net.switches, *net.adapters})


def _observed_end(end: tuple[str, int]) -> End:
    """Return an end as observers name it: the port's number is a text."""
    node, number = end
    return node, str(number)


def _wrong_ports(ports: Iterable[ObservedPort]) -> list[ObservedPort]:
    """Return the ports that are not as planned."""
    return [port for port in ports if port.state is not PortState.RIGHT]


def cabling(subnet: RunningSubnet) -> Seen:
    """Compare every port with the plan."""
    ports = observed(subnet)
    wrong = _wrong_ports(ports)
    text = examples(wrong, 3) or f"all {counted(len(subnet.net.links), 'cable is', 'cables are')} as planned"
    figures = {"ports": len(ports), "wrong": len(wrong)}
    figures.update(count(ports))
    return not wrong, text, figures


def expected_keys(net: Net, name: str) -> frozenset[int]:
    """Return the P_Keys that a port must have, and no others."""
    zone = net.zones[name]
    default = FULL if name == net.manager else LIMITED
    if zone not in net.pkeys:
        return frozenset({default})
    return frozenset({default, net.pkeys[zone]})


def keys(subnet: RunningSubnet, names: list[str]) -> dict[str, frozenset[int]]:
    """Return the P_Key tables of ports, read by smpquery; a port that does not answer has none."""
    nodes = subnet.discover().nodes
    queries = []
    for name in names:
        # `false` keeps the answers in the order of the names; it fails, and so its answer is empty.
        query = ("smpquery", "pkeys", str(nodes[name].lid), "1") if name in nodes else ("false",)
        queries.append(query)
    answers = subnet.ask_all(queries)
    tables = {}
    for name, text in zip(names, answers, strict=True):
        numbers = set()
        for key in _KEY.findall(text):
            numbers.add(int(key, 16))
        # Free entries of a table are zero.
        tables[name] = frozenset(numbers) - {0}
    return tables


def wrong_keys(subnet: RunningSubnet) -> list[str]:
    """Return the ports whose P_Keys are not exactly those of their zone."""
    return wrong_keys_of(subnet, list(subnet.net.adapters))


def partitions(subnet: RunningSubnet) -> Seen:
    """Check the P_Keys of every port."""
    wrong = wrong_keys(subnet)
    zones = Counter(subnet.net.zones.values())
    ports = len(subnet.net.adapters)
    text = f"{counted(ports, 'port has', 'ports have')} the P_Keys of their zone and no other"
    if wrong:
        text = f"wrong: {', '.join(wrong[:3])}"
    return not wrong, text, {"ports": ports, "wrong": len(wrong), "zones": dict(zones)}


def _pairs(net: Net, *, same: bool) -> list[tuple[str, str]]:
    """Return pairs of adapters of one zone, or of two zones, spread over the plane.

    Ports without a zone share the default partition as limited members, so they must not reach each other
    either.
    """
    names = [name for name in net.adapters if name != net.manager]
    pairs = _fitting_pairs(net, names, same=same)
    # Every fourth pair of a large plane, so that as many pairs spread further.
    if len(names) > PAIRS:
        return list(islice(pairs, 0, PAIRS * 4, 4))
    return list(islice(pairs, PAIRS))


def _fitting_pairs(net: Net, names: list[str], *, same: bool) -> Iterator[tuple[str, str]]:
    """Yield pairs of adapters that share a zone, or that do not, far apart in the plane."""
    # The strides spread the pairs over the plane: adapters next to each other are often at one leaf.
    step = max(len(names) * 7 // 16, 1)
    for shift in range(8):
        for number, source in enumerate(names):
            target = names[(number * 13 + step + shift) % len(names)]
            share_zone = net.zones[source] == net.zones[target] and net.zones[source] in net.pkeys
            if source != target and share_zone is same:
                yield source, target


def _lids(subnet: RunningSubnet) -> dict[str, int]:
    """Return the local identifier of every node that answers."""
    return {name: node.lid for name, node in subnet.discover().nodes.items()}


def separation(subnet: RunningSubnet) -> Seen:
    """Query the subnet administrator for paths: there must be one within a zone, and none across zones."""
    lids = _lids(subnet)
    figures: dict[str, int] = {}
    wrong: list[str] = []
    for what, same in (("within", True), ("across", False)):
        pairs = _pairs(subnet.net, same=same)
        queries = []
        for source, target in pairs:
            lid_pair = f"{lids[source]}:{lids[target]}"
            queries.append(("saquery", "-p", "--src-to-dst", lid_pair))
        answers = subnet.ask_all(queries)
        paths = 0
        for (source, target), text in zip(pairs, answers, strict=True):
            has_path = "dlid" in text
            paths += has_path
            if has_path is not same:
                wrong.append(f"{source} to {target}")
        figures[f"{what} asked"] = len(pairs)
        figures[f"{what} answered"] = paths
    text = "; ".join(f"{name}: {number}" for name, number in figures.items())
    if wrong:
        text = f"wrong: {', '.join(wrong[:3])}"
    figures["wrong"] = len(wrong)
    return not wrong, text, figures


def trace(subnet: RunningSubnet, pairs: list[tuple[str, str]]) -> list[list[str]]:
    """Follow the forwarding tables from one adapter to another; an empty list where they lead nowhere."""
    lids = _lids(subnet)
    queries = []
    for source, target in pairs:
        if source in lids and target in lids:
            queries.append(("ibtracert", str(lids[source]), str(lids[target])))
    routes = []
    for text in subnet.ask_all(queries):
        hops = re.findall(r'-> switch port [^"]*"([^"]+)"', text)
        routes.append(hops if "To ca" in text else [])
    return routes


def routes(subnet: RunningSubnet) -> Seen:
    """Check that routes arrive, over no more switches than the tiers allow, and count the spines in use."""
    pairs = _pairs(subnet.net, same=True) or _pairs(subnet.net, same=False)
    paths = trace(subnet, pairs)
    plane = subnet.net.plane
    # Up through every tier and down again passes the top tier once; a pair without spines has none above.
    most = 2 if plane.leaf_leaf else 2 * plane.tiers - 1
    lost = paths.count([])
    long = longest = 0
    used: set[str] = set()
    for path in paths:
        longest = max(longest, len(path))
        long += len(path) > most
        used.update(path)
    used &= {switch.name for switch in plane.switches if switch.tier == "spine"}
    routes_text = counted(len(paths), "route")
    switches_text = counted(longest, "switch", "switches")
    spines_text = counted(plane.spine, "spine")
    text = f"{routes_text} of at most {switches_text} over {len(used)} of {spines_text}"
    text += f", by {subnet.routing}{_NO_FAT_TREE.get(subnet.routing, '')}"
    figures = {"routes": len(paths), "lost": lost, "long": long, "spines": len(used)}
    return not lost and not long, text, figures


def wrong_key(subnet: RunningSubnet) -> Seen:
    """Take one port out of its partition and give another a foreign key: exactly both must be reported."""
    net = subnet.net
    zoned = []
    for name, zone in net.zones.items():
        if zone in net.pkeys and name != net.manager:
            zoned.append(name)
    if len(zoned) < 2:
        return True, "no zone has two ports", {}
    left_out, intruder = zoned[0], zoned[-1]
    text = _without(net.partitions, f"{net.adapters[left_out]:#018x}")
    intruder_guid = f"{net.adapters[intruder]:#018x}"
    subnet.partitions(f"{text}intruder=0x7abc, defmember=full : {intruder_guid};\n")
    try:
        subnet.sweep()
        wrong = sorted(wrong_keys(subnet))
    finally:
        subnet.partitions(net.partitions)
        subnet.sweep()
    right = wrong == sorted((left_out, intruder))
    back = wrong_keys_of(subnet, [left_out, intruder])
    outcome = f"found: {', '.join(wrong[:4]) or 'nothing'}"
    return right and not back, outcome, {"found": len(wrong), "left after it": len(back)}


def _without(partitions: str, guid: str) -> str:
    """Return `partitions.conf` without a GUID; a comma is left where it stood between two others."""

    def separator(match: re.Match[str]) -> str:
        return ", " if match[1] and match[2] else ""

    return re.sub(rf"(, )?{guid}(, )?", separator, partitions)


def wrong_keys_of(subnet: RunningSubnet, names: list[str]) -> list[str]:
    """Return those of some ports whose P_Keys are wrong."""
    wrong = []
    for name, numbers in keys(subnet, names).items():
        if numbers != expected_keys(subnet.net, name):
            wrong.append(name)
    return wrong


def _uplinks(net: Net) -> list[_Link]:
    """Return the cables between switches."""
    return [(lower, upper) for lower, upper in net.links if lower[0] in net.switches]


def _are_exactly(wrong: list[ObservedPort], ends: Iterable[tuple[str, int]], state: PortState) -> bool:
    """Return whether the wrong ports are exactly these, all in one state."""
    ports: set[End] = set()
    for port in wrong:
        if port.state is not state:
            return False
        ports.add((port.device, port.port))
    return ports == {_observed_end(end) for end in ends}


def miswire(subnet: RunningSubnet) -> Seen:
    """Swap the upper ends of two uplinks; exactly the four ports concerned must be reported."""
    links = _uplinks(subnet.net)
    first = links[0]
    # The second has other switches at both ends, else the swap would be the same cabling.
    second = next(link for link in reversed(links) if _share_no_switch(link, first))
    low_1, high_1 = _names(subnet.net, first)
    low_2, high_2 = _names(subnet.net, second)
    unlinked = [f"Unlink {name}" for name in (low_1, high_1, low_2, high_2)]
    subnet.console(*unlinked, f"Link {low_1} {high_2}", f"Link {low_2} {high_1}")
    try:
        wrong = _wrong_ports(observed(subnet))
    finally:
        subnet.console(*unlinked, f"Link {low_1} {high_1}", f"Link {low_2} {high_2}")
    right = _are_exactly(wrong, (*first, *second), PortState.SWAPPED)
    subnet.sweep()
    back = len(_wrong_ports(observed(subnet)))
    text = f"{counted(len(wrong), 'port')} found: {examples(wrong, 2)}"
    return right and not back, text, {"found": len(wrong), "left after it": back}


def _share_no_switch(link: _Link, other: _Link) -> bool:
    """Return whether two cables have other switches at both their lower and their upper ends."""
    (lower, _), (upper, _) = link
    (other_lower, _), (other_upper, _) = other
    return lower != other_lower and upper != other_upper


def _names(net: Net, link: _Link) -> tuple[str, str]:
    """Return ibsim's names of both ends of a cable."""
    lower, upper = link
    return _name(net, lower), _name(net, upper)


def _name(net: Net, end: tuple[str, int]) -> str:
    """Return ibsim's name of a port."""
    node, number = end
    return f'"{net.node_id(node)}"[{number}]'


def link_lost(subnet: RunningSubnet) -> Seen:
    """Take an uplink away: both its ports must be missing, and after a sweep every route must go round it."""
    uplink = _uplinks(subnet.net)[0]
    near, far = _names(subnet.net, uplink)
    subnet.console(f"Unlink {near}")
    try:
        wrong = _wrong_ports(observed(subnet))
        seconds = subnet.sweep()
        lost = _lost_routes(subnet, _pairs(subnet.net, same=True))
    finally:
        subnet.console(f"Link {near} {far}")
        subnet.sweep()
    right = _are_exactly(wrong, uplink, PortState.MISSING)
    back = len(_wrong_ports(observed(subnet)))
    ports_text = counted(len(wrong), "port")
    routes_text = counted(lost, "route")
    text = f"{ports_text} missing, rerouted in {seconds:.1f} s, {routes_text} lost"
    figures = {"found": len(wrong), "routes lost": lost, "left after it": back}
    return right and not lost and not back, text, figures


def _lost_routes(subnet: RunningSubnet, pairs: list[tuple[str, str]]) -> int:
    """Return how many pairs have no route."""
    return trace(subnet, pairs).count([])


def switch_lost(subnet: RunningSubnet, report: FabricReport, tier: str) -> Seen:
    """Take a switch away: as many host ports are cut off as predicted, and the others keep their routes."""
    net = subnet.net
    # Without the manager's own leaf there would be nobody to route anew.
    home = net.leaf_of(net.manager)
    under = Counter(upper[0] for lower, upper in net.links if lower[0] in net.adapters)
    candidates = []
    for switch in net.plane.switches:
        is_other = switch.name != home
        if is_other and switch.tier == tier:
            candidates.append(switch.name)
    if not candidates:
        return True, f"there is no {tier} but the one that the manager is connected to", {}
    victim = max(candidates, key=lambda name: under[name])
    unlinked, linked = [], []
    for link in net.links:
        low, high = _names(net, link)
        (lower, _), (upper, _) = link
        if victim in (lower, upper):
            unlinked.append(f"Unlink {low if lower == victim else high}")
            linked.append(f"Link {low} {high}")
    subnet.console(*unlinked)
    try:
        seconds = subnet.sweep()
        nodes = subnet.discover().nodes
        gone = set(net.adapters).difference(nodes)
        alive = [pair for pair in _pairs(net, same=True) if gone.isdisjoint(pair)]
        lost = _lost_routes(subnet, alive)
    finally:
        subnet.console(*linked)
        subnet.sweep()
    foretold = _predicted(report, tier, under[victim])
    back = len(_wrong_ports(observed(subnet)))
    text = f"{victim}: {counted(len(gone), 'host port')} cut off, foretold {foretold}; "
    text += f"rerouted in {seconds:.1f} s, {counted(lost, 'route')} lost"
    right = len(gone) == foretold and not lost and not back
    figures = {"cut off": len(gone), "foretold": foretold, "routes lost": lost, "left after it": back}
    return right, text, figures


def _predicted(report: FabricReport, tier: str, under: int) -> int:
    """Return how many host ports are predicted to be lost with the worst switch of a tier.

    A prediction for a fuller switch than can be lost here is cut down to the host ports under this one.
    """
    worst = 0
    for loss in report.losses:
        # A kind may go on after a comma, such as `leaf, most ports`.
        if loss.kind.partition(",")[0] == tier:
            worst = max(worst, loss.endpoints)
    return min(worst, under)
