"""Residency rules: where data, its copies and its keys may be, decided on the description and the plan.

An empty list in a residency policy permits nothing. Two lists fall back on another one: `snapshots` on `in`
(where the data may be) and `metrics` on `logs`, as the description documents it.

The helpers `on_zone`, `on_site` and `make_finding` serve every rule on the description.
"""

from __future__ import annotations

from collections.abc import Iterable

from sovereign_ai.catalog import expand
from sovereign_ai.errors import Where
from sovereign_ai.plan import Plan
from sovereign_ai.rules.controls import (
    C3A_GATEWAYS,
    C3A_KEYS,
    C3A_LOCATION,
    CADA_DATA,
    CADA_LOCATION,
    ECSF_DATA,
    ECSF_KEYS,
    GDPR_TRANSFER,
)
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.rule import DecisionPlace, Rule
from sovereign_ai.spec import AIFactory, Key, ResidencyPolicy, StorageTier

PLAN: frozenset[DecisionPlace] = frozenset({"plan"})
"""The place in which a rule on the description is decided."""


def on_zone(factory: AIFactory, zone: str) -> list[ResidencyPolicy]:
    """Return the residency policies whose data a zone may hold, in the order of the description."""
    # A policy that names no zone holds in every zone.
    return [policy for policy in factory.residency if not policy.zones or zone in policy.zones]


def on_site(factory: AIFactory, site: str) -> list[ResidencyPolicy]:
    """Return the residency policies whose data servers or storage at a site may hold, each once."""
    zones = set()
    for pool in factory.pools:
        if pool.site == site:
            zones.add(pool.zone)
    for tier in factory.storage:
        if site in tier.sites:
            zones.add(tier.zone)
    policies = []
    for policy in factory.residency:
        # A policy on all zones still does not reach a site that serves no zone at all.
        zones_of_policy = zones & set(policy.zones) if policy.zones else zones
        if zones_of_policy:
            policies.append(policy)
    return policies


def make_finding(rule: Rule, resource: str, field: str, message: str) -> RuleFinding:
    """Return a finding that points at a field of the description."""
    location = Where(field=field)
    return RuleFinding(rule.id, rule.severity, resource, field, message, rule.remediation, location)


def _find_data_abroad(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[RuleFinding]:
    """Yield pools and storage tiers that are in a country where data of their zone may not be."""
    yield from _find_pools_abroad(rule, factory)
    tier_numbers = {}
    for number, tier in enumerate(factory.storage):
        tier_numbers[tier.name] = number
    # The plan has one storage system for each site of a tier, so a tier may be reported once a site.
    for system in plan.storage:
        for policy in on_zone(factory, system.zone):
            if system.jurisdiction not in expand(policy.within):
                number = tier_numbers[system.tier]
                allowed = ", ".join(policy.within)
                message = (
                    f"the tier is at {system.site} in {system.jurisdiction}; {policy.data} data may be in "
                    f"{allowed}"
                )
                resource = f"Storage/{system.tier}"
                field = f"storage[{number}].sites"
                yield make_finding(rule, resource, field, message)


def _find_pools_abroad(rule: Rule, factory: AIFactory) -> Iterable[RuleFinding]:
    """Yield pools that are in a country where data of their zone may not be."""
    for number, pool in enumerate(factory.pools):
        country = factory.site(pool.site).country
        for policy in on_zone(factory, pool.zone):
            if country not in expand(policy.within):
                allowed = ", ".join(policy.within)
                message = (
                    f"the pool is in {country}; {policy.data} data of zone {pool.zone} may be in {allowed}"
                )
                resource = f"Pool/{pool.name}"
                field = f"pools[{number}].site"
                yield make_finding(rule, resource, field, message)


def _find_copies_abroad(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[RuleFinding]:
    """Yield backups and snapshots of a zone's tiers that are where no policy of its data permits them."""
    for number, tier in enumerate(factory.storage):
        countries = set()
        for system in plan.storage:
            if system.tier == tier.name:
                countries.add(system.jurisdiction)
        for policy in on_zone(factory, tier.zone):
            if tier.backup is not None:
                yield from _check_backup(rule, factory, policy, number)
            if tier.snapshots is not None:
                yield from _check_snapshots(rule, tier, policy, countries, number)


def _check_backup(
    rule: Rule, factory: AIFactory, policy: ResidencyPolicy, number: int
) -> Iterable[RuleFinding]:
    """Yield a finding if a tier is backed up to a country that a policy does not permit for backups."""
    tier = factory.storage[number]
    if tier.backup is None:
        return
    country = factory.site(tier.backup.site).country
    if country in expand(policy.backups):
        return
    allowed = ", ".join(policy.backups) or "no country"
    message = f"backups go to {country}; backups of {policy.data} data may be in {allowed}"
    resource = f"Storage/{tier.name}"
    field = f"storage[{number}].backup.site"
    yield make_finding(rule, resource, field, message)


def _check_snapshots(
    rule: Rule, tier: StorageTier, policy: ResidencyPolicy, countries: set[str], number: int
) -> Iterable[RuleFinding]:
    """Yield a finding if a tier keeps snapshots in a country that a policy does not permit for them."""
    permitted = policy.snapshots or policy.within
    outside = sorted(countries - expand(permitted))
    if not outside:
        return
    places = ", ".join(outside)
    allowed = ", ".join(permitted)
    message = f"snapshots lie in {places}; those of {policy.data} data may be in {allowed}"
    resource = f"Storage/{tier.name}"
    field = f"storage[{number}].snapshots"
    yield make_finding(rule, resource, field, message)


def _find_keys_in_wrong_hands(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield tiers whose key is under a law that a policy does not permit, or in the provider's hands."""
    keys = {}
    for key in factory.keys:
        keys[key.name] = key
    for number, tier in enumerate(factory.storage):
        field = f"storage[{number}].encryption.key"
        for policy in on_zone(factory, tier.zone):
            message = _reject_key(keys.get(tier.encryption.key), tier, policy)
            if message:
                resource = f"Storage/{tier.name}"
                yield make_finding(rule, resource, field, message)


def _reject_key(key: Key | None, tier: StorageTier, policy: ResidencyPolicy) -> str:
    """Return why a key may not encrypt data of a policy; empty if it may."""
    if key is None:
        return f"the key {tier.encryption.key!r} is not declared"
    if key.jurisdiction not in expand(policy.keys):
        allowed = ", ".join(policy.keys)
        return (
            f"the key is under the law of {key.jurisdiction}; keys of {policy.data} data may be under that "
            f"of {allowed}"
        )
    if key.custodian == "provider":
        return f"the provider holds the key of {policy.data} data, and can use or withhold it"
    return ""


def _find_unnamed_gateways(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield gateways that a policy does not name, or that end abroad without a ground for a transfer."""
    for number, gateway in enumerate(factory.gateways):
        resource = f"Gateway/{gateway.name}"
        for zone in gateway.zones:
            for policy in on_zone(factory, zone):
                if gateway.name not in policy.gateways:
                    message = f"zone {zone} holds {policy.data} data, whose policy does not name this gateway"
                    field = f"gateways[{number}].zones"
                    yield make_finding(rule, resource, field, message)
                # Whether a declared ground covers the recipient is TRF-001's question.
                elif gateway.seat not in expand(policy.within) and policy.transfer == "none":
                    allowed = ", ".join(policy.within)
                    message = (
                        f"{gateway.entity} sits in {gateway.seat}; {policy.data} data may be in {allowed} "
                        "and no transfer is grounded"
                    )
                    field = f"gateways[{number}].seat"
                    yield make_finding(rule, resource, field, message)


DATA = Rule(
    id="RES-001",
    title="Machines and storage of a zone stand where all its data may be",
    severity="critical",
    rationale="Data is under the law of the place where it is processed and kept.",
    remediation="move the pool or tier, put it into another zone, or narrow the residency policy's `zones`",
    controls=(ECSF_DATA, CADA_LOCATION, CADA_DATA, C3A_LOCATION, GDPR_TRANSFER),
    places=PLAN,
    decide=_find_data_abroad,
)
COPIES = Rule(
    id="RES-002",
    title="Backups and snapshots lie where their data's policy permits copies",
    severity="critical",
    rationale=(
        "A copy is the data. What no list permits is denied: an empty list of backups permits no backup of "
        "that data anywhere."
    ),
    remediation="back up to a permitted site, or add its country to the residency policy's list",
    controls=(ECSF_DATA, CADA_DATA, C3A_LOCATION, GDPR_TRANSFER),
    places=PLAN,
    decide=_find_copies_abroad,
)
KEYS_LAW = Rule(
    id="KEY-001",
    title="Encryption keys are under a permitted law and not in the provider's hands",
    severity="critical",
    rationale=(
        "Whoever can be ordered to hand out a key hands out the data; whoever can withhold it switches the "
        "service off."
    ),
    remediation="use a key with another custodian or jurisdiction, declared under `keys`",
    controls=(ECSF_KEYS, C3A_KEYS),
    places=PLAN,
    decide=_find_keys_in_wrong_hands,
)
GATEWAYS = Rule(
    id="RES-003",
    title="Data leaves only through gateways that its policy names",
    severity="critical",
    rationale=(
        "An address range proves nothing about its owner; a gateway has a legal entity with a seat that can "
        "be judged."
    ),
    remediation=(
        "name the gateway in the residency policy, take the zone off the gateway, or ground the transfer"
    ),
    controls=(C3A_GATEWAYS, GDPR_TRANSFER),
    places=PLAN,
    decide=_find_unnamed_gateways,
)

RULES = (DATA, COPIES, KEYS_LAW, GATEWAYS)
