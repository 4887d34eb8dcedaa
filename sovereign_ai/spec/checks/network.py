"""Addresses: our own ranges are private and apart; a way out is a range elsewhere, never everywhere."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where
from sovereign_ai.spec.secrets import shown

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory

Range = ipaddress.IPv4Network | ipaddress.IPv6Network

_PRIVATE = tuple(ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"))
"""RFC 1918, and RFC 6598's shared range."""
_OWN = ("nodes", "management", "pods", "services")
_LARGEST_SERVICES = 12
"""kube-apiserver takes service ranges of at most 20 host bits."""
_LONGEST = 64


def check_network(factory: AIFactory) -> Iterator[Problem]:
    """Give malformed, public and overlapping ranges, and ways out that are none."""
    own: dict[str, ipaddress.IPv4Network] = {}
    for name in _OWN:
        text, field = getattr(factory.network, name), f"network.{name}"
        found = _parse(text, field)
        if isinstance(found, Problem):
            yield found
        elif not isinstance(found, ipaddress.IPv4Network) or not any(found.subnet_of(private) for private in _PRIVATE):
            hint = "choose a range inside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10"
            yield Problem("public-range", f"{found} is not a private range", Where(field=field), hint)
        else:
            own[name] = found
    yield from _apart(own)
    if "services" in own and own["services"].prefixlen < _LARGEST_SERVICES:
        yield Problem(
            "out-of-range", f"{own['services']} is too large for services", Where(field="network.services"), "choose a /12 or smaller"
        )
    yield from _gateways(factory, own)


def check_clusters(factory: AIFactory) -> Iterator[Problem]:
    """Refuse clusters beyond the number of pods that Kubernetes publishes as its limit."""
    limits = factory.clusters
    if limits.nodes * limits.pods_per_node > 150_000:
        total = f"{limits.nodes:,} machines with {limits.pods_per_node} pods each are {limits.nodes * limits.pods_per_node:,} pods"
        hint = f"write pods_per_node {150_000 // limits.nodes} or less, or nodes {150_000 // limits.pods_per_node:,} or less"
        yield Problem("out-of-range", f"{total}; Kubernetes publishes 150,000 as its limit", Where(field="clusters"), hint)


def _parse(text: str, field: str) -> Range | Problem:
    """Read a range in CIDR form."""
    hint = "write an address range such as 10.64.0.0/10"
    if len(text) > _LONGEST or "/" not in text:
        return Problem("bad-range", f"{shown(text, field)} is not an address range with its prefix length", Where(field=field), hint)
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        pass
    try:
        hint = f"write {ipaddress.ip_network(text, strict=False)}"
        return Problem("bad-range", f"{shown(text, field)} has bits beyond its prefix", Where(field=field), hint)
    except ValueError:
        return Problem("bad-range", f"{shown(text, field)} is not an address range", Where(field=field), hint)


def _apart(own: dict[str, ipaddress.IPv4Network]) -> Iterator[Problem]:
    """Refuse two of our own ranges that meet."""
    for one, other in combinations(own, 2):
        if own[one].overlaps(own[other]):
            message = f"{own[other]} overlaps {own[one]} of network.{one}"
            yield Problem("overlapping-ranges", message, Where(field=f"network.{other}"), "choose ranges that do not meet")


def _gateways(factory: AIFactory, own: dict[str, ipaddress.IPv4Network]) -> Iterator[Problem]:
    """Refuse ways out that lead everywhere, nowhere, or back to us."""
    for index, gateway in enumerate(factory.gateways):
        good: list[Range] = []
        for at, text in enumerate(gateway.addresses):
            field = f"gateways[{index}].addresses[{at}]"
            found = _parse(text, field)
            if isinstance(found, Problem):
                yield found
                continue
            good.append(found)
            yield from _elsewhere(found, field, own)
        if len(good) > 1 and any(network.prefixlen == 0 for network in _joined(good)) and all(network.prefixlen for network in good):
            where = Where(field=f"gateways[{index}].addresses")
            yield Problem("open-gateway", "the ranges together are the whole internet", where, "name the ranges of the other end")


def _elsewhere(found: Range, field: str, own: dict[str, ipaddress.IPv4Network]) -> Iterator[Problem]:
    """Refuse a range that is no other end."""
    where = Where(field=field)
    if found.prefixlen == 0:
        yield Problem("open-gateway", f"{found} is the whole internet", where, "name the ranges of the other end")
    elif found.is_loopback or found.is_link_local or found.is_multicast or found.is_unspecified:
        yield Problem("bad-range", f"{found} is never another end", where, "name the ranges of the other end")
    elif isinstance(found, ipaddress.IPv4Network):
        for name, ours in own.items():
            if found.overlaps(ours):
                yield Problem(
                    "overlapping-ranges", f"{found} overlaps {ours} of network.{name}", where, "a gateway leads out of the factory"
                )


def _joined(ranges: list[Range]) -> list[Range]:
    """Join ranges that touch, each family by itself."""
    four = [network for network in ranges if isinstance(network, ipaddress.IPv4Network)]
    six = [network for network in ranges if isinstance(network, ipaddress.IPv6Network)]
    return [*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six)]
