"""Plain findings on the description that requirements of several frameworks share.

Each gives true, false, or None where the description does not say, a reason, and its fields. True
is given only where the description states what is asked; what is left out is None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sovereign_ai.assess.sovereignty.areas import countries
from sovereign_ai.assess.sovereignty.drill import DAYS, Drill
from sovereign_ai.assess.sovereignty.graph import Graph
from sovereign_ai.catalog.jurisdictions import members
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory

Found = tuple[bool | None, str, tuple[str, ...]]
_EU, _EEA, _DE = members("EU"), members("EEA"), frozenset({"DE"})
_DATA_FIELDS = ("sites.country", "pools.site", "storage", "residency")


@dataclass(frozen=True, slots=True)
class Case:
    """What findings are made on."""

    factory: AIFactory
    plan: Plan
    graph: Graph
    drills: tuple[Drill, ...]


def _seats(case: Case, where: frozenset[str]) -> Found:
    seat = case.factory.operator.seat
    return seat in where, f"the operator sits in {seat}", ("operator.seat",)


def _control(case: Case, where: frozenset[str]) -> Found:
    """Owner by owner; votes that nobody declares leave it open."""
    operator = case.factory.operator
    fields = ("operator.parent.seat", "operator.shareholders")
    if operator.parent.seat not in where:
        return False, f"the ultimate parent sits in {operator.parent.seat}", fields
    return _holders(case, where, fields)


def _holders(case: Case, where: frozenset[str], fields: tuple[str, ...] = ("operator.shareholders",)) -> Found:
    """Whether no holder outside has half of the votes; SecNumCloud's tighter shares are not asked here."""
    holders = case.factory.operator.shareholders
    outside = sum(one.share.count for one in holders if one.seat not in where)
    if outside >= 5_000:
        return False, "half of the votes or more are outside", fields
    if sum(one.share.count for one in holders) < 10_000:
        return None, "not all votes are declared", fields
    return True, "all votes are declared, and holders outside have less than half", fields


def _areas(areas: Iterable[str], where: frozenset[str], what: str, *fields: str) -> Found:
    outside = sorted(countries(areas) - where)
    return not outside, f"{what} {'is inside' if not outside else 'is in ' + ', '.join(outside[:4])}", fields


def _staff(case: Case, where: frozenset[str]) -> Found:
    staff = case.factory.operator.staff
    place = _areas(staff.location, where, "staff", "operator.staff.location", "operator.staff.citizenship")
    return place if not place[0] else _areas(staff.citizenship, _EU, "staff citizenship", *place[2])


def _sites(case: Case, where: frozenset[str]) -> Found:
    return _areas([site.country for site in case.factory.sites], where, "every site", "sites.country")


def _data(case: Case, where: frozenset[str]) -> Found:
    """Where data, replicas, snapshots and backups may be; without a policy nothing confines them."""
    sites = _sites(case, where)
    if not sites[0]:
        return False, sites[1], _DATA_FIELDS
    if not case.factory.residency:
        return None, "no residency policy", _DATA_FIELDS
    named = [area for one in case.factory.residency for area in (*one.within, *one.replicas, *one.snapshots, *one.backups)]
    return _areas(named, where, "data that policies name", *_DATA_FIELDS)


def _logs(case: Case, where: frozenset[str]) -> Found:
    """Where logs and metrics may be; a policy without a list permits none, which says nothing on where they are."""
    policies = case.factory.residency
    if not policies or any(not one.logs for one in policies):
        return None, "a policy names no place for logs, or there is none", ("residency",)
    return _areas([area for one in policies for area in (*one.logs, *one.metrics)], where, "logs and metrics", "residency")


def _both(first: Found, second: Found) -> Found:
    """Join two findings: false wins, then not known."""
    fields = tuple(sorted({*first[2], *second[2]}))
    for wanted in (False, None):
        for one in (first, second):
            if one[0] is wanted:
                return wanted, one[1], fields
    return True, f"{first[1]}; {second[1]}", fields


def _bodies(case: Case, where: frozenset[str]) -> Found:
    seats = [seat for body in case.factory.operator.sub_processors for seat in (body.seat, body.parent_seat or body.seat)]
    if not seats:
        return None, "no sub-processor is declared; whether there is none is not said", ("operator.sub_processors",)
    return _areas(seats, where, "every sub-processor", "operator.sub_processors")


def _keys(case: Case) -> Found:
    used = {tier.encryption.key for tier in case.factory.storage}
    held = sorted({key.custodian for key in case.factory.keys if key.name in used})
    fields = ("keys.custodian", "storage.encryption.key")
    if not held:
        return None, "no storage is encrypted under a declared key", fields
    out = set(held) <= {"customer", "third-party"}
    return out, f"keys are in the hands of: {', '.join(held)}", fields


def _lines(case: Case) -> Found:
    fields = ("sites.uplinks",)
    for site in case.factory.sites:
        if not site.uplinks:
            return None, "a site describes no line", fields
        if len({line.carrier for line in site.uplinks}) < 2 or not any(line.carrier_seat in _EU for line in site.uplinks):
            return False, "a site has fewer than two carriers, or none of the Union", fields
    return True, "every site has lines of two carriers, one of the Union", fields


def _lines_other(case: Case) -> Found:
    own = {case.factory.operator.name.casefold(), (case.factory.operator.parent.name or "").casefold()}
    lines = [{line.carrier.casefold() for line in site.uplinks} for site in case.factory.sites]
    fields = ("sites.uplinks", "operator.name", "operator.parent")
    if not all(lines):
        return None, "a site describes no line", fields
    return all(one - own for one in lines), "carriers other than operator and parent, by name", fields


def _encrypted(case: Case) -> Found:
    lines = [line for site in case.factory.sites for line in site.uplinks]
    if not lines:
        return None, "no line is described", ("sites.uplinks",)
    bare = sum(line.encryption == "none" for line in lines)
    return not bare, f"{bare} of {len(lines)} lines are not encrypted", ("sites.uplinks",)


def _disconnect(case: Case, days: int) -> Found:
    """Every country outside switched off at once after the other; a test in the field is still asked for."""
    fields = tuple(sorted({field for part in case.graph.parts for field in part.fields}))
    for drill in case.drills:
        if drill.foreign and drill.trigger.kind == "country":
            for served in drill.served:
                day = drill.first_stop(served)
                if day is not None and day <= days:
                    return False, f"without {drill.trigger.name} {served} stops by day {day}", fields
    dark = sum(not part.known for part in case.graph.parts)
    return None, f"no described part stops it within {days} days; {dark} parts are not described, and a test is asked for", fields


def _listed(case: Case, *layers: str) -> Found:
    parts = [part for part in case.graph.parts if part.layer in layers and not part.id.startswith("carrier:")]
    dark = sorted(part.what for part in parts if not part.known)
    fields = tuple(sorted({field for part in parts for field in part.fields}))
    if dark:
        return None, f"not described: {', '.join(dark[:3])}{' and more' if len(dark) > 3 else ''}", fields
    return True, f"{len(parts)} parts with holder and country", fields


def _second(case: Case) -> Found:
    parts = [part for part in case.graph.parts if part.layer in {"chips", "machines", "storage"} or part.id.startswith("switch")]
    without = [part.what for part in parts if not part.alternative]
    fields = tuple(sorted({field for part in parts for field in part.fields}))
    return (None if without else True), f"{len(parts) - len(without)} of {len(parts)} kinds of hardware have a second source", fields


def _backups(case: Case) -> Found:
    tiers = case.factory.storage
    held = sum(tier.backup is not None for tier in tiers)
    return (None if not tiers else held == len(tiers)), f"{held} of {len(tiers)} tiers are backed up", ("storage",)


def _places(case: Case) -> Found:
    halls = sum(len(site.halls) for site in case.factory.sites)
    return halls > 1, f"{len(case.factory.sites)} sites, {halls} halls", ("sites.name", "sites.halls")


def _exit(case: Case) -> Found:
    plan = case.factory.operator.exit_plan
    return plan != "none", f"exit plan: {plan}", ("operator.exit_plan",)


def _gateways(case: Case) -> Found:
    named = len(case.factory.gateways)
    return None, f"{named} gateways with a legal entity are declared and nothing else opens; the diagram is asked for", ("gateways",)


def _residents(case: Case) -> Found:
    support = _areas(case.factory.operator.support, _EU, "support", "operator.support")
    return support if not support[0] else (None, "support is inside; residence and third parties are not described", support[2])


def _third_parties(case: Case) -> Found:
    return _bodies(case, _EEA)


def _cleared(case: Case) -> Found:
    citizens = _areas(case.factory.operator.staff.citizenship, _EU, "staff citizenship", "operator.staff.citizenship")
    return citizens if not citizens[0] else (None, "staff are Union citizens; of supporters it is not described", citizens[2])


def _any_key(case: Case) -> Found:
    modules = sorted({key.module for key in case.factory.keys})
    return (True if modules else None), f"keys in: {', '.join(modules) or 'nothing declared'}", ("keys.module",)


FINDINGS: Mapping[str, Callable[[Case], Found]] = {
    "seat_eu": lambda case: _seats(case, _EU),
    "seat_de": lambda case: _seats(case, _DE),
    "control_eu": lambda case: _control(case, _EU),
    "control_de": lambda case: _control(case, _DE),
    "holders_eu": lambda case: _holders(case, _EEA),
    "established": lambda case: _seats(case, _EU),
    "established_all": lambda case: _both(_seats(case, _EU), _bodies(case, _EU)),
    "sites_eu": lambda case: _sites(case, _EU),
    "sites_staff_eu": lambda case: _both(
        _sites(case, _EU), _areas(case.factory.operator.staff.location, _EU, "staff", "operator.staff.location")
    ),
    "data_eu": lambda case: _data(case, _EEA),
    "data_de": lambda case: _data(case, _DE),
    "logs_eu": lambda case: _logs(case, _EU),
    "data_logs_eu": lambda case: _both(_data(case, _EU), _logs(case, _EU)),
    "keys_out": _keys,
    "keys_any": _any_key,
    "staff_eu": lambda case: _staff(case, _EU),
    "staff_de": lambda case: _staff(case, _DE),
    "staff_cleared": _cleared,
    "admin_eu": lambda case: _areas(case.factory.operator.staff.location, _EU, "administration", "operator.staff.location"),
    "admin_de": lambda case: _areas(case.factory.operator.staff.location, _DE, "administration", "operator.staff.location"),
    "support_eu": lambda case: _areas(case.factory.operator.support, _EU, "support", "operator.support"),
    "support_residents": _residents,
    "lines": _lines,
    "lines_other": _lines_other,
    "lines_encrypted": _encrypted,
    "soc_eu": lambda case: _areas(case.factory.operator.soc, _EU, "security operations", "operator.soc"),
    "soc_de": lambda case: _areas(case.factory.operator.soc, _DE, "security operations", "operator.soc"),
    "gateways": _gateways,
    "disconnect": lambda case: _disconnect(case, DAYS[-1]),
    "disconnect_90": lambda case: _disconnect(case, 90),
    "software_listed": lambda case: _listed(case, "software"),
    "hardware_listed": lambda case: _listed(case, "chips", "machines", "network", "storage"),
    "services_listed": lambda case: _listed(case, "services"),
    "second_hardware": _second,
    "exit_plan": _exit,
    "backups": _backups,
    "two_places": _places,
    "third_parties": _third_parties,
}
"""Finding by name, as `frameworks.json` names it."""
