"""Heat that others use: E_REUSE, ERF and the temperature of waste heat, from the description or from the user.

    E_REUSE = sum over buyers of a year's energy, or of mean power x 8,766 h;  ERF = E_REUSE / E_DC.

What a buyer measured or contracted counts as described. What is only planned may come to nothing: it is
counted whole, with a range that starts without it. Nothing described is no zero: it is asked for.
"""

from __future__ import annotations

from sovereign_ai.assess.energy.power import Here
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.spec.checks.heat import reused
from sovereign_ai.spec.site import HeatReuse


def add_reuse(sheet: Sheet, here: Here) -> None:
    """Add `site.<name>.e-reuse`, `.erf` and `.waste-heat` to a site that has its yearly energy."""
    name = f"site.{here.site.name}"
    buyers = here.site.heat_reuse
    if buyers:
        whole = sum(map(reused, buyers)) / 1000
        sure = sum(reused(one) for one in buyers if one.evidence != "planned") / 1000
        why = f"as described: {', '.join(_told(one) for one in buyers)}"
        if sure < whole:
            sheet.estimate(f"{name}.e-reuse", whole, "kWh", sure, whole, f"{why}; what is only planned may come to nothing")
        else:
            sheet.plan(f"{name}.e-reuse", whole, "kWh", why)
    else:
        sheet.ask(f"{name}.e-reuse", "kWh", "How much heat is given to others over a year?")
    sheet.derive(f"{name}.erf", "1", "E_REUSE / E_DC", lambda reuse, all_: reuse / all_, f"{name}.e-reuse", f"{name}.e-dc")
    _temperature(sheet, here, name)


def _told(one: HeatReuse) -> str:
    """Say what one buyer takes."""
    amount = one.energy if one.energy is not None else f"{one.power} on the mean"
    return f"{amount} to {one.buyer} ({one.evidence})"


def _temperature(sheet: Sheet, here: Here, name: str) -> None:
    """Add the temperature of waste heat: as handed over, else as the coolant leaves the racks of the hall with the most heat."""
    warm = [(reused(one), one.temperature.count / 10) for one in here.site.heat_reuse if one.temperature is not None]
    whole = sum(energy for energy, _ in warm)
    loop = here.hottest.cooling.coolant
    if warm and len(warm) == len(here.site.heat_reuse) and whole:
        mean = sum(energy * degrees for energy, degrees in warm) / whole
        sheet.plan(f"{name}.waste-heat", round(mean, 3), "degC", "where it is handed over, as described; a mean over buyers by energy")
    elif loop is not None:
        sheet.plan(
            f"{name}.waste-heat", loop.back.count / 10, "degC", "as coolant leaves the racks of the hall with the most heat, as described"
        )
    else:
        sheet.ask(f"{name}.waste-heat", "degC", "How warm is the heat that leaves the machines?")
