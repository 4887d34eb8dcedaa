"""Storage servers and drives that a tier needs, from its capacity, its rates and the losses it survives.

The grades are those of NVIDIA RA-11333-001 V11, table 6 (read 2026-11-24), in bytes a second for a
scalable unit of 32 DGX H100, 256 GPUs. Its single-unit write cells are printed truncated: 7 stands
for 7.5 and 62 for 62.5, as the rows for four units show. No such table was found for later
machines; they are counted as units of 256 GPUs, which the `why` says.

    >>> aggregate("best", units=4)
    (500000000000, 250000000000)
    >>> [rate // 10**9 for rate in aggregate("best", units=1)]
    [125, 62]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sovereign_ai.errors import Problem, Where
from sovereign_ai.names import label
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.site import Site
from sovereign_ai.spec.storage import StorageTier
from sovereign_ai.units import Bytes, BytesPerSecond

UNIT_GPUS = 256
"""GPUs of the scalable unit that the table speaks of."""
_MB = 1_000_000
_UNIT_RATES = {"good": (15_000 * _MB, 7_500 * _MB), "better": (40_000 * _MB, 20_000 * _MB), "best": (125_000 * _MB, 62_500 * _MB)}
_NODE_RATES = {"good": (4_000 * _MB, 2_000 * _MB), "better": (8_000 * _MB, 4_000 * _MB), "best": (40_000 * _MB, 20_000 * _MB)}
_SOURCE = "RA-11333-001 V11, table 6"
MOST_SERVERS = 20_000
"""Storage servers a factory, all tiers and sites together; more is a mistake in a figure rather than a wish (our estimate: they fill 834
racks, and with 24 drives of 15.36 TB each hold 7.4 EB)."""

MOST_RAW = Bytes(9 * 10**18)
"""Raw capacity of a tier at a site; the plan counts bytes in 63 bits."""


@dataclass(frozen=True, slots=True)
class StoragePlan:
    """One tier at one site.

    Attributes:
        tier: the tier's name.
        site: where it stands.
        jurisdiction: ISO country code of the site.
        halls: halls (Kubernetes zones) from which it may be claimed.
        zone: the security zone that may claim it.
        protocol: how it is reached.
        key: name of the encryption key.
        capacity: usable bytes.
        raw: raw bytes of all drives.
        read: aggregate bytes a second to be reached.
        write: aggregate bytes a second to be reached.
        per_node_read: bytes a second one machine must reach.
        per_node_write: bytes a second one machine must reach.
        servers: names of the servers.
        drives: drives in all of them.
        why: field to the formula and its inputs in words.
    """

    tier: str
    site: str
    jurisdiction: str
    halls: tuple[str, ...]
    zone: str
    protocol: str
    key: str
    capacity: int
    raw: int
    read: int
    write: int
    per_node_read: int
    per_node_write: int
    servers: tuple[str, ...]
    drives: int
    why: Mapping[str, str]


def aggregate(grade: str, units: int) -> tuple[int, int]:
    """Give the read and write rate of a grade for some scalable units, in bytes a second."""
    read, write = _UNIT_RATES[grade]
    return read * units, write * units


def per_node(grade: str) -> tuple[int, int]:
    """Give the read and write rate that one machine must reach, in bytes a second."""
    return _NODE_RATES[grade]


def tier_sites(factory: AIFactory, tier: StorageTier) -> tuple[Site, ...]:
    """Give where a tier stands: the sites it names, else every site with a pool of its zone."""
    if tier.sites:
        return tuple(site for site in factory.sites if site.name in tier.sites)
    here = {pool.site for pool in factory.pools if pool.zone == tier.zone}
    return tuple(site for site in factory.sites if site.name in here)


def storage(factory: AIFactory, shapes: Sequence[Shape]) -> tuple[StoragePlan, ...]:
    """Give every tier at every site it stands at, in the order of the description."""
    return tuple(_tier(tier, site, shapes) for tier in factory.storage for site in tier_sites(factory, tier))


def server_problems(factory: AIFactory, shapes: Sequence[Shape]) -> Iterator[Problem]:
    """Give tiers that take more drives or storage servers than anybody runs; asked before one of them is named."""
    total = 0
    for index, tier in enumerate(factory.storage):
        counts = [(_servers(tier, *_rates(tier, _gpus(tier, site, shapes))[:2]), site) for site in tier_sites(factory, tier)]
        total += sum(found.count for found, _ in counts)
        if any(found.drives * tier.drive.count > MOST_RAW.count for found, _ in counts):
            drives = max(found.drives for found, _ in counts)
            message = f"{drives:,} drives of {tier.drive} at a site; a tier is planned with at most {MOST_RAW} of raw capacity"
            hint = "ask for less capacity, smaller drives or less parity, or split the tier"
            yield Problem("too-much-storage", message, Where(field=f"storage[{index}].capacity"), hint)
            return
        if not counts or (largest := max(counts, key=lambda one: one[0].count))[0].count <= MOST_SERVERS:
            continue
        found, site = largest
        message = f"{found.count:,} storage servers at {site.name}, for {found.ask}; a factory is planned with at most {MOST_SERVERS:,}"
        hint = "ask for less, or mend the figures of drives and servers; a unit may be wrong"
        yield Problem("too-many-servers", message, Where(field=f"storage[{index}].{found.field}"), hint)
        return
    if total > MOST_SERVERS:
        message = f"all tiers together take {total:,} storage servers; a factory is planned with at most {MOST_SERVERS:,}"
        yield Problem("too-many-servers", message, Where(field="storage"), "ask for less, or describe several factories")


def storage_problems(factory: AIFactory, shapes: Sequence[Shape]) -> Iterator[Problem]:
    """Give tiers that ask more of a machine than its storage ports carry."""
    for index, tier in enumerate(factory.storage):
        read, write, _ = _node_rates(tier)
        for shape in shapes:
            machine = shape.system
            if shape.pool.zone != tier.zone or not machine.storage_nics or not machine.storage_nic_rate:
                continue
            most = machine.storage_nics * machine.storage_nic_rate.count // 8
            if max(read, write) > most:
                field = "per_node_read" if read >= write else "per_node_write"
                message = (
                    f"{BytesPerSecond(max(read, write))} a machine, and pool {shape.pool.name!r} has {machine.storage_nics} ports "
                    f"of {machine.storage_nic_rate} for storage: {BytesPerSecond(most)}"
                )
                yield Problem(
                    "storage-rate", message, Where(field=f"storage[{index}].{field}"), f"write at most {str(BytesPerSecond(most))!r}"
                )
                break


def _node_rates(tier: StorageTier) -> tuple[int, int, str]:
    """Give what one machine must reach, and why; 0 where nothing is asked."""
    read, write = per_node(tier.grade) if tier.grade else (0, 0)
    why = f"grade {tier.grade} ({_SOURCE})" if tier.grade else "nothing asked"
    if tier.per_node_read is not None or tier.per_node_write is not None:
        why = "as described"
    return (
        tier.per_node_read.count if tier.per_node_read else read,
        tier.per_node_write.count if tier.per_node_write else write,
        why,
    )


def _rates(tier: StorageTier, gpus: int) -> tuple[int, int, str]:
    """Give the aggregate rates, and why."""
    units = max(-(-gpus // UNIT_GPUS), 1)
    read, write = aggregate(tier.grade, units) if tier.grade else (0, 0)
    whys = [f"grade {tier.grade} x {units:,} units of {UNIT_GPUS} GPUs for {gpus:,} GPUs ({_SOURCE})"] if tier.grade else []
    asked = (tier.read.count if tier.read else 0, tier.write.count if tier.write else 0)
    if any(asked):
        whys.append(f"at least the {BytesPerSecond(asked[0])} read and {BytesPerSecond(asked[1])} write described")
    one = _node_rates(tier)
    whys.append("never less than one machine's rate")
    return max(read, asked[0], one[0]), max(write, asked[1], one[1]), "; ".join(whys)


def _tier(tier: StorageTier, site: Site, shapes: Sequence[Shape]) -> StoragePlan:
    """Size one tier at one site."""
    pools = _pools(tier, site, shapes)
    read, write, why_rates = _rates(tier, _gpus(tier, site, shapes))
    node_read, node_write, why_node = _node_rates(tier)
    found = _servers(tier, read, write)
    halls = dict.fromkeys(shape.hall.name for shape in pools) or dict.fromkeys(hall.name for hall in site.halls)
    return StoragePlan(
        tier=tier.name,
        site=site.name,
        jurisdiction=site.country,
        halls=tuple(halls),
        zone=tier.zone,
        protocol=tier.protocol,
        key=tier.encryption.key,
        capacity=tier.capacity.count,
        raw=found.drives * tier.drive.count,
        read=read,
        write=write,
        per_node_read=node_read,
        per_node_write=node_write,
        servers=tuple(label(tier.name, site.name, f"s{number + 1:03d}") for number in range(found.count)),
        drives=found.drives,
        why={"read": why_rates, "write": why_rates, "per_node_read": why_node, "per_node_write": why_node, **found.why},
    )


def _pools(tier: StorageTier, site: Site, shapes: Sequence[Shape]) -> list[Shape]:
    """Give the pools that a tier serves at a site."""
    return [shape for shape in shapes if shape.site.name == site.name and shape.pool.zone == tier.zone]


def _gpus(tier: StorageTier, site: Site, shapes: Sequence[Shape]) -> int:
    """Count the GPUs that a tier serves at a site."""
    return sum(shape.nodes * shape.system.gpus for shape in _pools(tier, site, shapes))


@dataclass(frozen=True, slots=True)
class _Servers:
    """The servers of one tier at one site.

    Attributes:
        count: how many.
        drives: drives in all of them.
        field: the tier's field whose value asks for so many.
        ask: what asks for so many, in words.
        why: field to the formula and its inputs in words.
    """

    count: int
    drives: int
    field: str
    ask: str
    why: Mapping[str, str]


def _servers(tier: StorageTier, read: int, write: int) -> _Servers:
    """Give servers and drives: the most of what capacity, rates and stripes ask for."""
    data, parity = tier.data_drives, tier.parity_drives
    stripe = data + parity
    needed = max(-(-tier.capacity.count * stripe // (data * tier.drive.count)), stripe)
    asks = [
        (-(-needed // tier.server_drives), "capacity", f"capacity: {needed:,} drives at {tier.server_drives} a server"),
        (-(-read // tier.server_read.count), _asking(tier, "read"), f"read: {BytesPerSecond(read)} at {tier.server_read} a server"),
        (-(-write // tier.server_write.count), _asking(tier, "write"), f"write: {BytesPerSecond(write)} at {tier.server_write} a server"),
    ]
    if parity:
        ask = f"stripes of {data}+{parity}: a lost server may take no more than {parity} parts"
        asks.append((-(-stripe // parity), "data_drives", ask))
    count, field, ask = max(asks, key=lambda one: one[0])
    each = -(-needed // count)
    drives = each * count
    terms = "; ".join(f"{number:,} for {ask}" for number, _, ask in asks)
    return _Servers(
        count,
        drives,
        field,
        ask,
        {
            "servers": f"max = {count:,} of: {terms}",
            "drives": (
                f"{Bytes(tier.capacity.count)} x {stripe}/{data} / {tier.drive} = {needed:,} drives (at least one stripe of {stripe}), "
                f"spread evenly: {each} x {count:,} = {drives:,}"
            ),
            "raw": f"{drives:,} x {tier.drive}",
        },
    )


def _asking(tier: StorageTier, way: str) -> str:
    """Give the field that sets a rate, `read` or `write`: the rate where it is described, else the server's own."""
    return next((name for name in (way, f"per_node_{way}") if getattr(tier, name) is not None), f"server_{way}")
