"""Time, energy and carbon of a training run of N parameters and D tokens.

    time = 6 N D / (GPUs x dense peak x MFU x goodput)

N counts the parameters that work on a token: for a mixture of experts the active ones. MFU is a range,
never a promise: 38 to 43 % was published for Llama 3 on H100 in BF16.
"""

from __future__ import annotations

from sovereign_ai.assess.goodput.jobs import Job
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure

PRECISION = "bf16"
"""What training is reckoned in where nobody says otherwise."""


def training_flop(parameters: float, tokens: float) -> float:
    """Give the operations of a training run, 6 N D (Kaplan and others, 2020, arXiv 2001.08361).

    >>> f"{training_flop(405e9, 15.6e12):.2e}"
    '3.79e+25'
    """
    return 6 * parameters * tokens


def add_training(sheet: Sheet, job: Job) -> None:
    """Add a job's time, GPU-hours, energy and carbon; open until parameters and tokens are given."""
    name, chip, machine = f"job.{job.name}", job.chip, job.shape.system
    active = f"{name}.parameters"
    if f"{name}.active" in sheet.given:
        active = sheet.ask(f"{name}.active", "parameters", "parameters that work on a token")
    elif job.model is not None and job.model.active is not None:
        active = sheet.plan(f"{name}.active", job.model.active, "parameters", "that work on a token, as described")
    if job.model is not None and job.model.tokens is not None:
        sheet.plan(f"{name}.tokens", job.model.tokens, "tokens", "as described")
    sheet.ask(f"{name}.tokens", "tokens", f"On how many tokens is {job.name} trained?")
    sheet.derive(f"{name}.flop", "FLOP", "6 x active parameters x tokens", training_flop, active, f"{name}.tokens")
    peak = chip.source_of(f"dense_tflops.{PRECISION}")
    sheet.figure(
        f"peak.{chip.name}", peak, unit="FLOP/s", scale=1e12, question=f"What is the dense {PRECISION} peak of {chip.name}, in FLOP/s?"
    )
    mine = "mfu.training.llama3" if chip.name == "h100-sxm" else "mfu.training.other"
    mfu = sheet.figure(f"mfu.{chip.name}", figure("failures", mine))
    sheet.derive(
        f"{name}.time",
        "h",
        "FLOP / (GPUs x peak x MFU x goodput)",
        lambda flop, gpus, rate, used, good: flop / (gpus * rate * used * good) / 3600 if good else None,
        f"{name}.flop",
        f"{name}.gpus",
        f"peak.{chip.name}",
        mfu,
        f"{name}.goodput",
    )
    sheet.derive(f"{name}.gpu-hours", "GPU-h", "time x GPUs", lambda hours, gpus: hours * gpus, f"{name}.time", f"{name}.gpus")
    sheet.derive(
        f"{name}.it-energy",
        "kWh",
        "time x machines x typical draw",
        lambda hours, machines, watts: hours * machines * watts / 1000,
        f"{name}.time",
        f"{name}.machines",
        f"system.{machine.name}.typical",
        note="machines alone; switches and storage whose power is not known are not in it",
    )
    site = f"site.{job.shape.site.name}"
    sheet.derive(f"{name}.energy", "kWh", "IT energy x PUE", lambda it, pue: it * pue, f"{name}.it-energy", f"{site}.pue")
    sheet.derive(
        f"{name}.carbon",
        "t",
        "energy x grams of the site's mix / 10^6",
        lambda kwh, grams: kwh * grams / 1e6,
        f"{name}.energy",
        f"{site}.carbon",
    )
    limit = figure("failures", "systemic-risk.flop")
    sheet.figure("systemic-risk.flop", limit, unit="FLOP")
    sheet.derive(
        f"{name}.systemic-risk",
        "1",
        "1 if FLOP > 10^25 (EU AI Act, Article 51)",
        lambda flop, most: float(flop > most),
        f"{name}.flop",
        "systemic-risk.flop",
        note="of this run alone; the law counts all training of a model together",
    )
