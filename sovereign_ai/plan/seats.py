"""Which machines join a fabric, and at which place of which leaf each of them sits.

A place is a number from 0 that holds for every rail alike: place p hangs at leaf `p // down` of
each rail, at its port `p % down`. So all rails of one machine end at leaves of the same number,
and traffic within a rail is one hop from every machine under the same leaves.

* A pool takes places for whole scalable units where the fabric is padded so; empty ones stay
  free for growth, and no machine moves when they fill.
* On compute fabrics a unit that fits a leaf never straddles two; a larger one starts on a fresh leaf.
* On the first out-of-band fabric of a site the management ports of its other fabrics' switches and of its
  rack PDUs follow the storage servers. Fabric managers take free places of the last unit, one rail each.

    >>> block = Block("train", hosts=31, places=32, unit=32)
    >>> ends([block, Block("serve", hosts=4, places=4, unit=4)], down=32)
    36
    >>> seats([Block("a", 20, 20, 20), Block("b", 20, 20, 20)], down=32)[1][:3]
    [32, 33, 34]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sovereign_ai.catalog.systems import system
from sovereign_ai.spec.fabric import Fabric
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.pool import GpuNodePool

SERVERS = "storage servers"
MANAGERS = "fabric managers"
MANAGED = "management ports"


@dataclass(frozen=True, slots=True)
class Block:
    """Hosts that sit together.

    Attributes:
        name: the pool's name, `storage servers`, `management ports` or `fabric managers`.
        hosts: hosts that are there.
        places: places kept for them, padding counted; the same on every rail.
        unit: how many places are kept together on one leaf.
    """

    name: str
    hosts: int
    places: int
    unit: int


def declared_unit(pool: GpuNodePool) -> int | None:
    """Give the pool's own scalable unit, else its system's; None where neither says one."""
    return pool.scalable_unit or system(pool.system).scalable_unit


def pools_of(factory: AIFactory, fabric: Fabric, site: str) -> list[GpuNodePool]:
    """Give the pools of a site that a fabric joins, in the order of the description."""
    if fabric.sites and site not in fabric.sites:
        return []
    return [pool for pool in factory.pools if pool.site == site and (not fabric.pools or pool.name in fabric.pools)]


def joins_servers(factory: AIFactory, fabric: Fabric, site: str) -> bool:
    """Tell whether a fabric joins the storage servers of a site: every fabric there but compute ones does."""
    if fabric.role == "compute" or (fabric.sites and site not in fabric.sites):
        return False
    return not fabric.pools or bool(pools_of(factory, fabric, site))


def manages(factory: AIFactory, fabric: Fabric, site: str) -> bool:
    """Tell whether a fabric joins the management ports of a site's switches and rack PDUs: the first out-of-band one there does."""
    return fabric is next((one for one in factory.fabrics if one.role == "out-of-band" and joins_servers(factory, one, site)), None)


def blocks_of(factory: AIFactory, fabric: Fabric, site: str, spares: Mapping[str, int], servers: int, managed: int = 0) -> list[Block]:
    """Give what joins one fabric at one site: pools, then storage servers, then management ports, then managers.

    Args:
        factory: the description.
        fabric: one of its fabrics.
        site: one of its sites.
        spares: pool name to spare machines; they are cabled as all others.
        servers: storage servers at the site; compute fabrics join none.
        managed: management ports of switches and rack PDUs at the site.
    """
    pools = pools_of(factory, fabric, site)
    managers = -(-fabric.managers // fabric.rails) if pools else 0
    blocks = []
    for pool in pools:
        extra = managers if pool is pools[-1] else 0
        blocks.append(_pool_block(pool, pool.nodes + spares.get(pool.name, 0), extra, fabric))
    if servers and joins_servers(factory, fabric, site):
        blocks.append(Block(SERVERS, servers, servers, 1))
    if managed and manages(factory, fabric, site):
        blocks.append(Block(MANAGED, managed, managed, 1))
    if managers and blocks[len(pools) - 1].places - blocks[len(pools) - 1].hosts < managers:
        blocks.append(Block(MANAGERS, 0, managers, 1))
    return blocks


def _pool_block(pool: GpuNodePool, hosts: int, managers: int, fabric: Fabric) -> Block:
    """Give one pool's block; managers of the last pool count as hosts when units are filled up."""
    unit = declared_unit(pool)
    together = (unit or hosts) if fabric.role == "compute" else 1
    padded = fabric.padding == "scalable-unit" and unit is not None
    places = -(-(hosts + managers) // unit) * unit if padded and unit else hosts
    return Block(pool.name, hosts, places, together)


def _starts(block: Block, at: int, down: int) -> Iterator[tuple[int, int]]:
    """Give (first place, places) of each run of places without a gap, from place `at` on."""
    unit = min(block.unit, block.places)
    if unit > down:
        yield (-(-at // down) * down, block.places)
        return
    whole, rest = divmod(block.places, unit)
    first = min(whole, (down - at % down) // unit)
    if first:
        yield (at, first * unit)
    at += first * unit
    if whole > first:
        at = (at // down + bool(at % down)) * down
        a_leaf = down // unit
        for taken in range(first, whole, a_leaf):
            count = min(a_leaf, whole - taken) * unit
            yield (at, count)
            at += down if taken + a_leaf < whole else count
    if rest:
        free = -at % down or down
        yield (at if rest <= free else at + free, rest)


def ends(blocks: Sequence[Block], down: int) -> int:
    """Give the first place behind all blocks: what each rail must have room for."""
    at = 0
    for block in blocks:
        for start, count in _starts(block, at, down):
            at = start + count
    return at


def seats(blocks: Sequence[Block], down: int) -> list[list[int]]:
    """Give each block's places in order; the first `hosts` of them are taken."""
    found = []
    at = 0
    for block in blocks:
        places: list[int] = []
        for start, count in _starts(block, at, down):
            places.extend(range(start, start + count))
            at = start + count
        found.append(places)
    return found
