"""Rules on copies of data (replicas, logs, metrics, old backups) and on data that no policy covers.

The rules assume that logs and metrics stay at the site of their cluster, and that the security operations
centre (SOC) reads the logs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from sovereign_ai.catalog import expand
from sovereign_ai.plan import ClusterPlan, Plan
from sovereign_ai.rules.controls import C3A_LOCATION, CADA_DATA, ECSF_DATA
from sovereign_ai.rules.description.residency import PLAN, make_finding, on_zone
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
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec import AIFactory, ResidencyPolicy


def _listed(areas: tuple[str, ...]) -> str:
    """Return the names of areas as text."""
    return ", ".join(areas) or "no country"


def _find_replicas_abroad(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[RuleFinding]:
    """Yield tiers at several sites whose replicas are where no policy permits them."""
    sites: dict[str, set[str]] = defaultdict(set)
    countries: dict[str, set[str]] = defaultdict(set)
    for system in plan.storage:
        sites[system.tier].add(system.site)
        countries[system.tier].add(system.jurisdiction)
    for number, tier in enumerate(factory.storage):
        # A tier at one site has no replicas: RES-001 decides where the data itself is.
        if len(sites[tier.name]) < 2:
            continue
        for policy in on_zone(factory, tier.zone):
            outside = sorted(countries[tier.name] - expand(policy.replicas))
            if outside:
                places = ", ".join(outside)
                allowed = _listed(policy.replicas)
                message = f"replicas lie in {places}; those of {policy.data} data may be in {allowed}"
                resource = f"Storage/{tier.name}"
                field = f"storage[{number}].sites"
                yield make_finding(rule, resource, field, message)


def _recorded_in(factory: AIFactory, plan: Plan) -> Iterator[tuple[int, ResidencyPolicy, frozenset[str]]]:
    """Yield number, policy, and the countries of the clusters that run a zone of the policy's data."""
    for number, policy in enumerate(factory.residency):
        countries = set()
        for cluster in plan.clusters:
            if _runs_zone_of(policy, cluster):
                countries.add(cluster.jurisdiction)
        yield number, policy, frozenset(countries)


def _runs_zone_of(policy: ResidencyPolicy, cluster: ClusterPlan) -> bool:
    """Return whether a cluster has a namespace of a zone that holds a policy's data."""
    return any(not policy.zones or namespace.zone in policy.zones for namespace in cluster.namespaces)


def _find_logs_abroad(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[RuleFinding]:
    """Yield policies whose logs are kept, or read by the SOC, where the policy does not permit logs."""
    for number, policy, countries in _recorded_in(factory, plan):
        permitted = expand(policy.logs)
        allowed = _listed(policy.logs)
        kept_outside = sorted(countries - permitted)
        if kept_outside:
            places = ", ".join(kept_outside)
            message = f"clusters keep logs in {places}; those of {policy.data} data may be in {allowed}"
            resource = f"Residency/{policy.data}"
            field = f"residency[{number}].logs"
            yield make_finding(rule, resource, field, message)
        if expand(factory.operator.soc) - permitted:
            # The areas of the description are reported, not the countries that they expand to.
            areas = ", ".join(factory.operator.soc)
            message = (
                f"the security operations centre reads logs in {areas}; those of {policy.data} data may be "
                f"in {allowed}"
            )
            resource = f"Factory/{factory.name}"
            yield make_finding(rule, resource, "operator.soc", message)


def _find_metrics_abroad(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[RuleFinding]:
    """Yield policies whose metrics are kept where neither `metrics` nor, without it, `logs` permits them."""
    for number, policy, countries in _recorded_in(factory, plan):
        permitted = policy.metrics or policy.logs
        outside = sorted(countries - expand(permitted))
        if outside:
            places = ", ".join(outside)
            allowed = _listed(permitted)
            message = f"clusters keep metrics in {places}; those of {policy.data} data may be in {allowed}"
            resource = f"Residency/{policy.data}"
            field = f"residency[{number}].metrics"
            yield make_finding(rule, resource, field, message)


def _find_long_backups(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield tiers whose backups are kept longer than their data."""
    for number, tier in enumerate(factory.storage):
        if tier.retention is None or tier.backup is None:
            continue
        if tier.backup.retention > tier.retention:
            field = f"storage[{number}].backup.retention"
            message = (
                f"data is kept for {tier.retention} at most, and its backups for {tier.backup.retention}"
            )
            resource = f"Storage/{tier.name}"
            yield make_finding(rule, resource, field, message)


def _find_backups_at_same_site(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[RuleFinding]:
    """Yield tiers at a single site whose backup is at that site too."""
    for number, tier in enumerate(factory.storage):
        sites = set()
        for system in plan.storage:
            if system.tier == tier.name:
                sites.add(system.site)
        # A tier at several sites survives one of them without its backup.
        if tier.backup is not None and sites == {tier.backup.site}:
            field = f"storage[{number}].backup.site"
            message = f"the backup lies at {tier.backup.site}, where the tier is: one fire destroys both"
            resource = f"Storage/{tier.name}"
            yield make_finding(rule, resource, field, message)


def _find_uncovered_data(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield tenants and workloads with a data class in no zone that its policy names."""
    policies = {}
    for policy in factory.residency:
        policies[policy.data] = policy
    yield from _find_uncovered_tenants(rule, factory, policies)
    yield from _find_uncovered_workloads(rule, factory, policies)


def _find_uncovered_tenants(
    rule: Rule, factory: AIFactory, policies: dict[str, ResidencyPolicy]
) -> Iterable[RuleFinding]:
    """Yield tenants that bring a data class and are in no zone that its policy names."""
    for number, tenant in enumerate(factory.tenants):
        zones = set()
        for zone in factory.zones:
            if tenant.name in zone.tenants:
                zones.add(zone.name)
        for data in tenant.data:
            permitted = policies[data].zones if data in policies else ()
            # A policy that names no zone covers all of them; a class without a policy is covered nowhere.
            is_outside = bool(permitted) and not zones & set(permitted)
            if data not in policies or is_outside:
                reason = ", ".join(permitted) or "no policy is for it"
                message = f"it brings {data} data, and is in no zone that may hold it ({reason})"
                resource = f"Tenant/{tenant.name}"
                field = f"tenants[{number}].data"
                yield make_finding(rule, resource, field, message)


def _find_uncovered_workloads(
    rule: Rule, factory: AIFactory, policies: dict[str, ResidencyPolicy]
) -> Iterable[RuleFinding]:
    """Yield workloads that use a data class in a zone that its policy does not name."""
    zones = {}
    for pool in factory.pools:
        zones[pool.name] = pool.zone
    for number, workload in enumerate(factory.workloads):
        for data in workload.data:
            permitted = policies[data].zones if data in policies else ()
            is_outside = bool(permitted) and zones[workload.pool] not in permitted
            if data not in policies or is_outside:
                zone = zones[workload.pool]
                allowed = ", ".join(permitted) or "none"
                message = f"it works on {data} data in zone {zone}; that may be in {allowed}"
                resource = f"Workload/{workload.name}"
                field = f"workloads[{number}].data"
                yield make_finding(rule, resource, field, message)


def _find_zones_without_policy(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield zones for which no residency policy restricts where data may be."""
    for number, zone in enumerate(factory.zones):
        if not on_zone(factory, zone.name):
            message = "no residency policy is on it: what its tenants keep there may lie at any site"
            resource = f"Zone/{zone.name}"
            field = f"zones[{number}]"
            yield make_finding(rule, resource, field, message)


REPLICAS = Rule(
    id="RES-004",
    title="Replicas lie where their data's policy permits them",
    severity="critical",
    rationale="A tier at two sites is the data twice; what no list permits is denied.",
    remediation="name fewer sites under the tier, or add the country to the policy's `replicas`",
    controls=(ECSF_DATA, CADA_DATA, C3A_LOCATION, GAIAX_LOCATION, SNC_LOCATION),
    places=PLAN,
    decide=_find_replicas_abroad,
)
LOGS = Rule(
    id="RES-005",
    title="Logs lie and are read where their data's policy permits logs",
    severity="high",
    rationale="Logs hold names, addresses and at times the data itself, and often go where the data may not.",
    remediation=(
        "add the country to the policy's `logs`, or move the cluster or the security operations centre"
    ),
    controls=(ECSF_LOGS, CADA_DATA, C3A_LOGS, C3A_SOC),
    places=PLAN,
    decide=_find_logs_abroad,
)
METRICS = Rule(
    id="RES-006",
    title="Metrics lie where their data's policy permits them",
    severity="medium",
    rationale=(
        "Who reads metrics learns who works when on what; CADA's draft counts telemetry as customer data."
    ),
    remediation="add the country to the policy's `metrics`, or to its `logs` where it names no metrics",
    controls=(CADA_DATA, ECSF_DATA),
    places=PLAN,
    decide=_find_metrics_abroad,
)
RETENTION = Rule(
    id="RES-007",
    title="No backup outlives the retention of its tier",
    severity="medium",
    rationale="Data that was to be gone is not gone while a backup holds it.",
    remediation="shorten the backup's `retention`, or lengthen the tier's",
    controls=(GDPR_STORAGE, ECSF_ERASURE),
    places=PLAN,
    decide=_find_long_backups,
)
STRAYS = Rule(
    id="RES-008",
    title="Data classes are brought and worked on only in zones that their policy names",
    severity="critical",
    rationale="A policy binds the zones that it names; data elsewhere is bound by nothing.",
    remediation="put the tenant or workload into a zone of the data's policy, or name the zone in the policy",
    controls=(ECSF_DATA, CADA_DATA),
    places=PLAN,
    decide=_find_uncovered_data,
)
UNRULED = Rule(
    id="RES-009",
    title="Every zone has a residency policy",
    severity="warning",
    rationale="Without a policy nothing is forbidden.",
    remediation="declare a residency policy and name the zone in it",
    controls=(ECSF_DATA, NIS2_RISK),
    places=PLAN,
    decide=_find_zones_without_policy,
)
SAME_SITE = Rule(
    id="RES-010",
    title="Backups lie at another site than what they back up",
    severity="warning",
    rationale="What destroys or seizes a site takes a backup there with it.",
    remediation="name another site of a permitted country under `backup`",
    controls=(NIS2_CONTINUITY, SCS_BACKUP),
    places=PLAN,
    decide=_find_backups_at_same_site,
)

RULES = (REPLICAS, LOGS, METRICS, RETENTION, STRAYS, UNRULED, SAME_SITE)
