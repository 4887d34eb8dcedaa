"""The training jobs of a description: their failures, checkpoints, checkpoint interval and goodput.

A declared training workload is a job. A training pool without one is assessed as one job over all its
servers, which is the hardest case, and is marked so. A job never spans pools or sites.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sovereign_ai.assess.goodput.exact import RATE, best_interval, goodput, mean_between, net_of_corruption
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog import Figure, Grade
from sovereign_ai.catalog.accelerator import Accelerator, needed_accelerator
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Plan, Shape, StoragePlan
from sovereign_ai.spec import AIFactory, ModelSize, Workload

_COUNTED = "h100-sxm"
"""The accelerator whose failures were counted."""
_HOUR = 3600
"""Seconds of an hour: the mean time between failures is in hours, every other time in seconds."""


@frozen_dataclass
class GoodputJob:
    """One synchronous job.

    Attributes:
        name: the workload's name, or the pool's.
        shape: the pool it runs on.
        machines: servers it uses at once.
        declared: whether the description names it; otherwise it is a whole pool as one job.
        model: the size of the model that it trains, if described.
    """

    name: str
    shape: Shape
    machines: int
    declared: bool
    model: ModelSize | None = None

    @property
    def gpus(self) -> int:
        """GPUs it uses at once."""
        return self.machines * self.shape.system.gpus

    @property
    def chip(self) -> Accelerator:
        """Its accelerator."""
        return needed_accelerator(self.shape.system)


def declared_workloads(factory: AIFactory, pool: str, kind: str) -> list[Workload]:
    """Return the declared workloads of one kind on a pool: `training` or `inference`."""
    declared: list[Workload] = []
    for workload in factory.workloads:
        if workload.pool == pool and workload.kind == kind:
            declared.append(workload)
    return declared


def jobs(factory: AIFactory, shapes: Sequence[Shape]) -> Iterator[GoodputJob]:
    """Yield every job on accelerators: declared ones, and training pools without one.

    The failures that were counted are those of accelerators: what a job of CPUs loses by them is not known.
    """
    for shape in shapes:
        pool = shape.pool
        if not shape.system.gpus:
            continue
        declared = declared_workloads(factory, pool.name, "training")
        for workload in declared:
            yield GoodputJob(workload.name, shape, workload.nodes, declared=True, model=workload.model)
        if not declared and pool.purpose != "inference":
            yield GoodputJob(pool.name, shape, shape.nodes, declared=False)


def add_rate(sheet: Sheet, chip: Accelerator) -> str:
    """Add the interruptions a GPU-day of an accelerator, and return the name.

    The range is the difference between clusters, not the error of one count. Llama 3's 419 interruptions are
    49.9 h between two at 1,024 H100 GPUs. The Research SuperClusters of Meta had 7.9 h at 1,024 A100 GPUs,
    and the quieter of them 2.34 failures for 1,000 machine-days. An operator cannot know in advance which of
    them a new cluster will be like.
    """
    count = figure("failures", "llama3.interruptions")
    quiet = figure("failures", "rsc2.rate")
    loud = figure("failures", "rsc.mttf.1024")
    # Failures of 1,000 machine-days with eight GPUs each.
    low = float(quiet.value or 0) / 1000 / 8
    # Hours between two failures at 1,024 GPUs.
    high = 24 / float(loud.value or 1) / 1024
    counted = chip.name == _COUNTED
    origin = "419 in 54 days of 16,384 GPUs; " if counted else "the H100's count; "
    note = (
        f"{origin}the ends are other clusters: 2.34 for 1,000 machine-days of eight A100, "
        "and 7.9 h between two at 1,024 A100 (arXiv 2410.21680)"
    )
    rate = Figure(
        field="rate",
        value=float(RATE),
        unit="1/GPU-d",
        source=count.source,
        read=count.read,
        grade=Grade.CALCULATED if counted else Grade.ESTIMATE,
        low=low,
        high=high,
        note=note,
    )
    return sheet.figure(f"failure-rate.{chip.name}", rate)


def storage_of(plan: Plan, shape: Shape) -> StoragePlan | None:
    """Return the tier for a pool's checkpoints: of its site and zone, the one with the highest write rate."""
    tiers: list[StoragePlan] = []
    for tier in plan.storage:
        if tier.site == shape.site.name and tier.zone == shape.pool.zone:
            tiers.append(tier)
    return max(tiers, key=lambda candidate: (candidate.write, candidate.tier), default=None)


def add_job(sheet: Sheet, job: GoodputJob, plan: Plan) -> None:
    """Add a job's failures, checkpoint, interval and goodput under `job.<name>`."""
    name = f"job.{job.name}"
    why = "no training workload is described there: the whole pool as one synchronous job"
    if job.declared:
        why = "as described"
    gpus = sheet.plan(f"{name}.gpus", job.gpus, "GPUs", why)
    sheet.plan(f"{name}.machines", job.machines, "machines", why)
    rate = add_rate(sheet, job.chip)
    sheet.derive(f"{name}.mean", "h", "24 / (rate x GPUs)", _mean_hours, rate, gpus)
    if job.model is not None:
        sheet.plan(f"{name}.parameters", job.model.parameters, "parameters", "as described")
    # A leaf is added once, so this asks only where the description has no model.
    sheet.ask(f"{name}.parameters", "parameters", f"How many parameters does the model of {job.name} have?")
    _add_checkpoint(sheet, name, job, plan)
    _add_down(sheet, name)
    _add_interval(sheet, name)
    _add_goodput(sheet, name)


def _mean_hours(rate: float, gpus: float) -> float:
    """Return the hours between two interruptions of a job, from the interruptions a GPU-day."""
    return mean_between(rate * gpus)


def _add_down(sheet: Sheet, name: str) -> None:
    """Add the time from a failure until the job makes progress."""
    detection = sheet.figure("detection", figure("failures", "detection"))
    restart = sheet.figure("restart", figure("failures", "restart"))
    steps = (detection, restart, f"{name}.reload")
    sheet.derive(f"{name}.down", "s", "detection + restart + reload", _total, *steps)


def _total(*times: float) -> float:
    return sum(times)


def _add_interval(sheet: Sheet, name: str) -> None:
    """Add the interval between two checkpoints: the best one, or the time of the drain if that is longer."""
    stall = sheet.figure("stall", figure("failures", "stall"))
    best, drain = f"{name}.best", f"{name}.drain"
    sheet.derive(best, "s", "root of (1 - t/M) e^((t+C)/M) = 1", _best_interval, f"{name}.mean", stall)
    ends = [best]
    note = "how long the drain to storage takes is not known without the model's parameters"
    if sheet.value(drain) is not None:
        ends.append(drain)
        note = ""
    formula = "max(best, drain): a checkpoint must be away before the next"
    sheet.derive(f"{name}.interval", "s", formula, _longest, *ends, note=note)


def _best_interval(mean_hours: float, stall: float) -> float:
    """Return the best time between two checkpoints in seconds, from the mean in hours."""
    return best_interval(mean_hours * _HOUR, stall)


def _longest(*times: float) -> float:
    return max(times)


def _add_goodput(sheet: Sheet, name: str) -> None:
    """Add the goodput before and after silent corruption."""
    mean, gross = f"{name}.mean", f"{name}.gross"
    stall = sheet.figure("stall", figure("failures", "stall"))
    times = (f"{name}.interval", mean, stall, f"{name}.down")
    sheet.derive(gross, "1", "t / (M e^(R/M) (e^((t+C)/M) - 1))", _gross_goodput, *times)
    share = sheet.figure("corruption.share", _corruption())
    latency = sheet.figure("corruption.latency", figure("failures", "corruption.latency"))
    formula = "gross - share of silent corruption x work undone / M, at least 0"
    sheet.derive(f"{name}.goodput", "1", formula, _net_goodput, gross, mean, share, latency)


def _gross_goodput(interval: float, mean_hours: float, stall: float, down: float) -> float:
    """Return the goodput before silent corruption; all times but the mean are in seconds."""
    return goodput(interval, mean_hours * _HOUR, stall, down)


def _net_goodput(gross: float, mean_hours: float, share: float, latency: float) -> float:
    """Return the goodput after silent corruption, which is noticed `latency` seconds late."""
    return net_of_corruption(gross, mean_hours * _HOUR, share, latency)


def _corruption() -> Figure:
    """Return the share of interruptions that are silent corruption: 6 of 419."""
    count = figure("failures", "llama3.count.silent-corruption")
    whole = figure("failures", "llama3.interruptions")
    return Figure(
        field="share",
        value=float(count.value or 0) / float(whole.value or 1),
        unit="1",
        source=count.source,
        read=count.read,
        grade=Grade.CALCULATED,
        note="6 of 419",
    )


def _add_checkpoint(sheet: Sheet, name: str, job: GoodputJob, plan: Plan) -> None:
    """Add the checkpoint's size, its drain to the plan's storage, and the reload from it."""
    bytes_each = "checkpoint.bytes-per-parameter"
    each = sheet.figure(bytes_each, figure("failures", bytes_each))
    parameters = f"{name}.parameters"
    checkpoint = f"{name}.checkpoint"
    sheet.derive(checkpoint, "B", "parameters x bytes a parameter", _product, parameters, each)
    tier = storage_of(plan, job.shape)
    rate = _storage_rate(sheet, name, job, tier, "write")
    sheet.derive(f"{name}.drain", "s", "checkpoint / write rate", _quotient, checkpoint, rate)
    rate = _storage_rate(sheet, name, job, tier, "read")
    reload = f"{name}.reload"
    if sheet.value(parameters) is None:
        # An estimate, so that the goodput has a range instead of no value until the model's size is given.
        why = "our judgement while the model's parameters are not given"
        sheet.estimate(reload, 60.0, "s", 10.0, 240.0, why)
    else:
        sheet.derive(reload, "s", "checkpoint / read rate", _quotient, checkpoint, rate)
    stall = sheet.figure("stall", figure("failures", "stall"))
    formula = "checkpoint / best interval: less than this and the drain sets the interval"
    sheet.derive(f"{name}.bandwidth", "B/s", formula, _least_bandwidth, checkpoint, f"{name}.mean", stall)


def _product(count: float, each: float) -> float:
    return count * each


def _quotient(size: float, rate: float) -> float:
    return size / rate


def _least_bandwidth(checkpoint: float, mean_hours: float, stall: float) -> float | None:
    """Return the rate at which a checkpoint is away within the best interval; None where that is 0."""
    return checkpoint / _best_interval(mean_hours, stall) if stall else None


def _storage_rate(sheet: Sheet, name: str, job: GoodputJob, tier: StoragePlan | None, way: str) -> str:
    """Add the rate at which a job reads from or writes to its storage.

    Args:
        sheet: the sheet.
        name: the job's prefix.
        job: the job.
        tier: the tier for its checkpoints; None if the plan has none.
        way: `read` or `write`.
    """
    if tier is None:
        return sheet.ask(f"{name}.{way}", "B/s", f"At what rate does the storage of {job.name} {way}?")
    system = job.shape.system
    bits = system.storage_nic_rate.count if system.storage_nic_rate else 0
    ports = (system.storage_nics or 0) * bits / 8
    rate = float(tier.read if way == "read" else tier.write)
    if ports:
        rate = min(rate, ports * job.machines)
    why = f"tier {tier.tier} at {tier.site}, or the job's own storage ports if they carry less"
    return sheet.plan(f"{name}.{way}", rate, "B/s", why)
