"""Racks and what stands in them.

Racks are numbered through a hall: compute racks pool by pool, then switches, then storage. Our
assumptions, where no source speaks: switches take at most half of a rack's height, the rest is for
cables (this gives the four network racks of the H100 bill of materials); a storage tier has racks
of its own; a switch outside the catalogue and a storage server are two units high; racks of
switches and servers have two PDUs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sovereign_ai.catalog.switches import switch
from sovereign_ai.plan.loads import rack_watts
from sovereign_ai.plan.nodes import machine_name
from sovereign_ai.plan.shapes import RACK_UNITS, Shape
from sovereign_ai.spec.fabric import Fabric
from sovereign_ai.spec.site import Hall, Site

NETWORK_UNITS = 24
"""Height that switches may take in a rack."""
SWITCH_UNITS = 2
"""Height of a switch that the catalogue does not know."""
SERVER_UNITS = 2
"""Height of a storage server."""
SUPPORT_PDUS = 2
"""PDUs of a rack of switches or servers, as in the H100 bill of materials (12 for 6 racks)."""


@dataclass(frozen=True, slots=True)
class Rack:
    """One rack.

    Attributes:
        name: `<hall>-r001`, numbered through the hall; unique in the factory.
        site: its site.
        hall: its hall.
        row: row number from 0.
        kind: `compute`, `network` or `storage`.
        devices: names of what stands in it, from the bottom.
        rack_units: height units taken, out of 48.
        power: watts at full load of everything in it whose power is known.
        unknown_power: devices whose power no source gives; their watts are not in `power`.
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
    unknown_power: tuple[str, ...]
    pdus: tuple[str, ...]

    @property
    def pdu_names(self) -> tuple[str, ...]:
        """Names of its PDUs, `<rack>-pdu-<number>`, in the order of `pdus`."""
        return tuple(f"{self.name}-pdu-{number}" for number in range(1, len(self.pdus) + 1))


@dataclass(frozen=True, slots=True)
class Batch:
    """Devices of one kind that stand one after the other in racks of their own sort.

    Attributes:
        site: the site.
        hall: the hall.
        kind: `network` or `storage`.
        share: batches of one hall and share fill racks together.
        names: the devices.
        units: height of each.
        watts: power of each; None where no source gives it.
    """

    site: Site
    hall: Hall
    kind: str
    share: str
    names: Sequence[str]
    units: int
    watts: int | None


def switch_units(fabric: Fabric) -> int:
    """Give the height of a fabric's switches."""
    return (switch(fabric.switch).rack_units if fabric.switch else None) or SWITCH_UNITS


def switch_watts(fabric: Fabric) -> int | None:
    """Give the power of a fabric's switch; None where no source gives it."""
    power = switch(fabric.switch).power if fabric.switch else None
    return power.count if power else None


def home(shapes: Sequence[Shape], site: Site, pools: Sequence[str]) -> Hall:
    """Give the hall for what serves some pools at a site: that of the first of them, else the site's first."""
    return next((shape.hall for shape in shapes if shape.site.name == site.name and (not pools or shape.pool.name in pools)), site.halls[0])


def support_racks(batches: Sequence[tuple[str, str, str, int, int]]) -> dict[str, int]:
    """Count racks of switches and servers from numbers alone.

    Args:
        batches: hall, kind, share, devices and height of each.
    """
    used: defaultdict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, RACK_UNITS])
    for hall, kind, share, count, units in batches:
        room = _room(kind)
        state = used[hall, kind, share]
        fits = max((room - state[1]) // units, 0) if state[0] else 0
        rest = count - min(fits, count)
        if not rest:
            state[1] += count * units
            continue
        each = max(room // units, 1)
        racks = -(-rest // each)
        state[0] += racks
        state[1] = (rest - (racks - 1) * each) * units
    found: defaultdict[str, int] = defaultdict(int)
    for (hall, _, _), (racks, _) in used.items():
        found[hall] += racks
    return dict(found)


def _room(kind: str) -> int:
    """Give the height that devices may take in a rack."""
    return NETWORK_UNITS if kind == "network" else RACK_UNITS


def compute_racks(shapes: Sequence[Shape]) -> dict[str, list[Rack]]:
    """Give each pool's racks, with their machines' names."""
    taken: defaultdict[str, int] = defaultdict(int)
    found: dict[str, list[Rack]] = {}
    for shape in shapes:
        racks: list[Rack] = []
        watts = {machines: rack_watts(shape.system, machines) for machines in {shape.per_rack, shape.total % shape.per_rack} if machines}
        for start in range(0, shape.total, shape.per_rack):
            stop = min(start + shape.per_rack, shape.total)
            names = tuple(machine_name(shape.pool.name, position) for position in range(start, stop))
            height = (shape.system.rack_units or 0) * (stop - start)
            racks.append(_rack(shape.site, shape.hall, taken[shape.hall.name], "compute", names, height, watts[stop - start]))
            taken[shape.hall.name] += 1
        found[shape.pool.name] = racks
    return found


def more_racks(batches: Sequence[Batch], compute: Mapping[str, Sequence[Rack]]) -> list[Rack]:
    """Give the racks of switches and servers, numbered on from the compute racks of their halls."""
    taken: defaultdict[str, int] = defaultdict(int)
    for racks in compute.values():
        for rack in racks:
            taken[rack.hall] += 1
    found: list[Rack] = []
    for stack in _stacks(batches):
        batch = stack[0][0]
        number = taken[batch.hall.name]
        taken[batch.hall.name] += 1
        names = tuple(name for _, name in stack)
        height, power = sum(one.units for one, _ in stack), sum(one.watts or 0 for one, _ in stack)
        unknown = tuple(name for one, name in stack if one.watts is None)
        found.append(_rack(batch.site, batch.hall, number, batch.kind, names, height, power, unknown))
    return found


def _stacks(batches: Sequence[Batch]) -> Iterator[list[tuple[Batch, str]]]:
    """Fill racks one after the other, each kind and share by itself."""
    shares = dict.fromkeys((batch.hall.name, batch.kind, batch.share) for batch in batches)
    for share in sorted(shares, key=lambda one: (one[1], list(shares).index(one))):
        stack: list[tuple[Batch, str]] = []
        height = 0
        for batch in batches:
            if (batch.hall.name, batch.kind, batch.share) != share:
                continue
            for name in batch.names:
                if stack and height + batch.units > _room(batch.kind):
                    yield stack
                    stack, height = [], 0
                stack.append((batch, name))
                height += batch.units
        if stack:
            yield stack


def _rack(
    site: Site, hall: Hall, number: int, kind: str, devices: tuple[str, ...], height: int, power: int, unknown: tuple[str, ...] = ()
) -> Rack:
    """Give one rack; `number` counts from 0 through the hall."""
    feeds = sorted(site.power.feeds)
    pdus = site.power.rack_pdus if kind == "compute" else SUPPORT_PDUS
    return Rack(
        name=f"{hall.name}-r{number + 1:03d}",
        site=site.name,
        hall=hall.name,
        row=number // hall.row,
        kind=kind,
        devices=devices,
        rack_units=height,
        power=power,
        unknown_power=unknown,
        pdus=tuple(feeds[(number + pdu) % len(feeds)] for pdu in range(pdus)),
    )
