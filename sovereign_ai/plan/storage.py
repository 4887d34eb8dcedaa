"""Storage servers and drives that a tier needs, from its capacity, its rates and the losses that it survives.

The grades are those of NVIDIA RA-11333-001 V11, table 6 (read 2026-11-24), in bytes a second for a scalable
unit of 32 DGX H100, 256 GPUs. Its single-unit write cells are printed truncated: 7 means 7.5 and 62 means
62.5, as the rows for four units show. There is no such table for later servers; they are counted as units of
256 GPUs, which the `why` states.

    >>> aggregate("best", units=4)
    (500000000000, 250000000000)
    >>> [rate // 10**9 for rate in aggregate("best", units=1)]
    [125, 62]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sovereign_ai.errors import Problem, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import label
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.spec import AIFactory, Site, StorageProtocol, StorageTier
from sovereign_ai.text import counted
from sovereign_ai.units import Bytes, BytesPerSecond

UNIT_GPUS = 256
"""GPUs of the scalable unit of the table."""
_MB = 1_000_000
# Read and write, for a scalable unit and for a server.
_UNIT_RATES = {
    "good": (15_000 * _MB, 7_500 * _MB),
    "better": (40_000 * _MB, 20_000 * _MB),
    "best": (125_000 * _MB, 62_500 * _MB),
}
_NODE_RATES = {
    "good": (4_000 * _MB, 2_000 * _MB),
    "better": (8_000 * _MB, 4_000 * _MB),
    "best": (40_000 * _MB, 20_000 * _MB),
}
_SOURCE = "RA-11333-001 V11, table 6"
MOST_SERVERS = 20_000
"""Storage servers of a factory, all tiers and sites together. More indicates a mistake in a figure, not a
real request (our estimate: they fill 834 racks, and with 24 drives of 15.36 TB each hold 7.4 EB)."""

MOST_RAW = Bytes(9 * 10**18)
"""Raw capacity of a tier at a site; the plan counts bytes in 63 bits."""


@frozen_dataclass
class StoragePlan:
    """One tier at one site.

    Attributes:
        tier: the tier's name.
        site: its site.
        jurisdiction: ISO country code of the site.
        halls: halls (Kubernetes zones) from which it may be claimed.
        zone: the security zone that may claim it.
        protocol: how it is reached.
        key: name of the encryption key.
        capacity: usable bytes.
        raw: raw bytes of all drives.
        read: required aggregate bytes a second.
        write: required aggregate bytes a second.
        per_node_read: bytes a second that one server must reach.
        per_node_write: bytes a second that one server must reach.
        servers: names of the storage servers.
        drives: drives in all of them.
        why: field to the formula and its inputs in words.
    """

    tier: str
    site: str
    jurisdiction: str
    halls: tuple[str, ...]
    zone: str
    protocol: StorageProtocol
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
    """Return the read and write rate of a grade for a number of scalable units, in bytes a second."""
    read, write = _UNIT_RATES[grade]
    return read * units, write * units


def per_node(grade: str) -> tuple[int, int]:
    """Return the read and write rate that one server must reach, in bytes a second."""
    return _NODE_RATES[grade]


def tier_sites(factory: AIFactory, tier: StorageTier) -> tuple[Site, ...]:
    """Return the sites of a tier: those that it names, else every site with a pool of its zone.

    A site whose only pools of the zone are for management has nobody who would read it; where all of them
    are, they say where the zone is.
    """
    names = set(tier.sites)
    if not names:
        of_zone = [pool for pool in factory.pools if pool.zone == tier.zone]
        working = [pool for pool in of_zone if not pool.is_management]
        names = {pool.site for pool in working or of_zone}
    return tuple(site for site in factory.sites if site.name in names)


def plan_storage(factory: AIFactory, shapes: Sequence[Shape]) -> tuple[StoragePlan, ...]:
    """Return every tier at each of its sites, in the order of the description."""
    plans: list[StoragePlan] = []
    for tier in factory.storage:
        plans += [_plan_tier(tier, site, shapes) for site in tier_sites(factory, tier)]
    return tuple(plans)


def server_problems(factory: AIFactory, shapes: Sequence[Shape]) -> Iterator[Problem]:
    """Refuse more drives or storage servers than a plan supports, before any of them is named.

    Only the first problem is reported: the counts of the others follow from the same kind of mistake.
    """
    total = 0
    for index, tier in enumerate(factory.storage):
        sizes: list[tuple[_ServerCount, Site]] = []
        for site in tier_sites(factory, tier):
            read, write, _ = _tier_rates(tier, _gpus_served(tier, site, shapes))
            size = _size_servers(tier, read, write)
            sizes.append((size, site))
            total += size.count
        problem = _tier_problem(index, tier, sizes)
        if problem is not None:
            yield problem
            return
    if total > MOST_SERVERS:
        message = (
            f"all tiers together take {counted(total, 'storage server')}; "
            f"a factory is planned with at most {MOST_SERVERS:,}"
        )
        hint = "ask for less, or describe several factories"
        yield Problem("too-many-servers", message, Where(field="storage"), hint)


def _tier_problem(
    index: int, tier: StorageTier, sizes: Sequence[tuple[_ServerCount, Site]]
) -> Problem | None:
    """Return the problem of one tier with too many drives or storage servers at a site, if there is one."""
    if not sizes:
        return None
    drives = max(size.drives for size, _ in sizes)
    if drives * tier.drive.count > MOST_RAW.count:
        message = (
            f"{counted(drives, 'drive')} of {tier.drive} at a site; "
            f"a tier is planned with at most {MOST_RAW} of raw capacity"
        )
        hint = "ask for less capacity, smaller drives or less parity, or split the tier"
        return Problem("too-much-storage", message, Where(field=f"storage[{index}].capacity"), hint)
    largest, site = max(sizes, key=lambda entry: entry[0].count)
    if largest.count <= MOST_SERVERS:
        return None
    message = (
        f"{counted(largest.count, 'storage server')} at {site.name}, for {largest.ask}; "
        f"a factory is planned with at most {MOST_SERVERS:,}"
    )
    hint = "ask for less, or fix the figures of drives and servers; a unit may be wrong"
    return Problem("too-many-servers", message, Where(field=f"storage[{index}].{largest.field}"), hint)


def storage_problems(factory: AIFactory, shapes: Sequence[Shape]) -> Iterator[Problem]:
    """Refuse tiers that require more of a server that works than its storage ports carry."""
    for index, tier in enumerate(factory.storage):
        read, write, _ = _node_rates(tier)
        for shape in shapes:
            machine = shape.system
            is_served = shape.pool.zone == tier.zone and not shape.pool.is_management
            if not is_served or not machine.storage_nics or not machine.storage_nic_rate:
                continue
            most = machine.storage_nics * machine.storage_nic_rate.count // 8
            if max(read, write) > most:
                field = "per_node_read" if read >= write else "per_node_write"
                required, ports_rate = BytesPerSecond(max(read, write)), BytesPerSecond(most)
                ports = f"{counted(machine.storage_nics, 'port')} of {machine.storage_nic_rate} for storage"
                message = f"{required} a machine, and pool {shape.pool.name!r} has {ports}: {ports_rate}"
                hint = f"write at most {str(ports_rate)!r}"
                yield Problem("storage-rate", message, Where(field=f"storage[{index}].{field}"), hint)
                # One pool is enough: the same field is wrong for every other.
                break


def _node_rates(tier: StorageTier) -> tuple[int, int, str]:
    """Return the read and write rate that one server must reach, and why; 0 where none is described."""
    read = write = 0
    why = "nothing asked"
    if tier.grade:
        read, write = per_node(tier.grade)
        why = f"grade {tier.grade} ({_SOURCE})"
    if tier.per_node_read is not None or tier.per_node_write is not None:
        why = "as described"
    if tier.per_node_read:
        read = tier.per_node_read.count
    if tier.per_node_write:
        write = tier.per_node_write.count
    return read, write, why


def _tier_rates(tier: StorageTier, gpus: int) -> tuple[int, int, str]:
    """Return the aggregate read and write rate, and why."""
    read = write = 0
    reasons: list[str] = []
    if tier.grade:
        units = max(ceil_div(gpus, UNIT_GPUS), 1)
        read, write = aggregate(tier.grade, units)
        units_text = counted(units, "unit")
        gpus_text = counted(gpus, "GPU")
        reasons.append(f"grade {tier.grade} x {units_text} of {UNIT_GPUS} GPUs for {gpus_text} ({_SOURCE})")
    own_read = tier.read.count if tier.read else 0
    own_write = tier.write.count if tier.write else 0
    if own_read or own_write:
        reasons.append(
            f"at least the {BytesPerSecond(own_read)} read and {BytesPerSecond(own_write)} write described"
        )
    node_read, node_write, _ = _node_rates(tier)
    reasons.append("never less than one machine's rate")
    return max(read, own_read, node_read), max(write, own_write, node_write), "; ".join(reasons)


def _plan_tier(tier: StorageTier, site: Site, shapes: Sequence[Shape]) -> StoragePlan:
    """Size one tier at one site."""
    read, write, why_rates = _tier_rates(tier, _gpus_served(tier, site, shapes))
    node_read, node_write, why_node = _node_rates(tier)
    size = _size_servers(tier, read, write)
    halls = [shape.hall.name for shape in _pools_served(tier, site, shapes)]
    if not halls:
        # No pool of the zone is at the site, so the tier may be claimed from every hall.
        halls = [hall.name for hall in site.halls]
    names = tuple(label(tier.name, site.name, f"s{number + 1:03d}") for number in range(size.count))
    return StoragePlan(
        tier=tier.name,
        site=site.name,
        jurisdiction=site.country,
        halls=tuple(dict.fromkeys(halls)),
        zone=tier.zone,
        protocol=tier.protocol,
        key=tier.encryption.key,
        capacity=tier.capacity.count,
        raw=size.drives * tier.drive.count,
        read=read,
        write=write,
        per_node_read=node_read,
        per_node_write=node_write,
        servers=names,
        drives=size.drives,
        why={
            "read": why_rates,
            "write": why_rates,
            "per_node_read": why_node,
            "per_node_write": why_node,
            **size.why,
        },
    )


def _pools_served(tier: StorageTier, site: Site, shapes: Sequence[Shape]) -> list[Shape]:
    """Return the pools that a tier serves at a site."""
    return [shape for shape in shapes if shape.site.name == site.name and shape.pool.zone == tier.zone]


def _gpus_served(tier: StorageTier, site: Site, shapes: Sequence[Shape]) -> int:
    """Count the GPUs that a tier serves at a site."""
    gpus = 0
    for shape in _pools_served(tier, site, shapes):
        gpus += shape.nodes * shape.system.gpus
    return gpus


@frozen_dataclass
class _ServerCount:
    """The storage servers of one tier at one site.

    Attributes:
        count: their number.
        drives: drives in all of them.
        field: the tier's field whose value requires the number.
        ask: the reason for the number, in words.
        why: field to the formula and its inputs in words.
    """

    count: int
    drives: int
    field: str
    ask: str
    why: Mapping[str, str]


def _size_servers(tier: StorageTier, read: int, write: int) -> _ServerCount:
    """Return storage servers and drives: the maximum of what capacity, rates and stripes require."""
    data, parity = tier.data_drives, tier.parity_drives
    stripe = data + parity
    needed = max(ceil_div(tier.capacity.count * stripe, data * tier.drive.count), stripe)
    # Servers, the field that requires them, and the reason in words.
    demands: list[tuple[int, str, str]] = []
    ask = f"capacity: {counted(needed, 'drive')} at {tier.server_drives} a server"
    demands.append((ceil_div(needed, tier.server_drives), "capacity", ask))
    ask = f"read: {BytesPerSecond(read)} at {tier.server_read} a server"
    demands.append((ceil_div(read, tier.server_read.count), _rate_field(tier, "read"), ask))
    ask = f"write: {BytesPerSecond(write)} at {tier.server_write} a server"
    demands.append((ceil_div(write, tier.server_write.count), _rate_field(tier, "write"), ask))
    if parity:
        ask = f"stripes of {data}+{parity}: a lost server may take no more than {counted(parity, 'part')}"
        demands.append((ceil_div(stripe, parity), "data_drives", ask))
    count, field, ask = max(demands, key=lambda demand: demand[0])
    each = ceil_div(needed, count)
    drives = each * count
    terms = "; ".join(f"{number:,} for {reason}" for number, _, reason in demands)
    why = {"servers": f"max = {count:,} of: {terms}"}
    capacity = Bytes(tier.capacity.count)
    formula = f"{capacity} x {stripe}/{data} / {tier.drive} = {counted(needed, 'drive')}"
    spread = f"spread evenly: {each} x {count:,} = {drives:,}"
    why["drives"] = f"{formula} (at least one stripe of {stripe}), {spread}"
    why["raw"] = f"{drives:,} x {tier.drive}"
    return _ServerCount(count, drives, field, ask, why)


def _rate_field(tier: StorageTier, rate: str) -> str:
    """Return the field that sets a rate: `read` or `write` as described, else the server's own."""
    for name in (rate, f"per_node_{rate}"):
        if getattr(tier, name) is not None:
            return name
    return f"server_{rate}"
