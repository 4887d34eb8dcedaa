"""The checks of a training job: parallelism, memory, checkpoints and restarts."""

from __future__ import annotations

from math import prod

from sovereign_ai.assess.fit.components import Adapter, TrainingJob
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
from sovereign_ai.assess.fit.memory import (
    SIZES,
    STAGES,
    Width,
    expert_parameters,
    layer_bytes,
    live_layers,
    score_bytes,
    stage_layers,
    stage_share,
    state_bytes,
)
from sovereign_ai.assess.fit.spanning import SUMS, add_exchange
from sovereign_ai.assess.goodput.capped_work import under_cap
from sovereign_ai.assess.goodput.exact import best_interval, goodput, mean_between, young_interval
from sovereign_ai.assess.goodput.training_jobs import add_rate
from sovereign_ai.assess.sources import figure
from sovereign_ai.plan import StoragePlan, ceil_div
from sovereign_ai.text import counted

_MODEL = {
    "parameters": ("parameters", "How many parameters does the model have?"),
    "layers": ("layers", "How many layers does it have?"),
    "hidden": ("1", "How wide is the residual stream?"),
    "heads": ("heads", "How many attention heads has a layer?"),
    "kv_heads": ("heads", "How many key and value heads has a layer?"),
    "feed_forward": ("1", "How wide is the feed-forward layer?"),
    "sequence": ("tokens", "How many tokens has a sequence?"),
}
_ZERO = "ZeRO (arXiv 1910.02054), section 3.1"
_ACTIVATIONS = "Korthikanti and others (arXiv 2205.05198), section 4"
MEMORY_PARTS = ("weights", "gradients", "optimizer", "activations", "logits")
"""What a GPU's memory holds; the total is their sum."""
INTERVALS = {
    "checkpoint.mean": "mean time between interruptions",
    "checkpoint.best": "checkpoint interval with the highest goodput",
    "checkpoint.young": "Young's interval, of first order",
    "checkpoint.goodput": "goodput at the interval of the file",
    "checkpoint.goodput-best": "goodput at the best interval",
}
"""Numbers beside the checks, with their labels."""


def job_size(job: TrainingJob, gpus_each: int) -> tuple[int, int]:
    """Return the GPUs and the servers of a job, which names one of them.

    Args:
        job: the job.
        gpus_each: GPUs of a server.
    """
    if job.gpus is not None:
        return job.gpus, ceil_div(job.gpus, gpus_each)
    nodes = job.nodes or 0
    return nodes * gpus_each, nodes


def add_training_job(fit: FitSheet, job: TrainingJob, place: FitPlace) -> None:
    """Add the checks of a job."""
    count, servers = job_size(job, place.shape.system.gpus)
    why = f"as described, at {counted(place.shape.system.gpus, 'GPU')} a server"
    gpus = fit.sheet.plan("gpus", count, "GPUs", why)
    nodes = fit.sheet.plan("nodes", servers, "servers", why)
    add_place(fit, place, gpus, nodes)
    copies = _copies(job, count)
    _add_model(fit, job, copies)
    _add_parallel(fit, job, place, gpus)
    _add_memory(fit, job, place, copies)
    _advise_exchange(fit, job, place)
    _add_checkpoint(fit, job, place, gpus, nodes)
    if job.elastic is not None:
        _add_elastic(fit, job, place, nodes)


def _copies(job: TrainingJob, gpus: int) -> int:
    """Return the degree of data parallelism: as described, or what the other degrees leave of the GPUs."""
    parallel = job.parallel
    if parallel.data is not None:
        return parallel.data
    return max(1, gpus // (parallel.tensor * parallel.pipeline * parallel.context))


def _add_model(fit: FitSheet, job: TrainingJob, copies: int) -> None:
    """Add the figures of the model and the degrees of parallelism as leaves."""
    for part, (unit, question) in _MODEL.items():
        fit.described(f"model.{part}", getattr(job.model, part), unit, question)
    add_own_layers(fit, job.model)
    for part in ("tensor", "pipeline", "context", "expert"):
        unit = "stages" if part == "pipeline" else "GPUs"
        why = "as described; 1 where it is left out"
        fit.sheet.plan(f"parallel.{part}", getattr(job.parallel, part), unit, why)
    if job.model.experts is not None:
        within = job.parallel.expert_tensor
        why = "as described" if within is not None else "as tensor, since it is left out"
        fit.sheet.plan("parallel.expert_tensor", within or job.parallel.tensor, "GPUs", why)
    why = "as described" if job.parallel.data is not None else "GPUs / (tensor x pipeline x context)"
    fit.sheet.plan("parallel.data", copies, "GPUs", why)
    fit.described(
        "micro_batch", job.micro_batch, "sequences", "On how many sequences does a copy work at once?"
    )


def _add_parallel(fit: FitSheet, job: TrainingJob, place: FitPlace, gpus: str) -> None:
    """Add the checks of the degrees of parallelism."""
    degrees = tuple(f"parallel.{part}" for part in ("tensor", "pipeline", "context", "data"))
    formula = "tensor x pipeline x context x data"
    product = fit.sheet.derive("parallel.product", "GPUs", formula, lambda *factors: prod(factors), *degrees)
    fit.equal("degrees of parallelism", product, gpus, (f"{formula} =", "of the job"))
    share = lambda whole, each: whole / each  # noqa: E731 - the formula, used once
    inputs = (gpus, "parallel.tensor")
    count = fit.sheet.derive("parallel.groups", "groups", "GPUs / tensor", share, *inputs)
    groups = TensorGroups("tensor parallelism", "parallel.tensor", job.parallel.tensor, count)
    add_scale_up(fit, place, groups)
    within = job.parallel.expert_tensor
    add_widths(fit, job.model, "parallel.tensor", "", feed_forward=within is None)
    if within is not None:
        words = ("shared by", "of")
        fit.divides("width of an expert", "parallel.expert_tensor", "model.feed_forward", words)
    _add_sequence(fit, job)
    # Uneven stages are usual: DeepSeek-V3 has 61 layers in 16 (arXiv 2412.19437, sections 3.2 and 4.2).
    fit.at_most("pipeline stages", "parallel.pipeline", "model.layers", ("needs a layer each, of", "has"))
    if job.parallel.expert == 1 and within is None:
        return
    pair = ("parallel.data", "parallel.context")
    copies = fit.sheet.derive("parallel.copies", "GPUs", "data x context", _product, *pair)
    _add_expert_groups(fit, job, copies, "", "expert parallelism")
    experts = fit.sheet.plan("model.experts", job.model.experts or 1, "experts", "as described")
    fit.divides("experts of a GPU", "parallel.expert", experts, ("shared by", "of"))


def _add_expert_groups(fit: FitSheet, job: TrainingJob, copies: str, suffix: str, label: str) -> None:
    """Add the check that the GPUs which share experts divide those that may.

    Args:
        fit: the sheet.
        job: the job.
        copies: name of data x context.
        suffix: of the names, for a second size of the job.
        label: what is checked.
    """
    if job.parallel.expert_tensor is None:
        fit.divides(label, "parallel.expert", copies, ("groups of", "out of data x context"))
        return
    # Experts are grouped apart from everything else of a stage (MoE Parallel Folding, arXiv 2504.14960).
    pair = ("parallel.expert", "parallel.expert_tensor")
    formula = "expert x expert_tensor"
    group = fit.sheet.derive(f"parallel.expert-group{suffix}", "GPUs", formula, _product, *pair)
    pair, formula = ("parallel.tensor", copies), "tensor x data x context"
    stage = fit.sheet.derive(f"parallel.stage{suffix}", "GPUs", formula, _product, *pair)
    fit.divides(label, group, stage, ("groups of", f"out of {formula}"))


def _add_sequence(fit: FitSheet, job: TrainingJob) -> None:
    """Add the check that each GPU which shares a sequence has as many of its tokens as the others."""
    parallel = job.parallel
    along = parallel.tensor if parallel.sequence else 1
    if parallel.context * along == 1:
        return
    why = "context x tensor, which divides along the sequence too" if along > 1 else "context"
    shared = fit.sheet.plan("parallel.along", parallel.context * along, "GPUs", why)
    fit.divides("tokens of a GPU", shared, "model.sequence", ("shared by", "of"))


def _add_memory(fit: FitSheet, job: TrainingJob, place: FitPlace, copies: int) -> None:
    """Add the check of a GPU's memory, and its parts."""
    _add_states(fit, job, "", copies)
    _add_activations(fit, job)
    _add_logits(fit, job)
    _add_total(fit, place, "", "memory of a GPU")


def _add_total(fit: FitSheet, place: FitPlace, suffix: str, label: str) -> None:
    """Add the check of one sum of parts; `suffix` is that of the parts which depend on the job's size."""
    memory, reserved = add_memory(fit, place)
    work = lambda there, taken: there - taken  # noqa: E731 - the formula, used once
    usable = fit.sheet.derive("memory.available", "B", "memory - reserved", work, memory, reserved)
    parts: list[str] = []
    for part in MEMORY_PARTS:
        name = f"memory.{part}{suffix}"
        parts.append(name if name in fit.sheet else f"memory.{part}")
    total = fit.sheet.derive(
        f"memory.total{suffix}", "B", " + ".join(MEMORY_PARTS), lambda *sizes: sum(sizes), *parts
    )
    fit.at_most(label, total, usable)


def _add_states(fit: FitSheet, job: TrainingJob, suffix: str, copies: int) -> None:
    """Add weights, gradients and optimizer state of a GPU.

    Args:
        fit: the sheet.
        job: the job.
        suffix: of the names, for a second size of the job.
        copies: degree of data parallelism.
    """
    sheet = fit.sheet
    held = _add_held(fit, job, suffix, copies)
    trained = held if job.adapter is None else _add_adapter(fit, job.adapter, held, suffix)
    for number, part in enumerate(("weights", "gradients", "optimizer")):
        size = _add_bytes(fit, job, number, part)
        # Weights are the last that ZeRO divides, the optimizer's state the first.
        divided = job.optimizer is not None and STAGES[job.optimizer.sharding] >= 3 - number
        over = ", over data x context" if divided else ""
        name = f"memory.{part}{suffix}"
        if job.adapter is None or part != "weights":
            formula = f"trained parameters of a GPU x bytes{over}"
            sheet.derive(name, "B", formula, _product, trained[divided], size)
            continue
        why = f"a parameter of the model in {job.adapter.base}"
        base = sheet.plan("bytes.base", SIZES[job.adapter.base], "B", why)
        formula = f"parameters of a GPU x bytes, the model's and the adapters'{over}"
        sheet.derive(name, "B", formula, _two_products, held[divided], base, trained[divided], size)


def _add_adapter(fit: FitSheet, adapter: Adapter, held: tuple[str, str], suffix: str) -> tuple[str, str]:
    """Add the parameters of adapters that a GPU holds, as much of them as of the model; return both names."""
    count = fit.sheet.plan("adapter.parameters", adapter.parameters, "parameters", "as described")
    formula = "parameters of the adapters x the GPU's part of the model"
    work = lambda whole, part, model: whole * part / model  # noqa: E731 - the formula, used twice
    names = ("adapter.held", f"adapter.held.divided{suffix}")
    for name, part in zip(names, held, strict=True):
        fit.sheet.derive(name, "parameters", formula, work, count, part, "model.parameters")
    return names


def _two_products(first: float, first_size: float, second: float, second_size: float) -> float:
    """Return the bytes of two groups of parameters."""
    return first * first_size + second * second_size


def _add_bytes(fit: FitSheet, job: TrainingJob, number: int, part: str) -> str:
    """Add the bytes a parameter of one part of the state.

    Args:
        fit: the sheet.
        job: the job.
        number: the part's place in `state_bytes`.
        part: its name.
    """
    name, precision, optimizer = f"bytes.{part}", job.model.precision, job.optimizer
    if precision is not None and optimizer is not None:
        kept = (optimizer.gradients, optimizer.kind, optimizer.moments, optimizer.master)
        size = state_bytes(precision, *kept)[number]
        state = f"{optimizer.kind} with moments in {optimizer.moments} and a copy in {optimizer.master}"
        why = f"bytes a parameter: {precision}, gradients {optimizer.gradients}, {state}; {_ZERO}"
        return fit.sheet.plan(name, size, "B", why)
    leaves: list[str] = []
    if optimizer is None:
        question = "Which optimizer, with gradients in which format, and what is divided?"
        leaves.append(fit.sheet.ask("optimizer", "B", question))
    if precision is None:
        question = "In which number format are weights and activations?"
        leaves.append(fit.sheet.ask("model.precision", "B", question))
    return fit.sheet.derive(name, "B", f"bytes a parameter; {_ZERO}", lambda *sizes: sizes[0], *leaves)


def _product(count: float, size: float) -> float:
    """Return a count times the size of each."""
    return count * size


def _add_held(fit: FitSheet, job: TrainingJob, suffix: str, copies: int) -> tuple[str, str]:
    """Add the parameters that a GPU holds, whole and divided over the copies; return both names."""
    sheet, model, parallel = fit.sheet, job.model, job.parallel
    routed = sheet.plan("model.routed", 0, "parameters", "a dense model has none in experts")
    if model.experts is not None:
        routed = _add_routed(fit, job)
    data = sheet.plan(f"copies{suffix}", copies * parallel.context, "GPUs", "data x context")
    inputs = (
        "model.parameters",
        routed,
        "model.layers",
        "parallel.pipeline",
        "parallel.tensor",
        "parallel.expert",
        # A dense model has nothing in experts, so that any number is right.
        "parallel.tensor" if model.experts is None else "parallel.expert_tensor",
        "model.own-layers",
    )
    formula = "(dense + routed / expert) x (layers of the fullest stage / layers) / tensor"
    if parallel.expert_tensor is not None:
        formula = (
            "(dense / tensor + routed / (expert x expert_tensor)) x layers of the fullest stage / layers"
        )
    whole = sheet.derive(
        "held", "parameters", formula, _held, *inputs, note="embeddings counted evenly over the layers"
    )
    formula = "the same, dense / (data x context) and routed / (data x context / expert)"
    if parallel.expert_tensor is not None:
        formula = "the same, dense / (data x context), routed / (tensor x data x context / its group)"
    return whole, sheet.derive(f"held.divided{suffix}", "parameters", formula, _held, *inputs, data)


def _add_routed(fit: FitSheet, job: TrainingJob) -> str:
    """Add the parameters that lie in routed experts."""
    model = job.model
    active = fit.described("model.active", model.active, "parameters", "How many parameters work on a token?")
    chosen = fit.described(
        "model.experts_chosen", model.experts_chosen, "experts", "To how many experts goes a token?"
    )
    experts = fit.sheet.plan("model.experts", model.experts or 1, "experts", "as described")
    formula = "(parameters - active) / (experts - chosen) x experts"
    inputs = ("model.parameters", active, experts, chosen)
    return fit.sheet.derive("model.routed-experts", "parameters", formula, expert_parameters, *inputs)


def _held(
    parameters: float,
    routed: float,
    layers: float,
    stages: float,
    tensor: float,
    expert: float,
    within: float,
    own: float,
    copies: float = 0,
) -> float:
    """Return the parameters that a GPU of the fullest stage holds, divided over some copies; 0 for whole.

    Experts are divided over the copies that their own groups leave, so over all of them in the end.
    """
    share = stage_share(max(stage_layers(int(layers), int(stages))), layers, own)
    group = expert * within
    spread = max(tensor * copies / group, 1.0)
    return share * ((parameters - routed) / tensor / max(copies, 1.0) + routed / group / spread)


def _add_activations(fit: FitSheet, job: TrainingJob) -> None:
    """Add the activations that a GPU keeps for the backward pass."""
    sheet, model = fit.sheet, job.model
    work = lambda s, b, c: s * b / c  # noqa: E731 - the formula, used once
    inputs = ("model.sequence", "micro_batch", "parallel.context")
    tokens = sheet.derive("tokens.gpu", "tokens", "sequence x micro-batch / context", work, *inputs)
    formula = "most of (layers x micro-batches under way) of any stage, 1F1B (arXiv 2104.04473, section 2.2)"
    pair = ("model.layers", "parallel.pipeline")
    live = sheet.derive("layers.live", "layers", formula, lambda n, p: live_layers(int(n), int(p)), *pair)
    each = _add_layer(fit, job, tokens)
    scores = _add_scores(fit, job, tokens)
    if job.recompute is None:
        mode = sheet.ask("recompute", "1", "Are activations calculated again: none, selective or full?")
        formula = "layers x bytes a layer"
        sheet.derive("memory.activations", "B", formula, lambda n, size, _: n * size, live, each, mode)
    elif job.recompute == "full":
        size = _add_size(fit, job)
        formula = f"layers x s b h values ({_ACTIVATIONS}, table 2) + the layer that is calculated again"
        kept = (live, tokens, "model.hidden", size, each, scores)
        sheet.derive("memory.activations", "B", formula, _inputs_of_layers, *kept)
    else:
        formula = "layers under way x (bytes of a layer + scores)"
        if job.recompute == "selective":
            # The core of attention is calculated again, so that only one layer's scores exist at a time.
            formula = "layers under way x bytes of a layer + the scores of one layer"
        work = _all_scores if job.recompute == "none" else _scores_of_one_layer
        sheet.derive("memory.activations", "B", formula, work, live, each, scores)
    if model.experts is not None and "model.experts_chosen" not in sheet:
        fit.described(
            "model.experts_chosen", model.experts_chosen, "experts", "To how many experts goes a token?"
        )


def _all_scores(layers: float, each: float, scores: float) -> float:
    """Return the activations of all layers under way, with the scores of each."""
    return layers * each + scores * layers


def _scores_of_one_layer(layers: float, each: float, scores: float) -> float:
    """Return the activations of all layers under way, with the scores of the one calculated again."""
    return layers * each + scores


def _inputs_of_layers(
    layers: float, tokens: float, hidden: float, value: float, whole: float, scores: float
) -> float:
    """Return the inputs of all layers under way, and all of the one layer that is calculated again."""
    return layers * tokens * hidden * value + whole + scores


def _add_size(fit: FitSheet, job: TrainingJob) -> str:
    """Add the bytes of a value of an activation."""
    if job.model.precision is None:
        return fit.sheet.ask("model.precision", "B", "In which number format are weights and activations?")
    return fit.sheet.plan("bytes.value", SIZES[job.model.precision], "B", f"a value in {job.model.precision}")


def _add_layer(fit: FitSheet, job: TrainingJob, tokens: str) -> str:
    """Add the activations of a layer without scores."""
    sheet, model, parallel = fit.sheet, job.model, job.parallel
    gated = None if model.gated is None else 3 if model.gated else 2
    copies = fit.described("model.gated", gated, "1", "Has the feed-forward layer a gate (SwiGLU)?")
    chosen = sheet.plan("experts.token", 1, "experts", "a dense model")
    if model.experts is not None:
        chosen = fit.described(
            "model.experts_chosen", model.experts_chosen, "experts", "To how many experts goes a token?"
        )
    split = None if parallel.sequence is None and parallel.tensor > 1 else float(bool(parallel.sequence))
    question = "Is what tensor parallelism does not divide divided along the sequence?"
    along = fit.described("parallel.sequence", split, "1", question)
    size = _add_size(fit, job)
    width = model.head_width
    dropout = model.dropout
    # Each of the GPUs that divide an expert has all of the tokens that are sent to it.
    divided = parallel.expert_tensor or parallel.tensor
    is_mixture = model.experts is not None

    def work(
        part: float,
        h: float,
        a: float,
        kv: float,
        f: float,
        kept: float,
        k: float,
        t: float,
        value: float,
        seq: float,
    ) -> float:
        head = width or h / a
        copies = k * (model.expert_hidden or h) * divided if is_mixture else 0
        widths = Width(h, a * head, max(kv, t) * head, kept * f * k, dropout, copies)
        return layer_bytes(widths, part, value, int(t), sequence=bool(seq))

    masks = ", and 2 h of masks" if dropout else ""
    inputs_of = " + experts x their width x GPUs of each" if is_mixture else ""
    formula = (
        f"tokens x (value x (4 h{' / tensor' if split else ''} "
        f"+ (2 queries + 2 keys + kept x feed-forward x experts{inputs_of}) / tensor){masks}); {_ACTIVATIONS}"
    )
    named = [f"model.{part}" for part in ("hidden", "heads", "kv_heads", "feed_forward")]
    inputs = (tokens, *named, copies, chosen, "parallel.tensor", size, along)
    return sheet.derive("layer.activations", "B", formula, work, *inputs)


def _add_scores(fit: FitSheet, job: TrainingJob, tokens: str) -> str:
    """Add the scores that attention keeps for a layer: none where its kernel is fused."""
    if job.attention == "fused":
        why = "a fused kernel keeps none (FlashAttention, arXiv 2205.14135)"
        return fit.sheet.plan("layer.scores", 0, "B", why)
    if job.attention is None:
        return fit.sheet.ask("attention", "B", "Is the kernel of attention fused (FlashAttention) or plain?")
    dropout = job.model.dropout

    def work(heads: float, sequence: float, tokens: float, value: float, tensor: float) -> float:
        return score_bytes(int(heads), sequence, tokens, value, int(tensor), dropout=dropout)

    each = "5 at two bytes a value" if dropout else "value"
    formula = f"heads x sequence x tokens x {each} / tensor; {_ACTIVATIONS}"
    inputs = ("model.heads", "model.sequence", tokens, _add_size(fit, job), "parallel.tensor")
    return fit.sheet.derive("layer.scores", "B", formula, work, *inputs)


def _add_logits(fit: FitSheet, job: TrainingJob) -> None:
    """Add the logits, which count where the last stage is also the fullest: without a pipeline."""
    if job.parallel.pipeline > 1:
        why = "the last stage has one micro-batch under way, and room for its logits"
        fit.sheet.plan("memory.logits", 0, "B", why)
        return
    vocabulary = fit.described(
        "model.vocabulary", job.model.vocabulary, "tokens", "How many tokens does it know?"
    )
    work = lambda part, v, t: 4 * part * v / t  # noqa: E731 - the formula, used once
    formula = f"4 x tokens x vocabulary / tensor, in 32 bits; {_ACTIVATIONS}.3"
    fit.sheet.derive("memory.logits", "B", formula, work, "tokens.gpu", vocabulary, "parallel.tensor")


def _advise_exchange(fit: FitSheet, job: TrainingJob, place: FitPlace) -> None:
    """Advise of tensor parallelism over the fabric, with its time beside that of the products."""
    span, precision = place.span(job.parallel.tensor), job.model.precision
    if span is None or precision is None:
        return
    sheet, chip = fit.sheet, place.chip
    is_again = job.recompute == "full"
    passes = "forward and backward pass, and the forward pass again" if is_again else "forward and backward"
    sums = sheet.plan("exchange.sums", SUMS * (3 if is_again else 2), "sums", f"of a layer: {passes}")
    values = sheet.derive("exchange.values", "1", "tokens x width", _product, "tokens.gpu", "model.hidden")
    exchange = add_exchange(sheet, span, "", sums, values, _add_size(fit, job))
    rate = "bf16" if precision == "fp16" else precision
    question = f"What is the dense {rate} peak of {chip.name}, in FLOP/s?"
    source = chip.source_of(f"dense_tflops.{rate}")
    peak = sheet.figure(f"peak.{chip.name}.{rate}", source, unit="FLOP/s", scale=1e12, question=question)
    peak = under_cap(sheet, place.shape, peak)
    each = 8 if is_again else 6
    formula = f"{each} x active / layers x tokens / (tensor x peak)"

    def seconds(active: float, layers: float, tokens: float, tensor: float, most: float) -> float:
        return each * active / layers * tokens / (tensor * most)

    active = "model.parameters" if job.model.experts is None else "model.active"
    inputs = (active, "model.own-layers", "tokens.gpu", "parallel.tensor", peak)
    products = sheet.derive("products.layer", "s", formula, seconds, *inputs)
    words = {exchange: "a layer's exchange takes at least", products: "its products"}
    fit.advise(span.advice(), words)


def _add_checkpoint(fit: FitSheet, job: TrainingJob, place: FitPlace, gpus: str, nodes: str) -> None:
    """Add the checks of the checkpoint: whether its tier is within reach, and is written in time."""
    sheet = fit.sheet
    rate = add_rate(sheet, place.chip)
    between = lambda each, count: mean_between(each * count)  # noqa: E731 - the formula, used once
    mean = sheet.derive("checkpoint.mean", "h", "24 / (rate x GPUs)", between, rate, gpus)
    stall = sheet.figure("stall", figure("failures", "stall"))
    best = sheet.derive(
        "checkpoint.best",
        "s",
        "root of (1 - t/M) e^((t+C)/M) = 1 (Daly, 2006)",
        lambda hours, save: best_interval(hours * 3600, save),
        mean,
        stall,
    )
    young = lambda hours, save: young_interval(hours * 3600, save)  # noqa: E731 - the formula, used once
    sheet.derive("checkpoint.young", "s", "root of 2 M C (Young, 1974)", young, mean, stall)
    drain = _add_drain(fit, job, place, nodes)
    every = (
        None if job.checkpoint is None or job.checkpoint.interval is None else job.checkpoint.interval.count
    )
    interval = fit.described("checkpoint.interval", every, "s", "How long is it between two checkpoints?")
    if drain:
        fit.at_most("checkpoint in time", drain, interval, ("written in", "interval"))
    down = _add_down(fit)
    formula = "t / (M e^(R/M) (e^((t+C)/M) - 1)) (Daly, 2006), without the reload of the checkpoint"
    work = lambda t, hours, save, lost: goodput(t, hours * 3600, save, lost)  # noqa: E731 - used twice
    sheet.derive("checkpoint.goodput", "1", formula, work, interval, mean, stall, down)
    sheet.derive("checkpoint.goodput-best", "1", formula, work, best, mean, stall, down)


def _add_down(fit: FitSheet) -> str:
    """Add the time from a failure until the job works again."""
    names = [fit.sheet.figure(part, figure("failures", part)) for part in ("detection", "restart")]
    return fit.sheet.derive("checkpoint.down", "s", "detection + restart", lambda *times: sum(times), *names)


def _add_drain(fit: FitSheet, job: TrainingJob, place: FitPlace, nodes: str) -> str:
    """Add the check of the tier, and the time in which it takes a checkpoint; return that time's name.

    Nothing is written where the tier is out of reach: the name is empty then.
    """
    sheet, pool = fit.sheet, place.shape.pool
    if job.checkpoint is None:
        return sheet.ask("checkpoint.tier", "s", "On which storage tier does the job save its state?")
    tier = reachable_tier(place, job.checkpoint.tier)
    why = (
        f"tier {job.checkpoint.tier} serves zone {pool.zone} at {place.shape.site.name}: 1 for yes, 0 for no"
    )
    there = sheet.plan("checkpoint.reach", 0 if tier is None else 1, "1", why)
    wanted = sheet.plan(
        "checkpoint.reach-needed", 1, "1", f"a claim of zone {pool.zone} is served by tiers of that zone"
    )
    fit.at_most(
        "tier within reach",
        wanted,
        there,
        ("tiers needed", f"tiers called {job.checkpoint.tier} in the zone"),
    )
    if tier is None:
        return ""
    work = lambda count, weights, state: count * (weights + state)  # noqa: E731 - the formula, used once
    trained = "model.parameters" if job.adapter is None else "adapter.parameters"
    inputs = (trained, "bytes.weights", "bytes.optimizer")
    formula = f"trained parameters x (weights + optimizer) bytes; {_ZERO}, without gradients"
    size = sheet.derive("checkpoint.size", "B", formula, work, *inputs)
    formula = "2 x size: the last one stays until the next is whole"
    both = sheet.derive("checkpoint.both", "B", formula, lambda each: 2 * each, size)
    room = sheet.plan("checkpoint.room", tier.capacity, "B", f"all of tier {tier.tier} at {tier.site}")
    fit.at_most("room for checkpoints", both, room)
    system = place.shape.system
    why = f"tier {tier.tier} at {tier.site}, all servers together"
    write = sheet.plan("checkpoint.write", tier.write, "B/s", why)
    if not system.storage_nics or system.storage_nic_rate is None:
        return sheet.derive(
            "checkpoint.drain", "s", "size / write rate", lambda n, speed: n / speed, size, write
        )
    each = system.storage_nics * system.storage_nic_rate.count / 8
    why = f"{counted(system.storage_nics, 'storage port')} of {system.storage_nic_rate} a server"
    ports = sheet.plan("checkpoint.ports", each, "B/s", why)
    formula = "size / the less of the tier's write rate and all storage ports of the job"
    return sheet.derive("checkpoint.drain", "s", formula, _drain_seconds, size, write, ports, nodes)


def _drain_seconds(size: float, tier: float, port: float, servers: float) -> float:
    """Return the seconds in which a checkpoint goes to its tier, through the storage ports of its servers."""
    return size / min(tier, port * servers)


def reachable_tier(place: FitPlace, name: str) -> StoragePlan | None:
    """Return a tier at the pool's site that serves the pool's zone; None if there is none."""
    for tier in place.plan.storage:
        is_served = tier.zone == place.shape.pool.zone and tier.site == place.shape.site.name
        if tier.tier == name and is_served:
            return tier
    return None


def _add_elastic(fit: FitSheet, job: TrainingJob, place: FitPlace, nodes: str) -> None:
    """Add the checks of an elastic job at its smallest size: whole copies, divided over fewer GPUs."""
    if job.elastic is None:
        return
    sheet, parallel = fit.sheet, job.parallel
    least = sheet.plan("elastic.min_nodes", job.elastic.min_nodes, "servers", "as described")
    fit.at_most("smallest size", least, nodes, ("at least", "of"))
    count = job.elastic.min_nodes * place.shape.system.gpus
    gpus = sheet.plan("elastic.gpus", count, "GPUs", f"{counted(place.shape.system.gpus, 'GPU')} a server")
    each = parallel.tensor * parallel.pipeline * parallel.context
    copy = sheet.plan("elastic.copy", each, "GPUs", "tensor x pipeline x context: one copy of the model")
    fit.divides("whole copies", copy, gpus, ("copies of", "out of"))
    if count >= each:
        copies = count // each
        if parallel.expert > 1 or parallel.expert_tensor is not None:
            why = "data x context at the smallest size"
            name = sheet.plan("parallel.copies.smallest", copies * parallel.context, "GPUs", why)
            _add_expert_groups(fit, job, name, ".smallest", "expert parallelism at the smallest size")
        _add_states(fit, job, ".smallest", copies)
        _add_total(fit, place, ".smallest", "memory of a GPU at the smallest size")
