"""PUE, TUE and WUE of a site, from the chain between the grid and the servers.

    PUE = 1 + UPS loss + distribution loss + house + moving air or water + heat rejection
            + share of the year x compressors,  compressors = 1 / COP,  COP = g T_cold / (T_hot - T_cold).

The compressors run in hours in which the wet bulb plus the approach is above the supply temperature. That
needs the hourly wet bulb of the place, a series that the user gives. Without it the share of the year is an
estimate from never to always, and the PUE a range. Server fans count as IT, so a low PUE can hide them: the
report has TUE = PUE / (1 - fan share) beside it where the share is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sovereign_ai.assess.energy.power import SiteEquipment
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.text import counted

_KELVIN = 273.15


def cop(supply: float, wet_bulb: float, lift: float, carnot: float) -> float:
    """Return a chiller's coefficient of performance, at most 15.

    Args:
        supply: temperature that it delivers, in degrees Celsius.
        wet_bulb: outside, in degrees Celsius.
        lift: condenser above wet bulb and evaporator below supply, together, in kelvin.
        carnot: share of Carnot's limit that it reaches.
    """
    # Carnot's limit has no end as the gap closes; no chiller on the market goes beyond the bounds below.
    gap = max(wet_bulb - supply + lift, 1.0)
    return min(carnot * (supply + _KELVIN) / gap, 15.0)


def compressors(series: Sequence[float], supply: float, approach: float, lift: float, carnot: float) -> float:
    """Return the compressors' energy over the heat they carry, as a mean over an hourly series of wet bulbs.

    In an hour whose wet bulb plus approach is above the supply, compressors bridge the gap. The share of the
    heat that they carry grows from nothing to all over the width of the approach.

    >>> compressors([5.0] * 10, supply=22, approach=10, lift=10, carnot=0.5)
    0.0
    """
    return _mean_work(_hours_by_tenth(series), supply, approach, lift, carnot)


def _hours_by_tenth(series: Sequence[float]) -> Counter[float]:
    """Return the hours of each tenth of a degree: a year has 8,760 hours, and a few hundred of these."""
    return Counter(round(value, 1) for value in series)


def _mean_work(hours: Counter[float], supply: float, approach: float, lift: float, carnot: float) -> float:
    """Return the same as `compressors`, for hours that are counted by tenths of a degree."""
    total = 0.0
    for wet_bulb, count in hours.items():
        share = min(max((wet_bulb + approach - supply) / approach, 0.0), 1.0)
        if share:
            total += count * share / cop(supply, wet_bulb, lift, carnot)
    return total / hours.total()


def add_pue(sheet: Sheet, equipment: SiteEquipment, wet_bulb: Sequence[float] | None = None) -> str:
    """Add `site.<name>.pue` with its chain, and return its name.

    Args:
        sheet: the sheet.
        equipment: the site.
        wet_bulb: hourly wet bulb in degrees Celsius over a year, or over any stretch that represents it.
    """
    name, cooling = f"site.{equipment.name}", equipment.hottest.cooling
    cold, pue = f"{name}.supply", f"{name}.pue"
    sheet.plan(cold, cooling.supply.count / 10, "degC", "of the hall with the most heat, as described")
    if pue in sheet.given:
        # A measured PUE replaces the whole chain, so none of its figures are asked for.
        return sheet.ask(pue, "1", "the measured yearly PUE")
    if cooling.coolant is not None:
        supply = cooling.coolant.supply.count / 10
        why = "coolant of the hall with the most heat, as described"
        cold = sheet.plan(f"{name}.coolant-supply", supply, "degC", why)
    parts = list(electrical_losses(sheet, equipment))
    for part in ("house", f"moving.{cooling.kind}", "rejection"):
        parts.append(_chain(sheet, part))
    parts.append(_compressors(sheet, name, cold, cooling.kind, tuple(wet_bulb or ())))
    formula = "1 + losses + house + moving + rejection + compressors"
    return sheet.derive(pue, "1", formula, lambda *values: 1 + sum(values), *parts)


def electrical_losses(sheet: Sheet, equipment: SiteEquipment) -> tuple[str, str]:
    """Return the names of the losses of UPS and distribution over IT: the described ones, else estimates.

    Each term is in the sum once: what a description states takes the place of the figure, and of the
    distribution only the part that transformers do not explain stays an estimate.
    """
    name = f"site.{equipment.name}"
    ups, distribution = f"{name}.ups-loss", f"{name}.distribution-loss"
    if ups not in sheet:
        ups = _chain(sheet, "ups-loss")
    if f"{name}.transformer-loss" in sheet:
        formula = "transformer losses + losses of cables, busways and PDUs"
        parts = (f"{name}.transformer-loss", _chain(sheet, "cabling-loss"))
        return ups, sheet.derive(distribution, "1", formula, lambda copper, rest: copper + rest, *parts)
    return ups, _chain(sheet, "distribution-loss")


def _chain(sheet: Sheet, part: str) -> str:
    """Add one figure of the chain."""
    return sheet.figure(f"chain.{part}", figure("engineering", part))


def _compressors(sheet: Sheet, name: str, cold: str, kind: str, wet_bulb: tuple[float, ...]) -> str:
    """Add the compressors' energy over the heat: hour by hour, or without a series as a share of the year.

    Args:
        sheet: the sheet.
        name: the site's prefix.
        cold: name of the temperature that the chillers deliver.
        kind: the kind of cooling of the hall with the most heat.
        wet_bulb: hourly wet bulb in degrees Celsius; empty if not given.
    """
    carnot, lift = _chain(sheet, "chiller.carnot"), _chain(sheet, "chiller.lift")
    if wet_bulb:
        approach = _chain(sheet, "approach.air" if kind == "air" else "approach.liquid")
        formula = f"mean over {counted(len(wet_bulb), 'hour')} of share of heat / COP"
        hours = _hours_by_tenth(wet_bulb)
        work = lambda *values: _mean_work(hours, *values)  # noqa: E731 - the formula, used once
        return sheet.derive(f"{name}.compressors", "1", formula, work, cold, approach, lift, carnot)
    share = sheet.figure(f"{name}.mechanical-share", figure("engineering", "mechanical-share"))
    hot = _chain(sheet, "chiller.design-wet-bulb")
    return sheet.derive(
        f"{name}.compressors",
        "1",
        "share of the year x 1 / COP at the design wet bulb",
        lambda part, supply, warm, rise, limit: part / cop(supply, warm, rise, limit),
        share,
        cold,
        hot,
        lift,
        carnot,
        note="no hourly wet bulb was given: the range runs from no compressors to compressors all year",
    )


def add_usage(sheet: Sheet, equipment: SiteEquipment) -> None:
    """Add a year's energy, TUE and WUE to a site that has its PUE."""
    name = f"site.{equipment.name}"
    pue, it_energy = f"{name}.pue", f"{name}.e-it"
    _it_energy(sheet, name, it_energy)
    sheet.derive(f"{name}.e-dc", "kWh", "E_IT x PUE", lambda it, ratio: it * ratio, it_energy, pue)
    # The share of fans is published for air-cooled servers alone.
    is_air = equipment.hottest.cooling.kind == "air"
    fan = figure("engineering", "fan-share.air") if is_air else None
    question = "What share of the machines' power do their own fans take?"
    fan_share = sheet.figure(f"{name}.fan-share", fan, question=question)
    tue = lambda ratio, fans: ratio / (1 - fans)  # noqa: E731 - the formula, used once
    sheet.derive(f"{name}.tue", "1", "PUE / (1 - fan share)", tue, pue, fan_share)
    _water(sheet, name, it_energy)


def _it_energy(sheet: Sheet, name: str, it_energy: str) -> None:
    """Add the energy of a site's IT over a year."""
    sheet.plan("hours", 8_766, "h", "hours of a mean year, 365.25 x 24")
    utilisation = sheet.figure("utilisation", figure("prices", "utilisation"))
    parts = [f"{name}.it.typical", "hours", utilisation]
    note = "idle machines are counted as busy, since what they draw idle is not known: an upper bound"
    if sheet.value(f"{name}.it.idle") is not None:
        parts.append(f"{name}.it.idle")
        note = ""
    formula = "(typical x utilisation + idle x (1 - utilisation)) x hours"
    sheet.derive(it_energy, "kWh", formula, _kilowatt_hours, *parts, note=note)


def _kilowatt_hours(typical: float, hours: float, used: float, idle: float | None = None) -> float:
    """Return the kilowatt-hours of some watts, of which a share works and the rest is idle."""
    unused = typical if idle is None else idle
    return (typical * used + unused * (1 - used)) * hours / 1000


def _water(sheet: Sheet, name: str, it_energy: str) -> None:
    """Add the WUE: from the water of a year where the user gives it, else from evaporation."""
    wue, water = f"{name}.wue", f"{name}.water"
    if water in sheet.given:
        sheet.ask(water, "m3", "water taken in over a year")
        litres = lambda cubic_metres, it: cubic_metres * 1000 / it  # noqa: E731 - the formula, used once
        sheet.derive(wue, "L/kWh", "W_IN / E_IT", litres, water, it_energy)
        return
    latent = sheet.figure("water.latent", figure("engineering", "water.latent"))
    share = sheet.figure(f"{name}.evaporated-share", figure("engineering", "water.evaporated-share"))
    sheet.derive(
        wue,
        "L/kWh",
        "share of heat evaporated x 3.6 MJ / latent heat",
        lambda part, heat: part * 3.6 / heat,
        share,
        latent,
        note="evaporation alone, without blow-down; give the water of a year for the real one",
    )
