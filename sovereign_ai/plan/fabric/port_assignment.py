"""Assign the servers that a fabric connects to ports of its leaves.

The unit is the place, a number from 0 that is valid for every rail: place p is port `p % down` of leaf
`p // down`. So all rails of one server end at leaves of the same number, and traffic within a rail takes
one hop between all servers under the same leaves.

* A pool takes places for whole scalable units where the fabric is padded so. Empty ones stay free for growth,
  and no server moves when they fill.
* On compute fabrics a unit that fits a leaf never straddles two. A larger one starts on a fresh leaf.
* On the first out-of-band fabric of a site the management ports of the switches of its other fabrics and of
  its rack PDUs follow the storage servers. Fabric managers take free places of the last unit, one for each
  rail.
* Machines of an out-of-band fabric may have several controllers, each on a rail. Storage servers, switches
  and PDUs have one, so they share places, one a rail.
* Where the ports of hosts have several rates a place is that of the slowest one, and a faster port takes
  several. A block starts at a whole port of the switch, so that no port is split for two rates.

    >>> block = Block("train", hosts=31, places=32, unit=32)
    >>> first_free_place([block, Block("serve", hosts=4, places=4, unit=4)], down=32)
    36
    >>> assign_places([Block("a", 20, 20, 20), Block("b", 20, 20, 20)], down=32)[1][:3]
    [32, 33, 34]
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sovereign_ai.catalog.switch import switch
from sovereign_ai.catalog.system import system
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.spec import AIFactory, Fabric, GpuNodePool
from sovereign_ai.units import BitsPerSecond

SERVERS = "storage servers"
MANAGERS = "fabric managers"
MANAGED = "management ports"


@frozen_dataclass
class Block:
    """Hosts that are placed together.

    Attributes:
        name: the pool's name, `storage servers`, `management ports` or `fabric managers`.
        hosts: hosts in it.
        places: places kept for them, padding included; the same on every rail.
        unit: number of places that are kept together on one leaf.
        width: places of the slowest rate that one of its own takes; 1 where all hosts have one rate.
        align: its first place, at the slowest rate, is a multiple of this: a port is split for one rate.
        most: the most hosts on one leaf, of all blocks together, where rates differ; 0 where the places of a
            leaf say so.
        ports: its devices, where each has one port and they share places, one a rail; 0 where each host has a
            port on every rail.
    """

    name: str
    hosts: int
    places: int
    unit: int
    width: int = 1
    align: int = 1
    most: int = 0
    ports: int = 0


def declared_unit(pool: GpuNodePool) -> int | None:
    """Return the pool's own scalable unit, else its system's; None where neither has one."""
    return pool.scalable_unit or system(pool.system).scalable_unit


def fabrics_by_name(factory: AIFactory) -> dict[str, Fabric]:
    """Return the fabrics by name, in the order of the description."""
    return {fabric.name: fabric for fabric in factory.fabrics}


def pools_of(factory: AIFactory, fabric: Fabric, site: str) -> list[GpuNodePool]:
    """Return the pools of a site that a fabric connects, in the order of the description."""
    return [pool for pool in factory.pools_at(site) if pool.is_on(fabric)]


def joins_servers(factory: AIFactory, fabric: Fabric, site: str) -> bool:
    """Return whether a fabric connects the storage servers of a site: compute fabrics never do."""
    if fabric.role == "compute" or (fabric.sites and site not in fabric.sites):
        return False
    return not fabric.pools or bool(pools_of(factory, fabric, site))


def manages(factory: AIFactory, fabric: Fabric, site: str) -> bool:
    """Return whether a fabric connects the management ports of a site's switches and rack PDUs.

    The first out-of-band fabric of the site does.
    """
    for other in factory.fabrics:
        if other.role == "out-of-band" and joins_servers(factory, other, site):
            return fabric is other
    return False


def blocks_of(
    factory: AIFactory, fabric: Fabric, site: str, spares: Mapping[str, int], servers: int, managed: int = 0
) -> list[Block]:
    """Return what joins one fabric at one site: pools, storage servers, management ports, then managers.

    Args:
        factory: the description.
        fabric: one of its fabrics.
        site: one of its sites.
        spares: pool name to spare servers; they are cabled like all others.
        servers: storage servers at the site; compute fabrics connect none.
        managed: management ports of switches and rack PDUs at the site.
    """
    pools = pools_of(factory, fabric, site)
    managers = ceil_div(fabric.managers, fabric.of_a_plane().rails) if pools else 0
    blocks: list[Block] = []
    for pool in pools:
        # Managers use free places behind the last pool, so its units have room for them.
        extra = managers if pool is pools[-1] else 0
        blocks.append(_pool_block(pool, pool.nodes + spares.get(pool.name, 0), extra, fabric))
    if servers and joins_servers(factory, fabric, site):
        blocks.append(_device_block(SERVERS, servers, fabric, fabric.link_of(None)))
    if managed and manages(factory, fabric, site):
        blocks.append(_device_block(MANAGED, managed, fabric, fabric.link))
    if managers:
        last = blocks[len(pools) - 1]
        if last.places - last.hosts < managers:
            blocks.append(_at_its_rate(Block(MANAGERS, 0, managers, 1), fabric, fabric.link))
    return blocks


def _device_block(name: str, devices: int, fabric: Fabric, rate: BitsPerSecond) -> Block:
    """Return the block of devices other than machines; out of band they have one controller each."""
    shares_places = fabric.role == "out-of-band" and fabric.rails > 1
    # Planes and ports of several rates have blocks of their own; there each device has a port on every rail.
    if shares_places and fabric.planes == 1 and fabric.planes_by is None and len(fabric.host_links) == 1:
        places = ceil_div(devices, fabric.rails)
        return Block(name, places, places, 1, ports=devices)
    return _at_its_rate(Block(name, devices, devices, 1), fabric, rate)


def _at_its_rate(block: Block, fabric: Fabric, rate: BitsPerSecond) -> Block:
    """Return a block with the places that its rate takes, in a fabric of several rates."""
    slowest = fabric.host_links[0]
    if slowest == fabric.host_links[-1]:
        return block
    width = max(rate.count // slowest.count, 1)
    return replace(block, width=width, align=links_a_port(fabric))


def port_rate(fabric: Fabric) -> int:
    """Return the bits a second of a whole port of a leaf, of all planes together."""
    if fabric.switch:
        return switch(fabric.switch).rate.count * fabric.planes
    return fabric.link.count * fabric.breakout


def links_a_port(fabric: Fabric) -> int:
    """Return how many links of the slowest rate a port of a leaf gives, where the rates of hosts differ."""
    return max(port_rate(fabric) // fabric.host_links[0].count, 1)


def _pool_block(pool: GpuNodePool, hosts: int, managers: int, fabric: Fabric) -> Block:
    """Return one pool's block; managers of the last pool count like hosts when units are filled up."""
    unit = declared_unit(pool)
    places = hosts
    if fabric.padding == "scalable-unit" and unit:
        places = ceil_div(hosts + managers, unit) * unit
    # On other fabrics a unit may straddle two leaves, so that no port stays empty.
    together = (unit or hosts) if fabric.role == "compute" else 1
    block = Block(pool.name, hosts, places, together)
    return _at_its_rate(block, fabric, fabric.link_of(pool.name))


def _runs(block: Block, at: int, down: int) -> Iterator[tuple[int, int]]:
    """Yield (first place, places) of each run of places without a gap, from place `at` on."""
    at = ceil_div(at, block.align) * block.align
    unit = min(block.unit, block.places) * block.width
    places = block.places * block.width
    if unit > down:
        yield (ceil_div(at, down) * down, places)
        return
    whole, rest = divmod(places, unit)
    # Whole units that still fit the leaf that the previous block has begun.
    first = min(whole, (down - at % down) // unit)
    if first:
        yield (at, first * unit)
    at += first * unit
    if whole > first:
        at = ceil_div(at, down) * down
        a_leaf = down // unit
        for start in range(first, whole, a_leaf):
            count = min(a_leaf, whole - start) * unit
            yield (at, count)
            at += down if start + a_leaf < whole else count
    if rest:
        free = -at % down or down
        yield (at if rest <= free else at + free, rest)


class _LimitedLeaves:
    """Fills leaves that hold a most number of hosts, block by block.

    A place that a block keeps counts as a host, used or not.
    """

    def __init__(self, down: int) -> None:
        """Start with an empty leaf of `down` places."""
        self._down = down
        self._leaf = 0
        self._offset = 0
        self._hosts = 0

    @property
    def end(self) -> int:
        """The first place behind everything."""
        return self._leaf * self._down + self._offset

    def add(self, block: Block) -> Iterator[tuple[int, int]]:
        """Yield (first place, places) of each run of a block."""
        unit = min(block.unit, block.places)
        whole_leaf = min(block.most, self._down // block.width)
        # A unit that no leaf holds begins on a fresh one and fills as many as it needs.
        if unit > whole_leaf:
            unit = 1
            if self._offset:
                self._next_leaf()
        left = block.places
        while left:
            start = ceil_div(self._offset, block.align) * block.align
            free_ports = min((self._down - start) // block.width, block.most - self._hosts)
            step = min(unit, left)
            count = min(free_ports, left) // step * step
            if not count:
                self._next_leaf()
                continue
            yield self._leaf * self._down + start, count * block.width
            self._offset = start + count * block.width
            self._hosts += count
            left -= count

    def _next_leaf(self) -> None:
        """Go on with an empty leaf."""
        self._leaf += 1
        self._offset = self._hosts = 0


def total_hosts(blocks: Iterable[Block]) -> int:
    """Return the hosts of all blocks."""
    return sum(block.hosts for block in blocks)


def total_ports(blocks: Iterable[Block], rails: int) -> int:
    """Return the ports of all hosts of all blocks on so many rails."""
    return sum(block.ports or block.hosts * rails for block in blocks)


def total_places(blocks: Iterable[Block]) -> int:
    """Return the places of all blocks, the same on every rail."""
    return sum(block.places for block in blocks)


def total_width(blocks: Iterable[Block]) -> int:
    """Return the places of all blocks, counted at the slowest rate."""
    return sum(block.places * block.width for block in blocks)


def first_free_place(blocks: Sequence[Block], down: int) -> int:
    """Return the first place behind all blocks: the number of places that each rail needs."""
    at = 0
    # All blocks of a plane have the same limit.
    if blocks and blocks[0].most:
        leaves = _LimitedLeaves(down)
        for block in blocks:
            for _ in leaves.add(block):
                pass
        return leaves.end
    for block in blocks:
        at = _block_end(block, at, down)
    return at


def _block_end(block: Block, at: int, down: int) -> int:
    """Return the first place behind a block that begins at place `at` or later.

    It is the end of what `_runs` yields, without a step for each leaf: sizing asks for it thousands of
    times.
    """
    at = ceil_div(at, block.align) * block.align
    unit = min(block.unit, block.places) * block.width
    places = block.places * block.width
    if unit > down:
        return ceil_div(at, down) * down + places
    whole, rest = divmod(places, unit)
    first = min(whole, (down - at % down) // unit)
    at += first * unit
    if whole > first:
        a_leaf = down // unit
        full = (whole - first - 1) // a_leaf
        at = (ceil_div(at, down) + full) * down + (whole - first - full * a_leaf) * unit
    if rest:
        free = -at % down or down
        at = (at if rest <= free else at + free) + rest
    return at


def assign_places(blocks: Sequence[Block], down: int) -> list[list[int]]:
    """Return each block's places in order; its hosts use the first of them.

    Where rates differ a place is that of the slowest, and a faster host's is the first that it takes.
    """
    places_of: list[list[int]] = []
    # All blocks of a plane have the same limit.
    if blocks and blocks[0].most:
        leaves = _LimitedLeaves(down)
        for block in blocks:
            limited: list[int] = []
            for start, count in leaves.add(block):
                limited.extend(range(start, start + count, block.width))
            places_of.append(limited)
        return places_of
    at = 0
    for block in blocks:
        places: list[int] = []
        for start, count in _runs(block, at, down):
            places.extend(range(start, start + count, block.width))
            at = start + count
        places_of.append(places)
    return places_of
