"""SOV-1 and SOV-2: who owns, which law reaches, which export rule bites."""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.assess.sovereignty.areas import home, inside, reaching_laws
from sovereign_ai.assess.sovereignty.readings.reading import Reading, Subject, at_most, exactly
from sovereign_ai.units import Percent

_WHOLE = 10_000
_OPENS = frozenset({"identity", "ca", "heartbeat"})
"""Kinds of service whose holder, if ordered, can let somebody in or tell what runs: it says who is who, vouches for names, or is reported to."""


def law(subject: Subject) -> Iterator[Reading]:
    """Give the readings of both objectives."""
    yield _control(subject)
    yield from _capital(subject)
    yield _jurisdiction(subject)
    yield _extraterritorial(subject)
    yield _pathways(subject)
    yield _export(subject)
    yield from _intellectual_property(subject)


def _outside_share(subject: Subject) -> tuple[int, int]:
    """Give the declared votes outside the EEA, and all declared votes, in hundredths of a per cent."""
    holders = subject.factory.operator.shareholders
    return sum(one.share.count for one in holders if not home(one.seat)), sum(one.share.count for one in holders)


def _control(subject: Subject) -> Reading:
    """SOV-1.1: the operator, its ultimate parent and its shareholders."""
    operator = subject.factory.operator
    fields = ("operator.seat", "operator.parent.seat", "operator.shareholders")
    outside, declared = _outside_share(subject)
    if not home(operator.seat) and not home(operator.parent.seat):
        return exactly("SOV-1.1", 1, f"operator in {operator.seat} and ultimate parent in {operator.parent.seat}", *fields)
    if not home(operator.parent.seat):
        return exactly("SOV-1.1", 2, f"the ultimate parent in {operator.parent.seat} decides", *fields)
    if outside > _WHOLE // 2:
        return exactly("SOV-1.1", 2, f"{Percent(outside)} of the votes are outside", *fields)
    if outside or not home(operator.seat):
        why = f"{Percent(outside)} of the votes are outside" if outside else f"the operator sits in {operator.seat}"
        return exactly("SOV-1.1", 3, why, *fields)
    if declared < _WHOLE:
        return at_most("SOV-1.1", 4, f"{Percent(declared)} of the votes are declared; the rest is not known", *fields)
    return exactly("SOV-1.1", 4, "operator, ultimate parent and all votes are inside", *fields)


def _capital(subject: Subject) -> Iterator[Reading]:
    """SOV-1.4: votes stand for capital only as a ceiling."""
    outside, _ = _outside_share(subject)
    if outside:
        number = next(answer for answer, least in ((1, 9_000), (2, 6_000), (3, 4_000), (4, 1)) if outside >= least)
        yield at_most("SOV-1.4", number, f"{Percent(outside)} of the votes are outside", "operator.shareholders")


def _jurisdiction(subject: Subject) -> Reading:
    """SOV-2.1: seats and sites; which law the contracts name is not described."""
    operator = subject.factory.operator
    fields = ("operator.seat", "operator.parent.seat", "sites.country")
    if not home(operator.seat):
        return exactly("SOV-2.1", 1, f"the operator sits in {operator.seat}", *fields)
    away = sorted({operator.parent.seat, *(site.country for site in subject.factory.sites)})
    away = [code for code in away if not home(code)]
    if away:
        return exactly("SOV-2.1", 2, f"ultimate parent or sites are in {', '.join(away)} as well", *fields)
    return at_most("SOV-2.1", 3, "seats and sites are inside; which law the contracts are under is not described", *fields)


def _bodies(subject: Subject) -> Iterator[tuple[str, str, str]]:
    """Give each body that could be ordered to open the data: field, country, words."""
    operator = subject.factory.operator
    yield "operator.seat", operator.seat, "the operator"
    yield "operator.parent.seat", operator.parent.seat, "the ultimate parent"
    for holder in operator.shareholders:
        if holder.share.count > _WHOLE // 2:
            yield "operator.shareholders", holder.seat, "the holder of most votes"
    for body in operator.sub_processors:
        for seat in sorted({body.seat, body.parent_seat or body.seat}):
            yield "operator.sub_processors", seat, f"sub-processor for {body.purpose}"
    used = {tier.encryption.key for tier in subject.factory.storage}
    for key in subject.factory.keys:
        if key.name in used:
            yield "keys.jurisdiction", key.jurisdiction, "the custodian of a key"
    yield from _channels(subject)


def _channels(subject: Subject) -> Iterator[tuple[str, str, str]]:
    """Give who has a channel into what runs, or answers who may enter it."""
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


def _extraterritorial(subject: Subject) -> Reading:
    """SOV-2.2: laws with a reach abroad, by the seats of who could be ordered."""
    fields = _BODY_FIELDS
    operator = subject.factory.operator
    for code, number in ((operator.seat, 1), (operator.parent.seat, 3)):
        if not home(code):
            laws = ", ".join(reaching_laws(code)) or "the law of its seat"
            return at_most(
                "SOV-2.2", number, f"{laws} reaches {'the operator' if number == 1 else 'it through the ultimate parent'}", *fields
            )
    found = sorted({f"{', '.join(reaching_laws(code)) or code} reaches {words}" for _, code, words in _bodies(subject) if not home(code)})
    if found:
        return at_most("SOV-2.2", 4, found[0], *fields)
    return at_most("SOV-2.2", 5, "no body that could be ordered sits outside; that no such law can be enforced must be verified", *fields)


def _pathways(subject: Subject) -> Reading:
    """SOV-2.3: whom a foreign authority could order, and who works from abroad."""
    operator = subject.factory.operator
    fields = (*_BODY_FIELDS, "operator.staff.location", "operator.support", "operator.soc")
    found = [words for _, code, words in _bodies(subject) if not home(code)]
    people = ((operator.staff.location, "staff"), (operator.support, "support"), (operator.soc, "security operations"))
    found += [f"{words} abroad" for areas, words in people if not inside(areas)]
    if found:
        return at_most("SOV-2.3", 4, f"{found[0]} can be ordered by an authority outside", *fields)
    return at_most("SOV-2.3", 5, "nobody with access sits outside; that orders are always refused must be promised", *fields)


def _export(subject: Subject) -> Reading:
    """SOV-2.4: whether every accelerator, some or none reaches a threshold of a rule from outside."""
    chips = [part for part in subject.graph.parts if part.layer == "chips"]
    caught = [part for part in chips if part.rule]
    fields = ("pools.system", "suppliers")
    if chips and len(caught) == len(chips):
        return at_most("SOV-2.4", 3, f"every kind of accelerator reaches {caught[0].rule}; a rule of that country can bite", *fields)
    if caught:
        return at_most("SOV-2.4", 4, f"some accelerators reach {caught[0].rule}", *fields)
    return at_most("SOV-2.4", 5, "no accelerator is known to reach a threshold", *fields)


def _intellectual_property(subject: Subject) -> Iterator[Reading]:
    """SOV-2.5 and SOV-2.6: designs and their owners, by the seats of the vendors of chips, switches and drivers."""
    parts = [part for part in subject.graph.parts if part.id.startswith(("accelerator:", "switch:", "driver:"))]
    away = sorted({part.holder for part in parts if not home(part.law)})
    fields = ("pools.system", "fabrics.switch", "suppliers")
    if away:
        yield at_most("SOV-2.5", 3, f"designs of {', '.join(away)}", *fields)
        yield at_most("SOV-2.6", 3, f"owned by {', '.join(away)}", *fields)
