"""Management ports on the out-of-band network: those of switches and rack PDUs, beside the machines' and storage servers' own.

NVIDIA RA-11333-001 V11 (2023-09-22; read 2026-11-24) says that the out-of-band network of a DGX SuperPOD joins the management ports
of all devices: systems and servers, storage, network gear and rack PDUs. So, by site:

* every switch of every other fabric has one port; out-of-band switches manage themselves in their own network;
* every rack PDU has one port, in racks of machines, of switches and of storage alike.

A coolant distribution unit has such a port as well, but a description says how much heat the units of a hall take and not how many
there are, so none is counted. Nor are servers that no description names, such as those for management.

More out-of-band switches take more racks, whose PDUs take more ports: the two are settled by repeating until nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sovereign_ai.plan.cables import switch_names
from sovereign_ai.plan.racks import SERVER_UNITS, SUPPORT_PDUS, Rack, home, support_racks, switch_units
from sovereign_ai.plan.seats import manages
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.plan.size import FabricSize
from sovereign_ai.plan.storage import StoragePlan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.site import Hall


def support(
    factory: AIFactory, found: Sequence[Shape], sizes: Sequence[FabricSize], tiers: Sequence[StoragePlan]
) -> Iterator[tuple[Hall, str, str, int, int]]:
    """Give hall, kind, share, number and height of each batch of switches and servers, in the order they are placed."""
    fabrics = {fabric.name: fabric for fabric in factory.fabrics}
    for size in sizes:
        fabric = fabrics[size.fabric]
        hall = home(found, factory.site(size.site), fabric.pools)
        yield hall, "network", "", size.leaf + size.spine + size.core, switch_units(fabric)
    for tier in tiers:
        pools = [shape.pool.name for shape in found if shape.pool.zone == tier.zone]
        yield home(found, factory.site(tier.site), pools), "storage", tier.tier, len(tier.servers), SERVER_UNITS


def managed_ports(
    factory: AIFactory, found: Sequence[Shape], sizes: Sequence[FabricSize], tiers: Sequence[StoragePlan], before: Mapping[str, int]
) -> dict[str, int]:
    """Count the management ports of each site that has a network for them; never fewer than were counted before.

    Args:
        factory: the description.
        found: its pools.
        sizes: its planes, sized for the ports that were counted before.
        tiers: its storage.
        before: site name to the ports that were counted before.
    """
    more = support_racks(
        [(hall.name, kind, share, count, units) for hall, kind, share, count, units in support(factory, found, sizes, tiers)]
    )
    ports: dict[str, int] = {}
    for site in factory.sites:
        if any(manages(factory, fabric, site.name) for fabric in factory.fabrics):
            switches = sum(size.leaf + size.spine + size.core for size in sizes if size.site == site.name and size.role != "out-of-band")
            racks = sum(shape.racks for shape in found if shape.site.name == site.name)
            pdus = racks * site.power.rack_pdus + sum(more.get(hall.name, 0) for hall in site.halls) * SUPPORT_PDUS
            ports[site.name] = max(switches + pdus, before.get(site.name, 0))
    return {site: count for site, count in ports.items() if count}


def managed_names(sizes: Sequence[FabricSize], racks: Sequence[Rack]) -> dict[str, list[str]]:
    """Name what has a management port at each site: switches in the order of their fabrics, then each rack's PDUs, `<rack>-pdu-<number>`."""
    names: dict[str, list[str]] = {}
    for size in sizes:
        if size.role != "out-of-band":
            named = switch_names(size)
            names.setdefault(size.site, []).extend((*named.leaves, *named.spines, *named.cores))
    for rack in racks:
        names.setdefault(rack.site, []).extend(rack.pdu_names)
    return names
