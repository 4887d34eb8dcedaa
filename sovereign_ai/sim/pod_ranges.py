"""Pod address ranges of simulated nodes, out of the cluster's range.

A node's range cannot be changed (`spec.podCIDR` is immutable). Nodes that have one keep it; new nodes get the
lowest range that is free, twice as large as their pods need. A node is replaced where the cluster's range or
the number of pods changes.

    >>> first = assign([{"metadata": {"name": "n1"}, "spec": {}}], [], "10.0.0.0/16", 30)[0]
    >>> first["spec"]["podCIDR"], first["spec"]["podCIDRs"]
    ('10.0.0.0/26', ['10.0.0.0/26'])
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, ip_network
from typing import Any

from sovereign_ai.plan.factory import Plan

_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


def cluster_range(plan: Plan, cluster: str) -> str | None:
    """Return the range of a cluster's pods; None where the plan has none."""
    site = plan.cluster(cluster).site
    shared = None
    for prefix in plan.prefixes:
        if prefix.use != "pods":
            continue
        if prefix.owner == cluster:
            return prefix.cidr
        # A site's range serves its clusters that have none of their own.
        if prefix.site == site and shared is None:
            shared = prefix.cidr
    return shared


def has_control_plane(live: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether the cluster's control plane runs on nodes of its own, which need ranges too."""
    for node in live:
        labels = node["metadata"].get("labels") or {}
        if _CONTROL_PLANE in labels:
            return True
    return False


def assign(
    nodes: Iterable[dict[str, Any]], live: Iterable[Mapping[str, Any]], whole: str | None, pods: int
) -> list[dict[str, Any]]:
    """Return copies of new nodes, each with a range.

    Args:
        nodes: nodes to be made.
        live: nodes that exist.
        whole: the cluster's range; None leaves the nodes as they are.
        pods: pods a node may hold.
    """
    if whole is None:
        return list(nodes)
    used = []
    for node in live:
        own = node["spec"].get("podCIDR")
        if own:
            used.append(str(own))
    free = _free(IPv4Network(whole), used, pods)
    assigned = []
    for node in nodes:
        spec = dict(node["spec"])
        # Where all ranges are used up, a node is made without one.
        network = next(free, None)
        if network is not None:
            spec["podCIDR"] = str(network)
            spec["podCIDRs"] = [str(network)]
        assigned.append({**node, "spec": spec})
    return assigned


def is_within(node: Mapping[str, Any], whole: str | None, pods: int) -> bool:
    """Return whether a node's range is one that a new node could get.

    Also true where the node has no range, or the cluster has none.

    Args:
        node: a node that exists.
        whole: the cluster's range; None where the plan has none.
        pods: pods a node may hold.
    """
    own = node["spec"].get("podCIDR")
    if whole is None or not own:
        return True
    network = ip_network(own)
    if not isinstance(network, IPv4Network) or network.prefixlen != _length(pods):
        return False
    return network.subnet_of(IPv4Network(whole))


def _length(pods: int) -> int:
    """Return the prefix length of a range with twice as many addresses as pods."""
    # (n - 1).bit_length() bits count n addresses.
    return 32 - (2 * pods - 1).bit_length()


def _free(whole: IPv4Network, used: list[str], pods: int) -> Iterator[IPv4Network]:
    """Yield free ranges from the lowest on, each twice as large as the pods need."""
    length = _length(pods)
    if length < whole.prefixlen:
        return
    # Ranges of the usual length are looked up in a set; only others, of earlier plans, are compared one by
    # one.
    exact: set[IPv4Network] = set()
    others: list[IPv4Network] = []
    for text in used:
        network = ip_network(text)
        if not isinstance(network, IPv4Network):
            continue
        if network.prefixlen == length:
            exact.add(network)
        else:
            others.append(network)
    for candidate in whole.subnets(new_prefix=length):
        if candidate not in exact and not any(candidate.overlaps(other) for other in others):
            yield candidate
