"""What a switch accepts from each neighbour: the addresses that the plan has behind it, and nothing else.

* From below, or from the other leaf of a pair, come the routes of that neighbour's AS: its switches'
  loopbacks, and the hosts on its leaves, each address by itself. An AS is a leaf, or the spines of a pod (RFC
  7938).
* From above come single addresses of the plane's ranges, without those that the switch's own AS alone
  announces. A host with ports on two leaves stays reachable through the other one.
* No range passes, so no default route does.

>>> collapse([10, 11, 12, 13, 16])
['0.0.0.10/31', '0.0.0.12/31', '0.0.0.16/32']
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import format_address
from sovereign_ai.plan.fabric import FabricPlan, Switch

HEADROOM_SHARE, HEADROOM_LEAST = 4, 16
"""A neighbour may announce a quarter more routes than planned, at least 16, before its session ends."""
_HEIGHT = {"leaf": 0, "border": 0, "spine": 1, "core": 2}
"""The height of a tier: leaves and border leaves are below spines."""


@frozen_dataclass
class Accepted:
    """What is accepted from a neighbour in one routing table.

    Attributes:
        name: the name of its prefix list and route map.
        refused: ranges of which no address is accepted, whatever `permitted` says.
        permitted: ranges of which each single address (/32) is accepted.
        most: routes at which the session ends.
    """

    name: str
    refused: tuple[str, ...]
    permitted: tuple[str, ...]
    most: int


class Announcements:
    """The addresses that the switches of one plane announce.

    Many switches accept the same, so each answer is computed once.
    """

    def __init__(
        self, plane: FabricPlan, hosts: Mapping[str, Mapping[str, Sequence[str]]], blocks: Sequence[str]
    ) -> None:
        """Take what is announced, which is looked at only when somebody asks.

        Args:
            plane: the plane.
            hosts: leaf to routing table to the addresses of hosts that it announces there. The default table
                is the empty text, others have their zone's name.
            blocks: the ranges that hosts' addresses are from.
        """
        self._plane = plane
        self._hosts = hosts
        self._blocks = blocks
        self._borders: frozenset[str] | None = None
        self._switches: dict[str, Switch] = {}
        self._lowers: dict[str, set[str]] = {}
        self._by_asn: defaultdict[int, list[str]] = defaultdict(list)
        self._own: dict[tuple[int, str, bool], list[int]] = {}
        self._leaves: dict[str, dict[int, set[str]]] = {}
        self._ranges: dict[tuple[str, bool], tuple[tuple[str, ...], int]] = {}
        self._accepted: dict[tuple[int, str, bool, bool], Accepted] = {}

    @property
    def borders(self) -> frozenset[str]:
        """The names of the border leaves."""
        if self._borders is None:
            found = [switch.name for switch in self._plane.switches if switch.tier == "border"]
            self._borders = frozenset(found)
        return self._borders

    def accepted(self, device: Switch, peer: str, table: str, *, vrf_loopbacks: bool) -> Accepted:
        """Return what a switch accepts from a neighbour.

        Args:
            device: the switch.
            peer: the name of the switch at the other end of the cable.
            table: the routing table: a zone's name, or an empty text for the default one.
            vrf_loopbacks: whether leaves announce their loopback in zones' tables too.
        """
        self._look()
        neighbour = self._switches[peer]
        is_above = _HEIGHT[neighbour.tier] > _HEIGHT[device.tier]
        asn = device.asn if is_above else neighbour.asn
        key = (asn, table, vrf_loopbacks, is_above)
        if key not in self._accepted:
            self._accepted[key] = self._from_above(*key[:3]) if is_above else self._from_below(*key[:3])
        return self._accepted[key]

    def _from_below(self, asn: int, table: str, vrf_loopbacks: bool) -> Accepted:
        """Return what is accepted of an AS below, or beside."""
        own = self._addresses(asn, table, vrf_loopbacks)
        headroom = max(HEADROOM_LEAST, len(own) // HEADROOM_SHARE)
        return Accepted(_name(f"AS{asn}", table), (), tuple(collapse(own)), len(own) + headroom)

    def _from_above(self, asn: int, table: str, vrf_loopbacks: bool) -> Accepted:
        """Return what an AS accepts from above."""
        own = self._only_of(asn, table, vrf_loopbacks)
        key = (table, vrf_loopbacks)
        if key not in self._ranges:
            self._ranges[key] = self._find_ranges(*key)
        ranges, room = self._ranges[key]
        # Servers that are added take addresses of these ranges; no session may end before its switch knows of
        # them.
        return Accepted(_name("ABOVE", table), tuple(collapse(own)), ranges, room)

    def _find_ranges(self, table: str, vrf_loopbacks: bool) -> tuple[tuple[str, ...], int]:
        """Return the ranges that a table's addresses are from, and how many addresses they have."""
        addresses = self._leaves_of(table)
        ranges = []
        room = 0
        for block in self._blocks:
            network = IPv4Network(block)
            first, last = int(network.network_address), int(network.broadcast_address)
            if any(first <= address <= last for address in addresses):
                ranges.append(str(network))
                room += network.num_addresses
        if not table or vrf_loopbacks:
            loopbacks = [_number(switch.loopback) for switch in self._plane.switches]
            ranges += collapse(loopbacks)
            room += len(loopbacks)
        return tuple(ranges), max(room, HEADROOM_LEAST)

    def _addresses(self, asn: int, table: str, vrf_loopbacks: bool) -> list[int]:
        """Return what an AS and everything below it announces in a table, in order."""
        key = (asn, table, vrf_loopbacks)
        if key not in self._own:
            addresses: set[int] = set()
            for name in self._downwards(asn):
                switch = self._switches[name]
                # In zones' tables only leaves have a loopback.
                if not table or (vrf_loopbacks and switch.tier == "leaf"):
                    addresses.add(_number(switch.loopback))
                addresses.update(map(_number, self._hosts.get(name, {}).get(table, ())))
            self._own[key] = sorted(addresses)
        return self._own[key]

    def _only_of(self, asn: int, table: str, vrf_loopbacks: bool) -> list[int]:
        """Return what no switch outside of an AS, and of what is below it, announces in a table."""
        inside = self._downwards(asn)
        leaves = self._leaves_of(table)
        own = self._addresses(asn, table, vrf_loopbacks)
        return [address for address in own if leaves.get(address, set()) <= inside]

    def _leaves_of(self, table: str) -> dict[int, set[str]]:
        """Return each host address of a table with the leaves that announce it."""
        if table not in self._leaves:
            leaves: defaultdict[int, set[str]] = defaultdict(set)
            for name, tables in self._hosts.items():
                for address in tables.get(table, ()):
                    leaves[_number(address)].add(name)
            self._leaves[table] = dict(leaves)
        return self._leaves[table]

    def _downwards(self, asn: int) -> set[str]:
        """Return the switches of an AS and all below them."""
        reached: set[str] = set()
        layer = set(self._by_asn[asn])
        while layer:
            reached |= layer
            lowers: set[str] = set()
            for name in layer:
                lowers |= self._lowers.get(name, set())
            layer = lowers - reached
        return reached

    def _look(self) -> None:
        """Note the switches and what is below each."""
        if self._switches:
            return
        for switch in self._plane.switches:
            self._switches[switch.name] = switch
            self._by_asn[switch.asn].append(switch.name)
        for lower, upper in self._plane.switch_links.pairs():
            # The two leaves of a pair are beside each other.
            if self._switches[lower].tier != self._switches[upper].tier:
                self._lowers.setdefault(upper, set()).add(lower)


def shared(sessions: Mapping[str, Accepted]) -> Accepted | None:
    """Return what is accepted from every neighbour alike; None where it differs from one to the next."""
    different = set(sessions.values())
    return different.pop() if len(different) == 1 else None


def _name(start: str, table: str) -> str:
    """Return the name of a list; lists have one name space for all routing tables."""
    return f"{start}-{table}" if table else start


def collapse(numbers: Iterable[int]) -> list[str]:
    """Return the fewest ranges that hold exactly these IPv4 addresses, in order."""
    ordered = sorted(set(numbers))
    ranges = []
    start = 0
    while start < len(ordered):
        end = start
        while end + 1 < len(ordered) and ordered[end + 1] == ordered[end] + 1:
            end += 1
        ranges += _blocks_of(ordered[start], end - start + 1)
        start = end + 1
    return ranges


def _blocks_of(first: int, count: int) -> list[str]:
    """Return the fewest ranges that hold consecutive addresses."""
    blocks = []
    while count:
        aligned = first & -first if first else 1 << 32
        size = min(aligned, 1 << (count.bit_length() - 1))
        blocks.append(f"{format_address(first)}/{33 - size.bit_length()}")
        first += size
        count -= size
    return blocks


def _number(address: str) -> int:
    """Return an IPv4 address as a number."""
    # `ipaddress` is many times slower, and a large plan has 100,000 addresses.
    first, second, third, fourth = map(int, address.split("."))
    return first << 24 | second << 16 | third << 8 | fourth
