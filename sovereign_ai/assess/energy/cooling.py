"""Whether a hall carries its heat away, from flow and temperature rise: air, rear doors and liquid.

    flow = P / (density x heat capacity x rise)

The coolant's rise and flow are those of the hall's `coolant` where it is described; else the rise is that of
the hall, and the flow is asked for. A rack whose connection gives less than its heat needs is too hot, however
much the whole hall moves.

Air takes 1,206 J a cubic metre and kelvin (dry, 20 degrees, sea level); water 4,182 J a kilogram and
kelvin at 0.998 kg a litre. The Open Compute rule of 1.5 litres a minute and kilowatt at 10 kelvin stands
beside the 1.44 of pure water. A rule of thumb in kilowatts a rack decides nothing here.

Not all air that the fans move passes machines: what bypasses them carries nothing, so the fans must move
flow / (1 - bypass). Containment keeps that share small. Air that is enough only at one end of its range
leaves the hall open.

    >>> round(coolant_flow(1_000, 10), 2)
    1.44
    >>> round(air_flow(40_800, 12))
    10149
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sovereign_ai.assess.energy.power import Here
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.plan.cooling import GRAMS_OF_WATER, HEAT_OF_AIR, HEAT_OF_WATER, heat
from sovereign_ai.plan.loads import RackGroup, rack_watts
from sovereign_ai.spec.site import Cooling, Hall

LIQUID = ("rear-door", "liquid", "hybrid")


@dataclass(frozen=True, slots=True)
class Cooled:
    """Whether one hall is cooled.

    Attributes:
        site: the site.
        hall: the hall.
        kind: its cooling.
        holds: whether flow and rise carry the heat; None where the flow is not described.
        why: the arithmetic in words.
        needs: what is missing.
    """

    site: str
    hall: str
    kind: str
    holds: bool | None
    why: str
    needs: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        return asdict(self) | {"needs": list(self.needs)}


def air_flow(watts: float, rise: float) -> float:
    """Give the cubic metres of air an hour that carry some watts away at a rise in kelvin."""
    return watts * 3600 / (HEAT_OF_AIR * rise)


def coolant_flow(watts: float, rise: float) -> float:
    """Give the litres of water a minute that carry some watts away at a rise in kelvin."""
    return watts * 60 / (HEAT_OF_WATER * GRAMS_OF_WATER / 1000 * rise)


def add_cooling(sheet: Sheet, here: Here, groups: Sequence[RackGroup]) -> Iterator[Cooled]:
    """Add the flows that each hall of a site needs, and judge them."""
    heats = heat(groups)
    for hall in here.site.halls:
        if hall.name in heats:
            hottest = max(rack_watts(one.shape.system, one.machines) for one in groups if one.shape.hall.name == hall.name)
            yield _hall(sheet, here, hall, heats[hall.name], hottest)


def _hall(sheet: Sheet, here: Here, hall: Hall, watts: int, hottest: int) -> Cooled:
    """Add and judge one hall."""
    name, cooling = f"hall.{hall.name}", hall.cooling
    sheet.plan(f"{name}.heat", watts, "W", "what its compute racks draw at the peak")
    sheet.plan(f"{name}.rise", cooling.temperature_rise.count / 10, "K", "as described")
    share = 0.0 if cooling.kind == "air" else 1.0
    if cooling.kind == "hybrid":
        sheet.figure(f"{name}.liquid-share", figure("engineering", "liquid-share"))
    else:
        sheet.plan(f"{name}.liquid-share", share, "1", f"{cooling.kind} cooling")
    both = (f"{name}.heat", f"{name}.liquid-share", f"{name}.rise")
    sheet.derive(
        f"{name}.air", "m3/h", "heat x (1 - liquid share) / (1,206 J x rise)", lambda w, part, rise: air_flow(w * (1 - part), rise), *both
    )
    warmer = f"{name}.rise"
    if cooling.coolant is not None:
        warmer = sheet.plan(f"{name}.coolant-rise", cooling.coolant.rise / 10, "K", "coolant's return less its supply, as described")
    _coolant(sheet, name, f"{name}.heat", warmer)
    needs: list[str] = []
    verdicts: list[bool] = []
    told: list[str] = []
    if cooling.kind in ("air", "hybrid"):
        _moved(sheet, name, hall, verdicts, told, needs)
    if cooling.kind in LIQUID:
        if cooling.cdu_capacity:
            liquid = watts * (sheet.value(f"{name}.liquid-share") or 0.0)
            verdicts.append(liquid <= cooling.cdu_capacity.count)
            told.append(f"{liquid:,.0f} W into the coolant, and its distribution units take {cooling.cdu_capacity}")
        have = _flow(sheet, name, cooling)
        if have is not None or not cooling.cdu_capacity:
            _judge(sheet, f"{name}.coolant", have, "litres of coolant a minute", f"{name}.coolant-have", verdicts, told, needs)
        if cooling.coolant is not None and cooling.coolant.rack_flow is not None:
            sheet.plan(f"{name}.rack-heat", hottest, "W", "what its hottest rack draws at the peak")
            need = _coolant(sheet, name, f"{name}.rack-heat", warmer, "rack-coolant")
            have = cooling.coolant.rack_flow.litres_per_minute
            _judge(sheet, need, have, "litres of coolant a minute through the hottest rack", "", verdicts, told, needs)
    holds = False if not all(verdicts) else None if needs else True
    return Cooled(here.site.name, hall.name, cooling.kind, holds, "; ".join(told), tuple(needs))


def _coolant(sheet: Sheet, name: str, heat_: str, rise: str, what: str = "coolant") -> str:
    """Add the coolant that some heat needs; give its name."""
    formula = "heat x liquid share / (4,182 J x 0.998 x rise)"
    inputs = (heat_, f"{name}.liquid-share", rise)
    return sheet.derive(f"{name}.{what}", "L/min", formula, lambda w, part, by: coolant_flow(w * part, by), *inputs)


def _flow(sheet: Sheet, name: str, cooling: Cooling) -> float | None:
    """Add the coolant that there is, as described or as the user says; give it."""
    if cooling.coolant is not None:
        sheet.plan(f"{name}.coolant-have", cooling.coolant.flow.litres_per_minute, "L/min", "all loops of the hall together, as described")
    else:
        asked = "What coolant flow do the coolant distribution units or rear doors give, in litres a minute?"
        sheet.ask(f"{name}.coolant-have", "L/min", asked)
    return sheet.value(f"{name}.coolant-have")


def _moved(sheet: Sheet, name: str, hall: Hall, verdicts: list[bool], told: list[str], needs: list[str]) -> None:
    """Hold the air that the fans move against what machines need and what bypasses them."""
    contained = "open" if hall.cooling.containment == "none" else "contained"
    lost = sheet.figure(f"{name}.bypass", figure("engineering", f"bypass.{contained}"))
    sheet.derive(f"{name}.fans", "m3/h", "air that machines need / (1 - bypass)", lambda air, part: air / (1 - part), f"{name}.air", lost)
    have = hall.cooling.airflow.count if hall.cooling.airflow else None
    least, most = ((sheet.value(f"{name}.air") or 0.0) / (1 - end) for end in sheet.ends(lost))
    if have is None or not least <= have < most:
        _judge(sheet, f"{name}.fans", have, "m3/h of air", f"airflow of hall {hall.name}", verdicts, told, needs)
        return
    needs.append(lost)
    told.append(f"the fans move {have:,} m3/h, and {least:,.0f} to {most:,.0f} are needed, by how much of it bypasses the machines")


def _judge(
    sheet: Sheet, name: str, have: float | None, what: str, missing: str, verdicts: list[bool], told: list[str], needs: list[str]
) -> None:
    """Hold a flow that is needed against the flow that is there."""
    need = sheet.value(name) or 0.0
    if have is None:
        needs.append(missing)
        told.append(f"{need:,.0f} {what} are needed, and what there is is not described")
        return
    verdicts.append(need <= have)
    told.append(f"{need:,.0f} {what} are needed, and there are {have:,.0f}")
