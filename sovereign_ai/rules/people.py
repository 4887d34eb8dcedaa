"""People: who can reach data, from where, under whose instruction. Decided on the description."""

from __future__ import annotations

from collections.abc import Iterable

from sovereign_ai.catalog.jurisdictions import expand, members
from sovereign_ai.errors import Where
from sovereign_ai.plan.factory import Plan
from sovereign_ai.rules.controls import C3A_STAFF, CADA_SUPPORT, ECSF_LAW, GDPR_TRANSFER
from sovereign_ai.rules.duties import CADA_STAFF, ECSF_SKILLS
from sovereign_ai.rules.judge import Finding
from sovereign_ai.rules.rule import Rule
from sovereign_ai.rules.transfers import reaching
from sovereign_ai.spec.factory import AIFactory


def _reached_from(factory: AIFactory) -> Iterable[tuple[str, tuple[str, ...], str, frozenset[str] | None]]:
    """Give each way by which people reach data: the field, from where, in words, and the data classes (None: all)."""
    operator = factory.operator
    yield "operator.staff.location", operator.staff.location, "staff work from", None
    yield "operator.support", operator.support, "support is given from", None
    yield "operator.soc", operator.soc, "the security operations centre sits in", None
    for number, body in enumerate(operator.sub_processors):
        seats = (body.seat, *((body.parent_seat,) if body.parent_seat else ()))
        yield f"operator.sub_processors[{number}].seat", seats, f"sub-processor {body.name} answers to", frozenset(body.data)


def _decide(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """Hold every way in against the residency policies of the data that it reaches."""
    for policy in factory.residency:
        permitted = expand(policy.staff_access)
        for field, places, words, data in _reached_from(factory):
            outside = sorted(expand(places) - permitted)
            if outside and (data is None or policy.data in data):
                shown = ", ".join(outside[:6]) + (", …" if len(outside) > 6 else "")
                message = (
                    f"{words} {', '.join(places)}; {policy.data} data may be reached from {', '.join(policy.staff_access)} only ({shown})"
                )
                yield Finding(rule.id, rule.severity, f"Factory/{factory.name}", field, message, rule.remediation, Where(field=field))


STAFF_ACCESS = Rule(
    id="STF-001",
    title="People reach data only from places that its residency policy permits",
    severity="high",
    rationale="Who works, supports or watches from another country brings that country's law to the data, wherever the data is.",
    remediation="move the work, narrow the field, or widen `staff_access` of the residency policy if its owner agrees",
    controls=(C3A_STAFF, CADA_SUPPORT, GDPR_TRANSFER, ECSF_LAW),
    places=frozenset({"plan"}),
    decide=_decide,
)


def _citizens(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """Staff who may reach data under a residency policy are citizens of the EEA."""
    outside = sorted(expand(factory.operator.staff.citizenship) - members("EEA"))
    if outside and factory.residency:
        shown = ", ".join(outside[:6]) + (", …" if len(outside) > 6 else "")
        laws = sorted({f"{one}: {reaching(one)}" for one in outside if reaching(one)})
        message = f"staff are citizens of {shown} too" + (f"; {'; '.join(laws)}" if laws else "")
        yield Finding(
            rule.id,
            rule.severity,
            f"Factory/{factory.name}",
            "operator.staff.citizenship",
            message,
            rule.remediation,
            Where(field="operator.staff.citizenship"),
        )


def _cleared(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """Where a zone is of high trust, that staff holds no clearance is told."""
    trusted = sorted(zone.name for zone in factory.zones if zone.trust == "high")
    if trusted and not factory.operator.staff.cleared:
        field = "operator.staff.cleared"
        message = f"zone {', '.join(trusted)} is of high trust, and staff with access to it holds no clearance"
        yield Finding(rule.id, rule.severity, f"Factory/{factory.name}", field, message, rule.remediation, Where(field=field))


CITIZENS = Rule(
    id="STF-002",
    title="Staff who can reach data under a residency policy are citizens of the EEA",
    severity="warning",
    rationale="Some countries bind their citizens wherever they work, and CADA's draft asks for citizens of the Union at its third level.",
    remediation="confine access to staff with such a citizenship, and narrow the field",
    controls=(CADA_STAFF, ECSF_SKILLS, C3A_STAFF),
    places=frozenset({"plan"}),
    decide=_citizens,
)
CLEARED = Rule(
    id="STF-003",
    title="Staff with access to zones of high trust is cleared",
    severity="info",
    rationale="The highest answers of the frameworks ask for it; it is not a duty everywhere.",
    remediation="have staff cleared, and write `cleared: true`",
    controls=(CADA_STAFF, ECSF_SKILLS),
    places=frozenset({"plan"}),
    decide=_cleared,
)

RULES = (STAFF_ACCESS, CITIZENS, CLEARED)
