"""Cooling: whether a hall carries away the heat of its racks.

Air carries V = P / (rho cp dT). With rho = 1.2 kg/m3 and cp = 1,005 J/(kg K), dry air at 20 degrees
and sea level, one cubic metre takes 1,206 J for each degree. A hall whose airflow is not described
is not checked, and the plan warns. That air ends at 25 to 30 kW a rack is a rule of thumb
(published air-cooled racks draw 40.8 and 56 kW), so it is a warning and never a refusal.

    >>> airflow(watts=40_800, rise=120)
    10150
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from sovereign_ai.errors import Problem, Where
from sovereign_ai.plan.loads import RackGroup, rack_watts
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.site import Coolant, Cooling, Hall
from sovereign_ai.units import Celsius, CubicMetresPerHour, LitresPerMinute, Watts

HEAT_OF_AIR = 1_206
"""Joules that a cubic metre of air takes for each degree."""
HEAT_OF_WATER = 4_182
"""Joules that a kilogram of water takes for each degree, at 20 degrees; a mixture with glycol takes less."""
GRAMS_OF_WATER = 998
"""Grams of water in a litre, at 20 degrees."""
THUMB = Watts(30_000)
"""Where the rule of thumb ends air cooling."""
_FITS = {"air": ("air", "rear-door", "hybrid"), "hybrid": ("hybrid",), "liquid": ("liquid", "hybrid")}
"""What a machine is built for, and the halls that cool it so."""


def airflow(watts: int, rise: int) -> int:
    """Give the cubic metres of air an hour that carry some watts away.

    Args:
        watts: heat.
        rise: by how much the air warms, in tenths of a degree.
    """
    return -(-watts * 3600 * 10 // (HEAT_OF_AIR * rise))


def air_capacity(flow: CubicMetresPerHour, rise: Celsius) -> int:
    """Give the watts that an air flow carries away."""
    return flow.count * HEAT_OF_AIR * rise.count // 36_000


def coolant_capacity(flow: LitresPerMinute, rise: int) -> int:
    """Give the watts that a flow of water carries away, warming by some tenths of a degree."""
    return flow.count * GRAMS_OF_WATER * HEAT_OF_WATER * rise // 36_000_000_000


def heat(groups: Sequence[RackGroup]) -> dict[str, int]:
    """Give each hall's heat: all the power that its compute racks draw, in watts."""
    found: defaultdict[str, int] = defaultdict(int)
    for group in groups:
        found[group.shape.hall.name] += group.count * rack_watts(group.shape.system, group.machines)
    return dict(found)


def cooling_problems(factory: AIFactory, shapes: Sequence[Shape], groups: Sequence[RackGroup]) -> Iterator[Problem]:
    """Give machines in halls that do not cool them, and halls with more heat than they carry away."""
    for shape in shapes:
        if not any(shape.hall.cooling.kind in _FITS[kind] for kind in shape.system.cooling):
            built = " or ".join(shape.system.cooling)
            message = f"{shape.system.name} is built for {built} cooling, and hall {shape.hall.name!r} has {shape.hall.cooling.kind}"
            right = sorted({hall for kind in shape.system.cooling for hall in _FITS[kind]})
            hint = f"choose a hall with {' or '.join(right)} cooling"
            yield Problem("wrong-cooling", message, Where(field=f"pools[{shape.index}].hall"), hint)
    heats = heat(groups)
    for number, site in enumerate(factory.sites):
        for place, hall in enumerate(site.halls):
            if hall.name in heats:
                yield from _hall(hall, heats, f"sites[{number}].halls[{place}].cooling")


def _hall(hall: Hall, heats: Mapping[str, int], field: str) -> Iterator[Problem]:
    """Hold one hall's heat against what its air and its coolant take."""
    cooling, watts = hall.cooling, heats[hall.name]
    coolant = min(_liquid(cooling), default=0)
    air = air_capacity(cooling.airflow, cooling.temperature_rise) if cooling.airflow else 0
    if cooling.coolant and cooling.kind in ("liquid", "rear-door"):
        yield from _loop(cooling.coolant, watts, f"{field}.coolant.flow")
    if cooling.kind == "liquid":
        if cooling.cdu_capacity and watts > cooling.cdu_capacity.count:
            have = f"its CDUs take {cooling.cdu_capacity}"
            yield _too_hot(watts, have, f"{field}.cdu_capacity", f"write at least {str(Watts(watts))!r}")
    elif cooling.kind == "hybrid":
        if coolant and cooling.airflow and watts > coolant + air:
            more = str(Watts(watts - air))
            if cooling.cdu_capacity is not None and cooling.cdu_capacity.count == coolant:
                have = f"its CDUs take {Watts(coolant)} and its air {Watts(air)}"
                yield _too_hot(watts, have, f"{field}.cdu_capacity", f"write at least {more!r}")
            else:
                have = f"its coolant takes {Watts(coolant)} and its air {Watts(air)}"
                yield _too_hot(watts, have, f"{field}.coolant.flow", f"write a flow that takes at least {more}")
    elif cooling.airflow and watts > air:
        need = CubicMetresPerHour(airflow(watts, cooling.temperature_rise.count))
        have = f"{cooling.airflow.count:,} m3/h of air that warms by {cooling.temperature_rise} take {Watts(air)}"
        yield _too_hot(watts, have, f"{field}.airflow", f"write at least {str(need)!r}, or put machines elsewhere")


def _liquid(cooling: Cooling) -> list[int]:
    """Give what bounds the heat that a hall's coolant takes, in watts; empty where nothing is described."""
    units = [cooling.cdu_capacity.count] if cooling.cdu_capacity else []
    return [*units, coolant_capacity(cooling.coolant.flow, cooling.coolant.rise)] if cooling.coolant else units


def _loop(loop: Coolant, watts: int, field: str) -> Iterator[Problem]:
    """Hold all of a hall's heat against the flow that carries it."""
    have = coolant_capacity(loop.flow, loop.rise)
    if watts > have:
        need = -(-watts * 36_000_000_000 // (GRAMS_OF_WATER * HEAT_OF_WATER * loop.rise))
        at_least = LitresPerMinute(-(-need // 60_000) * 60_000)
        why = f"{loop.flow} of coolant from {loop.supply} to {loop.back} take {Watts(have)}"
        yield _too_hot(watts, why, field, f"write at least {str(at_least)!r}, or let it warm further")


def _too_hot(watts: int, have: str, field: str, hint: str) -> Problem:
    """Say that a hall is too hot."""
    return Problem("over-cooling", f"the hall's machines give {Watts(watts)} of heat, and {have}", Where(field=field), hint)


def cooling_warnings(factory: AIFactory, groups: Sequence[RackGroup]) -> Iterator[str]:
    """Give what was not checked, and air-cooled racks beyond the rule of thumb."""
    heats = heat(groups)
    for hall in (hall for site in factory.sites for hall in site.halls if hall.name in heats):
        cooling = hall.cooling
        if (cooling.kind != "liquid" and cooling.airflow is None) or (cooling.kind == "hybrid" and not _liquid(cooling)):
            asked = "airflow" if cooling.kind != "hybrid" else "airflow and cdu_capacity"
            yield f"hall {hall.name}: cooling of {Watts(heats[hall.name])} is not checked, since {asked} is not described"
        hottest = max(rack_watts(group.shape.system, group.machines) for group in groups if group.shape.hall.name == hall.name)
        if cooling.kind == "air" and hottest > THUMB.count:
            flow = airflow(hottest, cooling.temperature_rise.count)
            yield (
                f"hall {hall.name}: a rack of {Watts(hottest)} under air is beyond the rule of thumb of 25 to 30 kW; "
                f"it takes {flow:,} m3/h at a rise of {cooling.temperature_rise}"
            )
