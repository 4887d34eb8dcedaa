"""What a twin is asked, one after the other; each check leaves the twin as it found it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from sovereign_ai.assess.fabric import FabricReport
from sovereign_ai.sim.twin import asked, broken, injected
from sovereign_ai.sim.twin.ping import Pinger
from sovereign_ai.sim.twin.result import Result, Seen
from sovereign_ai.sim.twin.twin import Twin


def check(twin: Twin, predicted: FabricReport) -> Iterator[Result]:
    """Ask everything, the harmless first.

    Args:
        twin: a twin that stands and has converged.
        predicted: what the plan foretells of its plane.
    """
    with Pinger(twin.prefix, twin.sample.endpoints) as pinger:
        work: list[tuple[str, Callable[[], Seen]]] = [
            ("cabling", lambda: asked.cabling(twin)),
            ("paths", lambda: asked.paths(twin)),
            ("one hop within a rail", lambda: asked.one_hop(twin, pinger)),
            ("reachability", lambda: asked.reachability(twin, pinger)),
            ("separation", lambda: asked.separation(twin, pinger)),
            ("a leaked port is found", lambda: injected.leak(twin, pinger)),
            ("a miswire is found", lambda: injected.miswire(twin)),
            ("a link lost", lambda: broken.link_lost(twin, pinger)),
            ("a link flaps", lambda: broken.link_flaps(twin, pinger)),
            ("a spine lost", lambda: broken.spine_lost(twin, pinger, predicted)),
            ("a machine's cable lost", lambda: broken.port_lost(twin, pinger, predicted)),
            ("a leaf lost", lambda: broken.leaf_lost(twin, pinger, predicted)),
            ("the plane lost", lambda: broken.plane_lost(twin, pinger, predicted)),
        ]
        for name, one in work:
            start = time.monotonic()
            passed, said, figures = one()
            yield Result(name, passed, said, figures, round(time.monotonic() - start, 3))
