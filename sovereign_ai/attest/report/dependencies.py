"""The dependency graph: services, the parts they need by layer, and who holds each; single points of failure stand out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sovereign_ai.assess.sovereignty.areas import home
from sovereign_ai.assess.sovereignty.cuts import Gate
from sovereign_ai.assess.sovereignty.parts.part import Part
from sovereign_ai.assess.sovereignty.report import SovereigntyReport
from sovereign_ai.attest.report.markup import Markup, box, clipped, svg, tag, words

_WIDTH, _ROW, _TOP = 960, 22, 44
_SERVICE, _PART, _HOLDER = (10, 120), (250, 330), (690, 260)


def leaves(tree: Gate | str) -> frozenset[str]:
    """Give the parts that a fault tree names."""
    return frozenset({tree}) if isinstance(tree, str) else frozenset(name for child in tree.children for name in leaves(child))


def chokepoints(report: SovereigntyReport) -> dict[str, list[str]]:
    """Give each part whose loss alone stops a service, with the services."""
    found: dict[str, list[str]] = {}
    for served, sets in report.sets.items():
        for one in sets.parts:
            if len(one) == 1:
                found.setdefault(one[0], []).append(served)
    return found


def _holder(part: Part) -> str:
    """Name who holds a part, and the law over it."""
    return f"{part.holder} ({part.law})" if part.law else part.holder


def picture(report: SovereigntyReport) -> Markup:
    """Draw the graph."""
    parts = sorted(report.graph.parts, key=lambda part: (part.layer, part.id))
    narrow = chokepoints(report)
    rows, height = _rows(parts)
    holders = sorted({_holder(part) for part in parts}, key=lambda name: (-sum(_holder(part) == name for part in parts), name))
    step = (height - _TOP) / max(len(holders), 1)
    held = {name: _TOP + step * (index + 0.5) for index, name in enumerate(holders)}
    services = {name: _TOP + (height - _TOP) * (index + 0.5) / len(report.graph.trees) for index, name in enumerate(report.graph.trees)}
    shapes = [
        *_edges(report, parts, rows, narrow, services),
        *_holds(parts, rows, held, narrow),
        *_heads(),
        *_services(services),
        *_parts(parts, rows, narrow),
        *_holders(parts, held),
    ]
    return svg(_WIDTH, height + 10, f"Dependencies: {len(parts)} parts, {len(narrow)} of them single points of failure", *shapes)


def _rows(parts: Sequence[Part]) -> tuple[dict[str, float], float]:
    """Place parts below each other, with a line of its own for each layer's name."""
    y, rows, layer = float(_TOP), {}, ""
    for part in parts:
        if part.layer != layer:
            layer = part.layer
            rows[f"layer {layer}"] = y + _ROW / 2
            y += _ROW
        rows[part.id] = y + _ROW / 2
        y += _ROW
    return rows, y + 10


def _heads() -> Iterator[Markup]:
    for (x, _), text in ((_SERVICE, "service"), (_PART, "needs, by layer"), (_HOLDER, "held by (law)")):
        yield words(x, 22, text, "strong")


def _curve(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    middle = (x1 + x2) / 2
    return tag("path", d=f"M{x1:g} {y1:g}C{middle:g} {y1:g} {middle:g} {y2:g} {x2:g} {y2:g}", class_=kind)


def _edges(
    report: SovereigntyReport,
    parts: Sequence[Part],
    rows: Mapping[str, float],
    narrow: Mapping[str, list[str]],
    services: Mapping[str, float],
) -> Iterator[Markup]:
    """Draw what each service needs; what stops it alone is drawn strong."""
    for name, tree in report.graph.trees.items():
        needed = leaves(tree)
        for part in parts:
            if part.id in needed:
                kind = "edge choke" if name in narrow.get(part.id, ()) else "edge"
                yield _curve(_SERVICE[0] + _SERVICE[1], services[name], _PART[0], rows[part.id], kind)


def _holds(
    parts: Sequence[Part], rows: Mapping[str, float], held: Mapping[str, float], narrow: Mapping[str, list[str]]
) -> Iterator[Markup]:
    for part in parts:
        kind = "edge choke" if part.id in narrow else "edge"
        yield _curve(_PART[0] + _PART[1], rows[part.id], _HOLDER[0], held[_holder(part)], kind)


def _services(services: Mapping[str, float]) -> Iterator[Markup]:
    for name, y in services.items():
        yield box(_SERVICE[0], y - 16, _SERVICE[1], 32, "node")
        yield words(_SERVICE[0] + _SERVICE[1] / 2, y + 4, name, "strong", "middle")


def _parts(parts: Sequence[Part], rows: Mapping[str, float], narrow: Mapping[str, list[str]]) -> Iterator[Markup]:
    for name, y in rows.items():
        if name.startswith("layer "):
            yield words(_PART[0], y + 4, name.removeprefix("layer "), "small")
    for part in parts:
        y = rows[part.id]
        alone = narrow.get(part.id)
        title = f"{part.what}; channel {part.channel}; a cut: {part.effect}; second source: {part.alternative or 'none described'}"
        yield box(_PART[0], y - 9, _PART[1], 18, "node choke" if alone else "node", title)
        mark = "! " if alone else ""
        yield words(_PART[0] + 8, y + 4, clipped(f"{mark}{part.id.rstrip(':')}: {part.what}", 52), "tiny", title=title)


def _holders(parts: Sequence[Part], held: Mapping[str, float]) -> Iterator[Markup]:
    for name, y in held.items():
        mine = [part for part in parts if _holder(part) == name]
        kind = "node unknown" if not mine[0].known else "home" if home(mine[0].law) else "abroad"
        yield box(_HOLDER[0], y - 11, _HOLDER[1], 22, kind, f"{name}: {', '.join(part.id for part in mine)}")
        yield words(_HOLDER[0] + 8, y + 4, clipped(f"{name}: {len(mine)}", 42), "tiny")
