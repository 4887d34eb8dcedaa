"""What breaks and comes back, under traffic, held against what the plan foretold.

Bandwidth is judged by paths: of a leaf's equal-cost paths as many must be left as the plan's cables say, and their share may not exceed
that of the bisection (it is less where machines do not fill the links). Host ports, machines and GPUs that are cut off
must be as many as foretold. Rates themselves are not simulated.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sovereign_ai.assess.fabric import FabricReport, Loss
from sovereign_ai.errors import DeploymentError, Problem
from sovereign_ai.render.switches.ports import Port, SwitchPorts, interface
from sovereign_ai.sim.twin.namespace import ask, batch, sysctl
from sovereign_ai.sim.twin.ping import Pair, Pinger, Stream
from sovereign_ai.sim.twin.result import Seen, pairs_of
from sovereign_ai.sim.twin.sample import Endpoint, Part
from sovereign_ai.sim.twin.twin import Twin

SLOWEST = {"link": 2.0, "spine": 6.0, "back": 2.0}
"""Seconds a flow may be silent: a link that says it is down; a spine that says nothing (BFD 3 x 300 ms and one second of doubt for a
busy machine, for every session of it); and when it comes back."""
_SOUGHT = 10.0
"""Seconds: an address that did not answer is asked for three times, a second apart, before its next chance comes."""
FLAPS, HALF = 8, 0.25
"""How often a link goes down and up again, and the seconds of each half."""


@dataclass(frozen=True, slots=True)
class Lost:
    """What was seen of a loss under traffic.

    Attributes:
        silent: the longest seconds a flow was silent while the part was away.
        returned: the same when it came back.
        left: paths left in between, from one leaf to another.
        whole: paths before.
    """

    silent: float
    returned: float
    left: int
    whole: int

    def __str__(self) -> str:
        """Say it in words."""
        silence = f"flows silent for at most {self.silent * 1000:.0f} ms, and {self.returned * 1000:.0f} ms when it came back"
        return f"{silence} (asked every 10 ms); {self.left} of {self.whole} paths left"

    def figures(self) -> dict[str, Any]:
        """Give it in numbers."""
        return {"silent_ms": round(self.silent * 1000), "back_ms": round(self.returned * 1000), "paths": self.left, "of": self.whole}


def foretold(predicted: FabricReport, kind: str) -> Loss:
    """Give what the plan says of the loss of a kind of part."""
    return next(one for one in predicted.losses if one.kind == kind)


@dataclass(frozen=True, slots=True)
class Crossing:
    """Flows from one leaf to others.

    Attributes:
        leaf: the leaf they leave.
        other: the leaf that the first of them goes to.
        flows: each host's port at the leaf to the next rail of other hosts of its zone, several a host.
    """

    leaf: SwitchPorts
    other: str
    flows: Sequence[Pair]


def crossing(part: Part, most: int = 32) -> Crossing:
    """Give flows that leave the first leaf whose hosts have others of their zone at another leaf.

    Raises:
        DeploymentError: there is none, so that nothing lost above a leaf would be felt.
    """
    rails = part.plane.rails
    for one in part.tier("leaf"):
        rail, name = one.switch.rail, one.switch.name
        found = [pair for pair in pairs_of(part, rail, (rail + 1) % rails, same=True) if pair[0].leaf == name != pair[1].leaf]
        if found:
            return Crossing(one, found[0][1].leaf, found[:: max(len(found) // most, 1)][:most])
    message = "no two hosts of a zone hang at different leaves"
    raise DeploymentError(Problem("no-flows", message, hint="twin a wider plane: --plane"))


def _busiest(twin: Twin, pinger: Pinger, traffic: Crossing) -> Port:
    """Give the uplink of a leaf that carries most of some flows, by its counters."""
    leaf = traffic.leaf
    pinger.sweep(traffic.flows)
    before = _sent(twin, leaf.switch.name)
    Stream(pinger, traffic.flows).run(0.5)
    after = _sent(twin, leaf.switch.name)
    return max(leaf.fabric, key=lambda port: (after[port.interface] - before[port.interface], port.interface))


def _sent(twin: Twin, switch: str) -> dict[str, int]:
    """Give the packets sent by each interface of a switch."""
    return {row["ifname"]: int(row["stats64"]["tx"]["packets"]) for row in ask(twin.name(switch), "-s", "link", "show")}


def switch_ports(twin: Twin, switch: str, interfaces: Iterable[str], state: str) -> None:
    """Take ports of a switch up or down."""
    batch((f"link set {name} {state}" for name in interfaces), twin.name(switch))


def _under_traffic(twin: Twin, pinger: Pinger, traffic: Crossing, away: Callable[[], None], back: Callable[[], None]) -> Lost:
    """Break something and mend it under traffic between leaves."""
    pinger.sweep(traffic.flows)
    stream = Stream(pinger, traffic.flows)
    stream.run(0.3)
    away()
    try:
        stream.run(3.0)
        silent = max(stream.silence().values(), default=0.0)
        left = len(twin.paths(traffic.leaf.switch.name, traffic.other))
    finally:
        back()
    stream.run(1.0)
    twin.converge()
    stream.run(0.5)
    returned = max(stream.silence().values(), default=0.0)
    pinger.forget()
    return Lost(silent, returned, left, len(traffic.leaf.fabric))


def link_lost(twin: Twin, part: Part, pinger: Pinger) -> Seen:
    """Take the uplink away that carries most of the flows, at its far end, and bring it back, under traffic."""
    traffic = crossing(part)
    port = _busiest(twin, pinger, traffic)
    far = [interface(port.peer_port)]
    lost = _under_traffic(
        twin, pinger, traffic, lambda: switch_ports(twin, port.peer, far, "down"), lambda: switch_ports(twin, port.peer, far, "up")
    )
    right = lost.left == lost.whole - 1 and lost.silent <= SLOWEST["link"] and lost.returned <= SLOWEST["back"]
    return right, f"{traffic.leaf.switch.name} {port.interface}, the busiest: {lost}", lost.figures()


def link_flaps(twin: Twin, part: Part, pinger: Pinger) -> Seen:
    """Let the busiest uplink go down and up again and again; after it every path must be there, in the kernel, and traffic flow."""
    traffic = crossing(part)
    leaf, flows = traffic.leaf, traffic.flows
    port = _busiest(twin, pinger, traffic)
    far = [interface(port.peer_port)]
    stream = Stream(pinger, flows)
    try:
        for _ in range(FLAPS):
            switch_ports(twin, port.peer, far, "down")
            stream.run(HALF)
            switch_ports(twin, port.peer, far, "up")
            stream.run(HALF)
    finally:
        switch_ports(twin, port.peer, far, "up")
    longest = max(stream.gaps().values(), default=0.0)
    settled = twin.converge()
    stream.run(1.0)
    after = len(stream.silence())
    paths = len(twin.paths(leaf.switch.name, traffic.other))
    pinger.forget()
    right = paths == len(leaf.fabric) and longest <= SLOWEST["link"] and after == 0
    said = f"{leaf.switch.name} {port.interface} down and up {FLAPS} times in {2 * HALF * FLAPS:.0f} s: no flow silent for longer than "
    said += f"{longest * 1000:.0f} ms; all {paths} paths back {settled:.1f} s after, and {after} of {len(flows)} flows then lost anything"
    return right, said, {"longest_ms": round(longest * 1000), "settled_s": round(settled, 2), "paths": paths, "flows_lost_after": after}


def spine_lost(twin: Twin, part: Part, pinger: Pinger, predicted: FabricReport) -> Seen:
    """Let one spine die without a word, its links up, and hold what is left against what the plan foretold."""
    loss, traffic = foretold(predicted, "spine"), crossing(part)
    above = [port.peer for port in traffic.leaf.fabric]
    spine = loss.example if loss.example in above else above[0]

    def away() -> None:
        sysctl(twin.name(spine), {"net.ipv4.ip_forward": "0"})
        twin.daemons(spine, signal.SIGSTOP)

    def back() -> None:
        sysctl(twin.name(spine), {"net.ipv4.ip_forward": "1"})
        twin.daemons(spine, signal.SIGCONT)

    lost = _under_traffic(twin, pinger, traffic, away, back)
    share = loss.share
    planned = sum(port.peer != spine for port in traffic.leaf.fabric)
    exact = lost.left == planned and lost.left * share.denominator <= lost.whole * share.numerator
    right = exact and lost.silent <= SLOWEST["spine"] and lost.returned <= SLOWEST["back"]
    said = f"{spine} dead with its links up: {lost}, {planned} planned, and {share} of the bisection foretold"
    return right, said, lost.figures() | {"planned": planned, "foretold": str(share)}


def port_lost(twin: Twin, part: Part, pinger: Pinger, predicted: FabricReport) -> Seen:
    """Pull one machine's cable, and hold who is cut off against what the plan foretold."""
    end = part.endpoints[0]
    return _cut(
        twin, part, pinger, foretold(predicted, "link to a machine"), {end.leaf: [end.leaf_interface]}, f"{end.host} {end.interface}"
    )


def leaf_lost(twin: Twin, part: Part, pinger: Pinger, predicted: FabricReport) -> Seen:
    """Take one leaf's every link away, and hold who is cut off against what the plan foretold."""
    loss = foretold(predicted, "leaf")
    leaf = next(one for one in part.switches if one.switch.name == loss.example)
    return _cut(twin, part, pinger, loss, {leaf.switch.name: [port.interface for port in leaf.ports]}, leaf.switch.name)


def _cut(twin: Twin, part: Part, pinger: Pinger, loss: Loss, ports: dict[str, list[str]], what: str) -> Seen:
    """Take ports down, count ports, machines and GPUs that are cut off, and bring all back."""
    for switch, names in ports.items():
        switch_ports(twin, switch, names, "down")
    try:
        answering = alive([part], pinger)
    finally:
        start = time.monotonic()
        for switch, names in ports.items():
            switch_ports(twin, switch, names, "up")
        twin.converge()
    returned, back = all_back([part], pinger, start)
    cut = [end for end in part.endpoints if end not in answering]
    hosts = {end.host for end in cut}
    gpus = sum(twin.sample.gpus.get(host, 0) for host in hosts)
    seen, wanted = (len(cut), len(hosts), gpus), (loss.endpoints, loss.nodes, loss.gpus)
    whole = returned == len(part.endpoints)
    said = f"{what}: {seen[0]} host ports of {seen[1]} machines with {seen[2]} GPUs cut off, {wanted[0]}, {wanted[1]} and {wanted[2]} foretold; "
    said += f"{back:.1f} s after it is back {returned} of {len(part.endpoints)} host ports answer"
    figures = {
        "cut": seen[0],
        "machines": seen[1],
        "gpus": seen[2],
        "foretold": list(wanted),
        "back_s": round(back, 2),
        "after": returned,
    }
    return seen == wanted and whole, said, figures


def all_back(parts: Sequence[Part], pinger: Pinger, start: float) -> tuple[int, float]:
    """Ask until every host port answers again, or for as long as a neighbour may be sought in vain; give how many do, and the seconds since `start`."""
    while True:
        returned = len(alive(parts, pinger))
        seconds = time.monotonic() - start
        if returned == sum(len(part.endpoints) for part in parts) or seconds > _SOUGHT:
            return returned, seconds


def alive(parts: Iterable[Part], pinger: Pinger) -> set[Endpoint]:
    """Give the host ports that get an answer from anybody of their zone on their rail: three are asked."""
    asked: list[Pair] = []
    for part in parts:
        for rail in range(part.plane.rails):
            mine: dict[Endpoint, list[Pair]] = {}
            for pair in pairs_of(part, rail, rail, same=True):
                mine.setdefault(pair[0], []).append(pair)
            asked += [pair for found in mine.values() for pair in found[:3]]
    found = {pair[0] for pair in pinger.sweep(asked, wait=0.4)}
    pinger.forget()
    return found
