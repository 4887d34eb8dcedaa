"""Supply against load, hour by hour.

Sources are used in this order: what is renewable, nuclear, then the rest; a store takes what is left
over and gives it back with its losses. Nuclear is low in carbon and not renewable: it lowers CUE and
raises the carbon-free share, never REF.

    >>> sun = Supply("sun", "solar", (0.0, 200.0))
    >>> found = balance((100.0, 100.0), (sun,))
    >>> found.shortfall, found.renewable_share, found.curtailed
    (100.0, 0.5, 100.0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

RENEWABLE = frozenset({"wind", "solar", "hydro"})
ORDER = ("wind", "solar", "hydro", "nuclear", "gas", "mixed", "grid", "storage")


@dataclass(frozen=True, slots=True)
class Supply:
    """One source and what it can give in each hour, in kilowatts.

    Attributes:
        name: whose it is.
        source: as in a contract: `wind`, `solar`, `hydro`, `nuclear`, `gas`, `mixed`, `grid`.
        hours: kilowatts by hour.
    """

    name: str
    source: str
    hours: Sequence[float]


@dataclass(frozen=True, slots=True)
class Store:
    """A battery.

    Attributes:
        capacity: kilowatt-hours.
        power: kilowatts in and out.
        efficiency: what comes back of what went in.
    """

    capacity: float
    power: float
    efficiency: float = 0.88


@dataclass(frozen=True, slots=True)
class Course:
    """Hour by hour, in kilowatts: in each hour the load is what the sources gave at once, the store, and the shortfall.

    Attributes:
        load: what was wanted.
        kinds: by source's name, what kind of source it is.
        given: by source's name, what was used of it at once.
        store: what the store gave.
        shortfall: what nobody gave.
    """

    load: Sequence[float]
    kinds: Mapping[str, str]
    given: Mapping[str, Sequence[float]]
    store: Sequence[float]
    shortfall: Sequence[float]


@dataclass(frozen=True, slots=True)
class Balance:
    """What came of supply and load, in kilowatt-hours.

    Attributes:
        hours: how many hours were looked at.
        load: what was wanted.
        used: by source's name, what of it was used at once or through the store.
        shortfall: what nobody gave.
        short_hours: hours with a shortfall.
        worst_gap: the largest shortfall of an hour, in kilowatts.
        curtailed: renewable and nuclear output that nobody took.
        lost: losses of the store and what is left in it.
        renewable_share: of the load, from renewable sources.
        carbon_free_share: of the load, from renewable or nuclear sources.
        course: the hours themselves; too many for the plain data.
    """

    hours: int
    load: float
    used: Mapping[str, float]
    shortfall: float
    short_hours: int
    worst_gap: float
    curtailed: float
    lost: float
    renewable_share: float
    carbon_free_share: float
    course: Course

    def to_data(self) -> dict[str, Any]:
        """Give plain data, without the single hours."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "course"} | {"used": dict(self.used)}


def balance(load: Sequence[float], supplies: Sequence[Supply], store: Store | None = None) -> Balance:
    """Hold supply against load, hour by hour; energy is kept: load = used + shortfall.

    Args:
        load: kilowatts wanted in each hour.
        supplies: what there is; each as many hours as the load.
        store: a battery, empty at first; what it gives is counted to the sources that filled it, in proportion.

    Raises:
        ValueError: a source has another number of hours than the load.
    """
    if any(len(one.hours) != len(load) for one in supplies):
        message = f"every source needs as many hours as the load, {len(load):,}"
        raise ValueError(message)
    ordered = sorted(supplies, key=lambda one: (ORDER.index(one.source), one.name))
    free = [one.source in RENEWABLE or one.source == "nuclear" for one in ordered]
    used = [0.0] * len(ordered)
    filled = [0.0] * len(ordered)
    given: list[list[float]] = [[] for _ in ordered]
    stored: list[float] = []
    short: list[float] = []
    curtailed = lost = 0.0
    for hour, wanted in enumerate(load):
        need, over, from_store = wanted, [0.0] * len(ordered), 0.0
        for number, one in enumerate(ordered):
            if not free[number] and store is not None and need > 0:
                from_store += need - (need := _discharge(store, filled, used, need))
            taken = min(one.hours[hour], need)
            used[number] += taken
            given[number].append(taken)
            need -= taken
            over[number] = one.hours[hour] - taken if free[number] else 0.0
        if store is not None and need > 0:
            from_store += need - (need := _discharge(store, filled, used, need))
        stored.append(from_store)
        spare, wasted = _charge(store, filled, over)
        curtailed += spare
        lost += wasted
        short.append(need if need > 1e-9 * max(wanted, 1.0) else 0.0)
    whole = sum(load)
    green = sum(amount for amount, one in zip(used, ordered, strict=True) if one.source in RENEWABLE)
    clean = sum(amount for amount, kind in zip(used, free, strict=True) if kind)
    return Balance(
        hours=len(load),
        load=whole,
        used={one.name: amount for one, amount in zip(ordered, used, strict=True)},
        shortfall=sum(short),
        short_hours=sum(gap > 0 for gap in short),
        worst_gap=max(short, default=0.0),
        curtailed=curtailed,
        lost=lost + sum(filled),
        renewable_share=green / whole if whole else 0.0,
        carbon_free_share=clean / whole if whole else 0.0,
        course=Course(
            load=tuple(load),
            kinds={one.name: one.source for one in ordered},
            given={one.name: tuple(hours) for one, hours in zip(ordered, given, strict=True)},
            store=tuple(stored),
            shortfall=tuple(short),
        ),
    )


def _charge(store: Store | None, filled: list[float], over: Sequence[float]) -> tuple[float, float]:
    """Put what is left over into the store, its losses taken at once; give what is curtailed and what is lost."""
    spare = sum(over)
    if store is None or spare <= 0:
        return spare, 0.0
    room = min(store.capacity - sum(filled), store.power * store.efficiency)
    taken = min(spare, max(room, 0.0) / store.efficiency)
    for number, amount in enumerate(over):
        filled[number] += taken * amount / spare * store.efficiency
    return spare - taken, taken * (1 - store.efficiency)


def _discharge(store: Store, filled: list[float], used: list[float], need: float) -> float:
    """Take from the store, counted to those who filled it; give what is still needed."""
    held = sum(filled)
    given = min(need, held, store.power)
    if given <= 0:
        return need
    for number, amount in enumerate(filled):
        part = given * amount / held
        used[number] += part
        filled[number] -= part
    return need - given
