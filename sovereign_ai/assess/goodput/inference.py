"""Inference: prefill is bounded by compute, decode by memory bandwidth, and how many fit by the cache.

    prefill tokens/s = peak x MFU / (2 N_active)
    decode step      = max(bytes read / (bandwidth x MBU), 2 N_active x batch / (peak x MFU))
    bytes read       = weights touched + batch x context x cache bytes a token
    sequences        = (usable memory - weights) / (context x cache bytes a token)

A mixture of experts reads, for a batch of B tokens, the shared weights and the experts that at least one
token chose: a share 1 - (1 - k/E)^B of them. A model is given by figures under `service.<name>`.

    >>> kv_bytes(layers=126, heads=8, width=128, size=2)
    516096
    >>> round(weights_read(671e9, 37e9, 256, 8, batch=1, size=1) / 1e9, 6)
    37.0
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog.accelerators import accelerator
from sovereign_ai.plan.shapes import Shape
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.supplier import ModelSize

_QUESTIONS = {
    "parameters": ("parameters", "How many parameters does the model have?"),
    "layers": ("layers", "How many layers does it have?"),
    "kv-heads": ("heads", "How many key and value heads has a layer?"),
    "head-width": ("1", "How wide is a head?"),
    "context": ("tokens", "How many tokens does a sequence hold when it is longest?"),
}


@dataclass(frozen=True, slots=True)
class Service:
    """One model served.

    Attributes:
        name: the workload's name, or the pool's.
        shape: the pool.
        machines: machines it has.
        model: the size of the model, where the description says it.
    """

    name: str
    shape: Shape
    machines: int
    model: ModelSize | None = None

    def described(self, part: str) -> int | None:
        """Give what the description says of a part of the model; None if nothing."""
        found: int | None = getattr(self.model, part.replace("-", "_"), None)
        return found


def services(factory: AIFactory, shapes: Sequence[Shape]) -> Iterator[Service]:
    """Give every service: declared ones, and inference pools without one."""
    for shape in shapes:
        mine = [one for one in factory.workloads if one.pool == shape.pool.name and one.kind == "inference"]
        for one in mine:
            yield Service(one.name, shape, one.nodes, one.model)
        if not mine and shape.pool.purpose == "inference":
            yield Service(shape.pool.name, shape, shape.nodes)


def kv_bytes(layers: float, heads: float, width: float, size: float) -> float:
    """Give the cache's bytes for a token: a key and a value in every layer."""
    return 2 * layers * heads * width * size


def weights_read(parameters: float, active: float, experts: float, chosen: float, batch: float, size: float) -> float:
    """Give the bytes of weights that one decode step reads.

    Args:
        parameters: all of them.
        active: those that work on one token; all of them in a dense model.
        experts: routed experts a layer; 1 in a dense model.
        chosen: experts that a token is sent to.
        batch: tokens in the step.
        size: bytes of a weight.
    """
    if experts <= chosen or active >= parameters:
        return parameters * size
    routed = (parameters - active) / (experts - chosen) * experts
    shared = parameters - routed
    touched = -math.expm1(batch * math.log1p(-chosen / experts))
    return (shared + routed * touched) * size


def sequences(memory: float, weights: float, context: float, token: float) -> float:
    """Give how many sequences of full length the cache holds at once; 0 if the weights alone do not fit."""
    return float(max(int((memory - weights) // (context * token)), 0))


def add_service(sheet: Sheet, service: Service) -> None:
    """Add a service's replica, concurrency and rates under `service.<name>`; open until its model is given."""
    name = f"service.{service.name}"
    machine = service.shape.system
    chip = accelerator(machine.accelerator)
    for part, (unit, question) in _QUESTIONS.items():
        known = service.described(part)
        if known is not None:
            sheet.plan(f"{name}.{part}", known, unit, "as described")
        sheet.ask(f"{name}.{part}", unit, f"{service.name}: {question}")
    sheet.estimate(f"{name}.weight-bytes", 2.0, "B", 1.0, 2.0, "16 bits a weight, or 8 where quantised")
    sheet.estimate(f"{name}.cache-bytes", 2.0, "B", 1.0, 2.0, "16 bits a value, or 8 where quantised")
    active = f"{name}.parameters"
    working = service.described("active")
    if working is not None:
        active = sheet.plan(f"{name}.active", working, "parameters", "that work on a token, as described")
    elif f"{name}.active" in sheet.given:
        active = sheet.ask(f"{name}.active", "parameters", "active parameters")
    experts = [
        sheet.ask(f"{name}.{part}", "experts", "experts")
        if f"{name}.{part}" in sheet.given
        else sheet.plan(f"{name}.{part}", service.described(part) or 1, "experts", "as described; 1 is a dense model")
        for part in ("experts", "experts-chosen")
    ]
    sheet.derive(
        f"{name}.token",
        "B",
        "2 x layers x heads x width x bytes",
        kv_bytes,
        *(f"{name}.{part}" for part in ("layers", "kv-heads", "head-width", "cache-bytes")),
    )
    sheet.derive(f"{name}.weights", "B", "parameters x bytes", lambda n, size: n * size, f"{name}.parameters", f"{name}.weight-bytes")
    sheet.plan(f"memory.{machine.name}", machine.gpus * chip.memory.count, "B", f"{machine.gpus} x {chip.memory}")
    usable = sheet.figure("memory.usable", figure("failures", "memory.usable"))
    sheet.derive(
        f"{name}.replica",
        "machines",
        "fewest machines that hold the weights",
        lambda weights, memory, part: float(math.ceil(weights / (memory * part))),
        f"{name}.weights",
        f"memory.{machine.name}",
        usable,
    )
    sheet.derive(
        f"{name}.concurrency",
        "sequences",
        "(usable memory of a replica - weights) / (context x cache of a token)",
        lambda count, memory, part, weights, context, token: sequences(count * memory * part, weights, context, token),
        f"{name}.replica",
        f"memory.{machine.name}",
        usable,
        f"{name}.weights",
        f"{name}.context",
        f"{name}.token",
    )
    sheet.plan(f"{name}.machines", service.machines, "machines", "as described")
    sheet.derive(
        f"{name}.replicas",
        "replicas",
        "machines / machines a replica, whole",
        lambda all_, one: float(all_ // one),
        f"{name}.machines",
        f"{name}.replica",
    )
    _add_rates(sheet, name, service, active, experts)


def _add_rates(sheet: Sheet, name: str, service: Service, active: str, experts: Sequence[str]) -> None:
    """Add prefill and decode rates of a replica and of all."""
    machine = service.shape.system
    chip = accelerator(machine.accelerator)
    peak = chip.source_of("dense_tflops.bf16")
    sheet.figure(f"peak.{chip.name}", peak, unit="FLOP/s", scale=1e12, question=f"What is the dense bf16 peak of {chip.name}, in FLOP/s?")
    mfu, mbu = (sheet.figure(part, figure("failures", part)) for part in ("mfu.prefill", "mbu.decode"))
    sheet.plan(f"bandwidth.{chip.name}", chip.memory_bandwidth.count, "B/s", f"{chip.memory_bandwidth}, its vendor's or a benchmark's")
    sheet.plan(f"gpus.{machine.name}", machine.gpus, "GPUs", "of a machine")
    sheet.derive(
        f"{name}.gpus", "GPUs", "machines a replica x GPUs", lambda count, each: count * each, f"{name}.replica", f"gpus.{machine.name}"
    )
    sheet.derive(
        f"{name}.prefill",
        "tokens/s",
        "GPUs x peak x MFU / (2 x active), a replica",
        lambda gpus, rate, used, n: gpus * rate * used / (2 * n),
        f"{name}.gpus",
        f"peak.{chip.name}",
        mfu,
        active,
    )
    batch = sheet.ask(f"{name}.batch", "sequences", "sequences at once") if f"{name}.batch" in sheet.given else f"{name}.concurrency"
    sheet.derive(
        f"{name}.step",
        "s",
        "max(bytes read / (GPUs x bandwidth x MBU), 2 x active x batch / (GPUs x peak x MFU))",
        _step,
        f"{name}.parameters",
        active,
        *experts,
        batch,
        f"{name}.weight-bytes",
        f"{name}.context",
        f"{name}.token",
        f"{name}.gpus",
        f"bandwidth.{chip.name}",
        mbu,
        f"peak.{chip.name}",
        mfu,
        note="every sequence at its full length: the slowest step",
    )
    sheet.derive(
        f"{name}.decode", "tokens/s", "batch / step, a replica", lambda count, step: count / step if step else None, batch, f"{name}.step"
    )
    sheet.derive(
        f"{name}.decode.all", "tokens/s", "replicas x decode", lambda count, each: count * each, f"{name}.replicas", f"{name}.decode"
    )


def _step(
    parameters: float,
    active: float,
    experts: float,
    chosen: float,
    batch: float,
    size: float,
    context: float,
    token: float,
    gpus: float,
    bandwidth: float,
    mbu: float,
    peak: float,
    mfu: float,
) -> float | None:
    """Give the seconds of one decode step of a replica; None if nothing fits."""
    if batch <= 0:
        return None
    read = weights_read(parameters, active, experts, chosen, batch, size) + batch * context * token
    return max(read / (gpus * bandwidth * mbu), 2 * active * batch / (gpus * peak * mfu))
