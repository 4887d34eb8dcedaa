"""What breaks and comes back, under traffic, held against what the plan foretold."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable
from fractions import Fraction

from sovereign_ai.assess.fabric import FabricReport, Loss
from sovereign_ai.render.switches.ports import Port, SwitchPorts, interface
from sovereign_ai.sim.twin.namespace import ask, batch, sysctl
from sovereign_ai.sim.twin.ping import Pair, Pinger, Stream
from sovereign_ai.sim.twin.result import Seen, pairs_of
from sovereign_ai.sim.twin.sample import Endpoint
from sovereign_ai.sim.twin.twin import Twin

SLOWEST = {"link": 2.0, "spine": 6.0, "back": 2.0}
"""Seconds a flow may be silent: a link that says it is down; a spine that says nothing (BFD 3 x 300 ms and one second of doubt for a
busy machine, for every session of it); and when it comes back."""


def _flows(twin: Twin, leaf: str, most: int = 32) -> list[Pair]:
    """Give flows that start at a leaf: each host's port there to the next rail of other hosts of its zone, several a host."""
    rails = twin.sample.plane.rails
    rail = next(one.switch.rail for one in twin.sample.switches if one.switch.name == leaf)
    found = [pair for pair in pairs_of(twin, rail, (rail + 1) % rails, same=True) if pair[0].leaf == leaf]
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
            for pair in pairs_of(twin, rail, rail, same=True):
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
