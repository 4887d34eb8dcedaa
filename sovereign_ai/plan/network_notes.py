"""What the networks leave out or cannot carry of what the description asks for, each with the figure behind it.

A fabric joins one port of a machine a rail, so fewer rails than ports leave ports without a cable. Storage is reached over the storage
fabric of a machine's pool, else over its in-band network; a storage server has a port a rail in each of both. Rates are those of the
ports, without overhead and without what is lost further up: no more than that can come through.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sovereign_ai.plan.addresses import joins
from sovereign_ai.plan.seats import joins_servers
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.plan.storage import StoragePlan
from sovereign_ai.spec.fabric import Fabric
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.units import BytesPerSecond


def network_notes(factory: AIFactory, shapes: Sequence[Shape], tiers: Sequence[StoragePlan]) -> Iterator[str]:
    """Give every note on networks, in the order of the description."""
    for fabric in factory.fabrics:
        yield from _idle(fabric, shapes)
    for tier in tiers:
        yield from _reach(factory, tier, [shape for shape in shapes if shape.site.name == tier.site and shape.pool.zone == tier.zone])


def _idle(fabric: Fabric, shapes: Sequence[Shape]) -> Iterator[str]:
    """Give the pools of which a fabric leaves ports without a cable."""
    for shape in shapes:
        machine = shape.system
        ports = {"compute": machine.compute_nics, "storage": machine.storage_nics}.get(fabric.role)
        if ports and fabric.rails < ports and joins(fabric, shape):
            yield (
                f"fabric {fabric.name}: {fabric.rails} of the {ports} {fabric.role} ports of each {machine.name} in pool "
                f"{shape.pool.name} are cabled, one a rail; {ports - fabric.rails} stay unused"
            )


def _reach(factory: AIFactory, tier: StoragePlan, pools: Sequence[Shape]) -> Iterator[str]:
    """Give a tier that no network reaches, or less of it than is asked."""
    name = f"storage {tier.tier} at {tier.site}"
    carriers = [fabric for fabric in factory.fabrics if fabric.role in ("storage", "in-band") and joins_servers(factory, fabric, tier.site)]
    if not carriers:
        yield (
            f"{name}: no storage or in-band network is described there, so its {len(tier.servers):,} servers have no port for data and nothing "
            f"carries the {BytesPerSecond(tier.read)} read and {BytesPerSecond(tier.write)} written"
        )
        return
    paths = [_path([fabric for fabric in carriers if joins(fabric, shape)]) for shape in pools]
    for shape, path in zip(pools, paths, strict=True):
        yield from _short(f"{name}: a machine of pool {shape.pool.name}", tier.per_node_read, tier.per_node_write, _carried(path), path)
    ends = [("servers", len(tier.servers) * _carried(_path(carriers)), _path(carriers))]
    if pools:
        whole = sum(shape.total * _carried(path) for shape, path in zip(pools, paths, strict=True))
        ends.append(("machines", whole, list({one.name: one for path in paths for one in path}.values())))
    who, carried, path = min(ends, key=lambda end: end[1])
    yield from _short(f"{name}: all of its {who}", tier.read, tier.write, carried, path)


def _path(joined: Sequence[Fabric]) -> Sequence[Fabric]:
    """Give the fabrics that carry storage: those of storage, else those in-band."""
    return [fabric for fabric in joined if fabric.role == "storage"] or joined


def _carried(fabrics: Sequence[Fabric]) -> int:
    """Give the bytes a second of one host's ports in some fabrics, all planes together."""
    return sum(fabric.rails * fabric.link.count for fabric in fabrics) // 8


def _short(who: str, read: int, write: int, carried: int, path: Sequence[Fabric]) -> Iterator[str]:
    """Say what is asked and what the ports give, where they give less."""
    asked = max(read, write)
    if asked > carried:
        ports = " and ".join(f"{fabric.rails} of {fabric.link} in {fabric.name}" for fabric in path) or "none"
        yield f"{who} must reach {BytesPerSecond(asked)}, and the ports ({ports}) carry {BytesPerSecond(carried)}"
