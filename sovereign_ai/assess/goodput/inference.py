"""Inference services: prefill bounded by compute, decode by memory bandwidth, concurrency by the KV cache.

    prefill tokens/s = peak x MFU / (2 N_active)
    decode step      = max(bytes read / (bandwidth x MBU), 2 N_active x batch / (peak x MFU))
    bytes read       = weights touched + batch x context x cache bytes a token
    sequences        = (usable memory - weights) / (context x cache bytes a token)

For a batch of B tokens, a mixture of experts reads the shared weights and the experts that at least one token
chose: a share 1 - (1 - k/E)^B of them. A model is given by figures under `service.<name>`.

    >>> kv_bytes(layers=126, heads=8, width=128, size=2)
    516096
    >>> round(weights_read(671e9, 37e9, 256, 8, batch=1, size=1) / 1e9, 6)
    37.0
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from sovereign_ai.assess.goodput.capped_work import under_cap
from sovereign_ai.assess.goodput.training_jobs import declared_workloads
from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog.accelerator import needed_accelerator
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Shape
from sovereign_ai.spec import AIFactory, ModelSize

_QUESTIONS = {
    "parameters": ("parameters", "How many parameters does the model have?"),
    "layers": ("layers", "How many layers does it have?"),
    "kv-heads": ("heads", "How many key and value heads has a layer?"),
    "head-width": ("1", "How wide is a head?"),
    "context": ("tokens", "How many tokens does a sequence hold when it is longest?"),
}


@frozen_dataclass
class InferenceLoad:
    """One model that is served.

    Attributes:
        name: the workload's name, or the pool's.
        shape: the pool.
        machines: servers it has.
        model: the size of the model, if described.
    """

    name: str
    shape: Shape
    machines: int
    model: ModelSize | None = None

    def described(self, part: str) -> int | None:
        """Return a described number of the model, such as its `layers`; None if it is not described."""
        number: int | None = getattr(self.model, part.replace("-", "_"), None)
        return number


def services(factory: AIFactory, shapes: Sequence[Shape]) -> Iterator[InferenceLoad]:
    """Yield every service on accelerators: declared ones, and inference pools without one."""
    for shape in shapes:
        pool = shape.pool
        # Its rates follow from the memory and the peak of accelerators.
        if not shape.system.gpus:
            continue
        declared = declared_workloads(factory, pool.name, "inference")
        for workload in declared:
            yield InferenceLoad(workload.name, shape, workload.nodes, workload.model)
        if not declared and pool.purpose == "inference":
            yield InferenceLoad(pool.name, shape, shape.nodes)


def kv_bytes(layers: float, heads: float, width: float, size: float) -> float:
    """Return the bytes of the KV cache for a token: a key and a value in every layer."""
    return 2 * layers * heads * width * size


def weights_read(
    parameters: float, active: float, experts: float, chosen: float, batch: float, size: float
) -> float:
    """Return the bytes of weights that one decode step reads.

    Args:
        parameters: all parameters.
        active: parameters that work on one token; all of them in a dense model.
        experts: routed experts a layer; 1 in a dense model.
        chosen: experts that a token is sent to.
        batch: tokens in the step.
        size: bytes of a weight.
    """
    if experts <= chosen or active >= parameters:
        return parameters * size
    routed = (parameters - active) / (experts - chosen) * experts
    shared = parameters - routed
    # 1 - (1 - k/E)^B, by way of logarithms: for small shares the plain form would lose its digits.
    touched = -math.expm1(batch * math.log1p(-chosen / experts))
    return (shared + routed * touched) * size


def sequences(memory: float, weights: float, context: float, token: float) -> float:
    """Return the sequences of full length that the cache holds at once; 0 if the weights alone do not fit."""
    return float(max(int((memory - weights) // (context * token)), 0))


def add_service(sheet: Sheet, service: InferenceLoad) -> None:
    """Add a service's replica, concurrency and rates under `service.<name>`.

    They are open until its model is given.
    """
    name = f"service.{service.name}"
    for part, (unit, question) in _QUESTIONS.items():
        known = service.described(part)
        if known is not None:
            sheet.plan(f"{name}.{part}", known, unit, "as described")
        # A leaf is added once, so this asks only where the description has nothing.
        sheet.ask(f"{name}.{part}", unit, f"{service.name}: {question}")
    sheet.estimate(f"{name}.weight-bytes", 2.0, "B", 1.0, 2.0, "16 bits a weight, or 8 where quantised")
    sheet.estimate(f"{name}.cache-bytes", 2.0, "B", 1.0, 2.0, "16 bits a value, or 8 where quantised")
    active = _active(sheet, name, service)
    experts = [_experts(sheet, name, service, part) for part in ("experts", "experts-chosen")]
    token, weights = f"{name}.token", f"{name}.weights"
    parts = [f"{name}.{part}" for part in ("layers", "kv-heads", "head-width", "cache-bytes")]
    sheet.derive(token, "B", "2 x layers x heads x width x bytes", kv_bytes, *parts)
    work = lambda count, size: count * size  # noqa: E731 - the formula, used once
    inputs = (f"{name}.parameters", f"{name}.weight-bytes")
    sheet.derive(weights, "B", "parameters x bytes", work, *inputs)
    _add_replicas(sheet, name, service)
    _add_rates(sheet, name, service, active, experts)


def _active(sheet: Sheet, name: str, service: InferenceLoad) -> str:
    """Return the name of the parameters that work on a token; in a dense model they are all of them."""
    active = f"{name}.active"
    described = service.described("active")
    if described is not None:
        return sheet.plan(active, described, "parameters", "that work on a token, as described")
    if active in sheet.given:
        return sheet.ask(active, "parameters", "active parameters")
    return f"{name}.parameters"


def _experts(sheet: Sheet, name: str, service: InferenceLoad, part: str) -> str:
    """Add a number of experts: the user's, the description's, or 1 of a dense model."""
    experts = f"{name}.{part}"
    if experts in sheet.given:
        return sheet.ask(experts, "experts", "experts")
    count = service.described(part) or 1
    return sheet.plan(experts, count, "experts", "as described; 1 is a dense model")


def _add_replicas(sheet: Sheet, name: str, service: InferenceLoad) -> None:
    """Add the servers of a replica, the sequences that it holds at once, and the number of replicas."""
    system = service.shape.system
    memory = needed_accelerator(system).memory
    total = f"memory.{system.name}"
    sheet.plan(total, system.gpus * memory.count, "B", f"{system.gpus} x {memory}")
    usable = sheet.figure("memory.usable", figure("failures", "memory.usable"))
    replica, weights = f"{name}.replica", f"{name}.weights"
    formula = "fewest machines that hold the weights"
    sheet.derive(replica, "machines", formula, _replica, weights, total, usable)
    sheet.derive(
        f"{name}.concurrency",
        "sequences",
        "(usable memory of a replica - weights) / (context x cache of a token)",
        lambda count, size, part, *rest: sequences(count * size * part, *rest),
        replica,
        total,
        usable,
        weights,
        f"{name}.context",
        f"{name}.token",
    )
    machines = sheet.plan(f"{name}.machines", service.machines, "machines", "as described")
    formula = "machines / machines a replica, whole"
    work = lambda whole, each: float(whole // each)  # noqa: E731 - the formula, used once
    sheet.derive(f"{name}.replicas", "replicas", formula, work, machines, replica)


def _replica(weights: float, memory: float, usable: float) -> float:
    """Return the fewest servers whose usable memory holds the weights."""
    return float(math.ceil(weights / (memory * usable)))


def _add_rates(sheet: Sheet, name: str, service: InferenceLoad, active: str, experts: Sequence[str]) -> None:
    """Add prefill and decode rates of a replica and of all replicas.

    Args:
        sheet: the sheet.
        name: the service's prefix.
        service: the service.
        active: name of the parameters that work on a token.
        experts: names of the routed experts a layer, and of those that a token is sent to.
    """
    system = service.shape.system
    chip = needed_accelerator(system)
    # The catalogue has teraflops; the measure is in operations a second.
    peak = sheet.figure(
        f"peak.{chip.name}",
        chip.source_of("dense_tflops.bf16"),
        unit="FLOP/s",
        scale=1e12,
        question=f"What is the dense bf16 peak of {chip.name}, in FLOP/s?",
    )
    mfu = sheet.figure("mfu.prefill", figure("failures", "mfu.prefill"))
    mbu = sheet.figure("mbu.decode", figure("failures", "mbu.decode"))
    why = f"{chip.memory_bandwidth}, its vendor's or a benchmark's"
    bandwidth = sheet.plan(f"bandwidth.{chip.name}", chip.memory_bandwidth.count, "B/s", why)
    # Memory keeps its clock under most caps; that it slows as computing does is the worse case.
    peak, bandwidth = under_cap(sheet, service.shape, peak), under_cap(sheet, service.shape, bandwidth)
    each = sheet.plan(f"gpus.{system.name}", system.gpus, "GPUs", "of a machine")
    gpus, step, decode = f"{name}.gpus", f"{name}.step", f"{name}.decode"
    inputs = (f"{name}.replica", each)
    sheet.derive(gpus, "GPUs", "machines a replica x GPUs", _product, *inputs)
    formula = "GPUs x peak x MFU / (2 x active), a replica"
    sheet.derive(f"{name}.prefill", "tokens/s", formula, _prefill, gpus, peak, mfu, active)
    batch = f"{name}.concurrency"
    if f"{name}.batch" in sheet.given:
        batch = sheet.ask(f"{name}.batch", "sequences", "sequences at once")
    sheet.derive(
        step,
        "s",
        "max(bytes read / (GPUs x bandwidth x MBU), 2 x active x batch / (GPUs x peak x MFU))",
        _step,
        # In the order of the parameters of `_step`.
        f"{name}.parameters",
        active,
        *experts,
        batch,
        f"{name}.weight-bytes",
        f"{name}.context",
        f"{name}.token",
        gpus,
        bandwidth,
        mbu,
        peak,
        mfu,
        note="every sequence at its full length: the slowest step",
    )
    sheet.derive(decode, "tokens/s", "batch / step, a replica", _decode, batch, step)
    inputs = (f"{name}.replicas", decode)
    sheet.derive(f"{name}.decode.all", "tokens/s", "replicas x decode", _product, *inputs)


def _prefill(gpus: float, peak: float, mfu: float, active: float) -> float:
    """Return the tokens of prompts a second: each takes two operations a parameter that works on it."""
    return gpus * peak * mfu / (2 * active)


def _decode(batch: float, step: float) -> float | None:
    """Return the tokens a second of a batch, of which each step makes one a sequence."""
    return batch / step if step else None


def _product(count: float, each: float) -> float:
    """Return a count times the size of each."""
    return count * each


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
    """Return the seconds of one decode step of a replica; None if not even one sequence fits."""
    if batch <= 0:
        return None
    read = weights_read(parameters, active, experts, chosen, batch, size) + batch * context * token
    return max(read / (gpus * bandwidth * mbu), 2 * active * batch / (gpus * peak * mfu))
