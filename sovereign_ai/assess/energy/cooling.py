"""Whether a hall carries its heat away, from flow and temperature rise: air, rear doors and liquid.

    flow = P / (density x heat capacity x rise)

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
from sovereign_ai.plan.cooling import HEAT_OF_AIR, heat
from sovereign_ai.plan.loads import RackGroup
from sovereign_ai.spec.site import Hall

HEAT_OF_WATER = 4_182
"""Joules that a kilogram of water takes for each kelvin, at 20 degrees."""
_LITRE = 0.998
"""Kilograms of water in a litre, at 20 degrees."""
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
    return watts * 60 / (HEAT_OF_WATER * _LITRE * rise)


def add_cooling(sheet: Sheet, here: Here, groups: Sequence[RackGroup]) -> Iterator[Cooled]:
    """Add the flows that each hall of a site needs, and judge them."""
    heats = heat(groups)
    for hall in here.site.halls:
        if hall.name in heats:
            yield _hall(sheet, here, hall, heats[hall.name])


def _hall(sheet: Sheet, here: Here, hall: Hall, watts: int) -> Cooled:
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
    sheet.derive(
        f"{name}.coolant",
        "L/min",
        "heat x liquid share / (4,182 J x 0.998 x rise)",
        lambda w, part, rise: coolant_flow(w * part, rise),
        *both,
    )
    needs: list[str] = []
    verdicts: list[bool] = []
    told: list[str] = []
    if cooling.kind in ("air", "hybrid"):
        _moved(sheet, name, hall, verdicts, told, needs)
    if cooling.kind in LIQUID:
        sheet.ask(
            f"{name}.coolant-have", "L/min", "What coolant flow do the coolant distribution units or rear doors give, in litres a minute?"
        )
        have = sheet.value(f"{name}.coolant-have")
        if have is None and cooling.cdu_capacity:
            liquid = watts * (sheet.value(f"{name}.liquid-share") or 0.0)
            verdicts.append(liquid <= cooling.cdu_capacity.count)
            told.append(f"{liquid:,.0f} W into the coolant, and its distribution units take {cooling.cdu_capacity}")
        else:
            _judge(sheet, f"{name}.coolant", have, "litres of coolant a minute", f"{name}.coolant-have", verdicts, told, needs)
    holds = False if not all(verdicts) else None if needs else True
    return Cooled(here.site.name, hall.name, cooling.kind, holds, "; ".join(told), tuple(needs))


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
