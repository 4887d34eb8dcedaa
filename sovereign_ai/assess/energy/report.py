"""The energy assessment of a factory, from its description and plan; and its report as text.

Each figure has a name, under which it is had with its range and its source:

    assess_energy(factory, plan(factory)).measure("site.fra1.it.typical")
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sovereign_ai.assess.energy.balance import Balance, EnergyStore, Supply, balance
from sovereign_ai.assess.energy.cooling import Cooled, add_cooling
from sovereign_ai.assess.energy.kpi import kpi_file
from sovereign_ai.assess.energy.power import (
    SiteEquipment,
    add_site,
    add_swings,
    equipment_of_sites,
    planned_shapes,
)
from sovereign_ai.assess.energy.pue import add_pue, add_usage
from sovereign_ai.assess.energy.response import add_response, largest_pool
from sovereign_ai.assess.energy.reuse import add_reuse
from sovereign_ai.assess.energy.rules import EnergyCheck, add_circumstances, checks
from sovereign_ai.assess.energy.supply import add_carbon, add_supply, contract_name
from sovereign_ai.assess.energy.survival import Failure, single_failures
from sovereign_ai.assess.measure import Assessment, Measure, ReportLine, by_name
from sovereign_ai.assess.ranges import permitted
from sovereign_ai.assess.sheet import GivenValue, Sheet
from sovereign_ai.errors import Problem, UsageError, nearest
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted


@frozen_dataclass(kw_only=True)
class Energy(Assessment):
    """The energy assessment of a factory.

    Attributes:
        failures: every kind of single failure at each site.
        cooled: the verdict on every hall with servers.
        checks: every legal or agreed limit that can concern a site.
        kpis: the KPI file of each site that must report to the European database.
        balances: hourly supply and load by site, where series were given.
        wet_bulb: number of hours of wet bulb that were given, by site.
    """

    failures: tuple[Failure, ...]
    cooled: tuple[Cooled, ...]
    checks: tuple[EnergyCheck, ...]
    kpis: tuple[Mapping[str, Any], ...]
    balances: Mapping[str, Balance]
    wet_bulb: Mapping[str, int]

    def lines(self) -> list[str]:
        """Return the lines of the report."""
        return [line for line, _ in self.lines_with_measures()]

    def lines_with_measures(self) -> Iterator[ReportLine]:
        """Yield the lines of the report, each with the names of the measures on it."""
        return report_lines(self)


@frozen_dataclass
class Hourly:
    """The hourly series of a site.

    Attributes:
        contracts: kilowatts that a contract can give, by contract. A contract that is left out gives its mean
            at all times.
        load: kilowatts that the site draws; left out, its mean at all times.
        store: a battery.
    """

    contracts: Mapping[str, Sequence[float]]
    load: Sequence[float] | None = None
    store: EnergyStore | None = None

    @property
    def all(self) -> list[Sequence[float]]:
        """Every series: the contracts', and the load's if it is given."""
        series = list(self.contracts.values())
        if self.load is not None:
            series.append(self.load)
        return series


def assess_energy(
    factory: AIFactory,
    plan: Plan,
    given: Mapping[str, GivenValue] | None = None,
    wet_bulb: Mapping[str, Sequence[float]] | None = None,
    hourly: Mapping[str, Hourly] | None = None,
) -> Energy:
    """Assess a factory's energy.

    Args:
        factory: the description.
        plan: the plan of that description.
        given: the user's figures, by the name of the leaf that each replaces.
        wet_bulb: hourly wet bulb in degrees Celsius over a year, by site. The report names the number of
            hours if it is no year.
        hourly: hourly supply and load, by site.

    Raises:
        UsageError: a given figure is not part of this assessment, or a series has no such site or contract.
    """
    sheet, sites, cooled, failures = _built(factory, plan, given or {}, wet_bulb or {}, hourly or {})
    measures = sheet.measures()
    named = by_name(measures)
    judged: list[EnergyCheck] = []
    balances: dict[str, Balance] = {}
    for equipment in sites:
        judged += checks(sheet, equipment, named)
        series = (hourly or {}).get(equipment.name)
        if series is not None:
            balances[equipment.name] = _balance(equipment, series, named)
    due = set()
    for check in judged:
        if check.rule.startswith("EED") and check.status == "due":
            due.add(check.site)
    kpis = []
    for equipment in sites:
        if equipment.name in due:
            kpis.append(kpi_file(equipment, plan, named))
    hours = {}
    for site, temperatures in (wet_bulb or {}).items():
        hours[site] = len(temperatures)
    return Energy(
        factory=factory.name,
        spec_digest=plan.spec_digest,
        measures=measures,
        failures=tuple(failures),
        cooled=tuple(cooled),
        checks=tuple(judged),
        kpis=tuple(kpis),
        balances=balances,
        wet_bulb=hours,
    )


def leaves(factory: AIFactory, plan: Plan, given: Mapping[str, GivenValue]) -> tuple[str, ...]:
    """Return the names of every figure that `assess_energy` accepts."""
    return _built(factory, plan, given, {}, {})[0].leaves


def _built(
    factory: AIFactory,
    plan: Plan,
    given: Mapping[str, GivenValue],
    wet_bulb: Mapping[str, Sequence[float]],
    hourly: Mapping[str, Hourly],
) -> tuple[Sheet, list[SiteEquipment], list[Cooled], list[Failure]]:
    """Build the sheet, and judge cooling and failures on the way."""
    sheet = Sheet(dict(given))
    pools = planned_shapes(factory, plan)
    sites = list(equipment_of_sites(factory, plan, pools))
    _check_series(sites, wet_bulb, hourly)
    cooled: list[Cooled] = []
    failures: list[Failure] = []
    # The order of a site's parts is that of its measures in the report and in the data.
    for equipment in sites:
        add_energy(sheet, equipment, plan, wet_bulb.get(equipment.name))
        cooled += add_cooling(sheet, equipment, plan.racks)
        failures += single_failures(sheet, equipment, plan)
        add_response(sheet, equipment)
        add_circumstances(sheet, equipment)
    _largest(sheet, factory, plan)
    return sheet, sites, cooled, failures


def _check_series(
    sites: Sequence[SiteEquipment], wet_bulb: Mapping[str, Sequence[float]], hourly: Mapping[str, Hourly]
) -> None:
    """Refuse series that would change nothing, are empty, or hold impossible numbers.

    Raises:
        UsageError: every series that is wrong.
    """
    equipment_of = {}
    for equipment in sites:
        equipment_of[equipment.name] = equipment
    problems: list[Problem] = []
    for name in sorted({*wet_bulb, *hourly} - set(equipment_of)):
        message = f"no site with machines is called {name!r}"
        problems.append(Problem("unknown-site", message, hint=nearest(name, equipment_of)))
    for name, series in wet_bulb.items():
        if not series:
            problems.append(Problem("empty-series", f"the wet bulb of {name!r} has no hours"))
    allowed = permitted("wet-bulb", "degC")
    for name, series in wet_bulb.items():
        # One number of a series is enough to see what is wrong with it; a wrong unit spoils all 8,760.
        wrong = next((degrees for degrees in series if not allowed.holds(degrees)), None)
        if wrong is not None:
            message = f"the wet bulb of {name!r} holds {wrong:.15g}, out of range: {allowed.words}, in degC"
            problems.append(Problem("impossible-figure", message, hint=allowed.why))
    for name, hours in hourly.items():
        problems += _hourly_problems(name, hours, equipment_of.get(name))
    if problems:
        raise UsageError(problems)


def _hourly_problems(name: str, series: Hourly, equipment: SiteEquipment | None) -> Iterator[Problem]:
    """Yield what is wrong with the hourly series of a site.

    Args:
        name: the site's name.
        series: its series.
        equipment: the site; None if there is none of that name.
    """
    if any(min(hours, default=0.0) < 0 for hours in series.all):
        message, hint = f"a series of {name!r} falls below zero", "write what is given and what is drawn"
        yield Problem("negative-power", message, hint=hint)
    if equipment is not None:
        contracts = [contract.name for contract in equipment.site.contracts]
        for contract_series in sorted(set(series.contracts) - set(contracts)):
            message = f"site {name!r} has no contract {contract_series!r}"
            yield Problem("unknown-contract", message, hint=nearest(contract_series, contracts))
    if len({len(hours) for hours in series.all}) != 1:
        message = f"the series of {name!r} have different lengths, or there is none"
        yield Problem("uneven-series", message)


def _balance(equipment: SiteEquipment, series: Hourly, measured: Mapping[str, Measure]) -> Balance:
    """Compare a site's supply with its load hour by hour; what has no series runs at its mean."""
    hours = len(series.all[0])
    load = series.load or _constant(measured[f"site.{equipment.name}.load"], hours)
    supplies: list[Supply] = []
    for contract in equipment.site.contracts:
        if contract.source == "storage":
            continue
        mean = measured[f"{contract_name(equipment.name, contract)}.mean"]
        output = series.contracts.get(contract.name) or _constant(mean, hours)
        supplies.append(Supply(contract.name, contract.source, output))
    return balance(load, supplies, series.store)


def _constant(measure: Measure, hours: int) -> list[float]:
    """Return a power in kilowatts for each of some hours."""
    return [(measure.value or 0.0) / 1000] * hours


def add_energy(
    sheet: Sheet, equipment: SiteEquipment, plan: Plan, wet_bulb: Sequence[float] | None = None
) -> None:
    """Add a site's power, PUE, yearly energy, mix and carbon; cost and goodput share these numbers."""
    name = f"site.{equipment.name}"
    add_site(sheet, equipment, plan)
    add_swings(sheet, equipment, plan)
    add_pue(sheet, equipment, wet_bulb)
    add_usage(sheet, equipment)
    add_reuse(sheet, equipment)
    add_supply(sheet, equipment)
    add_carbon(sheet, equipment)
    parts = (f"{name}.ref", f"{name}.share.nuclear")
    work = lambda ref, nuclear: min(ref + nuclear, 1.0)  # noqa: E731 - the formula, used once
    sheet.derive(f"{name}.carbon-free", "1", "REF + nuclear share, at most 1", work, *parts)


def _largest(sheet: Sheet, factory: AIFactory, plan: Plan) -> None:
    """Add the largest size of each pool that feeds and budget carry."""
    why = "most that feeds, with one of them lost where that must be survived, and the budget carry"
    limits: dict[str, int] = {}
    for power in plan.power:
        limits.update(power.limits)
    for pool in factory.pools:
        other = sheet.value(f"site.{pool.site}.other") or 0.0
        most = largest_pool(factory, pool.name, other=other, machine_limits=limits)
        sheet.plan(f"pool.{pool.name}.largest", most, "machines", why)


def report_lines(energy: Energy) -> Iterator[ReportLine]:
    """Yield the lines of the report, each with the names of the measures on it."""
    yield f"energy of {energy.factory}; a calculation from the description, no measurement", ()
    sites: dict[str, None] = {}
    for measure in energy.measures:
        if measure.id.endswith(".it.peak"):
            sites[measure.id.split(".")[1]] = None
    for site in sites:
        yield f"site {site}", ()
        yield from _site_lines(energy, site)
    for site, result in energy.balances.items():
        for line in _balance_lines(site, result):
            yield line, ()
    if energy.needs:
        yield f"figures that would close gaps: {', '.join(energy.needs)}", ()


def _site_lines(energy: Energy, site: str) -> Iterator[ReportLine]:
    """Yield the lines of one site: its numbers, its failures, its halls and its limits."""
    for suffix, label in _SHOWN.items():
        name = f"site.{site}.{suffix}"
        yield f"  {label}: {energy.measure(name)}", (name,)
        if label == "PUE" and site in energy.wet_bulb:
            yield f"    {_weather(energy.wet_bulb[site], used=bool(energy.measure(name).formula))}", ()
    for failure in energy.failures:
        if failure.site == site:
            yield f"  loss of {failure.what}: {_survival(failure)} ({failure.why})", ()
    for hall in energy.cooled:
        if hall.site == site:
            yield f"  hall {hall.hall}, {hall.kind}: {_COOLED[hall.holds]} ({hall.why})", ()
    for check in energy.checks:
        if check.site == site:
            since = f" from {check.since}" if check.since else ""
            yield f"  {check.rule}{since}: {check.status} ({check.why})", ()


def _survival(failure: Failure) -> str:
    """Return the effect of a failure in words."""
    if failure.survives is None:
        return "open"
    if failure.survives:
        return "survived"
    return f"stops {failure.stops if failure.stops is not None else 'machines'}"


_COOLED = {True: "cooled", False: "too hot", None: "open"}


def _weather(hours: int, *, used: bool) -> str:
    """Return the number of hours of wet bulb that a PUE follows from, and whether they are a year's."""
    if not used:
        return f"the {counted(hours, 'hour')} of wet bulb change nothing, since the PUE is given"
    year = "" if hours in _YEARS else "; that is no year of 8,760 or 8,784, and the PUE is theirs alone"
    return f"over {counted(hours, 'hour')} of wet bulb{year}"


_YEARS = (8_760, 8_784)
"""Hours of a year, and of one with a 29th of February."""


def _balance_lines(site: str, result: Balance) -> Iterator[str]:
    """Yield the lines of hourly supply and load."""
    yield f"site {site}, hour by hour ({counted(result.hours, 'hour')}), of {result.load:,.0f} kWh"
    for name, amount in result.used.items():
        share = amount / result.load if result.load else 0
        yield f"  {name}: {amount:,.0f} kWh, {share:.1%}"
    yield (
        f"  shortfall: {result.shortfall:,.0f} kWh in {counted(result.short_hours, 'hour')}, "
        f"at most {result.worst_gap:,.0f} kW"
    )
    yield (
        f"  renewable {result.renewable_share:.1%}, carbon-free {result.carbon_free_share:.1%} "
        "(nuclear is not renewable)"
    )
    yield f"  not taken: {result.curtailed:,.0f} kWh; lost in the store: {result.lost:,.0f} kWh"


_SHOWN = {
    "it.peak": "IT power, peak",
    "it.typical": "IT power, typical",
    "it.idle": "IT power, idle",
    "transient": "IT power, transient",
    "swing": "swing of training",
    "pue": "PUE",
    "tue": "TUE",
    "wue": "WUE",
    "erf": "ERF",
    "ref": "REF",
    "carbon-free": "carbon-free share",
    "cue": "CUE",
    "e-dc": "energy in a year",
    "emissions": "emissions in a year",
    "shed": "shed in 15 minutes",
    "response.cost": "cost of a call",
}
