"""Where data and control go, by jurisdiction, as the description declares it.

A flow leads from one place to another under a law each: through a gateway, over a line that crosses a
country, to a backup at another site, between zones, from a tenant abroad; or it is a hold from outside: a
supplier's channel, a key, staff. A declaration is no measurement: what a network carries is not seen here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sovereign_ai.plan.storage import tier_sites
from sovereign_ai.spec.factory import AIFactory

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
"""Kind of flow to its words."""


@dataclass(frozen=True, slots=True, order=True)
class Flow:
    """One flow.

    Attributes:
        kind: one of `KINDS`.
        origin: country or set of countries from which it comes.
        source: what stands there.
        target: country or set of countries to which it goes.
        sink: what stands there.
        detail: how, in words.
        field: the field of the description that says so.
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
        """Give plain data."""
        return asdict(self) | {"crosses": self.crosses}


def flows(factory: AIFactory) -> tuple[Flow, ...]:
    """Give every flow that a description declares, sorted."""
    found: set[Flow] = set()
    for part in (_zones, _gateways, _lines, _backups, _copies, _tenants, _holds, _services, _people):
        found.update(part(factory))
    return tuple(sorted(found))


def _places(factory: AIFactory) -> dict[str, set[str]]:
    """Give each zone the countries in which its machines or storage stand."""
    country = {site.name: site.country for site in factory.sites}
    found: dict[str, set[str]] = {zone.name: set() for zone in factory.zones}
    for pool in factory.pools:
        found[pool.zone].add(country[pool.site])
    for tier in factory.storage:
        found[tier.zone].update(country[site.name] for site in tier_sites(factory, tier))
    return found


def _zones(factory: AIFactory) -> Iterator[Flow]:
    places = _places(factory)
    for number, zone in enumerate(factory.zones):
        for index, flow in enumerate(zone.allow):
            ports = f"{flow.protocol} {', '.join(map(str, flow.ports))}" if flow.ports else f"{flow.protocol}, every port"
            for origin in sorted(places[zone.name]):
                for target in sorted(places.get(flow.to, ())) if not flow.never else ():
                    yield Flow("zone", origin, f"zone {zone.name}", target, f"zone {flow.to}", ports, f"zones[{number}].allow[{index}]")


def _gateways(factory: AIFactory) -> Iterator[Flow]:
    places = _places(factory)
    for number, gateway in enumerate(factory.gateways):
        detail = f"to {gateway.entity}, ports {', '.join(map(str, gateway.ports))}"
        for zone in gateway.zones:
            for origin in sorted(places.get(zone, ())):
                yield Flow("gateway", origin, f"zone {zone}", gateway.seat, f"gateway {gateway.name}", detail, f"gateways[{number}]")


def _lines(factory: AIFactory) -> Iterator[Flow]:
    for number, site in enumerate(factory.sites):
        for index, line in enumerate(site.uplinks):
            field = f"sites[{number}].uplinks[{index}]"
            for country in dict.fromkeys((*line.route, line.carrier_seat)):
                how = f"{line.carrier}, {line.encryption}"
                yield Flow("transit", site.country, f"site {site.name}", country, f"line {line.name}", how, field)


def _backups(factory: AIFactory) -> Iterator[Flow]:
    country = {site.name: site.country for site in factory.sites}
    for number, tier in enumerate(factory.storage):
        if tier.backup is None:
            continue
        for site in tier_sites(factory, tier):
            target, field = tier.backup.site, f"storage[{number}].backup"
            yield Flow(
                "backup", site.country, f"storage {tier.name}", country[target], f"site {target}", f"every {tier.backup.every}", field
            )


def _copies(factory: AIFactory) -> Iterator[Flow]:
    for number, policy in enumerate(factory.residency):
        for what in ("replicas", "snapshots", "backups", "logs", "metrics"):
            for area in getattr(policy, what):
                field = f"residency[{number}].{what}"
                yield Flow("copy", "+".join(sorted(policy.within)), f"{policy.data} data", area, what, f"ground: {policy.transfer}", field)


def _tenants(factory: AIFactory) -> Iterator[Flow]:
    places = _places(factory)
    for number, tenant in enumerate(factory.tenants):
        for zone in factory.zones:
            if tenant.name in zone.tenants:
                for target in sorted(places[zone.name]):
                    detail = f"data: {', '.join(tenant.data)}" if tenant.data else "no data class declared"
                    who = f"tenant {tenant.name}" + (f", {tenant.entity}" if tenant.entity else "")
                    yield Flow("tenant", tenant.seat, who, target, f"zone {zone.name}", detail, f"tenants[{number}]")


def _holds(factory: AIFactory) -> Iterator[Flow]:
    sites = sorted({site.country for site in factory.sites})
    for number, one in enumerate(factory.suppliers):
        if one.control_channel != "none":
            for target in sites:
                source = f"{one.vendor}, {one.component}"
                yield Flow("control", one.jurisdiction, source, target, "machines", one.control_channel, f"suppliers[{number}]")
    country = {tier.name: sorted({site.country for site in tier_sites(factory, tier)}) for tier in factory.storage}
    for number, key in enumerate(factory.keys):
        for tier in factory.storage:
            if tier.encryption.key == key.name:
                for target in country[tier.name]:
                    how = f"{key.custodian}, {key.module}"
                    yield Flow("key", key.jurisdiction, f"key {key.name}", target, f"storage {tier.name}", how, f"keys[{number}]")


def _services(factory: AIFactory) -> Iterator[Flow]:
    sites = sorted({site.country for site in factory.sites})
    for number, service in enumerate(factory.services):
        if service.used and service.jurisdiction is not None:
            who = service.entity or service.supplier or "holder not described"
            for target in sites:
                field = f"services[{number}]"
                yield Flow("control", service.jurisdiction, f"{who}, {service.kind} service", target, "machines", "answers", field)


def _people(factory: AIFactory) -> Iterator[Flow]:
    operator = factory.operator
    sites = sorted({site.country for site in factory.sites})
    for what, areas in (("staff.location", operator.staff.location), ("support", operator.support), ("soc", operator.soc)):
        for area in areas:
            for target in sites:
                yield Flow("people", area, what.partition(".")[0], target, "operation", "access from there", f"operator.{what}")
    for target in sites:
        yield Flow("law", operator.parent.seat, f"parent of {operator.name}", target, "the whole factory", "head office", "operator.parent")
        yield Flow("law", operator.seat, operator.name, target, "the whole factory", "operator's seat", "operator.seat")
