"""Supply against load: hour by hour where series are given, by yearly means where not.

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
from dataclasses import asdict, dataclass
from typing import Any

from sovereign_ai.assess.energy.power import Here
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure, figures
from sovereign_ai.spec.site import GridContract

RENEWABLE = frozenset({"wind", "solar", "hydro"})
_ORDER = ("wind", "solar", "hydro", "nuclear", "gas", "mixed", "grid", "storage")


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
class Balance:
    """What came of supply and load, in kilowatt-hours.

    Attributes:
        load: what was wanted.
        used: by source's name, what of it was used at once or through the store.
        shortfall: what nobody gave.
        short_hours: hours with a shortfall.
        worst_gap: the largest shortfall of an hour, in kilowatts.
        curtailed: renewable and nuclear output that nobody took.
        lost: losses of the store and what is left in it.
        renewable_share: of the load, from renewable sources.
        carbon_free_share: of the load, from renewable or nuclear sources.
    """

    load: float
    used: Mapping[str, float]
    shortfall: float
    short_hours: int
    worst_gap: float
    curtailed: float
    lost: float
    renewable_share: float
    carbon_free_share: float

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        return asdict(self) | {"used": dict(self.used)}


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
    ordered = sorted(supplies, key=lambda one: (_ORDER.index(one.source), one.name))
    free = [one.source in RENEWABLE or one.source == "nuclear" for one in ordered]
    used = [0.0] * len(ordered)
    filled = [0.0] * len(ordered)
    shortfall = worst = curtailed = lost = 0.0
    short_hours = 0
    for hour, wanted in enumerate(load):
        need, over = wanted, [0.0] * len(ordered)
        for number, one in enumerate(ordered):
            if not free[number] and store is not None and need > 0:
                need = _discharge(store, filled, used, need)
            taken = min(one.hours[hour], need)
            used[number] += taken
            need -= taken
            over[number] = one.hours[hour] - taken if free[number] else 0.0
        if store is not None and need > 0:
            need = _discharge(store, filled, used, need)
        spare, wasted = _charge(store, filled, over)
        curtailed += spare
        lost += wasted
        if need > 1e-9 * max(wanted, 1.0):
            shortfall += need
            short_hours += 1
            worst = max(worst, need)
    whole = sum(load)
    green = sum(amount for amount, one in zip(used, ordered, strict=True) if one.source in RENEWABLE)
    clean = sum(amount for amount, kind in zip(used, free, strict=True) if kind)
    return Balance(
        load=whole,
        used={one.name: amount for one, amount in zip(ordered, used, strict=True)},
        shortfall=shortfall,
        short_hours=short_hours,
        worst_gap=worst,
        curtailed=curtailed,
        lost=lost + sum(filled),
        renewable_share=green / whole if whole else 0.0,
        carbon_free_share=clean / whole if whole else 0.0,
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


def add_supply(sheet: Sheet, here: Here) -> None:
    """Add the yearly mix by means: shares of renewables and nuclear, the uncovered rest, REF and the intensity of carbon."""
    name = f"site.{here.site.name}"
    sheet.derive(f"{name}.load", "W", "E_DC / hours", lambda energy, hours: energy * 1000 / hours, f"{name}.e-dc", "hours")
    groups = {"renewable": RENEWABLE, "nuclear": frozenset({"nuclear"}), "other": frozenset(_ORDER) - RENEWABLE - {"nuclear", "storage"}}
    for group, kinds in groups.items():
        parts = [_contract(sheet, contract) for contract in here.site.contracts if contract.source in kinds]
        sheet.derive(f"{name}.supply.{group}", "W", "sum over contracts of power x capacity factor", lambda *parts_: sum(parts_), *parts)
    order = (f"{name}.supply.renewable", f"{name}.supply.nuclear", f"{name}.supply.other", f"{name}.load")
    described = bool(here.site.contracts)
    note = "by yearly means: in single hours it can be less; give hourly series for that" if described else "no contract is described"
    sheet.derive(f"{name}.share.renewable", "1", "min(renewable, load) / load", lambda green, _n, _o, load: min(green / load, 1.0), *order, note=note)
    sheet.derive(f"{name}.share.nuclear", "1", "min(nuclear, load - renewable) / load", _second, *order, note=note)
    if described:
        sheet.derive(f"{name}.share.uncovered", "1", "1 - all contracts / load, at least 0", lambda *all_: max(1 - sum(all_[:3]) / all_[3], 0.0), *order)
    mixed = [one for one in here.site.contracts if one.source in ("mixed", "grid")]
    shares = [sheet.ask(f"contract.{one.name}.renewable-share", "1", f"What share of {one.name} is renewable by its guarantees?") for one in mixed]
    known = [share for share in shares if sheet.value(share) is not None]
    powers = [f"contract.{share.split('.')[1]}.mean" for share in known]
    sheet.derive(
        f"{name}.ref",
        "1",
        "E_RES / E_DC: renewable share + sum over known mixes of their power x renewable share / load, at most 1",
        _ref,
        f"{name}.share.renewable",
        f"{name}.share.nuclear",
        f"{name}.load",
        *powers,
        *known,
        note="" if len(known) == len(shares) and described else "a mix of unknown make-up counts as not renewable",
    )


def _second(green: float, nuclear: float, _other: float, load: float) -> float:
    """Give nuclear's share after renewables."""
    return min(max(1 - green / load, 0.0), nuclear / load)


def _ref(green: float, nuclear: float, load: float, *rest: float) -> float:
    """Give the renewable factor; what mixes can add is bounded by what renewables and nuclear leave over."""
    half = len(rest) // 2
    left = max(1 - green - nuclear, 0.0)
    power = sum(rest[:half])
    scale = min(1.0, left * load / power) if power else 0.0
    return min(green + scale * sum(mean * share for mean, share in zip(rest[:half], rest[half:], strict=True)) / load, 1.0)


def _contract(sheet: Sheet, contract: GridContract) -> str:
    """Add one contract's mean output."""
    name = f"contract.{contract.name}"
    sheet.plan(f"{name}.power", contract.power.count, "W", "as described")
    factor = f"capacity.{contract.source}"
    if factor in figures("engineering"):
        sheet.figure(factor, figure("engineering", factor))
    else:
        factor = sheet.plan("capacity.firm", 1.0, "1", "a contract on a grid or a mix gives its power at any time")
    return sheet.derive(f"{name}.mean", "W", "power x capacity factor", lambda power, part: power * part, f"{name}.power", factor)


def add_carbon(sheet: Sheet, here: Here) -> None:
    """Add grams for a kilowatt-hour of the site's mix, and CUE."""
    name, country = f"site.{here.site.name}", here.site.country
    known = figures("emissions").get(f"grid.{country}")
    grid = sheet.figure(f"carbon.grid.{country}", known, unit="g/kWh", question=f"How many grams does a kilowatt-hour of the grid of {country} emit?")
    wind = sheet.figure("carbon.wind", figure("emissions", "life-cycle.wind"))
    sun = sheet.figure("carbon.solar", figure("emissions", "life-cycle.solar"))
    water = sheet.figure("carbon.hydro", figure("emissions", "life-cycle.hydro"))
    nuclear = sheet.figure("carbon.nuclear", figure("emissions", "life-cycle.nuclear"))
    gas = sheet.figure("carbon.gas", figure("emissions", "life-cycle.gas"))
    factors = {"wind": wind, "solar": sun, "hydro": water}
    mine = [one for one in here.site.contracts if one.source in RENEWABLE]
    if mine:
        parts = [f"contract.{one.name}.mean" for one in mine] + [factors[one.source] for one in mine]
        sheet.derive(f"{name}.carbon.renewable", "g/kWh", "mean over renewable contracts, by output", _mean, *parts)
    else:
        sheet.plan(f"{name}.carbon.renewable", 0.0, "g/kWh", "no renewable contract")
    burnt = any(one.source == "gas" for one in here.site.contracts) and not any(one.source in ("grid", "mixed") for one in here.site.contracts)
    shares = (f"{name}.share.renewable", f"{name}.share.nuclear")
    sheet.derive(
        f"{name}.carbon",
        "g/kWh",
        "renewable share x theirs + nuclear share x its + rest x " + ("gas" if burnt else "the country's grid"),
        lambda green, atom, clean, core, rest: green * clean + atom * core + max(1 - green - atom, 0.0) * rest,
        *shares,
        f"{name}.carbon.renewable",
        nuclear,
        gas if burnt else grid,
        note="by location and yearly means; certificates alone change nothing here",
    )
    sheet.derive(f"{name}.cue", "kg/kWh", "PUE x grams / 1,000", lambda pue, grams: pue * grams / 1000, f"{name}.pue", f"{name}.carbon")
    sheet.derive(f"{name}.emissions", "t", "E_DC x grams / 10^6", lambda energy, grams: energy * grams / 1e6, f"{name}.e-dc", f"{name}.carbon")


def _mean(*numbers: float) -> float:
    """Give a mean weighted by output."""
    half = len(numbers) // 2
    whole = sum(numbers[:half])
    return sum(mean * grams for mean, grams in zip(numbers[:half], numbers[half:], strict=True)) / whole if whole else 0.0
