"""Cost by the year: capital over its life with interest, energy, upkeep, staff; for a GPU-hour and for useful work.

    yearly capital = capex x r / (1 - (1 + r)^-life)

A total with a missing part has no value and says what it waits for. Beside it stands the sum of what is
known, a lower bound that is called so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sovereign_ai.assess.cost.prices import Part
from sovereign_ai.assess.energy.power import Here
from sovereign_ai.assess.energy.supply import contract_name
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure, figures
from sovereign_ai.catalog.jurisdictions import members
from sovereign_ai.plan.shapes import Shape


def annuity(capital: float, rate: float, years: float) -> float:
    """Give the equal yearly payments that pay off some capital with interest.

    >>> round(annuity(1000, 0.0, 5)), round(annuity(1000, 0.10, 5), 1)
    (200, 263.8)
    """
    return capital / years if not rate else capital * rate / (1 - (1 + rate) ** -years)


def add_tco(sheet: Sheet, parts: Sequence[Part], sites: Sequence[Here], shapes: Sequence[Shape]) -> None:
    """Add capex, yearly cost, and cost of a GPU-hour: whole, and as far as known."""
    sheet.figure("interest", figure("prices", "interest"))
    sheet.figure("life.machines", figure("prices", "life.machines"))
    sheet.figure("life.building", figure("prices", "life.building"))
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for part in parts:
        groups[part.what].append(part.cost)
    for what, costs in groups.items():
        known = [cost for cost in costs if sheet.value(cost) is not None]
        _sum(sheet, f"capex.{what}", costs, known)
        life = "life.building" if what == "building" else "life.machines"
        for suffix in ("", ".known"):
            sheet.derive(
                f"year.{what}{suffix}", "EUR/a", "annuity of capex over its life", annuity, f"capex.{what}{suffix}", "interest", life
            )
    _running(sheet, sites)
    named = [f"year.{what}" for what in (*groups, "energy", "upkeep", "staff", "other")]
    _sum(sheet, "year.total", named, [f"{one}.known" for one in named], unit="EUR/a")
    _sum(sheet, "capex.total", [f"capex.{what}" for what in groups], [f"capex.{what}.known" for what in groups])
    gpus = sum(shape.nodes * shape.system.gpus for shape in shapes)
    sheet.plan("gpus", gpus, "GPUs", "machines counted on, spares not")
    sheet.derive(
        "gpu-hours",
        "GPU-h/a",
        "GPUs x hours x utilisation",
        lambda count, hours, used: count * hours * used,
        "gpus",
        "hours",
        "utilisation",
    )
    for suffix in ("", ".known"):
        note = "a lower bound: what is not known is not in it" if suffix else ""
        sheet.derive(
            f"gpu-hour{suffix}",
            "EUR/GPU-h",
            "yearly cost / used GPU-hours",
            lambda cost, hours: cost / hours,
            f"year.total{suffix}",
            "gpu-hours",
            note=note,
        )


def _sum(sheet: Sheet, name: str, whole: Sequence[str], known: Sequence[str], unit: str = "EUR") -> None:
    """Add a sum, and the sum of what is known."""
    sheet.derive(name, unit, "sum of all parts", lambda *all_: sum(all_), *whole)
    note = "a lower bound: parts without a price are not in it" if len(known) < len(whole) else ""
    sheet.derive(f"{name}.known", unit, "sum of the parts with a price", lambda *all_: sum(all_), *known, note=note)


def _running(sheet: Sheet, sites: Sequence[Here]) -> None:
    """Add energy, upkeep, staff and other costs of a year; what is not known counts as nothing in the known part."""
    energy: list[str] = []
    for here in sites:
        each = _electricity(sheet, here)
        cost = f"year.energy.{here.site.name}"
        energy.append(sheet.derive(cost, "EUR/a", "E_DC x price", lambda kwh, euro: kwh * euro, f"site.{here.site.name}.e-dc", each))
    _sum(sheet, "year.energy", energy, [one for one in energy if sheet.value(one) is not None], unit="EUR/a")
    sheet.figure("maintenance", figure("prices", "maintenance"))
    for suffix in ("", ".known"):
        sheet.derive(
            f"year.upkeep{suffix}",
            "EUR/a",
            "machines' capex x upkeep",
            lambda capex, part: capex * part,
            f"capex.machines{suffix}",
            "maintenance",
        )
    sheet.ask("staff.people", "people", "How many people run the factory, in full-time posts?")
    sheet.ask("staff.cost", "EUR/a", "What does a post cost in a year, all included?")
    sheet.ask("other.cost", "EUR/a", "What else does a year cost: licences, network, insurance, land, taxes? 0 if nothing.")
    staff = sheet.derive("year.staff", "EUR/a", "people x cost of a post", lambda people, each: people * each, "staff.people", "staff.cost")
    other = sheet.derive("year.other", "EUR/a", "as given", lambda cost: cost, "other.cost")
    for name in (staff, other):
        known = [name] if sheet.value(name) is not None else []
        note = "" if known else "nobody gave it: not in it"
        sheet.derive(f"{name}.known", "EUR/a", "if known", lambda *all_: sum(all_), *known, note=note)


def _electricity(sheet: Sheet, here: Here) -> str:
    """Add the price of a site's kilowatt-hour: by its contracts where each has one, else the country's.

    A member of the Union whose price we do not hold has the Union's mean; anywhere else it is asked for.
    """
    country, contracts = here.site.country, [one for one in here.site.contracts if one.source != "storage"]
    local = f"electricity.{country}"
    prices = [one.price.count / 100_000 for one in contracts if one.price is not None]
    if contracts and len(prices) == len(contracts) and local not in sheet.given:
        paid = [
            sheet.plan(f"{contract_name(here.site.name, one)}.price", price, "EUR/kWh", "as described")
            for one, price in zip(contracts, prices, strict=True)
        ]
        means = [f"{contract_name(here.site.name, one)}.mean" for one in contracts]
        formula = "mean of the contracts' prices, by what each gives"
        name = f"site.{here.site.name}.electricity"
        return sheet.derive(name, "EUR/kWh", formula, _weighted, *means, *paid, note="energy alone: grid fees and taxes are not in it")
    held = local in figures("prices") or local in sheet.given
    name = "electricity.EU" if not held and country in members("EU") else local
    question = f"What does a kilowatt-hour cost in {country}, in euro?"
    return sheet.figure(name, figures("prices").get(name), unit="EUR/kWh", question=question)


def _weighted(*numbers: float) -> float:
    """Give a mean of the second half, weighted by the first."""
    half = len(numbers) // 2
    return sum(weight * number for weight, number in zip(numbers[:half], numbers[half:], strict=True)) / sum(numbers[:half])


def add_work(sheet: Sheet, name: str, peak: str, mfu: str, goodput: str) -> None:
    """Add the cost of 10^18 useful operations of a training job: GPU-hours over operations that became progress."""
    for suffix in ("", ".known"):
        sheet.derive(
            f"{name}.exaflop{suffix}",
            "EUR/10^18 FLOP",
            "cost of a GPU-hour / (peak x MFU x goodput x 3,600 s) x 10^18",
            lambda cost, rate, used, good: cost / (rate * used * good * 3600) * 1e18 if good else None,
            f"gpu-hour{suffix}",
            peak,
            mfu,
            goodput,
            note="the factory's mean GPU-hour" + ("; a lower bound" if suffix else ""),
        )
