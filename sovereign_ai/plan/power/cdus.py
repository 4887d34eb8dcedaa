"""Coolant distribution units: how many a hall's heat needs, loop by loop, before and after one is lost.

A unit carries the lower end of its rating, or what the lower end of its flow carries at the coolant's rise
where that is less. A hall's heat is spread evenly over its loops, and each loop has spare units of its own.
Cold plates cool machines alone; in a hybrid hall all of their heat counts, since the share that goes into the
air is a range. Cooling is planned without a cap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

from sovereign_ai.catalog.parts import part
from sovereign_ai.plan.power.chain_elements import ChainElement, load_text, parallel
from sovereign_ai.plan.power.cooling import coolant_capacity, heat
from sovereign_ai.plan.power.loads import RackGroup
from sovereign_ai.spec import Cooling, Site
from sovereign_ai.units import LitresPerMinute, Watts


def cdu_elements(
    site: Site, groups: Sequence[RackGroup], support: Mapping[str, int]
) -> Iterator[ChainElement]:
    """Yield the distribution units of each hall of a site that describes some and has heat for them.

    Args:
        site: the site.
        groups: the compute racks.
        support: hall to the watts of its switches and storage servers.
    """
    for hall in site.halls:
        cooled = {} if hall.cooling.kind == "hybrid" else support
        watts = heat(groups, cooled).get(hall.name, 0)
        if hall.cooling.cdus is not None and watts:
            yield _units(hall.name, hall.cooling, watts)


def unit_rating(cooling: Cooling) -> int:
    """Return the watts that one distribution unit of a hall takes for certain.

    Raises:
        ValueError: the hall has none, or its unit has no rating.
    """
    row = part(cooling.cdus.unit) if cooling.cdus is not None else None
    rating = row.source_of("rating") if row is not None else None
    if row is None or rating is None:
        message = "no distribution unit with a rating is described"
        raise ValueError(message)
    most = rating.least(Watts).count
    flow = row.source_of("flow")
    if flow is None:
        return most
    rise = cooling.temperature_rise.count if cooling.coolant is None else cooling.coolant.rise
    return min(most, coolant_capacity(flow.least(LitresPerMinute), rise))


def _units(hall: str, cooling: Cooling, watts: int) -> ChainElement:
    """Return the units of one hall."""
    cdus = cooling.cdus
    if cdus is None:
        message = f"hall {hall} describes no distribution units"
        raise ValueError(message)
    row = part(cdus.unit)
    figure = row.source_of("rating")
    why = {"rating": f"{row.name}: the lower end of its rating, or of what its flow carries; {figure}"}
    rating, share = unit_rating(cooling), Fraction(watts, cdus.loops)
    loop = parallel(f"CDU {hall}", "W", rating, share, cdus.redundancy, None, why=why)
    reasons = dict(loop.why)
    reasons["load"] = f"{load_text(watts, 'W')} of heat into the coolant, over loops: {cdus.loops}"
    reasons["needed"] = f"in each loop {loop.why['needed']}"
    count = loop.needed * cdus.loops
    return replace(loop, needed=count, installed=count, load=watts, why=reasons)
