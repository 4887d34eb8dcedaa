"""The map of flows by jurisdiction: a box for each, and a line for each kind of flow between two.

Jurisdictions inside the European Economic Area have another colour.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from sovereign_ai.attest.report.flows import KINDS, DrawnFlow
from sovereign_ai.attest.report.markup import Markup, box, clipped, svg, tag, words
from sovereign_ai.sovereignty import inside
from sovereign_ai.spec import AIFactory

# Lengths are in pixels: the picture's width, a box's width, the height of a line and of a box's head.
_WIDTH, _BOX, _LINE, _HEAD = 960, 330, 16, 30
_MOST = 9
"""Lines of a box."""
_SLOT = 15
"""Distance between the ends of two lines at one box."""
_BEND = 90
"""How far a line bends outwards that begins and ends at the same side."""

Boxes = Mapping[str, tuple[float, float, float]]
"""Jurisdiction to x, y and height of its box."""

_SHORT = {kind: kind for kind in KINDS} | {
    "copy": "copy allowed",
    "control": "channel",
    "law": "law",
    "people": "access",
}
"""Kind of flow to the label of its line."""


def picture(factory: AIFactory, flows: Sequence[DrawnFlow]) -> Markup:
    """Return the map: jurisdictions with a site to the left, all others to the right.

    Args:
        factory: the description.
        flows: its flows.
    """
    home = set()
    for site in factory.sites:
        home.add(site.country)
    abroad: set[str] = set()
    for flow in flows:
        abroad.update((flow.origin, flow.target))
    abroad -= home
    contents = _contents(factory, flows)
    left, left_end = _stack(sorted(home), contents, 16.0)
    right, right_end = _stack(sorted(abroad), contents, _WIDTH - _BOX - 16.0)
    shapes = [*_lines(flows, left, right), *_boxes(left, contents), *_boxes(right, contents)]
    if not abroad:
        shapes.append(words(_WIDTH - 16, 40, "nothing is declared that leaves or enters", "small", "end"))
    height = max(left_end, right_end, 80)
    return svg(_WIDTH, height, "Flows of data and control by jurisdiction", *shapes)


def _contents(factory: AIFactory, flows: Sequence[DrawnFlow]) -> Mapping[str, list[str]]:
    """Return each jurisdiction with the lines of its box: sites with their zones, then the ends of flows."""
    contents: defaultdict[str, list[str]] = defaultdict(list)
    for site in factory.sites:
        lines = contents[site.country]
        lines.append(f"site {site.name}")
        zones = set()
        for pool in factory.pools:
            if pool.site == site.name:
                zones.add(pool.zone)
        lines += [f"  zone {zone}" for zone in sorted(zones)]
    for flow in flows:
        for area, what in ((flow.origin, flow.source), (flow.target, flow.sink)):
            lines = contents[area]
            if what not in lines and f"  {what}" not in lines:
                lines.append(what)
    return contents


def _stack(
    areas: Sequence[str], contents: Mapping[str, list[str]], x: float
) -> tuple[dict[str, tuple[float, float, float]], float]:
    """Return the boxes of jurisdictions below each other, and where they end."""
    y = 16.0
    boxes: dict[str, tuple[float, float, float]] = {}
    for area in areas:
        lines = min(len(contents[area]), _MOST + 1)
        height = _HEAD + lines * _LINE + 8
        boxes[area] = (x, y, height)
        y += height + 18
    return boxes, y


def _boxes(boxes: Boxes, contents: Mapping[str, list[str]]) -> Iterator[Markup]:
    """Yield the boxes with their lines."""
    for area, (x, y, height) in boxes.items():
        # An area may be several countries, `DE+FR`: it is inside where all of them are.
        kind, side = "abroad", "outside"
        if inside(area.split("+")):
            kind, side = "home", "inside"
        yield box(x, y, _BOX, height, kind, f"{area}: {side} the European Economic Area")
        yield words(x + 10, y + 20, f"{area}: {side} the EEA", "strong")
        lines = contents[area]
        for index, line in enumerate(lines[:_MOST]):
            indent = 12 if line.startswith("  ") else 0
            text = clipped(line.strip(), 46)
            yield words(x + 10 + indent, y + _HEAD + 10 + index * _LINE, text, "small")
        if len(lines) > _MOST:
            rest = f"and {len(lines) - _MOST} more, in the table"
            yield words(x + 10, y + _HEAD + 10 + _MOST * _LINE, rest, "small")


def _lines(flows: Sequence[DrawnFlow], left: Boxes, right: Boxes) -> Iterator[Markup]:
    """Yield a line for each pair of jurisdictions and kind of flow between them, with a dot at its target."""
    pairs: defaultdict[tuple[str, str, str], list[DrawnFlow]] = defaultdict(list)
    for flow in flows:
        if flow.crosses:
            pairs[flow.origin, flow.target, flow.kind].append(flow)
    boxes = {**left, **right}
    # Each end of a line has a slot of its own at its box, from the top; a full box begins from the top once
    # more.
    used: defaultdict[str, int] = defaultdict(int)
    for origin, target, kind in sorted(pairs):
        ends: list[tuple[float, float]] = []
        for area in (origin, target):
            x, y, height = boxes[area]
            edge = x + _BOX if area in left else x
            slot = (used[area] * _SLOT) % max(height - 20, 1)
            ends.append((edge, y + 14 + slot))
            used[area] += 1
        bend = 0
        if (origin in left) == (target in left):
            bend = _BEND if origin in left else -_BEND
        crossing = pairs[origin, target, kind]
        details = set()
        for flow in crossing:
            details.add(f"{flow.source} > {flow.sink} ({flow.detail})")
        title = f"{origin} to {target}: {'; '.join(sorted(details))}"
        label = _SHORT[kind]
        if len(crossing) > 1:
            label += f" {len(crossing)}"
        yield from _line(ends[0], ends[1], bend, kind, label, title)


def _line(
    start: tuple[float, float],
    end: tuple[float, float],
    bend: float,
    kind: str,
    label: str,
    title: str,
) -> Iterator[Markup]:
    """Yield one line with its label in the middle.

    Args:
        start: x and y of its start.
        end: x and y of its end.
        bend: how far it bends to the right; 0 for a line from one side to the other.
        kind: kind of flow.
        label: its label.
        title: what a pointer over it shows.
    """
    (x1, y1), (x2, y2) = start, end
    middle = (x1 + x2) / 2
    near, far = (x1 + bend, x2 + bend) if bend else (middle, middle)
    curve = f"M{x1:g} {y1:g}C{near:g} {y1:g} {far:g} {y2:g} {x2:g} {y2:g}"
    yield tag("path", tag("title", title), d=curve, class_=f"flow {kind}")
    yield tag("circle", cx=x2, cy=y2, r=4, class_=f"end {kind}")
    # A curve reaches three quarters of the distance to its control points.
    x = middle + bend * 0.75
    yield words(x, (y1 + y2) / 2 - 3, label, "tiny halo", "middle", title)
