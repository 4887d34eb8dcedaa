"""Each machine's own range of pod addresses, out of the cluster's.

A range is given once and never changes (`spec.podCIDR` cannot be changed): machines that have one
keep it, new ones take the lowest that is free, twice as large as their pods need.

    >>> first = assign([{"metadata": {"name": "n1"}, "spec": {}}], [], "10.0.0.0/16", 30)[0]
    >>> first["spec"]["podCIDR"], first["spec"]["podCIDRs"]
    ('10.0.0.0/26', ['10.0.0.0/26'])
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, ip_network
from typing import Any

from sovereign_ai.plan.factory import Plan


def cluster_range(plan: Plan, cluster: str) -> str | None:
    """Give the range of a cluster's pods; None where the plan gives none."""
    site = plan.cluster(cluster).site
    mine = [prefix.cidr for prefix in plan.prefixes if prefix.use == "pods" and prefix.owner == cluster]
    shared = [prefix.cidr for prefix in plan.prefixes if prefix.use == "pods" and prefix.site == site]
    return next(iter(mine or shared), None)


def assign(nodes: Iterable[dict[str, Any]], live: Iterable[Mapping[str, Any]], whole: str | None, pods: int) -> list[dict[str, Any]]:
    """Give copies of new nodes with a range each.

    Args:
        nodes: nodes to be made.
        live: nodes that are there.
        whole: the cluster's range; None leaves the nodes as they are.
        pods: pods a machine may hold.
    """
    if whole is None:
        return list(nodes)
    free = _free(IPv4Network(whole), [str(node["spec"]["podCIDR"]) for node in live if node["spec"].get("podCIDR")], pods)
    given = []
    for node in nodes:
        mine = next(free, None)
        ranges = {} if mine is None else {"podCIDR": str(mine), "podCIDRs": [str(mine)]}
        given.append({**node, "spec": {**node["spec"], **ranges}})
    return given


def _free(whole: IPv4Network, taken: list[str], pods: int) -> Iterator[IPv4Network]:
    """Give free ranges from the lowest on, each twice as large as the pods need."""
    length = 32 - (2 * pods - 1).bit_length()
    if length < whole.prefixlen:
        return
    used = [network for network in map(ip_network, taken) if isinstance(network, IPv4Network)]
    exact = {network for network in used if network.prefixlen == length}
    others = [network for network in used if network.prefixlen != length]
    for mine in whole.subnets(new_prefix=length):
        if mine not in exact and not any(mine.overlaps(network) for network in others):
            yield mine
