"""PUE from the chain between the grid and the machines, with TUE and WUE.

    PUE = 1 + UPS loss + distribution loss + house + moving air or water + heat rejection
            + share of the year x compressors,  compressors = 1 / COP,  COP = g T_cold / (T_hot - T_cold).

The compressors run in the part of an hour's heat that the wet bulb plus the approach lies above the
supply temperature: that needs the hourly wet bulb of the place, a series that the user gives. Without
it the share is an estimate from never to always, and the PUE a range. Server fans count as IT: a low
PUE can hide them, so TUE = PUE / (1 - fan share) stands beside it where the share is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sovereign_ai.assess.energy.power import Here
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure

_KELVIN = 273.15


def cop(supply: float, wet_bulb: float, lift: float, carnot: float) -> float:
    """Give a chiller's coefficient of performance, at most 15.

    Args:
        supply: temperature that it delivers to, in degrees Celsius.
        wet_bulb: outside, in degrees Celsius.
        lift: condenser above wet bulb and evaporator below supply, together, in kelvin.
        carnot: share of Carnot's limit that it reaches.
    """
    gap = max(wet_bulb - supply + lift, 1.0)
    return min(carnot * (supply + _KELVIN) / gap, 15.0)


def compressors(series: Sequence[float], supply: float, approach: float, lift: float, carnot: float) -> float:
    """Give the compressors' energy over the heat they carry, as a mean over an hourly series of wet bulbs.

    In an hour whose wet bulb plus approach is above the supply, compressors bridge the gap: the share of
    the heat that they carry grows from nothing to all over the width of the approach.

    >>> compressors([5.0] * 10, supply=22, approach=10, lift=10, carnot=0.5)
    0.0
    """
    total = 0.0
    bins = Counter(round(value, 1) for value in series)
    for wet_bulb, hours in bins.items():
        share = min(max((wet_bulb + approach - supply) / approach, 0.0), 1.0)
        if share:
            total += hours * share / cop(supply, wet_bulb, lift, carnot)
    return total / len(series)


def add_pue(sheet: Sheet, here: Here, wet_bulb: Sequence[float] | None = None) -> str:
    """Add `site.<name>.pue` with its chain; give its name.

    Args:
        sheet: where it goes.
        here: the site.
        wet_bulb: hourly wet bulb in degrees Celsius over a year, or any stretch that stands for it.
    """
    name = f"site.{here.site.name}"
    kind, cold = here.hottest.cooling.kind, f"{name}.supply"
    sheet.plan(cold, here.hottest.cooling.supply.count / 10, "degC", "of the hall with the most heat, as described")
    if f"{name}.pue" in sheet.given:
        return sheet.ask(f"{name}.pue", "1", "the measured yearly PUE")
    if here.hottest.cooling.coolant is not None:
        loop = here.hottest.cooling.coolant.supply.count / 10
        cold = sheet.plan(f"{name}.coolant-supply", loop, "degC", "coolant of the hall with the most heat, as described")
    losses = [sheet.figure(f"chain.{part}", figure("engineering", part)) for part in ("ups-loss", "distribution-loss", "house")]
    losses += [sheet.figure(f"chain.{part}", figure("engineering", part)) for part in (f"moving.{kind}", "rejection")]
    carnot, lift = (sheet.figure(f"chain.{part}", figure("engineering", part)) for part in ("chiller.carnot", "chiller.lift"))
    if wet_bulb:
        which = "approach.air" if kind == "air" else "approach.liquid"
        approach = sheet.figure(f"chain.{which}", figure("engineering", which))
        series = tuple(wet_bulb)
        sheet.derive(
            f"{name}.compressors",
            "1",
            f"mean over {len(series):,} hours of share of heat / COP",
            lambda *parts: compressors(series, *parts),
            cold,
            approach,
            lift,
            carnot,
        )
    else:
        share = sheet.figure(f"{name}.mechanical-share", figure("engineering", "mechanical-share"))
        hot = sheet.figure("chain.chiller.design-wet-bulb", figure("engineering", "chiller.design-wet-bulb"))
        sheet.derive(
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
    parts = [*losses, f"{name}.compressors"]
    return sheet.derive(f"{name}.pue", "1", "1 + losses + house + moving + rejection + compressors", lambda *all_: 1 + sum(all_), *parts)


def add_usage(sheet: Sheet, here: Here) -> None:
    """Add a year's energy, TUE and WUE to a site that has its PUE."""
    name = f"site.{here.site.name}"
    kind = here.hottest.cooling.kind
    sheet.plan("hours", 8_766, "h", "hours of a mean year, 365.25 x 24")
    load = sheet.figure("utilisation", figure("prices", "utilisation"))
    pool = f"{name}.it.typical"
    idle_known = sheet.value(f"{name}.it.idle") is not None
    parts = [pool, "hours", load] + ([f"{name}.it.idle"] if idle_known else [])
    sheet.derive(
        f"{name}.e-it",
        "kWh",
        "(typical x utilisation + idle x (1 - utilisation)) x hours",
        lambda typical, hours, used, idle=None: (typical * used + (typical if idle is None else idle) * (1 - used)) * hours / 1000,
        *parts,
        note="" if idle_known else "idle machines are counted as busy, since what they draw idle is not known: an upper bound",
    )
    sheet.derive(f"{name}.e-dc", "kWh", "E_IT x PUE", lambda it, pue: it * pue, f"{name}.e-it", f"{name}.pue")
    fan = figure("engineering", "fan-share.air") if kind == "air" else None
    sheet.figure(f"{name}.fan-share", fan, question="What share of the machines' power do their own fans take?")
    sheet.derive(f"{name}.tue", "1", "PUE / (1 - fan share)", lambda pue, fans: pue / (1 - fans), f"{name}.pue", f"{name}.fan-share")
    if f"{name}.water" in sheet.given:
        sheet.ask(f"{name}.water", "m3", "water taken in over a year")
        sheet.derive(f"{name}.wue", "L/kWh", "W_IN / E_IT", lambda water, it: water * 1000 / it, f"{name}.water", f"{name}.e-it")
    else:
        latent = sheet.figure("water.latent", figure("engineering", "water.latent"))
        share = sheet.figure(f"{name}.evaporated-share", figure("engineering", "water.evaporated-share"))
        sheet.derive(
            f"{name}.wue",
            "L/kWh",
            "share of heat evaporated x 3.6 MJ / latent heat",
            lambda part, heat: part * 3.6 / heat,
            share,
            latent,
            note="evaporation alone, without blow-down; give the water of a year for the real one",
        )
