"""Readings of SOV-5 and SOV-8.4: origin of parts, updates, single points of dependency, and energy."""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.sovereignty.areas import home
from sovereign_ai.sovereignty.parts.part import Dependency
from sovereign_ai.sovereignty.readings.reading import CriterionReading, Subject, at_most, exactly
from sovereign_ai.text import counted

_GREEN = frozenset({"wind", "solar", "hydro"})


def supply(subject: Subject) -> Iterator[CriterionReading]:
    """Yield the readings."""
    yield from _origin(subject)
    yield _updates(subject)
    yield _single_points(subject)
    yield from _energy(subject)


def _origin(subject: Subject) -> Iterator[CriterionReading]:
    """Yield SOV-5.1 and SOV-5.2: where chips are made, as far as it is known."""
    unknown: list[str] = []
    abroad: set[str] = set()
    foreign = False
    for part in subject.graph.parts:
        if part.layer != "chips":
            continue
        if part.origin is None:
            unknown.append(part.what)
        elif part.origin and not home(part.origin):
            abroad.add(part.origin)
        foreign = foreign or not home(part.law)
    countries = ", ".join(sorted(abroad))
    fields = ("pools.system", "suppliers")
    if unknown:
        yield at_most("SOV-5.1", 3, f"no source says where {unknown[0]} is made", *fields)
    elif foreign or abroad:
        why = (
            f"chips are made in {countries or 'the Union'} for vendors outside: no provenance certified here"
        )
        yield at_most("SOV-5.1", 4, why, *fields)
    if unknown or abroad or foreign:
        why = "where chips are made is not known throughout"
        if abroad:
            why = f"chips are made in {countries}"
        yield at_most("SOV-5.2", 3, why, *fields)


def _updates(subject: Subject) -> CriterionReading:
    """Return SOV-5.5: images without a digest cannot be gated; who builds and signs them is not described."""
    if subject.factory.images.digests == "optional":
        why = "images need no digest, so the pipeline has no gate for them"
        return at_most("SOV-5.5", 4, why, "images.digests")
    why = "images are pinned by digest; who builds and signs is not described"
    return at_most("SOV-5.5", 5, why, "images.digests")


def _single_points(subject: Subject) -> CriterionReading:
    """Return SOV-5.6: critical parts from outside, and whether their holders are declared as suppliers."""
    fields = {"suppliers", "services"}
    parts = _supplied(subject)
    away: list[Dependency] = []
    needed = 0
    for part in parts:
        fields.update(part.fields)
        if part.critical:
            needed += 1
        if not home(part.law):
            away.append(part)
    if parts and len(away) == len(parts):
        return exactly("SOV-5.6", 1, "every part that is described comes from outside", *fields)
    if not away:
        return at_most("SOV-5.6", 5, "no part that is described comes from outside", *fields)
    critical = [part for part in away if part.critical]
    if not critical:
        return at_most("SOV-5.6", 4, "parts from outside are not critical", *fields)
    declared = _declared(subject)
    silent = {part.holder for part in critical if not _is_declared(part, declared)}
    if silent and 2 * len(critical) > needed:
        why = (
            f"{len(critical)} of {counted(needed, 'critical part')} come from outside, "
            f"and {', '.join(sorted(silent))} are not declared as suppliers"
        )
        return exactly("SOV-5.6", 2, why, *fields)
    named = counted(len(critical), "critical part comes", "critical parts come")
    why = f"{named} from outside; declared or few"
    return exactly("SOV-5.6", 3, why, *fields)


def _supplied(subject: Subject) -> list[Dependency]:
    """Return the described parts with a supplier, which people and jurisdictions have not."""
    return [part for part in subject.graph.parts if part.layer not in {"law", "people"} and part.described]


def _declared(subject: Subject) -> set[str]:
    """Return the names of all declared vendors and providers of services, without regard to case."""
    names: set[str] = set()
    for supplier in subject.factory.suppliers:
        names.add(supplier.vendor.casefold())
    for service in subject.factory.services:
        for name in (service.supplier, service.entity):
            if name:
                names.add(name.casefold())
    return names


def _is_declared(part: Dependency, declared: set[str]) -> bool:
    """Return whether any declared vendor is a part's vendor or holder."""
    return any(_same(part, vendor) for vendor in declared)


def _same(part: Dependency, vendor: str) -> bool:
    """Return whether a declared vendor is a part's vendor or holder.

    A declared name may be longer than the part's, such as with the legal form behind it.
    """
    for name in (part.vendor, part.holder):
        if (name and name.casefold() in vendor) or name.casefold() == vendor:
            return True
    return False


def _energy(subject: Subject) -> Iterator[CriterionReading]:
    """Yield SOV-8.4: the contracts' suppliers and sources; nuclear is low in carbon, not renewable."""
    sites = subject.factory.sites
    fields = ("sites.contracts",)
    seats: set[bool] = set()
    green = complete = True
    for site in sites:
        complete = complete and bool(site.contracts)
        for contract in site.contracts:
            seats.add(home(contract.supplier_seat))
            green = green and contract.source in _GREEN
    if not seats:
        return
    if not complete:
        yield at_most("SOV-8.4", 4, "a site has no contract", *fields)
    elif seats == {True, False}:
        yield exactly("SOV-8.4", 3, "suppliers sit inside and outside", *fields)
    elif seats == {False}:
        yield at_most("SOV-8.4", 3, "every supplier sits outside", *fields)
    elif green:
        yield exactly("SOV-8.4", 5, "every supplier sits inside, all wind, sun and water", *fields)
    else:
        yield exactly("SOV-8.4", 4, "every supplier sits inside", *fields)
