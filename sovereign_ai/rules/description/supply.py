"""Supply rules: suppliers that can stop, change or watch a running part, and certificates that end.

A supplier *has a hold* on a part through its control channel: a licence server, remote control, attestation,
updates or telemetry. A part that runs on long enough without its supplier, or that has a named alternative,
is out of that hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sovereign_ai.catalog import expand, members
from sovereign_ai.catalog.accelerator import accelerator_of
from sovereign_ai.catalog.supplier import supplier, suppliers
from sovereign_ai.catalog.system import system
from sovereign_ai.plan import Plan
from sovereign_ai.rules.controls import C3A_UPDATES, CADA_DATA, CADA_SOFTWARE, CIS_PROVENANCE, NIS2_SUPPLY
from sovereign_ai.rules.description.residency import PLAN, make_finding
from sovereign_ai.rules.duties import (
    C3A_DISCONNECT,
    C3A_DISRUPTION,
    C3A_HARDWARE,
    C3A_RECONNECT,
    C3A_SERVICES,
    C3A_SOFTWARE,
    CADA_CERTIFICATE,
    CADA_TAMPER,
    DORA_CONCENTRATION,
    DORA_EXIT,
    ECSF_CERTIFICATES,
    ECSF_EXIT,
    ECSF_ORDERS,
    ECSF_ORIGIN,
    ECSF_SINGLE,
    ECSF_UPDATES,
    GAIAX_AUTONOMY,
)
from sovereign_ai.rules.image_signatures import explain_unsigned
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec import AIFactory, Service, Supplier
from sovereign_ai.text import counted
from sovereign_ai.units import Seconds

LEAST_GRACE = Seconds(90 * 86_400)
"""How long a part must run on without its supplier.

Source: C3A, SOV-4-10-C, which asks that a factory can be joined again after 90 days apart.
"""
SOON = 90
"""Days before its end from which a certificate is reported."""
_STOPS = frozenset({"licence", "remote-control", "attestation"})
"""Control channels whose silence stops a part."""


def _why_not_independent(part: Supplier | Service) -> str:
    """Return why a part would not outlast being cut off; empty if it would."""
    if part.alternative is not None:
        return ""
    if part.grace is None:
        return "how long it runs on without that is not declared"
    if part.grace >= LEAST_GRACE:
        return ""
    return f"it runs on for {part.grace} without that; at least {LEAST_GRACE}"


def _is_outside_union(jurisdiction: str | None) -> bool:
    """Return whether a supplier is outside the Union; one of no named country counts as outside."""
    return jurisdiction not in members("EU")


def _find_stoppable_parts(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield parts that a supplier outside the Union can stop, and that cannot do without it."""
    for number, part in enumerate(factory.suppliers):
        reason = _why_not_independent(part)
        if part.control_channel in _STOPS and _is_outside_union(part.jurisdiction) and reason:
            supplier_and_country = f"{part.vendor} ({part.jurisdiction})"
            hold = f"keeps a hold by {part.control_channel} on the {part.component}"
            message = f"{supplier_and_country} {hold}, no alternative is named, and {reason}"
            field = f"suppliers[{number}].control_channel"
            resource = f"Supplier/{part.name}"
            yield make_finding(rule, resource, field, message)
    yield from _find_stoppable_services(rule, factory)


def _find_stoppable_services(rule: Rule, factory: AIFactory) -> Iterable[RuleFinding]:
    """Yield external services outside the Union, or of no known country, that parts cannot do without."""
    for number, service in enumerate(factory.services):
        reason = _why_not_independent(service)
        if service.used and _is_outside_union(service.jurisdiction) and reason:
            provider = service.entity or service.supplier or "an unnamed provider"
            country = service.jurisdiction or "of no named country"
            message = (
                f"{provider} ({country}) answers as the {service.kind} service {service.name}, no "
                f"alternative is named, and {reason}"
            )
            resource = f"ExternalService/{service.name}"
            field = f"services[{number}]"
            yield make_finding(rule, resource, field, message)


def _find_dependent_updates(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield parts that a supplier outside the Union updates or watches, and that cannot do without it."""
    for number, part in enumerate(factory.suppliers):
        reason = _why_not_independent(part)
        is_update_channel = part.control_channel in {"updates", "telemetry"}
        if is_update_channel and _is_outside_union(part.jurisdiction) and reason:
            supplier_and_country = f"{part.vendor} ({part.jurisdiction})"
            channel = f"has a channel for {part.control_channel} to the {part.component}"
            message = f"{supplier_and_country} {channel}, no alternative is named, and {reason}"
            resource = f"Supplier/{part.name}"
            field = f"suppliers[{number}].grace"
            yield make_finding(rule, resource, field, message)


def _find_remote_control(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield parts of which a supplier outside the Union has remote control."""
    for number, part in enumerate(factory.suppliers):
        if part.control_channel == "remote-control" and _is_outside_union(part.jurisdiction):
            field = f"suppliers[{number}].control_channel"
            message = (
                f"{part.vendor} in {part.jurisdiction} can act on the running {part.component} from there"
            )
            resource = f"Supplier/{part.name}"
            yield make_finding(rule, resource, field, message)


def _find_telemetry_abroad(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield parts that report to a vendor where a policy does not permit metrics."""
    for number, part in enumerate(factory.suppliers):
        if part.control_channel != "telemetry":
            continue
        for policy in factory.residency:
            permitted = policy.metrics or policy.logs
            if part.jurisdiction not in expand(permitted):
                field = f"suppliers[{number}].control_channel"
                allowed = ", ".join(permitted) or "no country"
                message = (
                    f"the {part.component} reports to {part.vendor} in {part.jurisdiction}; metrics of "
                    f"{policy.data} data may be in {allowed}"
                )
                resource = f"Supplier/{part.name}"
                yield make_finding(rule, resource, field, message)


def _find_parts_without_stock(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield parts of a single source with a known lead time and no piece in store."""
    for number, part in enumerate(factory.suppliers):
        if part.alternative is None and part.lead_time is not None and part.stock == 0:
            field = f"suppliers[{number}].stock"
            message = (
                f"the {part.component} comes from {part.vendor} alone, after {part.lead_time}, and none is "
                "in store"
            )
            resource = f"Supplier/{part.name}"
            yield make_finding(rule, resource, field, message)


def _accelerators_by_maker(factory: AIFactory) -> dict[str, int]:
    """Return how many accelerators come from each maker, as the catalogue names it."""
    counts: dict[str, int] = {}
    for pool in factory.pools:
        server = system(pool.system)
        chip = accelerator_of(server)
        if chip is None:
            continue
        counts[chip.vendor] = counts.get(chip.vendor, 0) + factory.standing(pool) * server.gpus
    return counts


def _concentration(counts: Iterable[int]) -> int:
    """Return the Herfindahl-Hirschman index: the sum of squared shares in percent, from 0 to 10,000."""
    listed = list(counts)
    total = sum(listed)
    index = 0
    for count in listed:
        index += 10_000 * count * count // (total * total)
    return index


def _find_single_maker(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield a finding if all accelerators come from one maker, with the index of concentration."""
    counts = _accelerators_by_maker(factory)
    total = sum(counts.values())
    index = _concentration(counts.values())
    if len(counts) == 1:
        [name] = counts
        maker = supplier(name)
        accelerators_text = counted(total, "accelerator comes", "accelerators come")
        message = (
            f"all {accelerators_text} from {maker.title} ({maker.seat}): an index of concentration "
            f"of {index:,} of 10,000"
        )
        resource = f"Factory/{factory.name}"
        yield make_finding(rule, resource, "pools", message)


def _find_undeclared_makers(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield makers of accelerators that `suppliers` does not list, or lists under another law."""
    known_by_name = {known.name: known for known in suppliers()}
    for name in sorted(_accelerators_by_maker(factory)):
        known = known_by_name.get(name)
        title = known.title if known else name
        # A vendor may be written with its legal form, so a maker's title is looked for within the names.
        rows = [part for part in factory.suppliers if title.casefold() in part.vendor.casefold()]
        seat = known.seat if known else ""
        others = sorted({part.jurisdiction for part in rows if seat not in {"", part.jurisdiction}})
        message = f"{title} makes accelerators of this factory and is not among the suppliers: its hold on "
        message += "them is not declared"
        if others:
            message = f"{title} is listed under the law of {', '.join(others)}, and its parent sits in {seat}"
        if others or not rows:
            yield make_finding(rule, f"Factory/{factory.name}", "suppliers", message)


def _find_tags_at_high_trust(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield a finding if a zone is of high trust and images need no digest."""
    trusted = [zone.name for zone in factory.zones if zone.trust == "high"]
    if trusted and factory.images.digests != "required":
        zones = ", ".join(sorted(trusted))
        message = (
            f"zone {zones} is of high trust, and whoever writes to the registry can change what runs in it"
        )
        resource = f"Factory/{factory.name}"
        yield make_finding(rule, resource, "images.digests", message)


def _find_missing_exit_plan(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield a finding if the operator has no exit plan."""
    if factory.operator.exit_plan == "none":
        message = "no way out is prepared for tenants and their data"
        resource = f"Factory/{factory.name}"
        yield make_finding(rule, resource, "operator.exit_plan", message)


def _find_expired_certificates(
    rule: Rule, factory: AIFactory, _plan: Plan, now: date
) -> Iterable[RuleFinding]:
    """Yield certificates that are claimed and have ended."""
    for number, certificate in enumerate(factory.operator.certificates):
        # A certificate still counts on its last day; a waiver does not.
        if certificate.expires < now:
            field = f"operator.certificates[{number}].expires"
            message = f"{certificate.scheme} for {certificate.scope} ended on {certificate.expires}"
            resource = f"Factory/{factory.name}"
            yield make_finding(rule, resource, field, message)


def _find_ending_certificates(
    rule: Rule, factory: AIFactory, _plan: Plan, now: date
) -> Iterable[RuleFinding]:
    """Yield certificates that end soon."""
    for number, certificate in enumerate(factory.operator.certificates):
        days_left = (certificate.expires - now).days
        if 0 <= days_left <= SOON:
            field = f"operator.certificates[{number}].expires"
            message = (
                f"{certificate.scheme} for {certificate.scope} ends on {certificate.expires}, in "
                f"{counted(days_left, 'day')}"
            )
            resource = f"Factory/{factory.name}"
            yield make_finding(rule, resource, field, message)


def _find_unsigned_workloads(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield workloads whose image no declared signer has signed."""
    for number, workload in enumerate(factory.workloads):
        reason = explain_unsigned(factory.images, workload.image)
        if reason:
            message = f"{workload.image}: {reason}"
            resource = f"Workload/{workload.name}"
            yield make_finding(rule, resource, f"workloads[{number}].image", message)


STOPPABLE = Rule(
    id="SUP-001",
    title="What a supplier outside the Union can stop runs on for 90 days without it, or has an alternative",
    severity="high",
    rationale=(
        "A licence server, a remote console or an attestation service that falls silent stops the part that "
        "asks it."
    ),
    remediation="name an `alternative`, or a tested `grace` of at least 90 days",
    controls=(C3A_DISCONNECT, C3A_RECONNECT, C3A_DISRUPTION, ECSF_SINGLE, GAIAX_AUTONOMY, NIS2_SUPPLY),
    places=PLAN,
    decide=_find_stoppable_parts,
)
UPDATED = Rule(
    id="SUP-002",
    title="What only a supplier outside the Union updates has a known time to do without",
    severity="warning",
    rationale=(
        "Without updates a part runs on and grows unsafe; how long that can be borne is to be known before "
        "the day comes."
    ),
    remediation="write `grace` with the time that was tested, or an `alternative`",
    controls=(C3A_RECONNECT, C3A_DISRUPTION, ECSF_UPDATES, C3A_SOFTWARE),
    places=PLAN,
    decide=_find_dependent_updates,
)
REMOTE = Rule(
    id="SUP-003",
    title="No supplier outside the Union has remote control of a running part",
    severity="critical",
    rationale="Who can act on a machine from afar can be ordered to.",
    remediation="block the channel, and let own staff act on the supplier's advice",
    controls=(CADA_TAMPER, CADA_SOFTWARE, ECSF_UPDATES, NIS2_SUPPLY),
    places=PLAN,
    decide=_find_remote_control,
)
TELEMETRY = Rule(
    id="SUP-004",
    title="Parts report to suppliers only where metrics may be",
    severity="high",
    rationale=(
        "Telemetry tells who computes what and when, and leaves by a way that nobody declared as a gateway."
    ),
    remediation=(
        "switch the reports off or keep them in a relay of your own, and write the channel that is left"
    ),
    controls=(CADA_DATA, C3A_SERVICES, ECSF_ORDERS, NIS2_SUPPLY),
    places=PLAN,
    decide=_find_telemetry_abroad,
)
STOCK = Rule(
    id="SUP-005",
    title="Parts of a single source are in store",
    severity="warning",
    rationale="A part that comes late, from one place, and is not in store stops what breaks until it comes.",
    remediation="put pieces in store for the lead time, or name an `alternative`",
    controls=(ECSF_SINGLE, C3A_DISRUPTION, DORA_CONCENTRATION),
    places=PLAN,
    decide=_find_parts_without_stock,
)
ONE_MAKER = Rule(
    id="SUP-006",
    title="Accelerators do not all come from one maker",
    severity="warning",
    rationale="One export order, one flaw or one price then meets every machine at once.",
    remediation="plan a pool of another maker's accelerators for the work that can move to them",
    controls=(ECSF_SINGLE, C3A_HARDWARE, DORA_CONCENTRATION),
    places=PLAN,
    decide=_find_single_maker,
)
UNDECLARED = Rule(
    id="SUP-007",
    title="The makers of accelerators are among the declared suppliers",
    severity="warning",
    rationale="A hold that is not declared cannot be judged.",
    remediation="declare the maker under `suppliers` with its jurisdiction and `control_channel`",
    controls=(C3A_HARDWARE, C3A_SOFTWARE, ECSF_ORIGIN, NIS2_SUPPLY),
    places=PLAN,
    decide=_find_undeclared_makers,
)
TAGS = Rule(
    id="SUP-008",
    title="Where a zone is of high trust, images are pinned by digest",
    severity="high",
    rationale="A tag names what somebody last put there; a digest names what was checked.",
    remediation="write `images: {digests: required}`",
    controls=(CADA_SOFTWARE, C3A_UPDATES, ECSF_UPDATES, NIS2_SUPPLY),
    places=PLAN,
    decide=_find_tags_at_high_trust,
)
EXIT = Rule(
    id="SUP-009",
    title="A way out is prepared",
    severity="warning",
    rationale="Who cannot leave cannot refuse.",
    remediation="write down how tenants and data move elsewhere, test it, and set `exit_plan`",
    controls=(ECSF_EXIT, DORA_EXIT, GAIAX_AUTONOMY),
    places=PLAN,
    decide=_find_missing_exit_plan,
)
UNSIGNED = Rule(
    id="SUP-010",
    title="Workloads run images that a declared signer has signed",
    severity="high",
    rationale="A digest says which image it is, and a signature who stands for it.",
    remediation="have a declared signer sign the digest, and put the signature beside the description",
    controls=(CADA_SOFTWARE, C3A_UPDATES, NIS2_SUPPLY, CIS_PROVENANCE),
    places=PLAN,
    decide=_find_unsigned_workloads,
)
EXPIRED = Rule(
    id="CRT-001",
    title="No certificate that is claimed has ended",
    severity="medium",
    rationale="A certificate proves nothing after its last day.",
    remediation="renew it and write the new `expires`, or remove it from the description",
    controls=(ECSF_CERTIFICATES, CADA_CERTIFICATE),
    places=PLAN,
    decide_on=_find_expired_certificates,
)
ENDING = Rule(
    id="CRT-002",
    title="Certificates are renewed before they end",
    severity="warning",
    rationale="An audit takes months; ninety days ahead is late already.",
    remediation="begin the renewal",
    controls=(ECSF_CERTIFICATES, CADA_CERTIFICATE),
    places=PLAN,
    decide_on=_find_ending_certificates,
)

RULES = (
    STOPPABLE,
    UPDATED,
    REMOTE,
    TELEMETRY,
    STOCK,
    ONE_MAKER,
    UNDECLARED,
    TAGS,
    EXIT,
    UNSIGNED,
    EXPIRED,
    ENDING,
)
