"""Time, energy and carbon of a training run of N parameters and D tokens.

    time = 6 N D / (GPUs x dense peak x MFU x goodput)

N counts the parameters that work on a token: for a mixture of experts the active ones. MFU is a range: 38 to
43 % was published for Llama 3 on H100 in BF16.
"""

from __future__ import annotations

from sovereign_ai.assess.goodput.capped_work import draw_under_cap, under_cap
from sovereign_ai.assess.goodput.training_jobs import GoodputJob
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure

PRECISION = "bf16"
"""The precision of training where nothing else is described."""


def training_flop(parameters: float, tokens: float) -> float:
    """Return the operations of a training run, 6 N D (Kaplan and others, 2020, arXiv 2001.08361).

    >>> f"{training_flop(405e9, 15.6e12):.2e}"
    '3.79e+25'
    """
    return 6 * parameters * tokens


def add_training(sheet: Sheet, job: GoodputJob) -> None:
    """Add a job's time, GPU-hours, energy and carbon; open until parameters and tokens are given."""
    name, chip = f"job.{job.name}", job.chip
    tokens, flop, time = f"{name}.tokens", f"{name}.flop", f"{name}.time"
    active = _active(sheet, name, job)
    if job.model is not None and job.model.tokens is not None:
        sheet.plan(tokens, job.model.tokens, "tokens", "as described")
    # A leaf is added once, so this asks only where the description has nothing.
    sheet.ask(tokens, "tokens", f"On how many tokens is {job.name} trained?")
    sheet.derive(flop, "FLOP", "6 x active parameters x tokens", training_flop, active, tokens)
    peak = sheet.figure(
        f"peak.{chip.name}",
        chip.source_of(f"dense_tflops.{PRECISION}"),
        unit="FLOP/s",
        scale=1e12,
        question=f"What is the dense {PRECISION} peak of {chip.name}, in FLOP/s?",
    )
    published = "mfu.training.llama3" if chip.name == "h100-sxm" else "mfu.training.other"
    mfu = sheet.figure(f"mfu.{chip.name}", figure("failures", published))
    reached = under_cap(sheet, job.shape, peak)
    inputs = (flop, f"{name}.gpus", reached, mfu, f"{name}.goodput")
    sheet.derive(time, "h", "FLOP / (GPUs x peak x MFU x goodput)", _hours, *inputs)
    sheet.derive(f"{name}.gpu-hours", "GPU-h", "time x GPUs", _gpu_hours, time, f"{name}.gpus")
    _add_energy(sheet, name, job, time)
    limit = sheet.figure("systemic-risk.flop", figure("failures", "systemic-risk.flop"), unit="FLOP")
    formula = "1 if FLOP > 10^25 (EU AI Act, Article 51)"
    note = "of this run alone; the law counts all training of a model together"
    sheet.derive(f"{name}.systemic-risk", "1", formula, _is_above, flop, limit, note=note)


def _gpu_hours(hours: float, gpus: float) -> float:
    return hours * gpus


def _is_above(value: float, limit: float) -> float:
    """Return 1 where a value is above a limit, else 0."""
    return float(value > limit)


def _active(sheet: Sheet, name: str, job: GoodputJob) -> str:
    """Return the name of the parameters that work on a token; in a dense model they are all of them."""
    active = f"{name}.active"
    if active in sheet.given:
        return sheet.ask(active, "parameters", "parameters that work on a token")
    if job.model is not None and job.model.active is not None:
        return sheet.plan(active, job.model.active, "parameters", "that work on a token, as described")
    return f"{name}.parameters"


def _hours(flop: float, gpus: float, peak: float, mfu: float, goodput: float) -> float | None:
    """Return the hours of a training run; None for a job without progress."""
    return flop / (gpus * peak * mfu * goodput) / 3600 if goodput else None


def _add_energy(sheet: Sheet, name: str, job: GoodputJob, time: str) -> None:
    """Add the energy and the carbon of a training run."""
    site, energy = f"site.{job.shape.site.name}", f"{name}.energy"
    it_energy = sheet.derive(
        f"{name}.it-energy",
        "kWh",
        "time x machines x typical draw",
        lambda hours, machines, watts: hours * machines * watts / 1000,
        time,
        f"{name}.machines",
        draw_under_cap(sheet, job.shape),
        note="machines alone: switches, storage and spares are not in it",
    )
    whole = lambda it, pue: it * pue  # noqa: E731 - the formula, used once
    sheet.derive(energy, "kWh", "IT energy x PUE", whole, it_energy, f"{site}.pue")
    tonnes = lambda kwh, grams: kwh * grams / 1e6  # noqa: E731 - the formula, used once
    formula = "energy x grams of the site's mix / 10^6"
    sheet.derive(f"{name}.carbon", "t", formula, tonnes, energy, f"{site}.carbon")
