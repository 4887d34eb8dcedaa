"""Residency: where data, its copies and its keys may be. Decided on the description and the plan.

An empty list in a residency policy permits nothing; only snapshots (where the data may be) and
metrics (where logs may be) fall back on another list, as the description says.
"""

from __future__ import annotations

from collections.abc import Iterable

from sovereign_ai.catalog.jurisdictions import expand
from sovereign_ai.errors import Where
from sovereign_ai.plan.factory import Plan
from sovereign_ai.rules.controls import C3A_GATEWAYS, C3A_KEYS, C3A_LOCATION, CADA_DATA, CADA_LOCATION, ECSF_DATA, ECSF_KEYS, GDPR_TRANSFER
from sovereign_ai.rules.judge import Finding
from sovereign_ai.rules.rule import Place, Rule
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.zone import ResidencyPolicy

PLAN: frozenset[Place] = frozenset({"plan"})
"""Where a rule on the description is decided."""


def on_zone(factory: AIFactory, zone: str) -> Iterable[ResidencyPolicy]:
    """Give the residency policies whose data a zone may hold."""
    return (policy for policy in factory.residency if not policy.zones or zone in policy.zones)


def on_site(factory: AIFactory, site: str) -> list[ResidencyPolicy]:
    """Give the residency policies whose data machines or storage at a site may hold, each once."""
    zones = {pool.zone for pool in factory.pools if pool.site == site} | {tier.zone for tier in factory.storage if site in tier.sites}
    return [policy for policy in factory.residency if (zones if not policy.zones else zones & set(policy.zones))]


def found(rule: Rule, resource: str, field: str, message: str) -> Finding:
    """Make one finding that points into the description."""
    return Finding(rule.id, rule.severity, resource, field, message, rule.remediation, Where(field=field))


def _data(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[Finding]:
    """Every pool and every storage tier of a zone stands where all its data may be."""
    for number, pool in enumerate(factory.pools):
        country = factory.site(pool.site).country
        for policy in on_zone(factory, pool.zone):
            if country not in expand(policy.within):
                message = f"the pool stands in {country}; {policy.data} data of zone {pool.zone} may be in {', '.join(policy.within)}"
                yield found(rule, f"Pool/{pool.name}", f"pools[{number}].site", message)
    tiers = {tier.name: number for number, tier in enumerate(factory.storage)}
    for placed in plan.storage:
        for policy in on_zone(factory, placed.zone):
            if placed.jurisdiction not in expand(policy.within):
                allowed = ", ".join(policy.within)
                message = f"the tier stands at {placed.site} in {placed.jurisdiction}; {policy.data} data may be in {allowed}"
                yield found(rule, f"Storage/{placed.tier}", f"storage[{tiers[placed.tier]}].sites", message)


def _copies(rule: Rule, factory: AIFactory, plan: Plan) -> Iterable[Finding]:
    """Backups, replicas and snapshots of a zone's tiers lie where the policies of its data permit."""
    for number, tier in enumerate(factory.storage):
        placed = {one.jurisdiction for one in plan.storage if one.tier == tier.name}
        for policy in on_zone(factory, tier.zone):
            if tier.backup is not None:
                country = factory.site(tier.backup.site).country
                if country not in expand(policy.backups):
                    message = (
                        f"backups go to {country}; backups of {policy.data} data may be in {', '.join(policy.backups) or 'no country'}"
                    )
                    yield found(rule, f"Storage/{tier.name}", f"storage[{number}].backup.site", message)
            if tier.snapshots is not None:
                permitted = policy.snapshots or policy.within
                if outside := sorted(placed - expand(permitted)):
                    message = f"snapshots lie in {', '.join(outside)}; those of {policy.data} data may be in {', '.join(permitted)}"
                    yield found(rule, f"Storage/{tier.name}", f"storage[{number}].snapshots", message)


def _keys(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """Keys of a zone's tiers are under a law that its data's policies permit, and not in the provider's hands."""
    keys = {key.name: key for key in factory.keys}
    for number, tier in enumerate(factory.storage):
        key = keys.get(tier.encryption.key)
        field = f"storage[{number}].encryption.key"
        for policy in on_zone(factory, tier.zone):
            if key is None:
                yield found(rule, f"Storage/{tier.name}", field, f"the key {tier.encryption.key!r} is not declared")
            elif key.jurisdiction not in expand(policy.keys):
                message = f"the key is under the law of {key.jurisdiction}; keys of {policy.data} data may be under that of {', '.join(policy.keys)}"
                yield found(rule, f"Storage/{tier.name}", field, message)
            elif key.custodian == "provider":
                message = f"the provider holds the key of {policy.data} data, and can use or withhold it"
                yield found(rule, f"Storage/{tier.name}", field, message)


def _gateways(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """A zone's gateways are permitted by every policy of its data, and end where the data may be or a transfer is grounded."""
    for number, gateway in enumerate(factory.gateways):
        for zone in gateway.zones:
            for policy in on_zone(factory, zone):
                field = f"gateways[{number}].zones"
                if gateway.name not in policy.gateways:
                    message = f"zone {zone} holds {policy.data} data, whose policy does not name this gateway"
                    yield found(rule, f"Gateway/{gateway.name}", field, message)
                elif gateway.seat not in expand(policy.within) and policy.transfer == "none":
                    message = f"{gateway.entity} sits in {gateway.seat}; {policy.data} data may be in {', '.join(policy.within)} and no transfer is grounded"
                    yield found(rule, f"Gateway/{gateway.name}", f"gateways[{number}].seat", message)


DATA = Rule(
    id="RES-001",
    title="Machines and storage of a zone stand where all its data may be",
    severity="critical",
    rationale="Data is under the law of the place where it is processed and kept.",
    remediation="move the pool or tier, put it into another zone, or narrow the residency policy's `zones`",
    controls=(ECSF_DATA, CADA_LOCATION, CADA_DATA, C3A_LOCATION, GDPR_TRANSFER),
    places=PLAN,
    decide=_data,
)
COPIES = Rule(
    id="RES-002",
    title="Backups and snapshots lie where their data's policy permits copies",
    severity="critical",
    rationale="A copy is the data. What no list permits is denied: an empty list of backups permits no backup of that data anywhere.",
    remediation="back up to a permitted site, or add its country to the residency policy's list",
    controls=(ECSF_DATA, CADA_DATA, C3A_LOCATION, GDPR_TRANSFER),
    places=PLAN,
    decide=_copies,
)
KEYS_LAW = Rule(
    id="KEY-001",
    title="Encryption keys are under a permitted law and not in the provider's hands",
    severity="critical",
    rationale="Whoever can be ordered to hand out a key hands out the data; whoever can withhold it switches the service off.",
    remediation="use a key with another custodian or jurisdiction, declared under `keys`",
    controls=(ECSF_KEYS, C3A_KEYS),
    places=PLAN,
    decide=_keys,
)
GATEWAYS = Rule(
    id="RES-003",
    title="Data leaves only through gateways that its policy names",
    severity="critical",
    rationale="An address range proves nothing about its owner; a gateway has a legal entity with a seat that can be judged.",
    remediation="name the gateway in the residency policy, take the zone off the gateway, or ground the transfer",
    controls=(C3A_GATEWAYS, GDPR_TRANSFER),
    places=PLAN,
    decide=_gateways,
)

RULES = (DATA, COPIES, KEYS_LAW, GATEWAYS)
