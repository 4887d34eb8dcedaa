"""Checks of a twin without faults: cabling, paths, reachability, separation of zones and of planes.

Each check returns `Seen`: whether the twin behaves as planned, a sentence for a person, and figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from sovereign_ai.fabric_twin.namespace import batch, query_table
from sovereign_ai.fabric_twin.neighbours import miswires
from sovereign_ai.fabric_twin.ping import Pair, Pinger
from sovereign_ai.fabric_twin.result import Seen, examples, pairs_of
from sovereign_ai.fabric_twin.sample import HostPort, PlanePart
from sovereign_ai.fabric_twin.twin import Twin
from sovereign_ai.render.switches import SwitchPorts
from sovereign_ai.text import counted

FLOWS, A_SPINE = 64, 16
"""The least number of flows to look up, in all and for each spine.

With so many flows, a spine that carries its share is missed once in millions of runs.
"""
_FIRST_SOURCE_PORT = 49152
_VXLAN_PORT = "4789"


def cabling(twin: Twin) -> Seen:
    """Compare the neighbour of every port with the plan."""
    wrong = miswires(twin.sample, twin.prefix)
    text = examples(wrong, 3) or "every port meets what the plan says"
    return not wrong, text, {"ports": twin.sample.cables * 2, "wrong": len(wrong)}


def paths(twin: Twin, part: PlanePart) -> Seen:
    """Check that leaves reach each other by all their uplinks, and that flows spread over all spines."""
    leaves = part.tier("leaf")
    if len(leaves) < 2:
        return True, "one leaf, and so no path between leaves", {}
    short = _pairs_that_lack_paths(twin, leaves)
    first, last = leaves[0], leaves[-1]
    spines = {port.peer for port in first.fabric}
    flows = max(FLOWS, A_SPINE * len(spines))
    load: Counter[str] = Counter()
    for number in range(flows):
        # A VTEP puts the hash of the inner flow into the UDP source port, from 49152 on (RFC 7348, section
        # 5): switches balance by it, so one source port here stands for one flow.
        source_port = _FIRST_SOURCE_PORT + number
        uplink = _lookup(twin, first.switch.name, first.switch.loopback, last.switch.loopback, source_port)
        load[uplink] += 1
    used = set()
    for port in first.fabric:
        if port.interface in load:
            used.add(port.peer)
    uplinks = len(first.fabric)
    flows_text = counted(flows, "flow takes", "flows take")
    uplinks_text = counted(uplinks, "uplink")
    spines_text = counted(len(spines), "spine")
    text = f"{flows_text} {len(load)} of {uplinks_text}, {len(used)} of {spines_text}"
    figures = {
        "uplinks": uplinks,
        "flows": flows,
        "used": len(load),
        "most on one": max(load.values()),
        "short": len(short),
    }
    return not short and used == spines, text, figures


def _pairs_that_lack_paths(twin: Twin, leaves: Sequence[SwitchPorts]) -> list[str]:
    """Return the pairs of leaves, one of them the first, whose paths are not all uplinks of the source."""
    first, *others = leaves
    short = []
    # Only pairs with the first leaf: every lookup starts a program, and all pairs of 64 leaves would be
    # 4,032.
    for leaf in others:
        for source, target in ((first, leaf), (leaf, first)):
            uplinks = sorted(port.interface for port in source.fabric)
            if twin.paths(source.switch.name, target.switch.name) != uplinks:
                short.append(f"{source.switch.name} to {target.switch.name}")
    return short


def _lookup(twin: Twin, switch: str, source: str, target: str, port: int) -> str:
    """Return the interface by which the kernel sends one VXLAN flow."""
    flow = ["from", source, "ipproto", "udp", "sport", str(port), "dport", _VXLAN_PORT]
    routes = query_table(twin.name(switch), "-4", "route", "get", target, *flow)
    return str(routes[0]["dev"])


def one_hop(twin: Twin, part: PlanePart, pinger: Pinger) -> Seen:
    """Check in the MAC tables of leaves that both ends of a rail's pair are connected to the same leaf."""
    elsewhere = Counter[str]()
    seen = 0
    for rail in range(part.plane.rails):
        pairs = pairs_of(part, rail, rail, same=True)
        probed = pairs[:1] + pairs[-1:]
        # A leaf learns a MAC address from traffic alone.
        pinger.sweep(probed)
        ends: set[HostPort] = set()
        for pair in probed:
            ends.update(pair)
        learned: dict[str, dict[str, str]] = {}
        for end in ends:
            if end.leaf not in learned:
                learned[end.leaf] = _learned(twin, end.leaf)
            mac = query_table(twin.name(end.host), "link", "show", end.interface)[0]["address"]
            seen += 1
            if learned[end.leaf].get(mac) != end.leaf_interface:
                elsewhere[f"{end.host} {end.interface}"] += 1
    pinger.forget()
    text = f"{seen} ends of rails are known at their own leaf's port"
    return not elsewhere and seen > 0, text, {"ends": seen, "elsewhere": len(elsewhere)}


def _learned(twin: Twin, leaf: str) -> dict[str, str]:
    """Return the MAC addresses in a leaf's bridges, each with the interface behind which it is."""
    learned = {}
    for row in query_table(twin.name(leaf), "fdb", "show", program="bridge"):
        # Rows without `master` are the port's own filters and the VXLAN device's table of remote VTEPs.
        if row.get("master"):
            learned[row["mac"]] = row.get("ifname", "")
    return learned


def reachability(part: PlanePart, pinger: Pinger) -> Seen:
    """Ping every pair of hosts of one zone, within each rail and from each rail to the next."""
    rails = part.plane.rails
    pinged = answered = 0
    missing = ""
    for rail, other in _ways(rails):
        pairs = pairs_of(part, rail, other, same=True)
        replies = pinger.sweep(pairs)
        pinged += len(pairs)
        answered += len(replies)
        for pair in pairs:
            if pair not in replies and not missing:
                missing = _way(pair, "to")
        pinger.forget()
    text = f"{answered:,} of {counted(pinged, 'pair')} that should reach each other do"
    if missing:
        text += f"; not {missing}"
    # Nothing to ping is a failure too: it would show nothing.
    passed = pinged == answered and answered > 0
    return passed, text, {"pairs": pinged, "answered": answered}


def _ways(rails: int) -> Iterator[tuple[int, int]]:
    """Yield each rail with itself, and then with the next where there are several."""
    for rail in range(rails):
        yield rail, rail
    if rails > 1:
        for rail in range(rails):
            yield rail, (rail + 1) % rails


def _way(pair: Pair, verb: str) -> str:
    """Return a pair of ports in words."""
    source, target = pair
    return f"{source.host} {source.interface} {verb} {target.host} {target.interface}"


def separation(part: PlanePart, pinger: Pinger) -> Seen:
    """Ping every pair of hosts of two zones, within each rail: none may answer."""
    if len({end.zone for end in part.endpoints}) == 1:
        return True, "one zone, and so nothing to keep apart", {}
    pinged = 0
    leaks: list[str] = []
    for rail in range(part.plane.rails):
        pairs = pairs_of(part, rail, rail, same=False)
        # One try and a short wait: here silence is what is expected, and every try would wait in full.
        replies = pinger.sweep(pairs, wait=0.4, tries=1)
        pinged += len(pairs)
        for source, target in replies:
            leak = f"{source.host} ({source.zone}) reaches {target.host} ({target.zone}) on rail {rail}"
            leaks.append(leak)
        pinger.forget()
    text = f"none of {counted(pinged, 'pair')} of two zones reach each other"
    if leaks:
        text = f"{len(leaks)} of {pinged:,}: {min(leaks)}"
    return pinged > 0 and not leaks, text, {"pairs": pinged, "leaks": len(leaks)}


def apart(twin: Twin, pinger: Pinger) -> Seen:
    """Ping every host of another plane from every host of a plane: none may answer.

    A host that sends by the wrong plane's port, as one with wrong routes would, must not get an answer
    either.
    """
    pairs: list[Pair] = []
    for part in twin.sample.parts:
        for other in twin.sample.beside(part):
            pairs += _between(part, other)
    leaks = []
    for pair in pinger.sweep(pairs, wait=0.4, tries=1):
        leak = _way(pair, "reaches")
        leaks.append(leak)
    pinger.forget()
    forced, passed = _forced(twin, pinger)
    leaks += passed
    text = f"none of {counted(len(pairs), 'pair')} of two planes reach each other, "
    text += f"nor any of {forced:,} that are sent by the wrong plane's port"
    if leaks:
        text = f"{counted(len(leaks), 'way')} between planes: {min(leaks)}"
    return len(pairs) > 0 and not leaks, text, {"pairs": len(pairs), "forced": forced, "leaks": len(leaks)}


def _between(part: PlanePart, other: PlanePart) -> list[Pair]:
    """Return one pair of ports for each two hosts; the rails rotate, so that each is used."""
    sources = _ports_by_host(part.endpoints)
    targets = _ports_by_host(other.endpoints)
    pairs: list[Pair] = []
    for source, near in sources.items():
        for target, far in targets.items():
            if source != target:
                turn = len(pairs)
                pairs.append((near[turn % len(near)], far[turn % len(far)]))
    return pairs


def _ports_by_host(endpoints: Iterable[HostPort]) -> dict[str, list[HostPort]]:
    """Return each host with its ports, in order."""
    ports: dict[str, list[HostPort]] = {}
    for end in endpoints:
        ports.setdefault(end.host, []).append(end)
    return ports


def _forced(twin: Twin, pinger: Pinger) -> tuple[int, list[str]]:
    """Let one host of each zone and plane send to other planes by its own port.

    Routes to the other planes are added on that host, as a misconfigured one would have them, and removed
    again.

    Returns:
        The number of pairs that were tried, and those that got an answer.
    """
    pinged = 0
    leaks: list[str] = []
    for part in twin.sample.parts:
        by_zone = {end.zone: end for end in part.endpoints}
        for end in by_zone.values():
            routes = list(_wrong_routes(twin, part, end))
            added = False
            try:
                _set_routes(twin, end, "add", routes)
                added = True
                pairs = list(_to_other_planes(twin, part, end))
                replies = pinger.sweep(pairs, wait=0.4, tries=1)
            finally:
                _set_routes(twin, end, "del", routes, force=not added)
            pinger.forget()
            pinged += len(pairs)
            for pair in replies:
                leak = f"{_way(pair, 'reaches')} by the wrong port"
                leaks.append(leak)
    return pinged, leaks


def _set_routes(twin: Twin, end: HostPort, verb: str, routes: Iterable[str], *, force: bool = False) -> None:
    """Add or delete routes on the host of a port; with `force`, those that can be."""
    batch((f"route {verb} {route}" for route in routes), twin.name(end.host), force=force)


def _wrong_routes(twin: Twin, part: PlanePart, end: HostPort) -> Iterator[str]:
    """Yield the routes to the address blocks of other planes by a port of this plane."""
    for other in twin.sample.beside(part):
        for block in other.rails:
            yield f"{block} dev {end.interface} src {end.ip} table {end.table}"


def _to_other_planes(twin: Twin, part: PlanePart, end: HostPort) -> Iterator[Pair]:
    """Yield the pairs from a port to every port of other hosts in other planes."""
    for other in twin.sample.beside(part):
        for target in other.endpoints:
            if target.host != end.host:
                yield end, target
