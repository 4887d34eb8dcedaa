"""Transfers and foreign law: what a transfer rests on, and whom authorities elsewhere can order.

A law counts with its status: one that has lapsed while its orders run on counts, a proposal never does.
The law of a country reaches a body with its seat there when its reach is `seat` or `both`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sovereign_ai.catalog.jurisdictions import country, expand, law, members
from sovereign_ai.plan.factory import Plan
from sovereign_ai.rules.controls import ECSF_LAW, GDPR_TRANSFER
from sovereign_ai.rules.duties import (
    C3A_CONTROL,
    C3A_REACH,
    CADA_CONTROL,
    ECSF_CONTROL,
    ECSF_ORDERS,
    ECSF_SUBCONTRACTORS,
    GAIAX_ORDERS,
    GAIAX_OWNERSHIP,
    GAIAX_THIRD,
    GDPR_ADEQUACY,
    GDPR_ORDERS,
    GDPR_PROCESSORS,
    GDPR_SAFEGUARDS,
    SNC_OWNERSHIP,
)
from sovereign_ai.rules.judge import Finding
from sovereign_ai.rules.residency import PLAN, found
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.zone import ResidencyPolicy
from sovereign_ai.units import Percent

MOST_EACH, MOST_TOGETHER = Percent(2_400), Percent(3_900)
"""What holders outside the Union may own each and together: SecNumCloud 3.2, 19.6."""
_COUNT = frozenset({"in-force", "lapsed-still-applied"})


def reaching(seat: str) -> str:
    """Name the laws by which the authorities of a country reach what a body with its seat there holds elsewhere, each with its status.

    >>> reaching("US")
    'CLOUD Act (18 U.S.C. 2713) (in-force), Foreign Intelligence Surveillance Act, section 702 (50 U.S.C. 1881a) (lapsed-still-applied)'
    >>> reaching("IN")
    ''
    """
    named = [law(name) for name in country(seat).laws]
    return ", ".join(f"{one.title} ({one.status})" for one in named if one.reach in {"seat", "both"} and one.status in _COUNT)


def _recipients(factory: AIFactory, policy: ResidencyPolicy) -> Iterator[tuple[str, str, str, str]]:
    """Give who receives a data class from outside: resource, field, name, and the seat that counts."""
    for number, gateway in enumerate(factory.gateways):
        if gateway.name in policy.gateways:
            yield f"Gateway/{gateway.name}", f"gateways[{number}].seat", gateway.entity, gateway.seat
    for number, body in enumerate(factory.operator.sub_processors):
        if policy.data in body.data:
            field = f"operator.sub_processors[{number}]"
            yield f"Factory/{factory.name}", f"{field}.seat", body.name, body.seat
            if body.parent_seat is not None:
                yield f"Factory/{factory.name}", f"{field}.parent_seat", f"the parent of {body.name}", body.parent_seat


def _grounds(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """What goes to a recipient outside the policy's area rests on a mechanism that covers it."""
    for policy in factory.residency:
        for resource, field, name, seat in _recipients(factory, policy):
            why = "" if seat in expand(policy.within) else _missing_ground(factory, policy, name, seat)
            if why:
                yield found(rule, resource, field, f"{policy.data} data goes to {name} in {seat}: {why}")


def _missing_ground(factory: AIFactory, policy: ResidencyPolicy, name: str, seat: str) -> str:
    """Say why a policy's mechanism does not cover a recipient; empty if it does."""
    if policy.transfer == "none":
        return "its policy forbids transfers"
    if seat in members("EEA") or policy.transfer == "scc":
        return ""
    if policy.transfer == "bcr":
        group = {body.strip().casefold() for body in (factory.operator.name, factory.operator.parent.name or "")}
        return "" if name.strip().casefold() in group else "binding corporate rules cover the operator's own group alone"
    if seat in members("ADEQUACY"):
        return ""
    decision = country(seat).adequacy
    return f"the decision covers {decision.condition} ({decision.status})" if decision else "there is no adequacy decision"


def _shaky(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """Countries that a policy permits only by a conditional, contested or foreign ground are told."""
    for number, policy in enumerate(factory.residency):
        for field in ("within", "replicas", "snapshots", "backups", "logs", "metrics", "keys", "staff_access"):
            for code in sorted(expand(getattr(policy, field)) - members("EEA")):
                decision = country(code).adequacy
                if decision is None:
                    why = "no adequacy decision covers it"
                elif decision.condition or decision.status != "in-force":
                    why = f"its adequacy decision is {decision.status}" + (
                        f" and covers {decision.condition}" if decision.condition else ""
                    )
                else:
                    continue
                place = f"residency[{number}].{'in' if field == 'within' else field}"
                yield found(rule, f"Residency/{policy.data}", place, f"{code} is permitted for {policy.data} data: {why}")


def _parent(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """No law from outside the policies' areas reaches the operator, its parent or who holds most of its votes."""
    operator = factory.operator
    bodies = [("operator.seat", "the operator", operator.seat), ("operator.parent.seat", "its parent", operator.parent.seat)]
    for number, holder in enumerate(operator.shareholders):
        if holder.share > Percent(5_000):
            bodies.append((f"operator.shareholders[{number}].seat", holder.name, holder.seat))
    for field, name, seat in bodies:
        data = sorted(policy.data for policy in factory.residency if seat not in expand(policy.within))
        laws = reaching(seat)
        if data and laws:
            yield found(rule, f"Factory/{factory.name}", field, f"{name} sits in {seat}, whose law reaches {', '.join(data)} data: {laws}")


def _processors(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """No law from outside the policies' areas reaches a sub-processor of their data."""
    for number, body in enumerate(factory.operator.sub_processors):
        field = "seat" if body.parent_seat is None else "parent_seat"
        seat = body.parent_seat or body.seat
        data = sorted(policy.data for policy in factory.residency if policy.data in body.data and seat not in expand(policy.within))
        laws = reaching(seat)
        if data and laws:
            message = f"{body.name} ({body.purpose}) answers to {seat}, whose law reaches {', '.join(data)} data: {laws}"
            yield found(rule, f"Factory/{factory.name}", f"operator.sub_processors[{number}].{field}", message)


def _owners(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """Where holders are declared, those outside the Union stay below control; what is not declared counts as outside."""
    holders = factory.operator.shareholders
    if not holders:
        return
    foreign = [holder for holder in holders if holder.seat not in members("EU")]
    for number, holder in enumerate(holders):
        if holder in foreign and holder.share > MOST_EACH:
            message = f"{holder.name} in {holder.seat} holds {holder.share}; at most {MOST_EACH} outside the Union"
            yield found(rule, f"Factory/{factory.name}", f"operator.shareholders[{number}].share", message)
    silent = Percent(10_000 - sum(holder.share.count for holder in holders))
    together = Percent(sum(holder.share.count for holder in foreign) + silent.count)
    if together > MOST_TOGETHER:
        message = f"{together} are held outside the Union or not declared ({silent}); at most {MOST_TOGETHER} together"
        yield found(rule, f"Factory/{factory.name}", "operator.shareholders", message)


GROUNDS = Rule(
    id="TRF-001",
    title="What leaves a data class's area rests on a mechanism that covers its recipient",
    severity="critical",
    rationale="An adequacy decision covers a country or some recipients in it; binding corporate rules cover one group; `none` covers nobody.",
    remediation="choose another recipient, or name in `transfer` the mechanism that was agreed with it",
    controls=(GDPR_TRANSFER, GDPR_ADEQUACY, GDPR_SAFEGUARDS, GDPR_PROCESSORS),
    places=PLAN,
    decide=_grounds,
)
SHAKY = Rule(
    id="TRF-002",
    title="No residency policy rests on a country without an unconditional adequacy decision",
    severity="warning",
    rationale="A decision that a court may end, or that covers some recipients, is a ground that can go overnight.",
    remediation="take the country off the list, and prepare for the day on which the decision falls",
    controls=(GDPR_TRANSFER, GDPR_ADEQUACY),
    places=PLAN,
    decide=_shaky,
)
PARENT = Rule(
    id="LAW-001",
    title="No foreign law reaches data through the operator, its parent or its majority holder",
    severity="high",
    rationale="Some laws follow a company's control and not its data: the parent is ordered, and the data is handed out wherever it lies.",
    remediation="separate the operator from the parent in law, or take such data out of its hands: keys with the customer do not suffice alone",
    controls=(ECSF_CONTROL, ECSF_LAW, CADA_CONTROL, C3A_CONTROL, C3A_REACH, GAIAX_ORDERS, GDPR_ORDERS),
    places=PLAN,
    decide=_parent,
)
PROCESSORS = Rule(
    id="LAW-002",
    title="No foreign law reaches data through a sub-processor",
    severity="high",
    rationale="Who works for the operator can be ordered like the operator, and is asked about less.",
    remediation="take the data class off the sub-processor, or choose one without a parent under such a law",
    controls=(ECSF_ORDERS, ECSF_SUBCONTRACTORS, CADA_CONTROL, GAIAX_THIRD, GDPR_PROCESSORS, GDPR_ORDERS),
    places=PLAN,
    decide=_processors,
)
OWNERS = Rule(
    id="LAW-003",
    title="Holders outside the Union own at most 24 % each and 39 % together",
    severity="warning",
    rationale="Control begins below a majority. A share that nobody declares is one that cannot be shown to be European.",
    remediation="declare every holder; where the shares stand, no label that asks for these limits can be had",
    controls=(SNC_OWNERSHIP, GAIAX_OWNERSHIP, CADA_CONTROL),
    places=PLAN,
    decide=_owners,
)

RULES = (GROUNDS, SHAKY, PARENT, PROCESSORS, OWNERS)
