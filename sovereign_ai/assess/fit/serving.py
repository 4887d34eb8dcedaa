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

from sovereign_ai.assess.fit.components import InferenceService, Replicas
from sovereign_ai.assess.fit.fit_sheet import FitPlace, FitSheet, add_memory, add_place, add_scale_up
from sovereign_ai.assess.fit.memory import SIZES, expert_parameters
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
        tensor: GPUs of each that share each matrix product.
        data: groups of such GPUs in each.
        expert_copies: experts a layer that each holds a second time.
        concurrent: requests that all of them work on at once; None for those of the service.
    """

    role: str
    replicas: int
    tensor: int
    data: int = 1
    expert_copies: int = 0
    concurrent: int | None = None

    @property
    def gpus(self) -> int:
        """GPUs of a replica."""
        return self.tensor * self.data

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
        return _group("prefill", service.prefill), _group("decode", service.decode)
    return (ReplicaGroup("", service.replicas or 0, service.tensor or 0, service.data),)


def _group(role: str, pool: Replicas) -> ReplicaGroup:
    return ReplicaGroup(role, pool.replicas, pool.tensor, pool.data, pool.expert_copies, pool.concurrent)


def add_inference_service(fit: FitSheet, service: InferenceService, place: FitPlace) -> None:
    """Add the checks of a service."""
    kinds = groups(service)
    each = place.shape.system.gpus
    gpus, servers = 0, 0
    for group in kinds:
        gpus += group.replicas * group.gpus
        # A replica within a server shares it with others; a larger one takes whole servers.
        per_server = each // group.gpus
        servers += (
            ceil_div(group.replicas, per_server)
            if per_server
            else group.replicas * ceil_div(group.gpus, each)
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
    layers = _add_cache_layers(fit, service)
    if model.cache_width is not None:
        common = sheet.plan("cache-width", model.cache_width, "1", "as described")
        formula = "layers x common width of keys and values x bytes"
        work = lambda *factors: prod(factors)  # noqa: E731 - the formula, used once
        sheet.derive("cache.layer", "B", "common width of keys and values x bytes", work, common, value)
        sheet.derive("cache.token", "B", formula, work, layers, common, value)
        return
    if model.head_width is None:
        hidden = fit.described("model.hidden", model.hidden, "1", "How wide is the residual stream?")
        inputs = (hidden, "model.heads")
        width = sheet.derive("head-width", "1", "hidden / heads", lambda whole, count: whole / count, *inputs)
    else:
        width = sheet.plan("head-width", model.head_width, "1", "as described")
    one = sheet.plan("one-layer", 1, "layers", "a layer")
    parts = (one, "model.kv_heads", width, value)
    sheet.derive("cache.layer", "B", "2 x kv heads x head width x bytes", kv_bytes, *parts)
    parts = (layers, "model.kv_heads", width, value)
    sheet.derive("cache.token", "B", "2 x layers x kv heads x head width x bytes", kv_bytes, *parts)


def _add_cache_layers(fit: FitSheet, service: InferenceService) -> str:
    """Add the layers that keep every token, and those that keep a window; return the name of the first."""
    sheet, model = fit.sheet, service.model
    kept = "model.layers"
    if model.cache_layers is not None:
        kept = sheet.plan("cache-layers", model.cache_layers, "layers", "as described")
    if model.window is None or model.window_layers is None:
        return kept
    sheet.plan("window", model.window, "tokens", "as described")
    windowed = sheet.plan("window-layers", model.window_layers, "layers", "as described")
    formula = "layers with a cache - those with a window"
    return sheet.derive("whole-layers", "layers", formula, lambda every, part: every - part, kept, windowed)


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
    sheet.plan(f"groups{end}", group.data, "groups", "of GPUs in a replica, as described")
    sheet.plan(f"replica.gpus{end}", group.gpus, "GPUs", "GPUs of a group x groups of a replica")
    add_scale_up(fit, place, f"tensor parallelism{group.words}", tensor)
    fit.divides(f"attention heads{group.words}", tensor, "model.heads", ("shared by", "of"))
    formula = "requests / replicas, rounded up"
    requests = "concurrent"
    if group.concurrent is not None:
        requests = sheet.plan(f"concurrent{end}", group.concurrent, "requests", "as described")
    batch = sheet.derive(f"batch{end}", "requests", formula, _rounded_up, requests, f"replicas{end}")
    # A copy that works on prompts alone never holds an answer.
    length = _add_prompt(fit, service) if group.role == "prefill" else "context"
    formula = f"requests x {length} x bytes a token"
    inputs: tuple[str, ...] = (batch, length, "cache.token")
    if "window" in sheet:
        formula += f" + requests x the less of window and {length} x layers x bytes a layer"
        inputs = (*inputs, "window", "window-layers", "cache.layer")
    sheet.derive(f"cache{end}", "B", formula, _cache, *inputs)
    _add_memory(fit, place, group)
    if group.role != "decode":
        _add_first_token(fit, service, place, group)
    if group.role != "prefill":
        _add_next_token(fit, service, place, group)


def _cache(
    requests: float, length: float, token: float, window: float = 0, layers: float = 0, layer: float = 0
) -> float:
    """Return the bytes of the cache of requests, of which some layers keep a window of tokens alone."""
    return requests * (length * token + min(window, length) * layers * layer)


def _add_prompt(fit: FitSheet, service: InferenceService) -> str:
    """Add the length of a prompt; return its name."""
    return fit.described(
        "prompt", service.prompt, "tokens", "How many tokens has a prompt when it is longest?"
    )


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
    weights = _add_weights(fit, group)
    cache = _add_cache(fit, group)
    add = lambda first, second: first + second  # noqa: E731 - the formula, used once
    total = sheet.derive(f"memory.total{end}", "B", "weights + cache", add, weights, cache)
    fit.at_most(f"memory of a GPU{group.words}", total, usable)


def _add_weights(fit: FitSheet, group: ReplicaGroup) -> str:
    """Add a GPU's part of the weights; return its name."""
    sheet, end = fit.sheet, group.suffix
    name = f"memory.weights{end}"
    if group.data == 1 and not group.expert_copies:
        whole = ("weights", f"tensor{end}")
        return sheet.derive(name, "B", "weights / GPUs", lambda size, count: size / count, *whole)
    copies = sheet.plan(f"expert_copies{end}", group.expert_copies, "experts", "as described")
    experts = ("model.experts", copies, f"replica.gpus{end}")
    formula = "(experts + copies) / GPUs of a replica, rounded up: the fullest GPU (arXiv 2412.19437, 3.4)"
    held = sheet.derive(f"experts.gpu{end}", "experts", formula, _fullest, *experts)
    formula = "(dense / GPUs of a group + routed x experts of the GPU / experts) x bytes"
    inputs = (
        "model.parameters",
        "active",
        "model.experts",
        "model.experts_chosen",
        f"tensor{end}",
        held,
        "bytes.weight",
    )
    return sheet.derive(name, "B", formula, _spread_weights, *inputs)


def _fullest(experts: float, copies: float, gpus: float) -> float:
    """Return the experts a layer of the GPU that has most of them."""
    return ceil_div(int(experts + copies), int(gpus))


def _spread_weights(
    parameters: float, active: float, experts: float, chosen: float, tensor: float, held: float, size: float
) -> float:
    """Return the bytes of weights of a GPU of a group that keeps some whole experts of each layer."""
    routed = expert_parameters(parameters, active, experts, chosen)
    return ((parameters - routed) / tensor + routed * held / experts) * size


def _add_cache(fit: FitSheet, group: ReplicaGroup) -> str:
    """Add a GPU's part of the cache; return its name."""
    sheet, end = fit.sheet, group.suffix
    name, whole = f"memory.cache{end}", f"cache{end}"
    if group.data > 1:
        formula = "cache x the requests of the fullest group / requests"
        inputs = (whole, f"batch{end}", f"groups{end}")
        whole = sheet.derive(f"cache.group{end}", "B", formula, _of_fullest_group, *inputs)
    if "cache-width" in sheet:
        formula = "cache: what is compressed belongs to all heads, and each GPU keeps it"
        return sheet.derive(name, "B", formula, lambda size: size, whole)
    formula = "cache / the less of GPUs and kv heads: a head is not divided"
    work = lambda size, count, heads: size / min(count, heads)  # noqa: E731 - the formula, used once
    return sheet.derive(name, "B", formula, work, whole, f"tensor{end}", "model.kv_heads")


def _of_fullest_group(cache: float, requests: float, groups: float) -> float:
    """Return the cache of the group that has most requests of its replica."""
    return cache / requests * ceil_div(int(requests), int(groups))


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
    prompt = _add_prompt(fit, service)
    used = sheet.figure("mfu.prefill", figure("failures", "mfu.prefill"))
    formula = "2 x active x prompt / (GPUs x peak x MFU)"
    inputs = ("active", prompt, f"replica.gpus{group.suffix}", _add_peak(fit, service, place), used)
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
    if group.data > 1:
        formula = "the same + dense x (groups - 1) x bytes: each group reads what is dense"
        shape = ("model.parameters", "active", "model.experts", "model.experts_chosen")
        more = (read, *shape, f"groups{end}", "bytes.weight")
        read = sheet.derive("read.groups", "B", formula, _read_by_groups, *more)
    formula = "max((weights + cache) / (GPUs x bandwidth x MBU), 2 x active x batch / (GPUs x peak x MFU))"
    gpus, peak = f"replica.gpus{end}", _add_peak(fit, service, place)
    parts = (read, f"cache{end}", gpus, bandwidth, mbu, "active", f"batch{end}", peak, mfu)
    note = "from below: no exchange between GPUs; every request at its full length"
    time = sheet.derive("tpot", "s", formula, _step, *parts, note=note)
    limit = _target(fit, "tpot_ms", service.targets.tpot_ms, "further token")
    fit.at_most("time for a further token", time, limit, ("takes at least", "target"))


def _read_by_groups(
    once: float,
    parameters: float,
    active: float,
    experts: float,
    chosen: float,
    groups: float,
    size: float,
) -> float:
    """Return the bytes of weights that all groups of a replica read in a step."""
    dense = parameters - expert_parameters(parameters, active, experts, chosen)
    return once + dense * (groups - 1) * size


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
