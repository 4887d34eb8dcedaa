"""Addresses: own ranges are private and disjoint; a gateway's range is elsewhere, never everywhere."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where
from sovereign_ai.files import shown
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory

Range = ipaddress.IPv4Network | ipaddress.IPv6Network

# RFC 1918, and the shared range of RFC 6598.
_PRIVATE = tuple(
    ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)
_OWN = ("nodes", "management", "pods", "services")
# kube-apiserver accepts service ranges of at most 20 host bits. It keeps at least 16 addresses for services
# that request a fixed one, such as DNS (Kubernetes documentation, Service ClusterIP allocation, read
# 2026-11-26); a /27 leaves about as many for the others.
_LARGEST_SERVICES, _SMALLEST_SERVICES = 12, 27
# Ranges that are never the other end of a gateway: this network, loopback, link-local, multicast, benchmarks,
# reserved, and IPv4 inside IPv6 in any form (IANA special-purpose address registries, read 2026-11-26). The
# documentation ranges are allowed, since examples use them.
_NEVER_IPV4 = (
    "0.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "192.88.99.0/24",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
_NEVER_IPV6 = (
    "::/96",
    "::ffff:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2002::/16",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
)
_NEVER = tuple(ipaddress.ip_network(text) for text in (*_NEVER_IPV4, *_NEVER_IPV6))
# Characters of the longest text that is parsed as a range.
_LONGEST = 64
# Bits of the prefix ::ffff:0:0/96, below which the IPv4-mapped IPv6 addresses lie (RFC 4291).
_MAPPED_BITS = 96
# Pods of a cluster, as Kubernetes publishes.
_MOST_PODS = 150_000


def check_network(factory: AIFactory) -> Iterator[Problem]:
    """Refuse malformed, public and overlapping ranges, and gateways that lead nowhere or everywhere."""
    own: dict[str, ipaddress.IPv4Network] = {}
    for name in _OWN:
        field = f"network.{name}"
        network = _parse_range(getattr(factory.network, name), field)
        if isinstance(network, Problem):
            yield network
        elif isinstance(network, ipaddress.IPv4Network) and _is_private(network):
            own[name] = network
        else:
            hint = "choose a range inside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 100.64.0.0/10"
            yield Problem("public-range", f"{network} is not a private range", Where(field=field), hint)
    yield from _check_apart(own)
    if "services" in own:
        yield from _check_services(own["services"])
    yield from _check_gateways(factory, own)


def _is_private(network: ipaddress.IPv4Network) -> bool:
    return any(network.subnet_of(private) for private in _PRIVATE)


def _check_services(network: ipaddress.IPv4Network) -> Iterator[Problem]:
    """Refuse a service range that the API server does not accept, or that is too small for its services."""
    where = Where(field="network.services")
    if network.prefixlen < _LARGEST_SERVICES:
        message = f"{network} is too large for services"
        yield Problem("out-of-range", message, where, f"choose a /{_LARGEST_SERVICES} or smaller")
    if network.prefixlen > _SMALLEST_SERVICES:
        addresses_text = counted(network.num_addresses, "address", "addresses")
        message = f"{network} has {addresses_text}, too few for the services of a cluster"
        yield Problem("out-of-range", message, where, f"choose a /{_SMALLEST_SERVICES} or larger")


def check_clusters(factory: AIFactory) -> Iterator[Problem]:
    """Refuse clusters beyond the number of pods that Kubernetes publishes as its limit."""
    nodes, pods_per_node = factory.clusters.nodes, factory.clusters.pods_per_node
    pods = nodes * pods_per_node
    if pods > _MOST_PODS:
        pods_text = counted(pods_per_node, "pod")
        message = (
            f"{counted(nodes, 'machine')} with {pods_text} each are {counted(pods, 'pod')}; "
            f"Kubernetes publishes {_MOST_PODS:,} as its limit"
        )
        hint = (
            f"write pods_per_node {_MOST_PODS // nodes} or less, "
            f"or nodes {_MOST_PODS // pods_per_node:,} or less"
        )
        yield Problem("out-of-range", message, Where(field="clusters"), hint)


def _parse_range(text: str, field: str) -> Range | Problem:
    """Parse a range in CIDR form."""
    where = Where(field=field)
    hint = "write an address range such as 10.64.0.0/10"
    if len(text) > _LONGEST or "/" not in text:
        message = f"{shown(text, field)} is not an address range with its prefix length"
        return Problem("bad-range", message, where, hint)
    try:
        return _check_form(ipaddress.ip_network(text), text, field)
    except ValueError:
        pass
    # Parsed a second time without the check of host bits, to report the most frequent mistake with its
    # correction.
    try:
        hint = f"write {ipaddress.ip_network(text, strict=False)}"
        return Problem("bad-range", f"{shown(text, field)} has bits beyond its prefix", where, hint)
    except ValueError:
        return Problem("bad-range", f"{shown(text, field)} is not an address range", where, hint)


def _check_form(network: Range, text: str, field: str) -> Range | Problem:
    """Refuse a form that the API server does not accept: masks, zones and IPv4 inside IPv6."""
    where = Where(field=field)
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is not None and network.prefixlen >= _MAPPED_BITS:
        hint = f"write {mapped}/{network.prefixlen - _MAPPED_BITS}"
        return Problem("bad-range", f"{shown(text, field)} is an IPv4 range written as IPv6", where, hint)
    address, _, length = text.partition("/")
    if length != str(network.prefixlen) or "%" in address:
        without_zone = str(network.network_address).partition("%")[0]
        message = f"{shown(text, field)} is not an address and a prefix length alone"
        return Problem("bad-range", message, where, f"write {without_zone}/{network.prefixlen}")
    return network


def _check_apart(own: dict[str, ipaddress.IPv4Network]) -> Iterator[Problem]:
    """Refuse two ranges of the factory that overlap."""
    for first, second in combinations(own, 2):
        if own[first].overlaps(own[second]):
            message = f"{own[second]} overlaps {own[first]} of network.{first}"
            where = Where(field=f"network.{second}")
            yield Problem("overlapping-ranges", message, where, "choose ranges that do not meet")


def _check_gateways(factory: AIFactory, own: dict[str, ipaddress.IPv4Network]) -> Iterator[Problem]:
    """Refuse gateways that lead everywhere, nowhere, or back into the factory."""
    for index, gateway in enumerate(factory.gateways):
        field = f"gateways[{index}].addresses"
        ranges: list[Range] = []
        for at, text in enumerate(gateway.addresses):
            network = _parse_range(text, f"{field}[{at}]")
            if isinstance(network, Problem):
                yield network
                continue
            yield from _check_overlap(network, ranges, f"{field}[{at}]")
            ranges.append(network)
            yield from _check_elsewhere(network, f"{field}[{at}]", own)
        yield from _check_together(ranges, field)


def _check_overlap(network: Range, ranges: list[Range], field: str) -> Iterator[Problem]:
    """Refuse a range that overlaps an earlier one of the same gateway."""
    other = _first_overlap(network, ranges)
    if other is not None:
        message = f"{network} overlaps {other} of the same gateway"
        if network == other:
            message = f"{network} is listed a second time"
        hint = "write each address once, in the larger of the two ranges"
        yield Problem("overlapping-ranges", message, Where(field=field), hint)


def never_outside(network: Range) -> Range | None:
    """Return the range that is never another end and that a network overlaps; None if there is none."""
    return _first_overlap(network, _NEVER)


def _first_overlap(network: Range, ranges: Iterable[Range]) -> Range | None:
    """Return the first of some ranges that overlaps another; ranges of the two IP versions never do."""
    for other in ranges:
        if other.version == network.version and other.overlaps(network):
            return other
    return None


def _check_together(ranges: list[Range], field: str) -> Iterator[Problem]:
    """Refuse ranges that together are the whole internet; one that is so alone is reported by itself."""
    if len(ranges) < 2 or _is_everything(ranges):
        return
    if _is_everything(_join_ranges(ranges)):
        message = "the ranges together are the whole internet"
        yield Problem("open-gateway", message, Where(field=field), "name the ranges of the other end")


def _is_everything(ranges: list[Range]) -> bool:
    """Return whether one of some ranges has all addresses of an IP version."""
    return any(network.prefixlen == 0 for network in ranges)


def _check_elsewhere(network: Range, field: str, own: dict[str, ipaddress.IPv4Network]) -> Iterator[Problem]:
    """Refuse a range that cannot be the other end of a gateway."""
    where = Where(field=field)
    hint = "name the ranges of the other end"
    never = _first_overlap(network, _NEVER)
    if network.prefixlen == 0:
        yield Problem("open-gateway", f"{network} is the whole internet", where, hint)
    elif network == never:
        yield Problem("bad-range", f"{network} is never another end", where, hint)
    elif never is not None:
        relation = "lies in" if never.prefixlen < network.prefixlen else "contains"
        message = f"{network} {relation} {never}, which is never another end"
        yield Problem("bad-range", message, where, hint)
    elif isinstance(network, ipaddress.IPv4Network):
        for name, own_range in own.items():
            if network.overlaps(own_range):
                message = f"{network} overlaps {own_range} of network.{name}"
                yield Problem("overlapping-ranges", message, where, "a gateway leads out of the factory")


def _join_ranges(ranges: list[Range]) -> list[Range]:
    """Join ranges that touch, each IP version by itself."""
    four: list[ipaddress.IPv4Network] = []
    six: list[ipaddress.IPv6Network] = []
    for network in ranges:
        if isinstance(network, ipaddress.IPv4Network):
            four.append(network)
        else:
            six.append(network)
    return [*ipaddress.collapse_addresses(four), *ipaddress.collapse_addresses(six)]
