"""Air, coolant and reused heat.

Air is cool enough for a server, a loop warms up, and no more heat is reused than power comes in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where
from sovereign_ai.units import Celsius

if TYPE_CHECKING:
    from sovereign_ai.spec.site import Cooling, HeatReuse, Site

YEAR = 8_766
"""Hours of a mean year, 365.25 x 24."""

_HOTTEST_AIR = Celsius(450)
"""The highest inlet of any air-cooled class of servers: A4 of ASHRAE TC 9.9, 5 to 45 degC.

As makers' data sheets quote it (a CDU of 800 kW, read 2026-11-29); the guidelines themselves were not read.
"""


def check_coolant(site: Site, field: str) -> Iterator[Problem]:
    """Require the fields of liquid cooling, and refuse coolant that carries no heat or is not used."""
    for index, hall in enumerate(site.halls):
        at = f"{field}[{index}].cooling"
        if hall.cooling.kind == "air" and hall.cooling.supply > _HOTTEST_AIR:
            message = f"air of {hall.cooling.supply} cools no server of any class"
            hint = f"write at most {_HOTTEST_AIR}; accelerators mostly take 35 degC or less"
            yield Problem("out-of-range", message, Where(field=f"{at}.supply"), hint)
        is_counted = hall.cooling.cdu_capacity is not None or hall.cooling.cdus is not None
        if hall.cooling.kind == "liquid" and not is_counted:
            message = "liquid cooling needs the CDUs' capacity"
            hint = "write 'cdu_capacity' with the heat that they can take"
            yield Problem("missing-field", message, Where(field=f"{at}.cdu_capacity"), hint)
        yield from _check_loop(hall.cooling, f"{at}.coolant")
        yield from _check_units(hall.cooling, f"{at}.cdus")


def _check_units(cooling: Cooling, field: str) -> Iterator[Problem]:
    """Refuse distribution units under air, and those that the catalogue does not have or give a rating."""
    from sovereign_ai.catalog import UnknownNameError  # noqa: PLC0415 - only where units are described
    from sovereign_ai.catalog.parts import part  # noqa: PLC0415 - as above

    if cooling.cdus is None:
        return
    if cooling.kind == "air":
        message = "air alone cools this hall, and it has coolant distribution units"
        yield Problem("contradiction", message, Where(field=field), "remove them, or write another 'kind'")
    where = Where(field=f"{field}.unit")
    try:
        unit = part(cooling.cdus.unit)
    except UnknownNameError as error:
        yield Problem("unknown-name", str(error), where, error.hint)
        return
    if unit.kind != "cdu" or unit.rating is None:
        message = f"{unit.name} is a {unit.kind} of the catalogue, and no distribution unit with a rating"
        yield Problem("unknown-name", message, where, "name a row of kind cdu")


def _check_loop(cooling: Cooling, field: str) -> Iterator[Problem]:
    """Compare a hall's coolant with its kind of cooling and with itself."""
    loop = cooling.coolant
    if loop is None:
        return
    if cooling.kind == "air":
        message = "air alone cools this hall, and it has coolant"
        yield Problem("contradiction", message, Where(field=field), "remove it, or write another 'kind'")
    if loop.rise <= 0:
        message = f"coolant that comes at {loop.supply} and leaves at {loop.back} carries no heat"
        hint = f"write more than {str(loop.supply)!r}"
        yield Problem("impossible", message, Where(field=f"{field}.return"), hint)
    if loop.rack_flow is not None and loop.rack_flow > loop.flow:
        message = f"one rack takes {loop.rack_flow}, and all loops together move {loop.flow}"
        hint = f"write at most {str(loop.flow)!r}"
        yield Problem("contradiction", message, Where(field=f"{field}.rack_flow"), hint)


def check_reuse(site: Site, field: str) -> Iterator[Problem]:
    """Require each buyer's heat exactly once, and refuse more than the feeds bring in over a year."""
    total = 0
    for index, reuse in enumerate(site.heat_reuse):
        total += reused_heat(reuse)
        if (reuse.energy is None) == (reuse.power is None):
            given = "neither is given" if reuse.energy is None else "both are given"
            message = f"heat handed over is a year's energy or a mean power, and {given}"
            code = "contradiction" if reuse.energy else "missing-field"
            hint = "write 'energy: 8 GWh', or 'power: 1 MW'"
            yield Problem(code, message, Where(field=f"{field}[{index}]"), hint)
    feeds = sum(feed.capacity.count for feed in site.power.feeds.values())
    if total > YEAR * feeds:
        message = (
            f"{total / 1e6:,.0f} MWh of heat are handed over in a year, "
            f"and the feeds bring in at most {YEAR * feeds / 1e6:,.0f} MWh"
        )
        hint = f"write at most {feeds / 1000:,.0f} kW on the mean, all buyers together"
        yield Problem("impossible", message, Where(field=field), hint)


def reused_heat(reuse: HeatReuse) -> int:
    """Return the watt-hours that reuse buyer takes in a year."""
    if reuse.energy is not None:
        return reuse.energy.count
    return reuse.power.count * YEAR if reuse.power is not None else 0
