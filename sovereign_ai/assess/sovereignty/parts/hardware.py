"""Accelerators, machines, their firmware and drivers, switches, optics and storage, from catalogue and suppliers.

A vendor of the catalogue has a seat there; a supplier of the description whose vendor bears the same
name overrides it and adds stock, times and channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from sovereign_ai.assess.sovereignty.export_control import reached
from sovereign_ai.assess.sovereignty.parts.declared import by_role, days, declared_part, effect_of
from sovereign_ai.assess.sovereignty.parts.part import Effect, Part, undescribed
from sovereign_ai.assess.sovereignty.tables import table
from sovereign_ai.catalog import suppliers as catalogue
from sovereign_ai.catalog.accelerators import accelerator
from sovereign_ai.catalog.switches import switch
from sovereign_ai.catalog.systems import system
from sovereign_ai.plan.factory import Plan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.supplier import Supplier

_CHIPS: Mapping[str, Mapping[str, str]] = {row["name"]: row for row in table("chips.json")["rows"]}
_DRIVERS: Mapping[str, Mapping[str, str]] = {row["vendor"]: row for row in table("software.json")["drivers"]}
_Declared = dict[str, list[tuple[int, Supplier]]]


def hardware(factory: AIFactory, plan: Plan) -> Iterator[Part]:
    """Give every hardware part with its driver and firmware."""
    declared = by_role(factory)
    systems = sorted({pool.system for pool in factory.pools})
    yield from _chips(systems, declared)
    yield from _machines(systems, declared)
    yield from _drivers(systems, declared)
    yield from _switches(factory, plan, declared)
    yield from _bulk(plan, declared)


def _chips(systems: Iterable[str], declared: _Declared) -> Iterator[Part]:
    """Give the accelerators."""
    for name in sorted({system(one).accelerator for one in systems}):
        chip, made = accelerator(name), _CHIPS.get(name)
        origin = made["origin"] if made else None
        yield _from_catalogue(
            f"accelerator:{name}",
            "chips",
            f"accelerator {name}",
            chip.vendor,
            "shrinks",
            _named(declared.get("machines", ()), chip.vendor),
            origin=origin,
            made_by=catalogue.supplier(made["fab"]).title if made else "",
            rule=reached(name),
            source=f"catalogue; made at {made['fab']} ({made['grade']}: {made['source']}, read {made['read']})" if made else "catalogue",
        )


def _machines(systems: Iterable[str], declared: _Declared) -> Iterator[Part]:
    """Give the machines and their firmware, which runs on without its maker, unpatched."""
    for name in systems:
        made = system(name)
        rule = reached(made.accelerator)
        named = _named(declared.get("machines", ()), made.vendor)
        yield _from_catalogue(f"system:{name}", "machines", f"machine {name}", made.vendor, "shrinks", named, rule=rule)
    for vendor in sorted({system(one).vendor for one in systems}):
        named = _named(declared.get("firmware", ()), vendor)
        yield _from_catalogue(f"firmware:{vendor}", "software", "machine firmware", vendor, "ages", named, channel="updates")


def _drivers(systems: Iterable[str], declared: _Declared) -> Iterator[Part]:
    """Give the accelerators' drivers."""
    rules: dict[str, str] = {}
    for name in systems:
        chip = accelerator(system(name).accelerator)
        rules[chip.vendor] = rules.get(chip.vendor) or reached(chip.name)
    for vendor, rule in sorted(rules.items()):
        row = _DRIVERS.get(vendor)
        what = row["what"] if row else "accelerator driver"
        named = _named(declared.get("driver", ()), vendor)
        source = f"{row['grade']}: {row['source']}, read {row['read']}" if row else "catalogue"
        licence = row["licence"] if row else ""
        yield _from_catalogue(
            f"driver:{vendor}", "software", what, vendor, "ages", named, channel="updates", rule=rule, licence=licence, source=source
        )


def _switches(factory: AIFactory, plan: Plan, declared: _Declared) -> Iterator[Part]:
    """Give one part for each kind of switch; of a fabric that names none nobody knows who makes it."""
    built = {one.fabric for one in plan.fabrics if one.switches}
    used = {fabric.switch for fabric in factory.fabrics if fabric.name in built}
    for name in sorted(one for one in used if one):
        vendor = switch(name).vendor
        named = _named(declared.get("switches", ()), vendor)
        yield _from_catalogue(f"switch:{name}", "network", f"switch {name}", vendor, "shrinks", named, fields=("fabrics.switch",))
    if None in used:
        yield from _stated_or_not("switches", "network", "switches that no catalogue name says", "fabrics.switch", declared)
    if any(one.cables for one in plan.fabrics):
        yield from _stated_or_not("optics", "network", "optics and cables", "suppliers", declared)


def _bulk(plan: Plan, declared: _Declared) -> Iterator[Part]:
    """Give storage servers and drives."""
    if plan.storage:
        yield from _stated_or_not("storage", "storage", "storage servers and drives", "suppliers", declared)


def _stated_or_not(kind: str, layer: str, what: str, field: str, declared: _Declared) -> Iterator[Part]:
    """Give the suppliers of a role, or one part whose holder is not described."""
    rows = declared.get(kind, [])
    for _, one in rows:
        part = declared_part(one, layer, kind)
        yield replace(part, fields=tuple(sorted({field, "suppliers"})))
    if not rows:
        fields = tuple(sorted({field, "suppliers"}))
        yield undescribed(f"{kind}:", layer, what, *fields)


def _named(rows: Iterable[tuple[int, Supplier]], vendor: str) -> Supplier | None:
    """Give the supplier of the description whose vendor bears the catalogue's name."""
    title = catalogue.supplier(vendor).title.casefold()
    return next((one for _, one in rows if title in one.vendor.casefold()), None)


def _from_catalogue(
    name: str,
    layer: str,
    what: str,
    vendor: str,
    effect: Effect,
    named: Supplier | None,
    *,
    channel: str = "none",
    origin: str | None = None,
    made_by: str = "",
    licence: str = "",
    rule: str = "",
    fields: tuple[str, ...] = ("pools.system",),
    source: str = "catalogue",
) -> Part:
    """Make a part from the catalogue's vendor, and put over it what the description says of its supplier."""
    row = catalogue.supplier(vendor)
    part = Part(
        id=name,
        layer=layer,
        what=what,
        vendor=row.title,
        holder=row.parent or row.title,
        law=row.seat,
        also=(origin,) if origin and origin != row.seat else (),
        origin=origin,
        made_by=made_by,
        licence=licence,
        channel=channel,
        effect=effect,
        rule=rule,
        fields=tuple(sorted({*fields, "suppliers"})),
        source=source,
    )
    if named is None:
        return part
    stated = effect_of(named, "machines")
    strongest = stated if stated == "stops" or effect == "shrinks" else effect
    return replace(
        part,
        law=named.jurisdiction,
        channel=named.control_channel,
        effect=strongest,
        stock=named.stock,
        lead_days=days(named.lead_time.count if named.lead_time else None),
        grace_days=days(named.grace.count if named.grace else None),
        alternative=named.alternative or "",
    )
