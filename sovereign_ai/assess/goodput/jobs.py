"""The jobs of a description, and the numbers that decide how much of their time becomes progress.

A declared training workload is a job. A training pool without one is looked at as one job over all its
machines, which is the hardest case, and says so. A job never spans pools or sites.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sovereign_ai.assess.goodput.exact import RATE, best_interval, goodput, mean_between, net_of_corruption
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog.accelerators import Accelerator, accelerator
from sovereign_ai.catalog.figures import Figure, Grade
from sovereign_ai.plan.factory import Plan
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.plan.storage import StoragePlan
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.supplier import ModelSize

_COUNTED = "h100-sxm"
"""The accelerator whose failures were counted."""


@dataclass(frozen=True, slots=True)
class Job:
    """One synchronous job.

    Attributes:
        name: the workload's name, or the pool's.
        shape: the pool it runs on.
        machines: machines it takes at once.
        declared: whether the description names it; otherwise it is a whole pool taken as one job.
        model: the size of the model that it trains, where the description says it.
    """

    name: str
    shape: Shape
    machines: int
    declared: bool
    model: ModelSize | None = None

    @property
    def gpus(self) -> int:
        """GPUs it takes at once."""
        return self.machines * self.shape.system.gpus

    @property
    def chip(self) -> Accelerator:
        """Its accelerator."""
        return accelerator(self.shape.system.accelerator)


def jobs(factory: AIFactory, shapes: Sequence[Shape]) -> Iterator[Job]:
    """Give every job: declared ones, and training pools without one."""
    for shape in shapes:
        mine = [one for one in factory.workloads if one.pool == shape.pool.name and one.kind == "training"]
        for one in mine:
            yield Job(one.name, shape, one.nodes, declared=True, model=one.model)
        if not mine and shape.pool.purpose != "inference":
            yield Job(shape.pool.name, shape, shape.nodes, declared=False)


def add_rate(sheet: Sheet, chip: Accelerator) -> str:
    """Add interruptions a GPU-day of an accelerator; for others than the H100 the H100's count with a wide range."""
    count, rate = figure("failures", "llama3.interruptions"), float(RATE)
    if chip.name == _COUNTED:
        spread = 1.96 * 419**0.5 / 419
        low, high, grade = rate * (1 - spread), rate * (1 + spread), Grade.CALCULATED
        note = "419 in 54 days of 16,384 GPUs; the range is the count's own, at 95 %"
    else:
        ends = (figure("failures", "rsc2.rate"), figure("failures", "rsc1.rate"))
        low, high = (float(one.value or 0) / 1000 / 8 for one in ends)
        grade = Grade.ESTIMATE
        note = "the H100's count; the range is what two clusters of A100 had, 2.34 and 6.50 for 1,000 machine-days of eight GPUs"
    found = Figure(
        field="rate", value=rate, unit="1/GPU-d", source=count.source, read=count.read, grade=grade, low=low, high=high, note=note
    )
    return sheet.figure(f"failure-rate.{chip.name}", found)


def storage_of(plan: Plan, shape: Shape) -> StoragePlan | None:
    """Give the tier that takes a pool's checkpoints: of its site and zone, the one that writes most."""
    tiers = [tier for tier in plan.storage if tier.site == shape.site.name and tier.zone == shape.pool.zone]
    return max(tiers, key=lambda tier: (tier.write, tier.tier), default=None)


def add_job(sheet: Sheet, job: Job, plan: Plan) -> None:
    """Add a job's failures, checkpoint, interval and goodput under `job.<name>`."""
    name = f"job.{job.name}"
    why = "as described" if job.declared else "no training workload is described there: the whole pool as one synchronous job"
    sheet.plan(f"{name}.gpus", job.gpus, "GPUs", why)
    sheet.plan(f"{name}.machines", job.machines, "machines", why)
    rate = add_rate(sheet, job.chip)
    sheet.derive(f"{name}.mean", "h", "24 / (rate x GPUs)", lambda each, gpus: mean_between(each * gpus), rate, f"{name}.gpus")
    if job.model is not None:
        sheet.plan(f"{name}.parameters", job.model.parameters, "parameters", "as described")
    sheet.ask(f"{name}.parameters", "parameters", f"How many parameters does the model of {job.name} have?")
    _add_checkpoint(sheet, name, job, plan)
    detection, restart = (sheet.figure(part, figure("failures", part)) for part in ("detection", "restart"))
    parts = (detection, restart, f"{name}.reload")
    sheet.derive(f"{name}.down", "s", "detection + restart + reload", lambda *times: sum(times), *parts)
    stall = sheet.figure("stall", figure("failures", "stall"))
    sheet.derive(
        f"{name}.best", "s", "root of (1 - t/M) e^((t+C)/M) = 1", lambda mean, save: best_interval(mean * 3600, save), f"{name}.mean", stall
    )
    drain_known = sheet.value(f"{name}.drain") is not None
    ends = [f"{name}.best"] + ([f"{name}.drain"] if drain_known else [])
    note = "" if drain_known else "how long the drain to storage takes is not known without the model's parameters"
    sheet.derive(
        f"{name}.interval", "s", "max(best, drain): a checkpoint must be away before the next", lambda *times: max(times), *ends, note=note
    )
    four = (f"{name}.interval", f"{name}.mean", stall, f"{name}.down")
    sheet.derive(
        f"{name}.gross",
        "1",
        "t / (M e^(R/M) (e^((t+C)/M) - 1))",
        lambda t, mean, save, down: goodput(t, mean * 3600, save, down),
        *four,
    )
    share = sheet.figure("corruption.share", _corruption())
    latency = sheet.figure("corruption.latency", figure("failures", "corruption.latency"))
    sheet.derive(
        f"{name}.goodput",
        "1",
        "gross - share of silent corruption x work undone / M, at least 0",
        lambda gross, mean, part, late: net_of_corruption(gross, mean * 3600, part, late),
        f"{name}.gross",
        f"{name}.mean",
        share,
        latency,
    )


def _corruption() -> Figure:
    """Give the share of interruptions that are silent corruption: 6 of 419."""
    count, whole = figure("failures", "llama3.count.silent-corruption"), figure("failures", "llama3.interruptions")
    share = float(count.value or 0) / float(whole.value or 1)
    return Figure(field="share", value=share, unit="1", source=count.source, read=count.read, grade=Grade.CALCULATED, note="6 of 419")


def _add_checkpoint(sheet: Sheet, name: str, job: Job, plan: Plan) -> None:
    """Add the checkpoint's size, its drain to the plan's storage, and the reload from it."""
    each = sheet.figure("checkpoint.bytes-per-parameter", figure("failures", "checkpoint.bytes-per-parameter"))
    size = sheet.derive(f"{name}.checkpoint", "B", "parameters x bytes a parameter", lambda n, b: n * b, f"{name}.parameters", each)
    tier = storage_of(plan, job.shape)
    machine = job.shape.system
    ports = (machine.storage_nics or 0) * (machine.storage_nic_rate.count if machine.storage_nic_rate else 0) / 8
    for way, seconds in (("write", "drain"), ("read", "reload")):
        if tier is None:
            rate = sheet.ask(f"{name}.{way}", "B/s", f"At what rate does the storage of {job.name} {way}?")
        else:
            whole = float(getattr(tier, way))
            most = min(whole, ports * job.machines) if ports else whole
            rate = sheet.plan(
                f"{name}.{way}", most, "B/s", f"tier {tier.tier} at {tier.site}, or the job's own storage ports if they carry less"
            )
        if seconds == "reload" and sheet.value(f"{name}.parameters") is None:
            sheet.estimate(f"{name}.reload", 60.0, "s", 10.0, 240.0, "our judgement while the model's parameters are not given")
        else:
            sheet.derive(f"{name}.{seconds}", "s", f"checkpoint / {way} rate", lambda bytes_, speed: bytes_ / speed, size, rate)
    sheet.derive(
        f"{name}.bandwidth",
        "B/s",
        "checkpoint / best interval: less than this and the drain sets the interval",
        lambda bytes_, mean, save: bytes_ / best_interval(mean * 3600, save) if save else None,
        size,
        f"{name}.mean",
        sheet.figure("stall", figure("failures", "stall")),
    )
