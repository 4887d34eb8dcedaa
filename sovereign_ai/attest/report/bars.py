"""Bars: the load of each feed against its capacity, costs with their ranges, and what moves the cost most."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sovereign_ai.assess import Measure, plain
from sovereign_ai.assess.cost import Cost
from sovereign_ai.attest.report.markup import Markup, box, clipped, svg, tag
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.plan.power import feed_limit
from sovereign_ai.spec import AIFactory

# Lengths are in pixels: the picture's width, the left edge of the bars, their room, and the height of a row.
_WIDTH, _LABEL, _ROOM, _ROW = 660, 10, 640, 42
_SURVIVAL = {True: "loss survived", False: "its loss stops machines", None: "its loss: open"}
_CAPEX = ("machines", "switches", "links", "storage", "building")
_YEARLY = (*_CAPEX, "energy", "upkeep", "staff", "other")
_MOST_LEAVES = 10
"""Inputs that the tornado shows."""


@frozen_dataclass
class _Feed:
    """One power feed of a site, in watts.

    Attributes:
        site: the site.
        name: the feed's name.
        load: its load with all feeds up.
        worst: the most that it carries after the loss of another.
        capacity: its capacity after derating.
        survives: whether the site survives its loss; None where that is open.
    """

    site: str
    name: str
    load: int
    worst: int
    capacity: float
    survives: bool | None


def power(factory: AIFactory, plan: Plan) -> Markup:
    """Return bars for each feed: load, the most after a loss, and capacity after derating."""
    feeds = list(_feeds(factory, plan))
    most = max((max(feed.worst, feed.capacity) for feed in feeds), default=1.0) or 1.0
    shapes: list[Markup] = []
    for index, feed in enumerate(feeds):
        shapes += _feed_bars(index * _ROW + 26, feed, _ROOM / most)
    return svg(_WIDTH, len(feeds) * _ROW + 40, "Power by feed", *shapes, kind="bars")


def _feeds(factory: AIFactory, plan: Plan) -> Iterator[_Feed]:
    """Yield the feeds of every site."""
    for site in plan.power:
        described = factory.site(site.site)
        for name, load in site.feeds.items():
            # A loss may also relieve a feed, which then carries most with all feeds up.
            worst = load
            for feeds in site.after_loss.values():
                worst = max(worst, feeds.get(name, 0))
            capacity = float(feed_limit(described, name))
            yield _Feed(site.site, name, load, worst, capacity, site.survives.get(name))


def _feed_bars(y: float, feed: _Feed, scale: float) -> Iterator[Markup]:
    """Yield the bars of one feed."""
    load, worst, capacity = (f"{watts / 1000:,.0f}" for watts in (feed.load, feed.worst, feed.capacity))
    figures = f"{load} | {worst} | {capacity} kW, {_SURVIVAL[feed.survives]}"
    yield from _label(y, f"{feed.site}, feed {feed.name}", figures)
    yield box(_LABEL, y, feed.capacity * scale, 18, "frame", f"may carry {capacity} kW")
    kind = "worst" if feed.worst <= feed.capacity else "over"
    yield box(_LABEL, y, feed.worst * scale, 18, kind, f"most after the loss of another: {worst} kW")
    yield box(_LABEL, y + 3, feed.load * scale, 12, "load", f"carries {load} kW")


def _label(y: float, subject: str, figures: str, title: str = "") -> Iterator[Markup]:
    """Yield the line above a bar: its subject and its numbers."""
    yield tag(
        "text",
        tag("tspan", f"{subject}: ", class_="strong"),
        figures,
        tag("title", title or figures),
        x=10,
        y=float(y - 6),
        class_="small",
    )


@frozen_dataclass
class _Amount:
    """One amount of money.

    Attributes:
        label: its subject.
        known: the sum of its parts with a price.
        whole: the sum of all parts; without a value where a part has no price.
    """

    label: str
    known: Measure
    whole: Measure


def cost(assessed: Cost) -> Markup:
    """Return bars for capital and yearly cost: known parts with their ranges."""
    capex = _amounts(assessed, "to build", "capex", _CAPEX)
    year = _amounts(assessed, "a year", "year", _YEARLY)
    # Capital and yearly cost have scales of their own.
    shapes = [*_amount_bars(capex, 26), *_amount_bars(year, 42 + len(capex) * _ROW)]
    height = (len(capex) + len(year)) * _ROW + 56
    return svg(_WIDTH, height, "Cost with ranges", *shapes, kind="bars")


def _amounts(assessed: Cost, label: str, prefix: str, kinds: Iterable[str]) -> list[_Amount]:
    """Return the amounts of those kinds that a factory has: one without storage has no line for it."""
    names = {measure.id for measure in assessed.measures}
    amounts: list[_Amount] = []
    for kind in kinds:
        if f"{prefix}.{kind}" not in names:
            continue
        known = assessed.measure(f"{prefix}.{kind}.known")
        whole = assessed.measure(f"{prefix}.{kind}")
        amounts.append(_Amount(f"{label}: {kind}", known, whole))
    return amounts


def _amount_bars(amounts: Sequence[_Amount], y: float) -> Iterator[Markup]:
    """Yield bars that share one scale."""
    most = 0.0
    for amount in amounts:
        high = amount.known.high or amount.known.value or 0.0
        most = max(most, high)
    # Without any known amount every scale would do.
    most = most or 1.0
    for index, amount in enumerate(amounts):
        yield from _amount_bar(y + index * _ROW, amount, _ROOM / most)


def _amount_bar(y: float, amount: _Amount, scale: float) -> Iterator[Markup]:
    """Yield the bar of one amount with its range."""
    known = amount.known
    value = known.value or 0.0
    is_partial = amount.whole.value is None
    figures = f"{_money(value)}{_range_text(known)}"
    if is_partial and not value:
        figures = "no price known"
    elif is_partial:
        figures += " + unknown"
    yield from _label(y, amount.label, figures, str(amount.whole))
    yield box(_LABEL, y + 2, value * scale, 14, "load", str(known))
    if known.low is not None and known.high is not None:
        low, high = _LABEL + known.low * scale, _LABEL + known.high * scale
        # A line from end to end of the range, with a stroke across each end.
        # Two upright strokes of 12 px, and a line between their middles.
        top, middle = y + 3, y + 9
        path = f"M{low:g} {top:g}v12M{low:g} {middle:g}H{high:g}M{high:g} {top:g}v12"
        yield tag("path", d=path, class_="range")


def _range_text(measure: Measure) -> str:
    """Return the range of an amount, with a blank before it; empty where it has none."""
    if measure.low is None or measure.high is None:
        return ""
    return f" [{_money(measure.low)} to {_money(measure.high)}]"


def _money(value: float) -> str:
    """Return an amount in euros with few digits."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{plain(value / size)} {unit}EUR"
    return f"{plain(value)} EUR"


def tornado(assessed: Cost) -> Markup:
    """Return bars for the inputs that move the known cost of a GPU-hour most."""
    bars = assessed.tornado[:_MOST_LEAVES]
    centre = assessed.measure("gpu-hour.known").value
    ends: list[float] = [] if centre is None else [centre]
    for bar in bars:
        ends += (bar.low, bar.high)
    least, most = min(ends, default=0.0), max(ends, default=1.0)
    scale = _ROOM / ((most - least) or 1.0)
    shapes: list[Markup] = []
    for index, bar in enumerate(bars):
        y = 26 + index * _ROW
        # A higher input may lower the cost.
        low, high = sorted((bar.low, bar.high))
        shapes += _label(y, clipped(bar.leaf, 40), f"{plain(low)} to {plain(high)} EUR/GPU-h")
        shapes.append(box(_LABEL + (low - least) * scale, y + 2, (high - low) * scale, 14, "load"))
    if centre is not None:
        x = _LABEL + (centre - least) * scale
        strokes = []
        for index in range(len(bars)):
            stroke = f"M{x:g} {26 + index * _ROW - 2:g}v22"
            strokes.append(stroke)
        shapes.append(tag("path", d="".join(strokes), class_="range"))
    height = len(bars) * _ROW + 16
    return svg(_WIDTH, height, "What moves the cost of a GPU-hour", *shapes, kind="bars")
