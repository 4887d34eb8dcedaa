"""Readings of SOV-3, SOV-5 and SOV-6: keys, location of data, accelerators, and openness of software."""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.sovereignty.areas import home, inside
from sovereign_ai.sovereignty.parts.surroundings import used_keys
from sovereign_ai.sovereignty.readings.reading import CriterionReading, Subject, at_most, exactly
from sovereign_ai.spec import AIFactory, Key, ResidencyPolicy

# The lists of places in a residency policy.
_LISTS = ("within", "replicas", "snapshots", "backups", "logs", "metrics")


def data(subject: Subject) -> Iterator[CriterionReading]:
    """Yield the readings."""
    yield from _keys(subject)
    yield _location(subject)
    yield from _chips(subject)
    yield from _software(subject)


def _held(key: Key) -> tuple[int, bool, str]:
    """Return the answer that a key's custodian permits, whether it is certain, and the reason."""
    if key.custodian == "provider":
        return 1, True, "a provider holds a key alone"
    if key.custodian == "operator":
        return 1, True, "the operator, who is the customers' provider, holds a key alone"
    if key.custodian == "third-party":
        return 3, False, "a third party holds a key; whether the operator can have it used is not described"
    if key.module == "software":
        return 4, True, "customers hold the keys, one of them in software on machines that the operator runs"
    return 5, True, "customers hold every key in a module of their own"


def _keys(subject: Subject) -> Iterator[CriterionReading]:
    """Yield SOV-3.1: the worst key that any storage is under."""
    used = used_keys(subject.factory)
    custody: list[tuple[int, bool, str]] = []
    for key in subject.factory.keys:
        if key.name in used:
            held = _held(key)
            custody.append(held)
    if custody:
        number, certain, why = min(custody)
        read = exactly if certain else at_most
        yield read("SOV-3.1", number, why, "keys.custodian", "keys.module", "storage.encryption.key")


def _location(subject: Subject) -> CriterionReading:
    """Return SOV-3.4: the places of servers, tiers, backups and gateways, and permitted ones."""
    factory = subject.factory
    fields = ("sites.country", "pools.site", "pools.nodes", "storage", "residency", "gateways")
    inside_nodes = outside_nodes = 0
    for pool in factory.pools:
        if home(factory.site(pool.site).country):
            inside_nodes += factory.standing(pool)
        else:
            outside_nodes += factory.standing(pool)
    away = _storage_outside(subject)
    if not inside_nodes:
        number = 2 if factory.residency else 1
        return exactly("SOV-3.4", number, "every machine stands outside", *fields)
    if outside_nodes > inside_nodes:
        return exactly("SOV-3.4", 2, "most machines stand outside", *fields)
    if outside_nodes or away:
        why = f"storage or backups are in {', '.join(away)}" if away else "some machines stand outside"
        return exactly("SOV-3.4", 3, why, *fields)
    leak = _permitted_outside(factory)
    if leak:
        return exactly("SOV-3.4", 4, leak, *fields)
    if not factory.residency:
        why = "everything stands inside; no residency policy forbids the rest"
        return at_most("SOV-3.4", 5, why, *fields)
    why = "machines, storage, backups, logs and gateways are inside, and residency permits nothing else"
    return exactly("SOV-3.4", 5, why, *fields)


def _storage_outside(subject: Subject) -> list[str]:
    """Return the countries outside that storage tiers or their backups are in, sorted."""
    codes: set[str] = set()
    for planned in subject.plan.storage:
        if not home(planned.jurisdiction):
            codes.add(planned.jurisdiction)
    for tier in subject.factory.storage:
        if tier.backup:
            country = subject.factory.site(tier.backup.site).country
            if not home(country):
                codes.add(country)
    return sorted(codes)


def _permitted_outside(factory: AIFactory) -> str:
    """Return the first way in which data may leave although everything is inside.

    An empty text if there is none.
    """
    ends: set[str] = set()
    for gateway in factory.gateways:
        if not home(gateway.seat):
            ends.add(gateway.seat)
    if ends:
        return f"gateways end in {', '.join(sorted(ends))}"
    permitted: set[str] = set()
    transfers: set[str] = set()
    for policy in factory.residency:
        if _permits_outside(policy):
            permitted.add(policy.data)
        if policy.transfer != "none":
            transfers.add(policy.data)
    if permitted:
        return f"residency permits places outside for {', '.join(sorted(permitted))}"
    if transfers:
        return f"transfers are grounded for {', '.join(sorted(transfers))}"
    return ""


def _permits_outside(policy: ResidencyPolicy) -> bool:
    """Return whether any list of a policy has a place outside."""
    return any(not inside(getattr(policy, name)) for name in _LISTS)


def _chips(subject: Subject) -> Iterator[CriterionReading]:
    """Yield SOV-3.5 and SOV-6.5: the vendors of the accelerators, and where they are hosted."""
    chips = 0
    holders: list[str] = []
    made_inside = hosted = True
    for part in subject.graph.parts:
        if part.layer != "chips":
            continue
        chips += 1
        made_inside = made_inside and home(part.origin)
        if not home(part.law):
            holders.append(part.holder)
    for site in subject.factory.sites:
        hosted = hosted and home(site.country)
    if holders:
        why = f"accelerators of {holders[0]}"
        yield at_most("SOV-3.5", 4, why, "pools.system", "suppliers")
    fields = ("pools.system", "suppliers", "sites.country")
    if holders and hosted and len(holders) == chips:
        why = f"hosted inside on accelerators of {holders[0]}"
        yield exactly("SOV-6.5", 2, why, *fields)
    elif not hosted:
        yield exactly("SOV-6.5", 1, "some of it stands outside", *fields)
    else:
        number = 5 if made_inside else 4
        yield at_most("SOV-6.5", number, "some accelerators are designed inside", *fields)


def _software(subject: Subject) -> Iterator[CriterionReading]:
    """Yield SOV-5.3, SOV-5.4 and SOV-6.3, which firmware, software and drivers from outside lower."""
    away: set[str] = set()
    closed: list[str] = []
    foreign_firmware = False
    for part in subject.graph.parts:
        if part.layer != "software" or not part.described:
            continue
        if not home(part.law):
            away.add(part.holder)
            foreign_firmware = foreign_firmware or part.id.startswith("firmware:")
        if part.id.startswith("driver:") and "proprietary" in part.licence:
            closed.append(part.holder)
    fields = ("pools.system", "suppliers")
    if away:
        yield at_most("SOV-5.4", 4, f"software of {', '.join(sorted(away))}", *fields)
    if foreign_firmware:
        yield at_most("SOV-5.3", 4, "firmware of vendors outside", *fields)
    if closed:
        yield at_most("SOV-6.3", 3, f"a driver of {min(closed)} is proprietary in part", *fields)
