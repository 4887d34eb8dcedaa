"""The KPI file of a site: the indicators of the European database of datacenters, as far as they are known.

Field names follow the symbols of Delegated Regulation (EU) 2024/1364, Annexes I to III. A field without a
value lists what is missing. Energy is calculated for a year ahead; what is reported must be measured.
"""

from __future__ import annotations

from typing import Any

from sovereign_ai.assess.energy.power import SiteEquipment
from sovereign_ai.assess.measure import Measure
from sovereign_ai.plan import Plan

# Symbol to the measure's name after `site.<name>.`, the unit of the database, and the factor to that unit.
_CALCULATED = {
    "PD_IT": ("it.peak", "kW", 0.001),
    "E_DC": ("e-dc", "kWh", 1.0),
    "E_IT": ("e-it", "kWh", 1.0),
    "E_REUSE": ("e-reuse", "kWh", 1.0),
    "PUE": ("pue", "1", 1.0),
    "WUE": ("wue", "L/kWh", 1.0),
    "ERF": ("erf", "1", 1.0),
    "REF": ("ref", "1", 1.0),
    "T_IN": ("supply", "degC", 1.0),
    "T_WH": ("waste-heat", "degC", 1.0),
}
# Nothing in a description gives these: somebody must measure them.
_MEASURED = {
    "S_DC": "m2",
    "S_CR": "m2",
    "W_IN": "m3",
    "W_IN-POT": "m3",
    "CDD": "K d",
    "E_RES-TOT": "kWh",
    "E_RES-GOO": "kWh",
    "E_RES-PPA": "kWh",
    "E_RES-OS": "kWh",
    "C_SERV": "1",
}


def kpi_file(equipment: SiteEquipment, plan: Plan, measures: dict[str, Measure]) -> dict[str, Any]:
    """Return one site's report: each symbol with value, unit, basis, and what is missing."""
    fields: dict[str, Any] = {}
    for symbol, (suffix, unit, scale) in _CALCULATED.items():
        measure = measures[f"site.{equipment.name}.{suffix}"]
        # Cut to six digits: a float times a scale would end in a tail of them.
        value = None if measure.value is None else float(f"{measure.value * scale:.6g}")
        fields[symbol] = _field(value, unit, str(measure.basis), measure.id, list(measure.needs))
    for symbol, unit in _MEASURED.items():
        fields[symbol] = _field(None, unit, "open", "", [f"{symbol}, measured"])
    storage = sum(tier.capacity for tier in plan.storage if tier.site == equipment.name)
    fields["C_STOR"] = _field(storage / 1e15, "PB", "plan", "", [])
    return {
        "site": equipment.name,
        "country": equipment.site.country,
        "fields": dict(sorted(fields.items())),
    }


def _field(value: float | None, unit: str, basis: str, measure: str, needs: list[str]) -> dict[str, Any]:
    """Return one field of the report."""
    return {"value": value, "unit": unit, "basis": basis, "measure": measure, "needs": needs}
