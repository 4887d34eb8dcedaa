"""Power of a site at the rated peak, in typical work and idle, by level from supply to site; and its ramps.

The peak is the plan's: every machine at the upper end of its rating. Switches and storage servers draw
between the ends of their figures, of which the plan takes the upper one; a figure of the user replaces ours.
Typical power is a measured share of the rating (76 % on eight H100 in training, at most 82 %); for other
servers the same share is an estimate. No source gives the idle power of a server, so the user is asked.

A synchronous job starts and stops as one. With a limit r on how fast the load may change, a swing of P takes
P / r, and a store has to carry P^2 / (2 r) when the job ends at once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import partial

from sovereign_ai.assess.sheet import Sheet, weighted_sum
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog import Figure, server_power
from sovereign_ai.catalog.system import System
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan, Shape, limited_shapes, pool_shapes, switch_kind, switch_power
from sovereign_ai.plan.fabric import fabrics_by_name
from sovereign_ai.plan.power import (
    SitePower,
    planned_watts,
    rack_watts,
    transformer_loss_share,
    ups_loss_share,
)
from sovereign_ai.spec import AIFactory, Hall, Site, StorageTier
from sovereign_ai.text import counted
from sovereign_ai.units import Watts

_MEASURED = frozenset({"h100-sxm"})
"""Accelerators whose power in training was measured."""


@frozen_dataclass
class RatedDevices:
    """Equal switches or storage servers of a site.

    Attributes:
        count: how many there are.
        watts: what the plan counts for all of them: the upper end of the figure.
        figure: the power of each, a range where it depends on what is plugged in.
    """

    count: int
    watts: int
    figure: Figure


@frozen_dataclass
class SiteEquipment:
    """A site with its pools, switches and storage servers.

    Attributes:
        site: the site.
        shapes: its pools.
        rated: devices by kind: a switch's catalogue name; without one its ports, such as
            `switch-32x400g`; for storage servers such as `server-24-nvme` their drives and medium.
    """

    site: Site
    shapes: tuple[Shape, ...]
    rated: dict[str, RatedDevices]

    @property
    def name(self) -> str:
        """The site's name."""
        return self.site.name

    @property
    def servers(self) -> int:
        """The number of its servers, spares included."""
        return sum(shape.total for shape in self.shapes)

    @property
    def hottest(self) -> Hall:
        """The hall with the most heat."""
        heat: Counter[str] = Counter()
        for shape in self.shapes:
            heat[shape.hall.name] += shape.racks * rack_watts(shape.system, min(shape.per_rack, shape.total))
        return max((shape.hall for shape in self.shapes), key=lambda hall: (heat[hall.name], hall.name))


def equipment_of_sites(factory: AIFactory, plan: Plan, shapes: Sequence[Shape]) -> Iterator[SiteEquipment]:
    """Yield every site with servers, with its switches and storage servers by kind."""
    counts = _count_devices(factory, plan)
    powers = _storage_servers(factory) | _switches(factory)
    for site in factory.sites:
        pools = []
        for shape in shapes:
            if shape.site.name == site.name:
                pools.append(shape)
        if pools:
            rated: dict[str, RatedDevices] = {}
            for kind, count in sorted(counts[site.name].items()):
                power = powers[kind]
                rated[kind] = RatedDevices(count, count * power.worst(Watts).count, power)
            yield SiteEquipment(site, tuple(pools), rated)


def planned_shapes(factory: AIFactory, plan: Plan) -> tuple[Shape, ...]:
    """Return the pools of a description with the limits that its plan derived from caps on power."""
    limits: dict[str, int] = {}
    for power in plan.power:
        limits.update(power.limits)
    return limited_shapes(pool_shapes(factory), limits)


def _count_devices(factory: AIFactory, plan: Plan) -> dict[str, Counter[str]]:
    """Count the switches and storage servers of each site by kind."""
    fabrics = fabrics_by_name(factory)
    kinds: dict[str, str] = {}
    for plane in plan.fabrics:
        for device in plane.switches:
            kinds[device.name] = switch_kind(fabrics[plane.fabric], device.tier)
    tiers = {tier.name: tier for tier in factory.storage}
    for storage in plan.storage:
        kinds.update(dict.fromkeys(storage.servers, _kind_of_server(tiers[storage.tier])))
    counts: dict[str, Counter[str]] = {}
    for site in factory.sites:
        counts[site.name] = Counter()
    for rack in plan.racks:
        if rack.kind == "compute":
            continue
        for name in rack.devices:
            counts[rack.site][kinds[name]] += 1
    return counts


def _kind_of_server(tier: StorageTier) -> str:
    """Return the kind of a tier's storage servers: what their power depends on."""
    return f"server-{tier.server_drives}-{tier.media}"


def _storage_servers(factory: AIFactory) -> dict[str, Figure]:
    """Return the power of a storage server by kind."""
    powers: dict[str, Figure] = {}
    for tier in factory.storage:
        powers[_kind_of_server(tier)] = server_power(tier.media, tier.server_drives)
    return powers


def _switches(factory: AIFactory) -> dict[str, Figure]:
    """Return the power of switches by kind."""
    powers: dict[str, Figure] = {}
    for fabric in factory.fabrics:
        for tier in fabric.switch_tiers:
            powers[switch_kind(fabric, tier)] = switch_power(fabric, tier)
    return powers


def add_system(sheet: Sheet, system: System) -> None:
    """Add the power of one server: `system.<name>.peak`, `.typical` and `.idle`, in watts."""
    name = f"system.{system.name}"
    _rated_peak(sheet, f"{name}.peak", system)
    share = figure("engineering", "typical.h100" if system.accelerator in _MEASURED else "typical.other")
    sheet.figure(f"{name}.typical-share", share)
    parts = (f"{name}.peak", f"{name}.typical-share")
    sheet.derive(f"{name}.typical", "W", "peak x typical share", lambda peak, part: peak * part, *parts)
    question = f"What does a {system.name} draw without work, in watts?"
    idle = system.source_of("idle_power")
    scale = 1000 if idle and idle.unit == "kW" else 1
    sheet.figure(f"{name}.idle", idle, unit="W", scale=scale, question=question)


def _rated_peak(sheet: Sheet, name: str, system: System) -> None:
    """Add the rated power of one server: its part of a rack-scale system's rating, or its own."""
    rack = system.source_of("rack_power")
    if rack is not None and system.nodes_per_rack:
        unit = 1000 if rack.unit == "kW" else 1
        sheet.figure(name, rack, unit="W", scale=unit / system.nodes_per_rack)
        return
    rating = system.source_of("max_power")
    scale = 1000 if rating and rating.unit == "kW" else 1
    sheet.figure(name, rating, unit="W", scale=scale, question="rated watts")


def site_power(plan: Plan, site: str) -> SitePower:
    """Return the planned power of a site that has servers."""
    return next(power for power in plan.power if power.site == site)


def add_site(sheet: Sheet, equipment: SiteEquipment, plan: Plan) -> None:
    """Add a site's power: by level at the peak, and in total at peak, typical and idle."""
    name = f"site.{equipment.name}"
    power = site_power(plan, equipment.name)
    machines: Counter[str] = Counter()
    for shape in equipment.shapes:
        add_system(sheet, shape.system)
        machines[shape.system.name] += shape.total
    systems = sorted(machines)
    counts: list[str] = []
    for system in systems:
        count = machines[system]
        counts.append(sheet.plan(f"{name}.machines.{system}", count, "machines", "spares counted"))
    for kind in ("typical", "idle"):
        draws = _measures_of(systems, kind)
        if kind == "typical":
            draws = _capped(sheet, equipment, systems, power)
        formula = f"sum over systems of machines x {kind}"
        sheet.derive(f"{name}.machines.{kind}", "W", formula, _products, *counts, *draws)
    _other(sheet, name, equipment)
    _peak(sheet, name, power)
    other = f"{name}.other"
    formula = "machines in typical work + other equipment"
    sheet.derive(f"{name}.it.typical", "W", formula, _sum, f"{name}.machines.typical", other)
    formula = "machines idle + other equipment"
    sheet.derive(f"{name}.it.idle", "W", formula, _sum, f"{name}.machines.idle", other)
    _levels(sheet, name, equipment, plan)
    _feeds(sheet, name, power)
    _chain_losses(sheet, equipment, power)


def _chain_losses(sheet: Sheet, equipment: SiteEquipment, power: SitePower) -> None:
    """Add the described losses of UPS and transformers over IT, between half and all of the planned load."""
    kinds = (("ups-loss", ups_loss_share), ("transformer-loss", transformer_loss_share))
    for kind, share_at in kinds:
        shares: list[float] = []
        for part in (Fraction(1, 2), Fraction(3, 4), Fraction(1)):
            share = share_at(equipment.site, power, part)
            if share is not None:
                shares.append(float(share))
        if shares:
            name = f"site.{equipment.name}.{kind}"
            why = "as described, at three quarters of the planned load; the range is from half to all of it"
            sheet.plan(name, shares[1], "1", _graded(power, why), min(shares), max(shares))


def _graded(power: SitePower, why: str) -> str:
    """Return a reason with the grade of the efficiency that it rests on."""
    for element in power.chain:
        if element.grade:
            return f"{why}; {element.why['losses']}"
    return why


def _capped(sheet: Sheet, equipment: SiteEquipment, systems: Sequence[str], power: SitePower) -> list[str]:
    """Return the names of the typical power of some systems, none above what the cap lets them draw."""
    names: list[str] = []
    for system in systems:
        limits: dict[int, str] = {}
        limited = 0
        pools = [shape for shape in equipment.shapes if shape.system.name == system]
        for shape in pools:
            if shape.pool.name in power.limits:
                limits[power.limits[shape.pool.name]] = power.limit_reason(shape.pool.name)
                limited += 1
        typical = f"system.{system}.typical"
        # A system of which one pool is not capped may draw what it does.
        if not limits or limited < len(pools):
            names.append(typical)
            continue
        prefix = f"site.{equipment.name}.capped.{system}"
        limit = sheet.plan(f"{prefix}.limit", max(limits), "W", limits[max(limits)])
        names.append(sheet.derive(f"{prefix}.typical", "W", "at most the cap", min, typical, limit))
    return names


def _measures_of(systems: Sequence[str], kind: str) -> list[str]:
    """Return the names of one kind of power of some systems, in their order."""
    return [f"system.{system}.{kind}" for system in systems]


def _sum(watts: float, other: float) -> float:
    """Return two powers together."""
    return watts + other


def _peak(sheet: Sheet, name: str, power: SitePower) -> None:
    """Add the peak from the plan's load."""
    why = f"the plan's load: {power.why['it_load']}"
    planned = sheet.plan(f"{name}.it.planned", power.it_load, "W", why)
    peak, formula = f"{name}.it.peak", "load of the plan - other equipment in it + other equipment"
    parts = (planned, f"{name}.other.planned", f"{name}.other")
    sheet.derive(peak, "W", formula, partial(_spread, 1), *parts)


def _feeds(sheet: Sheet, name: str, power: SitePower) -> None:
    """Add the power of each feed, with all feeds up and after the worst loss of another.

    Devices are spread over the feeds evenly, as in the plan.
    """
    feeds = len(power.feeds)
    for feed, watts in power.feeds.items():
        own = f"{name}.feed.{feed}"
        planned = sheet.plan(f"{own}.planned", watts, "W", power.why["feeds"])
        _feed(sheet, f"{own}.peak", planned, f"{name}.other", feeds)
        after = []
        for lost, loads in power.after_loss.items():
            if lost != feed:
                after.append(loads[feed])
        if after:
            why = "the worst loss of another feed; " + power.why["after_loss"]
            planned = sheet.plan(f"{own}.planned.after-loss", max(after), "W", why)
            # One feed is lost, so the others share what it carried of the other equipment.
            _feed(sheet, f"{own}.after-loss", planned, f"{name}.other", feeds - 1)


def _feed(sheet: Sheet, name: str, planned: str, other: str, feeds: int) -> None:
    """Add the power of one feed: its planned load with its part of the other equipment."""
    formula = f"load of the plan + (other equipment - what the plan counts of it) / {feeds}"
    sheet.derive(name, "W", formula, partial(_spread, feeds), planned, f"{other}.planned", other)


def _spread(feeds: int, load: float, counted: float, other: float) -> float:
    """Return a feed's load with its even part of the other equipment in place of what the plan counts."""
    return load + (other - counted) / feeds


def _products(*numbers: float) -> float:
    """Return the sum of counts times powers: first all counts, then all powers."""
    half = len(numbers) // 2
    return weighted_sum(numbers[:half], numbers[half:])


def _other(sheet: Sheet, name: str, equipment: SiteEquipment) -> None:
    """Add the switches and storage servers, each with its figure or the user's."""
    parts: list[str] = []
    for kind, devices in equipment.rated.items():
        question = f"What does one {kind} draw, in watts?"
        scale = 1000 if devices.figure.unit == "kW" else 1
        parts.append(sheet.plan(f"{name}.devices.{kind}", devices.count, "devices", "counted by the plan"))
        power = f"device.{kind}.power"
        parts.append(sheet.figure(power, devices.figure, unit="W", scale=scale, question=question))
    formula = "sum over devices of count x power"
    sheet.derive(f"{name}.other", "W", formula, _alternating, *parts)
    counted = sum(devices.watts for devices in equipment.rated.values())
    why = "switches and servers in the plan's load, at the upper end of their figures"
    sheet.plan(f"{name}.other.planned", counted, "W", why)


def _alternating(*numbers: float) -> float:
    """Return the sum of counts times powers: each count is followed by its power."""
    return weighted_sum(numbers[::2], numbers[1::2])


def _levels(sheet: Sheet, name: str, equipment: SiteEquipment, plan: Plan) -> None:
    """Add the most that one supply, rack PDU, rack and row carries with everything up."""
    worst: dict[str, tuple[float, str]] = {}
    limits = site_power(plan, equipment.name).limits
    for shape in equipment.shapes:
        system, count = shape.system, min(shape.per_rack, shape.total)
        if not count:
            continue  # it comes in a later phase
        watts = planned_watts(shape, count)
        supplies, _ = system.decided_supplies or (0, 0)
        if supplies:
            machine = min(system.worst_power, Watts(limits.get(shape.pool.name, system.worst_power.count)))
            each = machine.count / supplies
            why = f"{system.name}: {machine} over {counted(supplies, 'supply', 'supplies')}"
            _keep(worst, "supply", each, why)
        share = pdu_share(supplies, equipment.site.power.rack_pdus, count)
        _keep(worst, "pdu", watts * float(share), f"{share} of a rack of {count} {system.name}")
        _keep(worst, "rack", watts, f"{count} {system.name}")
    rows: defaultdict[tuple[str, int], int] = defaultdict(int)
    for rack in plan.racks:
        if rack.site == equipment.name:
            rows[rack.hall, rack.row] += rack.power
    # Of rows that draw the same, the last by name, so that the report does not change from run to run.
    (hall, row), most = max(rows.items(), key=lambda item: (item[1], item[0]))
    _keep(worst, "row", most, f"row {row} of hall {hall}")
    for level, (draw, why) in worst.items():
        sheet.plan(f"{name}.{level}.peak", draw, "W", f"the most of any {level}: {why}")


def _keep(worst: dict[str, tuple[float, str]], level: str, watts: float, why: str) -> None:
    """Keep the larger of a level's power so far and a new one."""
    if level not in worst or watts > worst[level][0]:
        worst[level] = (watts, why)


def pdu_share(supplies: int, pdus: int, machines: int) -> Fraction:
    """Return the largest share of a rack's load on one of its PDUs.

    The supplies of a rack are plugged into its PDUs in turn, from the first server through the last.

    >>> pdu_share(supplies=6, pdus=3, machines=4), pdu_share(supplies=6, pdus=4, machines=1)
    (Fraction(1, 3), Fraction(1, 3))
    """
    if not supplies:
        return Fraction(1, pdus)
    on = [0] * pdus
    for number in range(supplies * machines):
        on[number % pdus] += 1
    return Fraction(max(on), supplies * machines)


def add_swings(sheet: Sheet, equipment: SiteEquipment, plan: Plan) -> None:
    """Add transients, the swing of training that starts or stops as one, and its ramps."""
    name = f"site.{equipment.name}"
    systems: list[str] = []
    counts: list[str] = []
    for shape in equipment.shapes:
        if shape.pool.trains:
            systems.append(shape.system.name)
            pool = f"{name}.pool.{shape.pool.name}.machines"
            counts.append(sheet.plan(pool, shape.nodes, "machines", "spares not counted"))
    typical, idle = f"{name}.training.typical", f"{name}.training.idle"
    draws = _capped(sheet, equipment, systems, site_power(plan, equipment.name))
    sheet.derive(typical, "W", "sum over training pools of machines x typical", _products, *counts, *draws)
    draws = _measures_of(systems, "idle")
    sheet.derive(idle, "W", "sum over training pools of machines x idle", _products, *counts, *draws)
    factor = sheet.figure("transient", figure("engineering", "transient"))
    sheet.derive(
        f"{name}.transient",
        "W",
        "IT typical + (transient factor - 1) x training typical",
        lambda it, train, rise: it + (rise - 1) * train,
        f"{name}.it.typical",
        typical,
        factor,
        note="if all training jobs of the site exchange gradients in the same instant",
    )
    _swing(sheet, name, systems, typical, idle)
    _ramp(sheet, name, equipment.site)


def _swing(sheet: Sheet, name: str, systems: Sequence[str], typical: str, idle: str) -> None:
    """Add the swing between training and idle servers, or to nothing if their idle power is not known."""
    known = bool(systems) and sheet.value(idle) is not None
    parts = [typical, idle] if known else [typical]
    note = "" if known else "down to nothing, since what machines draw idle is not known: an upper bound"
    formula = "training typical - training idle"
    work = lambda high, low=0.0: high - low  # noqa: E731 - the formula, used once
    sheet.derive(f"{name}.swing", "W", formula, work, *parts, note=note)


def _ramp(sheet: Sheet, name: str, site: Site) -> None:
    """Add the time of a swing under a described limit on ramps, and the store that covers a sudden end."""
    limit = site.power.ramp_limit
    if limit is None:
        return
    both = (f"{name}.swing", sheet.plan(f"{name}.ramp-limit", limit.count, "W/s", "as described"))
    sheet.derive(f"{name}.ramp-time", "s", "swing / ramp limit", lambda swing, ramp: swing / ramp, *both)
    sheet.derive(
        f"{name}.ramp-store",
        "kWh",
        "swing^2 / (2 x ramp limit)",
        # Joules to kilowatt-hours.
        lambda swing, ramp: swing * swing / (2 * ramp) / 3.6e6,
        *both,
        note="what a battery or dummy load must take when training stops at once",
    )
