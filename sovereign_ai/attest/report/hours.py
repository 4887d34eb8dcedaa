"""Supply against load, hour by hour: the whole stretch in a picture, its worst hours in another and in a table.

A long stretch is drawn in at most so many columns, each a mean over its hours; a mean hides an hour's gap, so every column with one
has a mark, and the hours around the largest shortfall stand by themselves. Sizes are bounded, however long the stretch is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sovereign_ai.assess.energy.balance import RENEWABLE, Balance, Course
from sovereign_ai.attest.report.markup import Markup, join, svg, tag, words
from sovereign_ai.attest.report.numbers import mark, table

COLUMNS = 120
"""Columns of a picture, at most."""
CLOSE = 48
"""Hours around the worst one that are shown one by one."""
_WIDTH, _LEFT, _ROOM, _TOP, _HIGH = 660, 62, 588, 16, 190
_KINDS = ("renewable", "nuclear", "other", "store", "short")
_SAID = {"renewable": "renewable", "nuclear": "nuclear", "other": "grid, mix and gas", "store": "from the store", "short": "shortfall"}


@dataclass(frozen=True, slots=True)
class _Column:
    """Some hours as one column, in kilowatts.

    Attributes:
        parts: means by kind, in the order of `_KINDS`.
        load: the mean of what was wanted.
        short: whether an hour of it has a shortfall.
    """

    parts: tuple[float, ...]
    load: float
    short: bool


def balances(found: Mapping[str, Balance]) -> Iterator[Markup]:
    """Give each site's hours, or say that nobody gave any."""
    yield tag("h3", "Supply against load, hour by hour")
    if not found:
        how = " Contracts count by their yearly means, which hide single hours; give series with --hourly SITE=FILE."
        yield tag("p", mark("no hours were given", "odd"), how)
    for site, one in found.items():
        yield from _site(site, one)


def _site(site: str, one: Balance) -> Iterator[Markup]:
    """Give one site: verdict, whole stretch, totals, and the hours around the worst."""
    short = f"in {one.short_hours:,} of {one.hours:,} hours, by {one.worst_gap:,.0f} kW at most and {one.shortfall:,.0f} kWh in all"
    state = mark("short", "bad") if one.short_hours else mark("covered", "good")
    yield tag("p", f"Site {site}: ", state, f" {short if one.short_hours else f'the load is covered in each of {one.hours:,} hours'}.")
    if not one.hours:
        return
    step = -(-one.hours // COLUMNS)
    by = "hour by hour" if step == 1 else f"in means of {step:,} hours"
    yield _picture(f"{site}: supply against load, {by}", columns(one.course, 0, one.hours, step), 0, one.hours)
    yield _legend()
    rows = [(name, one.course.kinds[name], f"{amount:,.0f}", _share(amount, one.load)) for name, amount in one.used.items()]
    rows += [("shortfall", "", f"{one.shortfall:,.0f}", _share(one.shortfall, one.load))]
    rows += [("not taken", "", f"{one.curtailed:,.0f}", ""), ("lost in the store", "", f"{one.lost:,.0f}", "")]
    yield table(("from", "source", "kWh", "of the load"), rows)
    first, last = worst_hours(one.course)
    if step > 1:
        what = "around the largest shortfall" if one.short_hours else "around the largest load"
        yield tag("h4", f"Hours {first + 1:,} to {last:,}, {what}")
        yield _picture(f"{site}: hours {first + 1:,} to {last:,}, {what}", columns(one.course, first, last, 1), first, last)
    yield _hours(one.course, first, last)


def _share(amount: float, whole: float) -> str:
    return f"{amount / whole:.1%}" if whole else ""


def worst_hours(course: Course) -> tuple[int, int]:
    """Give first hour and end of the hours around the largest shortfall; without one, around the largest load."""
    by = course.shortfall if any(course.shortfall) else course.load
    worst = max(range(len(by)), key=by.__getitem__)
    first = max(0, min(worst - CLOSE // 2, len(by) - CLOSE))
    return first, min(first + CLOSE, len(by))


def columns(course: Course, first: int, last: int, step: int) -> list[_Column]:
    """Give some hours as columns of so many hours each; what the parts of one add up to is its load."""
    series: dict[str, list[Sequence[float]]] = {kind: [] for kind in _KINDS}
    for name, hours in course.given.items():
        kind = course.kinds[name]
        series["renewable" if kind in RENEWABLE else "nuclear" if kind == "nuclear" else "other"].append(hours)
    series["store"].append(course.store)
    series["short"].append(course.shortfall)
    found = []
    for start in range(first, last, step):
        end = min(start + step, last)
        parts = tuple(sum(sum(hours[start:end]) for hours in series[kind]) / (end - start) for kind in _KINDS)
        found.append(_Column(parts, sum(course.load[start:end]) / (end - start), any(course.shortfall[start:end])))
    return found


def _picture(label: str, drawn: Sequence[_Column], first: int, last: int) -> Markup:
    """Draw columns: kinds upon each other, the load as a line, a mark where an hour is short."""
    most = max((column.load for column in drawn), default=0.0) or 1.0
    wide, scale = _ROOM / len(drawn), _HIGH / (most * 1.08)
    base = _TOP + _HIGH
    shapes: list[Markup] = []
    below = [0.0] * len(drawn)
    for number, kind in enumerate(_KINDS):
        above = [low + column.parts[number] for low, column in zip(below, drawn, strict=True)]
        if above != below:
            shapes.append(tag("path", tag("title", _SAID[kind]), d=_area(below, above, wide, scale, base), class_=f"hour-{kind}"))
        below = above
    tops = "".join(
        f"{'M' if not index else 'L'}{_LEFT + index * wide:.1f} {base - column.load * scale:.1f}h{wide:.1f}"
        for index, column in enumerate(drawn)
    )
    shapes.append(tag("path", tag("title", "load"), d=tops, class_="range"))
    marks = "".join(f"M{_LEFT + (index + 0.5) * wide:.1f} {base + 3}v5" for index, column in enumerate(drawn) if column.short)
    if marks:
        shapes.append(tag("path", tag("title", "hours with a shortfall"), d=marks, class_="hour-mark"))
    return svg(_WIDTH, base + 34, label, *shapes, *_axes(most, scale, base, first, last - first), kind="bars")


def _area(below: Sequence[float], above: Sequence[float], wide: float, scale: float, base: float) -> str:
    """Give the outline between two rows of steps."""
    over = "".join(f"L{_LEFT + index * wide:.1f} {base - high * scale:.1f}h{wide:.1f}" for index, high in enumerate(above))
    count = len(below)
    under = "".join(
        f"L{_LEFT + (count - index) * wide:.1f} {base - low * scale:.1f}h{-wide:.1f}" for index, low in enumerate(reversed(below))
    )
    return f"M{over[1:]}{under}Z"


def _axes(most: float, scale: float, base: float, first: int, hours: int) -> Iterator[Markup]:
    """Draw the scale of kilowatts and the hours."""
    for part in (0.0, 0.5, 1.0):
        y = base - most * part * scale
        yield tag("path", d=f"M{_LEFT - 4} {y:.1f}h4", class_="edge")
        yield words(_LEFT - 7, y + 4, f"{most * part:,.0f}", "tiny", "end")
    yield words(4, 11, "kW", "tiny")
    for part, end in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        yield words(_LEFT + _ROOM * part, base + 22, f"hour {first + max(round(hours * part), 1):,}", "tiny", end)


def _legend() -> Markup:
    """Say what the colours mean."""
    shown = [join(tag("span", tag("span", "", class_=f"swatch hour-{kind}"), f" {_SAID[kind]}", class_="whole"), "; ") for kind in _KINDS]
    return tag("p", *shown, "line: load; below the hours: a mark where an hour is short.", class_="soft")


def _hours(course: Course, first: int, last: int) -> Markup:
    """Give a table of single hours."""
    names = list(course.given)
    rows = (
        (
            f"{hour + 1:,}",
            f"{course.load[hour]:,.0f}",
            *(f"{course.given[name][hour]:,.0f}" for name in names),
            f"{course.store[hour]:,.0f}",
            mark(f"{course.shortfall[hour]:,.0f}", "bad") if course.shortfall[hour] else "0",
        )
        for hour in range(first, last)
    )
    shown = table(("hour", "load, kW", *names, "store", "shortfall"), rows)
    return tag(
        "details",
        tag("summary", f"Hours {first + 1:,} to {last:,} one by one, in kilowatts"),
        tag("div", shown, class_="scroll", tabindex="0"),
    )
