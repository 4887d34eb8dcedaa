"""What a twin is asked, one after the other; each check leaves the twin as it found it.

What stands is asked of every plane, and every plane is lost once. Links, spines and leaves are broken in the first plane alone: the others'
switches have the same role and configuration.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from sovereign_ai.sim.twin import asked, broken, injected, planes
from sovereign_ai.sim.twin.ping import Pinger
from sovereign_ai.sim.twin.result import Result, Seen
from sovereign_ai.sim.twin.sample import Foretold, Part
from sovereign_ai.sim.twin.twin import Twin

Work = tuple[str, str, Callable[[], Seen]]
"""A check's name, its plane (empty for all), and what is done."""


def check(twin: Twin, foretold: Foretold) -> Iterator[Result]:
    """Ask everything, the harmless first.

    Args:
        twin: a twin that stands and has converged.
        foretold: what the plan foretells of its planes.
    """
    with Pinger(twin.prefix, twin.sample.endpoints) as pinger:
        for name, plane, one in _work(twin, pinger, foretold):
            start = time.monotonic()
            passed, said, figures = one()
            yield Result(name, plane, passed, said, figures, round(time.monotonic() - start, 3))


def _work(twin: Twin, pinger: Pinger, foretold: Foretold) -> Iterator[Work]:
    """Give the checks in their order."""
    first, parts = twin.sample.parts[0], twin.sample.parts
    yield "cabling", "", lambda: asked.cabling(twin)
    for part in parts:
        yield from _stands(twin, part, pinger)
    if len(parts) > 1:
        yield "planes apart", "", lambda: asked.apart(twin, pinger)
        yield "a way between planes is found", "", lambda: injected.way(twin, pinger)
    report = foretold.planes[first.name]
    yield "a leaked port is found", first.name, lambda: injected.leak(twin, first, pinger)
    yield "a miswire is found", first.name, lambda: injected.miswire(twin, first)
    yield "a link lost", first.name, lambda: broken.link_lost(twin, first, pinger)
    yield "a link flaps", first.name, lambda: broken.link_flaps(twin, first, pinger)
    yield "a spine lost", first.name, lambda: broken.spine_lost(twin, first, pinger, report)
    yield "a machine's cable lost", first.name, lambda: broken.port_lost(twin, first, pinger, report)
    yield "a leaf lost", first.name, lambda: broken.leaf_lost(twin, first, pinger, report)
    for part in parts:
        yield "the plane lost", part.name, partial(planes.plane_lost, twin, part, pinger, foretold)


def _stands(twin: Twin, part: Part, pinger: Pinger) -> Iterator[Work]:
    """Give the checks of one plane as it stands."""
    yield "paths", part.name, lambda: asked.paths(twin, part)
    yield "one hop within a rail", part.name, lambda: asked.one_hop(twin, part, pinger)
    yield "reachability", part.name, lambda: asked.reachability(part, pinger)
    yield "separation", part.name, lambda: asked.separation(part, pinger)
