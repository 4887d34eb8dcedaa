"""The balance of electricity supply and load, hour by hour.

Sources are used in this order: renewables, nuclear, then the others. A store takes the surplus and gives it
back with its losses. Nuclear is low in carbon and not renewable: it lowers CUE and raises the carbon-free
share, never REF.

    >>> sun = Supply("sun", "solar", (0.0, 200.0))
    >>> result = balance((100.0, 100.0), (sun,))
    >>> result.shortfall, result.renewable_share, result.curtailed
    (100.0, 0.5, 100.0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import members

RENEWABLE = frozenset({"wind", "solar", "hydro"})
# The order in which sources are used; a store is no source of its own.
ORDER = ("wind", "solar", "hydro", "nuclear", "gas", "mixed", "grid", "storage")


@frozen_dataclass
class Supply:
    """One source and the power that it can give in each hour.

    Attributes:
        name: name of the contract.
        source: as in a contract: `wind`, `solar`, `hydro`, `nuclear`, `gas`, `mixed`, `grid`.
        hours: kilowatts by hour.
    """

    name: str
    source: str
    hours: Sequence[float]


@frozen_dataclass
class EnergyStore:
    """A battery.

    Attributes:
        capacity: kilowatt-hours.
        power: kilowatts in and out.
        efficiency: share of the energy that comes back.
    """

    capacity: float
    power: float
    efficiency: float = 0.88


@frozen_dataclass
class Course:
    """The hours one by one, in kilowatts.

    In each hour the load is the sum of what the sources gave at once, the store, and the shortfall.

    Attributes:
        load: the load.
        kinds: kind of source, by the source's name.
        given: power that was used at once, by the source's name.
        store: power from the store.
        shortfall: load that was not supplied.
    """

    load: Sequence[float]
    kinds: Mapping[str, str]
    given: Mapping[str, Sequence[float]]
    store: Sequence[float]
    shortfall: Sequence[float]


@frozen_dataclass
class Balance:
    """The totals of supply and load, in kilowatt-hours.

    Attributes:
        hours: number of hours.
        load: the load.
        used: energy that was used at once or through the store, by the source's name.
        shortfall: load that was not supplied.
        short_hours: hours with a shortfall.
        worst_gap: the largest shortfall of an hour, in kilowatts.
        curtailed: renewable and nuclear output that was not used.
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
        """Return plain data, without the single hours."""
        data = members(self)
        # Thousands of hours would hide the totals.
        del data["course"]
        data["used"] = dict(self.used)
        return data


def balance(load: Sequence[float], supplies: Sequence[Supply], store: EnergyStore | None = None) -> Balance:
    """Compare supply with load, hour by hour; energy is kept: load = used + shortfall.

    Args:
        load: kilowatts of load in each hour.
        supplies: the sources; each has as many hours as the load.
        store: a battery, empty at first. Its output is counted to the sources that filled it, in proportion.

    Raises:
        ValueError: a source has another number of hours than the load.
    """
    if any(len(supply.hours) != len(load) for supply in supplies):
        message = f"every source needs as many hours as the load, {len(load):,}"
        raise ValueError(message)
    ordered = sorted(supplies, key=lambda supply: (ORDER.index(supply.source), supply.name))
    state = _State.of(ordered)
    short: list[float] = []
    stored: list[float] = []
    curtailed = lost = 0.0
    for hour, wanted in enumerate(load):
        need, from_store, over = _hour(state, ordered, hour, wanted, store)
        stored.append(from_store)
        # Kilowatts that are rounding alone are no shortfall.
        short.append(need if need > 1e-9 * max(wanted, 1.0) else 0.0)
        spare, wasted = _charge(store, state.filled, over)
        curtailed += spare
        lost += wasted
    kinds = {}
    given = {}
    for supply, hours in zip(ordered, state.given, strict=True):
        kinds[supply.name] = supply.source
        given[supply.name] = tuple(hours)
    course = Course(
        load=tuple(load),
        kinds=kinds,
        given=given,
        store=tuple(stored),
        shortfall=tuple(short),
    )
    # What is left in the store at the end was never used: it counts as lost.
    return _totals(ordered, state.used, course, curtailed, lost + sum(state.filled))


@dataclass(slots=True)
class _State:
    """The state of the sources while the hours pass; every list has one entry a source.

    Attributes:
        free: whether the source is renewable or nuclear, whose output is curtailed if it is not used.
        used: kilowatt-hours used at once or through the store.
        filled: kilowatt-hours in the store that came from the source.
        given: kilowatts used at once, by hour.
    """

    free: list[bool]
    used: list[float]
    filled: list[float]
    given: list[list[float]]

    @classmethod
    def of(cls, supplies: Sequence[Supply]) -> _State:
        """Return the state before the first hour."""
        free: list[bool] = []
        given: list[list[float]] = []
        for supply in supplies:
            free.append(_is_carbon_free(supply))
            given.append([])
        count = len(supplies)
        return cls(free, [0.0] * count, [0.0] * count, given)


def _is_carbon_free(supply: Supply) -> bool:
    return supply.source in RENEWABLE or supply.source == "nuclear"


def _hour(
    state: _State, supplies: Sequence[Supply], hour: int, wanted: float, store: EnergyStore | None
) -> tuple[float, float, list[float]]:
    """Supply one hour from the sources in order and from the store.

    Args:
        state: the state, which is changed.
        supplies: the sources in their order.
        hour: the hour's number.
        wanted: kilowatts of load.
        store: a battery.

    Returns:
        The kilowatts that are short, the kilowatts from the store, and the surplus of each source.
    """
    need, from_store = wanted, 0.0
    over = [0.0] * len(supplies)
    for number, supply in enumerate(supplies):
        # The store comes before the sources that burn something or are bought from the grid.
        if not state.free[number] and store is not None and need > 0:
            before = need
            need = _discharge(store, state.filled, state.used, need)
            from_store += before - need
        used = min(supply.hours[hour], need)
        state.used[number] += used
        state.given[number].append(used)
        need -= used
        over[number] = supply.hours[hour] - used if state.free[number] else 0.0
    if store is not None and need > 0:
        before = need
        need = _discharge(store, state.filled, state.used, need)
        from_store += before - need
    return need, from_store, over


def _totals(
    supplies: Sequence[Supply], used: Sequence[float], course: Course, curtailed: float, lost: float
) -> Balance:
    """Return the totals of all hours."""
    whole = sum(course.load)
    by_supply: dict[str, float] = {}
    green: list[float] = []
    clean: list[float] = []
    for supply, amount in zip(supplies, used, strict=True):
        by_supply[supply.name] = amount
        if supply.source in RENEWABLE:
            green.append(amount)
        if _is_carbon_free(supply):
            clean.append(amount)
    return Balance(
        hours=len(course.load),
        load=whole,
        used=by_supply,
        shortfall=sum(course.shortfall),
        short_hours=sum(gap > 0 for gap in course.shortfall),
        worst_gap=max(course.shortfall, default=0.0),
        curtailed=curtailed,
        lost=lost,
        renewable_share=sum(green) / whole if whole else 0.0,
        carbon_free_share=sum(clean) / whole if whole else 0.0,
        course=course,
    )


def _charge(store: EnergyStore | None, filled: list[float], over: Sequence[float]) -> tuple[float, float]:
    """Fill the store with the surplus, and return the curtailed and the lost kilowatt-hours.

    All losses of the store are counted when it is filled.
    """
    spare = sum(over)
    if store is None or spare <= 0:
        return spare, 0.0
    room = min(store.capacity - sum(filled), store.power * store.efficiency)
    stored = min(spare, max(room, 0.0) / store.efficiency)
    for number, amount in enumerate(over):
        filled[number] += stored * amount / spare * store.efficiency
    return spare - stored, stored * (1 - store.efficiency)


def _discharge(store: EnergyStore, filled: list[float], used: list[float], need: float) -> float:
    """Take energy from the store, counted to the sources that filled it, and return the need that is left."""
    held = sum(filled)
    given = min(need, held, store.power)
    if given <= 0:
        return need
    for number, amount in enumerate(filled):
        part = given * amount / held
        used[number] += part
        filled[number] -= part
    return need - given
