"""Hardware parts: accelerators, servers, their firmware and drivers, switches, optics and storage.

The catalogue has the seat of its vendors. A supplier of the description whose vendor has the same name
overrides it, and adds stock, times and channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sovereign_ai.catalog import supplier as catalogue
from sovereign_ai.catalog.accelerator import accelerator, accelerator_of
from sovereign_ai.catalog.switch import switch
from sovereign_ai.catalog.system import system
from sovereign_ai.plan import Plan
from sovereign_ai.sovereignty.export_control import reached
from sovereign_ai.sovereignty.parts.declared import by_role, days, declared_part, effect_of
from sovereign_ai.sovereignty.parts.part import Dependency, Effect, undescribed
from sovereign_ai.sovereignty.tables import table
from sovereign_ai.spec import AIFactory, Supplier

_CHIPS: Mapping[str, Mapping[str, str]] = {row["name"]: row for row in table("chips.json")["rows"]}
_DRIVERS: Mapping[str, Mapping[str, str]] = {row["vendor"]: row for row in table("software.json")["drivers"]}
_Declared = dict[str, list[tuple[int, Supplier]]]


def hardware(factory: AIFactory, plan: Plan) -> Iterator[Dependency]:
    """Yield every hardware part with its driver and firmware."""
    declared = by_role(factory)
    systems = sorted({pool.system for pool in factory.pools})
    yield from _chips(systems, declared)
    yield from _servers(systems, declared)
    yield from _drivers(systems, declared)
    yield from _switches(factory, plan, declared)
    yield from _storage(plan, declared)


def accelerator_names(systems: Iterable[str]) -> list[str]:
    """Return the names of the accelerators of some systems, sorted; machines without any add none."""
    names: set[str] = set()
    for name in systems:
        chip = system(name).accelerator
        if chip is not None:
            names.add(chip)
    return sorted(names)


def _chips(systems: Iterable[str], declared: _Declared) -> Iterator[Dependency]:
    """Yield the accelerators."""
    for name in accelerator_names(systems):
        chip, row = accelerator(name), _CHIPS.get(name)
        origin, made_by, source = None, "", "catalogue"
        if row:
            origin = row["origin"]
            made_by = catalogue.supplier(row["fab"]).title
            source = f"catalogue; made at {row['fab']} ({row['grade']}: {row['source']}, read {row['read']})"
        yield _from_catalogue(
            f"accelerator:{name}",
            "chips",
            f"accelerator {name}",
            chip.vendor,
            "shrinks",
            _named(declared.get("machines", ()), chip.vendor),
            origin=origin,
            made_by=made_by,
            rule=reached(name),
            source=source,
        )


def _servers(systems: Sequence[str], declared: _Declared) -> Iterator[Dependency]:
    """Yield the servers and their firmware, which runs on without its maker, unpatched."""
    for name in systems:
        server = system(name)
        rule = reached(server.accelerator) if server.accelerator else ""
        named = _named(declared.get("machines", ()), server.vendor)
        part, what = f"system:{name}", f"machine {name}"
        yield _from_catalogue(part, "machines", what, server.vendor, "shrinks", named, rule=rule)
    for vendor in sorted({system(name).vendor for name in systems}):
        named = _named(declared.get("firmware", ()), vendor)
        part, what = f"firmware:{vendor}", "machine firmware"
        yield _from_catalogue(part, "software", what, vendor, "ages", named, channel="updates")


def _drivers(systems: Iterable[str], declared: _Declared) -> Iterator[Dependency]:
    """Yield the accelerators' drivers, one a vendor."""
    rules: dict[str, str] = {}
    for name in systems:
        chip = accelerator_of(system(name))
        if chip is None:
            continue
        # One controlled chip of a vendor is enough for its driver to be reached.
        rules[chip.vendor] = rules.get(chip.vendor) or reached(chip.name)
    for vendor, rule in sorted(rules.items()):
        what, licence, source = "accelerator driver", "", "catalogue"
        row = _DRIVERS.get(vendor)
        if row:
            what, licence = row["what"], row["licence"]
            source = f"{row['grade']}: {row['source']}, read {row['read']}"
        yield _from_catalogue(
            f"driver:{vendor}",
            "software",
            what,
            vendor,
            "ages",
            _named(declared.get("driver", ()), vendor),
            channel="updates",
            rule=rule,
            licence=licence,
            source=source,
        )


def _switches(factory: AIFactory, plan: Plan, declared: _Declared) -> Iterator[Dependency]:
    """Yield one part for each model of switch; switches without a model have the suppliers of that role."""
    built = set()
    for plane in plan.fabrics:
        if plane.switches:
            built.add(plane.fabric)
    models: set[str | None] = set()
    for fabric in factory.fabrics:
        if fabric.name in built:
            models.update(fabric.switch_of(tier) for tier in fabric.switch_tiers)
    fields = ("fabrics.switch",)
    for name in sorted(model for model in models if model):
        vendor = switch(name).vendor
        named = _named(declared.get("switches", ()), vendor)
        part, what = f"switch:{name}", f"switch {name}"
        yield _from_catalogue(part, "network", what, vendor, "shrinks", named, fields=fields)
    if None in models:
        what = "switches that no catalogue name says"
        yield from _suppliers("switches", "network", what, "fabrics.switch", declared)
    if any(plane.cables for plane in plan.fabrics):
        yield from _suppliers("optics", "network", "optics and cables", "suppliers", declared)


def _storage(plan: Plan, declared: _Declared) -> Iterator[Dependency]:
    """Yield storage servers and drives."""
    if plan.storage:
        yield from _suppliers("storage", "storage", "storage servers and drives", "suppliers", declared)


def _suppliers(kind: str, layer: str, what: str, field: str, declared: _Declared) -> Iterator[Dependency]:
    """Yield the suppliers of a role, or one part whose holder is not described.

    Args:
        kind: the role.
        layer: the layer of the parts.
        what: the part in words, where nothing is declared.
        field: the field of the description that shows the part is needed.
        declared: suppliers by role.
    """
    fields = tuple(sorted({field, "suppliers"}))
    rows = declared.get(kind, [])
    for _, supplier in rows:
        yield replace(declared_part(supplier, layer, kind), fields=fields)
    if not rows:
        yield undescribed(f"{kind}:", layer, what, *fields)


def _named(rows: Iterable[tuple[int, Supplier]], vendor: str) -> Supplier | None:
    """Return the supplier of the description whose vendor has the catalogue's name."""
    title = catalogue.supplier(vendor).title.casefold()
    for _, supplier in rows:
        if title in supplier.vendor.casefold():
            return supplier
    return None


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
) -> Dependency:
    """Return a part with the catalogue's facts on its vendor, overridden by the description's supplier."""
    row = catalogue.supplier(vendor)
    part = Dependency(
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
    # A described hold stops the part whatever it is; short of that, software keeps ageing under a supplier of
    # hardware.
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
