"""Supply against load, hour by hour: pictures of the whole series and of its worst hours, and a table.

A long series is drawn in at most so many columns, each a mean over its hours. A mean hides the gap of a
single hour, so every column with one has a mark, and the hours around the largest shortfall have a picture of
their own. The size of the output is bounded, however long the series is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sovereign_ai.assess.energy import RENEWABLE, Balance, Course
from sovereign_ai.attest.report.markup import Markup, join, svg, tag, words
from sovereign_ai.attest.report.numbers import mark, table
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

COLUMNS = 120
"""Columns of a picture, at most."""
CLOSE = 48
"""Hours around the worst one that are shown one by one."""
# Lengths are in pixels: the picture's width, and the left edge, width, upper edge and height of its plot.
_WIDTH, _LEFT, _ROOM, _TOP, _HIGH = 660, 62, 588, 16, 190
_HEADROOM = 1.08
"""Height of the plot as a multiple of the highest load, so that the line of the load is not cut."""
_KINDS = ("renewable", "nuclear", "other", "store", "short")
_LABELS = {
    "renewable": "renewable",
    "nuclear": "nuclear",
    "other": "grid, mix and gas",
    "store": "from the store",
    "short": "shortfall",
}


@frozen_dataclass
class _Column:
    """Some hours as one column, in kilowatts.

    Attributes:
        parts: means by kind, in the order of `_KINDS`.
        load: the mean load.
        short: whether an hour of it has a shortfall.
    """

    parts: tuple[float, ...]
    load: float
    short: bool


@frozen_dataclass
class _Plot:
    """The scales of a picture.

    Attributes:
        column: width of a column in pixels.
        kilowatt: pixels a kilowatt.
        base: y of the lower edge.
    """

    column: float
    kilowatt: float
    base: float

    def x(self, index: float) -> float:
        """Return the left edge of a column."""
        return _LEFT + index * self.column

    def y(self, kilowatts: float) -> float:
        """Return the height of a power."""
        return self.base - kilowatts * self.kilowatt


def balances(by_site: Mapping[str, Balance]) -> Iterator[Markup]:
    """Yield each site's hours, or that no hours were given.

    Args:
        by_site: site to its balance.
    """
    yield tag("h3", "Supply against load, hour by hour")
    if not by_site:
        how = (
            " Contracts count by their yearly means, which hide single hours; "
            "give series with --hourly SITE=FILE."
        )
        yield tag("p", mark("no hours were given", "odd"), how)
    for site, balance in by_site.items():
        yield from _site(site, balance)


def _site(site: str, balance: Balance) -> Iterator[Markup]:
    """Yield one site: verdict, whole series, totals, and the hours around the worst."""
    yield _verdict(site, balance)
    if not balance.hours:
        return
    course = balance.course
    step = -(-balance.hours // COLUMNS)
    by = "hour by hour" if step == 1 else f"in means of {counted(step, 'hour')}"
    whole = columns(course, 0, balance.hours, step)
    yield _picture(f"{site}: supply against load, {by}", whole, 0, balance.hours)
    yield _legend()
    yield table(("from", "source", "kWh", "of the load"), _totals(balance))
    first, last = worst_hours(course)
    # Where every hour has a column, the picture of the worst hours would show nothing new.
    if step > 1:
        what = "around the largest shortfall" if balance.short_hours else "around the largest load"
        span = f"{first + 1:,} to {last:,}, {what}"
        yield tag("h4", f"Hours {span}")
        yield _picture(f"{site}: hours {span}", columns(course, first, last, 1), first, last)
    yield _hours(course, first, last)


def _verdict(site: str, balance: Balance) -> Markup:
    """Return whether a site's load is covered in every hour."""
    if balance.short_hours:
        state = mark("short", "bad")
        hours_text = counted(balance.hours, "hour")
        text = (
            f"in {balance.short_hours:,} of {hours_text}, by {balance.worst_gap:,.0f} kW at most "
            f"and {balance.shortfall:,.0f} kWh in all"
        )
    else:
        state = mark("covered", "good")
        text = f"the load is covered in each of {counted(balance.hours, 'hour')}"
    return tag("p", f"Site {site}: ", state, f" {text}.")


def _totals(balance: Balance) -> Iterator[tuple[str, str, str, str]]:
    """Yield a row for each source: its energy, and its share of the load."""
    for name, amount in balance.used.items():
        yield name, balance.course.kinds[name], f"{amount:,.0f}", _share(amount, balance.load)
    yield "shortfall", "", f"{balance.shortfall:,.0f}", _share(balance.shortfall, balance.load)
    yield "not taken", "", f"{balance.curtailed:,.0f}", ""
    yield "lost in the store", "", f"{balance.lost:,.0f}", ""


def _share(amount: float, whole: float) -> str:
    """Return a share in percent; empty where there is no whole."""
    return f"{amount / whole:.1%}" if whole else ""


def worst_hours(course: Course) -> tuple[int, int]:
    """Return first hour and end of the hours around the largest shortfall, or else the largest load."""
    series = course.shortfall if any(course.shortfall) else course.load
    worst = max(range(len(series)), key=series.__getitem__)
    # Near an end of the series the window moves inwards, so that it has its full length.
    first = max(0, min(worst - CLOSE // 2, len(series) - CLOSE))
    return first, min(first + CLOSE, len(series))


def columns(course: Course, first: int, last: int, step: int) -> list[_Column]:
    """Return some hours as columns of so many hours each; the parts of a column add up to its load."""
    by_kind = _series_by_kind(course)
    drawn: list[_Column] = []
    for start in range(first, last, step):
        end = min(start + step, last)
        parts: list[float] = []
        for kind in _KINDS:
            energy = sum(sum(series[start:end]) for series in by_kind[kind])
            parts.append(energy / (end - start))
        load = sum(course.load[start:end]) / (end - start)
        drawn.append(_Column(tuple(parts), load, any(course.shortfall[start:end])))
    return drawn


def _series_by_kind(course: Course) -> dict[str, list[Sequence[float]]]:
    """Return the hourly series of each kind."""
    by_kind: dict[str, list[Sequence[float]]] = {kind: [] for kind in _KINDS}
    for name, series in course.given.items():
        source = course.kinds[name]
        kind = "other"
        if source in RENEWABLE:
            kind = "renewable"
        elif source == "nuclear":
            kind = "nuclear"
        by_kind[kind].append(series)
    by_kind["store"].append(course.store)
    by_kind["short"].append(course.shortfall)
    return by_kind


def _picture(label: str, drawn: Sequence[_Column], first: int, last: int) -> Markup:
    """Return a picture of columns: kinds upon each other, the load as a line, a mark where an hour is short.

    Args:
        label: its label.
        drawn: the columns.
        first: the first hour.
        last: the end of the hours.
    """
    most = max((column.load for column in drawn), default=0.0) or 1.0
    base = _TOP + _HIGH
    plot = _Plot(_ROOM / len(drawn), _HIGH / (most * _HEADROOM), base)
    shapes = [*_areas(drawn, plot), _load_line(drawn, plot)]
    marks = ""
    for index, column in enumerate(drawn):
        if column.short:
            marks += f"M{plot.x(index + 0.5):.1f} {base + 3}v5"
    if marks:
        shapes.append(tag("path", tag("title", "hours with a shortfall"), d=marks, class_="hour-mark"))
    shapes += _axes(most, plot, first, last - first)
    return svg(_WIDTH, base + 34, label, *shapes, kind="bars")


def _areas(drawn: Sequence[_Column], plot: _Plot) -> Iterator[Markup]:
    """Yield the area of each kind, the first at the bottom; a kind without any power is left out."""
    below = [0.0] * len(drawn)
    for number, kind in enumerate(_KINDS):
        above = [low + column.parts[number] for low, column in zip(below, drawn, strict=True)]
        if above != below:
            title = tag("title", _LABELS[kind])
            yield tag("path", title, d=_outline(below, above, plot), class_=f"hour-{kind}")
        below = above


def _load_line(drawn: Sequence[_Column], plot: _Plot) -> Markup:
    """Return the line of the load, level over each column."""
    path = ""
    for index, column in enumerate(drawn):
        move = "L" if index else "M"
        path += f"{move}{plot.x(index):.1f} {plot.y(column.load):.1f}h{plot.column:.1f}"
    return tag("path", tag("title", "load"), d=path, class_="range")


def _outline(below: Sequence[float], above: Sequence[float], plot: _Plot) -> str:
    """Return the outline between two rows of steps: along the upper one, and back along the lower one."""
    over = ""
    for index, high in enumerate(above):
        over += f"L{plot.x(index):.1f} {plot.y(high):.1f}h{plot.column:.1f}"
    under = ""
    for index, low in enumerate(reversed(below)):
        under += f"L{plot.x(len(below) - index):.1f} {plot.y(low):.1f}h{-plot.column:.1f}"
    return f"M{over[1:]}{under}Z"


def _axes(most: float, plot: _Plot, first: int, hours: int) -> Iterator[Markup]:
    """Yield the scale of kilowatts and the hours.

    Args:
        most: the highest load in kilowatts.
        plot: the scales.
        first: the first hour.
        hours: how many hours are shown.
    """
    for part in (0.0, 0.5, 1.0):
        y = plot.base - most * part * plot.kilowatt
        yield tag("path", d=f"M{_LEFT - 4} {y:.1f}h4", class_="edge")
        yield words(_LEFT - 7, y + 4, f"{most * part:,.0f}", "tiny", "end")
    yield words(4, 11, "kW", "tiny")
    for part, end in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        hour = first + max(round(hours * part), 1)
        yield words(_LEFT + _ROOM * part, plot.base + 22, f"hour {hour:,}", "tiny", end)


def _legend() -> Markup:
    """Return the meaning of the colours."""
    entries: list[Markup] = []
    for kind in _KINDS:
        swatch = tag("span", "", class_=f"swatch hour-{kind}")
        entry = tag("span", swatch, f" {_LABELS[kind]}", class_="whole")
        entries.append(join(entry, "; "))
    note = "line: load; below the hours: a mark where an hour is short."
    return tag("p", *entries, note, class_="soft")


def _hours(course: Course, first: int, last: int) -> Markup:
    """Return a table of single hours."""
    names = list(course.given)
    rows: list[list[object]] = []
    for hour in range(first, last):
        shortfall = f"{course.shortfall[hour]:,.0f}"
        row: list[object] = [f"{hour + 1:,}", f"{course.load[hour]:,.0f}"]
        row += [f"{course.given[name][hour]:,.0f}" for name in names]
        row.append(f"{course.store[hour]:,.0f}")
        row.append(mark(shortfall, "bad") if course.shortfall[hour] else "0")
        rows.append(row)
    shown = table(("hour", "load, kW", *names, "store", "shortfall"), rows)
    return tag(
        "details",
        tag("summary", f"Hours {first + 1:,} to {last:,} one by one, in kilowatts"),
        tag("div", shown, class_="scroll", tabindex="0"),
    )
