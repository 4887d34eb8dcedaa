"""A plan on one page: what `sovereign-ai plan` prints, as plain data, with the reasons.

A summary has counts and no lists of servers or cables, so that the largest factory has a summary of a few
hundred lines. Each row names what it belongs to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sovereign_ai.catalog.system import system
from sovereign_ai.plan.fabric.planes import FabricPlan
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.nodes import Node
from sovereign_ai.plan.platform import platform_rows
from sovereign_ai.plan.racks import Rack

# In the order in which `sovereign-ai plan` prints them.
_FABRIC_FIELDS = (
    *("name", "site", "role", "kind", "rails", "radix", "tiers", "endpoints", "leaf", "spine", "core"),
    *("node_leaf", "leaf_spine", "spine_core", "oversubscription", "bisection"),
)
_CHAIN_FIELDS = (
    *("unit", "rating", "needed", "installed", "load", "each", "after_loss", "left", "losses"),
    "grade",
)
_STORAGE_FIELDS = ("tier", "site", "zone", "protocol", "capacity", "raw", "read", "write", "drives")


def summary(plan: Plan) -> dict[str, Any]:
    """Return the plan's numbers as plain data that is ready for JSON, in a fixed order.

    The keys are `factory`, `digest`, `spec_digest`, `totals`, `pools`, `racks`, `power`, `fabrics`,
    `addresses`, `storage`, `clusters`, `warnings`, `chain` where a power chain is described, `caps` where
    caps limit machines, `campus` where buildings are joined, `platform` and `phases` where there are any.
    Rows that follow from a formula have a `why`, field to words.
    """
    page = {
        "factory": plan.factory,
        "digest": plan.digest,
        "spec_digest": plan.spec_digest,
        "totals": _count_totals(plan),
        "pools": list(_pool_rows(plan)),
        "racks": list(_rack_rows(plan)),
        "power": list(_power_rows(plan)),
        "fabrics": list(map(_fabric_row, plan.fabrics)),
        "addresses": list(_address_rows(plan)),
        "storage": list(_storage_rows(plan)),
        "clusters": list(_cluster_rows(plan)),
        "warnings": list(plan.warnings),
    }
    if chain := list(_chain_rows(plan)):
        page["chain"] = chain
    if caps := list(_cap_rows(plan)):
        page["caps"] = caps
    if plan.campus:
        page["campus"] = list(_campus_rows(plan))
    if plan.platform:
        page["platform"] = list(platform_rows(plan.platform))
    if plan.phases:
        page["phases"] = list(_phase_rows(plan))
    return page


def _phase_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield a row for each phase of construction."""
    standing = sum(phase.stands for phase in plan.phases)
    for number, phase in enumerate(plan.phases, start=1):
        row: dict[str, Any] = {"name": phase.name, "ends": phase.ends, "now": number == standing}
        row["pools"] = dict(phase.pools)
        row["totals"] = dict(phase.totals)
        row["added"] = dict(phase.added)
        yield row


def _count_totals(plan: Plan) -> dict[str, int]:
    """Count everything in the plan."""
    nodes, gpus = _counted(plan.nodes)
    switches = cables = 0
    for fabric in plan.fabrics:
        switches += len(fabric.switches)
        cables += len(fabric.cables)
    storage_servers = 0
    for tier in plan.storage:
        storage_servers += len(tier.servers)
    it_load = 0
    for site in plan.power:
        it_load += site.it_load
    return {
        "sites": len(plan.power),
        "nodes": nodes,
        "spares": len(plan.nodes) - nodes,
        "gpus": gpus,
        "racks": len(plan.racks),
        "it_load_watts": it_load,
        "switches": switches,
        "cables": cables,
        "storage_servers": storage_servers,
        "clusters": len(plan.clusters),
    }


def _counted(nodes: Sequence[Node]) -> tuple[int, int]:
    """Return the number of servers that are no spares, and their GPUs."""
    count = gpus = 0
    for node in nodes:
        if not node.spare:
            count += 1
            gpus += node.gpus
    return count, gpus


def _pool_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield a row for each pool."""
    # Clusters of one site repeat the reason for the pool's spares.
    reasons: dict[str, str] = {}
    for cluster in plan.clusters:
        reasons.update(cluster.why)
    nodes_of: dict[str, list[Node]] = {}
    for node in plan.nodes:
        nodes_of.setdefault(node.pool, []).append(node)
    for name, nodes in nodes_of.items():
        first = nodes[0]
        counted, gpus = _counted(nodes)
        racks, units, domains = set(), set(), set()
        for node in nodes:
            racks.add(node.rack)
            units.add(node.scalable_unit)
            if node.nvlink_domain:
                domains.add(node.nvlink_domain)
        yield {
            "pool": name,
            "site": first.site,
            "hall": first.hall,
            "zone": first.zone,
            "system": first.system,
            "nodes": counted,
            "spares": len(nodes) - counted,
            "gpus": gpus,
            "racks": len(racks),
            "scalable_units": len(units),
            "nvlink_domains": len(domains),
            "why": {"spares": reasons.get(f"spares of {name}", "")},
        }


def _rack_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield a row for each hall and kind of rack."""
    groups: dict[tuple[str, str, str], list[Rack]] = {}
    for rack in plan.racks:
        groups.setdefault((rack.site, rack.hall, rack.kind), []).append(rack)
    for (site, hall, kind), racks in groups.items():
        pdus = most_watts = 0
        for rack in racks:
            pdus += len(rack.pdus)
            most_watts = max(most_watts, rack.power)
        yield {
            "site": site,
            "hall": hall,
            "kind": kind,
            "racks": len(racks),
            "pdus": pdus,
            "most_watts": most_watts,
        }


def _power_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield a row for each site."""
    for site in plan.power:
        row: dict[str, Any] = {"site": site.site}
        row["it_load_watts"] = site.it_load
        row["it_budget_watts"] = site.it_budget
        row["feeds_watts"] = dict(site.feeds)
        row["after_loss_watts"] = {lost: dict(feeds) for lost, feeds in site.after_loss.items()}
        row["survives"] = dict(site.survives)
        row["unknown"] = list(site.unknown)
        if site.limits:
            row["limits_watts"] = dict(site.limits)
        row["why"] = dict(site.why)
        yield row


def _chain_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield a row for each kind of element of each site's power chain."""
    for site in plan.power:
        for element in site.chain:
            row: dict[str, Any] = {"element": f"{site.site} {element.element}"}
            for name in _CHAIN_FIELDS:
                row[name] = getattr(element, name)
            row["why"] = dict(element.why)
            yield row


def _cap_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield a row for each pool whose machines a cap limits."""
    systems = {node.pool: node.system for node in plan.nodes}
    machines = Counter(node.pool for node in plan.nodes)
    for site in plan.power:
        for pool, watts in site.limits.items():
            rated = system(systems[pool]).worst_power.count
            cap = site.caps.get(pool, "")
            yield {
                "pool": pool,
                "site": site.site,
                "machines": machines[pool],
                "limit_watts": watts,
                "rated_watts": rated,
                "cap": cap or "a rack draws at most its cap",
                "why": {"limit": site.limit_reason(pool)},
            }


def _campus_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield a row for each link between two fabrics and each of its routes."""
    for link in plan.campus:
        for use in link.routes:
            row: dict[str, Any] = {"link": f"{link.fabrics[0]} to {link.fabrics[1]}", "site": link.site}
            for name in ("route", "length_cm", "optic", "links", "fibres", "latency_ns", "watts"):
                row[name] = getattr(use, name)
            row["oversubscription"] = link.oversubscription
            row["after_loss"] = link.after_loss
            row["why"] = dict(link.why)
            yield row


def _fabric_row(fabric: FabricPlan) -> dict[str, Any]:
    """Return a plane's row."""
    row: dict[str, Any] = {}
    for name in _FABRIC_FIELDS:
        row[name] = getattr(fabric, name)
    if fabric.outside:
        row |= {"border": fabric.border, "outside": fabric.outside, "outside_link": fabric.outside_link}
        if fabric.outside_optic:
            row["outside_optic"] = fabric.outside_optic
    if fabric.partners:
        row["partners"] = fabric.partners
    row["cables"] = len(fabric.cables)
    row["why"] = dict(fabric.why)
    return row


def _address_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield a row for each range; the rails of a plane share a row."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for prefix in plan.prefixes:
        rows.setdefault((prefix.site, prefix.use, prefix.owner), []).append(prefix.cidr)
    for (site, use, owner), ranges in rows.items():
        yield {"site": site, "use": use, "owner": owner, "ranges": ranges}


def _storage_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield a row for each tier and site."""
    for tier in plan.storage:
        row: dict[str, Any] = {}
        for name in _STORAGE_FIELDS:
            row[name] = getattr(tier, name)
        row["servers"] = len(tier.servers)
        row["why"] = dict(tier.why)
        yield row


def _cluster_rows(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield a row for each cluster."""
    for cluster in plan.clusters:
        gpus = 0
        pools: dict[str, int] = {}
        for part in cluster.pools:
            gpus += part.gpus
            pools[part.pool] = part.nodes
        row: dict[str, Any] = {"cluster": cluster.name}
        row["site"] = cluster.site
        row["jurisdiction"] = cluster.jurisdiction
        row["nodes"] = cluster.nodes
        row["pods"] = cluster.pods
        row["gpus"] = gpus
        row["pools"] = pools
        row["namespaces"] = {space.name: dict(space.gpus) for space in cluster.namespaces}
        row["why"] = dict(cluster.why)
        yield row
