"""SOV-3 and SOV-6: keys, places of data, deletion, chips and models, openness."""

from __future__ import annotations

from collections.abc import Iterator

from sovereign_ai.assess.sovereignty.areas import home, inside
from sovereign_ai.assess.sovereignty.readings.reading import Reading, Subject, at_most, exactly
from sovereign_ai.spec.storage import Key

_LISTS = ("within", "replicas", "snapshots", "backups", "logs", "metrics")


def data(subject: Subject) -> Iterator[Reading]:
    """Give the readings of both objectives."""
    yield from _keys(subject)
    yield _location(subject)
    yield from _chips(subject)
    yield from _software(subject)


def _held(key: Key) -> tuple[int, bool, str]:
    """Give the answer that a key's custodian permits, whether it is certain, and why."""
    if key.custodian == "provider":
        return 1, True, "a provider holds a key alone"
    if key.custodian == "operator":
        return 1, True, "the operator, who is the customers' provider, holds a key alone"
    if key.custodian == "third-party":
        return 3, False, "a third party holds a key; whether the operator can have it used is not described"
    if key.module == "software":
        return 4, True, "customers hold the keys, one of them in software on machines that the operator runs"
    return 5, True, "customers hold every key in a module of their own"


def _keys(subject: Subject) -> Iterator[Reading]:
    """SOV-3.1: the worst key that any storage is under."""
    used = {tier.encryption.key for tier in subject.factory.storage}
    held = sorted(_held(key) for key in subject.factory.keys if key.name in used)
    if held:
        number, certain, why = held[0]
        fields = ("keys.custodian", "keys.module", "storage.encryption.key")
        yield exactly("SOV-3.1", number, why, *fields) if certain else at_most("SOV-3.1", number, why, *fields)


def _location(subject: Subject) -> Reading:
    """SOV-3.4: where machines, tiers and backups stand, what residency permits, and where gateways end."""
    factory = subject.factory
    fields = ("sites.country", "pools.site", "pools.nodes", "storage", "residency", "gateways")
    machines = {True: 0, False: 0}
    for pool in factory.pools:
        machines[home(factory.site(pool.site).country)] += pool.nodes
    tiers = {one.jurisdiction for one in subject.plan.storage if not home(one.jurisdiction)}
    backups = {factory.site(one.backup.site).country for one in factory.storage if one.backup}
    away = sorted(tiers | {code for code in backups if not home(code)})
    if not machines[True]:
        return exactly("SOV-3.4", 1 if not factory.residency else 2, "every machine stands outside", *fields)
    if machines[False] > machines[True]:
        return exactly("SOV-3.4", 2, "most machines stand outside", *fields)
    if machines[False] or away:
        why = f"storage or backups are in {', '.join(away)}" if away else "some machines stand outside"
        return exactly("SOV-3.4", 3, why, *fields)
    ends = sorted({one.seat for one in factory.gateways if not home(one.seat)})
    permitted = sorted({policy.data for policy in factory.residency if not all(inside(getattr(policy, name)) for name in _LISTS)})
    transfers = sorted({policy.data for policy in factory.residency if policy.transfer != "none"})
    for found, why in (
        (ends, "gateways end in"),
        (permitted, "residency permits places outside for"),
        (transfers, "transfers are grounded for"),
    ):
        if found:
            return exactly("SOV-3.4", 4, f"{why} {', '.join(found)}", *fields)
    if not factory.residency:
        return at_most("SOV-3.4", 5, "everything stands inside; no residency policy forbids the rest", *fields)
    return exactly("SOV-3.4", 5, "machines, storage, backups, logs and gateways are inside, and residency permits nothing else", *fields)


def _chips(subject: Subject) -> Iterator[Reading]:
    """SOV-3.5 and SOV-6.5: whose accelerators, hosted where."""
    chips = [part for part in subject.graph.parts if part.layer == "chips"]
    foreign = [part for part in chips if not home(part.law)]
    hosted = all(home(site.country) for site in subject.factory.sites)
    fields = ("pools.system", "suppliers")
    if foreign:
        yield at_most("SOV-3.5", 4, f"accelerators of {foreign[0].holder}", *fields)
    if foreign and hosted and len(foreign) == len(chips):
        yield exactly("SOV-6.5", 2, f"hosted inside on accelerators of {foreign[0].holder}", *fields, "sites.country")
    elif not hosted:
        yield exactly("SOV-6.5", 1, "some of it stands outside", *fields, "sites.country")
    else:
        made_inside = all(part.origin and home(part.origin) for part in chips)
        yield at_most("SOV-6.5", 5 if made_inside else 4, "some accelerators are designed inside", *fields, "sites.country")


def _software(subject: Subject) -> Iterator[Reading]:
    """SOV-5.3, SOV-5.4 and SOV-6.3: firmware, software and drivers from outside leave less possible."""
    parts = [part for part in subject.graph.parts if part.layer == "software" and part.described]
    away = sorted({part.holder for part in parts if not home(part.law)})
    fields = ("pools.system", "suppliers")
    if away:
        yield at_most("SOV-5.4", 4, f"software of {', '.join(away)}", *fields)
    if any(part.id.startswith("firmware:") and not home(part.law) for part in parts):
        yield at_most("SOV-5.3", 4, "firmware of vendors outside", *fields)
    closed = sorted(part.holder for part in parts if part.id.startswith("driver:") and "proprietary" in part.licence)
    if closed:
        yield at_most("SOV-6.3", 3, f"a driver of {closed[0]} is proprietary in part", *fields)
