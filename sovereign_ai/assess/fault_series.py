"""Faults as fleets have them: drawn from counted rates over a plan's own failure domains, by a seed.

    series = draw(plan, "lab", seed=7, days=30)      # the same seed and plan, the same faults
    write(Path("faults.csv"), to_text(series))       # and back: parse_series(text, "faults.csv", plan, "lab")

What happens to one machine follows the counts of the Llama 3 paper (`assess/data/failures.json`); what hangs
together follows estimates with ranges (`assess/data/faults.json`). Which machines a lost switch, power unit
or rack takes along follows from the plan. Silent corruption is left out: nobody reports it. How often a whole
rail or scalable unit is lost, a switch's daemon hangs or an API server is slow is not known, so that a file
may name them and no seed draws them.

Counted were machines with GPUs, so that machines without any have no faults of their own here. A GPU whose
driver reports no faults by numbers breaks as often as any other, and its machine falls silent.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum

from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog.accelerator import accelerator_of
from sovereign_ai.catalog.system import system
from sovereign_ai.errors import Problem, SpecError, Where, nearest
from sovereign_ai.files import FAULTS, rows
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Node, Plan, Rack
from sovereign_ai.text import counted

_DAY, _YEAR_DAYS = 86_400.0, 365.25
_HEADER = ("seconds", "domain", "unit", "gpu", "code", "repair")
MOST_FAULTS = 100_000
"""Faults of one series."""
LONGEST_DAYS = 3_660


class FaultDomain(StrEnum):
    """What a fault takes out."""

    APPLICATION = "application"
    """Nothing: a program made its GPU report an Xid."""
    GPU = "gpu"
    THERMAL = "thermal"
    NIC = "nic"
    NODE = "node"
    NVLINK = "nvlink"
    LEAF = "leaf"
    RAIL = "rail"
    SPINE = "spine"
    PDU = "pdu"
    FEED = "feed"
    RACK = "rack"
    SCALABLE_UNIT = "scalable-unit"
    SWITCH_DAEMON = "switch-daemon"
    """A daemon of a leaf or spine restarts or hangs: it forwards nothing, with its power and its ports up."""
    API_SERVER = "api-server"
    """No machine: the cluster's API server is slow."""

    @property
    def is_silent(self) -> bool:
        """Whether a machine reports nothing of such a fault but its silence."""
        return self in {self.NODE, self.PDU, self.FEED, self.RACK, self.SCALABLE_UNIT}

    @property
    def has_code(self) -> bool:
        """Whether such a fault is reported as an Xid."""
        return self in {self.APPLICATION, self.GPU, self.NVLINK}

    @property
    def passes(self) -> bool:
        """Whether such a fault leaves no broken hardware behind: it is over without a repair."""
        return self in {self.APPLICATION, self.SWITCH_DAEMON, self.API_SERVER}


@frozen_dataclass
class FaultEvent:
    """One fault.

    Attributes:
        seconds: when it happens, from the beginning.
        domain: what it takes out.
        unit: which: a machine, a switch, a power unit, `<site>/<feed>`, `<plane>/r<rail>`, a rack, an NVLink
            domain, a scalable unit, or the cluster of an API server.
        gpu: the GPU's index, or the port's of a NIC; None for a fault of the whole unit.
        code: the Xid; 0 where none is reported.
        repair: seconds until the hardware is repaired or exchanged, before which no reset helps; until a
            daemon or an API server is itself again.
    """

    seconds: float
    domain: FaultDomain
    unit: str
    gpu: int | None
    code: int
    repair: float


@frozen_dataclass
class _Cause:
    """A kind of fault, with its rate over all units of its domain.

    Attributes:
        name: distinguishes its random numbers from those of other causes.
        domain: what it takes out.
        rate: faults a day, over the whole fleet.
        codes: the Xids that it reports, equally likely.
        units: the units that it happens to, equally likely; empty for all of the domain.
    """

    name: str
    domain: FaultDomain
    rate: float
    codes: tuple[int, ...] = ()
    units: tuple[str, ...] = ()


# The paper's rows by what a cluster sees of them. Which Xid a broken GPU reports is not published: those
# of NVIDIA's catalogue for the row's words are taken as equally likely.
_GPU_ROWS: Mapping[str, tuple[int, ...]] = {
    "faulty-gpu": (79,),
    "hbm3": (48, 94, 95),
    "sram": (48,),
    "gsp": (119, 120),
}
_APPLICATION_ROWS = ("software", "nccl-watchdog", "dependency")
_NODE_ROWS = ("host-maintenance", "psu", "chassis", "io-board", "cpu", "ram", "ssd")
_APPLICATION_CODES = (13, 31, 43, 45)
_NVLINK_CODES = (149,)
"""A link of NVLink 5 is down: domains of several machines began with it, and its GPUs have no Xid 74."""
_NO_REPAIR = frozenset({FaultDomain.APPLICATION})
_OF_POWER = (FaultDomain.PDU, FaultDomain.FEED)
"""Domains of which machines survive one loss, and not two that last at once."""
_OF_PARTS = frozenset(
    {FaultDomain.GPU, FaultDomain.THERMAL, FaultDomain.NIC, FaultDomain.NODE, FaultDomain.APPLICATION}
)
"""Domains of one machine; the repair of all others takes the time of a switch or power unit."""


class FailureDomains:
    """The units of each failure domain of a cluster, and the machines that each takes along."""

    def __init__(self, plan: Plan, cluster: str) -> None:
        """Read them from the plan.

        Raises:
            KeyError: the plan has no such cluster.
        """
        self.nodes = {node.name: node for node in plan.nodes_of(cluster)}
        racks = [rack for rack in plan.racks if not self.nodes.keys().isdisjoint(rack.devices)]
        units: dict[FaultDomain, dict[str, tuple[str, ...]]] = {domain: {} for domain in FaultDomain}
        self._circuits: dict[FaultDomain, dict[str, list[tuple[Rack, int]]]] = {
            each: {} for each in _OF_POWER
        }
        self.codes = {name: _codes_of(node) for name, node in self.nodes.items()}
        for domain in _OF_PARTS:
            units[domain] = {name: (name,) for name in self.nodes}
        fitted = [name for name, node in self.nodes.items() if node.gpus]
        units[FaultDomain.THERMAL] = {name: (name,) for name in fitted}
        for domain in (FaultDomain.GPU, FaultDomain.APPLICATION):
            # Drivers of other vendors report no faults by numbers.
            units[domain] = {name: (name,) for name in fitted if self.codes[name]}
        leaves, spines = self._switches(plan)
        units[FaultDomain.LEAF], units[FaultDomain.SPINE] = leaves, spines
        units[FaultDomain.SWITCH_DAEMON] = {**leaves, **spines}
        units[FaultDomain.API_SERVER] = {cluster: ()}
        for node in self.nodes.values():
            if node.nvlink_domain and self.codes[node.name]:
                _join(units[FaultDomain.NVLINK], node.nvlink_domain, node.name)
            _join(units[FaultDomain.SCALABLE_UNIT], node.scalable_unit, node.name)
        units[FaultDomain.RAIL] = self._rails(plan)
        self._power(units, racks)
        self.units = units

    def struck(self, event: FaultEvent, earlier: Iterable[FaultEvent] = ()) -> dict[str, float]:
        """Return the machines that report a fault, each with the second at which its hardware works again.

        Of power the losses that last count together: a machine that survives each of two feeds stops without
        both, until the first of them is back.

        Args:
            event: the fault.
            earlier: the faults before it.
        """
        if event.domain not in _OF_POWER:
            return dict.fromkeys(self.machines(event), event.seconds + event.repair)
        back: dict[str, dict[int, float]] = {}
        for loss in (*earlier, event):
            ends = loss.seconds + loss.repair
            if loss.domain not in _OF_POWER or not loss.seconds <= event.seconds < ends:
                continue
            for rack, number in self._circuits[loss.domain][loss.unit]:
                lost = back.setdefault(rack.name, {})
                lost[number] = max(ends, lost.get(number, ends))
        struck: dict[str, float] = {}
        for rack in dict.fromkeys(rack for rack, _ in self._circuits[event.domain][event.unit]):
            struck |= self._dark_until(rack, back[rack.name], event.seconds)
        return struck

    def _dark_until(self, rack: Rack, back: Mapping[int, float], moment: float) -> dict[str, float]:
        """Return the machines of a rack that are without power at a moment, each until when.

        Args:
            rack: the rack.
            back: its lost PDUs, each with the second at which it is back.
            moment: the second.
        """
        dark: dict[str, float] = {}
        waiting = [self.nodes[name] for name in rack.devices if name in self.nodes]
        for now in (moment, *sorted(set(back.values()))):
            lost = frozenset(number for number, ends in back.items() if ends > now)
            still = set(_dark(waiting, rack, lost))
            waiting = [node for node in waiting if node.name in still]
            for name in still:
                dark[name] = min(ends for ends in back.values() if ends > now)
        return dark

    def machines(self, event: FaultEvent) -> tuple[str, ...]:
        """Return the machines that report a fault; of a spine, API server or one of two PDUs, none."""
        return self.units[event.domain][event.unit]

    def _switches(self, plan: Plan) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
        """Return the leaves with the machines on their ports, and the spines, which no machine reports."""
        leaves: dict[str, tuple[str, ...]] = {}
        spines: dict[str, tuple[str, ...]] = {}
        for fabric in plan.fabrics:
            if fabric.role not in {"compute", "storage"}:
                continue
            for lower, upper in fabric.host_links.pairs():
                if lower in self.nodes:
                    _join(leaves, upper, lower)
            for _, upper in (*fabric.host_links.pairs(), *fabric.routed_links.pairs()):
                if upper not in leaves:
                    spines[upper] = ()
        return leaves, spines

    def _rails(self, plan: Plan) -> dict[str, tuple[str, ...]]:
        """Return the rails of each compute plane, with the machines that have a port on it."""
        rails: dict[str, dict[str, None]] = {}
        for fabric in plan.fabrics:
            for lower, port, _, _ in fabric.cables.rows if fabric.role == "compute" else ():
                if lower in self.nodes:
                    # A host's port is its role and its rail.
                    rail = f"{fabric.name}/r{port.removeprefix(fabric.role)}"
                    rails.setdefault(rail, {})[lower] = None
        return {rail: tuple(machines) for rail, machines in rails.items()}

    def _power(self, units: Mapping[FaultDomain, dict[str, tuple[str, ...]]], racks: Sequence[Rack]) -> None:
        """Fill in racks, PDUs and feeds, with the machines that lose too many of their supplies."""
        for rack in racks:
            machines = [self.nodes[name] for name in rack.devices if name in self.nodes]
            units[FaultDomain.RACK][rack.name] = tuple(node.name for node in machines)
            for number, name in enumerate(rack.pdu_names):
                units[FaultDomain.PDU][name] = _dark(machines, rack, frozenset({number}))
                self._circuits[FaultDomain.PDU].setdefault(name, []).append((rack, number))
            for feed in sorted(set(rack.pdus)):
                lost = frozenset(number for number, fed_by in enumerate(rack.pdus) if fed_by == feed)
                feed_name = f"{rack.site}/{feed}"
                circuits = self._circuits[FaultDomain.FEED].setdefault(feed_name, [])
                circuits += [(rack, number) for number in sorted(lost)]
                before = units[FaultDomain.FEED].get(feed_name, ())
                units[FaultDomain.FEED][feed_name] = before + _dark(machines, rack, lost)


def draw(plan: Plan, cluster: str, *, seed: int, days: float) -> tuple[FaultEvent, ...]:
    """Draw the faults of a cluster: each cause is a Poisson process, each unit of its domain equally likely.

    Args:
        plan: the plan.
        cluster: the cluster.
        seed: the same one gives the same faults.
        days: for how long.

    Returns:
        The faults in the order of their times, at most `MOST_FAULTS`.

    Raises:
        KeyError: the plan has no such cluster.
    """
    return draw_in(FailureDomains(plan, cluster), seed=seed, days=days)


def draw_in(domains: FailureDomains, *, seed: int, days: float) -> tuple[FaultEvent, ...]:
    """Draw the faults of a cluster whose failure domains are read already; as `draw`."""
    events: list[FaultEvent] = []
    for cause in _causes(domains):
        # Each cause has random numbers of its own: another rate of one changes nothing of the others.
        numbers = random.Random(f"{seed}/{cause.name}")  # noqa: S311 - faults to replay, and no secret
        names = cause.units or tuple(sorted(domains.units[cause.domain]))
        for moment in _moments(numbers, cause.rate, days * _DAY):
            events.append(_event(numbers, cause, numbers.choice(names), moment, domains))
    events.sort(key=lambda event: (event.seconds, event.domain, event.unit))
    return tuple(events[:MOST_FAULTS])


def _causes(domains: FailureDomains) -> list[_Cause]:
    """Return the causes whose domain the plan has, each with its rate over the fleet."""
    fitted = tuple(sorted(domains.units[FaultDomain.THERMAL]))
    numbered = tuple(sorted(domains.units[FaultDomain.GPU]))
    others = tuple(name for name in fitted if name not in domains.units[FaultDomain.GPU])
    share, of_numbered = _share(domains, fitted), _share(domains, numbered)
    causes = []
    for row, codes in _GPU_ROWS.items():
        causes.append(_Cause(row, FaultDomain.GPU, _count(row) * of_numbered, codes))
    software = sum(map(_count, _APPLICATION_ROWS))
    causes.append(_Cause("application", FaultDomain.APPLICATION, software * of_numbered, _APPLICATION_CODES))
    unnumbered = sum(map(_count, _GPU_ROWS)) * _share(domains, others)
    causes.append(_Cause("gpu-without-number", FaultDomain.NODE, unnumbered, (), others))
    causes.append(_Cause("thermal", FaultDomain.THERMAL, _count("thermal") * share))
    causes.append(_Cause("node", FaultDomain.NODE, sum(map(_count, _NODE_ROWS)) * share, (), fitted))
    cabled, switches = _count("switch-or-cable"), _value("faults", "switch.share")
    ports = (_count("nic") + cabled * (1 - switches)) * share
    causes.append(_Cause("nic", FaultDomain.NIC, ports, (), fitted))
    leaves, spines = len(domains.units[FaultDomain.LEAF]), len(domains.units[FaultDomain.SPINE])
    of_switches = cabled * switches * share / max(1, leaves + spines)
    causes.append(_Cause("leaf", FaultDomain.LEAF, of_switches * leaves))
    causes.append(_Cause("spine", FaultDomain.SPINE, of_switches * spines))
    for domain, row in _YEARLY.items():
        rate = _value("faults", row) * len(domains.units[domain]) / _YEAR_DAYS
        causes.append(_Cause(domain, domain, rate, _NVLINK_CODES if domain is FaultDomain.NVLINK else ()))
    return [cause for cause in causes if domains.units[cause.domain]]


def _share(domains: FailureDomains, names: Sequence[str]) -> float:
    """Return what part of the counted GPU-days a day of some machines is."""
    gpus = sum(domains.nodes[name].gpus for name in names)
    # Counted over so many GPUs and days; the paper's machines have eight GPUs, so that both scales agree.
    return gpus / (_value("failures", "llama3.gpus") * _value("failures", "llama3.days"))


_YEARLY = {
    FaultDomain.PDU: "rate.pdu",
    FaultDomain.FEED: "rate.feed",
    FaultDomain.RACK: "rate.rack",
    FaultDomain.NVLINK: "rate.nvlink-domain",
}


def _moments(numbers: random.Random, rate: float, seconds: float) -> Iterator[float]:
    """Yield the moments of a Poisson process with a rate a day, within a time."""
    moment = 0.0
    while rate > 0:
        # 1 - random() is never 0, whose logarithm is none.
        moment -= math.log(1.0 - numbers.random()) * _DAY / rate
        if moment >= seconds:
            return
        yield moment


def _event(
    numbers: random.Random, cause: _Cause, unit: str, moment: float, domains: FailureDomains
) -> FaultEvent:
    """Return one fault; times are whole seconds, so that a file has all of them."""
    gpu: int | None = None
    if cause.domain in _OF_A_GPU:
        gpu = numbers.randrange(domains.nodes[unit].gpus)
    code = numbers.choice(cause.codes) if cause.codes else 0
    repair = 0.0
    if cause.domain not in _NO_REPAIR:
        row = figure("failures", "repair" if cause.domain in _OF_PARTS else "domain.repair")
        # Between the row's ends, most often its value.
        repair = numbers.triangular(float(row.low or 0), float(row.high or 0), float(str(row.value)))
    return FaultEvent(float(int(moment)), cause.domain, unit, gpu, code, float(int(repair)))


def to_text(events: Sequence[FaultEvent]) -> str:
    """Return a series as CSV."""
    lines = [",".join(_HEADER)]
    for event in events:
        gpu = "" if event.gpu is None else str(event.gpu)
        times = f"{event.seconds:.0f}", f"{event.repair:.0f}"
        lines.append(f"{times[0]},{event.domain},{event.unit},{gpu},{event.code},{times[1]}")
    return "\n".join(lines) + "\n"


def parse_series(text: str, file: str, plan: Plan, cluster: str) -> tuple[FaultEvent, ...]:
    """Return the series of a CSV, in the order of its times.

    Args:
        text: the CSV.
        file: its name, for problems.
        plan: the plan that its units are of.
        cluster: the cluster.

    Raises:
        SpecError: rows cannot be read, or name what the plan does not have; all of them at once.
        KeyError: the plan has no such cluster.
    """
    domains = FailureDomains(plan, cluster)
    problems: list[Problem] = []
    events: list[FaultEvent] = []
    listed = list(rows(text, file, FAULTS, problems))
    if not listed or tuple(listed[0][1]) != _HEADER:
        message = "the first row is not the header of a file of faults"
        problems.append(Problem("bad-row", message, Where(file, 1), f"write {','.join(_HEADER)}"))
        raise SpecError(problems)
    for line, cells in listed[1:]:
        event = _read_row(cells, Where(file, line), domains, problems)
        if event is not None:
            events.append(event)
    if len(listed) - 1 > MOST_FAULTS:
        message = f"the file has {counted(len(listed) - 1, 'fault')}, the most is {MOST_FAULTS:,}"
        problems.append(Problem("too-many-faults", message, Where(file), "split it"))
    if problems:
        raise SpecError(problems)
    return tuple(sorted(events, key=lambda event: (event.seconds, event.domain, event.unit)))


def _read_row(
    cells: Sequence[str], where: Where, domains: FailureDomains, problems: list[Problem]
) -> FaultEvent | None:
    """Return a row's fault; None, with problems added, where it is none."""
    if len(cells) != len(_HEADER):
        message = f"the row has {counted(len(cells), 'cell')}, expected {len(_HEADER)}"
        problems.append(Problem("bad-row", message, where, f"write {','.join(_HEADER)}"))
        return None
    seconds, domain_text, unit, gpu_text, code, repair = (cell.strip() for cell in cells)
    before = len(problems)
    for name, text in (("seconds", seconds), ("code", code), ("repair", repair), ("gpu", gpu_text or "0")):
        if not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
            hint = f"write a whole number of at most {_MOST_DIGITS} digits"
            problems.append(Problem("bad-number", f"{name} is {text[:40]!r}", where, hint))
    if domain_text not in set(FaultDomain):
        hint = nearest(domain_text, [str(domain) for domain in FaultDomain])
        problems.append(Problem("domain-unknown", f"there is no domain {domain_text[:40]!r}", where, hint))
    elif unit not in domains.units[FaultDomain(domain_text)]:
        units = domains.units[FaultDomain(domain_text)]
        hint = nearest(unit, list(units)) if units else f"the plan has no {domain_text}"
        problems.append(Problem("unit-unknown", f"the plan has no {domain_text} {unit[:60]!r}", where, hint))
    if len(problems) > before:
        return None
    gpu = int(gpu_text) if gpu_text else None
    event = FaultEvent(float(seconds), FaultDomain(domain_text), unit, gpu, int(code), float(repair))
    problem = _gpu_problem(event, where, domains) or _code_problem(event, where, domains)
    if problem is not None:
        problems.append(problem)
        return None
    return event


def _gpu_problem(event: FaultEvent, where: Where, domains: FailureDomains) -> Problem | None:
    """Return the problem of a GPU that its machine lacks, or that the fault has nothing to do with."""
    if event.domain not in _OF_A_GPU:
        if event.gpu is None:
            return None
        hint = "leave the cell empty"
        return Problem("fault-unknown", f"a fault of a {event.domain} is of no single GPU", where, hint)
    if event.gpu is None and event.domain is FaultDomain.NIC:
        return None
    gpus = domains.nodes[event.unit].gpus
    if event.gpu is not None and event.gpu < gpus:
        return None
    noun = "port" if event.domain is FaultDomain.NIC else "GPU"
    hint = f"{noun}s of {event.unit} are numbered 0 to {gpus - 1}" if gpus else "leave the cell empty"
    message = f"no {noun} is named" if event.gpu is None else f"{event.unit} has no {noun} {event.gpu}"
    return Problem("fault-unknown", message, where, hint)


def _code_problem(event: FaultEvent, where: Where, domains: FailureDomains) -> Problem | None:
    """Return the problem of a code that the domain's faults do not have."""
    codes = _possible_codes(event, domains)
    if event.code in codes:
        return None
    message = f"a fault of domain {event.domain} reports no Xid {event.code}"
    if not event.code:
        message = f"a fault of domain {event.domain} reports an Xid"
    known = ", ".join(map(str, sorted(codes)))
    return Problem("fault-unknown", message, where, f"simulated are {known}" if any(codes) else "write 0")


def _possible_codes(event: FaultEvent, domains: FailureDomains) -> frozenset[int]:
    """Return the codes that a fault of a domain may report: 0 alone where it reports none."""
    if not event.domain.has_code:
        return frozenset({0})
    machine = domains.machines(event)[0]
    chip = accelerator_of(system(domains.nodes[machine].system))
    known = chip.gpu_vendor.faults if chip else None
    if known is None:
        return frozenset()
    return known.application if event.domain is FaultDomain.APPLICATION else known.hardware


_OF_A_GPU = frozenset({FaultDomain.GPU, FaultDomain.APPLICATION, FaultDomain.NIC})
_MOST_DIGITS = 9


def _dark(machines: Sequence[Node], rack: Rack, lost: frozenset[int]) -> tuple[str, ...]:
    """Return the machines of a rack that stop when some of its PDUs are lost.

    A server's supplies are spread over the PDUs in turn, as the plan's power is calculated
    (`plan/power/circuits.py`). Where the catalogue has no number of supplies, it stops with the last PDU.
    """
    stopped = []
    for node in machines:
        fitted, required = system(node.system).decided_supplies or (len(rack.pdus), 1)
        lit = 0
        for number in range(fitted):
            lit += (node.place * fitted + number) % len(rack.pdus) not in lost
        if lit < required:
            stopped.append(node.name)
    return tuple(stopped)


def _codes_of(node: Node) -> frozenset[int]:
    """Return the faults that the driver of a machine's GPUs reports by number."""
    chip = accelerator_of(system(node.system))
    codes = chip.gpu_vendor.faults if chip else None
    return codes.application | codes.hardware if codes else frozenset()


def _join(units: dict[str, tuple[str, ...]], unit: str, machine: str) -> None:
    """Add a machine to a unit, once: several of its cables may lead there."""
    if machine not in units.setdefault(unit, ()):
        units[unit] += (machine,)


def _count(row: str) -> float:
    return _value("failures", f"llama3.count.{row}")


def _value(file: str, name: str) -> float:
    return float(str(figure(file, name).value))
