"""A plan on one page: what `sovereign-ai plan` prints, as plain data, with the reasons.

A summary holds counts and no lists of machines or cables, so that the largest factory has a
summary of a few hundred lines; each row names the whole it belongs to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from sovereign_ai.plan.fabric import FabricPlan
from sovereign_ai.plan.factory import Plan


def summary(plan: Plan) -> dict[str, Any]:
    """Give the plan's numbers as plain data that is ready for JSON, in a fixed order.

    The keys are `factory`, `digest`, `spec_digest`, `totals`, `pools`, `racks`, `power`, `fabrics`, `addresses`, `storage`,
    `clusters` and `warnings`; rows that follow from a formula carry `why`, field to words.
    """
    return {
        "factory": plan.factory,
        "digest": plan.digest,
        "spec_digest": plan.spec_digest,
        "totals": _totals(plan),
        "pools": list(_pools(plan)),
        "racks": list(_racks(plan)),
        "power": list(_power(plan)),
        "fabrics": [_fabric(fabric) for fabric in plan.fabrics],
        "addresses": list(_addresses(plan)),
        "storage": list(_storage(plan)),
        "clusters": list(_clusters(plan)),
        "warnings": list(plan.warnings),
    }


def _totals(plan: Plan) -> dict[str, int]:
    """Count everything once."""
    return {
        "sites": len(plan.power),
        "nodes": sum(not node.spare for node in plan.nodes),
        "spares": sum(node.spare for node in plan.nodes),
        "gpus": sum(node.gpus for node in plan.nodes if not node.spare),
        "racks": len(plan.racks),
        "it_load_watts": sum(site.it_load for site in plan.power),
        "switches": sum(len(fabric.switches) for fabric in plan.fabrics),
        "cables": sum(len(fabric.cables) for fabric in plan.fabrics),
        "storage_servers": sum(len(tier.servers) for tier in plan.storage),
        "clusters": len(plan.clusters),
    }


def _pools(plan: Plan) -> Iterator[dict[str, Any]]:
    """Give a row a pool."""
    reasons = {key: text for cluster in plan.clusters for key, text in cluster.why.items()}
    for name in dict.fromkeys(node.pool for node in plan.nodes):
        nodes = [node for node in plan.nodes if node.pool == name]
        first = nodes[0]
        yield {
            "pool": name,
            "site": first.site,
            "hall": first.hall,
            "zone": first.zone,
            "system": first.system,
            "nodes": sum(not node.spare for node in nodes),
            "spares": sum(node.spare for node in nodes),
            "gpus": sum(node.gpus for node in nodes if not node.spare),
            "racks": len({node.rack for node in nodes}),
            "scalable_units": len({node.scalable_unit for node in nodes}),
            "nvlink_domains": len({node.nvlink_domain for node in nodes} - {""}),
            "why": {"spares": reasons.get(f"spares of {name}", "")},
        }


def _racks(plan: Plan) -> Iterator[dict[str, Any]]:
    """Give a row a hall and kind."""
    counts = Counter((rack.site, rack.hall, rack.kind) for rack in plan.racks)
    for (site, hall, kind), count in counts.items():
        racks = [rack for rack in plan.racks if (rack.site, rack.hall, rack.kind) == (site, hall, kind)]
        yield {
            "site": site,
            "hall": hall,
            "kind": kind,
            "racks": count,
            "pdus": sum(len(rack.pdus) for rack in racks),
            "most_watts": max(rack.power for rack in racks),
            "unknown_power": sum(len(rack.unknown_power) for rack in racks),
        }


def _power(plan: Plan) -> Iterator[dict[str, Any]]:
    """Give a row a site."""
    for site in plan.power:
        yield {
            "site": site.site,
            "it_load_watts": site.it_load,
            "it_budget_watts": site.it_budget,
            "feeds_watts": dict(site.feeds),
            "after_loss_watts": {lost: dict(feeds) for lost, feeds in site.after_loss.items()},
            "survives": dict(site.survives),
            "unknown": list(site.unknown),
            "why": dict(site.why),
        }


def _fabric(fabric: FabricPlan) -> dict[str, Any]:
    """Give a plane's row."""
    fields = ("name", "site", "role", "kind", "rails", "radix", "tiers", "endpoints", "leaf", "spine", "core")
    cables = ("node_leaf", "leaf_spine", "spine_core", "oversubscription", "bisection")
    row: dict[str, Any] = {name: getattr(fabric, name) for name in (*fields, *cables)}
    return row | {"cables": len(fabric.cables), "why": dict(fabric.why)}


def _addresses(plan: Plan) -> Iterator[dict[str, Any]]:
    """Give a row a range; the rails of a plane are one."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for prefix in plan.prefixes:
        rows.setdefault((prefix.site, prefix.use, prefix.owner), []).append(prefix.cidr)
    for (site, use, owner), ranges in rows.items():
        yield {"site": site, "use": use, "owner": owner, "ranges": ranges}


def _storage(plan: Plan) -> Iterator[dict[str, Any]]:
    """Give a row a tier and site."""
    for tier in plan.storage:
        fields: Mapping[str, Any] = {
            name: getattr(tier, name) for name in ("tier", "site", "zone", "protocol", "capacity", "raw", "read", "write", "drives")
        }
        yield {**fields, "servers": len(tier.servers), "why": dict(tier.why)}


def _clusters(plan: Plan) -> Iterator[dict[str, Any]]:
    """Give a row a cluster."""
    for cluster in plan.clusters:
        yield {
            "cluster": cluster.name,
            "site": cluster.site,
            "jurisdiction": cluster.jurisdiction,
            "nodes": cluster.nodes,
            "pods": cluster.pods,
            "gpus": sum(part.gpus for part in cluster.pools),
            "pools": {part.pool: part.nodes for part in cluster.pools},
            "namespaces": {space.name: dict(space.gpus) for space in cluster.namespaces},
            "why": dict(cluster.why),
        }
