"""Power by supply, rack PDU, rack, row, feed and site: at the rated peak, in typical work, and idle; swings and ramps.

The peak is the plan's, every machine at the upper end of its rating, and what the user says that switches and
servers draw; those that nobody knows the power of are bounded apart from it (`it.most`). Typical is a measured share of
the rating (76 % on eight H100 in training, at most 82 %); for other machines the same share is an
estimate. What a machine draws idle no source gives, so the user is asked. A synchronous job starts
and stops as one: with a limit r on how fast the load may change, a swing of P takes P / r, and a
store has to carry P^2 / (2 r) when the job ends at once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from sovereign_ai.assess.measure import plain
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog.systems import System
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.loads import rack_watts
from sovereign_ai.plan.power import SitePower
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.site import Hall, Site

_MEASURED = frozenset({"h100-sxm"})
"""Accelerators whose draw in training was measured."""


@dataclass(frozen=True, slots=True)
class Here:
    """What stands at one site.

    Attributes:
        site: the site.
        shapes: its pools.
        dark: devices without a figure, by kind: a switch's catalogue name, `switch` or `server`.
    """

    site: Site
    shapes: tuple[Shape, ...]
    dark: dict[str, int]

    @property
    def hottest(self) -> Hall:
        """Give the hall with the most heat."""
        heat: Counter[str] = Counter()
        for shape in self.shapes:
            heat[shape.hall.name] += shape.racks * rack_watts(shape.system, min(shape.per_rack, shape.total))
        return max((shape.hall for shape in self.shapes), key=lambda one: (heat[one.name], one.name))


def sites_of(factory: AIFactory, plan: Plan, shapes: Sequence[Shape]) -> Iterator[Here]:
    """Give every site with machines, with the devices whose power nobody gives."""
    fabrics = {fabric.name: fabric.switch or "switch" for fabric in factory.fabrics}
    kind = {one.name: fabrics[plane.fabric] for plane in plan.fabrics for one in plane.switches}
    dark: dict[str, Counter[str]] = {site.name: Counter() for site in factory.sites}
    for rack in plan.racks:
        dark[rack.site].update(kind.get(device, "server") for device in rack.unknown_power)
    for site in factory.sites:
        mine = tuple(shape for shape in shapes if shape.site.name == site.name)
        if mine:
            yield Here(site, mine, dict(sorted(dark[site.name].items())))


def add_system(sheet: Sheet, machine: System) -> None:
    """Add what one machine draws: `system.<name>.peak`, `.typical` and `.idle`, in watts."""
    name = f"system.{machine.name}"
    rack = machine.source_of("rack_power")
    if rack is not None and machine.nodes_per_rack:
        unit = 1000 if rack.unit == "kW" else 1
        sheet.figure(f"{name}.peak", rack, unit="W", scale=unit / machine.nodes_per_rack)
    else:
        found = machine.source_of("max_power")
        sheet.figure(f"{name}.peak", found, unit="W", scale=1000 if found and found.unit == "kW" else 1, question="rated watts")
    share = figure("engineering", "typical.h100" if machine.accelerator in _MEASURED else "typical.other")
    sheet.figure(f"{name}.typical-share", share)
    sheet.derive(f"{name}.typical", "W", "peak x typical share", lambda peak, part: peak * part, f"{name}.peak", f"{name}.typical-share")
    sheet.figure(
        f"{name}.idle", machine.source_of("idle_power"), unit="W", question=f"What does a {machine.name} draw without work, in watts?"
    )


def add_site(sheet: Sheet, here: Here, plan: Plan) -> None:
    """Add a site's power: by level at the peak, and whole at peak, typical and idle."""
    name = f"site.{here.site.name}"
    power = next(one for one in plan.power if one.site == here.site.name)
    machines: Counter[str] = Counter()
    for shape in here.shapes:
        add_system(sheet, shape.system)
        machines[shape.system.name] += shape.total
    counts = [sheet.plan(f"{name}.machines.{system}", count, "machines", "spares counted") for system, count in sorted(machines.items())]
    for kind in ("typical", "idle"):
        draws = [f"system.{system}.{kind}" for system in sorted(machines)]
        sheet.derive(f"{name}.machines.{kind}", "W", f"sum over systems of machines x {kind}", _products, *counts, *draws)
    _other(sheet, name, here)
    _peak(sheet, name, here, power)
    terms = [f"{name}.machines.typical", f"{name}.other"]
    sheet.derive(f"{name}.it.typical", "W", "machines in typical work + other equipment", lambda one, other: one + other, *terms)
    sheet.derive(
        f"{name}.it.idle", "W", "machines idle + other equipment", lambda one, other: one + other, f"{name}.machines.idle", terms[1]
    )
    _levels(sheet, name, here, plan)
    _feeds(sheet, name, power)


def _peak(sheet: Sheet, name: str, here: Here, power: SitePower) -> None:
    """Add the peak: the plan's load and devices with a figure; and the most that it can be, every other device at a bound."""
    counted = power.why["it_load"].partition(";")[0]
    sheet.plan(f"{name}.it.planned", power.it_load, "W", f"the plan's load: {counted}")
    both = (f"{name}.it.planned", f"{name}.other")
    sheet.derive(
        f"{name}.it.peak", "W", "load of the plan + other equipment", lambda load, other: load + other, *both, note=_missing(sheet, here)
    )
    unknown = sheet.plan(f"{name}.devices.unknown", dark(sheet, here), "devices", "switches and servers whose power no source gives")
    bound = sheet.figure("device.most", figure("engineering", "device.most"))
    parts = (f"{name}.it.peak", unknown, bound)
    sheet.derive(
        f"{name}.it.most",
        "W",
        "IT peak + devices of unknown power x the most that one draws",
        lambda peak, count, each: peak + count * each,
        *parts,
    )


def unknown_devices(sheet: Sheet, here: Here) -> tuple[str, ...]:
    """Give the figures that are missing of the power of switches and servers."""
    return tuple(name for name in (f"device.{kind}.power" for kind in here.dark) if name not in sheet.given)


def dark(sheet: Sheet, here: Here) -> int:
    """Count the switches and servers whose power neither a source nor the user gives."""
    return sum(count for kind, count in here.dark.items() if f"device.{kind}.power" not in sheet.given)


def said_unknown(sheet: Sheet, here: Here) -> str:
    """Say how many devices of unknown power there are, and what each may draw."""
    each = plain(sheet.ends("device.most")[1] / 1000, 6)
    return f"{dark(sheet, here):,} switches and servers of unknown power, each of up to {each} kW (device.most),"


def _missing(sheet: Sheet, here: Here) -> str:
    """Say how many devices are not counted; nothing where all are."""
    missing = dark(sheet, here)
    return f"{missing:,} switches and servers whose power no source gives are not counted" if missing else ""


def _feeds(sheet: Sheet, name: str, power: SitePower) -> None:
    """Add what each feed carries, with all up and after the worst loss of another; devices hang on feeds evenly, as in the plan."""
    feeds = len(power.feeds)
    for feed, watts in power.feeds.items():
        found = [("", watts, feeds, power.why["feeds"])]
        after = [of[feed] for lost, of in power.after_loss.items() if lost != feed]
        if after:
            found.append((".after-loss", max(after), feeds - 1, "the worst loss of another feed; " + power.why["after_loss"]))
        for suffix, load, over, why in found:
            planned = sheet.plan(f"{name}.feed.{feed}.planned{suffix}", load, "W", why)
            formula = f"load of the plan + other equipment / {over}"
            work = partial(_spread, over)
            sheet.derive(f"{name}.feed.{feed}{suffix or '.peak'}", "W", formula, work, planned, f"{name}.other")


def _spread(over: int, load: float, other: float) -> float:
    """Add other equipment, spread evenly over some feeds, to what one of them carries."""
    return load + other / over


def _products(*numbers: float) -> float:
    """Sum counts times draws."""
    half = len(numbers) // 2
    return sum(count * draw for count, draw in zip(numbers[:half], numbers[half:], strict=True))


def _other(sheet: Sheet, name: str, here: Here) -> None:
    """Add switches and servers: those with a figure of the catalogue's or the user's; the rest is said to be missing."""
    known = [kind for kind in here.dark if f"device.{kind}.power" in sheet.given]
    parts: list[str] = []
    for kind in known:
        parts += [
            sheet.plan(f"{name}.devices.{kind}", here.dark[kind], "devices", "counted by the plan"),
            sheet.ask(f"device.{kind}.power", "W", f"What does one {kind} draw, in watts?"),
        ]
    for kind in here.dark:
        sheet.ask(f"device.{kind}.power", "W", f"What does one {kind} draw, in watts?")
    sheet.derive(f"{name}.other", "W", "sum over devices of count x power", _alternating, *parts, note=_missing(sheet, here))


def _alternating(*numbers: float) -> float:
    """Sum counts times draws that stand in turn."""
    return sum(count * draw for count, draw in zip(numbers[::2], numbers[1::2], strict=True))


def _levels(sheet: Sheet, name: str, here: Here, plan: Plan) -> None:
    """Add the most that one supply, rack PDU, rack and row carries with everything up."""
    worst: dict[str, tuple[float, str]] = {}
    for shape in here.shapes:
        machine, count = shape.system, min(shape.per_rack, shape.total)
        watts = rack_watts(machine, count)
        if machine.supplies:
            _keep(
                worst,
                "supply",
                machine.worst_power.count / machine.supplies,
                f"{machine.name}: {machine.worst_power} over {machine.supplies} supplies",
            )
        share = pdu_share(machine.supplies or 0, here.site.power.rack_pdus, count)
        _keep(worst, "pdu", watts * float(share), f"{share} of a rack of {count} {machine.name}")
        _keep(worst, "rack", watts, f"{count} {machine.name}")
    rows: defaultdict[tuple[str, int], int] = defaultdict(int)
    for rack in plan.racks:
        if rack.site == here.site.name:
            rows[rack.hall, rack.row] += rack.power
    (hall, row), most = max(rows.items(), key=lambda one: (one[1], one[0]))
    _keep(worst, "row", most, f"row {row} of hall {hall}")
    for level, (draw, why) in worst.items():
        sheet.plan(f"{name}.{level}.peak", draw, "W", f"the most of any {level}: {why}")


def _keep(worst: dict[str, tuple[float, str]], level: str, watts: float, why: str) -> None:
    """Keep the larger."""
    if level not in worst or watts > worst[level][0]:
        worst[level] = (watts, why)


def pdu_share(supplies: int, pdus: int, machines: int) -> Fraction:
    """Give the largest share of a rack's load on one of its PDUs; supplies hang on the PDUs in turn through the rack.

    >>> pdu_share(supplies=6, pdus=3, machines=4), pdu_share(supplies=6, pdus=4, machines=1)
    (Fraction(1, 3), Fraction(1, 3))
    """
    if not supplies:
        return Fraction(1, pdus)
    on = [0] * pdus
    for number in range(supplies * machines):
        on[number % pdus] += 1
    return Fraction(max(on), supplies * machines)


def add_swings(sheet: Sheet, here: Here) -> None:
    """Add transients, the swing of training that starts or stops as one, and what a limit on ramps makes of it."""
    name = f"site.{here.site.name}"
    training = [shape for shape in here.shapes if shape.pool.purpose in ("training", "mixed")]
    names = [shape.system.name for shape in training]
    counts = [sheet.plan(f"{name}.pool.{shape.pool.name}.machines", shape.nodes, "machines", "spares not counted") for shape in training]
    draws = [f"system.{system}.typical" for system in names]
    sheet.derive(f"{name}.training.typical", "W", "sum over training pools of machines x typical", _products, *counts, *draws)
    idle = [f"system.{system}.idle" for system in names]
    sheet.derive(f"{name}.training.idle", "W", "sum over training pools of machines x idle", _products, *counts, *idle)
    factor = sheet.figure("transient", figure("engineering", "transient"))
    sheet.derive(
        f"{name}.transient",
        "W",
        "IT typical + (transient factor - 1) x training typical",
        lambda it, train, rise: it + (rise - 1) * train,
        f"{name}.it.typical",
        f"{name}.training.typical",
        factor,
        note="if all training jobs of the site exchange gradients in the same instant",
    )
    known = all(f"system.{system}.idle" in sheet.given for system in names) and bool(names)
    parts = [f"{name}.training.typical"] + ([f"{name}.training.idle"] if known else [])
    note = "" if known else "down to nothing, since what machines draw idle is not known: an upper bound"
    sheet.derive(f"{name}.swing", "W", "training typical - training idle", lambda high, low=0.0: high - low, *parts, note=note)
    limit = here.site.power.ramp_limit
    if limit is not None:
        sheet.plan(f"{name}.ramp-limit", limit.count, "W/s", "as described")
        both = (f"{name}.swing", f"{name}.ramp-limit")
        sheet.derive(f"{name}.ramp-time", "s", "swing / ramp limit", lambda swing, ramp: swing / ramp, *both)
        sheet.derive(
            f"{name}.ramp-store",
            "kWh",
            "swing^2 / (2 x ramp limit)",
            lambda swing, ramp: swing * swing / (2 * ramp) / 3.6e6,
            *both,
            note="what a battery or dummy load must take when training stops at once",
        )
