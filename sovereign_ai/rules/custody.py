"""Custody: whose law reaches keys, what keeps them, and how soon they can be withdrawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sovereign_ai.catalog.jurisdictions import expand
from sovereign_ai.plan.factory import Plan
from sovereign_ai.rules.controls import C3A_KEYS, ECSF_KEYS, GDPR_SECURITY
from sovereign_ai.rules.duties import ECSF_CONTROL, GDPR_ORDERS, NIS2_CRYPTO, SCS_KEYS
from sovereign_ai.rules.judge import Finding
from sovereign_ai.rules.residency import PLAN, found, on_zone
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.storage import Key
from sovereign_ai.spec.zone import ResidencyPolicy
from sovereign_ai.units import Seconds

SLOWEST_REVOCATION = Seconds(86_400)
"""How soon a key of data under a residency policy must be withdrawn at the latest: our own limit, a day."""


def _held(factory: AIFactory) -> Iterator[tuple[int, Key, list[ResidencyPolicy]]]:
    """Give each key that encrypts data under residency policies, with these."""
    for number, key in enumerate(factory.keys):
        zones = {tier.zone for tier in factory.storage if tier.encryption.key == key.name}
        policies = {policy.data: policy for zone in sorted(zones) for policy in on_zone(factory, zone)}
        if policies:
            yield number, key, list(policies.values())


def _operator(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """Where the operator holds a key, no law reaches the operator or its parent that the policy does not permit."""
    seats = {factory.operator.seat, factory.operator.parent.seat}
    for number, key, policies in _held(factory):
        for policy in policies:
            outside = sorted(seats - expand(policy.keys))
            if key.custodian == "operator" and outside:
                message = (
                    f"the operator holds the key, and the law of {', '.join(outside)} reaches it; "
                    f"keys of {policy.data} data may be under that of {', '.join(policy.keys)}"
                )
                yield found(rule, f"Key/{key.name}", f"keys[{number}].custodian", message)


def _module(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """A key of data under a residency policy is kept in a module."""
    for number, key, policies in _held(factory):
        if key.module == "software":
            data = ", ".join(policy.data for policy in policies)
            yield found(rule, f"Key/{key.name}", f"keys[{number}].module", f"the key of {data} data lies in a file that can be copied")


def _revocation(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """A key of data under a residency policy can be withdrawn within a day."""
    for number, key, policies in _held(factory):
        if key.revocation > SLOWEST_REVOCATION:
            data = ", ".join(policy.data for policy in policies)
            message = f"the key of {data} data can be used for {key.revocation} after it was revoked; at most {SLOWEST_REVOCATION}"
            yield found(rule, f"Key/{key.name}", f"keys[{number}].revocation", message)


def _trust(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """No key serves zones of different trust."""
    trust = {zone.name: zone.trust for zone in factory.zones}
    for number, key in enumerate(factory.keys):
        levels = sorted({trust[tier.zone] for tier in factory.storage if tier.encryption.key == key.name})
        if len(levels) > 1:
            message = f"it encrypts tiers of {' and '.join(levels)} trust: it cannot be revoked for one of them alone"
            yield found(rule, f"Key/{key.name}", f"keys[{number}]", message)


OPERATOR = Rule(
    id="KEY-002",
    title="An operator that holds keys is out of reach of laws that their data's policy does not permit",
    severity="critical",
    rationale="A key that is kept here and held by a body that a foreign authority can order is no better than one kept there.",
    remediation="let the customer hold the key, or a third party under a permitted law",
    controls=(ECSF_KEYS, ECSF_CONTROL, C3A_KEYS, GDPR_ORDERS),
    places=PLAN,
    decide=_operator,
)
MODULE = Rule(
    id="KEY-003",
    title="Keys of data under a residency policy are kept in a module",
    severity="high",
    rationale="A key in a file is copied without a trace; a module uses it without giving it out.",
    remediation="write `module: pkcs11`, `kms` or `tpm`",
    controls=(ECSF_KEYS, NIS2_CRYPTO, SCS_KEYS),
    places=PLAN,
    decide=_module,
)
REVOCATION = Rule(
    id="KEY-004",
    title="A key of data under a residency policy can be withdrawn within a day",
    severity="medium",
    rationale="Cutting off a key is the last means against a holder that has turned; it works as late as its revocation does.",
    remediation="shorten how long keys are cached, and write the new `revocation`",
    controls=(C3A_KEYS, NIS2_CRYPTO),
    places=PLAN,
    decide=_revocation,
)
TRUST = Rule(
    id="KEY-005",
    title="Each level of trust has keys of its own",
    severity="warning",
    rationale="A key that two levels share cannot be revoked for one, and whoever gets it at the lower reads the higher.",
    remediation="declare another key and name it in the tiers of one level",
    controls=(ECSF_KEYS, NIS2_CRYPTO, GDPR_SECURITY),
    places=PLAN,
    decide=_trust,
)

RULES = (OPERATOR, MODULE, REVOCATION, TRUST)
