"""Cooling: whether a hall carries away the heat of its racks.

Air carries V = P / (rho cp dT). With rho = 1.2 kg/m3 and cp = 1,005 J/(kg K), dry air at 20 degrees and sea
level, one cubic metre carries 1,206 J for each degree. A hall whose airflow is not described is not checked,
and the plan warns. That air cooling ends at 25 to 30 kW a rack is a rule of thumb (published air-cooled racks
draw 40.8 and 56 kW), so it is a warning and never an error.

    >>> airflow(watts=40_800, rise=120)
    10150
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from sovereign_ai.errors import Problem, Where
from sovereign_ai.plan.power.loads import RackGroup, rack_watts
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.spec import AIFactory, Coolant, Cooling, Hall
from sovereign_ai.units import Celsius, CubicMetresPerHour, LitresPerMinute, Watts

HEAT_OF_AIR = 1_206
"""Joules that a cubic metre of air takes for each degree."""
HEAT_OF_WATER = 4_182
"""Joules that a kilogram of water takes for each degree, at 20 degrees; a mixture with glycol takes less."""
GRAMS_OF_WATER = 998
"""Grams of water in a litre, at 20 degrees."""
# A flow is counted in millilitres an hour and a rise in tenths of a degree: 1,000 millilitres, 3,600 seconds,
# 1,000 grams and 10 tenths make one watt of the product.
_COOLANT_UNITS = 36_000_000_000
THUMB = Watts(30_000)
"""Power of a rack above which air cooling is beyond the rule of thumb."""
# What a server is built for, to the kinds of halls that cool it. Rear doors take the heat of air-cooled
# servers.
_FITS = {"air": ("air", "rear-door", "hybrid"), "hybrid": ("hybrid",), "liquid": ("liquid", "hybrid")}


def airflow(watts: int, rise: int) -> int:
    """Return the cubic metres of air an hour that carry an amount of heat away.

    Args:
        watts: heat.
        rise: temperature rise of the air, in tenths of a degree.
    """
    return ceil_div(watts * 3600 * 10, HEAT_OF_AIR * rise)


def air_capacity(flow: CubicMetresPerHour, rise: Celsius) -> int:
    """Return the watts that an air flow carries away."""
    # An hour has 3,600 seconds, and the rise is in tenths of a degree.
    return flow.count * HEAT_OF_AIR * rise.count // 36_000


def coolant_capacity(flow: LitresPerMinute, rise: int) -> int:
    """Return the watts that a flow of water carries away, with a temperature rise in tenths of a degree."""
    return flow.count * GRAMS_OF_WATER * HEAT_OF_WATER * rise // _COOLANT_UNITS


def heat(groups: Sequence[RackGroup], support: Mapping[str, int]) -> dict[str, int]:
    """Return each hall's heat in watts: all the power that its racks draw, as far as it is known.

    Args:
        groups: the compute racks.
        support: hall to the known watts of its switches and storage servers.
    """
    heat_of: defaultdict[str, int] = defaultdict(int, support)
    for group in groups:
        heat_of[group.shape.hall.name] += group.count * rack_watts(group.shape.system, group.machines)
    return dict(heat_of)


def cooling_problems(
    factory: AIFactory, shapes: Sequence[Shape], groups: Sequence[RackGroup], support: Mapping[str, int]
) -> Iterator[Problem]:
    """Refuse servers in halls with another kind of cooling, and halls with more heat than they carry away.

    Args:
        factory: the description.
        shapes: its pools.
        groups: their racks.
        support: hall to the known watts of its switches and storage servers.
    """
    for shape in shapes:
        halls_that_fit: set[str] = set()
        for kind in shape.system.cooling:
            halls_that_fit.update(_FITS[kind])
        if shape.hall.cooling.kind not in halls_that_fit:
            built = " or ".join(shape.system.cooling)
            message = (
                f"{shape.system.name} is built for {built} cooling, "
                f"and hall {shape.hall.name!r} has {shape.hall.cooling.kind}"
            )
            hint = f"choose a hall with {' or '.join(sorted(halls_that_fit))} cooling"
            yield Problem("wrong-cooling", message, Where(field=f"pools[{shape.index}].hall"), hint)
    heats = heat(groups, support)
    for number, site in enumerate(factory.sites):
        for place, hall in enumerate(site.halls):
            if hall.name in heats:
                field = f"sites[{number}].halls[{place}].cooling"
                yield from _check_hall(hall.cooling, heats[hall.name], support.get(hall.name, 0), field)


def _check_hall(cooling: Cooling, watts: int, support: int, field: str) -> Iterator[Problem]:
    """Compare one hall's heat with the capacity of its air and its coolant.

    Args:
        cooling: the hall's cooling.
        watts: the hall's heat.
        support: the part of it that switches and storage servers give.
        field: the field of the cooling.
    """
    if cooling.coolant and cooling.kind in ("liquid", "rear-door"):
        yield from _check_loop(cooling.coolant, watts, f"{field}.coolant.flow")
    if cooling.kind == "liquid":
        if cooling.cdu_capacity and watts > cooling.cdu_capacity.count:
            have = f"its CDUs take {cooling.cdu_capacity}"
            yield _too_hot(watts, have, f"{field}.cdu_capacity", f"write at least {str(Watts(watts))!r}")
    elif cooling.kind == "hybrid":
        yield from _check_hybrid(cooling, watts, support, field)
    elif cooling.airflow and watts > air_capacity(cooling.airflow, cooling.temperature_rise):
        air = air_capacity(cooling.airflow, cooling.temperature_rise)
        need = CubicMetresPerHour(airflow(watts, cooling.temperature_rise.count))
        rise = cooling.temperature_rise
        have = f"{cooling.airflow.count:,} m3/h of air that warms by {rise} take {Watts(air)}"
        hint = f"write at least {str(need)!r}, or put machines elsewhere"
        yield _too_hot(watts, have, f"{field}.airflow", hint)


def _check_hybrid(cooling: Cooling, watts: int, support: int, field: str) -> Iterator[Problem]:
    """Compare the heat of a hall with the capacity of its coolant and its air together.

    Cold plates cool machines alone, so the heat of switches and storage servers is for the air.
    """
    if not cooling.airflow:
        return
    air = air_capacity(cooling.airflow, cooling.temperature_rise)
    if support > air:
        need = CubicMetresPerHour(airflow(support, cooling.temperature_rise.count))
        have = f"its air takes {Watts(air)}, and switches and storage servers alone give it {Watts(support)}"
        yield _too_hot(watts, have, f"{field}.airflow", f"write at least {str(need)!r}")
        return
    # Distribution units without a capacity are as many as the heat needs, so they are no limit.
    coolant = min(_coolant_limits(cooling), default=0)
    if not coolant or watts <= coolant + air:
        return
    more = str(Watts(watts - air))
    if cooling.cdu_capacity is not None and cooling.cdu_capacity.count == coolant:
        have = f"its CDUs take {Watts(coolant)} and its air {Watts(air)}"
        yield _too_hot(watts, have, f"{field}.cdu_capacity", f"write at least {more!r}")
    else:
        have = f"its coolant takes {Watts(coolant)} and its air {Watts(air)}"
        yield _too_hot(watts, have, f"{field}.coolant.flow", f"write a flow that takes at least {more}")


def _coolant_limits(cooling: Cooling) -> list[int]:
    """Return the limits on the heat that a hall's coolant takes, in watts; empty where none is described."""
    limits: list[int] = []
    if cooling.cdu_capacity:
        limits.append(cooling.cdu_capacity.count)
    if cooling.coolant:
        limits.append(coolant_capacity(cooling.coolant.flow, cooling.coolant.rise))
    return limits


def _check_loop(loop: Coolant, watts: int, field: str) -> Iterator[Problem]:
    """Compare all of a hall's heat with the capacity of its coolant flow."""
    have = coolant_capacity(loop.flow, loop.rise)
    if watts > have:
        need = ceil_div(watts * _COOLANT_UNITS, GRAMS_OF_WATER * HEAT_OF_WATER * loop.rise)
        # The hint is in whole litres a minute (60,000 millilitres an hour), rounded up.
        at_least = LitresPerMinute(ceil_div(need, 60_000) * 60_000)
        why = f"{loop.flow} of coolant from {loop.supply} to {loop.back} take {Watts(have)}"
        yield _too_hot(watts, why, field, f"write at least {str(at_least)!r}, or let it warm further")


def _too_hot(watts: int, have: str, field: str, hint: str) -> Problem:
    """Return the problem of a hall with too much heat."""
    message = f"the hall's racks give {Watts(watts)} of heat, and {have}"
    return Problem("over-cooling", message, Where(field=field), hint)


def cooling_warnings(
    factory: AIFactory, groups: Sequence[RackGroup], support: Mapping[str, int], hottest: Mapping[str, int]
) -> Iterator[str]:
    """Yield what was not checked, and air-cooled racks beyond the rule of thumb.

    Args:
        factory: the description.
        groups: its compute racks.
        support: hall to the known watts of its switches and storage servers.
        hottest: hall to the known watts of the hottest of their racks.
    """
    heats = heat(groups, support)
    for site in factory.sites:
        for hall in site.halls:
            if heats.get(hall.name):
                most = hottest.get(hall.name, 0)
                for group in groups:
                    if group.shape.hall.name == hall.name:
                        most = max(most, rack_watts(group.shape.system, group.machines))
                yield from _hall_warnings(hall, heats[hall.name], most)


def _hall_warnings(hall: Hall, watts: int, hottest: int) -> Iterator[str]:
    """Yield the warnings of one hall.

    Args:
        hall: the hall.
        watts: its heat.
        hottest: the watts of its hottest rack.
    """
    cooling = hall.cooling
    lacks_air = cooling.kind != "liquid" and cooling.airflow is None
    lacks_coolant = cooling.kind == "hybrid" and not _coolant_limits(cooling) and cooling.cdus is None
    if lacks_air or lacks_coolant:
        fields = [name for name, lacks in (("airflow", lacks_air), ("cdu_capacity", lacks_coolant)) if lacks]
        verb = "is" if len(fields) == 1 else "are"
        listed = " and ".join(fields)
        cooled = f"hall {hall.name}: cooling of {Watts(watts)}"
        yield f"{cooled} is not checked, since {listed} {verb} not described"
    if cooling.kind == "air" and hottest > THUMB.count:
        flow = airflow(hottest, cooling.temperature_rise.count)
        yield (
            f"hall {hall.name}: a rack of {Watts(hottest)} under air is beyond the rule of thumb "
            f"of 25 to 30 kW; it takes {flow:,} m3/h at a rise of {cooling.temperature_rise}"
        )
