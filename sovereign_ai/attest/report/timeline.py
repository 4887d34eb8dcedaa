"""The disconnect drill's timeline: what happens to each service at once, and after 30, 90 and 365 days."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sovereign_ai.attest.report.markup import Markup, box, clipped, svg, words
from sovereign_ai.sovereignty import DAYS, Drill
from sovereign_ai.text import counted

_WIDTH, _LABEL, _STEP, _ROW = 940, 250, 165, 44
_HEAD = 34


def picture(drills: Sequence[Drill]) -> Markup:
    """Return every drill as two strips, training above inference, with a box for each span of time."""
    shapes: list[Markup] = []
    for index, day in enumerate(DAYS):
        head = f"day {day}" if day else "at once"
        shapes.append(words(_LABEL + index * _STEP, 20, head, "strong"))
    for index, drill in enumerate(drills):
        shapes += _drill(drill, _HEAD + index * _ROW)
    height = _HEAD + len(drills) * _ROW + 6
    return svg(_WIDTH, height, "Disconnect drill", *shapes)


def _drill(drill: Drill, y: float) -> Iterator[Markup]:
    """Yield the shapes of one drill."""
    name = f"{drill.trigger.kind} {drill.trigger.name}"
    yield words(10, y + 16, clipped(name, 34), "small", title=name)
    reach = f"{counted(len(drill.reached), 'part')} reached"
    if drill.foreign:
        reach += ", outside the EEA"
    yield words(10, y + 31, reach, "tiny")
    for strip, (service, states) in enumerate(drill.served.items()):
        for index, day in enumerate(DAYS):
            x, top = _LABEL + index * _STEP, y + 3 + strip * 18
            yield from _span(drill, name, service, day, states[day], x, top)


def _span(
    drill: Drill, name: str, service: str, day: int, state: str, x: float, y: float
) -> Iterator[Markup]:
    """Yield the box of one service from a day on: its state, and the share of accelerators that is left."""
    left = drill.capacity[service][day]
    look = "part" if left < 100 and state != "stops" else state
    # What is not certain is marked as the best case; nothing is better than a stop.
    best, star = "at best: ", "*"
    if drill.certain or state == "stops":
        best, star = "", ""
    title = f"{name}, {service}, day {day}: {best}{state}, {left} % of accelerators"
    yield box(x, y, _STEP - 4, 16, f"state-{look}", title)
    yield words(x + 6, y + 12, f"{service}: {state}{star} {left} %", "tiny")
