"""The dependency graph: services, the parts that they need by layer, and the holder of each part.

Single points of failure are drawn strong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sovereign_ai.attest.report.markup import Markup, box, clipped, svg, tag, words
from sovereign_ai.sovereignty import FaultGate, SovereigntyReport, home
from sovereign_ai.sovereignty.parts import Dependency
from sovereign_ai.text import counted

# Lengths are in pixels. Each column of the picture has its left edge and its width.
_WIDTH, _ROW, _TOP = 960, 22, 44
_SERVICE, _PART, _HOLDER = (10, 120), (250, 330), (690, 260)
_LAYER = "layer "
"""Prefix of the rows that have the name of a layer."""

Narrow = Mapping[str, Sequence[str]]
"""Part whose loss alone stops a service, to these services."""


def leaves(tree: FaultGate | str) -> frozenset[str]:
    """Return the parts that a fault tree names."""
    if isinstance(tree, str):
        return frozenset({tree})
    names: set[str] = set()
    for child in tree.children:
        names.update(leaves(child))
    return frozenset(names)


def chokepoints(report: SovereigntyReport) -> dict[str, list[str]]:
    """Return each part whose loss alone stops a service, with the services."""
    services: dict[str, list[str]] = {}
    for service, sets in report.sets.items():
        for parts in sets.parts:
            if len(parts) == 1:
                services.setdefault(parts[0], []).append(service)
    return services


def name_of(part_id: str) -> str:
    """Return the id of a part as a person reads it: that of a part which nobody described ends with a colon.

    >>> name_of("dns:"), name_of("key:vault")
    ('dns', 'key:vault')
    """
    return part_id.rstrip(":")


def _holder(part: Dependency) -> str:
    """Return the holder of a part, with the jurisdiction over it."""
    return f"{part.holder} ({part.law})" if part.law else part.holder


def picture(report: SovereigntyReport) -> Markup:
    """Return the graph as a picture: services to the left, parts in the middle, holders to the right."""
    parts = sorted(report.graph.parts, key=_layer_and_id)
    narrow = chokepoints(report)
    rows, height = _part_rows(parts)
    held: dict[str, list[Dependency]] = {}
    for part in parts:
        held.setdefault(_holder(part), []).append(part)
    # Whoever holds most parts is at the top.
    names = sorted(held, key=lambda name: (-len(held[name]), name))
    holders = _spread(names, height)
    services = _spread(list(report.graph.trees), height)
    # The lines come first, so that boxes lie above them.
    shapes = [
        *_needs(report, parts, rows, narrow, services),
        *_holds(parts, rows, holders, narrow),
        *_heads(),
        *_service_boxes(services),
        *_part_boxes(parts, rows, narrow),
        *_holder_boxes(held, holders),
    ]
    label = f"Dependencies: {counted(len(parts), 'part')}, {len(narrow)} of them single points of failure"
    return svg(_WIDTH, height + 10, label, *shapes)


def _layer_and_id(part: Dependency) -> tuple[str, str]:
    """Return the key that sorts parts by layer, and then by name."""
    return part.layer, part.id


def _part_rows(parts: Sequence[Dependency]) -> tuple[dict[str, float], float]:
    """Return the y of each part and of each layer's name above its parts, and where they end."""
    y = float(_TOP)
    rows: dict[str, float] = {}
    layer = ""
    for part in parts:
        if part.layer != layer:
            layer = part.layer
            rows[f"{_LAYER}{layer}"] = y + _ROW / 2
            y += _ROW
        rows[part.id] = y + _ROW / 2
        y += _ROW
    return rows, y + 10


def _spread(names: Sequence[str], height: float) -> dict[str, float]:
    """Return the y of each name, spread evenly over the height."""
    step = (height - _TOP) / max(len(names), 1)
    return {name: _TOP + step * (index + 0.5) for index, name in enumerate(names)}


def _heads() -> Iterator[Markup]:
    """Yield the head of each column."""
    for (x, _), text in ((_SERVICE, "service"), (_PART, "needs, by layer"), (_HOLDER, "held by (law)")):
        yield words(x, 22, text, "strong")


def _curve(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    """Return a line that leaves and arrives level."""
    middle = (x1 + x2) / 2
    path = f"M{x1:g} {y1:g}C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}"
    return tag("path", d=path, class_=kind)


def _needs(
    report: SovereigntyReport,
    parts: Sequence[Dependency],
    rows: Mapping[str, float],
    narrow: Narrow,
    services: Mapping[str, float],
) -> Iterator[Markup]:
    """Yield a line from each service to the parts that it needs, strong for single points of failure."""
    x1 = _SERVICE[0] + _SERVICE[1]
    for service, tree in report.graph.trees.items():
        needed = leaves(tree)
        for part in parts:
            if part.id in needed:
                kind = "edge choke" if service in narrow.get(part.id, ()) else "edge"
                yield _curve(x1, services[service], _PART[0], rows[part.id], kind)


def _holds(
    parts: Sequence[Dependency], rows: Mapping[str, float], holders: Mapping[str, float], narrow: Narrow
) -> Iterator[Markup]:
    """Yield a line from each part to its holder."""
    x1 = _PART[0] + _PART[1]
    for part in parts:
        kind = "edge choke" if part.id in narrow else "edge"
        yield _curve(x1, rows[part.id], _HOLDER[0], holders[_holder(part)], kind)


def _service_boxes(services: Mapping[str, float]) -> Iterator[Markup]:
    """Yield the box of each service."""
    x, width = _SERVICE
    for name, y in services.items():
        yield box(x, y - 16, width, 32, "node")
        yield words(x + width / 2, y + 4, name, "strong", "middle")


def _part_boxes(parts: Sequence[Dependency], rows: Mapping[str, float], narrow: Narrow) -> Iterator[Markup]:
    """Yield the name of each layer, and the box of each part."""
    x, width = _PART
    for name, y in rows.items():
        if name.startswith(_LAYER):
            yield words(x, y + 4, name.removeprefix(_LAYER), "small")
    for part in parts:
        y = rows[part.id]
        kind, mark = "node", ""
        if part.id in narrow:
            kind, mark = "node choke", "! "
        second = part.alternative or "none described"
        title = f"{part.what}; channel {part.channel}; a cut: {part.effect}; second source: {second}"
        yield box(x, y - 9, width, 18, kind, title)
        text = f"{mark}{name_of(part.id)}: {part.what}"
        yield words(x + 8, y + 4, clipped(text, 52), "tiny", title=title)


def _holder_boxes(held: Mapping[str, Sequence[Dependency]], holders: Mapping[str, float]) -> Iterator[Markup]:
    """Yield the box of each holder, coloured by the jurisdiction over it."""
    x, width = _HOLDER
    for name, y in holders.items():
        parts = held[name]
        # All parts of a holder are under the same jurisdiction: it is in the holder's name.
        kind = "abroad"
        if not parts[0].known:
            kind = "node unknown"
        elif home(parts[0].law):
            kind = "home"
        ids = ", ".join(name_of(part.id) for part in parts)
        yield box(x, y - 11, width, 22, kind, f"{name}: {ids}")
        yield words(x + 8, y + 4, clipped(f"{name}: {len(parts)}", 42), "tiny")
