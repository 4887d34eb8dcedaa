"""Bars: what each feed carries against what it may, what things cost with their ranges, and what moves the cost most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sovereign_ai.assess.cost.report import Cost
from sovereign_ai.assess.measure import Measure, plain
from sovereign_ai.attest.report.markup import Markup, box, clipped, svg, tag
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.loads import limit
from sovereign_ai.spec.factory import AIFactory

_WIDTH, _LABEL, _ROOM, _ROW = 660, 10, 640, 42


def power(factory: AIFactory, plan: Plan) -> Markup:
    """Draw each feed: its load, the most that it carries after the loss of another, and its capacity after derating."""
    rows = []
    for site in plan.power:
        described = factory.site(site.site)
        for name, watts in site.feeds.items():
            worst = max((feeds.get(name, 0) for feeds in site.after_loss.values()), default=watts)
            rows.append((site.site, name, watts, max(worst, watts), float(limit(described, name)), site.survives.get(name)))
    most = max((max(row[3], row[4]) for row in rows), default=1.0) or 1.0
    shapes = [shape for index, row in enumerate(rows) for shape in _feed(index * _ROW + 26, row, _ROOM / most)]
    return svg(_WIDTH, len(rows) * _ROW + 40, "Power by feed", *shapes, kind="bars")


def _feed(y: float, row: tuple[str, str, int, int, float, bool | None], scale: float) -> Iterator[Markup]:
    """Draw one feed."""
    site, name, watts, worst, capacity, survives = row
    word = {True: "loss survived", False: "its loss stops machines", None: "its loss: open"}[survives]
    told = f"{watts / 1000:,.0f} | {worst / 1000:,.0f} | {capacity / 1000:,.0f} kW, {word}"
    yield from _line(y, f"{site}, feed {name}", told)
    yield box(_LABEL, y, capacity * scale, 18, "frame", f"may carry {capacity / 1000:,.0f} kW")
    yield box(
        _LABEL, y, worst * scale, 18, "worst" if worst <= capacity else "over", f"most after the loss of another: {worst / 1000:,.0f} kW"
    )
    yield box(_LABEL, y + 3, watts * scale, 12, "load", f"carries {watts / 1000:,.0f} kW")


def _line(y: float, label: str, told: str, title: str = "") -> Iterator[Markup]:
    """Write what a bar is about, and its numbers, above it."""
    yield tag("text", tag("tspan", f"{label}: ", class_="strong"), told, tag("title", title or told), x=10, y=float(y - 6), class_="small")


def cost(found: Cost) -> Markup:
    """Draw what is bought and what a year costs, known parts with their ranges; what has no price says so."""
    kinds = ("machines", "switches", "links", "storage", "building")
    capex = [(f"to build: {kind}", found.measure(f"capex.{kind}.known"), found.measure(f"capex.{kind}")) for kind in kinds]
    yearly = (*kinds, "energy", "upkeep", "staff", "other")
    year = [(f"a year: {kind}", found.measure(f"year.{kind}.known"), found.measure(f"year.{kind}")) for kind in yearly]
    parts = [*_group(capex, 26), *_group(year, 42 + len(capex) * _ROW)]
    return svg(_WIDTH, (len(capex) + len(year)) * _ROW + 56, "Cost with ranges", *parts, kind="bars")


def _group(rows: Sequence[tuple[str, Measure, Measure]], y: float) -> Iterator[Markup]:
    """Draw bars that share one scale."""
    most = max((known.high or known.value or 0.0 for _, known, _ in rows), default=0.0) or 1.0
    for index, (label, known, whole) in enumerate(rows):
        yield from _amount(y + index * _ROW, label, known, whole, _ROOM / most)


def _amount(y: float, label: str, known: Measure, whole: Measure, scale: float) -> Iterator[Markup]:
    """Draw one amount with its range."""
    value = known.value or 0.0
    needs = whole.value is None
    told = "no price known" if needs and not value else f"{_money(value)}{_span(known)}{' + unknown' if needs else ''}"
    yield from _line(y, label, told, str(whole))
    yield box(_LABEL, y + 2, value * scale, 14, "load", str(known))
    if known.low is not None and known.high is not None:
        low, high = _LABEL + known.low * scale, _LABEL + known.high * scale
        yield tag("path", d=f"M{low:g} {y + 3:g}v12M{low:g} {y + 9:g}H{high:g}M{high:g} {y + 3:g}v12", class_="range")


def _span(measure: Measure) -> str:
    return f" [{_money(measure.low)} to {_money(measure.high)}]" if measure.low is not None and measure.high is not None else ""


def _money(value: float) -> str:
    """Write euro with few digits."""
    size, unit = next(((size, unit) for size, unit in ((1e6, "M"), (1e3, "k")) if abs(value) >= size), (1.0, ""))
    return f"{plain(value / size)} {unit}€"


def tornado(found: Cost) -> Markup:
    """Draw what moves the known cost of a GPU-hour most."""
    bars = found.tornado[:10]
    centre = found.measure("gpu-hour.known").value
    ends = [end for bar in bars for end in (bar.low, bar.high)] + ([centre] if centre is not None else [])
    least, most = min(ends, default=0.0), max(ends, default=1.0)
    scale = _ROOM / ((most - least) or 1.0)
    shapes: list[Markup] = []
    for index, bar in enumerate(bars):
        y, low, high = 26 + index * _ROW, min(bar.low, bar.high), max(bar.low, bar.high)
        shapes += [
            *_line(y, clipped(bar.leaf, 40), f"{plain(low)} to {plain(high)} €/GPU-h"),
            box(_LABEL + (low - least) * scale, y + 2, (high - low) * scale, 14, "load"),
        ]
    if centre is not None:
        x = _LABEL + (centre - least) * scale
        shapes.append(tag("path", d="".join(f"M{x:g} {26 + index * _ROW - 2:g}v22" for index in range(len(bars))), class_="range"))
    return svg(_WIDTH, len(bars) * _ROW + 16, "What moves the cost of a GPU-hour", *shapes, kind="bars")
