"""Rules on transfers and foreign law: grounds of transfers, and bodies that foreign authorities can order.

A law counts by its status: one that has lapsed and is still applied counts, a proposal never does. The law of
a country reaches a body with its seat there if the reach of the law is `seat` or `both`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sovereign_ai.catalog import country, expand, law, members
from sovereign_ai.names import normal_name
from sovereign_ai.plan import Plan
from sovereign_ai.rules.controls import ECSF_LAW, GDPR_TRANSFER
from sovereign_ai.rules.description.residency import PLAN, make_finding
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
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec import AIFactory, ResidencyPolicy
from sovereign_ai.units import Percent

MOST_EACH, MOST_TOGETHER = Percent(2_400), Percent(3_900)
"""What holders outside the Union may own each and together: SecNumCloud 3.2, 19.6."""
_MAJORITY = Percent(5_000)
_WHOLE = 10_000
"""All shares, in hundredths of a percent."""
_EFFECTIVE_STATUSES = frozenset({"in-force", "lapsed-still-applied"})
_AREA_FIELDS = ("within", "replicas", "snapshots", "backups", "logs", "metrics", "keys", "staff_access")
"""The fields of a residency policy that list areas."""


def reaching(seat: str) -> str:
    """Return the laws by which a country reaches data that a body with its seat there holds elsewhere.

    Each law is written with its status; empty if there is none.

    >>> reaching("US").partition(", ")[0]
    'CLOUD Act (18 U.S.C. 2713) (in-force)'
    >>> reaching("IN")
    ''
    """
    titles = []
    for name in country(seat).laws:
        foreign_law = law(name)
        # A law with the reach `data` follows where data is, which the rules on residency decide.
        if foreign_law.reach in {"seat", "both"} and foreign_law.status in _EFFECTIVE_STATUSES:
            titles.append(f"{foreign_law.title} ({foreign_law.status})")
    return ", ".join(titles)


def _recipients(factory: AIFactory, policy: ResidencyPolicy) -> Iterator[tuple[str, str, str, str]]:
    """Yield resource, field, name and seat of each body that receives a data class."""
    for number, gateway in enumerate(factory.gateways):
        if gateway.name in policy.gateways:
            yield f"Gateway/{gateway.name}", f"gateways[{number}].seat", gateway.entity, gateway.seat
    resource = f"Factory/{factory.name}"
    for number, processor in enumerate(factory.operator.sub_processors):
        if policy.data not in processor.data:
            continue
        field = f"operator.sub_processors[{number}]"
        yield resource, f"{field}.seat", processor.name, processor.seat
        if processor.parent_seat is not None:
            parent = f"the parent of {processor.name}"
            yield resource, f"{field}.parent_seat", parent, processor.parent_seat


def _find_ungrounded_transfers(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield recipients outside a policy's area that its transfer mechanism does not cover."""
    for policy in factory.residency:
        for resource, field, name, seat in _recipients(factory, policy):
            if seat in expand(policy.within):
                continue
            reason = _missing_ground(factory, policy, name, seat)
            if reason:
                message = f"{policy.data} data goes to {name} in {seat}: {reason}"
                yield make_finding(rule, resource, field, message)


def _missing_ground(factory: AIFactory, policy: ResidencyPolicy, name: str, seat: str) -> str:
    """Return why a policy's transfer mechanism does not cover a recipient; empty if it does."""
    if policy.transfer == "none":
        return "its policy forbids transfers"
    # GDPR, Article 44: a transfer is one to a third country, so the EEA needs no ground.
    # Standard contractual clauses are agreed with each recipient, whatever its country.
    if seat in members("EEA") or policy.transfer == "scc":
        return ""
    if policy.transfer == "bcr":
        return _missing_corporate_rules(factory, name)
    if seat in members("ADEQUACY"):
        return ""
    decision = country(seat).adequacy
    if decision:
        return f"the decision covers {decision.condition} ({decision.status})"
    return "there is no adequacy decision"


def _missing_corporate_rules(factory: AIFactory, name: str) -> str:
    """Return why binding corporate rules do not cover a recipient; empty if it is of the operator's group."""
    operator = factory.operator
    group = {normal_name(operator.name), normal_name(operator.parent.name or "")}
    if normal_name(name) in group:
        return ""
    return "binding corporate rules cover the operator's own group alone"


def _find_weak_grounds(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield countries that a policy permits on a conditional or contested adequacy decision, or on none."""
    for number, policy in enumerate(factory.residency):
        for attribute in _AREA_FIELDS:
            # `in` is a keyword of Python, so the model calls the field `within`.
            name = "in" if attribute == "within" else attribute
            field = f"residency[{number}].{name}"
            for code in sorted(expand(getattr(policy, attribute)) - members("EEA")):
                weakness = _weakness_of_adequacy(code)
                if weakness:
                    message = f"{code} is permitted for {policy.data} data: {weakness}"
                    resource = f"Residency/{policy.data}"
                    yield make_finding(rule, resource, field, message)


def _weakness_of_adequacy(code: str) -> str:
    """Return why a country's adequacy decision is weak; empty if it is in force and unconditional."""
    decision = country(code).adequacy
    if decision is None:
        return "no adequacy decision covers it"
    if decision.condition:
        return f"its adequacy decision is {decision.status} and covers {decision.condition}"
    if decision.status != "in-force":
        return f"its adequacy decision is {decision.status}"
    return ""


def _find_operators_under_foreign_law(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield the operator, its parent and its majority holder that a foreign law reaches."""
    operator = factory.operator
    bodies = [
        ("operator.seat", "the operator", operator.seat),
        ("operator.parent.seat", "its parent", operator.parent.seat),
    ]
    for number, holder in enumerate(operator.shareholders):
        if holder.share > _MAJORITY:
            bodies.append((f"operator.shareholders[{number}].seat", holder.name, holder.seat))
    for field, name, seat in bodies:
        data = [policy.data for policy in factory.residency if seat not in expand(policy.within)]
        laws = reaching(seat)
        if data and laws:
            classes = ", ".join(sorted(data))
            message = f"{name} sits in {seat}, whose law reaches {classes} data: {laws}"
            resource = f"Factory/{factory.name}"
            yield make_finding(rule, resource, field, message)


def _find_processors_under_foreign_law(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield sub-processors that a law from outside the area of their data's policies reaches."""
    for number, processor in enumerate(factory.operator.sub_processors):
        # A parent can be ordered to produce what its subsidiary holds, so its seat counts if there is one.
        attribute = "seat" if processor.parent_seat is None else "parent_seat"
        seat = processor.parent_seat or processor.seat
        data = [
            policy.data
            for policy in factory.residency
            if policy.data in processor.data and seat not in expand(policy.within)
        ]
        laws = reaching(seat)
        if data and laws:
            field = f"operator.sub_processors[{number}].{attribute}"
            classes = ", ".join(sorted(data))
            message = (
                f"{processor.name} ({processor.purpose}) answers to {seat}, whose law reaches {classes} "
                f"data: {laws}"
            )
            resource = f"Factory/{factory.name}"
            yield make_finding(rule, resource, field, message)


def _find_foreign_owners(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield holders outside the Union that own too much, each and together.

    Where holders are declared, shares that nobody declares count as held outside the Union.
    """
    holders = factory.operator.shareholders
    if not holders:
        return
    declared = 0
    foreign = 0
    for number, holder in enumerate(holders):
        declared += holder.share.count
        if holder.seat in members("EU"):
            continue
        foreign += holder.share.count
        if holder.share > MOST_EACH:
            field = f"operator.shareholders[{number}].share"
            message = (
                f"{holder.name} in {holder.seat} holds {holder.share}; at most {MOST_EACH} outside the Union"
            )
            resource = f"Factory/{factory.name}"
            yield make_finding(rule, resource, field, message)
    undeclared = Percent(_WHOLE - declared)
    together = Percent(foreign + undeclared.count)
    if together > MOST_TOGETHER:
        message = (
            f"{together} are held outside the Union or not declared ({undeclared}); at most {MOST_TOGETHER} "
            "together"
        )
        resource = f"Factory/{factory.name}"
        yield make_finding(rule, resource, "operator.shareholders", message)


GROUNDS = Rule(
    id="TRF-001",
    title="What leaves a data class's area rests on a mechanism that covers its recipient",
    severity="critical",
    rationale=(
        "An adequacy decision covers a country or some recipients in it; binding corporate rules cover one "
        "group; `none` covers nobody."
    ),
    remediation="choose another recipient, or name in `transfer` the mechanism that was agreed with it",
    controls=(GDPR_TRANSFER, GDPR_ADEQUACY, GDPR_SAFEGUARDS, GDPR_PROCESSORS),
    places=PLAN,
    decide=_find_ungrounded_transfers,
)
SHAKY = Rule(
    id="TRF-002",
    title="No residency policy rests on a country without an unconditional adequacy decision",
    severity="warning",
    rationale=(
        "A decision that a court may end, or that covers some recipients, is a ground that can go overnight."
    ),
    remediation="take the country off the list, and prepare for the day on which the decision falls",
    controls=(GDPR_TRANSFER, GDPR_ADEQUACY),
    places=PLAN,
    decide=_find_weak_grounds,
)
PARENT = Rule(
    id="LAW-001",
    title="No foreign law reaches data through the operator, its parent or its majority holder",
    severity="high",
    rationale=(
        "Some laws follow a company's control and not its data: the parent is ordered, and the data is "
        "handed out wherever it lies."
    ),
    remediation=(
        "separate the operator from the parent in law, or take such data out of its hands: keys with the "
        "customer do not suffice alone"
    ),
    controls=(ECSF_CONTROL, ECSF_LAW, CADA_CONTROL, C3A_CONTROL, C3A_REACH, GAIAX_ORDERS, GDPR_ORDERS),
    places=PLAN,
    decide=_find_operators_under_foreign_law,
)
PROCESSORS = Rule(
    id="LAW-002",
    title="No foreign law reaches data through a sub-processor",
    severity="high",
    rationale="Who works for the operator can be ordered like the operator, and is asked about less.",
    remediation="take the data class off the sub-processor, or choose one without a parent under such a law",
    controls=(ECSF_ORDERS, ECSF_SUBCONTRACTORS, CADA_CONTROL, GAIAX_THIRD, GDPR_PROCESSORS, GDPR_ORDERS),
    places=PLAN,
    decide=_find_processors_under_foreign_law,
)
OWNERS = Rule(
    id="LAW-003",
    title="Holders outside the Union own at most 24 % each and 39 % together",
    severity="warning",
    rationale=(
        "Control begins below a majority. A share that nobody declares is one that cannot be shown to be "
        "European."
    ),
    remediation=(
        "declare every holder; where the shares stand, no label that asks for these limits can be had"
    ),
    controls=(SNC_OWNERSHIP, GAIAX_OWNERSHIP, CADA_CONTROL),
    places=PLAN,
    decide=_find_foreign_owners,
)

RULES = (GROUNDS, SHAKY, PARENT, PROCESSORS, OWNERS)
