"""`assess`: the energy of a factory, from its description, its plan, and what the user adds.

>>> from sovereign_ai.plan.factory import plan
>>> from sovereign_ai.spec.load import load
>>> factory = load("stacks/lab")
>>> energy = assess(factory, plan(factory))
>>> print(energy.measure("site.fra1.it.typical"))
124 kW [114 to 134] (source)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sovereign_ai.assess.energy.balance import Balance, Store, Supply, balance
from sovereign_ai.assess.energy.cooling import Cooled, add_cooling
from sovereign_ai.assess.energy.kpi import kpi_file
from sovereign_ai.assess.energy.power import Here, add_site, add_swings, sites_of
from sovereign_ai.assess.energy.pue import add_pue, add_usage
from sovereign_ai.assess.energy.response import add_response, largest_pool
from sovereign_ai.assess.energy.reuse import add_reuse
from sovereign_ai.assess.energy.rules import Check, add_circumstances, checks
from sovereign_ai.assess.energy.supply import add_carbon, add_supply, contract_name
from sovereign_ai.assess.energy.survival import Failure, single_failures
from sovereign_ai.assess.measure import Assessment, Measure, Said
from sovereign_ai.assess.ranges import permitted
from sovereign_ai.assess.sheet import Given, Sheet
from sovereign_ai.errors import Problem, UsageError, nearest
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.loads import rack_groups
from sovereign_ai.plan.shapes import shapes
from sovereign_ai.spec.factory import AIFactory


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy(Assessment):
    """What the factory draws, and what follows.

    Attributes:
        failures: every kind of single failure.
        cooled: every hall with machines.
        checks: every limit that can concern a site.
        kpis: the European report of each site that must give one.
        balances: hourly supply against load, by site, where series were given.
        wet_bulb: how many hours of wet bulb were given, by site.
    """

    failures: tuple[Failure, ...]
    cooled: tuple[Cooled, ...]
    checks: tuple[Check, ...]
    kpis: tuple[Mapping[str, Any], ...]
    balances: Mapping[str, Balance]
    wet_bulb: Mapping[str, int]

    def lines(self) -> list[str]:
        """Say on a page what was found."""
        return [line for line, _ in self.said()]

    def said(self) -> Iterator[Said]:
        """Give the lines, each with the names of the numbers on it."""
        return said(self)


@dataclass(frozen=True, slots=True)
class Hourly:
    """A site's series, hour by hour.

    Attributes:
        contracts: contract to the kilowatts that it can give; a contract that is left out gives its mean at all times.
        load: kilowatts that the site draws; left out, its mean at all times.
        store: a battery.
    """

    contracts: Mapping[str, Sequence[float]]
    load: Sequence[float] | None = None
    store: Store | None = None


def assess(
    factory: AIFactory,
    plan: Plan,
    given: Mapping[str, Given] | None = None,
    wet_bulb: Mapping[str, Sequence[float]] | None = None,
    hourly: Mapping[str, Hourly] | None = None,
) -> Energy:
    """Assess a factory's energy.

    Args:
        factory: the description.
        plan: what follows from it.
        given: the user's figures, by the name of the leaf that each replaces.
        wet_bulb: site to its hourly wet bulb in degrees Celsius over a year; what it says of fewer hours is told as that.
        hourly: site to its hourly supply and load.

    Raises:
        UsageError: a figure was given that this assessment does not have, or a series of a site or contract that there is not.
    """
    sheet, here, cooled, failures = _built(factory, plan, given or {}, wet_bulb or {}, hourly or {})
    measures = sheet.measures()
    by_name = {measure.id: measure for measure in measures}
    judged = [check for one in here for check in checks(sheet, one, by_name)]
    due = {check.site for check in judged if check.rule.startswith("EED") and check.status == "due"}
    return Energy(
        factory=factory.name,
        spec_digest=plan.spec_digest,
        measures=measures,
        failures=tuple(failures),
        cooled=tuple(cooled),
        checks=tuple(judged),
        kpis=tuple(kpi_file(one, plan, by_name) for one in here if one.site.name in due),
        balances={one.site.name: _balance(one, hourly[one.site.name], by_name) for one in here if hourly and one.site.name in hourly},
        wet_bulb={site: len(series) for site, series in (wet_bulb or {}).items()},
    )


def leaves(factory: AIFactory, plan: Plan, given: Mapping[str, Given]) -> tuple[str, ...]:
    """Give the names of every figure that `assess` takes."""
    return _built(factory, plan, given, {}, {})[0].leaves


def _built(
    factory: AIFactory, plan: Plan, given: Mapping[str, Given], wet_bulb: Mapping[str, Sequence[float]], hourly: Mapping[str, Hourly]
) -> tuple[Sheet, list[Here], list[Cooled], list[Failure]]:
    """Build the sheet, and judge cooling and failures on the way."""
    sheet = Sheet(dict(given))
    found = shapes(factory)
    groups = rack_groups(found)
    here = list(sites_of(factory, plan, found))
    _check_series(here, wet_bulb, hourly)
    cooled: list[Cooled] = []
    failures: list[Failure] = []
    for one in here:
        add_energy(sheet, one, plan, wet_bulb.get(one.site.name))
        cooled += add_cooling(sheet, one, groups)
        failures += single_failures(sheet, one, plan)
        add_response(sheet, one)
        add_circumstances(sheet, one)
    _largest(sheet, factory)
    return sheet, here, cooled, failures


def _check_series(here: Sequence[Here], wet_bulb: Mapping[str, Sequence[float]], hourly: Mapping[str, Hourly]) -> None:
    """Refuse series that would change nothing, or are empty."""
    sites = {one.site.name: one for one in here}
    problems = [
        Problem("unknown-site", f"no site with machines is called {name!r}", hint=nearest(name, sites))
        for name in sorted({*wet_bulb, *hourly} - set(sites))
    ]
    problems += [Problem("empty-series", f"the wet bulb of {name!r} has no hours") for name, series in wet_bulb.items() if not series]
    taken = permitted("wet-bulb", "degC")
    problems += [
        Problem("impossible-figure", f"the wet bulb of {name!r} holds {wrong:.15g}, out of range: {taken.words}, in degC", hint=taken.why)
        for name, wrong in ((name, next((one for one in series if not taken.holds(one)), None)) for name, series in wet_bulb.items())
        if wrong is not None
    ]
    for name, series in hourly.items():
        if min((least for one in (*series.contracts.values(), series.load or ()) for least in one), default=0.0) < 0:
            problems.append(
                Problem("negative-power", f"a series of {name!r} falls below zero", hint="write what is given and what is drawn")
            )
        contracts = [one.name for one in sites[name].site.contracts] if name in sites else []
        problems += [
            Problem("unknown-contract", f"site {name!r} has no contract {one!r}", hint=nearest(one, contracts))
            for one in sorted(set(series.contracts) - set(contracts))
            if name in sites
        ]
        if len({len(one) for one in (*series.contracts.values(), *([series.load] if series.load is not None else []))}) != 1:
            problems.append(Problem("uneven-series", f"the series of {name!r} have different lengths, or there is none"))
    if problems:
        raise UsageError(problems)


def _balance(here: Here, series: Hourly, by_name: Mapping[str, Measure]) -> Balance:
    """Hold a site's supply against its load hour by hour."""
    hours = len(next(iter((*series.contracts.values(), *([series.load] if series.load is not None else [])))))
    load = series.load or [(by_name[f"site.{here.site.name}.load"].value or 0.0) / 1000] * hours
    supplies = [
        Supply(
            one.name,
            one.source,
            series.contracts.get(one.name) or [(by_name[f"{contract_name(here.site.name, one)}.mean"].value or 0.0) / 1000] * hours,
        )
        for one in here.site.contracts
        if one.source != "storage"
    ]
    return balance(load, supplies, series.store)


def add_energy(sheet: Sheet, here: Here, plan: Plan, wet_bulb: Sequence[float] | None = None) -> None:
    """Add a site's power, PUE, yearly energy, mix and carbon; cost and goodput share these numbers."""
    name = f"site.{here.site.name}"
    add_site(sheet, here, plan)
    add_swings(sheet, here)
    add_pue(sheet, here, wet_bulb)
    add_usage(sheet, here)
    add_reuse(sheet, here)
    add_supply(sheet, here)
    add_carbon(sheet, here)
    both = (f"{name}.ref", f"{name}.share.nuclear")
    sheet.derive(f"{name}.carbon-free", "1", "REF + nuclear share, at most 1", lambda ref, atom: min(ref + atom, 1.0), *both)


def _largest(sheet: Sheet, factory: AIFactory) -> None:
    """Add the largest size of each pool that feeds and budget carry."""
    for pool in factory.pools:
        most = largest_pool(factory, pool.name, other=sheet.value(f"site.{pool.site}.other") or 0.0)
        sheet.plan(
            f"pool.{pool.name}.largest",
            most,
            "machines",
            "most that feeds, with one of them lost where that must be survived, and the budget carry",
        )


def said(energy: Energy) -> Iterator[Said]:
    """Say on a page what was found, and with each line the names of the numbers on it."""
    yield f"energy of {energy.factory}; a calculation from the description, no measurement", ()
    sites = dict.fromkeys(measure.id.split(".")[1] for measure in energy.measures if measure.id.endswith(".it.peak"))
    for site in sites:
        yield f"site {site}", ()
        for name, label in ((f"site.{site}.{suffix}", label) for suffix, label in _SHOWN.items()):
            yield f"  {label}: {energy.measure(name)}", (name,)
            if label == "PUE" and site in energy.wet_bulb:
                yield f"    {_weather(energy.wet_bulb[site], used=bool(energy.measure(name).formula))}", ()
        for failure in (one for one in energy.failures if one.site == site):
            word = {True: "survived", False: f"stops {failure.stops if failure.stops is not None else 'machines'}", None: "open"}[
                failure.survives
            ]
            yield f"  loss of {failure.what}: {word} ({failure.why})", ()
        for hall in (one for one in energy.cooled if one.site == site):
            word = {True: "cooled", False: "too hot", None: "open"}[hall.holds]
            yield f"  hall {hall.hall}, {hall.kind}: {word} ({hall.why})", ()
        for check in (one for one in energy.checks if one.site == site):
            since = f" from {check.since}" if check.since else ""
            yield f"  {check.rule}{since}: {check.status} ({check.why})", ()
    for site, found in energy.balances.items():
        yield from ((line, ()) for line in _balanced(site, found))
    if energy.needs:
        yield f"figures that would close gaps: {', '.join(energy.needs)}", ()


def _weather(hours: int, *, used: bool) -> str:
    """Say how many hours of wet bulb a PUE follows from, and whether they are a year's."""
    if not used:
        return f"the {hours:,} hours of wet bulb change nothing, since the PUE is given"
    year = "" if hours in _YEARS else "; that is no year of 8,760 or 8,784, and the PUE is theirs alone"
    return f"over {hours:,} hour{'s' if hours != 1 else ''} of wet bulb{year}"


_YEARS = (8_760, 8_784)
"""Hours of a year, and of one with a 29th of February."""


def _balanced(site: str, found: Balance) -> Iterator[str]:
    """Say what came of hourly supply and load."""
    yield f"site {site}, hour by hour ({found.hours:,} hours), of {found.load:,.0f} kWh"
    yield from (f"  {name}: {amount:,.0f} kWh, {amount / found.load if found.load else 0:.1%}" for name, amount in found.used.items())
    yield f"  shortfall: {found.shortfall:,.0f} kWh in {found.short_hours:,} hours, at most {found.worst_gap:,.0f} kW"
    yield f"  renewable {found.renewable_share:.1%}, carbon-free {found.carbon_free_share:.1%} (nuclear is not renewable)"
    yield f"  not taken: {found.curtailed:,.0f} kWh; lost in the store: {found.lost:,.0f} kWh"


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
