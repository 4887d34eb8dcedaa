"""The electricity mix of a site by yearly means: its renewable factor, and the emissions of a kilowatt-hour.

A contract gives its power times a capacity factor. Renewables are counted first, nuclear next, then the
others. Nuclear is low in carbon and not renewable: it lowers CUE, never REF. Yearly means do not describe
single hours; `balance.py` compares hourly series.
"""

from __future__ import annotations

from sovereign_ai.assess.energy.balance import ORDER, RENEWABLE
from sovereign_ai.assess.energy.power import SiteEquipment
from sovereign_ai.assess.sheet import Sheet, weighted_sum
from sovereign_ai.assess.sources import figure, figures
from sovereign_ai.spec import GridContract

_UNKNOWN_MIX = (
    "which share of the mix guarantees make renewable is not stated: counted as none, and it could be all"
)
_GROUPS = {
    "renewable": RENEWABLE,
    "nuclear": frozenset({"nuclear"}),
    # A store gives back what others gave it, so it is no source of its own.
    "other": frozenset(ORDER) - RENEWABLE - {"nuclear", "storage"},
}


def add_supply(sheet: Sheet, equipment: SiteEquipment) -> None:
    """Add the yearly mix by means: shares of renewables and nuclear, the uncovered rest, and REF."""
    name, site = f"site.{equipment.name}", equipment.site
    load, parts = f"{name}.load", (f"{name}.e-dc", "hours")
    sheet.derive(load, "W", "E_DC / hours", lambda energy, hours: energy * 1000 / hours, *parts)
    for group, kinds in _GROUPS.items():
        contracts = []
        for contract in site.contracts:
            if contract.source in kinds:
                contracts.append(contract)
        outputs = [_contract(sheet, site.name, contract) for contract in contracts]
        formula = "sum over contracts of power x capacity factor"
        sheet.derive(f"{name}.supply.{group}", "W", formula, lambda *watts: sum(watts), *outputs)
    order = (f"{name}.supply.renewable", f"{name}.supply.nuclear", f"{name}.supply.other", load)
    note = "no contract is described"
    if site.contracts:
        note = "by yearly means: in single hours it can be less; give hourly series for that"
    renewable, nuclear = f"{name}.share.renewable", f"{name}.share.nuclear"
    sheet.derive(renewable, "1", "min(renewable, load) / load", _first, *order, note=note)
    sheet.derive(nuclear, "1", "min(nuclear, load - renewable) / load", _second, *order, note=note)
    if site.contracts:
        formula = "1 - all contracts / load, at least 0"
        sheet.derive(f"{name}.share.uncovered", "1", formula, _uncovered, *order)
    _add_ref(sheet, equipment, (renewable, nuclear, load))


def _add_ref(sheet: Sheet, equipment: SiteEquipment, shares_and_load: tuple[str, str, str]) -> None:
    """Add the renewable factor: renewable contracts, and the renewable share of mixes.

    Args:
        sheet: the sheet.
        equipment: the site.
        shares_and_load: names of the renewable share, the nuclear share and the load.
    """
    name, site = f"site.{equipment.name}", equipment.site
    powers: list[str] = []
    shares: list[str] = []
    for contract in site.contracts:
        if contract.source in ("mixed", "grid"):
            powers.append(f"{contract_name(site.name, contract)}.mean")
            shares.append(_guaranteed(sheet, site.name, contract))
    if not site.contracts:
        # Without a contract all of the load is a mix of unknown origin.
        powers = [f"{name}.load"]
        shares = [sheet.estimate(f"{name}.renewable-share", 0.0, "1", 0.0, 1.0, _UNKNOWN_MIX)]
    formula = (
        "E_RES / E_DC: renewable share + sum over mixes of their power x renewable share / load, at most 1"
    )
    sheet.derive(f"{name}.ref", "1", formula, _ref, *shares_and_load, *powers, *shares)


def contract_name(site: str, contract: GridContract) -> str:
    """Return the prefix of a contract's measures.

    It has the site's name, since two sites may use one contract name.
    """
    return f"contract.{site}.{contract.name}"


def _guaranteed(sheet: Sheet, site: str, contract: GridContract) -> str:
    """Add the share of a mix that guarantees of origin make renewable."""
    name = f"{contract_name(site, contract)}.renewable-share"
    if contract.renewable is None:
        return sheet.estimate(name, 0.0, "1", 0.0, 1.0, _UNKNOWN_MIX)
    share = contract.renewable.count / 10_000
    return sheet.plan(name, share, "1", "by guarantees of origin, as described")


def _first(green: float, _nuclear: float, _other: float, load: float) -> float:
    """Return the renewable share of the load."""
    return min(green / load, 1.0)


def _second(green: float, nuclear: float, _other: float, load: float) -> float:
    """Return nuclear's share of the load after renewables."""
    return min(max(1 - green / load, 0.0), nuclear / load)


def _uncovered(green: float, nuclear: float, other: float, load: float) -> float:
    """Return the share of the load that no contract covers."""
    return max(1 - sum((green, nuclear, other)) / load, 0.0)


def _ref(green: float, nuclear: float, load: float, *rest: float) -> float:
    """Return the renewable factor.

    Mixes add at most what renewables and nuclear leave of the load.

    Args:
        green: renewable share of the load.
        nuclear: nuclear share of the load.
        load: watts.
        rest: the power of each mix in watts, then the renewable share of each.
    """
    half = len(rest) // 2
    powers, shares = rest[:half], rest[half:]
    left = max(1 - green - nuclear, 0.0)
    power = sum(powers)
    # Contracts may give more than is left: then each mix counts for its part of what is left.
    scale = min(1.0, left * load / power) if power else 0.0
    renewable = weighted_sum(powers, shares)
    return min(green + scale * renewable / load, 1.0)


def _contract(sheet: Sheet, site: str, contract: GridContract) -> str:
    """Add one contract's mean output."""
    name = contract_name(site, contract)
    power = sheet.plan(f"{name}.power", contract.power.count, "W", "as described")
    factor = f"capacity.{contract.source}"
    if factor in figures("engineering"):
        sheet.figure(factor, figure("engineering", factor))
    else:
        why = "a contract on a grid or a mix gives its power at any time"
        factor = sheet.plan("capacity.firm", 1.0, "1", why)
    work = lambda watts, part: watts * part  # noqa: E731 - the formula, used once
    return sheet.derive(f"{name}.mean", "W", "power x capacity factor", work, power, factor)


def add_carbon(sheet: Sheet, equipment: SiteEquipment) -> None:
    """Add the grams that a kilowatt-hour of the site's mix emits, CUE, and the emissions of a year."""
    name, country = f"site.{equipment.name}", equipment.site.country
    sources = {contract.source for contract in equipment.site.contracts}
    grid = sheet.figure(
        f"carbon.grid.{country}",
        figures("emissions").get(f"grid.{country}"),
        unit="g/kWh",
        question=f"How many grams does a kilowatt-hour of the grid of {country} emit?",
    )
    factors: dict[str, str] = {}
    for source in ("wind", "solar", "hydro", "nuclear", "gas"):
        factors[source] = sheet.figure(f"carbon.{source}", figure("emissions", f"life-cycle.{source}"))
    _renewable_carbon(sheet, equipment, factors)
    # A site that buys gas and nothing from a grid burns gas for the rest of its load too.
    burns_gas = "gas" in sources and not sources & {"grid", "mixed"}
    rest = "gas" if burns_gas else "the country's grid"
    carbon, energy = f"{name}.carbon", f"{name}.e-dc"
    sheet.derive(
        carbon,
        "g/kWh",
        f"renewable share x theirs + nuclear share x its + rest x {rest}",
        _intensity,
        f"{name}.share.renewable",
        f"{name}.share.nuclear",
        f"{name}.carbon.renewable",
        factors["nuclear"],
        factors["gas"] if burns_gas else grid,
        note="by location and yearly means; certificates alone change nothing here",
    )
    cue = lambda pue, grams: pue * grams / 1000  # noqa: E731 - the formula, used once
    sheet.derive(f"{name}.cue", "kg/kWh", "PUE x grams / 1,000", cue, f"{name}.pue", carbon)
    tonnes = lambda kwh, grams: kwh * grams / 1e6  # noqa: E731 - the formula, used once
    sheet.derive(f"{name}.emissions", "t", "E_DC x grams / 10^6", tonnes, energy, carbon)


def _renewable_carbon(sheet: Sheet, equipment: SiteEquipment, factors: dict[str, str]) -> None:
    """Add the grams that a kilowatt-hour of the site's renewable contracts emits.

    Args:
        sheet: the sheet.
        equipment: the site.
        factors: the name of each source's emissions.
    """
    name = f"site.{equipment.name}.carbon.renewable"
    outputs: list[str] = []
    emissions: list[str] = []
    for contract in equipment.site.contracts:
        if contract.source in RENEWABLE:
            outputs.append(f"{contract_name(equipment.name, contract)}.mean")
            emissions.append(factors[contract.source])
    if outputs:
        formula = "mean over renewable contracts, by output"
        sheet.derive(name, "g/kWh", formula, _mean, *outputs, *emissions)
    else:
        sheet.plan(name, 0.0, "g/kWh", "no renewable contract")


def _intensity(green: float, nuclear: float, clean: float, core: float, rest: float) -> float:
    """Return the grams of a kilowatt-hour of the mix.

    Args:
        green: renewable share.
        nuclear: nuclear share.
        clean: grams of a renewable kilowatt-hour.
        core: grams of a nuclear kilowatt-hour.
        rest: grams of any other kilowatt-hour.
    """
    return green * clean + nuclear * core + max(1 - green - nuclear, 0.0) * rest


def _mean(*numbers: float) -> float:
    """Return a mean weighted by output: first all outputs, then the number of each; 0 without any output."""
    half = len(numbers) // 2
    outputs, grams = numbers[:half], numbers[half:]
    whole = sum(outputs)
    if not whole:
        return 0.0
    return weighted_sum(outputs, grams) / whole
