"""A site's mix of electricity by yearly means, its renewable factor, and what a kilowatt-hour emits.

A contract gives its power times a capacity factor; renewables are counted first, nuclear next, then the
rest. Nuclear is low in carbon and not renewable: it lowers CUE, never REF. Hours are another matter: for
those `balance.py` holds series against each other.
"""

from __future__ import annotations

from sovereign_ai.assess.energy.balance import ORDER, RENEWABLE
from sovereign_ai.assess.energy.power import Here
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure, figures
from sovereign_ai.spec.site import GridContract

_UNKNOWN_MIX = "nobody said what share of the mix is renewable by its guarantees: counted as none, and it could be all"


def add_supply(sheet: Sheet, here: Here) -> None:
    """Add the yearly mix by means: shares of renewables and nuclear, the uncovered rest, REF and the intensity of carbon."""
    name = f"site.{here.site.name}"
    sheet.derive(f"{name}.load", "W", "E_DC / hours", lambda energy, hours: energy * 1000 / hours, f"{name}.e-dc", "hours")
    groups = {"renewable": RENEWABLE, "nuclear": frozenset({"nuclear"}), "other": frozenset(ORDER) - RENEWABLE - {"nuclear", "storage"}}
    for group, kinds in groups.items():
        parts = [_contract(sheet, here.site.name, contract) for contract in here.site.contracts if contract.source in kinds]
        sheet.derive(f"{name}.supply.{group}", "W", "sum over contracts of power x capacity factor", lambda *parts_: sum(parts_), *parts)
    order = (f"{name}.supply.renewable", f"{name}.supply.nuclear", f"{name}.supply.other", f"{name}.load")
    described = bool(here.site.contracts)
    note = "by yearly means: in single hours it can be less; give hourly series for that" if described else "no contract is described"
    sheet.derive(
        f"{name}.share.renewable", "1", "min(renewable, load) / load", lambda green, _n, _o, load: min(green / load, 1.0), *order, note=note
    )
    sheet.derive(f"{name}.share.nuclear", "1", "min(nuclear, load - renewable) / load", _second, *order, note=note)
    if described:
        sheet.derive(
            f"{name}.share.uncovered",
            "1",
            "1 - all contracts / load, at least 0",
            lambda *all_: max(1 - sum(all_[:3]) / all_[3], 0.0),
            *order,
        )
    mixed = [one for one in here.site.contracts if one.source in ("mixed", "grid")]
    shares = [_guaranteed(sheet, here.site.name, one) for one in mixed]
    powers = [f"{contract_name(here.site.name, one)}.mean" for one in mixed]
    if not described:
        powers = [f"{name}.load"]
        shares = [sheet.estimate(f"{name}.renewable-share", 0.0, "1", 0.0, 1.0, _UNKNOWN_MIX)]
    sheet.derive(
        f"{name}.ref",
        "1",
        "E_RES / E_DC: renewable share + sum over mixes of their power x renewable share / load, at most 1",
        _ref,
        f"{name}.share.renewable",
        f"{name}.share.nuclear",
        f"{name}.load",
        *powers,
        *shares,
    )


def contract_name(site: str, contract: GridContract) -> str:
    """Name a contract's measures: by its site too, since two sites may call theirs alike."""
    return f"contract.{site}.{contract.name}"


def _guaranteed(sheet: Sheet, site: str, contract: GridContract) -> str:
    """Add the share of a mix that guarantees of origin make renewable."""
    name = f"{contract_name(site, contract)}.renewable-share"
    if contract.renewable is None:
        return sheet.estimate(name, 0.0, "1", 0.0, 1.0, _UNKNOWN_MIX)
    return sheet.plan(name, contract.renewable.count / 10_000, "1", "by guarantees of origin, as described")


def _second(green: float, nuclear: float, _other: float, load: float) -> float:
    """Give nuclear's share after renewables."""
    return min(max(1 - green / load, 0.0), nuclear / load)


def _ref(green: float, nuclear: float, load: float, *rest: float) -> float:
    """Give the renewable factor; what mixes can add is bounded by what renewables and nuclear leave over."""
    half = len(rest) // 2
    left = max(1 - green - nuclear, 0.0)
    power = sum(rest[:half])
    scale = min(1.0, left * load / power) if power else 0.0
    return min(green + scale * sum(mean * share for mean, share in zip(rest[:half], rest[half:], strict=True)) / load, 1.0)


def _contract(sheet: Sheet, site: str, contract: GridContract) -> str:
    """Add one contract's mean output."""
    name = contract_name(site, contract)
    sheet.plan(f"{name}.power", contract.power.count, "W", "as described")
    factor = f"capacity.{contract.source}"
    if factor in figures("engineering"):
        sheet.figure(factor, figure("engineering", factor))
    else:
        factor = sheet.plan("capacity.firm", 1.0, "1", "a contract on a grid or a mix gives its power at any time")
    return sheet.derive(f"{name}.mean", "W", "power x capacity factor", lambda power, part: power * part, f"{name}.power", factor)


def add_carbon(sheet: Sheet, here: Here) -> None:
    """Add grams for a kilowatt-hour of the site's mix, and CUE."""
    name, country = f"site.{here.site.name}", here.site.country
    known = figures("emissions").get(f"grid.{country}")
    grid = sheet.figure(
        f"carbon.grid.{country}", known, unit="g/kWh", question=f"How many grams does a kilowatt-hour of the grid of {country} emit?"
    )
    wind = sheet.figure("carbon.wind", figure("emissions", "life-cycle.wind"))
    sun = sheet.figure("carbon.solar", figure("emissions", "life-cycle.solar"))
    water = sheet.figure("carbon.hydro", figure("emissions", "life-cycle.hydro"))
    nuclear = sheet.figure("carbon.nuclear", figure("emissions", "life-cycle.nuclear"))
    gas = sheet.figure("carbon.gas", figure("emissions", "life-cycle.gas"))
    factors = {"wind": wind, "solar": sun, "hydro": water}
    mine = [one for one in here.site.contracts if one.source in RENEWABLE]
    if mine:
        parts = [f"{contract_name(here.site.name, one)}.mean" for one in mine] + [factors[one.source] for one in mine]
        sheet.derive(f"{name}.carbon.renewable", "g/kWh", "mean over renewable contracts, by output", _mean, *parts)
    else:
        sheet.plan(f"{name}.carbon.renewable", 0.0, "g/kWh", "no renewable contract")
    burnt = any(one.source == "gas" for one in here.site.contracts) and not any(
        one.source in ("grid", "mixed") for one in here.site.contracts
    )
    shares = (f"{name}.share.renewable", f"{name}.share.nuclear")
    sheet.derive(
        f"{name}.carbon",
        "g/kWh",
        "renewable share x theirs + nuclear share x its + rest x " + ("gas" if burnt else "the country's grid"),
        lambda green, atom, clean, core, rest: green * clean + atom * core + max(1 - green - atom, 0.0) * rest,
        *shares,
        f"{name}.carbon.renewable",
        nuclear,
        gas if burnt else grid,
        note="by location and yearly means; certificates alone change nothing here",
    )
    sheet.derive(f"{name}.cue", "kg/kWh", "PUE x grams / 1,000", lambda pue, grams: pue * grams / 1000, f"{name}.pue", f"{name}.carbon")
    sheet.derive(
        f"{name}.emissions", "t", "E_DC x grams / 10^6", lambda energy, grams: energy * grams / 1e6, f"{name}.e-dc", f"{name}.carbon"
    )


def _mean(*numbers: float) -> float:
    """Give a mean weighted by output."""
    half = len(numbers) // 2
    whole = sum(numbers[:half])
    return sum(mean * grams for mean, grams in zip(numbers[:half], numbers[half:], strict=True)) / whole if whole else 0.0
