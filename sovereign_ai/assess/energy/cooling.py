"""Cooling of a hall: whether air, rear doors and liquid carry its heat away, from flow and temperature rise.

    flow = P / (density x heat capacity x rise)

The coolant's rise and flow are those of the hall's `coolant` where it is described. Otherwise the rise is
that of the hall, and the user is asked for the flow. A rack whose connection gives less than its heat needs
is too hot, however much the whole hall moves.

Air takes 1,206 J a cubic metre and kelvin (dry, 20 degrees, sea level); water 4,182 J a kilogram and kelvin
at 0.998 kg a litre. The 1.5 litres a minute and kilowatt at 10 kelvin of the Open Compute Project compare
with 1.44 of pure water. A rule of thumb in kilowatts a rack decides nothing.

Not all air that the fans move passes servers. The air that bypasses them carries nothing, so the fans must
move flow / (1 - bypass). Containment keeps that share small. Air that is enough only at one end of its range
leaves the hall open.

    >>> round(coolant_flow(1_000, 10), 2)
    1.44
    >>> round(air_flow(40_800, 12))
    10149
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

from sovereign_ai.assess.energy.power import SiteEquipment
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog.parts import part
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Rack
from sovereign_ai.plan.power import GRAMS_OF_WATER, HEAT_OF_AIR, HEAT_OF_WATER, needed_for
from sovereign_ai.spec import Cooling, DistributionUnits, Hall
from sovereign_ai.text import counted

LIQUID = ("rear-door", "liquid", "hybrid")


@frozen_dataclass
class Cooled:
    """The verdict on the cooling of one hall.

    Attributes:
        site: the site.
        hall: the hall.
        kind: its cooling.
        holds: whether flow and rise carry the heat; None where a missing figure leaves it open.
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
        """Return plain data."""
        data = asdict(self)
        data["needs"] = list(self.needs)
        return data


@dataclass(slots=True)
class _Verdict:
    """What the judgement of one hall has come to so far.

    Attributes:
        results: whether each compared flow is enough.
        sentences: each comparison in words.
        needs: the figures that are missing.
    """

    results: list[bool] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool | None:
        """Whether the hall is cooled; None where a missing figure leaves it open."""
        if not all(self.results):
            return False
        return None if self.needs else True

    def compare(self, need: float, have: float | None, what: str, missing: str) -> None:
        """Compare a flow that is needed with the described one.

        Args:
            need: the flow that is needed.
            have: the flow that there is; None if it is not described.
            what: unit and noun, as in a sentence.
            missing: the figure to ask for where the flow is not described.
        """
        if have is None:
            self.needs.append(missing)
            self.sentences.append(f"{need:,.0f} {what} are needed, and what there is is not described")
            return
        self.results.append(need <= have)
        self.sentences.append(f"{need:,.0f} {what} are needed, and there are {have:,.0f}")


def air_flow(watts: float, rise: float) -> float:
    """Return the cubic metres of air an hour that carry some watts away at a rise in kelvin."""
    return watts * 3600 / (HEAT_OF_AIR * rise)


def _mixed_air_flow(watts: float, more: float, liquid: float, rise: float) -> float:
    """Return the air for what liquid does not carry of some watts, and for more that it never does."""
    in_air = watts * (1 - liquid)
    return air_flow(in_air + more, rise)


def coolant_flow(watts: float, rise: float) -> float:
    """Return the litres of water a minute that carry some watts away at a rise in kelvin."""
    return watts * 60 / (HEAT_OF_WATER * GRAMS_OF_WATER / 1000 * rise)


def add_cooling(sheet: Sheet, equipment: SiteEquipment, racks: Sequence[Rack]) -> Iterator[Cooled]:
    """Add the flows that each hall of a site needs, and yield whether it has them.

    Args:
        sheet: the sheet.
        equipment: the site's.
        racks: every rack of the plan: of machines, of switches and of storage servers.
    """
    for hall in equipment.site.halls:
        standing = [rack for rack in racks if rack.hall == hall.name]
        if sum(rack.power for rack in standing):
            yield _hall(sheet, equipment.name, hall, standing)


def _hall(sheet: Sheet, site: str, hall: Hall, racks: Sequence[Rack]) -> Cooled:
    """Add the flows of one hall, and return whether it has them.

    Args:
        sheet: the sheet.
        site: the site's name.
        hall: the hall.
        racks: the racks in it.
    """
    name, cooling = f"hall.{hall.name}", hall.cooling
    machines = support = hottest = 0
    for rack in racks:
        # Cold plates cool machines alone; a rear door or a cabinet of coolant takes the heat of any rack.
        is_air_cooled = cooling.kind == "hybrid" and rack.kind != "compute"
        if rack.kind == "compute":
            machines += rack.power
        else:
            support += rack.power
        if not is_air_cooled:
            hottest = max(hottest, rack.power)
    watts = machines if cooling.kind == "hybrid" else machines + support
    _flows(sheet, name, cooling, machines, support)
    verdict = _Verdict()
    if cooling.kind in ("air", "hybrid"):
        _fans(sheet, name, hall, verdict)
    if cooling.kind in LIQUID:
        _liquid(sheet, name, cooling, watts, verdict)
        _hottest_rack(sheet, name, cooling, hottest, verdict)
    sentences = "; ".join(verdict.sentences)
    return Cooled(site, hall.name, cooling.kind, verdict.holds, sentences, tuple(verdict.needs))


def _flows(sheet: Sheet, name: str, cooling: Cooling, machines: int, support: int) -> None:
    """Add the air and the coolant that carry a hall's heat.

    Args:
        sheet: the sheet.
        name: the hall's name on it.
        cooling: the hall's cooling.
        machines: the heat of its racks of machines, in watts.
        support: the heat of its racks of switches and storage servers, in watts.
    """
    heat_name, rise, share = f"{name}.heat", f"{name}.rise", f"{name}.liquid-share"
    by_air = f"{name}.support-heat"
    if cooling.kind == "hybrid":
        sheet.plan(heat_name, machines, "W", "what its racks of machines draw at the peak")
        sheet.plan(by_air, support, "W", "what its switches and storage servers draw, which air cools")
    else:
        why = "what its racks draw at the peak, switches and storage servers included"
        sheet.plan(heat_name, machines + support, "W", why)
    # Descriptions count temperatures in tenths of a kelvin.
    sheet.plan(rise, cooling.temperature_rise.count / 10, "K", "as described")
    if cooling.kind == "hybrid":
        sheet.figure(share, figure("engineering", "liquid-share"))
    else:
        sheet.plan(share, 0.0 if cooling.kind == "air" else 1.0, "1", f"{cooling.kind} cooling")
    if cooling.kind == "hybrid":
        formula = "(heat x (1 - liquid share) + heat of switches and storage) / (1,206 J x rise)"
        sheet.derive(f"{name}.air", "m3/h", formula, _mixed_air_flow, heat_name, by_air, share, rise)
    else:
        formula = "heat x (1 - liquid share) / (1,206 J x rise)"
        work = lambda w, part, kelvin: air_flow(w * (1 - part), kelvin)  # noqa: E731 - the formula, used once
        sheet.derive(f"{name}.air", "m3/h", formula, work, heat_name, share, rise)
    if cooling.coolant is not None:
        why = "coolant's return less its supply, as described"
        sheet.plan(_coolant_rise(name, cooling), cooling.coolant.rise / 10, "K", why)
    _coolant(sheet, f"{name}.coolant", heat_name, share, _coolant_rise(name, cooling))


def _coolant_rise(name: str, cooling: Cooling) -> str:
    """Return the name of the coolant's temperature rise.

    It is the hall's where the coolant is not described.
    """
    return f"{name}.rise" if cooling.coolant is None else f"{name}.coolant-rise"


def _coolant(sheet: Sheet, name: str, *inputs: str) -> str:
    """Add the coolant that some heat needs, and return its name.

    Args:
        sheet: the sheet.
        name: the name of the flow.
        inputs: names of the heat, the liquid share and the temperature rise.
    """
    formula = "heat x liquid share / (4,182 J x 0.998 x rise)"
    work = lambda w, part, kelvin: coolant_flow(w * part, kelvin)  # noqa: E731 - the formula, used once
    return sheet.derive(name, "L/min", formula, work, *inputs)


def _liquid(sheet: Sheet, name: str, cooling: Cooling, watts: int, verdict: _Verdict) -> None:
    """Compare a hall's coolant with the capacity and the flow of its coolant distribution units."""
    capacity = cooling.cdu_capacity
    if capacity:
        liquid = watts * (sheet.value(f"{name}.liquid-share") or 0.0)
        verdict.results.append(liquid <= capacity.count)
        words = f"{liquid:,.0f} W into the coolant, and its distribution units take {capacity}"
        verdict.sentences.append(words)
    if cooling.cdus is not None:
        verdict.sentences.append(_units(sheet, name, cooling.cdus))
    have = _flow(sheet, f"{name}.coolant-have", cooling)
    # A described capacity decides by itself, so the flow is asked for only without one.
    is_decided = capacity is not None or cooling.cdus is not None
    if have is not None or not is_decided:
        need = sheet.value(f"{name}.coolant") or 0.0
        verdict.compare(need, have, "litres of coolant a minute", f"{name}.coolant-have")


def _units(sheet: Sheet, name: str, cdus: DistributionUnits) -> str:
    """Add the distribution units that a hall's heat needs, over the range of their rating, in words.

    The plan installs as many as the most of them, so that they decide nothing here.
    """
    row = part(cdus.unit)
    rating = row.source_of("rating")
    scale = 1000 if rating is not None and rating.unit == "kW" else 1
    each = sheet.figure(f"{name}.cdu-rating", rating, unit="W", scale=scale)

    def count(watts: float, share: float, most: float) -> float:
        return cdus.loops * needed_for(Fraction(watts * share) / cdus.loops, int(most), cdus.redundancy)

    loops = counted(cdus.loops, "loop") if cdus.loops > 1 else "one loop"
    formula = f"heat x liquid share / rating, rounded up for each loop ({loops}), with {cdus.redundancy}"
    share = f"{name}.liquid-share"
    sheet.derive(f"{name}.cdus", "units", formula, count, f"{name}.heat", share, each)
    watts = sheet.value(f"{name}.heat") or 0.0
    low = count(watts, sheet.ends(share)[0], sheet.ends(each)[1])
    high = count(watts, sheet.ends(share)[1], sheet.ends(each)[0])
    number = f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"
    return f"{number} {row.name} in {loops} are needed ({cdus.redundancy} in each)"


def _hottest_rack(sheet: Sheet, name: str, cooling: Cooling, watts: int, verdict: _Verdict) -> None:
    """Compare the coolant that the hottest rack needs with the flow of one rack's connection."""
    if cooling.coolant is None or cooling.coolant.rack_flow is None:
        return
    rack_heat = sheet.plan(f"{name}.rack-heat", watts, "W", "what its hottest rack draws at the peak")
    inputs = (rack_heat, f"{name}.liquid-share", _coolant_rise(name, cooling))
    need = sheet.value(_coolant(sheet, f"{name}.rack-coolant", *inputs)) or 0.0
    have = cooling.coolant.rack_flow.litres_per_minute
    verdict.compare(need, have, "litres of coolant a minute through the hottest rack", "")


def _flow(sheet: Sheet, name: str, cooling: Cooling) -> float | None:
    """Add the coolant flow that there is, as described or as the user gives it, and return it."""
    if cooling.coolant is not None:
        flow = cooling.coolant.flow.litres_per_minute
        sheet.plan(name, flow, "L/min", "all loops of the hall together, as described")
    else:
        question = (
            "What coolant flow do the coolant distribution units or rear doors give, in litres a minute?"
        )
        sheet.ask(name, "L/min", question)
    return sheet.value(name)


def _fans(sheet: Sheet, name: str, hall: Hall, verdict: _Verdict) -> None:
    """Compare the air that the fans move with the air that servers need and the air that bypasses them."""
    contained = "open" if hall.cooling.containment == "none" else "contained"
    bypass = sheet.figure(f"{name}.bypass", figure("engineering", f"bypass.{contained}"))
    air, fans = f"{name}.air", f"{name}.fans"
    work = lambda flow, part: flow / (1 - part)  # noqa: E731 - the formula, used once
    sheet.derive(fans, "m3/h", "air that machines need / (1 - bypass)", work, air, bypass)
    have = hall.cooling.airflow.count if hall.cooling.airflow else None
    needed = sheet.value(air) or 0.0
    low_bypass, high_bypass = sheet.ends(bypass)
    least, most = needed / (1 - low_bypass), needed / (1 - high_bypass)
    if have is None or not least <= have < most:
        verdict.compare(sheet.value(fans) or 0.0, have, "m3/h of air", f"airflow of hall {hall.name}")
        return
    # Enough air at one end of the range of the bypass and too little at the other.
    verdict.needs.append(bypass)
    verdict.sentences.append(
        f"the fans move {have:,} m3/h, and {least:,.0f} to {most:,.0f} are needed, "
        "by how much of it bypasses the machines"
    )
