"""Total cost of ownership by the year: capital with interest, energy, upkeep and staff, also of a GPU-hour.

    yearly capital = capex x r / (1 - (1 + r)^-life)

A total with a missing part has no value and lists the missing figures. The report has beside it the sum of
the known parts, which is marked as a lower bound.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sovereign_ai.assess.cost.prices import PricedPart
from sovereign_ai.assess.energy.power import SiteEquipment
from sovereign_ai.assess.energy.supply import contract_name
from sovereign_ai.assess.sheet import Sheet, weighted_sum
from sovereign_ai.assess.sources import figure, figures
from sovereign_ai.catalog import members
from sovereign_ai.plan import Shape


def annuity(capital: float, rate: float, years: float) -> float:
    """Return the equal yearly payments that pay off some capital with interest.

    >>> round(annuity(1000, 0.0, 5)), round(annuity(1000, 0.10, 5), 1)
    (200, 263.8)
    """
    return capital / years if not rate else capital * rate / (1 - (1 + rate) ** -years)


def add_tco(
    sheet: Sheet, parts: Sequence[PricedPart], sites: Sequence[SiteEquipment], shapes: Sequence[Shape]
) -> None:
    """Add capital cost, yearly cost and the cost of a GPU-hour: in total, and the known part of each."""
    for name in ("interest", "life.machines", "life.building"):
        sheet.figure(name, figure("prices", name))
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for part in parts:
        groups[part.what].append(part.cost)
    for what, costs in groups.items():
        _capital(sheet, what, costs)
    _running(sheet, sites)
    _total_of(sheet, "year", [*groups, "energy", "upkeep", "staff", "other"], "EUR/a")
    _total_of(sheet, "capex", list(groups), "EUR")
    gpus = sum(shape.nodes * shape.system.gpus for shape in shapes)
    sheet.plan("gpus", gpus, "GPUs", "machines counted on, spares not")
    inputs = ("gpus", "hours", "utilisation")
    work = lambda count, hours, used: count * hours * used  # noqa: E731 - the formula, used once
    sheet.derive("gpu-hours", "GPU-h/a", "GPUs x hours x utilisation", work, *inputs)
    for suffix in ("", ".known"):
        formula = "yearly cost / used GPU-hours"
        note = "a lower bound: what is not known is not in it" if suffix else ""
        total = f"year.total{suffix}"
        sheet.derive(f"gpu-hour{suffix}", "EUR/GPU-h", formula, _ratio, total, "gpu-hours", note=note)


def _total_of(sheet: Sheet, prefix: str, parts: Sequence[str], unit: str) -> None:
    """Add the total of some costs, and that of the known part of each."""
    costs: list[str] = []
    known: list[str] = []
    for part in parts:
        costs.append(f"{prefix}.{part}")
        known.append(f"{prefix}.{part}.known")
    _sum(sheet, f"{prefix}.total", costs, known, unit)


def _ratio(cost: float, hours: float) -> float:
    """Return the cost of an hour."""
    return cost / hours


def _capital(sheet: Sheet, what: str, costs: Sequence[str]) -> None:
    """Add the capital cost of one group of parts, and its annuity."""
    known = []
    for cost in costs:
        if sheet.value(cost) is not None:
            known.append(cost)
    capex, year = f"capex.{what}", f"year.{what}"
    _sum(sheet, capex, costs, known)
    life = "life.building" if what == "building" else "life.machines"
    formula = "annuity of capex over its life"
    for suffix in ("", ".known"):
        inputs = (f"{capex}{suffix}", "interest", life)
        sheet.derive(f"{year}{suffix}", "EUR/a", formula, annuity, *inputs)


def _sum(sheet: Sheet, name: str, whole: Sequence[str], known: Sequence[str], unit: str = "EUR") -> None:
    """Add a sum, and the sum of its known parts."""
    sheet.derive(name, unit, "sum of all parts", _total, *whole)
    note = "a lower bound: parts without a price are not in it" if len(known) < len(whole) else ""
    sheet.derive(f"{name}.known", unit, "sum of the parts with a price", _total, *known, note=note)


def _total(*costs: float) -> float:
    """Return the sum of some costs."""
    return sum(costs)


def _running(sheet: Sheet, sites: Sequence[SiteEquipment]) -> None:
    """Add energy, upkeep, staff and other costs of a year.

    An unknown one counts as nothing in the known part.
    """
    energy: list[str] = []
    known: list[str] = []
    for equipment in sites:
        cost = _energy(sheet, equipment)
        energy.append(cost)
        if sheet.value(cost) is not None:
            known.append(cost)
    _sum(sheet, "year.energy", energy, known, unit="EUR/a")
    sheet.figure("maintenance", figure("prices", "maintenance"))
    for suffix in ("", ".known"):
        formula, inputs = "machines' capex x upkeep", (f"capex.machines{suffix}", "maintenance")
        sheet.derive(f"year.upkeep{suffix}", "EUR/a", formula, _product, *inputs)
    people = sheet.ask("staff.people", "people", "How many people run the factory, in full-time posts?")
    post = sheet.ask("staff.cost", "EUR/a", "What does a post cost in a year, all included?")
    question = "What else does a year cost: licences, network, insurance, land, taxes? 0 if nothing."
    rest = sheet.ask("other.cost", "EUR/a", question)
    staff = sheet.derive("year.staff", "EUR/a", "people x cost of a post", _product, people, post)
    other = sheet.derive("year.other", "EUR/a", "as given", lambda cost: cost, rest)
    for name in (staff, other):
        given = [name] if sheet.value(name) is not None else []
        note = "" if given else "nobody gave it: not in it"
        sheet.derive(f"{name}.known", "EUR/a", "if known", _total, *given, note=note)


def _product(count: float, each: float) -> float:
    """Return a count times the cost of each."""
    return count * each


def _energy(sheet: Sheet, equipment: SiteEquipment) -> str:
    """Add the cost of a site's electricity over a year."""
    price = _electricity(sheet, equipment)
    inputs = (f"site.{equipment.name}.e-dc", price)
    return sheet.derive(f"year.energy.{equipment.name}", "EUR/a", "E_DC x price", _product, *inputs)


def _electricity(sheet: Sheet, equipment: SiteEquipment) -> str:
    """Add the price of a site's kilowatt-hour: by its contracts where each has one, else the country's.

    A member of the Union without a price of its own in the data file has the Union's mean. Anywhere else the
    user is asked for it.
    """
    site, country = equipment.name, equipment.site.country
    # A store gives back what was paid for before, so it has no price of its own.
    contracts = []
    for contract in equipment.site.contracts:
        if contract.source != "storage":
            contracts.append(contract)
    local = f"electricity.{country}"
    priced = all(contract.price is not None for contract in contracts)
    if contracts and priced and local not in sheet.given:
        means: list[str] = []
        prices: list[str] = []
        for contract in contracts:
            name = contract_name(site, contract)
            # Descriptions count prices in cents a megawatt-hour.
            euro = contract.price.count / 100_000 if contract.price is not None else 0.0
            means.append(f"{name}.mean")
            prices.append(sheet.plan(f"{name}.price", euro, "EUR/kWh", "as described"))
        formula = "mean of the contracts' prices, by what each gives"
        note = "energy alone: grid fees and taxes are not in it"
        inputs = (*means, *prices)
        return sheet.derive(f"site.{site}.electricity", "EUR/kWh", formula, _weighted, *inputs, note=note)
    name = local
    if local not in figures("prices") and local not in sheet.given and country in members("EU"):
        name = "electricity.EU"
    question = f"What does a kilowatt-hour cost in {country}, in euro?"
    return sheet.figure(name, figures("prices").get(name), unit="EUR/kWh", question=question)


def _weighted(*numbers: float) -> float:
    """Return a mean of the second half of the numbers, weighted by the first half."""
    half = len(numbers) // 2
    weights, values = numbers[:half], numbers[half:]
    return weighted_sum(weights, values) / sum(weights)


def add_work(sheet: Sheet, name: str, peak: str, mfu: str, goodput: str) -> None:
    """Add the cost of 10^18 useful operations of a training job: those that became progress.

    Args:
        sheet: the sheet.
        name: the job's prefix.
        peak: name of the accelerator's dense peak.
        mfu: name of the share of it that training reaches.
        goodput: name of the job's goodput.
    """
    formula = "cost of a GPU-hour / (peak x MFU x goodput x 3,600 s) x 10^18"
    for suffix in ("", ".known"):
        note = "the factory's mean GPU-hour" + ("; a lower bound" if suffix else "")
        inputs = (f"gpu-hour{suffix}", peak, mfu, goodput)
        sheet.derive(f"{name}.exaflop{suffix}", "EUR/10^18 FLOP", formula, _exaflop, *inputs, note=note)


def _exaflop(cost: float, rate: float, used: float, good: float) -> float | None:
    """Return the cost of 10^18 useful operations; None for a job without progress."""
    return cost / (rate * used * good * 3600) * 1e18 if good else None
