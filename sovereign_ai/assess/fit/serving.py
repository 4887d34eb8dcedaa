"""The checks of an inference service: memory with the KV cache, and latency against its targets.

    time for a token = max(bytes read / (GPUs x bandwidth x MBU), 2 N_active x batch / (GPUs x peak x MFU))
    time to the first token = 2 N_active x prompt / (GPUs x peak x MFU)

Both are bounds from below, of the roofline (Williams and others, 2009): a request waits in no queue, the
exchange between GPUs takes no time, and the products of attention itself are not counted. The cache of a
token is 2 x layers x kv heads x head width x bytes; where keys and values are compressed together, layers x
their common width x bytes, which each GPU of a replica keeps whole (DeepSeek-V3, arXiv 2505.09343, table 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from sovereign_ai.assess.fit.components import InferenceService
from sovereign_ai.assess.fit.fit_sheet import FitPlace, FitSheet, add_memory, add_place, add_scale_up
from sovereign_ai.assess.fit.memory import SIZES
from sovereign_ai.assess.goodput.capped_work import under_cap
from sovereign_ai.assess.goodput.inference import kv_bytes, weights_read
from sovereign_ai.assess.sources import figure
from sovereign_ai.plan import ceil_div

_MODEL = {
    "parameters": ("parameters", "How many parameters does the model have?"),
    "layers": ("layers", "How many layers does it have?"),
    "heads": ("heads", "How many attention heads has a layer?"),
    "kv_heads": ("heads", "How many key and value heads has a layer?"),
}


@dataclass(frozen=True, slots=True)
class ReplicaGroup:
    """Replicas of one kind.

    Attributes:
        role: `prefill`, `decode`, or empty where a replica does both.
        replicas: how many.
        tensor: GPUs of each.
    """

    role: str
    replicas: int
    tensor: int

    @property
    def suffix(self) -> str:
        """The end of the names of its numbers."""
        return f".{self.role}" if self.role else ""

    @property
    def words(self) -> str:
        """The end of the labels of its checks."""
        return f" of {self.role}" if self.role else ""


def groups(service: InferenceService) -> tuple[ReplicaGroup, ...]:
    """Return the kinds of replicas of a service: one, or prefill and decode."""
    if service.prefill is not None and service.decode is not None:
        prefill = ReplicaGroup("prefill", service.prefill.replicas, service.prefill.tensor)
        return prefill, ReplicaGroup("decode", service.decode.replicas, service.decode.tensor)
    return (ReplicaGroup("", service.replicas or 0, service.tensor or 0),)


def add_inference_service(fit: FitSheet, service: InferenceService, place: FitPlace) -> None:
    """Add the checks of a service."""
    kinds = groups(service)
    each = place.shape.system.gpus
    gpus, servers = 0, 0
    for group in kinds:
        gpus += group.replicas * group.tensor
        # A replica within a server shares it with others; a larger one takes whole servers.
        per_server = each // group.tensor
        servers += (
            ceil_div(group.replicas, per_server)
            if per_server
            else group.replicas * ceil_div(group.tensor, each)
        )
    counted = fit.sheet.plan("gpus", gpus, "GPUs", "replicas x GPUs of each, as described")
    why = f"{each} GPUs a server; no replica is cut where it fits into one, and pools share none"
    add_place(fit, place, counted, fit.sheet.plan("nodes", servers, "servers", why))
    _add_model(fit, service)
    for group in kinds:
        _add_group(fit, service, place, group)


def _add_model(fit: FitSheet, service: InferenceService) -> None:
    """Add the figures of model, requests and formats as leaves, and what follows from them alone."""
    sheet, model = fit.sheet, service.model
    for part, (unit, question) in _MODEL.items():
        fit.described(f"model.{part}", getattr(model, part), unit, question)
    fit.described("context", service.context, "tokens", "How many tokens has a request when it is longest?")
    fit.described("concurrent", service.concurrent, "requests", "How many requests are worked on at once?")
    size = None if model.weights is None else SIZES[model.weights]
    weight = fit.described(
        "bytes.weight", size, "B", "model.weights: in which number format are the weights?"
    )
    size = None if model.cache is None else SIZES[model.cache]
    value = fit.described("bytes.cache", size, "B", "model.cache: in which number format is the KV cache?")
    sheet.derive(
        "weights", "B", "parameters x bytes", lambda count, each: count * each, "model.parameters", weight
    )
    _add_active(fit, service)
    if model.cache_width is not None:
        common = sheet.plan("cache-width", model.cache_width, "1", "as described")
        formula = "layers x common width of keys and values x bytes"
        work = lambda *factors: prod(factors)  # noqa: E731 - the formula, used once
        sheet.derive("cache.token", "B", formula, work, "model.layers", common, value)
        return
    if model.head_width is None:
        hidden = fit.described("model.hidden", model.hidden, "1", "How wide is the residual stream?")
        inputs = (hidden, "model.heads")
        width = sheet.derive("head-width", "1", "hidden / heads", lambda whole, count: whole / count, *inputs)
    else:
        width = sheet.plan("head-width", model.head_width, "1", "as described")
    parts = ("model.layers", "model.kv_heads", width, value)
    sheet.derive("cache.token", "B", "2 x layers x kv heads x head width x bytes", kv_bytes, *parts)


def _add_active(fit: FitSheet, service: InferenceService) -> None:
    """Add the parameters that work on a token, and the experts; all parameters in a dense model."""
    sheet, model = fit.sheet, service.model
    if model.experts is None:
        formula = "all parameters: the model is dense"
        sheet.derive("active", "parameters", formula, lambda count: count, "model.parameters")
        for part in ("model.experts", "model.experts_chosen"):
            sheet.plan(part, 1, "experts", "a dense model")
        return
    active = fit.described("model.active", model.active, "parameters", "How many parameters work on a token?")
    sheet.derive("active", "parameters", "as described", lambda count: count, active)
    sheet.plan("model.experts", model.experts, "experts", "as described")
    question = "To how many experts goes a token?"
    fit.described("model.experts_chosen", model.experts_chosen, "experts", question)


def _add_group(fit: FitSheet, service: InferenceService, place: FitPlace, group: ReplicaGroup) -> None:
    """Add the checks of replicas of one kind."""
    sheet, end = fit.sheet, group.suffix
    tensor = sheet.plan(f"tensor{end}", group.tensor, "GPUs", "of a replica, as described")
    sheet.plan(f"replicas{end}", group.replicas, "replicas", "as described")
    add_scale_up(fit, place, f"tensor parallelism{group.words}", tensor)
    fit.divides(f"attention heads{group.words}", tensor, "model.heads", ("shared by", "of"))
    formula = "requests / replicas, rounded up"
    batch = sheet.derive(f"batch{end}", "requests", formula, _rounded_up, "concurrent", f"replicas{end}")
    formula = "requests x context x bytes a token"
    inputs = (batch, "context", "cache.token")
    sheet.derive(f"cache{end}", "B", formula, lambda count, length, each: count * length * each, *inputs)
    _add_memory(fit, place, group)
    if group.role != "decode":
        _add_first_token(fit, service, place, group)
    if group.role != "prefill":
        _add_next_token(fit, service, place, group)


def _rounded_up(requests: float, replicas: float) -> float:
    """Return the requests of the replica that has most of them."""
    return ceil_div(int(requests), int(replicas))


def _add_memory(fit: FitSheet, place: FitPlace, group: ReplicaGroup) -> None:
    """Add the check of a GPU's memory: its part of the weights and of the cache of all requests."""
    sheet, end = fit.sheet, group.suffix
    memory, reserved = add_memory(fit, place)
    inputs = (memory, reserved)
    usable = sheet.derive(
        "memory.available", "B", "memory - reserved", lambda there, taken: there - taken, *inputs
    )
    inputs = ("weights", f"tensor{end}")
    weights = sheet.derive(
        f"memory.weights{end}", "B", "weights / GPUs", lambda size, count: size / count, *inputs
    )
    cache = _add_cache(fit, group)
    add = lambda first, second: first + second  # noqa: E731 - the formula, used once
    total = sheet.derive(f"memory.total{end}", "B", "weights + cache", add, weights, cache)
    fit.at_most(f"memory of a GPU{group.words}", total, usable)


def _add_cache(fit: FitSheet, group: ReplicaGroup) -> str:
    """Add a GPU's part of the cache; return its name."""
    sheet, end = fit.sheet, group.suffix
    name, whole = f"memory.cache{end}", f"cache{end}"
    if "cache-width" in sheet:
        formula = "cache: what is compressed belongs to all heads, and each GPU keeps it"
        return sheet.derive(name, "B", formula, lambda size: size, whole)
    formula = "cache / the less of GPUs and kv heads: a head is not divided"
    work = lambda size, count, heads: size / min(count, heads)  # noqa: E731 - the formula, used once
    return sheet.derive(name, "B", formula, work, whole, f"tensor{end}", "model.kv_heads")


def _add_peak(fit: FitSheet, service: InferenceService, place: FitPlace) -> str:
    """Add the peak rate of the accelerator in the format of the weights; asked for where no source has it."""
    chip, precision = place.chip, service.model.weights
    if precision is None:
        return "bytes.weight"
    # 16 bits are one rate, whichever of the two formats.
    rate = "bf16" if precision == "fp16" else precision
    question = f"What is the dense {rate} peak of {chip.name}, in FLOP/s?"
    source = chip.source_of(f"dense_tflops.{rate}")
    peak = f"peak.{chip.name}.{rate}"
    fit.sheet.figure(peak, source, unit="FLOP/s", scale=1e12, question=question)
    return under_cap(fit.sheet, place.shape, peak)


def _prefill_seconds(active: float, prompt: float, gpus: float, peak: float, mfu: float) -> float:
    """Return the time in which GPUs multiply a prompt by the active parameters, two operations for each."""
    return 2 * active * prompt / (gpus * peak * mfu)


def _add_first_token(fit: FitSheet, service: InferenceService, place: FitPlace, group: ReplicaGroup) -> None:
    """Add the check of the time to the first token."""
    sheet = fit.sheet
    prompt = fit.described(
        "prompt", service.prompt, "tokens", "How many tokens has a prompt when it is longest?"
    )
    used = sheet.figure("mfu.prefill", figure("failures", "mfu.prefill"))
    formula = "2 x active x prompt / (GPUs x peak x MFU)"
    inputs = ("active", prompt, f"tensor{group.suffix}", _add_peak(fit, service, place), used)
    note = "from below: no queue, no exchange between GPUs, attention's own products not counted"
    time = sheet.derive("ttft", "s", formula, _prefill_seconds, *inputs, note=note)
    limit = _target(fit, "ttft_ms", service.targets.ttft_ms, "first token")
    fit.at_most("time to the first token", time, limit, ("takes at least", "target"))


def _add_next_token(fit: FitSheet, service: InferenceService, place: FitPlace, group: ReplicaGroup) -> None:
    """Add the check of the time for each further token."""
    sheet, end, chip = fit.sheet, group.suffix, place.chip
    why = f"{chip.memory_bandwidth}, its vendor's or a benchmark's"
    bandwidth = sheet.plan(f"bandwidth.{chip.name}", chip.memory_bandwidth.count, "B/s", why)
    bandwidth = under_cap(sheet, place.shape, bandwidth)
    mbu = sheet.figure("mbu.decode", figure("failures", "mbu.decode"))
    mfu = sheet.figure("mfu.prefill", figure("failures", "mfu.prefill"))
    inputs = (
        "model.parameters",
        "active",
        "model.experts",
        "model.experts_chosen",
        f"batch{end}",
        "bytes.weight",
    )
    formula = "weights that a step of the batch touches"
    read = sheet.derive("read.weights", "B", formula, weights_read, *inputs)
    formula = "max((weights + cache) / (GPUs x bandwidth x MBU), 2 x active x batch / (GPUs x peak x MFU))"
    gpus, peak = f"tensor{end}", _add_peak(fit, service, place)
    parts = (read, f"cache{end}", gpus, bandwidth, mbu, "active", f"batch{end}", peak, mfu)
    note = "from below: no exchange between GPUs; every request at its full length"
    time = sheet.derive("tpot", "s", formula, _step, *parts, note=note)
    limit = _target(fit, "tpot_ms", service.targets.tpot_ms, "further token")
    fit.at_most("time for a further token", time, limit, ("takes at least", "target"))


def _step(
    weights: float,
    cache: float,
    gpus: float,
    bandwidth: float,
    mbu: float,
    active: float,
    batch: float,
    peak: float,
    mfu: float,
) -> float:
    """Return the seconds of one step: the longer of reading memory and of the products."""
    return max((weights + cache) / (gpus * bandwidth * mbu), 2 * active * batch / (gpus * peak * mfu))


def _target(fit: FitSheet, field: str, millis: int | None, noun: str) -> str:
    """Add a target in seconds, or the question that asks for it."""
    seconds = None if millis is None else millis / 1000
    return fit.described(
        f"targets.{field}", seconds, "s", f"How long may the {noun} take? In the file in milliseconds."
    )
