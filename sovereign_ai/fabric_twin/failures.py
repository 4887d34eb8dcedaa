"""Checks that break something under traffic, bring it back, and compare both with the prediction.

Bandwidth is judged by paths: a leaf must keep as many equal-cost paths as the plan's cables say, and their
share may not exceed that of the bisection (it is less where machines do not fill the links). Host ports,
machines and GPUs that are cut off must be as many as predicted. Rates themselves are not simulated.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import filterfalse
from typing import Any

from sovereign_ai.assess import FabricLoss, FabricReport
from sovereign_ai.errors import DeploymentError, Problem
from sovereign_ai.fabric_twin.namespace import batch, query_table, sysctl
from sovereign_ai.fabric_twin.ping import Pair, Pinger, Stream
from sovereign_ai.fabric_twin.result import Seen, cut_off, hosts_of, pairs_of
from sovereign_ai.fabric_twin.sample import HostPort, PlanePart, switch_named
from sovereign_ai.fabric_twin.twin import Twin
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.render.switches import Port, SwitchPorts, interface
from sovereign_ai.text import counted

SLOWEST = {"link": 2.0, "spine": 6.0, "back": 2.0}
"""Seconds for which a flow may be silent.

`link`: after a link that reports its loss. `spine`: after a spine that stops without a word: BFD (3 x 300 ms)
detects it, and each of its sessions gets one second of doubt more on a busy machine. `back`: when the part
comes back.
"""
_SOUGHT = 10.0
"""Seconds.

For an address that did not answer, the kernel asks three times, a second apart, before its next chance.
"""
FLAPS, HALF = 8, 0.25
"""How often a link goes down and up again, and the seconds of each half."""
_WITNESSES = 3
"""Neighbours that each host port pings to show that it is alive."""


@frozen_dataclass
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
        """Return it in words."""
        away, back = self.silent * 1000, self.returned * 1000
        silence = f"flows silent for at most {away:.0f} ms, and {back:.0f} ms when it came back"
        return f"{silence} (asked every 10 ms); {self.left} of {counted(self.whole, 'path')} left"

    def figures(self) -> dict[str, Any]:
        """Return it in numbers."""
        return {
            "silent_ms": round(self.silent * 1000),
            "back_ms": round(self.returned * 1000),
            "paths": self.left,
            "of": self.whole,
        }


def predicted_loss(predicted: FabricReport, kind: str) -> FabricLoss:
    """Return the plan's prediction for the loss of a kind of part."""
    return next(loss for loss in predicted.losses if loss.kind == kind)


@frozen_dataclass
class Crossing:
    """Flows from one leaf to others.

    Attributes:
        leaf: the leaf they leave.
        other: the leaf that the first of them goes to.
        flows: each host's port at the leaf to another rail of other hosts of its zone, several a host.
    """

    leaf: SwitchPorts
    other: str
    flows: Sequence[Pair]


def crossing(part: PlanePart, most: int = 32) -> Crossing:
    """Return flows that leave the first leaf whose hosts have others of their zone at another leaf.

    They go to the next rail, or to the nearest after it where one leaf serves both.

    Raises:
        DeploymentError: there is no such leaf, so that no flow would notice a loss above a leaf.
    """
    rails = part.plane.rails
    for step in range(1, rails + 1):
        for leaf in part.tier("leaf"):
            flows = _leaving(part, leaf, (leaf.switch.rail + step) % rails)
            if flows:
                other = flows[0][1].leaf
                return Crossing(leaf, other, _spread(flows, most))
    message = "no two hosts of a zone are connected to different leaves"
    raise DeploymentError(Problem("no-flows", message, hint="twin a wider plane: --plane"))


def _leaving(part: PlanePart, leaf: SwitchPorts, rail: int) -> list[Pair]:
    """Return the flows from a leaf's first rail to a rail of hosts at other leaves."""
    name = leaf.switch.name
    flows = []
    for pair in pairs_of(part, leaf.switch.rail, rail, same=True):
        source, target = pair
        if source.leaf == name and target.leaf != name:
            flows.append(pair)
    return flows


def _is_flat(part: PlanePart) -> bool:
    """Return whether all hosts are at one leaf, so that no loss above it can touch a flow."""
    return len(part.tier("leaf")) < 2


def _spread(flows: Sequence[Pair], most: int) -> Sequence[Pair]:
    """Return at most so many flows, evenly spread over all of them."""
    step = max(len(flows) // most, 1)
    return flows[::step][:most]


def _busiest(twin: Twin, pinger: Pinger, traffic: Crossing) -> Port:
    """Return the uplink of a leaf that carries most of some flows, by its counters."""
    leaf = traffic.leaf
    # Neighbours are resolved first: the broadcasts that do so would be counted as well.
    pinger.sweep(traffic.flows)
    before = _sent(twin, leaf.switch.name)
    Stream(pinger, traffic.flows).run(0.5)
    after = _sent(twin, leaf.switch.name)

    def load(port: Port) -> tuple[int, str]:
        return after[port.interface] - before[port.interface], port.interface

    return max(leaf.fabric, key=load)


def _sent(twin: Twin, switch: str) -> dict[str, int]:
    """Return the packets that each interface of a switch has sent."""
    packets = {}
    for row in query_table(twin.name(switch), "-s", "link", "show"):
        packets[row["ifname"]] = int(row["stats64"]["tx"]["packets"])
    return packets


def switch_ports(twin: Twin, switch: str, interfaces: Iterable[str], state: str) -> None:
    """Set ports of a switch `up` or `down`."""
    batch((f"link set {name} {state}" for name in interfaces), twin.name(switch))


def _under_traffic(
    twin: Twin, pinger: Pinger, traffic: Crossing, away: Callable[[], None], back: Callable[[], None]
) -> Lost:
    """Break something and restore it under traffic between leaves."""
    pinger.sweep(traffic.flows)
    stream = Stream(pinger, traffic.flows)
    stream.run(0.3)
    try:
        # Within the `try`, as every change here: what fails halfway must be undone as well.
        away()
        stream.run(3.0)
        silent = max(stream.silence().values(), default=0.0)
        left = len(twin.paths(traffic.leaf.switch.name, traffic.other))
    finally:
        back()
    # Traffic runs on while routes come back: a flow that is lost only then would go unseen otherwise.
    stream.run(1.0)
    twin.converge()
    stream.run(0.5)
    returned = max(stream.silence().values(), default=0.0)
    pinger.forget()
    return Lost(silent, returned, left, len(traffic.leaf.fabric))


def link_lost(twin: Twin, part: PlanePart, pinger: Pinger) -> Seen:
    """Take down the uplink that carries most of the flows and bring it back, under traffic."""
    if _is_flat(part):
        return True, "one leaf, and so no link between switches whose loss a flow could feel", {}
    traffic = crossing(part)
    port = _busiest(twin, pinger, traffic)
    # The far end of the pair is taken down: the leaf then sees its carrier go, as with a cable that is
    # pulled.
    far = [interface(port.peer_port)]
    lost = _under_traffic(
        twin,
        pinger,
        traffic,
        lambda: switch_ports(twin, port.peer, far, "down"),
        lambda: switch_ports(twin, port.peer, far, "up"),
    )
    is_prompt = lost.silent <= SLOWEST["link"] and lost.returned <= SLOWEST["back"]
    right = lost.left == lost.whole - 1 and is_prompt
    return right, f"{traffic.leaf.switch.name} {port.interface}, the busiest: {lost}", lost.figures()


def link_flaps(twin: Twin, part: PlanePart, pinger: Pinger) -> Seen:
    """Take the busiest uplink down and up several times.

    Afterwards every path must be in the kernel's table and no flow may lose a packet.
    """
    if _is_flat(part):
        return True, "one leaf, and so no link between switches that could flap under a flow", {}
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
    seconds = 2 * HALF * FLAPS
    text = f"{leaf.switch.name} {port.interface} down and up {FLAPS} times in {seconds:.0f} s: "
    text += f"no flow silent for longer than {longest * 1000:.0f} ms; "
    text += f"all {counted(paths, 'path')} back {settled:.1f} s after, "
    text += f"and {after} of {counted(len(flows), 'flow')} then lost anything"
    figures = {
        "longest_ms": round(longest * 1000),
        "settled_s": round(settled, 2),
        "paths": paths,
        "flows_lost_after": after,
    }
    return right, text, figures


def spine_lost(twin: Twin, part: PlanePart, pinger: Pinger, predicted: FabricReport) -> Seen:
    """Let one spine stop without a word, its links up, and compare what is left with the prediction."""
    if _is_flat(part):
        return True, "one leaf, and so no spine whose loss a flow could feel", {}
    if not part.tier("spine"):
        return True, "two leaves without spines, and so no spine to lose", {}
    loss, traffic = predicted_loss(predicted, "spine"), crossing(part)
    above = [port.peer for port in traffic.leaf.fabric]
    # The predicted example is one of many alike; it must be one that the flows can take.
    spine = loss.example if loss.example in above else above[0]

    # Stopped daemons alone would let the kernel forward on, and the loss would not be felt.
    def away() -> None:
        sysctl(twin.name(spine), {"net.ipv4.ip_forward": "0"})
        twin.daemons(spine, signal.SIGSTOP)

    def back() -> None:
        sysctl(twin.name(spine), {"net.ipv4.ip_forward": "1"})
        twin.daemons(spine, signal.SIGCONT)

    lost = _under_traffic(twin, pinger, traffic, away, back)
    share = loss.share
    planned = len(above) - above.count(spine)
    # left/whole <= share, in integers.
    within_share = lost.left * share.denominator <= lost.whole * share.numerator
    is_prompt = lost.silent <= SLOWEST["spine"] and lost.returned <= SLOWEST["back"]
    right = lost.left == planned and within_share and is_prompt
    text = f"{spine} dead with its links up: {lost}, {planned} planned, "
    text += f"and {share} of the bisection foretold"
    figures = lost.figures()
    figures["planned"] = planned
    figures["foretold"] = str(share)
    return right, text, figures


def port_lost(twin: Twin, part: PlanePart, pinger: Pinger, predicted: FabricReport) -> Seen:
    """Take down one machine's port, and compare who is cut off with the prediction."""
    end = part.endpoints[0]
    loss = predicted_loss(predicted, "link to a machine")
    ports = {end.leaf: [end.leaf_interface]}
    return _cut(twin, part, pinger, loss, ports, f"{end.host} {end.interface}")


def leaf_lost(twin: Twin, part: PlanePart, pinger: Pinger, predicted: FabricReport) -> Seen:
    """Take down every link of one leaf, and compare who is cut off with the prediction."""
    loss = predicted_loss(predicted, "leaf")
    leaf = switch_named(part.switches, loss.example)
    name = leaf.switch.name
    interfaces = [port.interface for port in leaf.ports]
    return _cut(twin, part, pinger, loss, {name: interfaces}, name)


def _cut(
    twin: Twin, part: PlanePart, pinger: Pinger, loss: FabricLoss, ports: dict[str, list[str]], what: str
) -> Seen:
    """Take ports down, count ports, machines and GPUs that are cut off, and bring all back."""
    try:
        for switch, names in ports.items():
            switch_ports(twin, switch, names, "down")
        answering = alive([part], pinger)
    finally:
        start = time.monotonic()
        for switch, names in ports.items():
            switch_ports(twin, switch, names, "up")
        twin.converge()
    returned, back = all_back([part], pinger, start)
    lost = {end for end in part.endpoints if end.leaf_interface in ports.get(end.leaf, ())}
    unheard = unanswerable(part, lost)
    cut = list(filterfalse(unheard.__contains__, cut_off(part, answering)))
    hosts = hosts_of(cut)
    seen = (len(cut), len(hosts), twin.sample.gpus_of(hosts))
    wanted = (loss.endpoints, loss.nodes, loss.gpus)
    total = len(part.endpoints) - len(unanswerable(part))
    ports_text = counted(seen[0], "host port")
    gpus_text = counted(seen[2], "GPU")
    text = f"{what}: {ports_text} of {counted(seen[1], 'machine')} with {gpus_text} cut off, "
    text += f"{wanted[0]}, {wanted[1]} and {wanted[2]} foretold; "
    text += f"{back:.1f} s after it is back {returned} of {counted(total, 'host port')} answer"
    if unheard:
        others = counted(len(unheard), "other has", "others have")
        text += f"; {others} nobody left of the same zone and rail who could answer"
    figures = {
        "cut": seen[0],
        "machines": seen[1],
        "gpus": seen[2],
        "foretold": list(wanted),
        "back_s": round(back, 2),
        "after": returned,
    }
    return seen == wanted and returned == total, text, figures


def all_back(parts: Sequence[PlanePart], pinger: Pinger, start: float) -> tuple[int, float]:
    """Ping until every host port answers, or the kernel has had time to ask for each neighbour anew.

    Returns:
        The number of host ports that answer, and the seconds since `start`.
    """
    total = 0
    for part in parts:
        total += len(part.endpoints) - len(unanswerable(part))
    while True:
        returned = len(alive(parts, pinger))
        seconds = time.monotonic() - start
        if returned == total or seconds > _SOUGHT:
            return returned, seconds


def unanswerable(part: PlanePart, lost: Collection[HostPort] = ()) -> set[HostPort]:
    """Return the ports, not lost themselves, of whose zone and rail nobody is left: no ping shows them alive.

    Args:
        part: the plane.
        lost: ports that are taken down.
    """
    left = set(part.endpoints).difference(lost)
    answered = set()
    for rail in range(part.plane.rails):
        for source, target in pairs_of(part, rail, rail, same=True):
            if target in left:
                answered.add(source)
    return left - answered


def _witnesses(pairs: Sequence[Pair]) -> list[Pair]:
    """Return a few pairs of one source, to targets at different leaves where it can: no lost leaf has all."""
    leaves: set[str] = set()
    first: list[Pair] = []
    others: list[Pair] = []
    for pair in pairs:
        target = pair[1]
        if target.leaf in leaves:
            others.append(pair)
        else:
            first.append(pair)
        leaves.add(target.leaf)
    return [*first, *others][:_WITNESSES]


def alive(parts: Iterable[PlanePart], pinger: Pinger) -> set[HostPort]:
    """Return the host ports that get an answer from any of three others of their zone on their rail."""
    probes: list[Pair] = []
    for part in parts:
        for rail in range(part.plane.rails):
            by_source: dict[HostPort, list[Pair]] = {}
            for pair in pairs_of(part, rail, rail, same=True):
                by_source.setdefault(pair[0], []).append(pair)
            for pairs in by_source.values():
                probes += _witnesses(pairs)
    answering: set[HostPort] = set()
    for source, _ in pinger.sweep(probes, wait=0.4):
        answering.add(source)
    pinger.forget()
    return answering
