"""Access: the ways in and out of zones and sites, and what keeps zones apart below the network policies.

Decided on the description. A zone counts as trusted where its trust is `high`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sovereign_ai.catalog.jurisdictions import expand, members
from sovereign_ai.plan.factory import Plan
from sovereign_ai.rules.controls import C3A_GATEWAYS, ECSF_DATA, GDPR_SECURITY, HARDENING
from sovereign_ai.rules.duties import C3A_EXCHANGES, C3A_LINES, C3A_PATHS, ECSF_ORDERS, NIS2_ACCESS, NIS2_CONTINUITY, NIS2_CRYPTO, SCS_ZONES
from sovereign_ai.rules.judge import Finding
from sovereign_ai.rules.residency import PLAN, found, on_site, on_zone
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.site import Uplink
from sovereign_ai.spec.zone import SecurityZone

_TRUST = {"low": 0, "medium": 1, "high": 2}


def _trusted(factory: AIFactory) -> Iterator[tuple[int, SecurityZone]]:
    """Give each zone of high trust with its number."""
    return ((number, zone) for number, zone in enumerate(factory.zones) if zone.trust == "high")


def _uplinks(factory: AIFactory) -> Iterator[tuple[str, str, Uplink]]:
    """Give each uplink with its site and its field."""
    for at, site in enumerate(factory.sites):
        for number, uplink in enumerate(site.uplinks):
            yield site.name, f"sites[{at}].uplinks[{number}]", uplink


def _direct(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """No administrator reaches a trusted zone directly."""
    for number, zone in _trusted(factory):
        if zone.admin_path == "direct":
            message = "administrators come in directly: nothing in between that records, limits in time or ends their access"
            yield found(rule, f"Zone/{zone.name}", f"zones[{number}].admin_path", message)


def _exposed(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """No trusted zone serves the internet."""
    for number, zone in _trusted(factory):
        if zone.exposure == "internet":
            yield found(
                rule, f"Zone/{zone.name}", f"zones[{number}].exposure", "services of a zone of high trust can be reached by anybody"
            )


def _upwards(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """A way that is opened from less trust into more is told."""
    trust = {zone.name: zone.trust for zone in factory.zones}
    for number, zone in enumerate(factory.zones):
        for at, flow in enumerate(zone.allow):
            if not flow.never and _TRUST[zone.trust] < _TRUST[trust[flow.to]]:
                message = f"zone {zone.name} ({zone.trust} trust) may open connections into {flow.to} ({trust[flow.to]} trust)"
                yield found(rule, f"Zone/{zone.name}", f"zones[{number}].allow[{at}]", message)


def _leaks(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """From no zone that holds a data class do flows lead to a gateway that its policy does not name."""
    onward = {zone.name: sorted(flow.to for flow in zone.allow if not flow.never) for zone in factory.zones}
    for number, zone in enumerate(factory.zones):
        ways = _ways(zone.name, onward)
        for gateway in factory.gateways:
            through = sorted((ways[name] for name in gateway.zones if name in ways and name != zone.name), key=lambda way: (len(way), way))
            for policy in on_zone(factory, zone.name):
                if through and gateway.name not in policy.gateways:
                    message = (
                        f"{policy.data} data can pass {' > '.join(through[0])} to gateway {gateway.name}, which its policy does not name"
                    )
                    yield found(rule, f"Zone/{zone.name}", f"zones[{number}].allow", message)


def _ways(start: str, onward: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    """Give the shortest way from a zone to each that its flows lead to."""
    ways: dict[str, tuple[str, ...]] = {start: (start,)}
    edge = [start]
    while edge:
        following = []
        for name in edge:
            for to in onward.get(name, ()):
                if to not in ways:
                    ways[to] = (*ways[name], to)
                    following.append(to)
        edge = following
    return ways


def _plain_lines(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """Every uplink is encrypted."""
    for site, field, uplink in _uplinks(factory):
        if uplink.encryption == "none":
            yield found(rule, f"Site/{site}", f"{field}.encryption", f"uplink {uplink.name} of {uplink.carrier} is not encrypted")


def _routes(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """Where a route passes countries that data may not be in, traffic is encrypted from end to end."""
    for site, field, uplink in _uplinks(factory):
        for policy in on_site(factory, site):
            outside = sorted(expand(uplink.route) - expand(policy.within))
            if outside and uplink.encryption not in {"ipsec", "tls"}:
                how = "no encryption" if uplink.encryption == "none" else f"{uplink.encryption}, which each hop on the way takes off"
                message = (
                    f"uplink {uplink.name} passes {', '.join(outside)} with {how}; {policy.data} data may be in {', '.join(policy.within)}"
                )
                yield found(rule, f"Site/{site}", f"{field}.route", message)


def _lines(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """Each site has two carriers, one of them of the Union."""
    for at, site in enumerate(factory.sites):
        carriers = {uplink.carrier.strip().casefold() for uplink in site.uplinks}
        lacks = []
        if len(carriers) < 2:
            lacks.append(f"{'1 carrier is' if carriers else '0 carriers are'} declared; two are wanted")
        if site.uplinks and not any(uplink.carrier_seat in members("EU") for uplink in site.uplinks):
            lacks.append("no carrier has its seat in the Union")
        if lacks:
            yield found(rule, f"Site/{site.name}", f"sites[{at}].uplinks", "; ".join(lacks))


def _fabrics(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """A fabric that joins several zones keeps them apart."""
    for number, fabric in enumerate(factory.fabrics):
        joined = [pool for pool in factory.pools if not fabric.sites or pool.site in fabric.sites]
        zones = sorted({pool.zone for pool in joined if not fabric.pools or pool.name in fabric.pools})
        if fabric.isolation == "none" and len(zones) > 1:
            message = f"zones {', '.join(zones)} share it with nothing between them; no network policy sees its traffic"
            yield found(rule, f"Fabric/{fabric.name}", f"fabrics[{number}].isolation", message)


def _apart(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """Where there are several zones, each is kept apart on every kind of network."""
    if len(factory.zones) < 2:
        return
    for number, zone in enumerate(factory.zones):
        for network in ("fabric", "in_band", "out_of_band"):
            if getattr(zone.isolation, network) == "none":
                message = f"on the {network.replace('_', '-')} network nothing keeps it from the other zones"
                yield found(rule, f"Zone/{zone.name}", f"zones[{number}].isolation.{network}", message)


def _shared(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """A trusted zone has its machines for itself."""
    for number, zone in _trusted(factory):
        if zone.isolation.nodes == "shared" and len(factory.zones) > 1:
            message = "its machines may serve other zones too: memory, caches and disks are shared"
            yield found(rule, f"Zone/{zone.name}", f"zones[{number}].isolation.nodes", message)


def _bridges(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[Finding]:
    """A tenant with data at high trust that works at lower trust as well is told."""
    for number, tenant in enumerate(factory.tenants):
        zones = [zone for zone in factory.zones if tenant.name in zone.tenants]
        lower = [zone.name for zone in zones if zone.trust != "high"]
        if tenant.data and lower and any(zone.trust == "high" for zone in zones):
            message = (
                f"its people work in a zone of high trust and in {', '.join(lower)}; they can carry {', '.join(tenant.data)} data between"
            )
            yield found(rule, f"Tenant/{tenant.name}", f"tenants[{number}]", message)


DIRECT = Rule(
    id="ACC-001",
    title="Administrators reach zones of high trust through a bastion or a private network",
    severity="high",
    rationale="Access that nothing stands before cannot be limited in time, recorded or cut off, and so cannot be a break-glass access.",
    remediation="write `admin_path: bastion` or `vpn`",
    controls=(C3A_PATHS, NIS2_ACCESS, GDPR_SECURITY),
    places=PLAN,
    decide=_direct,
)
EXPOSED = Rule(
    id="ACC-002",
    title="No zone of high trust is reachable from the internet",
    severity="high",
    rationale="What anybody may call will be called by anybody; trust in a zone is trust in all who reach it.",
    remediation="put a zone of lower trust in front, and declare the flow between them",
    controls=(HARDENING, NIS2_ACCESS, GDPR_SECURITY),
    places=PLAN,
    decide=_exposed,
)
UPWARDS = Rule(
    id="ACC-003",
    title="Connections are opened from more trust to less, not the other way",
    severity="warning",
    rationale="A flow into a zone of more trust lets whoever takes the weaker zone try the stronger one.",
    remediation="turn the flow round, or confine it to one port behind a service that checks each call",
    controls=(HARDENING,),
    places=PLAN,
    decide=_upwards,
)
LEAKS = Rule(
    id="ACC-004",
    title="No chain of flows leads data to a gateway that its policy does not name",
    severity="warning",
    rationale="Each flow may be harmless, and two of them together a way out: into a neighbouring zone, and from there abroad.",
    remediation="close the flow, take the gateway off the zone at its end, or name the gateway in the residency policy",
    controls=(C3A_GATEWAYS, C3A_EXCHANGES, ECSF_DATA),
    places=PLAN,
    decide=_leaks,
)
PLAIN_LINES = Rule(
    id="LNK-001",
    title="Every uplink is encrypted",
    severity="critical",
    rationale="Who owns a line, or digs one up, reads what is not encrypted on it.",
    remediation="write `encryption: macsec`, `ipsec` or `tls`",
    controls=(NIS2_CRYPTO, GDPR_SECURITY, SCS_ZONES),
    places=PLAN,
    decide=_plain_lines,
)
ROUTES = Rule(
    id="LNK-002",
    title="Traffic passes countries that data may not be in only when encrypted from end to end",
    severity="high",
    rationale="MACsec protects a line between two switches: whoever runs the switch between two lines reads what passes it.",
    remediation="choose a route inside the permitted countries, or write `encryption: ipsec` or `tls`",
    controls=(ECSF_ORDERS, C3A_EXCHANGES, NIS2_CRYPTO),
    places=PLAN,
    decide=_routes,
)
LINES = Rule(
    id="LNK-003",
    title="Each site has lines of two carriers, one of them from the Union",
    severity="warning",
    rationale="A single carrier is a switch in somebody else's hand.",
    remediation="declare a second uplink by another carrier",
    controls=(C3A_LINES, NIS2_CONTINUITY),
    places=PLAN,
    decide=_lines,
)
FABRICS = Rule(
    id="SEP-001",
    title="A fabric that joins several zones keeps them apart",
    severity="critical",
    rationale="RDMA reads and writes another machine's memory below every network policy.",
    remediation="write `isolation: partition`, `vrf` or `vni`, or give each zone a fabric of its own",
    controls=(HARDENING, NIS2_ACCESS, GDPR_SECURITY),
    places=PLAN,
    decide=_fabrics,
)
APART = Rule(
    id="SEP-002",
    title="Zones are kept apart on fabric, in-band and out-of-band networks",
    severity="high",
    rationale="Network policies bind pods. Host processes and the machines' own controllers meet on the networks below.",
    remediation="write `vrf` or `vni` (on a fabric also `partition`) under the zone's `isolation`",
    controls=(HARDENING, GDPR_SECURITY),
    places=PLAN,
    decide=_apart,
)
SHARED = Rule(
    id="SEP-003",
    title="A zone of high trust has its machines for itself",
    severity="high",
    rationale="Processes on one machine share caches, memory buses and accelerators, through which they can be watched.",
    remediation="write `isolation: {nodes: dedicated}`",
    controls=(GDPR_SECURITY, NIS2_ACCESS),
    places=PLAN,
    decide=_shared,
)
BRIDGES = Rule(
    id="SEP-004",
    title="Who holds data at high trust does not work at lower trust as well",
    severity="info",
    rationale="What one person may read in one zone and write in another is as far apart as that person's care.",
    remediation="give the tenant's work at lower trust to a tenant of its own",
    controls=(NIS2_ACCESS,),
    places=PLAN,
    decide=_bridges,
)

RULES = (DIRECT, EXPOSED, UPWARDS, LEAKS, PLAIN_LINES, ROUTES, LINES, FABRICS, APART, SHARED, BRIDGES)
