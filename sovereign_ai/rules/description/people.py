"""Rules on people: who reaches data, from where and under whose instruction, decided on the description."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sovereign_ai.catalog import expand, members
from sovereign_ai.plan import Plan
from sovereign_ai.rules.controls import C3A_STAFF, CADA_SUPPORT, ECSF_LAW, GDPR_TRANSFER
from sovereign_ai.rules.description.residency import PLAN, make_finding
from sovereign_ai.rules.description.transfers import reaching
from sovereign_ai.rules.duties import CADA_STAFF, ECSF_SKILLS
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec import AIFactory

_MOST_SHOWN = 6
"""Countries that a message names: an area such as `EU` expands to many."""


def _places_of_access(
    factory: AIFactory,
) -> Iterable[tuple[str, tuple[str, ...], str, frozenset[str] | None]]:
    """Yield each way by which people reach data: field, places, words, and data classes (None: all)."""
    operator = factory.operator
    yield "operator.staff.location", operator.staff.location, "staff work from", None
    yield "operator.support", operator.support, "support is given from", None
    yield "operator.soc", operator.soc, "the security operations centre sits in", None
    for number, processor in enumerate(operator.sub_processors):
        seats: tuple[str, ...] = (processor.seat,)
        # A parent can instruct its subsidiary, so its seat counts like the subsidiary's own.
        if processor.parent_seat:
            seats = (processor.seat, processor.parent_seat)
        field = f"operator.sub_processors[{number}].seat"
        yield field, seats, f"sub-processor {processor.name} answers to", frozenset(processor.data)
    for number, tenant in enumerate(factory.tenants):
        # A tenant reaches its own data, and its country's authorities reach the tenant.
        seats = (tenant.seat,)
        yield f"tenants[{number}].seat", seats, f"tenant {tenant.name} sits in", frozenset(tenant.data)


def _find_access_from_abroad(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield ways to data from places that the data's residency policy does not permit."""
    for policy in factory.residency:
        permitted = expand(policy.staff_access)
        for field, places, words, data in _places_of_access(factory):
            outside = sorted(expand(places) - permitted)
            reaches_data = data is None or policy.data in data
            if outside and reaches_data:
                areas = ", ".join(places)
                allowed = ", ".join(policy.staff_access)
                message = (
                    f"{words} {areas}; {policy.data} data may be reached from {allowed} only "
                    f"({_shortened(outside)})"
                )
                resource = f"Factory/{factory.name}"
                yield make_finding(rule, resource, field, message)


def _shortened(countries: Sequence[str]) -> str:
    """Return the first countries as text, with an ellipsis if there are more."""
    text = ", ".join(countries[:_MOST_SHOWN])
    return f"{text}, …" if len(countries) > _MOST_SHOWN else text


def _find_foreign_citizens(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield a finding if staff who may reach data under a policy may be citizens from outside the EEA."""
    outside = sorted(expand(factory.operator.staff.citizenship) - members("EEA"))
    if not outside or not factory.residency:
        return
    laws = []
    for country in outside:
        law = reaching(country)
        if law:
            laws.append(f"{country}: {law}")
    message = f"staff are citizens of {_shortened(outside)} too"
    if laws:
        message += "; " + "; ".join(laws)
    resource = f"Factory/{factory.name}"
    yield make_finding(rule, resource, "operator.staff.citizenship", message)


def _find_uncleared_staff(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield a finding if a zone is of high trust and staff holds no clearance."""
    trusted = [zone.name for zone in factory.zones if zone.trust == "high"]
    if trusted and not factory.operator.staff.cleared:
        zones = ", ".join(sorted(trusted))
        message = f"zone {zones} is of high trust, and staff with access to it holds no clearance"
        resource = f"Factory/{factory.name}"
        yield make_finding(rule, resource, "operator.staff.cleared", message)


def _find_foreign_tenants(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield tenants whose seat is outside the EEA, with the laws that reach them there."""
    for number, tenant in enumerate(factory.tenants):
        if tenant.seat in members("EEA"):
            continue
        message = f"tenant {tenant.name} sits in {tenant.seat}, outside the EEA"
        laws = reaching(tenant.seat)
        if laws:
            message += f": {laws}"
        resource = f"Tenant/{tenant.name}"
        field = f"tenants[{number}].seat"
        yield make_finding(rule, resource, field, message)


STAFF_ACCESS = Rule(
    id="STF-001",
    title="People reach data only from places that its residency policy permits",
    severity="high",
    rationale=(
        "Who works, supports or watches from another country brings that country's law to the data, "
        "wherever the data is."
    ),
    remediation=(
        "move the work, narrow the field, or widen `staff_access` of the residency policy if its owner agrees"
    ),
    controls=(C3A_STAFF, CADA_SUPPORT, GDPR_TRANSFER, ECSF_LAW),
    places=PLAN,
    decide=_find_access_from_abroad,
)
CITIZENS = Rule(
    id="STF-002",
    title="Staff who can reach data under a residency policy are citizens of the EEA",
    severity="warning",
    rationale=(
        "Some countries bind their citizens wherever they work, and CADA's draft asks for citizens of the "
        "Union at its third level."
    ),
    remediation="confine access to staff with such a citizenship, and narrow the field",
    controls=(CADA_STAFF, ECSF_SKILLS, C3A_STAFF),
    places=PLAN,
    decide=_find_foreign_citizens,
)
CLEARED = Rule(
    id="STF-003",
    title="Staff with access to zones of high trust is cleared",
    severity="info",
    rationale="The highest answers of the frameworks ask for it; it is not a duty everywhere.",
    remediation="have staff cleared, and write `cleared: true`",
    controls=(CADA_STAFF, ECSF_SKILLS),
    places=PLAN,
    decide=_find_uncleared_staff,
)
TENANTS = Rule(
    id="STF-004",
    title="Tenants have their seat in the EEA",
    severity="warning",
    rationale=(
        "A tenant's own country can order what the tenant holds here, and export rules may forbid to serve "
        "a body of that country."
    ),
    remediation="see whether law and export rules allow it, and give the tenant a zone of its own",
    controls=(GDPR_TRANSFER, ECSF_LAW),
    places=PLAN,
    decide=_find_foreign_tenants,
)

RULES = (STAFF_ACCESS, CITIZENS, CLEARED, TENANTS)
