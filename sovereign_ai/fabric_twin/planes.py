"""The loss and return of a whole plane while the others carry traffic, compared with the prediction.

What survives of a fabric is counted as the plan counts it. A plane carries its bisection if every leaf has
all its paths and every host port answers; else it carries nothing. Rates themselves are not simulated.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from sovereign_ai.fabric_twin.failures import alive, all_back, switch_ports
from sovereign_ai.fabric_twin.ping import Pair, Pinger, Stream
from sovereign_ai.fabric_twin.result import Seen, cut_off, hosts_of, pairs_of
from sovereign_ai.fabric_twin.sample import HostPort, PlanePart, Predictions
from sovereign_ai.fabric_twin.twin import Twin
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

FLOWS, AWAY, UNFELT = 16, 1.5, 0.2
"""How the other planes are watched: the flows in each, the seconds, and the silence that is tolerated.

A silence of 0.2 s is put down to a busy machine: a path that is really lost is silent for all of the time.
"""


@frozen_dataclass
class PlaneCut:
    """What the loss of a plane cuts off.

    Attributes:
        endpoints: host ports cut off.
        nodes: hosts of those.
        gpus: GPUs of those.
        dark: hosts with no port of the fabric left.
        dark_gpus: GPUs of those.
        left: bisection of the fabric that survives, in bits a second.
    """

    endpoints: int
    nodes: int
    gpus: int
    dark: int
    dark_gpus: int
    left: int

    def __str__(self) -> str:
        """Return it in words."""
        ports_text = counted(self.endpoints, "host port")
        gpus_text = counted(self.gpus, "GPU")
        ports = f"{ports_text} of {counted(self.nodes, 'host')} with {gpus_text} cut off"
        return f"{ports}, {counted(self.dark, 'host')} without any port left"


def plane_lost(twin: Twin, part: PlanePart, pinger: Pinger, foretold: Predictions) -> Seen:
    """Take down every port of a plane's switches at once, as a power failure does, and bring them back.

    Traffic runs in the other planes meanwhile, and must not notice.
    """
    loss, others = foretold.lost[part.name], twin.sample.beside(part)
    wanted = PlaneCut(loss.endpoints, loss.nodes, loss.gpus, loss.dark, loss.dark_gpus, loss.left)
    flows: list[Pair] = []
    for other in others:
        flows += _flows(other)
    pinger.sweep(flows)
    stream = Stream(pinger, flows)
    try:
        _set_all(twin, part, "down")
        stream.run(AWAY)
        felt = max(stream.gaps().values(), default=0.0)
        answering = alive(twin.sample.parts, pinger)
        seen = _cut(twin, part, answering, foretold)
    finally:
        start = time.monotonic()
        _set_all(twin, part, "up")
        twin.converge()
    returned, back = all_back(twin.sample.parts, pinger, start)
    dead: list[HostPort] = []
    for other in others:
        dead += cut_off(other, answering)
    total = len(twin.sample.endpoints)
    text = f"{seen}, and {loss.share} of the fabric's bisection left"
    if seen == wanted:
        text += " as foretold"
    else:
        text += f"; foretold: {wanted}, and {wanted.left} of {seen.left} bit/s"
    if others:
        flows_text = counted(len(flows), "flow was", "flows were")
        text += f"; beside it {flows_text} silent for at most {felt * 1000:.0f} ms, "
        text += f"{counted(len(dead), 'host port')} cut off"
    text += f"; {back:.1f} s after it is back {returned} of {counted(total, 'host port')} answer"
    figures: dict[str, Any] = asdict(seen)
    figures |= {
        "whole": loss.whole,
        "share": str(loss.share),
        "beside_flows": len(flows),
        "beside_ms": round(felt * 1000),
        "beside_cut": len(dead),
        "back_s": round(back, 2),
        "after": returned,
    }
    is_unfelt = not dead and felt <= UNFELT
    return seen == wanted and is_unfelt and returned == total, text, figures


def _flows(part: PlanePart) -> list[Pair]:
    """Return some flows of a plane: within each rail, and to the next."""
    rails = part.plane.rails
    pairs: list[Pair] = []
    for rail in range(rails):
        # With one rail the next is the same rail, which the set holds once.
        for other in {rail, (rail + 1) % rails}:
            pairs += pairs_of(part, rail, other, same=True)
    step = max(len(pairs) // FLOWS, 1)
    return pairs[::step][:FLOWS]


def _set_all(twin: Twin, part: PlanePart, state: str) -> None:
    """Set every port of a plane's switches `up` or `down`."""
    for switch in part.switches:
        names = [port.interface for port in switch.ports]
        switch_ports(twin, switch.switch.name, names, state)


def _cut(twin: Twin, part: PlanePart, answering: Collection[HostPort], foretold: Predictions) -> PlaneCut:
    """Count what a plane's loss cuts off, by the ports that answer and by the kernel's paths."""
    family = (part, *twin.sample.sisters(part))
    cut = cut_off(part, answering)
    hosts = hosts_of(cut)
    lit: set[str] = set()
    left = 0
    for sister in family:
        dead = cut_off(sister, answering)
        lit |= hosts_of(set(sister.endpoints).difference(dead))
        if not dead and twin.ready(sister):
            left += foretold.planes[sister.name].bisection
    dark = hosts - lit
    return PlaneCut(
        endpoints=len(cut),
        nodes=len(hosts),
        gpus=twin.sample.gpus_of(hosts),
        dark=len(dark),
        dark_gpus=twin.sample.gpus_of(dark),
        left=left,
    )
