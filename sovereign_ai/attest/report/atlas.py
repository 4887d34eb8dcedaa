"""The map of flows by jurisdiction: every law a box, those inside the European Economic Area apart, and what goes between."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from sovereign_ai.assess.sovereignty.areas import inside
from sovereign_ai.attest.report.flows import KINDS, Flow
from sovereign_ai.attest.report.markup import Markup, box, clipped, svg, tag, words
from sovereign_ai.spec.factory import AIFactory

_WIDTH, _BOX, _LINE, _HEAD = 960, 330, 16, 30
_MOST = 9


def picture(factory: AIFactory, found: Sequence[Flow]) -> Markup:
    """Draw the map: jurisdictions that hold a site to the left, all others to the right, a line for each kind of crossing."""
    here = sorted({site.country for site in factory.sites})
    there = sorted({area for flow in found for area in (flow.origin, flow.target)} - set(here))
    lists = _contents(factory, found)
    left, left_end = _stack(here, lists, 16.0)
    right, right_end = _stack(there, lists, _WIDTH - _BOX - 16.0)
    shapes = [*_lines(found, left, right), *_boxes(here, lists, left), *_boxes(there, lists, right)]
    if not there:
        shapes.append(words(_WIDTH - 16, 40, "nothing is declared that leaves or enters", "small", "end"))
    return svg(_WIDTH, max(left_end, right_end, 80), "Flows of data and control by jurisdiction", *shapes)


def _contents(factory: AIFactory, found: Sequence[Flow]) -> Mapping[str, list[str]]:
    """Give each jurisdiction what stands in it."""
    lists: defaultdict[str, list[str]] = defaultdict(list)
    for site in factory.sites:
        lists[site.country].append(f"site {site.name}")
        zones = sorted({pool.zone for pool in factory.pools if pool.site == site.name})
        lists[site.country] += [f"  zone {zone}" for zone in zones]
    for flow in found:
        for area, what in ((flow.origin, flow.source), (flow.target, flow.sink)):
            if what not in lists[area] and f"  {what}" not in lists[area]:
                lists[area].append(what)
    return lists


def _height(count: int) -> float:
    """Give the height of a box with so many lines."""
    return _HEAD + min(count, _MOST + 1) * _LINE + 8


def _stack(areas: Sequence[str], lists: Mapping[str, list[str]], x: float) -> tuple[dict[str, tuple[float, float, float]], float]:
    """Place boxes below each other: x, y and height of each, and where they end."""
    y, places = 16.0, {}
    for area in areas:
        high = _height(len(lists[area]))
        places[area] = (x, y, high)
        y += high + 18
    return places, y


def _boxes(areas: Sequence[str], lists: Mapping[str, list[str]], places: Mapping[str, tuple[float, float, float]]) -> Iterator[Markup]:
    """Draw the boxes."""
    for area in areas:
        x, y, high = places[area]
        near = inside(area.split("+"))
        yield box(x, y, _BOX, high, "home" if near else "abroad", f"{area}: {'inside' if near else 'outside'} the European Economic Area")
        yield words(x + 10, y + 20, f"{area}: {'inside the EEA' if near else 'outside the EEA'}", "strong")
        for index, line in enumerate(lists[area][:_MOST]):
            yield words(x + 10 + (12 if line.startswith("  ") else 0), y + _HEAD + 10 + index * _LINE, clipped(line.strip(), 46), "small")
        if len(lists[area]) > _MOST:
            yield words(x + 10, y + _HEAD + 10 + _MOST * _LINE, f"and {len(lists[area]) - _MOST} more, in the table", "small")


def _lines(
    found: Sequence[Flow], left: Mapping[str, tuple[float, float, float]], right: Mapping[str, tuple[float, float, float]]
) -> Iterator[Markup]:
    """Draw what crosses: one line a pair and kind, its words in the middle, arrows by direction."""
    pairs: defaultdict[tuple[str, str, str], list[Flow]] = defaultdict(list)
    for flow in found:
        if flow.crosses:
            pairs[flow.origin, flow.target, flow.kind].append(flow)
    slots: defaultdict[str, int] = defaultdict(int)
    places = {**left, **right}
    for origin, target, kind in sorted(pairs):
        ends = []
        for area in (origin, target):
            x, y, high = places[area]
            ends.append((x + _BOX if area in left else x, y + 14 + (slots[area] * 15) % max(high - 20, 1)))
            slots[area] += 1
        (x1, y1), (x2, y2) = ends
        crossing = pairs[origin, target, kind]
        title = f"{origin} to {target}: " + "; ".join(sorted({f"{one.source} > {one.sink} ({one.detail})" for one in crossing}))
        bend = 90 if (origin in left) == (target in left) else 0
        side = 1 if origin in left else -1
        middle = (x1 + x2) / 2
        curve = f"M{x1:g} {y1:g}C{(x1 + side * bend) if bend else middle:g} {y1:g} {(x2 + side * bend) if bend else middle:g} {y2:g} {x2:g} {y2:g}"
        yield tag("path", tag("title", title), d=curve, class_=f"flow {kind}")
        yield tag("circle", cx=x2, cy=y2, r=4, class_=f"end {kind}")
        x, y = (middle + side * bend * 0.75, (y1 + y2) / 2) if bend else (middle, (y1 + y2) / 2)
        yield words(x, y - 3, f"{_SHORT[kind]} {len(crossing)}" if len(crossing) > 1 else _SHORT[kind], "tiny halo", "middle", title)


_SHORT = {kind: kind for kind in KINDS} | {"copy": "copy allowed", "control": "channel", "law": "law", "people": "access"}
