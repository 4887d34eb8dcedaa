"""What a twin is asked, and what came of it: each check gives figures, and a word whether they are right."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from sovereign_ai.assess.fabric import FabricReport
from sovereign_ai.render.switches.ports import Port, SwitchPorts, interface
from sovereign_ai.sim.twin.namespace import ask, batch, sysctl
from sovereign_ai.sim.twin.neighbours import miswires
from sovereign_ai.sim.twin.ping import Pair, Pinger, Stream
from sovereign_ai.sim.twin.sample import Endpoint
from sovereign_ai.sim.twin.twin import Twin
from sovereign_ai.sim.twin.wiring import FABRIC_MTU, cable

SLOWEST = {"link": 2.0, "spine": 6.0, "back": 2.0}
"""Seconds a flow may be silent: a link that says it is down; a spine that says nothing (BFD 3 x 300 ms and one second of doubt for a
busy machine, for every session of it); and when it comes back."""
FLOW_PORTS = 64


@dataclass(frozen=True, slots=True)
class Result:
    """One check.

    Attributes:
        name: its name.
        passed: whether what was seen is right.
        said: what was seen, in words.
        figures: what was seen, in numbers.
        seconds: how long it took.
    """

    name: str
    passed: bool
    said: str
    figures: dict[str, Any]
    seconds: float

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


Seen = tuple[bool, str, dict[str, Any]]


def check(twin: Twin, predicted: FabricReport) -> Iterator[Result]:
    """Ask everything, the harmless first; each check leaves the twin as it found it."""
    work: list[tuple[str, Callable[[], Seen]]] = [("cabling", lambda: cabling(twin)), ("paths", lambda: paths(twin))]
    with Pinger(twin.prefix, twin.sample.endpoints) as pinger:
        work += [
            ("one hop within a rail", lambda: one_hop(twin, pinger)),
            ("reachability", lambda: reachability(twin, pinger)),
            ("separation", lambda: separation(twin, pinger)),
            ("a leaked port is found", lambda: leak(twin, pinger)),
            ("a miswire is found", lambda: miswire(twin)),
            ("a link lost", lambda: link_lost(twin, pinger)),
            ("a spine lost", lambda: spine_lost(twin, pinger, predicted)),
            ("a leaf lost", lambda: leaf_lost(twin, pinger, predicted)),
        ]
        for name, one in work:
            start = time.monotonic()
            passed, said, figures = one()
            yield Result(name, passed, said, figures, round(time.monotonic() - start, 3))


def cabling(twin: Twin) -> Seen:
    """Hold every port against the plan."""
    found = miswires(twin.sample, twin.prefix)
    return (
        not found,
        "; ".join(map(str, found[:3])) or "every port meets what the plan says",
        {"ports": len(twin.sample.plane.cables) * 2, "wrong": len(found)},
    )


def paths(twin: Twin) -> Seen:
    """See that each leaf has all its uplinks as paths to each other, and how flows spread over them."""
    leaves = twin.sample.tier("leaf")
    if len(leaves) < 2:
        return True, "one leaf, and so no path between leaves", {}
    short = [
        f"{one.switch.name} to {other.switch.name}"
        for one, other in permutations(leaves, 2)
        if other is leaves[0] or one is leaves[0]
        if twin.paths(one.switch.name, other.switch.name) != sorted(port.interface for port in one.fabric)
    ]
    first, last = leaves[0], leaves[-1]
    asked = [_lookup(twin, first.switch.name, first.switch.loopback, last.switch.loopback, 49152 + number) for number in range(FLOW_PORTS)]
    spread = Counter(asked)
    figures = {"uplinks": len(first.fabric), "used by 64 flows": len(spread), "most on one": max(spread.values()), "short": len(short)}
    used = {port.peer for port in first.fabric if port.interface in spread}
    spines = {port.peer for port in first.fabric}
    return (
        not short and used == spines,
        f"{FLOW_PORTS} flows take {len(spread)} of {len(first.fabric)} uplinks, {len(used)} of {len(spines)} spines",
        figures,
    )


def _lookup(twin: Twin, switch: str, source: str, target: str, port: int) -> str:
    """Ask the kernel which interface one VXLAN flow takes."""
    flow = ["from", source, "ipproto", "udp", "sport", str(port), "dport", "4789"]
    return str(ask(twin.name(switch), "-4", "route", "get", target, *flow)[0]["dev"])


def _pairs(twin: Twin, rail: int, other: int, *, same: bool) -> list[Pair]:
    """Give pairs of ports of different hosts, of one zone or of two."""
    here = [end for end in twin.sample.endpoints if end.rail == rail]
    there = [end for end in twin.sample.endpoints if end.rail == other]
    return [(a, b) for a in here for b in there if a.host != b.host and (a.zone == b.zone) is same]


def one_hop(twin: Twin, pinger: Pinger) -> Seen:
    """See by the leaf's table that both ends of a rail's pair hang at the same leaf."""
    wrong = Counter[str]()
    seen = 0
    for rail in range(twin.sample.plane.rails):
        pairs = _pairs(twin, rail, rail, same=True)
        pinger.sweep(pairs[:1] + pairs[-1:])
        for leaf in {end.leaf for end in twin.sample.endpoints if end.rail == rail}:
            rows = {row["mac"]: row.get("ifname", "") for row in ask(twin.name(leaf), "fdb", "show", program="bridge") if row.get("master")}
            for end in {end for pair in (pairs[:1] + pairs[-1:]) for end in pair if end.leaf == leaf}:
                mac = ask(twin.name(end.host), "link", "show", end.interface)[0]["address"]
                seen += 1
                if rows.get(mac) != end.leaf_interface:
                    wrong[f"{end.host} {end.interface}"] += 1
    pinger.forget()
    return not wrong and seen > 0, f"{seen} ends of rails are known at their own leaf's port", {"ends": seen, "elsewhere": len(wrong)}


def reachability(twin: Twin, pinger: Pinger) -> Seen:
    """Ask every pair of hosts of one zone, in each rail and from each rail to the next."""
    rails = twin.sample.plane.rails
    asked = answered = 0
    missing: list[str] = []
    for rail, other in [(rail, rail) for rail in range(rails)] + [(rail, (rail + 1) % rails) for rail in range(rails) if rails > 1]:
        pairs = _pairs(twin, rail, other, same=True)
        got = pinger.sweep(pairs)
        asked, answered = asked + len(pairs), answered + len(got)
        missing += [f"{a.host} {a.interface} to {b.host} {b.interface}" for a, b in pairs if (a, b) not in got][:3]
        pinger.forget()
    said = f"{answered:,} of {asked:,} pairs that should reach each other do" + (f"; not {missing[0]}" if missing else "")
    return asked == answered > 0, said, {"pairs": asked, "answered": answered}


def separation(twin: Twin, pinger: Pinger) -> Seen:
    """Ask every pair of hosts of two zones, in each rail; nobody may answer."""
    asked, leaks = 0, []
    for rail in range(twin.sample.plane.rails):
        pairs = _pairs(twin, rail, rail, same=False)
        got = pinger.sweep(pairs, wait=0.4, tries=1)
        asked += len(pairs)
        leaks += [f"{a.host} ({a.zone}) reaches {b.host} ({b.zone}) on rail {rail}" for a, b in got]
        pinger.forget()
    said = f"none of {asked:,} pairs of two zones reach each other" if not leaks else f"{len(leaks)} of {asked:,}: {min(leaks)}"
    return asked > 0 and not leaks, said, {"pairs": asked, "leaks": len(leaks)}


def leak(twin: Twin, pinger: Pinger) -> Seen:
    """Put one port into another zone's segment and see that `separation` finds it."""
    by_zone = {end.zone: end for end in reversed(twin.sample.endpoints)}
    if len(by_zone) < 2:
        return True, "one zone, and so nothing to leak into", {}
    end, other = [by_zone[zone] for zone in sorted(by_zone)][:2]
    parts = next(one for one in twin.sample.switches if one.switch.name == end.leaf).partitions
    own, wrong = parts[end.zone].number, parts[other.zone].number
    batch([f"link set {end.leaf_interface} master br{wrong}"], twin.name(end.leaf))
    try:
        passed, said, figures = separation(twin, pinger)
    finally:
        batch([f"link set {end.leaf_interface} master br{own}"], twin.name(end.leaf))
    return not passed and end.host in said, f"found: {said}" if not passed else "a port in the wrong segment went unseen", figures


def miswire(twin: Twin) -> Seen:
    """Swap the first uplinks of two leaves and see that exactly the four ports concerned are named."""
    leaves = twin.sample.tier("leaf")
    if len(leaves) < 2 or not leaves[0].fabric:
        return True, "no two leaves with uplinks to swap", {}
    ends = [(one.switch.name, one.fabric[0].interface, one.fabric[0].peer, _peer_interface(twin, one.switch.name)) for one in leaves[:2]]
    for leaf, name, _, _ in ends:
        batch([f"link del {name}"], twin.name(leaf))
    _lay(twin, [(*ends[0][:2], *ends[1][2:]), (*ends[1][:2], *ends[0][2:])])
    try:
        found = {one.port: one for one in miswires(twin.sample, twin.prefix)}
    finally:
        for leaf, name, _, _ in ends:
            batch([f"link del {name}"], twin.name(leaf))
        _lay(twin, ends)
        twin.converge()
    wanted = {port for leaf, name, spine, there in ends for port in ((leaf, name), (spine, there))}
    return found.keys() == wanted, "; ".join(str(found[port]) for port in sorted(found)[:2]), {"swapped": 2, "ports named": len(found)}


def _peer_interface(twin: Twin, leaf: str) -> str:
    """Give the interface at the other end of a leaf's first uplink."""
    port = next(one for one in twin.sample.switches if one.switch.name == leaf).fabric[0]
    peer = next(one for one in twin.sample.switches if one.switch.name == port.peer)
    return next(one.interface for one in peer.ports if one.name == port.peer_port)


def _lay(twin: Twin, ends: list[tuple[str, str, str, str]]) -> None:
    """Lay cables between switches and bring them up."""
    batch(cable(twin.prefix, *one) for one in ends)
    for lower, low, upper, high in ends:
        batch([f"link set {low} mtu {FABRIC_MTU} up"], twin.name(lower))
        batch([f"link set {high} mtu {FABRIC_MTU} up"], twin.name(upper))


def _flows(twin: Twin, leaf: str, most: int = 32) -> list[Pair]:
    """Give flows that start at a leaf: each host's port there to the next rail of other hosts of its zone, several a host."""
    rails = twin.sample.plane.rails
    rail = next(one.switch.rail for one in twin.sample.switches if one.switch.name == leaf)
    found = [pair for pair in _pairs(twin, rail, (rail + 1) % rails, same=True) if pair[0].leaf == leaf]
    step = max(len(found) // most, 1)
    return found[::step][:most]


def _busiest(twin: Twin, pinger: Pinger, flows: list[Pair], leaf: SwitchPorts) -> Port:
    """Give the uplink of a leaf that carries most of some flows, by its counters."""
    before = _sent(twin, leaf.switch.name)
    Stream(pinger, flows).run(0.5)
    after = _sent(twin, leaf.switch.name)
    return max(leaf.fabric, key=lambda port: (after[port.interface] - before[port.interface], port.interface))


def _sent(twin: Twin, switch: str) -> dict[str, int]:
    """Give the packets sent by each interface of a switch."""
    return {row["ifname"]: int(row["stats64"]["tx"]["packets"]) for row in ask(twin.name(switch), "-s", "link", "show")}


def link_lost(twin: Twin, pinger: Pinger) -> Seen:
    """Take the uplink away that carries most of the flows, at its far end, and bring it back, under traffic."""
    leaf = twin.sample.tier("leaf")[0]
    other = twin.sample.tier("leaf")[-1].switch.name
    flows = _flows(twin, leaf.switch.name)
    pinger.sweep(flows)
    port = _busiest(twin, pinger, flows, leaf)
    far = interface(port.peer_port)

    def away() -> None:
        batch([f"link set {far} down"], twin.name(port.peer))

    def back() -> None:
        batch([f"link set {far} up"], twin.name(port.peer))

    silent, returned, left = _under_traffic(twin, pinger, flows, away, back, leaf.switch.name, other)
    right = left == len(leaf.fabric) - 1 and silent <= SLOWEST["link"] and returned <= SLOWEST["back"]
    said = f"{leaf.switch.name} {port.interface}, the busiest: {_silence(silent, returned)}; {left} of {len(leaf.fabric)} paths left"
    return right, said, {"silent_ms": round(silent * 1000), "back_ms": round(returned * 1000), "paths": left}


def _silence(silent: float, returned: float) -> str:
    """Say how long the flow that suffered most was silent."""
    return f"flows silent for at most {silent * 1000:.0f} ms, and {returned * 1000:.0f} ms when it came back (asked every 10 ms)"


def _under_traffic(
    twin: Twin, pinger: Pinger, flows: list[Pair], away: Callable[[], None], back: Callable[[], None], leaf: str, other: str
) -> tuple[float, float, int]:
    """Break something and mend it under traffic; give the longest silence of each, and the paths left in between."""
    pinger.sweep(flows)
    stream = Stream(pinger, flows)
    stream.run(0.3)
    away()
    try:
        stream.run(3.0)
        silent = max(stream.silence().values(), default=0.0)
        left = len(twin.paths(leaf, other))
    finally:
        back()
    stream.run(1.0)
    twin.converge()
    stream.run(0.5)
    returned = max(stream.silence().values(), default=0.0)
    pinger.forget()
    return silent, returned, left


def spine_lost(twin: Twin, pinger: Pinger, predicted: FabricReport) -> Seen:
    """Let one spine die without a word, its links up, and hold what is left against what the plan foretold."""
    spine = twin.sample.tier("spine")[0].switch.name
    leaf, other = twin.sample.tier("leaf")[0], twin.sample.tier("leaf")[-1].switch.name

    def away() -> None:
        sysctl(twin.name(spine), {"net.ipv4.ip_forward": "0"})
        twin.daemons(spine, signal.SIGSTOP)

    def back() -> None:
        sysctl(twin.name(spine), {"net.ipv4.ip_forward": "1"})
        twin.daemons(spine, signal.SIGCONT)

    flows = _flows(twin, leaf.switch.name)
    silent, returned, left = _under_traffic(twin, pinger, flows, away, back, leaf.switch.name, other)
    loss = next(one for one in predicted.losses if one.kind == "spine")
    exact = left * loss.share.denominator == len(leaf.fabric) * loss.share.numerator
    right = exact and silent <= SLOWEST["spine"] and returned <= SLOWEST["back"]
    said = f"{spine} dead with its links up: {_silence(silent, returned)}; {left} of {len(leaf.fabric)} paths left, {loss.share} foretold"
    return right, said, {"silent_ms": round(silent * 1000), "back_ms": round(returned * 1000), "paths": left, "foretold": str(loss.share)}


def leaf_lost(twin: Twin, pinger: Pinger, predicted: FabricReport) -> Seen:
    """Take one leaf's every link away and hold who is cut off against what the plan foretold."""
    leaf = twin.sample.tier("leaf")[0]
    names = [port.interface for port in leaf.ports]
    batch((f"link set {name} down" for name in names), twin.name(leaf.switch.name))
    try:
        rails = range(twin.sample.plane.rails)
        alive: set[Endpoint] = set()
        for rail in rails:
            firsts: dict[Endpoint, list[Pair]] = {}
            for pair in _pairs(twin, rail, rail, same=True):
                firsts.setdefault(pair[0], []).append(pair)
            alive |= {pair[0] for pair in pinger.sweep([mine[0] for mine in firsts.values()], wait=0.5)}
            pinger.forget()
    finally:
        batch((f"link set {name} up" for name in names), twin.name(leaf.switch.name))
        back = twin.converge()
    cut = len(twin.sample.endpoints) - len(alive)
    loss = next(one for one in predicted.losses if one.kind == "leaf")
    said = f"{leaf.switch.name}: {cut} host ports cut off, {loss.endpoints} foretold; all paths back after {back:.1f} s"
    return cut == loss.endpoints, said, {"cut": cut, "foretold": loss.endpoints, "back_s": round(back, 2)}
