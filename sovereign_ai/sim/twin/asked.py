"""What is asked of a twin as it stands: cabling, paths, reachability, separation of zones, and planes that stay apart."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

from sovereign_ai.sim.twin.namespace import ask, batch
from sovereign_ai.sim.twin.neighbours import miswires
from sovereign_ai.sim.twin.ping import Pair, Pinger
from sovereign_ai.sim.twin.result import Seen, pairs_of
from sovereign_ai.sim.twin.sample import Endpoint, Part
from sovereign_ai.sim.twin.twin import Twin

FLOWS, A_SPINE = 64, 16
"""Flows looked up at least, and for each spine: so many that a spine that takes its share is missed once in millions of runs."""


def cabling(twin: Twin) -> Seen:
    """Hold every port against the plan."""
    found = miswires(twin.sample, twin.prefix)
    return (
        not found,
        "; ".join(map(str, found[:3])) or "every port meets what the plan says",
        {"ports": twin.sample.cables * 2, "wrong": len(found)},
    )


def paths(twin: Twin, part: Part) -> Seen:
    """See that each leaf has all its uplinks as paths to each other, and how flows spread over them."""
    leaves = part.tier("leaf")
    if len(leaves) < 2:
        return True, "one leaf, and so no path between leaves", {}
    short = [
        f"{one.switch.name} to {other.switch.name}"
        for one, other in permutations(leaves, 2)
        if other is leaves[0] or one is leaves[0]
        if twin.paths(one.switch.name, other.switch.name) != sorted(port.interface for port in one.fabric)
    ]
    first, last = leaves[0], leaves[-1]
    spines = {port.peer for port in first.fabric}
    flows = max(FLOWS, A_SPINE * len(spines))
    asked = [_lookup(twin, first.switch.name, first.switch.loopback, last.switch.loopback, 49152 + number) for number in range(flows)]
    spread = Counter(asked)
    figures = {"uplinks": len(first.fabric), "flows": flows, "used": len(spread), "most on one": max(spread.values()), "short": len(short)}
    used = {port.peer for port in first.fabric if port.interface in spread}
    return (
        not short and used == spines,
        f"{flows} flows take {len(spread)} of {len(first.fabric)} uplinks, {len(used)} of {len(spines)} spines",
        figures,
    )


def _lookup(twin: Twin, switch: str, source: str, target: str, port: int) -> str:
    """Ask the kernel which interface one VXLAN flow takes."""
    flow = ["from", source, "ipproto", "udp", "sport", str(port), "dport", "4789"]
    return str(ask(twin.name(switch), "-4", "route", "get", target, *flow)[0]["dev"])


def one_hop(twin: Twin, part: Part, pinger: Pinger) -> Seen:
    """See by the leaf's table that both ends of a rail's pair hang at the same leaf."""
    wrong = Counter[str]()
    seen = 0
    for rail in range(part.plane.rails):
        pairs = pairs_of(part, rail, rail, same=True)
        pinger.sweep(pairs[:1] + pairs[-1:])
        for leaf in {end.leaf for end in part.endpoints if end.rail == rail}:
            rows = {row["mac"]: row.get("ifname", "") for row in ask(twin.name(leaf), "fdb", "show", program="bridge") if row.get("master")}
            for end in {end for pair in (pairs[:1] + pairs[-1:]) for end in pair if end.leaf == leaf}:
                mac = ask(twin.name(end.host), "link", "show", end.interface)[0]["address"]
                seen += 1
                if rows.get(mac) != end.leaf_interface:
                    wrong[f"{end.host} {end.interface}"] += 1
    pinger.forget()
    return not wrong and seen > 0, f"{seen} ends of rails are known at their own leaf's port", {"ends": seen, "elsewhere": len(wrong)}


def reachability(part: Part, pinger: Pinger) -> Seen:
    """Ask every pair of hosts of one zone, in each rail and from each rail to the next."""
    rails = part.plane.rails
    asked = answered = 0
    missing: list[str] = []
    for rail, other in [(rail, rail) for rail in range(rails)] + [(rail, (rail + 1) % rails) for rail in range(rails) if rails > 1]:
        pairs = pairs_of(part, rail, other, same=True)
        got = pinger.sweep(pairs)
        asked, answered = asked + len(pairs), answered + len(got)
        missing += [f"{a.host} {a.interface} to {b.host} {b.interface}" for a, b in pairs if (a, b) not in got][:3]
        pinger.forget()
    said = f"{answered:,} of {asked:,} pairs that should reach each other do" + (f"; not {missing[0]}" if missing else "")
    return asked == answered > 0, said, {"pairs": asked, "answered": answered}


def separation(part: Part, pinger: Pinger) -> Seen:
    """Ask every pair of hosts of two zones, in each rail; nobody may answer."""
    asked, leaks = 0, []
    for rail in range(part.plane.rails):
        pairs = pairs_of(part, rail, rail, same=False)
        got = pinger.sweep(pairs, wait=0.4, tries=1)
        asked += len(pairs)
        leaks += [f"{a.host} ({a.zone}) reaches {b.host} ({b.zone}) on rail {rail}" for a, b in got]
        pinger.forget()
    said = f"none of {asked:,} pairs of two zones reach each other" if not leaks else f"{len(leaks)} of {asked:,}: {min(leaks)}"
    return asked > 0 and not leaks, said, {"pairs": asked, "leaks": len(leaks)}


def apart(twin: Twin, pinger: Pinger) -> Seen:
    """Ask from every host of a plane every other host of another plane; nobody may answer, nor to a host that tries by the wrong port."""
    pairs = [pair for part in twin.sample.parts for other in twin.sample.beside(part) for pair in _between(part, other)]
    leaks = [f"{a.host} {a.interface} reaches {b.host} {b.interface}" for a, b in pinger.sweep(pairs, wait=0.4, tries=1)]
    pinger.forget()
    forced, passed = _forced(twin, pinger)
    leaks += passed
    said = f"none of {len(pairs):,} pairs of two planes reach each other, nor any of {forced:,} that are sent by the wrong plane's port"
    if leaks:
        said = f"{len(leaks)} ways between planes: {min(leaks)}"
    return len(pairs) > 0 and not leaks, said, {"pairs": len(pairs), "forced": forced, "leaks": len(leaks)}


def _between(part: Part, other: Part) -> list[Pair]:
    """Give a pair of ports for each two hosts, of rails that change from one to the next."""
    ends: dict[str, list[Endpoint]] = {}
    for end in other.endpoints:
        ends.setdefault(end.host, []).append(end)
    mine: dict[str, list[Endpoint]] = {}
    for end in part.endpoints:
        mine.setdefault(end.host, []).append(end)
    hosts = [(a, b) for a in mine for b in ends if a != b]
    return [(mine[a][turn % len(mine[a])], ends[b][turn % len(ends[b])]) for turn, (a, b) in enumerate(hosts)]


def _forced(twin: Twin, pinger: Pinger) -> tuple[int, list[str]]:
    """Let one host of each zone and plane send other planes' addresses by its own port, as one badly set up would, and give who answers."""
    asked, leaks = 0, []
    for part in twin.sample.parts:
        for end in {one.zone: one for one in part.endpoints}.values():
            ways = [
                f"{block} dev {end.interface} src {end.ip} table {end.table}" for other in twin.sample.beside(part) for block in other.rails
            ]
            batch((f"route add {way}" for way in ways), twin.name(end.host))
            try:
                pairs = [(end, there) for other in twin.sample.beside(part) for there in other.endpoints if there.host != end.host]
                got = pinger.sweep(pairs, wait=0.4, tries=1)
            finally:
                batch((f"route del {way}" for way in ways), twin.name(end.host))
            pinger.forget()
            asked += len(pairs)
            leaks += [f"{a.host} {a.interface} reaches {b.host} {b.interface} by the wrong port" for a, b in got]
    return asked, leaks
