"""The rules of a site: planned figures as constant series, and alerts where measurements depart from them.

An alert carries the inputs that fire it and that do not, from which its test is made.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from sovereign_ai.catalog.accelerator import needed_accelerator
from sovereign_ai.catalog.system import system
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Node, Plan, Rack, StoragePlan
from sovereign_ai.plan.fabric import FabricPlan, Switch
from sovereign_ai.render.monitoring.targets import OBJECTS, has_dcgm, node_labels, nodes_of, object_counter
from sovereign_ai.render.switches.ports import interface, port_maps
from sovereign_ai.spec import AIFactory

EVIDENCE_DAYS = 31
"""Days after which evidence is stale (the project's own judgement, 2026-11: it is signed every month)."""
_FULL, _ALMOST_FULL = 95, 85
"""Percent of a storage tier in use (the project's own judgement, 2026-11)."""
_ACTIVE = 4
"""The state of an InfiniBand port that carries traffic, in node_exporter's `node_infiniband_state_id`."""
_DAY = 86_400
# Of a switch its front ports alone, under the names of Linux and of SONiC: no VLANs, no management port.
_SWITCH_PORTS = "swp[0-9]+(s[0-9]+)?|Ethernet[0-9]+"
_NODE_PORTS = "(compute|storage)[0-9]+(p[0-9]+)?"
_NODE = "node, pool, rack, scalable_unit, zone"
"""The labels of a node in sums."""
_LINKS_DOWN = {"ethernet": "EthernetLinksDown", "infiniband": "InfiniBandLinksDown"}
_MINUTES = 2
"""Minutes that a departure lasts before it is reported: four scrapes."""

Labels = Mapping[str, str]
Series = tuple[str, Labels, float]


@frozen_dataclass
class Figure:
    """One planned figure: a constant series.

    Attributes:
        name: the series' name, `plan:rack_watts`.
        labels: its labels.
        value: the figure.
    """

    name: str
    labels: Labels
    value: int


@frozen_dataclass
class Alert:
    """One alert.

    Attributes:
        name: its name.
        expression: PromQL.
        severity: `critical` or `warning`.
        summary: what is wrong, with Prometheus' templates for labels, `{{ $labels.rack }}`.
        labels: the labels of the alert that the test's inputs fire.
        fires: series that fire it.
        quiet: series that do not.
        minutes: how long the expression holds before it is reported.
        missing: series that fire it too, without those that are measured; empty where it has no such case.
    """

    name: str
    expression: str
    severity: str
    summary: str
    labels: Labels
    fires: tuple[Series, ...]
    quiet: tuple[Series, ...]
    minutes: int = _MINUTES
    missing: tuple[Series, ...] = ()


def figures(factory: AIFactory, plan: Plan, site: str) -> tuple[Figure, ...]:
    """Return the planned figures of a site."""
    rows: list[Figure] = []
    limits = _rack_limits(factory, site)
    for rack in _watched_racks(plan, site):
        rows.append(Figure("plan:rack_watts", {"rack": rack.name}, rack.power))
        rows.append(Figure("plan:rack_limit_watts", {"rack": rack.name}, limits[rack.hall]))
    for power in plan.power:
        if power.site == site:
            rows.append(Figure("plan:site_watts", {}, power.it_budget))
    for kind, ports in _node_ports(plan, site).items():
        for pool, count in ports.items():
            rows.append(Figure("plan:node_ports", {"pool": pool, "kind": kind}, count))
    for pool, count in _node_gpus(plan, site).items():
        rows.append(Figure("plan:node_gpus", {"pool": pool}, count))
    for switch, count in _switch_ports(plan, site).items():
        rows.append(Figure("plan:switch_ports", {"switch": switch}, count))
    for switch, device in _outside_ports(factory, plan, site):
        rows.append(Figure("plan:outside_port", {"switch": switch, "device": device}, 1))
    for tier in _mounted_tiers(plan, site):
        rows.append(Figure("plan:tier_bytes", {"mountpoint": f"/srv/{tier.tier}"}, tier.capacity))
    return tuple(rows)


def alerts(factory: AIFactory, plan: Plan, site: str) -> tuple[Alert, ...]:
    """Return the alerts of a site: those whose parts it has."""
    nodes = nodes_of(plan, site)
    rows: list[Alert] = [*_evidence_alerts(plan)]
    if nodes:
        rows.append(_node_lost(nodes[0]))
    if nodes and object_counter(plan) is not None:
        rows.append(_node_not_ready(nodes[0]))
    for rack in _watched_racks(plan, site):
        # The first rack with a node is the example of the test; the expression is about all of them.
        node = next(node for node in nodes if node.rack == rack.name)
        rows += _power_alerts(factory, plan, rack, node)
        break
    rows += _port_alerts(plan, site, nodes)
    rows += _switch_alerts(plan, site, list(_outside_ports(factory, plan, site)))
    watched = [node for node in nodes if has_dcgm(node)]
    if watched:
        rows += [_fault_alert(watched[0]), _gpus_alert(watched[0])]
    rows += _tier_alerts(plan, site, nodes)
    return tuple(rows)


def _watched_racks(plan: Plan, site: str) -> list[Rack]:
    """Return the racks of a site whose nodes have controllers, which measure their power."""
    with_controllers = set()
    for node in nodes_of(plan, site):
        if node.bmc:
            with_controllers.add(node.rack)
    return [rack for rack in plan.racks if rack.site == site and rack.name in with_controllers]


def _rack_limits(factory: AIFactory, site: str) -> dict[str, int]:
    """Return hall to the watts that a rack of it may draw."""
    limits = {}
    for described in factory.sites:
        if described.name == site:
            for hall in described.halls:
                limits[hall.name] = hall.rack_limit.count
    return limits


def _node_ports(plan: Plan, site: str) -> dict[str, dict[str, int]]:
    """Return kind of network to (pool to the ports that each of its nodes has on rails).

    Where nodes of a pool differ, the fewest count.
    """
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for plane in _rail_planes(plan, site):
        kind = "infiniband" if plane.kind == "infiniband" else "ethernet"
        counts[kind].update(plane.host_links.lowers())
    ports: dict[str, dict[str, int]] = {}
    for kind, of_host in counts.items():
        fewest: dict[str, int] = {}
        for node in nodes_of(plan, site):
            if of_host[node.name]:
                fewest[node.pool] = min(of_host[node.name], fewest.get(node.pool, of_host[node.name]))
        ports[kind] = fewest
    return ports


def _node_gpus(plan: Plan, site: str) -> dict[str, int]:
    """Return pool to the GPUs that each of its nodes has, where an exporter measures them."""
    return {node.pool: node.gpus for node in nodes_of(plan, site) if has_dcgm(node)}


def _rail_planes(plan: Plan, site: str) -> Iterator[FabricPlan]:
    """Yield the planes of a site whose ports nodes have by rail."""
    for plane in plan.fabrics:
        if plane.site == site and plane.role in ("compute", "storage"):
            yield plane


def _switch_ports(plan: Plan, site: str) -> Counter[str]:
    """Return each switch of a site that is scraped with the number of its ports that are cabled.

    Ports to the outside are not counted, up or down: what is outside decides about them.
    """
    counts: Counter[str] = Counter()
    for plane in plan.fabrics:
        if plane.site == site and plane.kind != "infiniband":
            counts.update(plane.host_links.uppers())
            for lower, upper in plane.switch_links.pairs():
                counts[lower] += 1
                counts[upper] += 1
    return counts


def _outside_ports(factory: AIFactory, plan: Plan, site: str) -> Iterator[tuple[str, str]]:
    """Yield the ports to the outside of a site's switches, each under the names of Linux and of SONiC."""
    for plane in plan.fabrics:
        if plane.site != site or not plane.outside:
            continue
        for switch in port_maps(factory, plan, plane):
            for port in switch.ports:
                if port.outside:
                    yield switch.switch.name, port.interface
                    yield switch.switch.name, switch.panel_of(port).port(port.name).name


def _mounted_tiers(plan: Plan, site: str) -> list[StoragePlan]:
    """Return the tiers of a site that its hosts mount, at `/srv/<tier>`."""
    return [tier for tier in plan.storage if tier.site == site and tier.protocol.is_mounted_by_hosts]


def _evidence_alerts(plan: Plan) -> Iterator[Alert]:
    """Yield the alerts of evidence that is old, or that nobody reports."""
    name = "sovereign_ai_evidence_signed_seconds"
    labels = {"factory": plan.factory}
    selector = f'{name}{{factory="{plan.factory}"}}'
    yield Alert(
        "EvidenceStale",
        f"time() - max by (factory) ({selector}) > {EVIDENCE_DAYS * _DAY}",
        "warning",
        f"evidence of {{{{ $labels.factory }}}} is older than {EVIDENCE_DAYS} days",
        labels,
        # A test's clock starts at 0 and runs for minutes, so that old evidence is from before it.
        fires=((name, labels, -EVIDENCE_DAYS * _DAY),),
        quiet=((name, labels, -(EVIDENCE_DAYS - 1) * _DAY),),
    )
    yield Alert(
        "EvidenceMissing",
        f"absent({selector})",
        "warning",
        "no signed evidence of {{ $labels.factory }} is reported",
        labels,
        fires=(("up", {"job": "nodes"}, 1),),
        quiet=((name, labels, 0),),
    )


def _node_lost(node: Node) -> Alert:
    """Return the alert of a node that does not answer."""
    labels = node_labels(node)
    return Alert(
        "NodeLost",
        'up{job="nodes"} == 0',
        "warning",
        "node {{ $labels.node }} in rack {{ $labels.rack }} does not answer",
        {"job": "nodes", **labels},
        fires=(("up", {"job": "nodes", **labels}, 0),),
        quiet=(("up", {"job": "nodes", **labels}, 1),),
    )


def _node_not_ready(node: Node) -> Alert:
    """Return the alert of a node that Kubernetes counts as not Ready.

    A node whose exporter is silent too is reported as lost, once. Where no exporter is scraped, this alert
    alone tells of a lost node. Several copies of kube-state-metrics tell the same.
    """
    metric, labels = "kube_node_status_condition", {"node": node.name}
    ready = {"job": OBJECTS, **labels, "condition": "Ready", "status": "true"}
    answers = ("up", {"job": "nodes", **node_labels(node)}, 1)
    return Alert(
        "NodeNotReady",
        f'max by (node) ({metric}{{condition="Ready",status="true"}}) == 0'
        ' unless on (node) up{job="nodes"} == 0',
        "warning",
        "Kubernetes counts node {{ $labels.node }} as not Ready",
        labels,
        fires=((metric, ready, 0), answers),
        quiet=((metric, ready, 1), answers),
        missing=((metric, ready, 0),),
    )


def _power_alerts(factory: AIFactory, plan: Plan, rack: Rack, node: Node) -> Iterator[Alert]:
    """Yield the alerts of power. Controllers measure servers alone, so their sum is the least of a rack."""
    metric = "ipmi_dcmi_power_consumption_watts"
    measured = f'sum by (rack) ({metric}{{job="controllers"}})'
    labels = {"job": "controllers", **node_labels(node)}
    limit = _rack_limits(factory, rack.site)[rack.hall]
    yield Alert(
        "RackPowerOverPlan",
        f"{measured} > on (rack) plan:rack_watts",
        "warning",
        "servers of rack {{ $labels.rack }} draw more than its plan",
        {"rack": rack.name},
        fires=((metric, labels, rack.power + 1_000),),
        quiet=((metric, labels, rack.power),),
    )
    yield Alert(
        "RackPowerOverLimit",
        f"{measured} > on (rack) plan:rack_limit_watts",
        "critical",
        "servers of rack {{ $labels.rack }} draw more than its hall gives a rack",
        {"rack": rack.name},
        fires=((metric, labels, limit + 1_000),),
        quiet=((metric, labels, limit),),
    )
    budget = next(power.it_budget for power in plan.power if power.site == rack.site)
    yield Alert(
        "SitePowerOverBudget",
        f'sum({metric}{{job="controllers"}}) > scalar(plan:site_watts)',
        "critical",
        "servers draw more than the site's budget",
        {},
        fires=((metric, labels, budget + 1_000),),
        quiet=((metric, labels, budget),),
    )


def _port_alerts(plan: Plan, site: str, nodes: list[Node]) -> Iterator[Alert]:
    """Yield the alerts of nodes with fewer ports up than the plan has cables."""
    metrics = {
        "ethernet": f'node_network_up{{job="nodes",device=~"{_NODE_PORTS}"}}',
        "infiniband": f'node_infiniband_state_id{{job="nodes"}} == bool {_ACTIVE}',
    }
    for kind, ports in _node_ports(plan, site).items():
        node = next((node for node in nodes if node.pool in ports), None)
        if node is None:
            continue
        planned = f'plan:node_ports{{kind="{kind}"}}'
        # Ports that are gone from the bus have no series at all.
        up = f'sum by ({_NODE}) ({metrics[kind]}) or 0 * count by ({_NODE}) (up{{job="nodes"}} == 1)'
        labels = node_labels(node)
        yield Alert(
            _LINKS_DOWN[kind],
            f"({up}) < on (pool) group_left () {planned}",
            "warning",
            f"node {{{{ $labels.node }}}} has fewer {kind} ports up than planned",
            labels,
            fires=tuple(_ports_up(node, kind, ports[node.pool], ports[node.pool] - 1)),
            quiet=tuple(_ports_up(node, kind, ports[node.pool], ports[node.pool])),
            missing=(("up", {"job": "nodes", **labels}, 1),),
        )


def _ports_up(node: Node, kind: str, planned: int, up: int) -> Iterator[Series]:
    """Yield the series of a node's ports, of which the first ones are up."""
    for number in range(planned):
        labels = {"job": "nodes", **node_labels(node)}
        if kind == "infiniband":
            port = {"device": f"mlx5_{number}", "port": "1"}
            yield "node_infiniband_state_id", {**labels, **port}, _ACTIVE if number < up else 1
        else:
            yield "node_network_up", {**labels, "device": f"compute{number}"}, int(number < up)


def _switch_alerts(plan: Plan, site: str, outside: Sequence[tuple[str, str]]) -> Iterator[Alert]:
    """Yield the alerts of switches that are lost, and of those with fewer ports up than cables.

    Args:
        plan: the plan.
        site: the site.
        outside: switches and their ports to the outside, which say nothing about cables of the plan.
    """
    first: dict[str, tuple[FabricPlan, Switch]] = {}
    for plane in plan.fabrics:
        if plane.site == site and plane.kind != "infiniband":
            for switch in plane.switches:
                first.setdefault(switch.tier, (plane, switch))
    severities = {"leaf": "critical", "border": "critical", "spine": "warning", "core": "warning"}
    for tier, (plane, switch) in first.items():
        labels = _switch_labels(plane, switch)
        yield Alert(
            f"{tier.title()}Lost",
            f'up{{job="switches",tier="{tier}"}} == 0',
            severities[tier],
            f"{tier} {{{{ $labels.switch }}}} of {{{{ $labels.plane }}}} does not answer",
            labels,
            fires=(("up", labels, 0),),
            quiet=(("up", labels, 1),),
        )
    for plane, switch in _example_switch(plan, site, {name for name, _ in outside}):
        labels = _switch_labels(plane, switch)
        own = [device for name, device in outside if name == switch.name]
        cabled = _cabled_ports(plane, switch)
        up = f'node_network_up{{job="switches",device=~"{_SWITCH_PORTS}"}}'
        if outside:
            up += " unless on (switch, device) plan:outside_port"
        yield Alert(
            "SwitchLinksDown",
            f"sum by (switch, plane, tier, rack) ({up}) < on (switch) group_left () plan:switch_ports",
            "warning",
            "switch {{ $labels.switch }} has fewer ports up than cables",
            {key: value for key, value in labels.items() if key != "job"},
            # Ports to the outside that are up stand for no cable, and those that are shut alarm nobody.
            fires=tuple(_switch_ports_up(labels, cabled[1:], [*own, "swp1.104"], cabled[:1])),
            quiet=tuple(_switch_ports_up(labels, cabled, ["swp1.104"], own)),
        )


def _switch_labels(plane: FabricPlan, switch: Switch) -> dict[str, str]:
    """Return the labels of what is scraped from a switch."""
    return {
        "job": "switches",
        "switch": switch.name,
        "plane": plane.name,
        "tier": switch.tier,
        "rack": switch.rack,
    }


def _example_switch(plan: Plan, site: str, outside: Container[str]) -> list[tuple[FabricPlan, Switch]]:
    """Return the switch that the test of cables is about: one with ports to the outside, else the first."""
    switches: list[tuple[FabricPlan, Switch]] = []
    for plane in plan.fabrics:
        if plane.site == site and plane.kind != "infiniband":
            switches += [(plane, switch) for switch in plane.switches]
    with_outside = [(plane, switch) for plane, switch in switches if switch.name in outside]
    return (with_outside or switches)[:1]


def _cabled_ports(plane: FabricPlan, switch: Switch) -> list[str]:
    """Return the names in Linux of a switch's ports to hosts and to other switches."""
    ports = []
    for link in (*plane.host_links, *plane.switch_links):
        if link.upper == switch.name:
            ports.append(interface(link.upper_port))
    for link in plane.switch_links:
        if link.lower == switch.name:
            ports.append(interface(link.lower_port))
    return ports


def _switch_ports_up(
    labels: Labels, cabled: Iterable[str], others: Iterable[str], down: Iterable[str]
) -> Iterator[Series]:
    """Yield the series of a switch's ports.

    Args:
        labels: labels of the switch.
        cabled: ports with cables, which are up.
        others: what is up and no such port: a VLAN, ports to the outside.
        down: ports that are down.
    """
    for device in (*cabled, *others):
        yield "node_network_up", {**labels, "device": device}, 1
    for device in down:
        yield "node_network_up", {**labels, "device": device}, 0


def _fault_alert(node: Node) -> Alert:
    """Return the alert of faults of GPUs. Those that a program causes are none: the GPU is well."""
    faults = needed_accelerator(system(node.system)).gpu_vendor.faults
    if faults is None:
        raise ValueError(f"the catalogue has no faults of the GPUs of {node.system}")
    metric = 'DCGM_FI_DEV_XID_ERRORS{job="gpus"}'
    terms = [f"{metric} == {code}" for code in sorted(faults.hardware)]
    labels = {"job": "gpus", **node_labels(node), "gpu": "0"}
    name = "DCGM_FI_DEV_XID_ERRORS"
    return Alert(
        "GpuFault",
        " or ".join(terms),
        "critical",
        "GPU {{ $labels.gpu }} of node {{ $labels.node }} reports an Xid of its hardware",
        labels,
        fires=((name, labels, max(faults.hardware)),),
        quiet=((name, labels, max(faults.application)),),
    )


def _gpus_alert(node: Node) -> Alert:
    """Return the alert of a node with fewer GPUs than planned: one that is lost reports nothing any more."""
    metric = "DCGM_FI_DEV_XID_ERRORS"
    # Instances of one GPU have a series each.
    measured = f'count by ({_NODE}) (count by ({_NODE}, gpu) ({metric}{{job="gpus"}}))'
    labels = node_labels(node)
    series = []
    for number in range(node.gpus):
        series.append((metric, {"job": "gpus", **labels, "gpu": str(number)}, 0.0))
    return Alert(
        "GpusMissing",
        f'({measured} or 0 * count by ({_NODE}) (up{{job="gpus"}})) < on (pool) group_left () plan:node_gpus '
        'unless on (node) up{job="nodes"} == 0',
        "critical",
        "node {{ $labels.node }} reports fewer GPUs than planned",
        labels,
        fires=tuple(series[1:]) or (("up", {"job": "gpus", **labels}, 1),),
        quiet=(*series, ("up", {"job": "gpus", **labels}, 1)),
        missing=(("up", {"job": "gpus", **labels}, 0), ("up", {"job": "nodes", **labels}, 1)),
    )


def _tier_alerts(plan: Plan, site: str, nodes: list[Node]) -> Iterator[Alert]:
    """Yield the alerts of a storage tier that is almost full, full, or smaller than planned."""
    tiers = _mounted_tiers(plan, site)
    if not tiers or not nodes:
        return
    tier = tiers[0]
    mount = {"mountpoint": f"/srv/{tier.tier}"}
    labels = {"job": "nodes", **node_labels(nodes[0]), **mount}
    paths = "|".join(sorted({f"/srv/{tier.tier}" for tier in tiers}))
    size, free = "node_filesystem_size_bytes", "node_filesystem_avail_bytes"
    selector = f'{{job="nodes",mountpoint=~"{paths}"}}'
    used = f"100 * max by (mountpoint) (1 - {free}{selector} / {size}{selector})"
    for name, percent, severity in (
        ("StorageTierAlmostFull", _ALMOST_FULL, "warning"),
        ("StorageTierFull", _FULL, "critical"),
    ):
        yield Alert(
            name,
            f"{used} > {percent}",
            severity,
            f"storage tier at {{{{ $labels.mountpoint }}}} is more than {percent} % full",
            mount,
            fires=((size, labels, 1_000), (free, labels, 10 * (100 - percent) - 10)),
            quiet=((size, labels, 1_000), (free, labels, 10 * (100 - percent) + 10)),
        )
    yield Alert(
        "StorageTierSmall",
        f"max by (mountpoint) ({size}{selector}) < on (mountpoint) plan:tier_bytes",
        "warning",
        "storage tier at {{ $labels.mountpoint }} is smaller than planned",
        mount,
        fires=((size, labels, tier.capacity // 2),),
        quiet=((size, labels, tier.capacity),),
    )
