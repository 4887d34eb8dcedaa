"""The disconnect drill's timeline: what is switched off, and what becomes of training and inference at once, in 30, 90 and 365 days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sovereign_ai.assess.sovereignty.drill import DAYS, Drill
from sovereign_ai.attest.report.markup import Markup, box, clipped, svg, words

_WIDTH, _LABEL, _STEP, _ROW = 940, 250, 165, 44
_HEAD = 34


def picture(drills: Sequence[Drill]) -> Markup:
    """Draw every drill: two strips, training above inference, a box for each span of time."""
    shapes = [words(_LABEL + index * _STEP, 20, "at once" if not day else f"day {day}", "strong") for index, day in enumerate(DAYS)]
    for index, drill in enumerate(drills):
        shapes += _drill(drill, _HEAD + index * _ROW)
    return svg(_WIDTH, _HEAD + len(drills) * _ROW + 6, "Disconnect drill", *shapes)


def _drill(drill: Drill, y: float) -> Iterator[Markup]:
    """Draw one drill."""
    name = f"{drill.trigger.kind} {drill.trigger.name}"
    yield words(10, y + 16, clipped(name, 34), "small", title=name)
    yield words(
        10,
        y + 31,
        f"{len(drill.reached)} part{'s' if len(drill.reached) != 1 else ''} reached{', outside the EEA' if drill.foreign else ''}",
        "tiny",
    )
    for strip, (served, states) in enumerate(drill.served.items()):
        for index, day in enumerate(DAYS):
            state, left = states[day], drill.capacity[served][day]
            x, top = _LABEL + index * _STEP, y + 3 + strip * 18
            look = "part" if left < 100 and state != "stops" else state
            best = "" if drill.certain or state == "stops" else "at best: "
            yield box(x, top, _STEP - 4, 16, f"state-{look}", f"{name}, {served}, day {day}: {best}{state}, {left} % of accelerators")
            yield words(x + 6, top + 12, f"{served}: {state}{'*' if best else ''} {left} %", "tiny")
