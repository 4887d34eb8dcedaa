"""Findings on the description that requirements of several frameworks share.

A finding is true, false, or None where the description does not decide, with a reason and the fields it
follows from. It is true only where the description states what is required; whatever is left out of the
description gives None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from sovereign_ai.catalog import members
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan
from sovereign_ai.sovereignty.areas import countries
from sovereign_ai.sovereignty.drill import DAYS, Drill
from sovereign_ai.sovereignty.graph import Graph
from sovereign_ai.sovereignty.parts.part import Dependency
from sovereign_ai.sovereignty.parts.surroundings import used_keys
from sovereign_ai.spec import AIFactory
from sovereign_ai.text import counted

_EU, _EEA, _DE = members("EU"), members("EEA"), frozenset({"DE"})
_DATA_FIELDS = ("sites.country", "pools.site", "storage", "residency")
_STAFF_LOCATION = "operator.staff.location"
_CITIZENSHIP = "operator.staff.citizenship"
# Shares count hundredths of a percent.
_HALF, _WHOLE = 5_000, 10_000


class CaseFinding(NamedTuple):
    """The answer to one question about the description.

    Attributes:
        holds: whether the statement holds; None where the description does not decide.
        why: the reason in words.
        fields: fields of the description that it follows from.
    """

    holds: bool | None
    why: str
    fields: tuple[str, ...]


@frozen_dataclass
class FindingCase:
    """The description, its plan, its dependencies and its drills: what findings follow from."""

    factory: AIFactory
    plan: Plan
    graph: Graph
    drills: tuple[Drill, ...]


def _seats(case: FindingCase, inside: frozenset[str]) -> CaseFinding:
    """Return whether the operator has its seat inside."""
    seat = case.factory.operator.seat
    return CaseFinding(seat in inside, f"the operator sits in {seat}", ("operator.seat",))


def _control(case: FindingCase, inside: frozenset[str]) -> CaseFinding:
    """Return whether parent and holders are inside; votes that are not declared leave it open."""
    operator = case.factory.operator
    fields = ("operator.parent.seat", "operator.shareholders")
    if operator.parent.seat not in inside:
        return CaseFinding(
            holds=False, why=f"the ultimate parent sits in {operator.parent.seat}", fields=fields
        )
    return _holders(case, inside, fields)


def _holders(
    case: FindingCase, inside: frozenset[str], fields: tuple[str, ...] = ("operator.shareholders",)
) -> CaseFinding:
    """Return whether no holder outside has half of the votes.

    SecNumCloud's tighter shares are not required here.
    """
    outside = declared = 0
    for holder in case.factory.operator.shareholders:
        declared += holder.share.count
        if holder.seat not in inside:
            outside += holder.share.count
    if outside >= _HALF:
        return CaseFinding(holds=False, why="half of the votes or more are outside", fields=fields)
    if declared < _WHOLE:
        return CaseFinding(None, "not all votes are declared", fields)
    return CaseFinding(
        holds=True, why="all votes are declared, and holders outside have less than half", fields=fields
    )


def _areas(areas: Iterable[str], inside: frozenset[str], what: str, *fields: str) -> CaseFinding:
    """Return whether some areas are all inside.

    Args:
        areas: countries and sets of countries.
        inside: the countries that count as inside.
        what: the subject of the reason.
        fields: fields that the areas come from.
    """
    outside = sorted(countries(areas) - inside)
    if not outside:
        return CaseFinding(holds=True, why=f"{what} is inside", fields=fields)
    return CaseFinding(holds=False, why=f"{what} is in {', '.join(outside[:4])}", fields=fields)


def _staff_location(case: FindingCase, inside: frozenset[str], what: str) -> CaseFinding:
    """Return whether all staff work inside."""
    return _areas(case.factory.operator.staff.location, inside, what, _STAFF_LOCATION)


def _staff(case: FindingCase, inside: frozenset[str]) -> CaseFinding:
    """Return whether all staff work inside and are citizens of the Union."""
    staff = case.factory.operator.staff
    fields = (_STAFF_LOCATION, _CITIZENSHIP)
    location = _areas(staff.location, inside, "staff", *fields)
    if not location.holds:
        return location
    return _areas(staff.citizenship, _EU, "staff citizenship", *fields)


def _sites(case: FindingCase, inside: frozenset[str]) -> CaseFinding:
    """Return whether every site is inside."""
    return _areas([site.country for site in case.factory.sites], inside, "every site", "sites.country")


def _data(case: FindingCase, inside: frozenset[str]) -> CaseFinding:
    """Return whether data, replicas, snapshots and backups stay inside.

    Without a policy nothing confines them.
    """
    sites = _sites(case, inside)
    if not sites.holds:
        return CaseFinding(holds=False, why=sites.why, fields=_DATA_FIELDS)
    if not case.factory.residency:
        return CaseFinding(None, "no residency policy", _DATA_FIELDS)
    areas: list[str] = []
    for policy in case.factory.residency:
        areas += [*policy.within, *policy.replicas, *policy.snapshots, *policy.backups]
    return _areas(areas, inside, "data that policies name", *_DATA_FIELDS)


def _logs(case: FindingCase, inside: frozenset[str]) -> CaseFinding:
    """Return whether logs and metrics stay inside.

    A policy without a list permits none, which does not show where they are, so it leaves the question open.
    """
    policies = case.factory.residency
    unknown = CaseFinding(None, "a policy names no place for logs, or there is none", ("residency",))
    if not policies:
        return unknown
    areas: list[str] = []
    for policy in policies:
        if not policy.logs:
            return unknown
        areas += [*policy.logs, *policy.metrics]
    return _areas(areas, inside, "logs and metrics", "residency")


def _both(first: CaseFinding, second: CaseFinding) -> CaseFinding:
    """Return two findings as one: false wins, then unknown."""
    fields = tuple(sorted({*first.fields, *second.fields}))
    for wanted in (False, None):
        for finding in (first, second):
            if finding.holds is wanted:
                return CaseFinding(wanted, finding.why, fields)
    return CaseFinding(holds=True, why=f"{first.why}; {second.why}", fields=fields)


def _bodies(case: FindingCase, inside: frozenset[str]) -> CaseFinding:
    """Return whether every sub-processor and its parent have their seat inside."""
    fields = ("operator.sub_processors",)
    seats: list[str] = []
    for body in case.factory.operator.sub_processors:
        seats += [body.seat, body.parent_seat or body.seat]
    if not seats:
        why = "no sub-processor is declared; whether there is none is not stated"
        return CaseFinding(None, why, fields)
    return _areas(seats, inside, "every sub-processor", *fields)


def _keys(case: FindingCase) -> CaseFinding:
    """Return whether all keys of storage are with customers or third parties."""
    used = used_keys(case.factory)
    custodians: set[str] = set()
    for key in case.factory.keys:
        if key.name in used:
            custodians.add(key.custodian)
    fields = ("keys.custodian", "storage.encryption.key")
    if not custodians:
        return CaseFinding(None, "no storage is encrypted under a declared key", fields)
    out = custodians <= {"customer", "third-party"}
    return CaseFinding(out, f"keys are in the hands of: {', '.join(sorted(custodians))}", fields)


def _lines(case: FindingCase) -> CaseFinding:
    """Return whether every site has lines of two carriers, one of them of the Union."""
    fields = ("sites.uplinks",)
    for site in case.factory.sites:
        if not site.uplinks:
            return CaseFinding(None, "a site describes no line", fields)
        carriers: set[str] = set()
        has_union_carrier = False
        for line in site.uplinks:
            carriers.add(line.carrier)
            has_union_carrier = has_union_carrier or line.carrier_seat in _EU
        if len(carriers) < 2 or not has_union_carrier:
            why = "a site has fewer than two carriers, or none of the Union"
            return CaseFinding(holds=False, why=why, fields=fields)
    return CaseFinding(
        holds=True, why="every site has lines of two carriers, one of the Union", fields=fields
    )


def _lines_other(case: FindingCase) -> CaseFinding:
    """Return whether every site has a carrier other than the operator and its parent."""
    operator = case.factory.operator
    fields = ("sites.uplinks", "operator.name", "operator.parent")
    own = {operator.name.casefold(), (operator.parent.name or "").casefold()}
    holds = True
    for site in case.factory.sites:
        if not site.uplinks:
            return CaseFinding(None, "a site describes no line", fields)
        has_other = False
        for line in site.uplinks:
            has_other = has_other or line.carrier.casefold() not in own
        holds = holds and has_other
    return CaseFinding(holds, "carriers other than operator and parent, by name", fields)


def _encrypted(case: FindingCase) -> CaseFinding:
    """Return whether every line is encrypted."""
    lines = bare = 0
    for site in case.factory.sites:
        for line in site.uplinks:
            lines += 1
            if line.encryption == "none":
                bare += 1
    fields = ("sites.uplinks",)
    if not lines:
        return CaseFinding(None, "no line is described", fields)
    return CaseFinding(not bare, f"{bare} of {counted(lines, 'line')} are not encrypted", fields)


def _disconnect(case: FindingCase, days: int) -> CaseFinding:
    """Return whether a country outside stops a service within some days.

    A described stop gives false. Without one the finding is open: the framework still requires a test in the
    field.
    """
    fields = _fields(case.graph.parts)
    for drill in case.drills:
        if not drill.foreign or drill.trigger.kind != "country":
            continue
        for served in drill.served:
            day = drill.first_stop(served)
            if day is not None and day <= days:
                return CaseFinding(
                    holds=False,
                    why=f"without {drill.trigger.name} {served} stops by day {day}",
                    fields=fields,
                )
    why = (
        f"no described part stops it within {counted(days, 'day')}; "
        f"{counted(case.graph.unknown, 'part is', 'parts are')} not described, and a test is asked for"
    )
    return CaseFinding(None, why, fields)


def _fields(parts: Iterable[Dependency]) -> tuple[str, ...]:
    """Return the fields that some parts follow from, sorted."""
    fields: set[str] = set()
    for part in parts:
        fields.update(part.fields)
    return tuple(sorted(fields))


def _listed(case: FindingCase, *layers: str) -> CaseFinding:
    """Return whether every part of some layers has a described holder and country."""
    parts: list[Dependency] = []
    unknown: list[str] = []
    for part in case.graph.parts:
        # Lines have questions of their own, so they do not count as hardware of the network.
        if part.layer in layers and not part.id.startswith("carrier:"):
            parts.append(part)
            if not part.known:
                unknown.append(part.what)
    fields = _fields(parts)
    if unknown:
        first = ", ".join(sorted(unknown)[:3])
        more = " and more" if len(unknown) > 3 else ""
        return CaseFinding(None, f"not described: {first}{more}", fields)
    parts_text = counted(len(parts), "part")
    return CaseFinding(holds=True, why=f"{parts_text} with holder and country", fields=fields)


def _is_sourced(part: Dependency) -> bool:
    """Return whether a part is hardware that a second vendor could supply."""
    return part.layer in {"chips", "machines", "storage"} or part.id.startswith("switch")


def _second(case: FindingCase) -> CaseFinding:
    """Return whether every kind of hardware has a second source."""
    parts: list[Dependency] = []
    second = 0
    for part in case.graph.parts:
        if _is_sourced(part):
            parts.append(part)
            if part.alternative:
                second += 1
    holds = True if second == len(parts) else None
    why = f"{second} of {counted(len(parts), 'kind')} of hardware have a second source"
    return CaseFinding(holds, why, _fields(parts))


def _backups(case: FindingCase) -> CaseFinding:
    """Return whether every tier is backed up."""
    tiers = case.factory.storage
    backed_up = 0
    for tier in tiers:
        if tier.backup is not None:
            backed_up += 1
    holds = backed_up == len(tiers) if tiers else None
    return CaseFinding(holds, f"{backed_up} of {counted(len(tiers), 'tier')} are backed up", ("storage",))


def _places(case: FindingCase) -> CaseFinding:
    """Return whether there is more than one hall."""
    sites = case.factory.sites
    halls = 0
    for site in sites:
        halls += len(site.halls)
    sites_text = counted(len(sites), "site")
    halls_text = counted(halls, "hall")
    why = f"{sites_text}, {halls_text}"
    return CaseFinding(halls > 1, why, ("sites.name", "sites.halls"))


def _exit(case: FindingCase) -> CaseFinding:
    """Return whether there is an exit plan."""
    plan = case.factory.operator.exit_plan
    return CaseFinding(plan != "none", f"exit plan: {plan}", ("operator.exit_plan",))


def _gateways(case: FindingCase) -> CaseFinding:
    """Return the declared gateways; the framework also requires a diagram, so the finding stays open."""
    count = len(case.factory.gateways)
    gateways_text = counted(count, "gateway")
    why = f"{gateways_text} with a legal entity are declared and nothing else opens; the diagram is asked for"
    return CaseFinding(None, why, ("gateways",))


def _residents(case: FindingCase) -> CaseFinding:
    """Return whether support comes from residents: false where support is outside, else open."""
    support = _support(case)
    if not support.holds:
        return support
    why = "support is inside; residence and third parties are not described"
    return CaseFinding(None, why, support.fields)


def _support(case: FindingCase) -> CaseFinding:
    """Return whether support is given from inside the Union."""
    return _areas(case.factory.operator.support, _EU, "support", "operator.support")


def _soc(case: FindingCase, inside: frozenset[str]) -> CaseFinding:
    """Return whether the security operations centre is inside."""
    return _areas(case.factory.operator.soc, inside, "security operations", "operator.soc")


def _third_parties(case: FindingCase) -> CaseFinding:
    """Return whether every sub-processor is in the European Economic Area."""
    return _bodies(case, _EEA)


def _cleared(case: FindingCase) -> CaseFinding:
    """Return whether staff and supporters are citizens of the Union: false where staff are not, else open."""
    citizens = _areas(case.factory.operator.staff.citizenship, _EU, "staff citizenship", _CITIZENSHIP)
    if not citizens.holds:
        return citizens
    why = "staff are Union citizens; of supporters it is not described"
    return CaseFinding(None, why, citizens.fields)


def _any_key(case: FindingCase) -> CaseFinding:
    """Return whether any key is declared, and the modules that hold keys."""
    modules: set[str] = set()
    for key in case.factory.keys:
        modules.add(key.module)
    named = ", ".join(sorted(modules)) or "nothing declared"
    why = f"keys in: {named}"
    return CaseFinding(True if modules else None, why, ("keys.module",))


def _sites_and_staff(case: FindingCase) -> CaseFinding:
    """Return whether sites and staff are inside the Union."""
    return _both(_sites(case, _EU), _staff_location(case, _EU, "staff"))


FINDINGS: Mapping[str, Callable[[FindingCase], CaseFinding]] = {
    "seat_eu": lambda case: _seats(case, _EU),
    "seat_de": lambda case: _seats(case, _DE),
    "control_eu": lambda case: _control(case, _EU),
    "control_de": lambda case: _control(case, _DE),
    "holders_eu": lambda case: _holders(case, _EEA),
    "established": lambda case: _seats(case, _EU),
    "established_all": lambda case: _both(_seats(case, _EU), _bodies(case, _EU)),
    "sites_eu": lambda case: _sites(case, _EU),
    "sites_staff_eu": _sites_and_staff,
    "data_eu": lambda case: _data(case, _EEA),
    "data_de": lambda case: _data(case, _DE),
    "logs_eu": lambda case: _logs(case, _EU),
    "data_logs_eu": lambda case: _both(_data(case, _EU), _logs(case, _EU)),
    "keys_out": _keys,
    "keys_any": _any_key,
    "staff_eu": lambda case: _staff(case, _EU),
    "staff_de": lambda case: _staff(case, _DE),
    "staff_cleared": _cleared,
    "admin_eu": lambda case: _staff_location(case, _EU, "administration"),
    "admin_de": lambda case: _staff_location(case, _DE, "administration"),
    "support_eu": _support,
    "support_residents": _residents,
    "lines": _lines,
    "lines_other": _lines_other,
    "lines_encrypted": _encrypted,
    "soc_eu": lambda case: _soc(case, _EU),
    "soc_de": lambda case: _soc(case, _DE),
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
