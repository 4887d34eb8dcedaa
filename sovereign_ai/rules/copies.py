"""Copies that nobody thinks of as data: replicas, logs, metrics, old backups; and data where no policy follows it.

Logs and metrics lie at their cluster's site, and the security operations centre reads the logs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from sovereign_ai.catalog.jurisdictions import expand
from sovereign_ai.plan.factory import Plan
from sovereign_ai.rules.controls import C3A_LOCATION, CADA_DATA, ECSF_DATA
from sovereign_ai.rules.duties import (
    C3A_LOGS,
    C3A_SOC,
    ECSF_ERASURE,
    ECSF_LOGS,
    GAIAX_LOCATION,
    GDPR_STORAGE,
    NIS2_CONTINUITY,
    NIS2_RISK,
    SCS_BACKUP,
    SNC_LOCATION,
)
from sovereign_ai.rules.judge import Finding
from sovereign_ai.rules.residency import PLAN, found, on_zone
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.zone import ResidencyPolicy


def _listed(areas: tuple[str, ...]) -> str:
    """Name areas, or say that there is none."""
    return ", ".join(areas) or "no country"


def _replicas(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[Finding]:
    """A tier at several sites holds copies for availability: each lies where the policies permit replicas."""
    places: dict[str, set[str]] = defaultdict(set)
    countries: dict[str, set[str]] = defaultdict(set)
    for one in plan.storage:
        places[one.tier].add(one.site)
        countries[one.tier].add(one.jurisdiction)
    for number, tier in enumerate(factory.storage):
        for policy in on_zone(factory, tier.zone):
            outside = sorted(countries[tier.name] - expand(policy.replicas))
            if len(places[tier.name]) > 1 and outside:
                message = f"replicas lie in {', '.join(outside)}; those of {policy.data} data may be in {_listed(policy.replicas)}"
                yield found(rule, f"Storage/{tier.name}", f"storage[{number}].sites", message)


def _recorded(factory: AIFactory, plan: Plan) -> Iterator[tuple[int, ResidencyPolicy, frozenset[str]]]:
    """Give each policy with the countries of the clusters that run a zone of its data."""
    for number, policy in enumerate(factory.residency):
        clusters = [one for one in plan.clusters if any(not policy.zones or ns.zone in policy.zones for ns in one.namespaces)]
        yield number, policy, frozenset(one.jurisdiction for one in clusters)


def _logs(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[Finding]:
    """Logs lie, and are read by the security operations centre, where the policies permit logs."""
    for number, policy, countries in _recorded(factory, plan):
        permitted = expand(policy.logs)
        if outside := sorted(countries - permitted):
            message = f"clusters keep logs in {', '.join(outside)}; those of {policy.data} data may be in {_listed(policy.logs)}"
            yield found(rule, f"Residency/{policy.data}", f"residency[{number}].logs", message)
        if outside := sorted(expand(factory.operator.soc) - permitted):
            shown = ", ".join(factory.operator.soc)
            message = f"the security operations centre reads logs in {shown}; those of {policy.data} data may be in {_listed(policy.logs)}"
            yield found(rule, f"Factory/{factory.name}", "operator.soc", message)


def _metrics(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[Finding]:
    """Metrics lie where the policies permit them, or logs where they name no place for metrics."""
    for number, policy, countries in _recorded(factory, plan):
        permitted = policy.metrics or policy.logs
        if outside := sorted(countries - expand(permitted)):
            message = f"clusters keep metrics in {', '.join(outside)}; those of {policy.data} data may be in {_listed(permitted)}"
            yield found(rule, f"Residency/{policy.data}", f"residency[{number}].metrics", message)


def _retention(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """No backup outlives what its tier promises."""
    for number, tier in enumerate(factory.storage):
        if tier.retention is not None and tier.backup is not None and tier.backup.retention > tier.retention:
            message = f"data is kept for {tier.retention} at most, and its backups for {tier.backup.retention}"
            yield found(rule, f"Storage/{tier.name}", f"storage[{number}].backup.retention", message)


def _same_site(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[Finding]:
    """No backup lies at the one site of its tier."""
    for number, tier in enumerate(factory.storage):
        sites = {one.site for one in plan.storage if one.tier == tier.name}
        if tier.backup is not None and sites == {tier.backup.site}:
            message = f"the backup lies at {tier.backup.site}, where the tier stands: one fire takes both"
            yield found(rule, f"Storage/{tier.name}", f"storage[{number}].backup.site", message)


def _strays(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """Data classes are brought and worked on only in zones that their policy names."""
    policies = {policy.data: policy for policy in factory.residency}
    pools = {pool.name: pool.zone for pool in factory.pools}
    for number, tenant in enumerate(factory.tenants):
        zones = {zone.name for zone in factory.zones if tenant.name in zone.tenants}
        for data in tenant.data:
            named = policies[data].zones if data in policies else ()
            if data not in policies or (named and not zones & set(named)):
                message = f"it brings {data} data, and is in no zone that may hold it ({', '.join(named) or 'no policy is for it'})"
                yield found(rule, f"Tenant/{tenant.name}", f"tenants[{number}].data", message)
    for number, workload in enumerate(factory.workloads):
        for data in workload.data:
            named = policies[data].zones if data in policies else ()
            if data not in policies or (named and pools[workload.pool] not in named):
                message = f"it works on {data} data in zone {pools[workload.pool]}; that may be in {', '.join(named) or 'none'}"
                yield found(rule, f"Workload/{workload.name}", f"workloads[{number}].data", message)


def _unruled(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """A zone for which no policy says where its data may be is told."""
    for number, zone in enumerate(factory.zones):
        if not any(True for _ in on_zone(factory, zone.name)):
            message = "no residency policy is on it: what its tenants keep there may lie at any site"
            yield found(rule, f"Zone/{zone.name}", f"zones[{number}]", message)


REPLICAS = Rule(
    id="RES-004",
    title="Replicas lie where their data's policy permits them",
    severity="critical",
    rationale="A tier at two sites is the data twice; what no list permits is denied.",
    remediation="name fewer sites under the tier, or add the country to the policy's `replicas`",
    controls=(ECSF_DATA, CADA_DATA, C3A_LOCATION, GAIAX_LOCATION, SNC_LOCATION),
    places=PLAN,
    decide=_replicas,
)
LOGS = Rule(
    id="RES-005",
    title="Logs lie and are read where their data's policy permits logs",
    severity="high",
    rationale="Logs hold names, addresses and at times the data itself, and often go where the data may not.",
    remediation="add the country to the policy's `logs`, or move the cluster or the security operations centre",
    controls=(ECSF_LOGS, CADA_DATA, C3A_LOGS, C3A_SOC),
    places=PLAN,
    decide=_logs,
)
METRICS = Rule(
    id="RES-006",
    title="Metrics lie where their data's policy permits them",
    severity="medium",
    rationale="Who reads metrics learns who works when on what; CADA's draft counts telemetry as customer data.",
    remediation="add the country to the policy's `metrics`, or to its `logs` where it names no metrics",
    controls=(CADA_DATA, ECSF_DATA),
    places=PLAN,
    decide=_metrics,
)
RETENTION = Rule(
    id="RES-007",
    title="No backup outlives the retention of its tier",
    severity="medium",
    rationale="Data that was to be gone is not gone while a backup holds it.",
    remediation="shorten the backup's `retention`, or lengthen the tier's",
    controls=(GDPR_STORAGE, ECSF_ERASURE),
    places=PLAN,
    decide=_retention,
)
STRAYS = Rule(
    id="RES-008",
    title="Data classes are brought and worked on only in zones that their policy names",
    severity="critical",
    rationale="A policy binds the zones that it names; data elsewhere is bound by nothing.",
    remediation="put the tenant or workload into a zone of the data's policy, or name the zone in the policy",
    controls=(ECSF_DATA, CADA_DATA),
    places=PLAN,
    decide=_strays,
)
UNRULED = Rule(
    id="RES-009",
    title="Every zone has a residency policy",
    severity="warning",
    rationale="Where nothing is said, nothing is forbidden.",
    remediation="declare a residency policy and name the zone in it",
    controls=(ECSF_DATA, NIS2_RISK),
    places=PLAN,
    decide=_unruled,
)
SAME_SITE = Rule(
    id="RES-010",
    title="Backups lie at another site than what they back up",
    severity="warning",
    rationale="What destroys or seizes a site takes a backup there with it.",
    remediation="name another site of a permitted country under `backup`",
    controls=(NIS2_CONTINUITY, SCS_BACKUP),
    places=PLAN,
    decide=_same_site,
)

RULES = (REPLICAS, LOGS, METRICS, RETENTION, STRAYS, UNRULED, SAME_SITE)
