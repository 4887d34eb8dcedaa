"""Supply: who can stop, change or watch a running part, what runs on without them, and certificates that end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sovereign_ai.catalog.accelerators import accelerator
from sovereign_ai.catalog.jurisdictions import expand, members
from sovereign_ai.catalog.suppliers import supplier, suppliers
from sovereign_ai.catalog.systems import system
from sovereign_ai.plan.factory import Plan
from sovereign_ai.rules.controls import C3A_UPDATES, CADA_DATA, CADA_SOFTWARE, NIS2_SUPPLY
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
from sovereign_ai.rules.judge import Finding
from sovereign_ai.rules.residency import PLAN, found
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.service import Service
from sovereign_ai.spec.supplier import Supplier
from sovereign_ai.units import Seconds

LEAST_GRACE = Seconds(90 * 86_400)
"""How long a part must run on without its supplier: C3A, SOV-4-10-C, asks that a factory can be joined again after 90 days apart."""
SOON = 90
"""Days before its end from which a certificate's end is told."""
_STOPS = frozenset({"licence", "remote-control", "attestation"})


def _cut(one: Supplier | Service) -> str:
    """Say why a part would not outlast being cut off; empty if it would."""
    if one.alternative is not None:
        return ""
    if one.grace is None:
        return "how long it runs on without that is not declared"
    return "" if one.grace >= LEAST_GRACE else f"it runs on for {one.grace} without that; at least {LEAST_GRACE}"


def _stoppable(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """What a supplier outside the Union can stop runs on without it, or has an alternative."""
    for number, one in enumerate(factory.suppliers):
        why = _cut(one)
        if one.control_channel in _STOPS and one.jurisdiction not in members("EU") and why:
            message = f"{one.vendor} ({one.jurisdiction}) keeps a hold by {one.control_channel} on the {one.component}, no alternative is named, and {why}"
            yield found(rule, f"Supplier/{one.name}", f"suppliers[{number}].control_channel", message)
    yield from _asked(rule, factory)


def _asked(rule: Rule, factory: AIFactory) -> Iterable[Finding]:
    """What running parts ask of somebody outside the Union, or of nobody knows whom, they can do without, or elsewhere."""
    for number, one in enumerate(factory.services):
        why = _cut(one)
        if one.used and one.jurisdiction not in members("EU") and why:
            who = f"{one.entity or one.supplier or 'nobody named'} ({one.jurisdiction or 'of no country that is named'})"
            message = f"{who} answers as the {one.kind} service {one.name}, no alternative is named, and {why}"
            yield found(rule, f"ExternalService/{one.name}", f"services[{number}]", message)


def _updated(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """What only a supplier outside the Union updates or watches, without a known time to do without, is told."""
    for number, one in enumerate(factory.suppliers):
        why = _cut(one)
        if one.control_channel in {"updates", "telemetry"} and one.jurisdiction not in members("EU") and why:
            message = f"{one.vendor} ({one.jurisdiction}) has a channel for {one.control_channel} to the {one.component}, no alternative is named, and {why}"
            yield found(rule, f"Supplier/{one.name}", f"suppliers[{number}].grace", message)


def _remote(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """No supplier outside the Union has remote control."""
    for number, one in enumerate(factory.suppliers):
        if one.control_channel == "remote-control" and one.jurisdiction not in members("EU"):
            message = f"{one.vendor} in {one.jurisdiction} can act on the running {one.component} from there"
            yield found(rule, f"Supplier/{one.name}", f"suppliers[{number}].control_channel", message)


def _telemetry(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """Telemetry goes only to vendors where the policies permit metrics."""
    for number, one in enumerate(factory.suppliers):
        for policy in factory.residency:
            permitted = policy.metrics or policy.logs
            if one.control_channel == "telemetry" and one.jurisdiction not in expand(permitted):
                allowed = ", ".join(permitted) or "no country"
                message = (
                    f"the {one.component} reports to {one.vendor} in {one.jurisdiction}; metrics of {policy.data} data may be in {allowed}"
                )
                yield found(rule, f"Supplier/{one.name}", f"suppliers[{number}].control_channel", message)


def _stock(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """A part without a second source has its lead time known, and pieces in store to bridge it."""
    for number, one in enumerate(factory.suppliers):
        if one.alternative is None and one.lead_time is not None and one.stock == 0:
            message = f"the {one.component} comes from {one.vendor} alone, after {one.lead_time}, and none is in store"
            yield found(rule, f"Supplier/{one.name}", f"suppliers[{number}].stock", message)


def _makers(factory: AIFactory) -> dict[str, int]:
    """Give how many accelerators come from each maker, as the catalogue names it."""
    counted: dict[str, int] = {}
    for pool in factory.pools:
        machine = system(pool.system)
        maker = accelerator(machine.accelerator).vendor
        counted[maker] = counted.get(maker, 0) + pool.nodes * machine.gpus
    return counted


def _one_maker(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """Accelerators of one maker alone are told, with its seat and the index of concentration."""
    counted = _makers(factory)
    total = sum(counted.values())
    index = sum((10_000 * count * count) // (total * total) for count in counted.values())
    if len(counted) == 1:
        maker = supplier(next(iter(counted)))
        message = f"all {total:,} accelerators come from {maker.title} ({maker.seat}): an index of concentration of {index:,} of 10,000"
        yield found(rule, f"Factory/{factory.name}", "pools", message)


def _undeclared(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """A maker of accelerators that stands nowhere under `suppliers` is told."""
    named = " ".join(one.vendor.casefold() for one in factory.suppliers)
    known = {one.name: one for one in suppliers()}
    for name in sorted(_makers(factory)):
        title = known[name].title if name in known else name
        if title.casefold() not in named:
            message = f"{title} makes accelerators of this factory and is not among the suppliers: its hold on them is not declared"
            yield found(rule, f"Factory/{factory.name}", "suppliers", message)


def _tags(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """Where a zone is of high trust, images are pinned by digest."""
    trusted = sorted(zone.name for zone in factory.zones if zone.trust == "high")
    if trusted and factory.images.digests != "required":
        message = f"zone {', '.join(trusted)} is of high trust, and whoever writes to the registry can change what runs in it"
        yield found(rule, f"Factory/{factory.name}", "images.digests", message)


def _exit(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """A factory without a way out is told."""
    if factory.operator.exit_plan == "none":
        yield found(rule, f"Factory/{factory.name}", "operator.exit_plan", "no way out is prepared for tenants and their data")


def _expired(rule: Rule, factory: AIFactory, _plan: Plan, now: date) -> Iterable[Finding]:
    """No certificate that is claimed has ended."""
    for number, one in enumerate(factory.operator.certificates):
        if one.expires < now:
            message = f"{one.scheme} for {one.scope} ended on {one.expires}"
            yield found(rule, f"Factory/{factory.name}", f"operator.certificates[{number}].expires", message)


def _ending(rule: Rule, factory: AIFactory, _plan: Plan, now: date) -> Iterable[Finding]:
    """A certificate that ends soon is told."""
    for number, one in enumerate(factory.operator.certificates):
        left = (one.expires - now).days
        if 0 <= left <= SOON:
            message = f"{one.scheme} for {one.scope} ends on {one.expires}, in {left} days"
            yield found(rule, f"Factory/{factory.name}", f"operator.certificates[{number}].expires", message)


STOPPABLE = Rule(
    id="SUP-001",
    title="What a supplier outside the Union can stop runs on for 90 days without it, or has an alternative",
    severity="high",
    rationale="A licence server, a remote console or an attestation service that falls silent stops the part that asks it.",
    remediation="name an `alternative`, or a tested `grace` of at least 90 days",
    controls=(C3A_DISCONNECT, C3A_RECONNECT, C3A_DISRUPTION, ECSF_SINGLE, GAIAX_AUTONOMY, NIS2_SUPPLY),
    places=PLAN,
    decide=_stoppable,
)
UPDATED = Rule(
    id="SUP-002",
    title="What only a supplier outside the Union updates has a known time to do without",
    severity="warning",
    rationale="Without updates a part runs on and grows unsafe; how long that can be borne is to be known before the day comes.",
    remediation="write `grace` with the time that was tested, or an `alternative`",
    controls=(C3A_RECONNECT, C3A_DISRUPTION, ECSF_UPDATES, C3A_SOFTWARE),
    places=PLAN,
    decide=_updated,
)
REMOTE = Rule(
    id="SUP-003",
    title="No supplier outside the Union has remote control of a running part",
    severity="critical",
    rationale="Who can act on a machine from afar can be ordered to.",
    remediation="block the channel, and let own staff act on the supplier's advice",
    controls=(CADA_TAMPER, CADA_SOFTWARE, ECSF_UPDATES, NIS2_SUPPLY),
    places=PLAN,
    decide=_remote,
)
TELEMETRY = Rule(
    id="SUP-004",
    title="Parts report to suppliers only where metrics may be",
    severity="high",
    rationale="Telemetry tells who computes what and when, and leaves by a way that nobody declared as a gateway.",
    remediation="switch the reports off or keep them in a relay of your own, and write the channel that is left",
    controls=(CADA_DATA, C3A_SERVICES, ECSF_ORDERS, NIS2_SUPPLY),
    places=PLAN,
    decide=_telemetry,
)
STOCK = Rule(
    id="SUP-005",
    title="Parts of a single source are in store",
    severity="warning",
    rationale="A part that comes late, from one place, and is not in store stops what breaks until it comes.",
    remediation="put pieces in store for the lead time, or name an `alternative`",
    controls=(ECSF_SINGLE, C3A_DISRUPTION, DORA_CONCENTRATION),
    places=PLAN,
    decide=_stock,
)
ONE_MAKER = Rule(
    id="SUP-006",
    title="Accelerators do not all come from one maker",
    severity="warning",
    rationale="One export order, one flaw or one price then meets every machine at once.",
    remediation="plan a pool of another maker's accelerators for the work that can move to them",
    controls=(ECSF_SINGLE, C3A_HARDWARE, DORA_CONCENTRATION),
    places=PLAN,
    decide=_one_maker,
)
UNDECLARED = Rule(
    id="SUP-007",
    title="The makers of accelerators are among the declared suppliers",
    severity="warning",
    rationale="A hold that is not declared cannot be judged.",
    remediation="declare the maker under `suppliers` with its jurisdiction and `control_channel`",
    controls=(C3A_HARDWARE, C3A_SOFTWARE, ECSF_ORIGIN, NIS2_SUPPLY),
    places=PLAN,
    decide=_undeclared,
)
TAGS = Rule(
    id="SUP-008",
    title="Where a zone is of high trust, images are pinned by digest",
    severity="high",
    rationale="A tag names what somebody last put there; a digest names what was checked.",
    remediation="write `images: {digests: required}`",
    controls=(CADA_SOFTWARE, C3A_UPDATES, ECSF_UPDATES, NIS2_SUPPLY),
    places=PLAN,
    decide=_tags,
)
EXIT = Rule(
    id="SUP-009",
    title="A way out is prepared",
    severity="warning",
    rationale="Who cannot leave cannot refuse.",
    remediation="write down how tenants and data move elsewhere, test it, and set `exit_plan`",
    controls=(ECSF_EXIT, DORA_EXIT, GAIAX_AUTONOMY),
    places=PLAN,
    decide=_exit,
)
EXPIRED = Rule(
    id="CRT-001",
    title="No certificate that is claimed has ended",
    severity="medium",
    rationale="A certificate proves nothing after its last day.",
    remediation="renew it and write the new `expires`, or remove it from the description",
    controls=(ECSF_CERTIFICATES, CADA_CERTIFICATE),
    places=PLAN,
    decide_on=_expired,
)
ENDING = Rule(
    id="CRT-002",
    title="Certificates are renewed before they end",
    severity="warning",
    rationale="An audit takes months; ninety days ahead is late already.",
    remediation="begin the renewal",
    controls=(ECSF_CERTIFICATES, CADA_CERTIFICATE),
    places=PLAN,
    decide_on=_ending,
)

RULES = (STOPPABLE, UPDATED, REMOTE, TELEMETRY, STOCK, ONE_MAKER, UNDECLARED, TAGS, EXIT, EXPIRED, ENDING)
