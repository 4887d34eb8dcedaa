"""The order of a twin's checks; each check leaves the twin in the state in which it was.

Checks without faults run on every plane, and every plane is lost once. Links, spines and leaves are broken in
the first plane alone: the others' switches have the same role and configuration.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from sovereign_ai.fabric_twin import failures, planes, queries, self_test
from sovereign_ai.fabric_twin.ping import Pinger
from sovereign_ai.fabric_twin.result import Result, Seen
from sovereign_ai.fabric_twin.sample import PlanePart, Predictions
from sovereign_ai.fabric_twin.twin import Twin

Work = tuple[str, str, Callable[[], Seen]]
"""A check's name, its plane (empty for all), and what is done."""


def run_checks(twin: Twin, foretold: Predictions) -> Iterator[Result]:
    """Run every check, the harmless ones first.

    Args:
        twin: a twin that runs and has converged.
        foretold: the plan's predictions for its planes.
    """
    with Pinger(twin.prefix, twin.sample.endpoints) as pinger:
        for name, plane, run in _work(twin, pinger, foretold):
            start = time.monotonic()
            passed, text, figures = run()
            seconds = round(time.monotonic() - start, 3)
            yield Result(name, plane, passed, text, figures, seconds)


def _work(twin: Twin, pinger: Pinger, foretold: Predictions) -> Iterator[Work]:
    """Yield the checks in their order."""
    first, parts = twin.sample.parts[0], twin.sample.parts
    yield "cabling", "", lambda: queries.cabling(twin)
    for part in parts:
        yield from _stands(twin, part, pinger)
    if len(parts) > 1:
        yield "planes apart", "", lambda: queries.apart(twin, pinger)
        yield "a way between planes is found", "", lambda: self_test.way(twin, pinger)
    report = foretold.planes[first.name]
    yield "a leaked port is found", first.name, lambda: self_test.leak(twin, first, pinger)
    yield "a miswire is found", first.name, lambda: self_test.miswire(twin, first)
    yield "a link lost", first.name, lambda: failures.link_lost(twin, first, pinger)
    yield "a link flaps", first.name, lambda: failures.link_flaps(twin, first, pinger)
    yield "a spine lost", first.name, lambda: failures.spine_lost(twin, first, pinger, report)
    yield "a machine's cable lost", first.name, lambda: failures.port_lost(twin, first, pinger, report)
    yield "a leaf lost", first.name, lambda: failures.leaf_lost(twin, first, pinger, report)
    for part in parts:
        # `partial` binds the plane of this turn, whenever it is called; a lambda would look `part` up then.
        yield "the plane lost", part.name, partial(planes.plane_lost, twin, part, pinger, foretold)


def _stands(twin: Twin, part: PlanePart, pinger: Pinger) -> Iterator[Work]:
    """Yield the checks of one plane in which nothing is broken."""
    yield "paths", part.name, lambda: queries.paths(twin, part)
    yield "one hop within a rail", part.name, lambda: queries.one_hop(twin, part, pinger)
    yield "reachability", part.name, lambda: queries.reachability(part, pinger)
    yield "separation", part.name, lambda: queries.separation(part, pinger)
