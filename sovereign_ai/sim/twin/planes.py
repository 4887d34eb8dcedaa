"""A whole plane that is lost and comes back, while the planes beside it go on, held against what the plan foretold.

What survives of a fabric is counted as the plan counts it: a plane whose every leaf has all its paths, and whose every host port
answers, carries its bisection; one that does not carries nothing. Rates themselves are not simulated.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from sovereign_ai.sim.twin.broken import alive, all_back, switch_ports
from sovereign_ai.sim.twin.ping import Pair, Pinger, Stream
from sovereign_ai.sim.twin.result import Seen, pairs_of
from sovereign_ai.sim.twin.sample import Endpoint, Foretold, Part
from sovereign_ai.sim.twin.twin import Twin

FLOWS, AWAY, UNFELT = 16, 1.5, 0.2
"""Flows watched in each other plane; the seconds in which they are watched while the plane is away; and the seconds without an answer that
are put down to a busy machine: a way that is really lost is silent for all of the time."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Whom and what a plane's loss took.

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
        """Say it in words."""
        return f"{self.endpoints} host ports of {self.nodes} hosts with {self.gpus} GPUs cut off, {self.dark} hosts without any port left"


def plane_lost(twin: Twin, part: Part, pinger: Pinger, foretold: Foretold) -> Seen:
    """Take every port of a plane's switches away at once, as without power, under traffic in the others, and see all of it come back."""
    loss, others = foretold.lost[part.name], twin.sample.beside(part)
    wanted = Cut(loss.endpoints, loss.nodes, loss.gpus, loss.dark, loss.dark_gpus, loss.left)
    flows = [pair for other in others for pair in _flows(other)]
    pinger.sweep(flows)
    stream = Stream(pinger, flows)
    _all(twin, part, "down")
    try:
        stream.run(AWAY)
        felt = max(stream.gaps().values(), default=0.0)
        answering = alive(twin.sample.parts, pinger)
        seen = _cut(twin, part, answering, foretold)
    finally:
        start = time.monotonic()
        _all(twin, part, "up")
        twin.converge()
    returned, back = all_back(twin.sample.parts, pinger, start)
    dead = [end for other in others for end in other.endpoints if end not in answering]
    whole = returned == len(twin.sample.endpoints)
    said = f"{seen}, and {loss.share} of the fabric's bisection left"
    said += " as foretold" if seen == wanted else f"; foretold: {wanted}, and {wanted.left} of {seen.left} bit/s"
    if others:
        said += f"; beside it {len(flows)} flows were silent for at most {felt * 1000:.0f} ms, {len(dead)} host ports cut off"
    said += f"; {back:.1f} s after it is back {returned} of {len(twin.sample.endpoints)} host ports answer"
    figures = {name: getattr(seen, name) for name in Cut.__slots__} | {
        "whole": loss.whole,
        "share": str(loss.share),
        "beside_flows": len(flows),
        "beside_ms": round(felt * 1000),
        "beside_cut": len(dead),
        "back_s": round(back, 2),
        "after": returned,
    }
    return seen == wanted and not dead and felt <= UNFELT and whole, said, figures


def _flows(part: Part) -> list[Pair]:
    """Give some flows of a plane: within each rail, and to the next."""
    rails = part.plane.rails
    found = [pair for rail in range(rails) for other in {rail, (rail + 1) % rails} for pair in pairs_of(part, rail, other, same=True)]
    return found[:: max(len(found) // FLOWS, 1)][:FLOWS]


def _all(twin: Twin, part: Part, state: str) -> None:
    """Take every port of a plane's switches up or down."""
    for one in part.switches:
        switch_ports(twin, one.switch.name, [port.interface for port in one.ports], state)


def _cut(twin: Twin, part: Part, answering: Collection[Endpoint], foretold: Foretold) -> Cut:
    """Count what a plane's loss took, by who answers and by the kernel's paths."""
    family = (part, *twin.sample.sisters(part))
    cut = [end for end in part.endpoints if end not in answering]
    hosts = {end.host for end in cut}
    dark = hosts - {end.host for one in family for end in one.endpoints if end in answering}
    whole = [one for one in family if set(one.endpoints) <= set(answering) and twin.ready(one)]
    return Cut(
        endpoints=len(cut),
        nodes=len(hosts),
        gpus=sum(twin.sample.gpus.get(host, 0) for host in hosts),
        dark=len(dark),
        dark_gpus=sum(twin.sample.gpus.get(host, 0) for host in dark),
        left=sum(foretold.planes[one.name].bisection for one in whole),
    )
