"""Readings of SOV-1 and SOV-2: ownership, jurisdiction, extraterritorial laws and export rules."""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.catalog import members
from sovereign_ai.sovereignty.areas import home, inside, reaching_laws
from sovereign_ai.sovereignty.parts.surroundings import used_keys
from sovereign_ai.sovereignty.readings.reading import CriterionReading, Subject, at_most, exactly
from sovereign_ai.units import Percent

_WHOLE = 10_000
"""All votes, in hundredths of a percent."""
_OPENS = frozenset({"identity", "ca", "heartbeat"})
"""Kinds of service whose holder, if ordered, can grant access or reveal what runs.

They authenticate users, certify names, or receive reports.
"""


def law(subject: Subject) -> Iterator[CriterionReading]:
    """Yield the readings of both objectives."""
    yield _control(subject)
    yield from _capital(subject)
    yield _jurisdiction(subject)
    yield _extraterritorial(subject)
    yield _pathways(subject)
    yield _export(subject)
    yield from _intellectual_property(subject)


def _outside_share(subject: Subject) -> tuple[int, int]:
    """Return the declared votes outside the EEA, and all declared votes, in hundredths of a percent."""
    outside = declared = 0
    for holder in subject.factory.operator.shareholders:
        declared += holder.share.count
        if not home(holder.seat):
            outside += holder.share.count
    return outside, declared


def _control(subject: Subject) -> CriterionReading:
    """Return SOV-1.1: the operator, its ultimate parent and its shareholders."""
    operator = subject.factory.operator
    seat, parent = operator.seat, operator.parent.seat
    fields = ("operator.seat", "operator.parent.seat", "operator.shareholders")
    outside, declared = _outside_share(subject)
    if not home(seat) and not home(parent):
        return exactly("SOV-1.1", 1, f"operator in {seat} and ultimate parent in {parent}", *fields)
    if not home(parent):
        return exactly("SOV-1.1", 2, f"the ultimate parent in {parent} decides", *fields)
    votes = f"{Percent(outside)} of the votes are outside"
    if outside > _WHOLE // 2:
        return exactly("SOV-1.1", 2, votes, *fields)
    if outside or not home(seat):
        why = votes if outside else f"the operator sits in {seat}"
        return exactly("SOV-1.1", 3, why, *fields)
    if declared < _WHOLE:
        why = f"{Percent(declared)} of the votes are declared; the rest is not known"
        return at_most("SOV-1.1", 4, why, *fields)
    return exactly("SOV-1.1", 4, "operator, ultimate parent and all votes are inside", *fields)


def _capital(subject: Subject) -> Iterator[CriterionReading]:
    """Yield SOV-1.4: votes represent capital only as a ceiling."""
    outside, _ = _outside_share(subject)
    # The votes outside from which an answer is the best one left: 90, 60 and 40 %, and any at all.
    for answer, least in ((1, 9_000), (2, 6_000), (3, 4_000), (4, 1)):
        if outside >= least:
            why = f"{Percent(outside)} of the votes are outside"
            yield at_most("SOV-1.4", answer, why, "operator.shareholders")
            return


def _jurisdiction(subject: Subject) -> CriterionReading:
    """Return SOV-2.1: seats and sites; the governing law of the contracts is not described."""
    operator = subject.factory.operator
    fields = ("operator.seat", "operator.parent.seat", "sites.country")
    if not home(operator.seat):
        return exactly("SOV-2.1", 1, f"the operator sits in {operator.seat}", *fields)
    codes = {operator.parent.seat}
    for site in subject.factory.sites:
        codes.add(site.country)
    away = codes - members("EEA")
    if away:
        countries = ", ".join(sorted(away))
        return exactly("SOV-2.1", 2, f"ultimate parent or sites are in {countries} as well", *fields)
    why = "seats and sites are inside; which law the contracts are under is not described"
    return at_most("SOV-2.1", 3, why, *fields)


def _bodies(subject: Subject) -> Iterator[tuple[str, str, str]]:
    """Yield each body that could be ordered to open the data: field, country, words."""
    operator = subject.factory.operator
    yield "operator.seat", operator.seat, "the operator"
    yield "operator.parent.seat", operator.parent.seat, "the ultimate parent"
    for holder in operator.shareholders:
        if holder.share.count > _WHOLE // 2:
            yield "operator.shareholders", holder.seat, "the holder of most votes"
    for body in operator.sub_processors:
        # A body and its parent in one country are one target, in two countries two.
        for seat in sorted({body.seat, body.parent_seat or body.seat}):
            yield "operator.sub_processors", seat, f"sub-processor for {body.purpose}"
    used = used_keys(subject.factory)
    for key in subject.factory.keys:
        if key.name in used:
            yield "keys.jurisdiction", key.jurisdiction, "the custodian of a key"
    yield from _channels(subject)


def _channels(subject: Subject) -> Iterator[tuple[str, str, str]]:
    """Yield the bodies with a channel into running parts, or that decide on access to them."""
    for supplier in subject.factory.suppliers:
        if supplier.control_channel in {"remote-control", "telemetry"}:
            yield "suppliers", supplier.jurisdiction, f"the supplier of {supplier.component}"
    for service in subject.factory.services:
        if service.kind in _OPENS and service.jurisdiction is not None:
            yield "services", service.jurisdiction, f"who runs the {service.kind} service {service.name}"


_BODY_FIELDS = (
    "operator.seat",
    "operator.parent.seat",
    "operator.shareholders",
    "operator.sub_processors",
    "keys.jurisdiction",
    "services",
    "storage.encryption.key",
    "suppliers",
)


def _extraterritorial(subject: Subject) -> CriterionReading:
    """Return SOV-2.2: laws with a reach abroad, by the seats of the bodies that could be ordered."""
    fields = _BODY_FIELDS
    operator = subject.factory.operator
    for code, number, target in (
        (operator.seat, 1, "the operator"),
        (operator.parent.seat, 3, "it through the ultimate parent"),
    ):
        if not home(code):
            laws = ", ".join(reaching_laws(code)) or "the law of its seat"
            return at_most("SOV-2.2", number, f"{laws} reaches {target}", *fields)
    reasons: set[str] = set()
    for _, code, words in _bodies(subject):
        if not home(code):
            reasons.add(f"{', '.join(reaching_laws(code)) or code} reaches {words}")
    if reasons:
        return at_most("SOV-2.2", 4, min(reasons), *fields)
    why = "no body that could be ordered sits outside; that no such law can be enforced must be verified"
    return at_most("SOV-2.2", 5, why, *fields)


def _pathways(subject: Subject) -> CriterionReading:
    """Return SOV-2.3: bodies that a foreign authority could order, and people who work from abroad."""
    operator = subject.factory.operator
    fields = (*_BODY_FIELDS, "operator.staff.location", "operator.support", "operator.soc")
    reachable = []
    for _, code, words in _bodies(subject):
        if not home(code):
            reachable.append(words)
    for areas, words in (
        (operator.staff.location, "staff"),
        (operator.support, "support"),
        (operator.soc, "security operations"),
    ):
        if not inside(areas):
            reachable.append(f"{words} abroad")
    if reachable:
        return at_most("SOV-2.3", 4, f"{reachable[0]} can be ordered by an authority outside", *fields)
    why = "nobody with access sits outside; that orders are always refused must be promised"
    return at_most("SOV-2.3", 5, why, *fields)


def _export(subject: Subject) -> CriterionReading:
    """Return SOV-2.4: whether every accelerator, some or none reaches a threshold of a rule from outside."""
    chips = 0
    caught: list[str] = []
    for part in subject.graph.parts:
        if part.layer == "chips":
            chips += 1
            if part.rule:
                caught.append(part.rule)
    fields = ("pools.system", "suppliers")
    if not caught:
        return at_most("SOV-2.4", 5, "no accelerator is known to reach a threshold", *fields)
    rule = caught[0]
    if len(caught) == chips:
        why = f"every kind of accelerator reaches {rule}; a rule of that country can bite"
        return at_most("SOV-2.4", 3, why, *fields)
    return at_most("SOV-2.4", 4, f"some accelerators reach {rule}", *fields)


def _intellectual_property(subject: Subject) -> Iterator[CriterionReading]:
    """Yield SOV-2.5 and SOV-2.6: designs and their owners, by the vendors of chips, switches and drivers."""
    holders: set[str] = set()
    for part in subject.graph.parts:
        is_design = part.id.startswith(("accelerator:", "switch:", "driver:"))
        if is_design and not home(part.law):
            holders.add(part.holder)
    if holders:
        away = ", ".join(sorted(holders))
        fields = ("pools.system", "fabrics.switch", "suppliers")
        yield at_most("SOV-2.5", 3, f"designs of {away}", *fields)
        yield at_most("SOV-2.6", 3, f"owned by {away}", *fields)
