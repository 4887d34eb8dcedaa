"""Custody rules: whose law reaches encryption keys, what keeps them, and how soon they can be withdrawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sovereign_ai.catalog import expand
from sovereign_ai.plan import Plan
from sovereign_ai.rules.controls import C3A_KEYS, ECSF_KEYS, GDPR_SECURITY
from sovereign_ai.rules.description.residency import PLAN, make_finding, on_zone
from sovereign_ai.rules.duties import ECSF_CONTROL, GDPR_ORDERS, NIS2_CRYPTO, SCS_KEYS
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec import AIFactory, Key, ResidencyPolicy
from sovereign_ai.units import Seconds

SLOWEST_REVOCATION = Seconds(86_400)
"""The longest time until a key of data under a residency policy is withdrawn: our own limit, a day."""


def _keys_under_policies(factory: AIFactory) -> Iterator[tuple[int, Key, list[ResidencyPolicy]]]:
    """Yield number, key and policies of each key that encrypts data under residency policies."""
    for number, key in enumerate(factory.keys):
        # By data class, so that a policy on several zones counts once; zones sorted for a stable order.
        policies = {}
        for zone in sorted(_zones_of_key(factory, key)):
            for policy in on_zone(factory, zone):
                policies[policy.data] = policy
        if policies:
            yield number, key, list(policies.values())


def _zones_of_key(factory: AIFactory, key: Key) -> set[str]:
    """Return the zones of the storage tiers that a key encrypts."""
    zones = set()
    for tier in factory.storage:
        if tier.encryption.key == key.name:
            zones.add(tier.zone)
    return zones


def _data_of(policies: list[ResidencyPolicy]) -> str:
    """Return the data classes of policies as text."""
    return ", ".join(policy.data for policy in policies)


def _find_operators_under_foreign_law(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield keys held by an operator that, or whose parent, is under a law that a policy does not permit."""
    seats = {factory.operator.seat, factory.operator.parent.seat}
    for number, key, policies in _keys_under_policies(factory):
        if key.custodian != "operator":
            continue
        for policy in policies:
            outside = sorted(seats - expand(policy.keys))
            if outside:
                laws = ", ".join(outside)
                allowed = ", ".join(policy.keys)
                message = (
                    f"the operator holds the key, and the law of {laws} reaches it; keys of {policy.data} "
                    f"data may be under that of {allowed}"
                )
                resource = f"Key/{key.name}"
                field = f"keys[{number}].custodian"
                yield make_finding(rule, resource, field, message)


def _find_software_keys(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield keys of data under a residency policy that are kept in a file."""
    for number, key, policies in _keys_under_policies(factory):
        if key.module == "software":
            message = f"the key of {_data_of(policies)} data lies in a file that can be copied"
            resource = f"Key/{key.name}"
            field = f"keys[{number}].module"
            yield make_finding(rule, resource, field, message)


def _find_slow_revocations(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield keys of data under a residency policy that cannot be withdrawn within a day."""
    for number, key, policies in _keys_under_policies(factory):
        if key.revocation > SLOWEST_REVOCATION:
            message = (
                f"the key of {_data_of(policies)} data can be used for {key.revocation} after it was "
                f"revoked; at most {SLOWEST_REVOCATION}"
            )
            resource = f"Key/{key.name}"
            field = f"keys[{number}].revocation"
            yield make_finding(rule, resource, field, message)


def _find_keys_across_trust(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield keys that serve zones of different trust."""
    trust = {}
    for zone in factory.zones:
        trust[zone.name] = zone.trust
    for number, key in enumerate(factory.keys):
        levels = set()
        for zone_name in _zones_of_key(factory, key):
            levels.add(trust[zone_name])
        if len(levels) > 1:
            names = " and ".join(sorted(levels))
            message = f"it encrypts tiers of {names} trust: it cannot be revoked for one of them alone"
            resource = f"Key/{key.name}"
            field = f"keys[{number}]"
            yield make_finding(rule, resource, field, message)


OPERATOR = Rule(
    id="KEY-002",
    title="An operator that holds keys is out of reach of laws that their data's policy does not permit",
    severity="critical",
    rationale=(
        "A key that is kept here and held by a body that a foreign authority can order is no better than "
        "one kept there."
    ),
    remediation="let the customer hold the key, or a third party under a permitted law",
    controls=(ECSF_KEYS, ECSF_CONTROL, C3A_KEYS, GDPR_ORDERS),
    places=PLAN,
    decide=_find_operators_under_foreign_law,
)
MODULE = Rule(
    id="KEY-003",
    title="Keys of data under a residency policy are kept in a module",
    severity="high",
    rationale="A key in a file is copied without a trace; a module uses it without giving it out.",
    remediation="write `module: pkcs11`, `kms` or `tpm`",
    controls=(ECSF_KEYS, NIS2_CRYPTO, SCS_KEYS),
    places=PLAN,
    decide=_find_software_keys,
)
REVOCATION = Rule(
    id="KEY-004",
    title="A key of data under a residency policy can be withdrawn within a day",
    severity="medium",
    rationale=(
        "Cutting off a key is the last means against a holder that has turned; it works as late as its "
        "revocation does."
    ),
    remediation="shorten how long keys are cached, and write the new `revocation`",
    controls=(C3A_KEYS, NIS2_CRYPTO),
    places=PLAN,
    decide=_find_slow_revocations,
)
TRUST = Rule(
    id="KEY-005",
    title="Each level of trust has keys of its own",
    severity="warning",
    rationale=(
        "A key that two levels share cannot be revoked for one, and whoever gets it at the lower reads the "
        "higher."
    ),
    remediation="declare another key and name it in the tiers of one level",
    controls=(ECSF_KEYS, NIS2_CRYPTO, GDPR_SECURITY),
    places=PLAN,
    decide=_find_keys_across_trust,
)

RULES = (OPERATOR, MODULE, REVOCATION, TRUST)
