"""Management ports of switches and rack PDUs on the out-of-band network.

They come in addition to those of servers and storage servers.

NVIDIA RA-11333-001 V11 (2023-09-22; read 2026-11-24) states that the out-of-band network of a DGX SuperPOD
connects the management ports of all devices: systems and servers, storage, network gear and rack PDUs. So,
for each site:

* Every switch of every other fabric has one port. Out-of-band switches are managed in their own network.
* Every rack PDU has one port, in racks of servers, of switches and of storage.

A coolant distribution unit has such a port as well, but a description states how much heat the units of a
hall take and not how many there are, so none is counted. Nor are servers that no description names, such as
those for management.

More out-of-band switches take more racks, whose PDUs take more ports. The sizing repeats until nothing
changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sovereign_ai.plan.fabric.cables import switch_names
from sovereign_ai.plan.fabric.growth import switch_groups
from sovereign_ai.plan.fabric.port_assignment import fabrics_by_name, manages
from sovereign_ai.plan.fabric.size import FabricSize
from sovereign_ai.plan.racks import (
    SERVER_UNITS,
    SUPPORT_PDUS,
    Rack,
    SupportBatch,
    home,
    server_watts,
    support_racks,
    switch_units,
    switch_watts,
)
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.plan.storage import StoragePlan
from sovereign_ai.spec import AIFactory


def support(
    factory: AIFactory, shapes: Sequence[Shape], sizes: Sequence[FabricSize], tiers: Sequence[StoragePlan]
) -> Iterator[SupportBatch]:
    """Yield each batch of switches and storage servers, in the order of the racks."""
    fabrics = fabrics_by_name(factory)
    for group in switch_groups(factory, sizes):
        fabric, site = fabrics[group.size.fabric], factory.site(group.size.site)
        hall = home(shapes, site, [shape.pool.name for shape in shapes if shape.pool.is_on(fabric)])
        units, watts = switch_units(fabric, group.tier), switch_watts(fabric, group.tier)
        yield SupportBatch(hall, "network", "", len(group.names), units, watts)
    for tier in tiers:
        pools = [shape.pool.name for shape in shapes if shape.pool.zone == tier.zone]
        hall = home(shapes, factory.site(tier.site), pools)
        # The share is the tier's name: a storage tier has racks of its own.
        watts = server_watts(factory, tier.tier)
        yield SupportBatch(hall, "storage", tier.tier, len(tier.servers), SERVER_UNITS, watts)


def managed_ports(
    factory: AIFactory,
    shapes: Sequence[Shape],
    sizes: Sequence[FabricSize],
    tiers: Sequence[StoragePlan],
    before: Mapping[str, int],
) -> dict[str, int]:
    """Count the management ports of each site that has a network for them; never fewer than before.

    Args:
        factory: the description.
        shapes: its pools.
        sizes: its fabric planes, sized for the ports that were counted before.
        tiers: its storage.
        before: site name to the ports that were counted before.
    """
    racks_in = support_racks(list(support(factory, shapes, sizes, tiers)))
    ports: dict[str, int] = {}
    for site in factory.sites:
        if not any(manages(factory, fabric, site.name) for fabric in factory.fabrics):
            continue
        count = 0
        for size in sizes:
            if size.site == site.name and size.role != "out-of-band":
                count += size.leaf + size.spine + size.core + size.border
        for shape in shapes:
            if shape.site.name == site.name:
                count += shape.racks * site.power.rack_pdus
        for hall in site.halls:
            count += racks_in.get(hall.name, 0) * SUPPORT_PDUS
        # Ports never shrink between two rounds, or the rounds might alternate between two sizes for ever.
        count = max(count, before.get(site.name, 0))
        if count:
            ports[site.name] = count
    return ports


def managed_names(sizes: Sequence[FabricSize], racks: Sequence[Rack]) -> dict[str, list[str]]:
    """Return the names of devices with a management port at each site.

    Switches come first, in the order of their fabrics, then each rack's PDUs, `<site>-<rack>-pdu-<number>`.
    """
    devices_at: dict[str, list[str]] = {}
    for size in sizes:
        if size.role != "out-of-band":
            devices_at.setdefault(size.site, []).extend(switch_names(size).switches)
    for rack in racks:
        devices_at.setdefault(rack.site, []).extend(rack.pdu_names)
    return devices_at
