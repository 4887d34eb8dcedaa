"""Self-tests of the checks: a fault is put in, and the check that should find it must find it.

Checks are called through their modules, so that a test can replace one with a blind one and see the self-test
fail.
"""

from __future__ import annotations

from sovereign_ai.fabric_twin import neighbours, queries
from sovereign_ai.fabric_twin.namespace import batch
from sovereign_ai.fabric_twin.ping import Pinger
from sovereign_ai.fabric_twin.result import Seen, examples, hosts_of
from sovereign_ai.fabric_twin.sample import PlanePart, switch_named
from sovereign_ai.fabric_twin.twin import Twin
from sovereign_ai.fabric_twin.wiring import apart, cable
from sovereign_ai.plan.fabric import Cable
from sovereign_ai.render.switches import FABRIC_MTU, SwitchPorts


def leak(twin: Twin, part: PlanePart, pinger: Pinger) -> Seen:
    """Move one port into another zone's segment and check that `separation` reports it."""
    by_zone = {end.zone: end for end in reversed(part.endpoints)}
    if len(by_zone) < 2:
        return True, "one zone, and so nothing to leak into", {}
    own_zone, other_zone = sorted(by_zone)[:2]
    end = by_zone[own_zone]
    leaf = switch_named(part.switches, end.leaf)
    own, wrong = leaf.partitions[own_zone].number, leaf.partitions[other_zone].number
    try:
        batch([f"link set {end.leaf_interface} master br{wrong}"], twin.name(end.leaf))
        passed, text, figures = queries.separation(part, pinger)
    finally:
        batch([f"link set {end.leaf_interface} master br{own}"], twin.name(end.leaf))
    outcome = "a port in the wrong segment went unseen" if passed else f"found: {text}"
    return not passed and end.host in text, outcome, figures


def miswire(twin: Twin, part: PlanePart) -> Seen:
    """Swap the first uplinks of two leaves and check that exactly the four ports concerned are reported."""
    leaves = part.tier("leaf")
    if len(leaves) < 2 or not leaves[0].fabric:
        return True, "no two leaves with uplinks to swap", {}
    cables = [_first_uplink(twin, leaves[0]), _first_uplink(twin, leaves[1])]
    swapped = False
    try:
        _remove(twin, cables)
        _lay(twin, _swapped(cables))
        swapped = True
        miswires = neighbours.miswires(twin.sample, twin.prefix)
    finally:
        # A swap that failed halfway has left ports without a cable.
        _remove(twin, cables, force=not swapped)
        _lay(twin, cables)
        twin.converge()
    # `miswires` are sorted by their ports, and name each once.
    reported = {wrong.port for wrong in miswires}
    concerned = set()
    for laid in cables:
        concerned |= {(laid.lower, laid.lower_port), (laid.upper, laid.upper_port)}
    figures = {"swapped": 2, "ports named": len(reported)}
    return reported == concerned, examples(miswires, 2), figures


def way(twin: Twin, pinger: Pinger) -> Seen:
    """Remove the rules that keep planes apart from two hosts and check that `apart` reports the open way."""
    hosts = set(_hosts_of_two_planes(twin)[:2])
    if len(hosts) < 2:
        return True, "no two hosts of two planes, and so no way to open", {}
    rules = []
    for part in twin.sample.parts:
        for end in part.endpoints:
            if end.host in hosts:
                rule = (part, end)
                rules.append(rule)
    opened = False
    try:
        for part, end in rules:
            batch(apart(part, end, "del"), twin.name(end.host))
        opened = True
        passed, text, figures = queries.apart(twin, pinger)
    finally:
        for part, end in rules:
            # Rules that were not removed are still there, and are refused a second time.
            batch(apart(part, end), twin.name(end.host), force=not opened)
    is_reported = not passed
    for host in hosts:
        # The way that is reported must be the open one.
        is_reported = is_reported and host in text
    outcome = "a way between planes went unseen" if passed else f"found: {text}"
    return is_reported, outcome, figures


def _hosts_of_two_planes(twin: Twin) -> list[str]:
    """Return the hosts of the first plane that have ports in another plane as well, in order."""
    first, *others = twin.sample.parts
    elsewhere: set[str] = set()
    for part in others:
        elsewhere |= hosts_of(part.endpoints)
    return [host for host in first.hosts if host in elsewhere]


def _first_uplink(twin: Twin, leaf: SwitchPorts) -> Cable:
    """Return the cable at a leaf's first uplink, with interfaces as its ports."""
    uplink = leaf.fabric[0]
    spine = switch_named(twin.sample.switches, uplink.peer)
    high = next(port.interface for port in spine.ports if port.name == uplink.peer_port)
    return Cable(leaf.switch.name, uplink.interface, uplink.peer, high)


def _swapped(cables: list[Cable]) -> list[Cable]:
    """Return two cables with their upper ends exchanged."""
    first, second = cables
    return [
        first._replace(upper=second.upper, upper_port=second.upper_port),
        second._replace(upper=first.upper, upper_port=first.upper_port),
    ]


def _remove(twin: Twin, cables: list[Cable], *, force: bool = False) -> None:
    """Remove the cables at these leaves' ports; with one end of a veth pair its other end goes too."""
    for laid in cables:
        batch([f"link del {laid.lower_port}"], twin.name(laid.lower), force=force)


def _lay(twin: Twin, cables: list[Cable]) -> None:
    """Lay cables between switches and bring them up."""
    batch(cable(twin.prefix, laid) for laid in cables)
    for laid in cables:
        batch([f"link set {laid.lower_port} mtu {FABRIC_MTU} up"], twin.name(laid.lower))
        batch([f"link set {laid.upper_port} mtu {FABRIC_MTU} up"], twin.name(laid.upper))
