"""The figures that the European database asks for, as far as they are known (Delegated Regulation (EU) 2024/1364, Annexes I to III).

Field names follow the regulation's symbols. A field without a value says what is missing; energy here is
calculated for a year ahead, and what is reported must be measured.
"""

from __future__ import annotations

from typing import Any

from sovereign_ai.assess.energy.power import Here
from sovereign_ai.assess.measure import Measure
from sovereign_ai.plan.factory import Plan

_FROM = {
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
_ASKED = {
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


def kpi_file(here: Here, plan: Plan, measures: dict[str, Measure]) -> dict[str, Any]:
    """Give one site's report: symbol to value, unit, and what is missing."""
    fields: dict[str, Any] = {}
    for symbol, (suffix, unit, scale) in _FROM.items():
        found = measures[f"site.{here.site.name}.{suffix}"]
        value = None if found.value is None else float(f"{found.value * scale:.6g}")
        fields[symbol] = {"value": value, "unit": unit, "basis": str(found.basis), "measure": found.id, "needs": list(found.needs)}
    for symbol, unit in _ASKED.items():
        fields[symbol] = {"value": None, "unit": unit, "basis": "open", "measure": "", "needs": [f"{symbol}, measured"]}
    storage = sum(tier.capacity for tier in plan.storage if tier.site == here.site.name)
    fields["C_STOR"] = {"value": storage / 1e15, "unit": "PB", "basis": "plan", "measure": "", "needs": []}
    return {"site": here.site.name, "country": here.site.country, "fields": dict(sorted(fields.items()))}
