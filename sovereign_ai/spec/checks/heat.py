"""Coolant and heat that others use: no loop that warms nothing, and no more heat given away than power comes in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where

if TYPE_CHECKING:
    from sovereign_ai.spec.site import Cooling, HeatReuse, Site

YEAR = 8_766
"""Hours of a mean year, 365.25 x 24."""


def check_coolant(site: Site, field: str) -> Iterator[Problem]:
    """Ask for what liquid needs, and refuse coolant that carries no heat or has none to carry."""
    for index, hall in enumerate(site.halls):
        at = f"{field}[{index}].cooling"
        if hall.cooling.kind == "liquid" and hall.cooling.cdu_capacity is None:
            where = Where(field=f"{at}.cdu_capacity")
            yield Problem(
                "missing-field", "liquid cooling needs the CDUs' capacity", where, "write 'cdu_capacity' with the heat that they can take"
            )
        yield from _loop(hall.cooling, f"{at}.coolant")


def _loop(cooling: Cooling, field: str) -> Iterator[Problem]:
    """Hold a hall's coolant against its kind and against itself."""
    loop = cooling.coolant
    if loop is None:
        return
    if cooling.kind == "air":
        yield Problem(
            "contradiction", "air alone cools this hall, and it has coolant", Where(field=field), "remove it, or write another 'kind'"
        )
    if loop.rise <= 0:
        message = f"coolant that comes at {loop.supply} and leaves at {loop.back} carries no heat"
        yield Problem("impossible", message, Where(field=f"{field}.return"), f"write more than {str(loop.supply)!r}")
    if loop.rack_flow is not None and loop.rack_flow > loop.flow:
        message = f"one rack takes {loop.rack_flow}, and all loops together move {loop.flow}"
        yield Problem("contradiction", message, Where(field=f"{field}.rack_flow"), f"write at most {str(loop.flow)!r}")


def check_reuse(site: Site, field: str) -> Iterator[Problem]:
    """Ask each buyer's heat once, and refuse more of it than the feeds could bring in over a year."""
    for index, one in enumerate(site.heat_reuse):
        if (one.energy is None) == (one.power is None):
            message = "heat handed over is a year's energy or a mean power, and " + (
                "neither is given" if one.energy is None else "both are given"
            )
            yield Problem(
                "contradiction" if one.energy else "missing-field",
                message,
                Where(field=f"{field}[{index}]"),
                "write 'energy: 8 GWh', or 'power: 1 MW'",
            )
    feeds = sum(feed.capacity.count for feed in site.power.feeds.values())
    whole = sum(reused(one) for one in site.heat_reuse)
    if whole > YEAR * feeds:
        message = f"{whole / 1e6:,.0f} MWh of heat are handed over in a year, and the feeds bring in at most {YEAR * feeds / 1e6:,.0f} MWh"
        yield Problem("impossible", message, Where(field=field), f"write at most {feeds / 1000:,.0f} kW on the mean, all buyers together")


def reused(one: HeatReuse) -> int:
    """Give the watt-hours that one buyer takes in a year."""
    if one.energy is not None:
        return one.energy.count
    return one.power.count * YEAR if one.power is not None else 0
