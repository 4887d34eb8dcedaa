"""Flows of data and control between jurisdictions, as the description declares them.

A flow leads from one jurisdiction to another: through a gateway, over a line that crosses a country, to a
backup at another site, between zones, from a tenant abroad. Or it is control from outside: a supplier's
channel, a key, staff. A declaration is no measurement: the traffic of a network is not seen here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sovereign_ai.plan import tier_sites
from sovereign_ai.spec import AIFactory, StorageTier

KINDS = {
    "zone": "allowed between zones",
    "gateway": "leaves through a gateway",
    "transit": "crosses on a line",
    "backup": "copied to a backup",
    "copy": "may be copied by a residency policy",
    "tenant": "a tenant's own law",
    "control": "a supplier's channel",
    "key": "a key's law",
    "people": "staff, support and SOC",
    "law": "law over the operator",
}
"""Kind of flow to its description."""


@dataclass(frozen=True, slots=True, order=True)
class DrawnFlow:
    """One flow.

    Attributes:
        kind: one of `KINDS`.
        origin: country or set of countries that it comes from.
        source: the zone, site, supplier and so on at its origin.
        target: country or set of countries that it leads to.
        sink: the same at its target.
        detail: how, in words.
        field: the field of the description that declares it.
    """

    kind: str
    origin: str
    source: str
    target: str
    sink: str
    detail: str
    field: str

    @property
    def crosses(self) -> bool:
        """Whether it leaves its jurisdiction."""
        return self.origin != self.target

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return {**asdict(self), "crosses": self.crosses}


def flows(factory: AIFactory) -> tuple[DrawnFlow, ...]:
    """Return every flow that a description declares, each once, sorted."""
    declared: set[DrawnFlow] = set()
    for part in (
        _zones,
        _gateways,
        _lines,
        _backups,
        _copies,
        _tenants,
        _suppliers,
        _keys,
        _services,
        _people,
    ):
        declared.update(part(factory))
    return tuple(sorted(declared))


def _zone_countries(factory: AIFactory) -> dict[str, set[str]]:
    """Return each zone with the countries of its nodes and storage."""
    country = {}
    for site in factory.sites:
        country[site.name] = site.country
    countries: dict[str, set[str]] = {}
    for zone in factory.zones:
        countries[zone.name] = set()
    for pool in factory.pools:
        countries[pool.zone].add(country[pool.site])
    for tier in factory.storage:
        countries[tier.zone].update(_tier_countries(factory, tier))
    return countries


def _tier_countries(factory: AIFactory, tier: StorageTier) -> set[str]:
    """Return the countries of a storage tier's sites."""
    return {site.country for site in tier_sites(factory, tier)}


def _site_countries(factory: AIFactory) -> list[str]:
    """Return the countries of all sites, sorted."""
    return sorted({site.country for site in factory.sites})


def _zones(factory: AIFactory) -> Iterator[DrawnFlow]:
    """Yield what zones may send to each other."""
    countries = _zone_countries(factory)
    for number, zone in enumerate(factory.zones):
        for index, flow in enumerate(zone.allow):
            if flow.never:
                continue
            detail = f"{flow.protocol}, every port"
            if flow.ports:
                detail = f"{flow.protocol} {', '.join(str(port) for port in flow.ports)}"
            source, sink = f"zone {zone.name}", f"zone {flow.to}"
            field = f"zones[{number}].allow[{index}]"
            for origin in countries[zone.name]:
                for target in countries.get(flow.to, ()):
                    yield DrawnFlow("zone", origin, source, target, sink, detail, field)


def _gateways(factory: AIFactory) -> Iterator[DrawnFlow]:
    """Yield what leaves through gateways, to the seat of whoever is behind them."""
    countries = _zone_countries(factory)
    for number, gateway in enumerate(factory.gateways):
        ports = ", ".join(str(port) for port in gateway.ports)
        detail = f"to {gateway.entity}, ports {ports}"
        sink, field = f"gateway {gateway.name}", f"gateways[{number}]"
        for zone in gateway.zones:
            for origin in countries.get(zone, ()):
                yield DrawnFlow("gateway", origin, f"zone {zone}", gateway.seat, sink, detail, field)


def _lines(factory: AIFactory) -> Iterator[DrawnFlow]:
    """Yield the countries that uplinks cross, and the seat of their carriers."""
    for number, site in enumerate(factory.sites):
        for index, line in enumerate(site.uplinks):
            source, sink = f"site {site.name}", f"line {line.name}"
            detail = f"{line.carrier}, {line.encryption}"
            field = f"sites[{number}].uplinks[{index}]"
            # A route may name the carrier's own country, too; a set keeps each flow once.
            for country in (*line.route, line.carrier_seat):
                yield DrawnFlow("transit", site.country, source, country, sink, detail, field)


def _backups(factory: AIFactory) -> Iterator[DrawnFlow]:
    """Yield the copies of storage tiers to another site."""
    country = {}
    for site in factory.sites:
        country[site.name] = site.country
    for number, tier in enumerate(factory.storage):
        if tier.backup is None:
            continue
        target = tier.backup.site
        detail, field = f"every {tier.backup.every}", f"storage[{number}].backup"
        for origin in _tier_countries(factory, tier):
            yield DrawnFlow(
                "backup", origin, f"storage {tier.name}", country[target], f"site {target}", detail, field
            )


def _copies(factory: AIFactory) -> Iterator[DrawnFlow]:
    """Yield the copies that residency policies permit."""
    for number, policy in enumerate(factory.residency):
        # A policy permits several countries at once: its origin is all of them together.
        origin = "+".join(sorted(policy.within))
        detail = f"ground: {policy.transfer}"
        for what in ("replicas", "snapshots", "backups", "logs", "metrics"):
            field = f"residency[{number}].{what}"
            for area in getattr(policy, what):
                yield DrawnFlow("copy", origin, f"{policy.data} data", area, what, detail, field)


def _tenants(factory: AIFactory) -> Iterator[DrawnFlow]:
    """Yield the data of tenants, from their seat to their zones."""
    countries = _zone_countries(factory)
    for number, tenant in enumerate(factory.tenants):
        detail = f"data: {', '.join(tenant.data)}" if tenant.data else "no data class declared"
        source = f"tenant {tenant.name}"
        if tenant.entity:
            source += f", {tenant.entity}"
        for zone in factory.zones:
            if tenant.name not in zone.tenants:
                continue
            for target in countries[zone.name]:
                sink, field = f"zone {zone.name}", f"tenants[{number}]"
                yield DrawnFlow("tenant", tenant.seat, source, target, sink, detail, field)


def _suppliers(factory: AIFactory) -> Iterator[DrawnFlow]:
    """Yield the control channels of suppliers."""
    for number, supplier in enumerate(factory.suppliers):
        # A supplier without a channel cannot reach anything that was delivered.
        channel = supplier.control_channel
        if channel == "none":
            continue
        source, field = f"{supplier.vendor}, {supplier.component}", f"suppliers[{number}]"
        for target in _site_countries(factory):
            yield DrawnFlow("control", supplier.jurisdiction, source, target, "machines", channel, field)


def _keys(factory: AIFactory) -> Iterator[DrawnFlow]:
    """Yield the control of whoever keeps a key over the storage that it encrypts."""
    for number, key in enumerate(factory.keys):
        detail = f"{key.custodian}, {key.module}"
        source, field = f"key {key.name}", f"keys[{number}]"
        for tier in factory.storage:
            if tier.encryption.key != key.name:
                continue
            for target in _tier_countries(factory, tier):
                yield DrawnFlow(
                    "key", key.jurisdiction, source, target, f"storage {tier.name}", detail, field
                )


def _services(factory: AIFactory) -> Iterator[DrawnFlow]:
    """Yield the services that nodes depend on."""
    for number, service in enumerate(factory.services):
        if not service.used or service.jurisdiction is None:
            continue
        holder = service.entity or service.supplier or "holder not described"
        source, field = f"{holder}, {service.kind} service", f"services[{number}]"
        for target in _site_countries(factory):
            yield DrawnFlow("control", service.jurisdiction, source, target, "machines", "answers", field)


def _people(factory: AIFactory) -> Iterator[DrawnFlow]:
    """Yield the access of people, and the law over the operator and its parent."""
    operator = factory.operator
    places = (
        ("staff", "operator.staff.location", operator.staff.location),
        ("support", "operator.support", operator.support),
        ("soc", "operator.soc", operator.soc),
    )
    whole = "the whole factory"
    for target in _site_countries(factory):
        for source, field, areas in places:
            for area in areas:
                yield DrawnFlow("people", area, source, target, "operation", "access from there", field)
        parent, seat = operator.parent.seat, operator.seat
        yield DrawnFlow(
            "law", parent, f"parent of {operator.name}", target, whole, "head office", "operator.parent"
        )
        yield DrawnFlow("law", seat, operator.name, target, whole, "operator's seat", "operator.seat")
