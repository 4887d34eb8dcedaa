"""Public DNS resolvers, which anybody may ask and which are known by their addresses.

Whoever writes such an address asks its operator, whatever name or seat is written beside it.

>>> public_resolver("8.8.8.8").seat, public_resolver("2001:4860:4860:0:0:0:0:8888").title
('US', 'Google Public DNS')
>>> public_resolver("192.0.2.53") is None
True
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType

from sovereign_ai.catalog.figures import Row, Sourced, rows
from sovereign_ai.frozen_dataclass import frozen_dataclass

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@frozen_dataclass(kw_only=True)
class PublicResolver(Sourced):
    """One service.

    Attributes:
        title: the name as people write it.
        operator: the firm or body that runs it.
        seat: the country of that firm's head office.
        addresses: its addresses, in their canonical form.
        names: hosts of its encrypted forms; each stands for all names below it.
    """

    title: str
    operator: str
    seat: str
    addresses: tuple[str, ...]
    names: tuple[str, ...]


def _of_row(row: Row) -> PublicResolver:
    """Build one service from its row.

    Raises:
        DefectiveDataError: a figure is missing.
        ValueError: an address is none.
    """
    addresses: list[str] = []
    for text in _listed(row, "addresses"):
        addresses.append(str(ipaddress.ip_address(text)))
    return PublicResolver(
        name=row.name(),
        figures=row.figures,
        title=row.name("title"),
        operator=row.needed_text("operator"),
        seat=row.needed_text("seat"),
        addresses=tuple(addresses),
        names=tuple(_listed(row, "names")),
    )


def _listed(row: Row, field: str) -> Iterator[str]:
    """Yield each figure of a list such as `addresses.1`, in the order of the file."""
    for key in row.by_field:
        if key.partition(".")[0] == field:
            yield row.needed_text(key)


@cache
def public_resolvers() -> tuple[PublicResolver, ...]:
    """Return every service, sorted by name."""
    return tuple(_of_row(row) for row in rows("public_resolvers.json"))


@cache
def _by_address() -> Mapping[_Address, PublicResolver]:
    """Return the service behind each address."""
    services: dict[_Address, PublicResolver] = {}
    for service in public_resolvers():
        for address in service.addresses:
            services[ipaddress.ip_address(address)] = service
    return MappingProxyType(services)


def public_resolver(address: str) -> PublicResolver | None:
    """Return the service that answers at an address; None if it is no public resolver's, or no address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return _by_address().get(mapped or parsed)


def public_resolver_named(host: str) -> PublicResolver | None:
    """Return the service whose encrypted form a host is, or is below; None if it is no known one's."""
    name = host.lower().rstrip(".")
    for service in public_resolvers():
        for known in service.names:
            if name == known or name.endswith(f".{known}"):
                return service
    return None


def public_resolvers_in(address_range: str) -> tuple[tuple[str, PublicResolver], ...]:
    """Return each known address in a range with its service.

    Raises:
        ValueError: the text is no range.
    """
    network = ipaddress.ip_network(address_range)
    inside = [(str(address), service) for address, service in _by_address().items() if address in network]
    return tuple(inside)
