"""The checks of an inference service: memory with the KV cache, and latency against its targets.

    time for a token = max(bytes a GPU reads / (bandwidth x MBU), 2 N_active x batch / (GPUs x peak x MFU))
                       where each stage of a pipeline reads its weights anew for each part of the batch
    time to the first token = 2 N_active x prompt / (GPUs x peak x MFU)
                       where of several groups in a copy only one multiplies what is dense

Both are bounds from below, of the roofline (Williams and others, 2009): a request waits in no queue, the
exchange between GPUs takes no time, and the products of attention itself are not counted. The cache of a
token is 2 x layers x kv heads x head width x bytes; where keys and values are compressed together, layers x
their common width x bytes, which each GPU of a replica keeps whole (DeepSeek-V3, arXiv 2505.09343, table 1).
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from sovereign_ai.assess.fit.components import InferenceService, Replicas
from sovereign_ai.assess.fit.fit_sheet import (
    FitPlace,
    FitSheet,
    TensorGroups,
    add_memory,
    add_own_layers,
    add_place,
    add_scale_up,
    add_widths,
)
from sovereign_ai.assess.fit.memory import SIZES, expert_parameters, stage_share
from sovereign_ai.assess.fit.spanning import SUM_BYTES, SUMS, add_exchange
from sovereign_ai.assess.goodput.capped_work import under_cap
from sovereign_ai.assess.goodput.inference import kv_bytes, weights_read
from sovereign_ai.assess.sources import figure
from sovereign_ai.catalog.accelerator import Accelerator
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import ceil_div
from sovereign_ai.text import counted

_MODEL = {
    "parameters": ("parameters", "How many parameters does the model have?"),
    "layers": ("layers", "How many layers does it have?"),
    "heads": ("heads", "How many attention heads has a layer?"),
    "kv_heads": ("heads", "How many key and value heads has a layer?"),
}
_SHAPE = ("model.parameters", "active", "model.experts", "model.experts_chosen")
"""Names of the numbers that tell the routed experts from the rest."""
_RATES = {"fp16": "bf16", "int4": "bf16", "mxfp4": "fp4", "nvfp4": "fp4"}
"""Formats of weights to the rate of their products, where it has another name.

16 bits are one rate, whichever of the two formats.
"""
_WITHOUT_FP4 = ("Hopper", "Ada Lovelace", "CDNA 3")
"""Architectures whose matrix units have no FP4.

NVIDIA's have it from Blackwell on (vllm-project/vllm issue 31085), AMD's from CDNA 4 on (Boston Limited,
"AMD Instinct MI355X", 2025-08-14); read 2026-11-28.
"""


@frozen_dataclass
class ReplicaGroup:
    """Replicas of one kind.

    Attributes:
        role: `prefill`, `decode`, or empty where a replica does both.
        replicas: how many.
        tensor: GPUs of each that share each matrix product.
        data: groups of such GPUs in each stage.
        pipeline: stages that the layers of each are divided into.
        expert_copies: experts a layer that each holds a second time.
        concurrent: requests that all of them work on at once; None for those of the service.
    """

    role: str
    replicas: int
    tensor: int
    data: int = 1
    pipeline: int = 1
    expert_copies: int = 0
    concurrent: int | None = None

    @property
    def gpus(self) -> int:
        """GPUs of a replica."""
        return self.tensor * self.data * self.pipeline

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
    return (ReplicaGroup("", service.replicas or 0, service.tensor or 0, service.data, service.pipeline),)


def _group(role: str, pool: Replicas) -> ReplicaGroup:
    shape = (pool.tensor, pool.data, pool.pipeline)
    return ReplicaGroup(role, pool.replicas, *shape, pool.expert_copies, pool.concurrent)


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
    used = fit.sheet.plan("gpus", gpus, "GPUs", "replicas x GPUs of each, as described")
    why = f"{counted(each, 'GPU')} a server; no replica is cut where it fits into one, and pools share none"
    add_place(fit, place, used, fit.sheet.plan("nodes", servers, "servers", why))
    _add_model(fit, service)
    for group in kinds:
        _add_group(fit, service, place, group)


def _add_model(fit: FitSheet, service: InferenceService) -> None:
    """Add the figures of model, requests and formats as leaves, and what follows from them alone."""
    sheet, model = fit.sheet, service.model
    for part, (unit, question) in _MODEL.items():
        fit.described(f"model.{part}", getattr(model, part), unit, question)
    add_own_layers(fit, model)
    fit.described("context", service.context, "tokens", "How many tokens has a request when it is longest?")
    fit.described("concurrent", service.concurrent, "requests", "How many requests are worked on at once?")
    size = None if model.weights is None else SIZES[model.weights]
    weight = fit.described(
        "bytes.weight", size, "B", "model.weights: in which number format are the weights?"
    )
    size = None if model.cache is None else SIZES[model.cache]
    value = fit.described("bytes.cache", size, "B", "model.cache: in which number format is the KV cache?")
    _add_active(fit, service)
    formula = "active x layers / layers with parameters of their own"
    pair = ("active", "model.layers", "model.own-layers")
    sheet.derive("active.used", "parameters", formula, _times_used, *pair)
    _add_dense_bytes(fit, service, weight)
    formula = "dense parameters x bytes + routed parameters x bytes"
    sheet.derive("weights", "B", formula, _all_weights, *_SHAPE, "bytes.dense", weight)
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


def _add_dense_bytes(fit: FitSheet, service: InferenceService, weight: str) -> None:
    """Add the bytes of a parameter outside of experts: those of one in an expert, or what the size leaves."""
    sheet, size = fit.sheet, service.model.weights_size
    if size is None:
        sheet.derive("bytes.dense", "B", "as the weights", lambda each: each, weight)
        return
    whole = sheet.plan("weights.size", size.count, "B", "as described")
    formula = "(size of all weights - routed parameters x bytes) / dense parameters"
    sheet.derive("bytes.dense", "B", formula, _dense_bytes, whole, *_SHAPE, weight)


def _dense_bytes(
    size: float, parameters: float, active: float, experts: float, chosen: float, weight: float
) -> float:
    """Return the bytes of a parameter outside of experts, by the size of all weights."""
    routed = expert_parameters(parameters, active, experts, chosen)
    return (size - routed * weight) / (parameters - routed)


def _all_weights(
    parameters: float, active: float, experts: float, chosen: float, dense: float, weight: float
) -> float:
    """Return the bytes of all weights."""
    routed = expert_parameters(parameters, active, experts, chosen)
    return (parameters - routed) * dense + routed * weight


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
    sheet.plan(f"groups{end}", group.data, "groups", "of GPUs in a stage, as described")
    _add_stages(fit, group)
    sheet.plan(f"replica.gpus{end}", group.gpus, "GPUs", "GPUs of a group x groups of a stage x stages")
    why = "replicas x groups of a stage x stages"
    count = sheet.plan(f"tensor.groups{end}", group.replicas * group.data * group.pipeline, "groups", why)
    add_scale_up(fit, place, TensorGroups(f"tensor parallelism{group.words}", tensor, group.tensor, count))
    # Where groups share experts, each expert lies whole on a GPU.
    add_widths(fit, service.model, tensor, group.words, feed_forward=group.data == 1)
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


def _add_stages(fit: FitSheet, group: ReplicaGroup) -> None:
    """Add the stages of a replica, and the part of the layers that the fullest of them has."""
    sheet, end = fit.sheet, group.suffix
    stages = sheet.plan(f"stages{end}", group.pipeline, "stages", "of a replica, as described")
    if group.pipeline > 1:
        label = f"pipeline stages{group.words}"
        fit.at_most(label, stages, "model.layers", ("needs a layer each, of", "has"))
    formula = "layers of the fullest stage / layers"
    work = lambda layers, count: ceil_div(int(layers), int(count)) / layers  # noqa: E731 - the formula
    sheet.derive(f"stage.part{end}", "1", formula, work, "model.layers", stages)
    formula = "own layers of the fullest stage / own layers"
    inputs = ("model.layers", stages, "model.own-layers")
    sheet.derive(f"stage.own{end}", "1", formula, _own_part, *inputs)


def _own_part(layers: float, stages: float, own: float) -> float:
    """Return the part of the weights that the fullest stage holds."""
    return stage_share(ceil_div(int(layers), int(stages)), layers, own)


def _times_used(amount: float, layers: float, own: float) -> float:
    """Return an amount of parameters, counted as often as their layers share them."""
    return amount * layers / own


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
        whole = ("weights", f"stage.own{end}", f"tensor{end}")
        formula = "weights of the fullest stage / its GPUs"
        work = lambda size, part, count: size * part / count  # noqa: E731 - the formula, used once
        return sheet.derive(name, "B", formula, work, *whole)
    copies = sheet.plan(f"expert_copies{end}", group.expert_copies, "experts", "as described")
    experts = ("model.experts", copies, f"tensor{end}", f"groups{end}")
    add = lambda each, more: each + more  # noqa: E731 - the formula, used once
    held = sheet.derive(f"experts.all{end}", "experts", "experts + copies", add, "model.experts", copies)
    each = sheet.plan(f"stage.gpus{end}", group.tensor * group.data, "GPUs", "GPUs of a group x groups")
    fit.at_most(f"experts of a GPU{group.words}", each, held, ("one each, of", "has"))
    formula = "(experts + copies) / GPUs of a stage, rounded up: the fullest GPU (arXiv 2412.19437, 3.4)"
    held = sheet.derive(f"experts.gpu{end}", "experts", formula, _fullest, *experts)
    formula = "(dense x bytes / GPUs of a group + routed x bytes x its part of the experts) x stage's part"
    inputs = (*_SHAPE, f"tensor{end}", held, "bytes.dense", "bytes.weight", f"stage.own{end}")
    return sheet.derive(name, "B", formula, _spread_weights, *inputs)


def _fullest(experts: float, copies: float, tensor: float, groups: float) -> float:
    """Return the experts a layer of the GPU that has most of them."""
    return ceil_div(int(experts + copies), int(tensor * groups))


def _spread_weights(
    parameters: float,
    active: float,
    experts: float,
    chosen: float,
    tensor: float,
    held: float,
    dense: float,
    size: float,
    part: float,
) -> float:
    """Return the bytes of weights of a GPU of a group that keeps some whole experts of each layer."""
    routed = expert_parameters(parameters, active, experts, chosen)
    return ((parameters - routed) * dense / tensor + routed * size * held / experts) * part


def _add_cache(fit: FitSheet, group: ReplicaGroup) -> str:
    """Add a GPU's part of the cache; return its name."""
    sheet, end = fit.sheet, group.suffix
    name, whole = f"memory.cache{end}", f"cache{end}"
    if group.pipeline > 1:
        formula = "cache of the layers of the fullest stage"
        whole = sheet.derive(f"cache.stage{end}", "B", formula, _product, whole, f"stage.part{end}")
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


def _product(whole: float, part: float) -> float:
    """Return a part of a whole."""
    return whole * part


def _of_fullest_group(cache: float, requests: float, groups: float) -> float:
    """Return the cache of the group that has most requests of its replica."""
    return cache / requests * ceil_div(int(requests), int(groups))


def _add_peak(fit: FitSheet, service: InferenceService, place: FitPlace) -> str:
    """Add the peak rate of the accelerator in the format of the weights; asked for where no source has it."""
    chip, precision = place.chip, service.model.weights
    if precision is None:
        return "bytes.weight"
    rate = service.model.products or _products(precision, chip)
    question = f"What is the dense {rate} peak of {chip.name}, in FLOP/s?"
    source = chip.source_of(f"dense_tflops.{rate}")
    peak = f"peak.{chip.name}.{rate}"
    fit.sheet.figure(peak, source, unit="FLOP/s", scale=1e12, question=question)
    return under_cap(fit.sheet, place.shape, peak)


def _products(weights: str, chip: Accelerator) -> str:
    """Return the format in which an accelerator multiplies weights of a format.

    Weights of 4 bits are of use without products in 4 bits: vLLM then compresses weights alone, and widens
    them as they are read (vllm-project/vllm issue 31085; read 2026-11-28).
    """
    rate = _RATES.get(weights, weights)
    return "bf16" if rate == "fp4" and chip.architecture in _WITHOUT_FP4 else rate


def _prefill_seconds(active: float, prompt: float, gpus: float, peak: float, mfu: float) -> float:
    """Return the time in which GPUs multiply a prompt by the active parameters, two operations for each."""
    return 2 * active * prompt / (gpus * peak * mfu)


def _prefill_in_a_group(
    parameters: float,
    active: float,
    experts: float,
    chosen: float,
    prompt: float,
    groups: float,
    gpus: float,
    peak: float,
    mfu: float,
) -> float:
    """Return the time for a prompt of one group: what is dense is multiplied by its own GPUs alone."""
    dense = parameters - expert_parameters(parameters, active, experts, chosen)
    return _prefill_seconds(dense * groups + active - dense, prompt, gpus, peak, mfu)


def _add_first_token(fit: FitSheet, service: InferenceService, place: FitPlace, group: ReplicaGroup) -> None:
    """Add the check of the time to the first token."""
    sheet = fit.sheet
    prompt = _add_prompt(fit, service)
    used = sheet.figure("mfu.prefill", figure("failures", "mfu.prefill"))
    gpus, peak = f"replica.gpus{group.suffix}", _add_peak(fit, service, place)
    note = "from below: no queue, no exchange between GPUs, attention's own products not counted"
    formula = "2 x active x prompt / (GPUs x peak x MFU)"
    work: Callable[..., float] = _prefill_seconds
    inputs: tuple[str, ...] = ("active.used", prompt, gpus, peak, used)
    if group.data > 1:
        # A prompt lies in one group, and only its experts lie in all of them.
        formula = "2 x prompt x (dense x groups + active in experts) / (GPUs x peak x MFU)"
        work = _prefill_in_a_group
        inputs = (*_SHAPE, prompt, f"groups{group.suffix}", gpus, peak, used)
    exchange = _add_exchange(fit, service, place, group, prompt, ".ttft")
    products = sheet.derive("ttft.products" if exchange else "ttft", "s", formula, work, *inputs, note=note)
    time = _longer(fit, "ttft", products, exchange)
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
    inputs = (*_SHAPE, f"batch{end}", f"stages{end}", "bytes.dense", "bytes.weight")
    formula = "weights that a step of the batch touches, once for each stage's part of it"
    read = sheet.derive("read.weights", "B", formula, _weights_read, *inputs)
    if group.data > 1:
        formula = "the same + dense x (groups - 1) x bytes x stages: each group reads what is dense"
        more = (read, *_SHAPE, f"groups{end}", f"stages{end}", "bytes.dense")
        read = sheet.derive("read.groups", "B", formula, _read_by_groups, *more)
    formula = "the same x layers / layers with parameters of their own"
    read = sheet.derive("read.used", "B", formula, _times_used, read, "model.layers", "model.own-layers")
    formula = (
        "max((weights / GPUs + cache of a GPU) / (bandwidth x MBU), 2 x active x batch / (GPUs x peak x MFU))"
    )
    gpus, peak = f"replica.gpus{end}", _add_peak(fit, service, place)
    parts = (read, f"memory.cache{end}", gpus, bandwidth, mbu, "active.used", f"batch{end}", peak, mfu)
    note = "from below: no exchange between GPUs; every request at its full length"
    formula_of_part = "requests / (groups x stages): those of a group that are worked on at once"
    divided = (f"batch{end}", f"groups{end}", f"stages{end}")
    share = lambda requests, data, stages: requests / (data * stages)  # noqa: E731 - the formula, used once
    worked_on = sheet.derive(f"batch.part{end}", "requests", formula_of_part, share, *divided)
    exchange = _add_exchange(fit, service, place, group, worked_on, ".tpot")
    step = sheet.derive("tpot.step" if exchange else "tpot", "s", formula, _step, *parts, note=note)
    time = _longer(fit, "tpot", step, exchange)
    limit = _target(fit, "tpot_ms", service.targets.tpot_ms, "further token")
    fit.at_most("time for a further token", time, limit, ("takes at least", "target"))


def _add_exchange(
    fit: FitSheet,
    service: InferenceService,
    place: FitPlace,
    group: ReplicaGroup,
    tokens: str,
    end: str,
) -> str:
    """Add and advise of what a group of several scale-up domains exchanges; return its time's name.

    The name is empty where each group lies in one domain.

    Args:
        fit: the sheet.
        service: the service.
        place: where it would run.
        group: its replicas of one kind.
        tokens: name of the tokens that the group works on at once.
        end: the end of the names.
    """
    span = place.span(group.tensor)
    if span is None:
        return ""
    sheet = fit.sheet
    hidden = fit.described("model.hidden", service.model.hidden, "1", "How wide is the residual stream?")
    formula = f"{SUMS} x layers"
    sums = sheet.derive(f"exchange.sums{end}", "sums", formula, lambda count: SUMS * count, "model.layers")
    values = sheet.derive(f"exchange.values{end}", "1", "tokens x width", _product, tokens, hidden)
    size = sheet.plan("bytes.sum", SUM_BYTES, "B", "a value that is summed up, in BF16")
    exchange = add_exchange(sheet, span, end, sums, values, size)
    kind = "further" if end == ".tpot" else "first"
    words = {sums: f"a {kind} token waits for", exchange: "which take at least, without latency,"}
    fit.advise(span.advice(group.words), words)
    return exchange


def _longer(fit: FitSheet, name: str, work: str, exchange: str) -> str:
    """Add the longer of a time of work and that of an exchange beside it; return its name."""
    if not exchange:
        return work
    formula = "the longer of the work and the exchange over the fabric, which at best go on together"
    return fit.sheet.derive(name, "s", formula, max, work, exchange)


def _weights_read(
    parameters: float,
    active: float,
    experts: float,
    chosen: float,
    batch: float,
    stages: float,
    dense: float,
    size: float,
) -> float:
    """Return the bytes of weights that all stages read in a step, in which each works on a part at a time."""
    requests = ceil_div(int(batch), int(stages))
    touched = weights_read(parameters, active, experts, chosen, requests, 1)
    fixed = parameters - expert_parameters(parameters, active, experts, chosen)
    return (fixed * dense + (touched - fixed) * size) * stages


def _read_by_groups(
    once: float,
    parameters: float,
    active: float,
    experts: float,
    chosen: float,
    groups: float,
    stages: float,
    size: float,
) -> float:
    """Return the bytes of weights that all groups of a replica read in a step."""
    dense = parameters - expert_parameters(parameters, active, experts, chosen)
    return once + dense * (groups - 1) * size * stages


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
    """Return the seconds of one step: the longer of reading memory and of the products.

    A GPU reads all of the cache that it keeps: where several keep the same, none of them reads less.
    """
    reading = (weights / gpus + cache) / (bandwidth * mbu)
    return max(reading, 2 * active * batch / (gpus * peak * mfu))


def _target(fit: FitSheet, field: str, millis: int | None, noun: str) -> str:
    """Add a target in seconds, or the question that asks for it."""
    seconds = None if millis is None else millis / 1000
    return fit.described(
        f"targets.{field}", seconds, "s", f"How long may the {noun} take? In the file in milliseconds."
    )
