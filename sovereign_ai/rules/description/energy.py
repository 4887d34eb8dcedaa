"""Energy and scale rules: what grid, contracts and Kubernetes carry, and what a site has to report.

Loads are those of the plan: servers, switches and storage servers at their published maximum power.
"""

from __future__ import annotations

from collections.abc import Iterable

from sovereign_ai.catalog import members
from sovereign_ai.catalog.system import system
from sovereign_ai.names import normal_name
from sovereign_ai.plan import Plan
from sovereign_ai.rules.description.residency import PLAN, make_finding
from sovereign_ai.rules.duties import (
    DORA_CONCENTRATION,
    ECSF_ENERGY,
    ECSF_REPORTING,
    EED_REPORTING,
    NIS2_CONTINUITY,
    NIS2_RISK,
)
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec import AIFactory
from sovereign_ai.units import Watts

REPORTED_FROM = Watts(500_000)
"""Installed IT power from which a data centre reports.

Source: Directive (EU) 2023/1791, Article 12, and Delegated Regulation (EU) 2024/1364.
"""
MOST_NODES, MOST_PODS = 5_000, 150_000
"""The largest cluster that Kubernetes publishes.

Source: kubernetes.io/docs/setup/best-practices/cluster-large, read 2026-11-24.
"""


def _find_steep_ramps(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[RuleFinding]:
    """Yield sites where training servers that stop together change the load faster than the grid permits."""
    for number, site in enumerate(factory.sites):
        power, pool = _largest_training_load(factory, plan, site.name)
        limit = site.power.ramp_limit
        if limit is not None and power > limit.count:
            message = (
                f"pool {pool} can drop {Watts(power)} within a second, when a job that spans it ends or "
                f"waits; the grid takes {limit}"
            )
            resource = f"Site/{site.name}"
            field = f"sites[{number}].power.ramp_limit"
            yield make_finding(rule, resource, field, message)


def _largest_training_load(factory: AIFactory, plan: Plan, site: str) -> tuple[int, str]:
    """Return load in watts and name of the pool at a site that can stop the most at once; 0 without any.

    Servers that a cap limits draw no more than their limit, so no more can stop.
    """
    largest = (0, "")
    limits: dict[str, int] = {}
    for row in plan.power:
        limits.update(row.limits)
    for pool in factory.pools:
        # Inference servers answer independent requests, and management servers run on: neither stops as one.
        if pool.site != site or not pool.trains:
            continue
        rated = system(pool.system).max_power or Watts(0)
        power = min(rated.count, limits.get(pool.name, rated.count))
        largest = max(largest, (factory.standing(pool) * power, pool.name))
    return largest


def _loads(plan: Plan) -> dict[str, int]:
    """Return the IT load of each site in watts."""
    loads = {}
    for site in plan.power:
        loads[site.site] = site.it_load
    return loads


def _find_uncontracted_loads(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[RuleFinding]:
    """Yield sites whose load exceeds what their contracts cover."""
    loads = _loads(plan)
    for number, site in enumerate(factory.sites):
        # Without any contract the site's supply is not described, and nothing can be compared.
        if not site.contracts:
            continue
        contracted = 0
        for contract in site.contracts:
            contracted += contract.power.count
        if loads.get(site.name, 0) > contracted:
            load = Watts(loads[site.name])
            message = f"the servers draw {load}, and {Watts(contracted)} are contracted"
            resource = f"Site/{site.name}"
            field = f"sites[{number}].contracts"
            yield make_finding(rule, resource, field, message)


def _find_reporting_sites(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[RuleFinding]:
    """Yield sites in the Union that have to report their figures."""
    loads = _loads(plan)
    for number, site in enumerate(factory.sites):
        load = Watts(loads.get(site.name, 0))
        if site.country in members("EU") and load >= REPORTED_FROM:
            message = (
                f"{load} of IT power are installed; from {REPORTED_FROM} on the site reports its figures "
                "every year"
            )
            resource = f"Site/{site.name}"
            field = f"sites[{number}].power.it_budget"
            yield make_finding(rule, resource, field, message)


def _find_single_sellers(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield sites whose electricity comes from a single seller, and sellers outside the EEA."""
    for site_number, site in enumerate(factory.sites):
        resource = f"Site/{site.name}"
        contracts = f"sites[{site_number}].contracts"
        sellers = set()
        for contract in site.contracts:
            # Two contracts with the same seller, spelt differently, are still one dependency.
            sellers.add(normal_name(contract.supplier))
        if len(sellers) == 1:
            message = f"all its electricity is bought from {site.contracts[0].supplier}"
            yield make_finding(rule, resource, contracts, message)
        for number, contract in enumerate(site.contracts):
            if contract.supplier_seat not in members("EEA"):
                message = f"{contract.supplier} has its seat in {contract.supplier_seat}"
                field = f"{contracts}[{number}].supplier_seat"
                yield make_finding(rule, resource, field, message)


def _find_feeds_that_stop_servers(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[RuleFinding]:
    """Yield sites whose servers stop with a feed, or for which that cannot be decided."""
    numbers = {}
    for number, site in enumerate(factory.sites):
        numbers[site.name] = number
    for power in plan.power:
        fatal_feeds = [feed for feed, survives in power.survives.items() if not survives]
        # Unknown first: figures of feeds mean little while the supplies of a system are unknown.
        if power.unknown:
            systems = ", ".join(power.unknown)
            message = (
                "whether it survives the loss of a feed cannot be decided: no source gives the supplies of "
                f"{systems}"
            )
        elif fatal_feeds:
            feeds = " or ".join(sorted(fatal_feeds))
            message = f"the loss of feed {feeds} stops servers or overloads the remaining feeds"
        else:
            continue
        field = f"sites[{numbers[power.site]}].power.survive"
        resource = f"Site/{power.site}"
        yield make_finding(rule, resource, field, message)


def _find_large_clusters(rule: Rule, _factory: AIFactory, plan: Plan) -> Iterable[RuleFinding]:
    """Yield clusters that are larger than Kubernetes publishes."""
    for cluster in plan.clusters:
        sizes = ((cluster.nodes, MOST_NODES, "nodes"), (cluster.pods, MOST_PODS, "pods"))
        for count, most, noun in sizes:
            if count > most:
                message = f"it has {count:,} {noun}; Kubernetes supports {most:,}"
                resource = f"Cluster/{cluster.name}"
                yield make_finding(rule, resource, "clusters", message)


RAMPS = Rule(
    id="NRG-001",
    title="Load changes no faster than the grid permits",
    severity="warning",
    rationale=(
        "Training machines stop and start as one; a step of megawatts within a second is felt by the grid, "
        "and may be forbidden."
    ),
    remediation=(
        "smooth the load with the accelerators' power controls or a battery, or split jobs over pools"
    ),
    controls=(NIS2_CONTINUITY, NIS2_RISK),
    places=PLAN,
    decide=_find_steep_ramps,
)
CONTRACTED = Rule(
    id="NRG-002",
    title="Contracted electricity covers the load of the machines",
    severity="medium",
    rationale="What is not contracted need not be delivered.",
    remediation="contract more power, or plan fewer machines",
    controls=(NIS2_CONTINUITY, ECSF_ENERGY),
    places=PLAN,
    decide=_find_uncontracted_loads,
)
REPORTING = Rule(
    id="NRG-003",
    title="Sites of 500 kW and more report their figures",
    severity="info",
    rationale=(
        "The Union's database of data centres asks for energy, water, heat and renewables of each such "
        "site, every year."
    ),
    remediation="meter what Annex II of the delegated regulation asks for, and report it",
    controls=(EED_REPORTING, ECSF_REPORTING),
    places=PLAN,
    decide=_find_reporting_sites,
)
ONE_SOURCE = Rule(
    id="NRG-004",
    title="Electricity comes by several contracts, with sellers in the EEA",
    severity="warning",
    rationale="A single seller, or one under another law, holds a switch.",
    remediation="add a contract with another seller, or storage of your own",
    controls=(ECSF_ENERGY, NIS2_CONTINUITY, DORA_CONCENTRATION),
    places=PLAN,
    decide=_find_single_sellers,
)
FEEDS = Rule(
    id="NRG-005",
    title="Machines survive the loss of a feed, and that is known",
    severity="warning",
    rationale=(
        "A site that stops with one feed can be stopped by one switch; what no source tells is not known to "
        "survive."
    ),
    remediation="add feeds or rack PDUs, or supply the missing figure of the machine's supplies",
    controls=(NIS2_CONTINUITY,),
    places=PLAN,
    decide=_find_feeds_that_stop_servers,
)
SCALE = Rule(
    id="SCL-001",
    title="No cluster is larger than Kubernetes publishes",
    severity="high",
    rationale=(
        "Beyond its published size nobody has shown that a cluster schedules, recovers or can be upgraded."
    ),
    remediation="lower `clusters.nodes` or `clusters.pods_per_node`; the plan then splits",
    controls=(NIS2_CONTINUITY,),
    places=PLAN,
    decide=_find_large_clusters,
)

RULES = (RAMPS, CONTRACTED, REPORTING, ONE_SOURCE, FEEDS, SCALE)
