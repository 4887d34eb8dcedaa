"""Names and resolvers outside the cluster: each once, and each resolver at an address outside the cluster."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where
from sovereign_ai.files import shown
from sovereign_ai.spec.checks.network import never_outside

if TYPE_CHECKING:
    from sovereign_ai.spec.dns import Dns
    from sovereign_ai.spec.factory import AIFactory

_IN_THE_CLUSTER = ("pods", "services")


def check_dns(factory: AIFactory) -> Iterator[Problem]:
    """Refuse names without a resolver, names and resolvers twice, and addresses that are none outside."""
    dns = factory.dns
    if dns is None:
        return
    if dns.names and not dns.resolvers:
        message = "names may be asked for, and no resolver is named that answers them"
        yield Problem("no-resolver", message, Where(field="dns.names"), "add it under dns.resolvers")
    yield from _check_names(dns)
    addresses: dict[str, int] = {}
    for index, resolver in enumerate(dns.resolvers):
        field = f"dns.resolvers[{index}].address"
        problems = list(_check_address(factory, resolver.address, field))
        yield from problems
        first = addresses.setdefault(resolver.address, index)
        if first != index and not problems:
            message = f"{resolver.address} is listed a second time"
            yield Problem("duplicate-resolver", message, Where(field=field), "write each resolver once")


def _check_names(dns: Dns) -> Iterator[Problem]:
    """Refuse a name that is listed twice, also as one below another."""
    # Parents of a name are looked up, so that a long list is not compared with itself.
    listed: dict[str, int] = {}
    for index, name in enumerate(dns.names):
        listed.setdefault(name, index)
    for index, name in enumerate(dns.names):
        labels = name.split(".")
        for start in range(len(labels)):
            above = ".".join(labels[start:])
            if listed.get(above, index) != index:
                message = f"{name} is listed a second time"
                if above != name:
                    message = f"{name} is permitted by {above} already"
                where = Where(field=f"dns.names[{index}]")
                yield Problem("duplicate-name", message, where, "a name stands for all names below it")
                break


def _check_address(factory: AIFactory, text: str, field: str) -> Iterator[Problem]:
    """Refuse what is no address in its usual form, or none that can be outside the cluster."""
    where = Where(field=field)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        message = f"{shown(text, field)} is not an address"
        yield Problem("bad-resolver", message, where, "write an address such as 10.64.0.53")
        return
    never = never_outside(ipaddress.ip_network(address))
    if never is not None:
        message = f"{address} lies in {never}, where no DNS server outside the cluster is"
        yield Problem("bad-resolver", message, where, "name the address at which other machines ask it")
    elif str(address) != text:
        message = f"{text} is another writing of {address}"
        yield Problem("bad-resolver", message, where, f"write {address}")
    else:
        yield from _check_outside(factory, address, where)


def _check_outside(
    factory: AIFactory, address: ipaddress.IPv4Address | ipaddress.IPv6Address, where: Where
) -> Iterator[Problem]:
    """Refuse an address among those of pods or services."""
    for name in _IN_THE_CLUSTER:
        try:
            own = ipaddress.ip_network(getattr(factory.network, name))
        except ValueError:
            continue  # the check of the network reports it
        if address in own:
            message = f"{address} lies in {own} of network.{name}, inside the cluster"
            yield Problem("bad-resolver", message, where, "name a resolver outside the cluster")
