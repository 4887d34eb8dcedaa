"""Racks and the devices in them.

Racks are numbered through a hall: compute racks pool by pool, then racks of switches, then of storage. Our
assumptions, where there is no source: Switches take at most half of a rack's height, the rest is for cables
(this gives the four network racks of the H100 bill of materials). A storage tier has racks of its own. A
switch outside the catalogue and a storage server are two units high. Racks of switches and storage servers
have two PDUs, and draw at most what the hall allows a rack.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from sovereign_ai.catalog import Figure, server_power
from sovereign_ai.catalog.switch import ports_power, switch
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import numbered_labels
from sovereign_ai.plan.fabric.size import FabricSize
from sovereign_ai.plan.nodes import machine_name
from sovereign_ai.plan.power.loads import planned_watts
from sovereign_ai.plan.rounding import ceil_div
from sovereign_ai.plan.shapes import RACK_UNITS, Shape
from sovereign_ai.spec import AIFactory, Fabric, Hall, Site
from sovereign_ai.units import BitsPerSecond, Watts

NETWORK_UNITS = 24
"""Height that switches may take in a rack."""
SWITCH_UNITS = 2
"""Height of a switch that the catalogue does not contain."""
SERVER_UNITS = 2
"""Height of a storage server."""
SUPPORT_PDUS = 2
"""PDUs of a rack of switches or servers, as in the H100 bill of materials (12 for 6 racks)."""


@frozen_dataclass
class Rack:
    """One rack.

    Attributes:
        name: `<hall>-r001`, numbered through the hall; unique in the factory.
        site: its site.
        hall: its hall.
        row: row number from 0.
        kind: `compute`, `network` or `storage`.
        devices: names of the devices in it, from the bottom.
        rack_units: height units in use, of 48.
        power: watts at full load of everything in it, at the upper ends of ranges.
        pdus: feed name of each rack PDU.
    """

    name: str
    site: str
    hall: str
    row: int
    kind: str
    devices: tuple[str, ...]
    rack_units: int
    power: int
    pdus: tuple[str, ...]

    @property
    def pdu_names(self) -> tuple[str, ...]:
        """Names of its PDUs, `<site>-<rack>-pdu-<number>`, in their order; long ones end in a digest."""
        # With the site, since racks of two sites may have the same name.
        return numbered_labels(self.site, self.name, "pdu", count=len(self.pdus))


@frozen_dataclass
class Batch:
    """Devices of one kind that follow each other in racks of their own.

    Attributes:
        site: the site.
        hall: the hall.
        kind: `network` or `storage`.
        share: batches of one hall and share fill racks together.
        names: the devices.
        units: height of each.
        watts: power of each.
    """

    site: Site
    hall: Hall
    kind: str
    share: str
    names: Sequence[str]
    units: int
    watts: int


@frozen_dataclass
class SupportBatch:
    """Devices of one kind by number alone, before they have names.

    Attributes:
        hall: the hall.
        kind: `network` or `storage`.
        share: batches of one hall and share fill racks together.
        count: number of devices.
        units: height of each.
        watts: power of each.
    """

    hall: Hall
    kind: str
    share: str
    count: int
    units: int
    watts: int


def switch_units(fabric: Fabric, tier: str) -> int:
    """Return the height of a fabric's switches of one tier."""
    name = fabric.switch_of(tier)
    return (switch(name).rack_units if name else None) or SWITCH_UNITS


def switch_watts(fabric: Fabric, tier: str) -> int:
    """Return the power of a fabric's switch of one tier, the upper end of a range."""
    return switch_power(fabric, tier).worst(Watts).count


def switch_power(fabric: Fabric, tier: str) -> Figure:
    """Return the power of a fabric's switch of one tier.

    Without a model, or where the model's row has no watts, it has the range of its ports.
    """
    name = fabric.switch_of(tier)
    if name:
        return switch(name).power_figure
    return ports_power(_ports_by_rate(fabric, tier))


def switch_kind(fabric: Fabric, tier: str) -> str:
    """Return what the power of a fabric's switch depends on: its model, or the ports of an unnamed one.

    Returns:
        A catalogue name, or such as `switch-32x400g`.
    """
    name = fabric.switch_of(tier)
    if name:
        return name
    parts = []
    for rate, ports in _ports_by_rate(fabric, tier).items():
        number, unit = str(rate).split()
        parts.append(f"{ports}x{number}{unit[0].lower()}")
    return "-".join(("switch", *parts))


def _ports_by_rate(fabric: Fabric, tier: str) -> dict[BitsPerSecond, int]:
    """Return the ports of a switch without a model, by their rate in one plane before they are split."""
    below = BitsPerSecond(fabric.link.count * fabric.breakout // fabric.planes)
    above = BitsPerSecond((fabric.uplink or fabric.link).count // fabric.planes)
    if tier == "border" and fabric.border is not None and fabric.border.radix is not None:
        return {below: fabric.border.radix}
    if tier in ("spine", "core") and fabric.spine_radix:
        return {above: fabric.spine_radix}
    ports = {below: fabric.radix or 0}
    if tier in ("leaf", "border") and fabric.uplink_ports:
        ports[above] = ports.get(above, 0) + fabric.uplink_ports
    return ports


def server_watts(factory: AIFactory, tier: str) -> int:
    """Return the power of each storage server of a tier: the upper end of its medium's range."""
    described = next(candidate for candidate in factory.storage if candidate.name == tier)
    return server_power(described.media, described.server_drives).worst(Watts).count


def switch_batches(fabric: Fabric, size: FabricSize) -> tuple[tuple[str, int], ...]:
    """Return (tier, switches) of each switch model of a plane, and of its border leaves."""
    upper = size.spine + size.core
    border = (("border", size.border),) if size.border else ()
    if upper and (fabric.spine_switch is not None or fabric.spine_radix is not None):
        return (("leaf", size.leaf), ("spine", upper), *border)
    return (("leaf", size.leaf + upper), *border)


def home(shapes: Sequence[Shape], site: Site, pools: Sequence[str]) -> Hall:
    """Return the hall for devices that serve some pools: the first pool's, else the site's first."""
    for shape in shapes:
        if shape.site.name == site.name and (not pools or shape.pool.name in pools):
            return shape.hall
    return site.halls[0]


def support_racks(batches: Sequence[SupportBatch]) -> dict[str, int]:
    """Count racks of switches and storage servers from numbers alone, by hall.

    The result equals the number of racks that `more_racks` fills with the same batches.
    """
    racks_in: defaultdict[str, int] = defaultdict(int)
    for hall, racks, _ in _support_runs(batches):
        racks_in[hall] += racks
    return dict(racks_in)


def support_watts(batches: Sequence[SupportBatch]) -> dict[str, int]:
    """Return the watts of switches and storage servers, by hall."""
    watts_in: defaultdict[str, int] = defaultdict(int)
    for batch in batches:
        watts_in[batch.hall.name] += batch.count * batch.watts
    return dict(watts_in)


def hottest_support_rack(batches: Sequence[SupportBatch]) -> dict[str, int]:
    """Return the watts of the hottest rack of switches or storage servers, by hall."""
    hottest: dict[str, int] = {}
    for hall, _, watts in _support_runs(batches):
        hottest[hall] = max(watts, hottest.get(hall, 0))
    return hottest


def _support_runs(batches: Sequence[SupportBatch]) -> Iterator[tuple[str, int, int]]:
    """Fill racks from numbers alone; yield the hall, new racks, and the watts of the hottest rack touched."""
    has_rack: set[tuple[str, str, str]] = set()
    # Units and watts in use in the last rack of each.
    used: dict[tuple[str, str, str], tuple[int, int]] = {}
    for batch in batches:
        key = (batch.hall.name, batch.kind, batch.share)
        units, watts = used.get(key, (0, 0))
        rest = batch.count
        if key in has_rack:
            fits = min(_fitting(batch, units, watts), rest)
            used[key] = (units + fits * batch.units, watts + fits * batch.watts)
            yield batch.hall.name, 0, used[key][1]
            rest -= fits
        if rest:
            has_rack.add(key)
            per_rack = max(_fitting(batch, 0, 0), 1)
            racks = ceil_div(rest, per_rack)
            last = rest - (racks - 1) * per_rack
            used[key] = (last * batch.units, last * batch.watts)
            yield batch.hall.name, racks, min(rest, per_rack) * batch.watts


def _fitting(batch: SupportBatch, units: int, watts: int) -> int:
    """Return how many devices of a batch fit beside some units and watts, by height and by power."""
    fits = max(_usable_units(batch.kind) - units, 0) // batch.units
    if batch.watts:
        fits = min(fits, max(batch.hall.rack_limit.count - watts, 0) // batch.watts)
    return fits


def _usable_units(kind: str) -> int:
    """Return the height that devices may take in a rack."""
    return NETWORK_UNITS if kind == "network" else RACK_UNITS


def compute_racks(shapes: Sequence[Shape]) -> dict[str, list[Rack]]:
    """Return each pool's racks, with their servers' names."""
    racks_in: defaultdict[str, int] = defaultdict(int)
    racks_of: dict[str, list[Rack]] = {}
    for shape in shapes:
        racks: list[Rack] = []
        # Power is computed once for a full rack and once for the last one, not for each of thousands of
        # racks.
        watts: dict[int, int] = {}
        for machines in (shape.per_rack, shape.total % shape.per_rack):
            if machines:
                watts[machines] = planned_watts(shape, machines)
        hall = shape.hall.name
        for start in range(0, shape.total, shape.per_rack):
            stop = min(start + shape.per_rack, shape.total)
            count = stop - start
            names = tuple(machine_name(shape.pool.name, position) for position in range(start, stop))
            height = (shape.system.rack_units or 0) * count
            number = racks_in[hall]
            racks_in[hall] += 1
            racks.append(_make_rack(shape.site, shape.hall, number, "compute", names, height, watts[count]))
        racks_of[shape.pool.name] = racks
    return racks_of


def more_racks(batches: Sequence[Batch], compute: Mapping[str, Sequence[Rack]]) -> list[Rack]:
    """Return the racks of switches and storage servers, numbered after the compute racks of their halls."""
    racks_in: defaultdict[str, int] = defaultdict(int)
    for pool_racks in compute.values():
        for rack in pool_racks:
            racks_in[rack.hall] += 1
    racks: list[Rack] = []
    for stack in _fill_racks(batches):
        first = stack[0][0]
        number = racks_in[first.hall.name]
        racks_in[first.hall.name] += 1
        names: list[str] = []
        height = power = 0
        for batch, name in stack:
            names.append(name)
            height += batch.units
            power += batch.watts
        racks.append(_make_rack(first.site, first.hall, number, first.kind, tuple(names), height, power))
    return racks


def _fill_racks(batches: Sequence[Batch]) -> Iterator[list[tuple[Batch, str]]]:
    """Yield the contents of one rack after the other, each kind and share by itself."""
    keys = list(dict.fromkeys((batch.hall.name, batch.kind, batch.share) for batch in batches))
    # Network racks come before storage racks. The sort is stable, so each kind keeps the order of the
    # description.
    keys.sort(key=lambda key: key[1])
    for key in keys:
        stack: list[tuple[Batch, str]] = []
        height = power = 0
        for batch in batches:
            if (batch.hall.name, batch.kind, batch.share) != key:
                continue
            for name in batch.names:
                is_too_high = height + batch.units > _usable_units(batch.kind)
                is_too_hot = power + batch.watts > batch.hall.rack_limit.count
                if stack and (is_too_high or is_too_hot):
                    yield stack
                    stack, height, power = [], 0, 0
                stack.append((batch, name))
                height += batch.units
                power += batch.watts
        if stack:
            yield stack


def _make_rack(
    site: Site, hall: Hall, number: int, kind: str, devices: tuple[str, ...], height: int, power: int
) -> Rack:
    """Return one rack; `number` counts from 0 through the hall."""
    feeds = sorted(site.power.feeds)
    pdus = site.power.rack_pdus if kind == "compute" else SUPPORT_PDUS
    # Each rack starts at the next feed, so that PDUs are spread evenly where there are more feeds than PDUs.
    pdu_feeds = tuple(feeds[(number + pdu) % len(feeds)] for pdu in range(pdus))
    return Rack(
        name=f"{hall.name}-r{number + 1:03d}",
        site=site.name,
        hall=hall.name,
        row=number // hall.row,
        kind=kind,
        devices=devices,
        rack_units=height,
        power=power,
        pdus=pdu_feeds,
    )
