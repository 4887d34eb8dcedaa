"""Ports and storage rates of the description that the networks do not connect or cannot carry.

A fabric uses one port of a server for each rail, so fewer rails than ports leave ports without a cable.
Storage is reached over the storage fabric of a server's pool, else over its in-band network. A storage server
has a port for each rail of both. Rates are those of the ports, without overhead and without losses further
up, so they are upper limits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sovereign_ai.catalog.accelerator import accelerator_of
from sovereign_ai.plan.addresses import joins
from sovereign_ai.plan.fabric.port_assignment import joins_servers
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.plan.storage import StoragePlan
from sovereign_ai.spec import AIFactory, Fabric
from sovereign_ai.text import counted
from sovereign_ai.units import BytesPerSecond


def network_notes(factory: AIFactory, shapes: Sequence[Shape], tiers: Sequence[StoragePlan]) -> Iterator[str]:
    """Yield every note on networks, in the order of the description."""
    yield from _unconnected(factory, shapes)
    for fabric in factory.fabrics:
        yield from _idle_ports(fabric, shapes)
        yield from _rails_without_a_way(fabric, shapes)
    for tier in tiers:
        pools: list[Shape] = []
        for shape in shapes:
            # What a server must reach, it must reach for the work that it does.
            is_served = shape.site.name == tier.site and shape.pool.zone == tier.zone
            if is_served and not shape.pool.is_management:
                pools.append(shape)
        yield from _storage_notes(factory, tier, pools)


def _unconnected(factory: AIFactory, shapes: Sequence[Shape]) -> Iterator[str]:
    """Yield the pools of several servers that no fabric connects at all."""
    for shape in shapes:
        is_connected = any(joins(fabric, shape) for fabric in factory.fabrics)
        if shape.total > 1 and not is_connected:
            yield f"pool {shape.pool.name}: no fabric connects its {counted(shape.total, 'machine')}"


def _idle_ports(fabric: Fabric, shapes: Sequence[Shape]) -> Iterator[str]:
    """Yield the pools whose ports a fabric leaves without a cable."""
    for shape in shapes:
        machine = shape.system
        ports = {"compute": machine.compute_nics, "storage": machine.storage_nics}.get(fabric.role)
        if ports and fabric.rails < ports and joins(fabric, shape):
            cabled = f"{fabric.rails} of the {ports} {fabric.role} ports"
            servers = f"each {machine.name} in pool {shape.pool.name}"
            unused = ports - fabric.rails
            yield (
                f"fabric {fabric.name}: {cabled} of {servers} are cabled, one a rail; {unused} stay unused"
            )


def _rails_without_a_way(fabric: Fabric, shapes: Sequence[Shape]) -> Iterator[str]:
    """Yield the pools whose rails have no switch in common, and whose GPUs no link to forward over."""
    if fabric.role != "compute" or fabric.rail_groups == 1:
        return
    for shape in shapes:
        machine = shape.system
        chip = accelerator_of(machine)
        # Without GPUs there is nothing between which to forward.
        if chip is not None and joins(fabric, shape) and not chip.scale_up:
            servers = f"{machine.name} in pool {shape.pool.name}"
            networks_text = counted(fabric.rail_groups, "network")
            yield (
                f"fabric {fabric.name}: no switch joins the {networks_text} of its rails, "
                f"and no scale-up link is known of {servers} that would forward between them"
            )


def _storage_notes(factory: AIFactory, tier: StoragePlan, pools: Sequence[Shape]) -> Iterator[str]:
    """Yield that no network reaches a tier, or that the networks carry less than its rates."""
    name = f"storage {tier.tier} at {tier.site}"
    fabrics: list[Fabric] = []
    for fabric in factory.fabrics:
        carries_storage = fabric.role in ("storage", "in-band")
        if carries_storage and joins_servers(factory, fabric, tier.site):
            fabrics.append(fabric)
    if not fabrics:
        servers_text = counted(len(tier.servers), "server has", "servers have")
        servers = f"its {servers_text} no port for data"
        rates = f"the {BytesPerSecond(tier.read)} read and {BytesPerSecond(tier.write)} written"
        yield (
            f"{name}: no storage or in-band network is described there, "
            f"so {servers} and nothing carries {rates}"
        )
        return
    pools_rate = 0
    ports: dict[str, str] = {}
    for shape in pools:
        path = _storage_path([fabric for fabric in fabrics if joins(fabric, shape)])
        rate = _port_rate(path, shape.pool.name)
        who = f"{name}: a machine of pool {shape.pool.name}"
        yield from _shortfall(
            who, tier.per_node_read, tier.per_node_write, rate, _ports(path, shape.pool.name)
        )
        pools_rate += shape.total * rate
        for text in _ports(path, shape.pool.name):
            ports[text] = text
    servers_path = _storage_path(fabrics)
    servers_rate = len(tier.servers) * _port_rate(servers_path, None)
    # Only the narrower end is reported: the wider one cannot be the limit.
    if pools and pools_rate < servers_rate:
        yield from _shortfall(
            f"{name}: all of its machines", tier.read, tier.write, pools_rate, list(ports.values())
        )
    else:
        yield from _shortfall(
            f"{name}: all of its servers", tier.read, tier.write, servers_rate, _ports(servers_path, None)
        )


def _storage_path(fabrics: Sequence[Fabric]) -> Sequence[Fabric]:
    """Return the fabrics that carry storage: those of the storage role, else the in-band ones."""
    return [fabric for fabric in fabrics if fabric.role == "storage"] or fabrics


def _port_rate(fabrics: Sequence[Fabric], pool: str | None) -> int:
    """Return the bytes a second of one host's ports in some fabrics, all planes together.

    Args:
        fabrics: the fabrics.
        pool: the host's pool; None for a storage server.
    """
    bits = 0
    for fabric in fabrics:
        bits += fabric.rails * fabric.link_of(pool).count
    return bits // 8


def _ports(fabrics: Sequence[Fabric], pool: str | None) -> list[str]:
    """Return a host's ports in some fabrics in words."""
    return [f"{fabric.rails} of {fabric.link_of(pool)} in {fabric.name}" for fabric in fabrics]


def _shortfall(who: str, read: int, write: int, carried: int, ports: Sequence[str]) -> Iterator[str]:
    """Yield the rate that is required and the rate of the ports, where the ports have less."""
    required = max(read, write)
    if required <= carried:
        return
    listed = " and ".join(ports) or "none"
    yield (
        f"{who} must reach {BytesPerSecond(required)}, "
        f"and the ports ({listed}) carry {BytesPerSecond(carried)}"
    )
