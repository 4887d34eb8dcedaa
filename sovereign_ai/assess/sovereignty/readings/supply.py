"""SOV-5 and SOV-8.4: origin of parts, who updates, single points of dependency, energy."""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.assess.sovereignty.areas import home
from sovereign_ai.assess.sovereignty.readings.reading import Reading, Subject, at_most, exactly

_GREEN = frozenset({"wind", "solar", "hydro"})


def supply(subject: Subject) -> Iterator[Reading]:
    """Give the readings."""
    yield from _origin(subject)
    yield _updates(subject)
    yield _single_points(subject)
    yield from _energy(subject)


def _origin(subject: Subject) -> Iterator[Reading]:
    """SOV-5.1 and SOV-5.2: what is known of where chips are made."""
    chips = [part for part in subject.graph.parts if part.layer == "chips"]
    unknown = [part.what for part in chips if part.origin is None]
    abroad = sorted({part.origin for part in chips if part.origin and not home(part.origin)})
    fields = ("pools.system", "suppliers")
    foreign = any(not home(part.law) for part in chips)
    if unknown:
        yield at_most("SOV-5.1", 3, f"no source says where {unknown[0]} is made", *fields)
    elif foreign or abroad:
        yield at_most(
            "SOV-5.1", 4, f"chips are made in {', '.join(abroad) or 'the Union'} for vendors outside: no provenance certified here", *fields
        )
    if unknown or abroad or foreign:
        why = f"chips are made in {', '.join(abroad)}" if abroad else "where chips are made is not known throughout"
        yield at_most("SOV-5.2", 3, why, *fields)


def _updates(subject: Subject) -> Reading:
    """SOV-5.5: images without a digest cannot be gated; who builds and signs is not described."""
    if subject.factory.images.digests == "optional":
        return at_most("SOV-5.5", 4, "images need no digest, so the pipeline has no gate for them", "images.digests")
    return at_most("SOV-5.5", 5, "images are pinned by digest; who builds and signs is not described", "images.digests")


def _single_points(subject: Subject) -> Reading:
    """SOV-5.6: holders outside of parts that training or inference needs, and whether the description names each as a supplier."""
    parts = [part for part in subject.graph.parts if part.layer not in {"law", "people"} and part.described]
    fields = {field for part in parts for field in part.fields} | {"suppliers", "services"}
    away = [part for part in parts if not home(part.law)]
    critical = [part for part in away if part.critical]
    if parts and all(not home(part.law) for part in parts):
        return exactly("SOV-5.6", 1, "every part that is described comes from outside", *fields)
    if not away:
        return at_most("SOV-5.6", 5, "no part that is described comes from outside", *fields)
    if not critical:
        return at_most("SOV-5.6", 4, "parts from outside are not critical", *fields)
    declared = {supplier.vendor.casefold() for supplier in subject.factory.suppliers}
    declared |= {name.casefold() for one in subject.factory.services for name in (one.supplier, one.entity) if name}
    silent = sorted({part.holder for part in critical if not any(_same(part, vendor) for vendor in declared)})
    needed = [part for part in parts if part.critical]
    if silent and 2 * len(critical) > len(needed):
        why = f"{len(critical)} of {len(needed)} critical parts come from outside, and {', '.join(silent)} are not declared as suppliers"
        return exactly("SOV-5.6", 2, why, *fields)
    return exactly("SOV-5.6", 3, f"{len(critical)} critical parts come from outside; declared or few", *fields)


def _same(part: object, vendor: str) -> bool:
    """Whether a declared vendor is a part's vendor or holder."""
    names = (getattr(part, "vendor", ""), getattr(part, "holder", ""))
    return any((name and name.casefold() in vendor) or name.casefold() == vendor for name in names)


def _energy(subject: Subject) -> Iterator[Reading]:
    """SOV-8.4: the contracts' suppliers and sources; nuclear is low in carbon, not renewable."""
    sites = subject.factory.sites
    contracts = [one for site in sites for one in site.contracts]
    fields = ("sites.contracts",)
    if not contracts:
        return
    seats = {home(one.supplier_seat) for one in contracts}
    if not all(site.contracts for site in sites):
        yield at_most("SOV-8.4", 4, "a site has no contract", *fields)
    elif seats == {True}:
        green = all(one.source in _GREEN for one in contracts)
        yield exactly("SOV-8.4", 5 if green else 4, f"every supplier sits inside{', all wind, sun and water' if green else ''}", *fields)
    elif seats == {True, False}:
        yield exactly("SOV-8.4", 3, "suppliers sit inside and outside", *fields)
    else:
        yield at_most("SOV-8.4", 3, "every supplier sits outside", *fields)
