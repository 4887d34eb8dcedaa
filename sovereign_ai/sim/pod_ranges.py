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

from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.plan import Plan
from sovereign_ai.text import counted

_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_MOST_NAMED = 5


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
        live: nodes that exist and keep their ranges.
        whole: the cluster's range; None leaves the nodes as they are.
        pods: pods a node may hold.

    Raises:
        UsageError: there are fewer free ranges than nodes.
    """
    if whole is None:
        return list(nodes)
    used: dict[str, str] = {}
    for node in live:
        own = node["spec"].get("podCIDR")
        if own:
            used[str(node["metadata"]["name"])] = str(own)
    block = IPv4Network(whole)
    free = _free(block, list(used.values()), pods)
    assigned: list[dict[str, Any]] = []
    without: list[str] = []
    for node in nodes:
        network = next(free, None)
        if network is None:
            without.append(str(node["metadata"]["name"]))
            continue
        spec = {**node["spec"], "podCIDR": str(network), "podCIDRs": [str(network)]}
        assigned.append({**node, "spec": spec})
    if without:
        raise UsageError(_exhausted(block, without, used, pods))
    return assigned


def _exhausted(block: IPv4Network, without: list[str], used: Mapping[str, str], pods: int) -> Problem:
    """Return the problem of nodes for which a cluster's range has no part left."""
    pods_text = counted(pods, "pod")
    message = (
        f"the cluster's pod range {block} has no part of /{_length(pods)} ({pods_text} a node) left "
        f"for machines that are to be made: {_some(without)}"
    )
    hint = (
        "give pods a range of their own in the description: a larger `network.pods`, "
        "or fewer `clusters.pods_per_node`"
    )
    holders = [name for name, text in used.items() if ip_network(text).overlaps(block)]
    if holders:
        hint = f"nodes that use it: {_some(holders)}; remove those that nobody needs, or {hint}"
    return Problem("pod-ranges-exhausted", message, hint=hint)


def _some(names: list[str]) -> str:
    """Return the first of some names, and how many more there are."""
    shown = ", ".join(sorted(names)[:_MOST_NAMED])
    rest = len(names) - _MOST_NAMED
    return f"{shown} and {rest} more" if rest > 0 else shown


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
