"""Access rules: the ways in and out of zones and sites, and what isolates zones below the network policies.

Every rule here is decided on the description. A zone counts as trusted if its trust is `high`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sovereign_ai.catalog import expand, members
from sovereign_ai.names import normal_name
from sovereign_ai.plan import Plan
from sovereign_ai.rules.controls import C3A_GATEWAYS, ECSF_DATA, GDPR_SECURITY, HARDENING
from sovereign_ai.rules.description.residency import PLAN, make_finding, on_site, on_zone
from sovereign_ai.rules.duties import (
    C3A_EXCHANGES,
    C3A_LINES,
    C3A_PATHS,
    ECSF_ORDERS,
    NIS2_ACCESS,
    NIS2_CONTINUITY,
    NIS2_CRYPTO,
    SCS_ZONES,
)
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec import AIFactory, Fabric, SecurityZone, Site, Uplink

_TRUST = {"low": 0, "medium": 1, "high": 2}
"""Rank of each level of trust."""
_LEAST_CARRIERS = 2
"""C3A, SOV-4-03: lines are redundant."""


def _trusted_zones(factory: AIFactory) -> Iterator[tuple[int, SecurityZone]]:
    """Yield each zone of high trust with its number in the description."""
    for number, zone in enumerate(factory.zones):
        if zone.trust == "high":
            yield number, zone


def _uplinks(factory: AIFactory) -> Iterator[tuple[str, str, Uplink]]:
    """Yield the site, the field and the uplink of each uplink."""
    for site_number, site in enumerate(factory.sites):
        for number, uplink in enumerate(site.uplinks):
            yield site.name, f"sites[{site_number}].uplinks[{number}]", uplink


def _find_direct_administration(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield trusted zones that administrators reach directly."""
    for number, zone in _trusted_zones(factory):
        if zone.admin_path == "direct":
            field = f"zones[{number}].admin_path"
            message = (
                "administrators come in directly: nothing in between that records, limits in time or ends "
                "their access"
            )
            resource = f"Zone/{zone.name}"
            yield make_finding(rule, resource, field, message)


def _find_exposed_zones(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield trusted zones that serve the internet."""
    for number, zone in _trusted_zones(factory):
        if zone.exposure == "internet":
            field = f"zones[{number}].exposure"
            message = "services of a zone of high trust can be reached by anybody"
            resource = f"Zone/{zone.name}"
            yield make_finding(rule, resource, field, message)


def _find_upward_flows(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield flows that lead from a zone of less trust into one of more."""
    trust = {}
    for zone in factory.zones:
        trust[zone.name] = zone.trust
    for number, zone in enumerate(factory.zones):
        for flow_number, flow in enumerate(zone.allow):
            # A flow with `never` documents that a way is closed, and opens nothing.
            if flow.never:
                continue
            target_trust = trust[flow.to]
            if _TRUST[zone.trust] < _TRUST[target_trust]:
                field = f"zones[{number}].allow[{flow_number}]"
                source = f"zone {zone.name} ({zone.trust} trust)"
                target = f"{flow.to} ({target_trust} trust)"
                message = f"{source} may open connections into {target}"
                resource = f"Zone/{zone.name}"
                yield make_finding(rule, resource, field, message)


def _find_leaks(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield zones from which flows lead a data class to a gateway that its policy does not name."""
    targets = {}
    for zone in factory.zones:
        targets[zone.name] = _open_targets(zone)
    for number, zone in enumerate(factory.zones):
        paths = _shortest_paths(zone.name, targets)
        for gateway in factory.gateways:
            # The zone's own gateways are decided by RES-003.
            others = [name for name in gateway.zones if name in paths and name != zone.name]
            candidates = [paths[name] for name in others]
            if not candidates:
                continue
            # The shortest path is reported, and of equally short ones always the same.
            path = min(candidates, key=_length_and_names)
            for policy in on_zone(factory, zone.name):
                if gateway.name not in policy.gateways:
                    way = " > ".join(path)
                    message = (
                        f"{policy.data} data can pass {way} to gateway {gateway.name}, which its policy "
                        "does not name"
                    )
                    resource = f"Zone/{zone.name}"
                    field = f"zones[{number}].allow"
                    yield make_finding(rule, resource, field, message)


def _open_targets(zone: SecurityZone) -> list[str]:
    """Return the names of the zones that a zone may open connections to, sorted."""
    names = [flow.to for flow in zone.allow if not flow.never]
    return sorted(names)


def _length_and_names(path: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """Return the sort key of a path: short before long, then by names."""
    return len(path), path


def _shortest_paths(start: str, targets: dict[str, list[str]]) -> dict[str, tuple[str, ...]]:
    """Return a shortest path from a zone to each zone that flows lead to, itself included.

    Args:
        start: the zone's name.
        targets: zone to the zones that it may open connections to.
    """
    paths: dict[str, tuple[str, ...]] = {start: (start,)}
    frontier = [start]
    # Breadth first, so the first path to a zone is a shortest one.
    while frontier:
        following = []
        for name in frontier:
            for target in targets.get(name, ()):
                if target not in paths:
                    paths[target] = (*paths[name], target)
                    following.append(target)
        frontier = following
    return paths


def _find_plain_lines(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield uplinks without encryption."""
    for site, field, uplink in _uplinks(factory):
        if uplink.encryption == "none":
            message = f"uplink {uplink.name} of {uplink.carrier} is not encrypted"
            resource = f"Site/{site}"
            yield make_finding(rule, resource, f"{field}.encryption", message)


def _find_open_routes(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield uplinks that pass countries where data may not be, without encryption from end to end."""
    for site, field, uplink in _uplinks(factory):
        for policy in on_site(factory, site):
            outside = sorted(expand(uplink.route) - expand(policy.within))
            # MACsec ends at each switch, so only these two count as end to end.
            if not outside or uplink.encryption in {"ipsec", "tls"}:
                continue
            if uplink.encryption == "none":
                how = "no encryption"
            else:
                how = f"{uplink.encryption}, which each hop on the way takes off"
            countries = ", ".join(outside)
            allowed = ", ".join(policy.within)
            message = (
                f"uplink {uplink.name} passes {countries} with {how}; {policy.data} data may be in {allowed}"
            )
            resource = f"Site/{site}"
            yield make_finding(rule, resource, f"{field}.route", message)


def _find_single_carriers(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield sites with fewer than two carriers, or without a carrier of the Union."""
    for number, site in enumerate(factory.sites):
        problems = _carrier_problems(site)
        if problems:
            resource = f"Site/{site.name}"
            field = f"sites[{number}].uplinks"
            yield make_finding(rule, resource, field, "; ".join(problems))


def _carrier_problems(site: Site) -> list[str]:
    """Return what a site's carriers lack."""
    carriers = set()
    has_carrier_of_union = False
    for uplink in site.uplinks:
        # "Example Net" and "example-net" are the same carrier.
        carriers.add(normal_name(uplink.carrier))
        if uplink.carrier_seat in members("EU"):
            has_carrier_of_union = True
    problems = []
    if len(carriers) < _LEAST_CARRIERS:
        count = "1 carrier is" if carriers else "0 carriers are"
        problems.append(f"{count} declared; two are wanted")
    if site.uplinks and not has_carrier_of_union:
        problems.append("no carrier has its seat in the Union")
    return problems


def _find_shared_fabrics(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield fabrics that join several zones without isolation."""
    for number, fabric in enumerate(factory.fabrics):
        zones = _zones_on_fabric(factory, fabric)
        if fabric.isolation == "none" and len(zones) > 1:
            field = f"fabrics[{number}].isolation"
            names = ", ".join(zones)
            message = f"zones {names} share it with nothing between them; no network policy sees its traffic"
            resource = f"Fabric/{fabric.name}"
            yield make_finding(rule, resource, field, message)


def _zones_on_fabric(factory: AIFactory, fabric: Fabric) -> list[str]:
    """Return the names of the zones whose pools a fabric joins, sorted."""
    zones = set()
    for pool in factory.pools:
        if pool.is_on(fabric):
            zones.add(pool.zone)
    return sorted(zones)


def _find_missing_isolation(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield zones that are not isolated on a kind of network, if there are other zones."""
    if len(factory.zones) < 2:
        return
    for number, zone in enumerate(factory.zones):
        for network in ("fabric", "in_band", "out_of_band"):
            if getattr(zone.isolation, network) == "none":
                field = f"zones[{number}].isolation.{network}"
                title = network.replace("_", "-")
                message = f"on the {title} network nothing keeps it from the other zones"
                resource = f"Zone/{zone.name}"
                yield make_finding(rule, resource, field, message)


def _find_shared_servers(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield trusted zones whose servers may serve other zones."""
    for number, zone in _trusted_zones(factory):
        if zone.isolation.nodes == "shared" and len(factory.zones) > 1:
            field = f"zones[{number}].isolation.nodes"
            message = "its nodes may serve other zones too: memory, caches and disks are shared"
            resource = f"Zone/{zone.name}"
            yield make_finding(rule, resource, field, message)


def _find_bridging_tenants(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterable[RuleFinding]:
    """Yield tenants with data that work both at high trust and at lower trust."""
    for number, tenant in enumerate(factory.tenants):
        trusted: list[str] = []
        lower: list[str] = []
        for zone in factory.zones:
            if tenant.name in zone.tenants:
                names = trusted if zone.trust == "high" else lower
                names.append(zone.name)
        if tenant.data and lower and trusted:
            lower_zones = ", ".join(lower)
            classes = ", ".join(tenant.data)
            message = (
                f"its people work in a zone of high trust and in {lower_zones}; they can carry {classes} "
                "data between"
            )
            resource = f"Tenant/{tenant.name}"
            field = f"tenants[{number}]"
            yield make_finding(rule, resource, field, message)


DIRECT = Rule(
    id="ACC-001",
    title="Administrators reach zones of high trust through a bastion or a private network",
    severity="high",
    rationale=(
        "Access that nothing stands before cannot be limited in time, recorded or cut off, and so cannot be "
        "a break-glass access."
    ),
    remediation="write `admin_path: bastion` or `vpn`",
    controls=(C3A_PATHS, NIS2_ACCESS, GDPR_SECURITY),
    places=PLAN,
    decide=_find_direct_administration,
)
EXPOSED = Rule(
    id="ACC-002",
    title="No zone of high trust is reachable from the internet",
    severity="high",
    rationale=(
        "What anybody may call will be called by anybody; trust in a zone is trust in all who reach it."
    ),
    remediation="put a zone of lower trust in front, and declare the flow between them",
    controls=(HARDENING, NIS2_ACCESS, GDPR_SECURITY),
    places=PLAN,
    decide=_find_exposed_zones,
)
UPWARDS = Rule(
    id="ACC-003",
    title="Connections are opened from more trust to less, not the other way",
    severity="warning",
    rationale="A flow into a zone of more trust lets whoever takes the weaker zone try the stronger one.",
    remediation="turn the flow round, or confine it to one port behind a service that checks each call",
    controls=(HARDENING,),
    places=PLAN,
    decide=_find_upward_flows,
)
LEAKS = Rule(
    id="ACC-004",
    title="No chain of flows leads data to a gateway that its policy does not name",
    severity="warning",
    rationale=(
        "Each flow may be harmless, and two of them together a way out: into a neighbouring zone, and from "
        "there abroad."
    ),
    remediation=(
        "close the flow, take the gateway off the zone at its end, or name the gateway in the residency "
        "policy"
    ),
    controls=(C3A_GATEWAYS, C3A_EXCHANGES, ECSF_DATA),
    places=PLAN,
    decide=_find_leaks,
)
PLAIN_LINES = Rule(
    id="LNK-001",
    title="Every uplink is encrypted",
    severity="critical",
    rationale="Who owns a line, or digs one up, reads what is not encrypted on it.",
    remediation="write `encryption: macsec`, `ipsec` or `tls`",
    controls=(NIS2_CRYPTO, GDPR_SECURITY, SCS_ZONES),
    places=PLAN,
    decide=_find_plain_lines,
)
ROUTES = Rule(
    id="LNK-002",
    title="Traffic passes countries that data may not be in only when encrypted from end to end",
    severity="high",
    rationale=(
        "MACsec protects a line between two switches: whoever runs the switch between two lines reads what "
        "passes it."
    ),
    remediation="choose a route inside the permitted countries, or write `encryption: ipsec` or `tls`",
    controls=(ECSF_ORDERS, C3A_EXCHANGES, NIS2_CRYPTO),
    places=PLAN,
    decide=_find_open_routes,
)
LINES = Rule(
    id="LNK-003",
    title="Each site has lines of two carriers, one of them from the Union",
    severity="warning",
    rationale="A single carrier is a switch in somebody else's hand.",
    remediation="declare a second uplink by another carrier",
    controls=(C3A_LINES, NIS2_CONTINUITY),
    places=PLAN,
    decide=_find_single_carriers,
)
FABRICS = Rule(
    id="SEP-001",
    title="A fabric that joins several zones keeps them apart",
    severity="critical",
    rationale="RDMA reads and writes another machine's memory below every network policy.",
    remediation="write `isolation: partition`, `vrf` or `vni`, or give each zone a fabric of its own",
    controls=(HARDENING, NIS2_ACCESS, GDPR_SECURITY),
    places=PLAN,
    decide=_find_shared_fabrics,
)
APART = Rule(
    id="SEP-002",
    title="Zones are kept apart on fabric, in-band and out-of-band networks",
    severity="high",
    rationale=(
        "Network policies bind pods. Host processes and the machines' own controllers meet on the networks "
        "below."
    ),
    remediation="write `vrf` or `vni` (on a fabric also `partition`) under the zone's `isolation`",
    controls=(HARDENING, GDPR_SECURITY),
    places=PLAN,
    decide=_find_missing_isolation,
)
SHARED = Rule(
    id="SEP-003",
    title="A zone of high trust has its machines for itself",
    severity="high",
    rationale=(
        "Processes on one machine share caches, memory buses and accelerators, through which they can be "
        "watched."
    ),
    remediation="write `isolation: {nodes: dedicated}`",
    controls=(GDPR_SECURITY, NIS2_ACCESS),
    places=PLAN,
    decide=_find_shared_servers,
)
BRIDGES = Rule(
    id="SEP-004",
    title="Who holds data at high trust does not work at lower trust as well",
    severity="info",
    rationale=(
        "What one person may read in one zone and write in another is as far apart as that person's care."
    ),
    remediation="give the tenant's work at lower trust to a tenant of its own",
    controls=(NIS2_ACCESS,),
    places=PLAN,
    decide=_find_bridging_tenants,
)

RULES = (DIRECT, EXPOSED, UPWARDS, LEAKS, PLAIN_LINES, ROUTES, LINES, FABRICS, APART, SHARED, BRIDGES)
