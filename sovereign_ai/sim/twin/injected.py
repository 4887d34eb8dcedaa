"""Faults that are put in on purpose, to see that the check which should find them does.

The finders are called by their modules' names, so that a test can take them out and see these fail.
"""

from __future__ import annotations

from sovereign_ai.render.switches.links import FABRIC_MTU
from sovereign_ai.sim.twin import asked, neighbours
from sovereign_ai.sim.twin.namespace import batch
from sovereign_ai.sim.twin.ping import Pinger
from sovereign_ai.sim.twin.result import Seen
from sovereign_ai.sim.twin.sample import Part
from sovereign_ai.sim.twin.twin import Twin
from sovereign_ai.sim.twin.wiring import apart, cable


def leak(twin: Twin, part: Part, pinger: Pinger) -> Seen:
    """Put one port into another zone's segment and see that `separation` finds it."""
    by_zone = {end.zone: end for end in reversed(part.endpoints)}
    if len(by_zone) < 2:
        return True, "one zone, and so nothing to leak into", {}
    end, other = [by_zone[zone] for zone in sorted(by_zone)][:2]
    zones = next(one for one in part.switches if one.switch.name == end.leaf).partitions
    own, wrong = zones[end.zone].number, zones[other.zone].number
    batch([f"link set {end.leaf_interface} master br{wrong}"], twin.name(end.leaf))
    try:
        passed, said, figures = asked.separation(part, pinger)
    finally:
        batch([f"link set {end.leaf_interface} master br{own}"], twin.name(end.leaf))
    return not passed and end.host in said, f"found: {said}" if not passed else "a port in the wrong segment went unseen", figures


def miswire(twin: Twin, part: Part) -> Seen:
    """Swap the first uplinks of two leaves and see that exactly the four ports concerned are named."""
    leaves = part.tier("leaf")
    if len(leaves) < 2 or not leaves[0].fabric:
        return True, "no two leaves with uplinks to swap", {}
    ends = [(one.switch.name, one.fabric[0].interface, one.fabric[0].peer, _peer_interface(twin, one.switch.name)) for one in leaves[:2]]
    for leaf, name, _, _ in ends:
        batch([f"link del {name}"], twin.name(leaf))
    _lay(twin, [(*ends[0][:2], *ends[1][2:]), (*ends[1][:2], *ends[0][2:])])
    try:
        found = {one.port: one for one in neighbours.miswires(twin.sample, twin.prefix)}
    finally:
        for leaf, name, _, _ in ends:
            batch([f"link del {name}"], twin.name(leaf))
        _lay(twin, ends)
        twin.converge()
    wanted = {port for leaf, name, spine, there in ends for port in ((leaf, name), (spine, there))}
    return found.keys() == wanted, "; ".join(str(found[port]) for port in sorted(found)[:2]), {"swapped": 2, "ports named": len(found)}


def way(twin: Twin, pinger: Pinger) -> Seen:
    """Take from two hosts the rules that keep planes apart on them, and see that `apart` finds the way that this opens."""
    there = {end.host: end for part in twin.sample.parts[1:] for end in part.endpoints}
    ends = [end for end in {one.host: one for one in twin.sample.parts[0].endpoints}.values() if end.host in there][:2]
    hosts = {end.host for end in ends}
    if len(hosts) < 2:
        return True, "no two hosts of two planes, and so no way to open", {}
    rules = [(part, end) for part in twin.sample.parts for end in part.endpoints if end.host in hosts]
    for part, end in rules:
        batch(apart(part, end, "del"), twin.name(end.host))
    try:
        passed, said, figures = asked.apart(twin, pinger)
    finally:
        for part, end in rules:
            batch(apart(part, end), twin.name(end.host))
    found = not passed and all(host in said for host in hosts)
    return found, f"found: {said}" if not passed else "a way between planes went unseen", figures


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
