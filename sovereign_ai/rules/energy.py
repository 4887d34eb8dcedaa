"""Energy and scale: what grid, contracts and Kubernetes can carry, and what has to be reported.

Loads are the plan's: machines, switches and storage servers at their published maximum.
"""

from __future__ import annotations

from collections.abc import Iterable

from sovereign_ai.catalog.jurisdictions import members
from sovereign_ai.catalog.systems import system
from sovereign_ai.plan.factory import Plan
from sovereign_ai.rules.duties import DORA_CONCENTRATION, ECSF_ENERGY, ECSF_REPORTING, EED_REPORTING, NIS2_CONTINUITY, NIS2_RISK
from sovereign_ai.rules.judge import Finding
from sovereign_ai.rules.residency import PLAN, found
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.units import Watts

REPORTED_FROM = Watts(500_000)
"""Installed IT power from which a data centre reports: Directive (EU) 2023/1791, Article 12, and Delegated Regulation (EU) 2024/1364."""
MOST_NODES, MOST_PODS = 5_000, 150_000
"""The largest cluster that Kubernetes publishes (kubernetes.io/docs/setup/best-practices/cluster-large, read 2026-11-24)."""


def _ramps(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """Where training machines that stop together change the load faster than the grid permits, that is told."""
    for at, site in enumerate(factory.sites):
        pools = [pool for pool in factory.pools if pool.site == site.name and pool.purpose != "inference"]
        largest = max(((pool.nodes * (system(pool.system).max_power or Watts(0)).count, pool.name) for pool in pools), default=(0, ""))
        limit = site.power.ramp_limit
        if limit is not None and largest[0] > limit.count:
            message = f"pool {largest[1]} can drop {Watts(largest[0])} within a second, when a job that spans it ends or waits; the grid takes {limit}"
            yield found(rule, f"Site/{site.name}", f"sites[{at}].power.ramp_limit", message)


def _contracted(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[Finding]:
    """Where contracts are declared, they cover the load of the machines."""
    loads = {one.site: one.it_load for one in plan.power}
    for at, site in enumerate(factory.sites):
        power = sum(one.power.count for one in site.contracts)
        if site.contracts and loads.get(site.name, 0) > power:
            message = f"the machines draw {Watts(loads[site.name])}, and {Watts(power)} are contracted"
            yield found(rule, f"Site/{site.name}", f"sites[{at}].contracts", message)


def _reporting(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[Finding]:
    """A site of the Union that has to report is told so."""
    loads = {one.site: one.it_load for one in plan.power}
    for at, site in enumerate(factory.sites):
        load = Watts(loads.get(site.name, 0))
        if site.country in members("EU") and load >= REPORTED_FROM:
            message = f"{load} of IT power are installed; from {REPORTED_FROM} on the site reports its figures every year"
            yield found(rule, f"Site/{site.name}", f"sites[{at}].power.it_budget", message)


def _one_source(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """A site whose electricity comes by one contract, or from outside the EEA, is told."""
    for at, site in enumerate(factory.sites):
        sellers = {one.supplier.strip().casefold() for one in site.contracts}
        if len(sellers) == 1:
            message = f"all its electricity is bought from {site.contracts[0].supplier}"
            yield found(rule, f"Site/{site.name}", f"sites[{at}].contracts", message)
        for number, one in enumerate(site.contracts):
            if one.supplier_seat not in members("EEA"):
                message = f"{one.supplier} has its seat in {one.supplier_seat}"
                yield found(rule, f"Site/{site.name}", f"sites[{at}].contracts[{number}].supplier_seat", message)


def _feeds(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[Finding]:
    """A site whose machines stop with a feed, or for which that cannot be decided, is told."""
    numbers = {site.name: at for at, site in enumerate(factory.sites)}
    for one in plan.power:
        stops = sorted(feed for feed, survives in one.survives.items() if not survives)
        if one.unknown:
            message = f"whether it survives the loss of a feed cannot be decided: no source gives the supplies of {', '.join(one.unknown)}"
        elif stops:
            message = f"the loss of feed {' or '.join(stops)} stops machines or overloads what is left"
        else:
            continue
        yield found(rule, f"Site/{one.site}", f"sites[{numbers[one.site]}].power.survive", message)


def _scale(rule: Rule, _factory: AIFactory, plan: Plan) -> Iterable[Finding]:
    """No cluster is larger than Kubernetes publishes."""
    for cluster in plan.clusters:
        for count, most, noun in ((cluster.nodes, MOST_NODES, "machines"), (cluster.pods, MOST_PODS, "pods")):
            if count > most:
                yield found(rule, f"Cluster/{cluster.name}", "clusters", f"it has {count:,} {noun}; Kubernetes carries {most:,}")


RAMPS = Rule(
    id="NRG-001",
    title="Load changes no faster than the grid permits",
    severity="warning",
    rationale="Training machines stop and start as one; a step of megawatts within a second is felt by the grid, and may be forbidden.",
    remediation="smooth the load with the accelerators' power controls or a battery, or split jobs over pools",
    controls=(NIS2_CONTINUITY, NIS2_RISK),
    places=PLAN,
    decide=_ramps,
)
CONTRACTED = Rule(
    id="NRG-002",
    title="Contracted electricity covers the load of the machines",
    severity="medium",
    rationale="What is not contracted need not be delivered.",
    remediation="contract more power, or plan fewer machines",
    controls=(NIS2_CONTINUITY, ECSF_ENERGY),
    places=PLAN,
    decide=_contracted,
)
REPORTING = Rule(
    id="NRG-003",
    title="Sites of 500 kW and more report their figures",
    severity="info",
    rationale="The Union's database of data centres asks for energy, water, heat and renewables of each such site, every year.",
    remediation="meter what Annex II of the delegated regulation asks for, and report it",
    controls=(EED_REPORTING, ECSF_REPORTING),
    places=PLAN,
    decide=_reporting,
)
ONE_SOURCE = Rule(
    id="NRG-004",
    title="Electricity comes by several contracts, with sellers in the EEA",
    severity="warning",
    rationale="A single seller, or one under another law, holds a switch.",
    remediation="add a contract with another seller, or storage of your own",
    controls=(ECSF_ENERGY, NIS2_CONTINUITY, DORA_CONCENTRATION),
    places=PLAN,
    decide=_one_source,
)
FEEDS = Rule(
    id="NRG-005",
    title="Machines survive the loss of a feed, and that is known",
    severity="warning",
    rationale="A site that stops with one feed can be stopped by one switch; what no source tells is not known to survive.",
    remediation="add feeds or rack PDUs, or supply the missing figure of the machine's supplies",
    controls=(NIS2_CONTINUITY,),
    places=PLAN,
    decide=_feeds,
)
SCALE = Rule(
    id="SCL-001",
    title="No cluster is larger than Kubernetes publishes",
    severity="high",
    rationale="Beyond its published size nobody has shown that a cluster schedules, recovers or can be upgraded.",
    remediation="lower `clusters.nodes` or `clusters.pods_per_node`; the plan then splits",
    controls=(NIS2_CONTINUITY,),
    places=PLAN,
    decide=_scale,
)

RULES = (RAMPS, CONTRACTED, REPORTING, ONE_SOURCE, FEEDS, SCALE)
