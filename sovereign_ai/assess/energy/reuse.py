"""Reused heat: E_REUSE, ERF and the temperature of waste heat, from the description or from the user.

    E_REUSE = sum over buyers of a year's energy, or of mean power x 8,766 h;  ERF = E_REUSE / E_DC.

Heat that a buyer measured or contracted counts as described. Planned heat may come to nothing: it is counted
in full, with a range that starts without it. Without any described buyer the amount is not 0: the user is
asked for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sovereign_ai.assess.energy.power import SiteEquipment
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.spec import HeatReuse
from sovereign_ai.spec.checks import reused_heat


def add_reuse(sheet: Sheet, equipment: SiteEquipment) -> None:
    """Add `site.<name>.e-reuse`, `.erf` and `.waste-heat` to a site that has its yearly energy."""
    name = f"site.{equipment.name}"
    _energy(sheet, f"{name}.e-reuse", equipment.site.heat_reuse)
    parts = (f"{name}.e-reuse", f"{name}.e-dc")
    sheet.derive(f"{name}.erf", "1", "E_REUSE / E_DC", lambda reuse, energy: reuse / energy, *parts)
    _temperature(sheet, f"{name}.waste-heat", equipment)


def _energy(sheet: Sheet, name: str, buyers: Sequence[HeatReuse]) -> None:
    """Add the heat that buyers use over a year."""
    if not buyers:
        sheet.ask(name, "kWh", "How much heat is given to others over a year?")
        return
    # Descriptions count energy in watt-hours.
    whole = sum(map(reused_heat, buyers)) / 1000
    sure = sum(reused_heat(buyer) for buyer in buyers if buyer.evidence != "planned") / 1000
    why = f"as described: {', '.join(_amount(buyer) for buyer in buyers)}"
    if sure < whole:
        sheet.estimate(name, whole, "kWh", sure, whole, f"{why}; what is only planned may come to nothing")
    else:
        sheet.plan(name, whole, "kWh", why)


def _amount(buyer: HeatReuse) -> str:
    """Return the heat that one buyer uses, in words."""
    amount = buyer.energy if buyer.energy is not None else f"{buyer.power} on the mean"
    return f"{amount} to {buyer.buyer} ({buyer.evidence})"


def _temperature(sheet: Sheet, name: str, equipment: SiteEquipment) -> None:
    """Add the temperature of waste heat.

    It is the temperature at which buyers receive it, or else that of the coolant that leaves the racks of the
    hall with the most heat.
    """
    energies: list[int] = []
    weighted: list[float] = []
    for buyer in equipment.site.heat_reuse:
        if buyer.temperature is not None:
            energies.append(reused_heat(buyer))
            weighted.append(reused_heat(buyer) * (buyer.temperature.count / 10))
    energy = sum(energies)
    loop = equipment.hottest.cooling.coolant
    # A mean over some buyers would pass for that of all, so it needs the temperature of each.
    if energy and len(energies) == len(equipment.site.heat_reuse):
        why = "where it is handed over, as described; a mean over buyers by energy"
        sheet.plan(name, round(sum(weighted) / energy, 3), "degC", why)
    elif loop is not None:
        why = "as coolant leaves the racks of the hall with the most heat, as described"
        sheet.plan(name, loop.back.count / 10, "degC", why)
    else:
        sheet.ask(name, "degC", "How warm is the heat that leaves the machines?")
