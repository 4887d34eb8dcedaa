"""The two kinds of work that a file may hold: a training job and an inference service.

A field that is left out and has no default is unknown. Checks that need it are then *not known* and name it;
nothing is put in its place. A field with a default says so in the report.

    >>> job = TrainingJob(kind="TrainingJob", name="a", pool="train", nodes=2)
    >>> job.parallel.tensor, job.optimizer
    (1, None)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Annotated, Any, Literal

from pydantic import Field, Strict

from sovereign_ai.assess.fit.memory import SIZES, expert_parameters, shape_parameters
from sovereign_ai.assess.measure import plain
from sovereign_ai.errors import Problem, Where
from sovereign_ai.spec import Model, Name
from sovereign_ai.text import counted
from sovereign_ai.units import Bytes, Seconds

Flag = Annotated[bool, Strict()]
Degree = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
"""A degree of parallelism, or another whole number from one to a million."""
Large = Annotated[int, Field(ge=1, le=10**15, strict=True)]
Tokens = Annotated[int, Field(ge=1, le=10**9, strict=True)]
"""Tokens; published contexts are of ten million."""
Uri = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*://[A-Za-z0-9._/:@-]+$", max_length=1_000)]
_PLACES = ("pvc://", "oci://")
"""Places of a model that say by themselves where they are.

Of a bucket an endpoint in a Secret decides it, and a hub is outside.
"""
_OFF = 5
"""How far the parameters may be from those of the shape."""
Millis = Annotated[int, Field(ge=1, le=86_400_000, strict=True)]


def _all_defaults() -> Any:
    """Return a field for a part whose fields may all be left out."""
    return Field(default_factory=dict, validate_default=True)


class WorkModel(Model):
    """The shape of a transformer, as its publication gives it."""

    parameters: Large | None = None
    """Parameters, all of them."""
    active: Large | None = None
    """Parameters that work on a token; only where there are experts."""
    layers: Degree | None = None
    """Transformer layers."""
    own_layers: Degree | None = None
    """Layers that have parameters of their own; left out, all. Fewer where layers share them, such as 1 of
    ALBERT's 12: each of the others works with the same again."""
    hidden: Degree | None = None
    """Width of the residual stream."""
    heads: Degree | None = None
    """Attention heads of a layer."""
    kv_heads: Degree | None = None
    """Key and value heads of a layer; as many as `heads` without grouped queries."""
    head_width: Degree | None = None
    """Numbers in a key or a value; left out, hidden / heads."""
    feed_forward: Degree | None = None
    """Width of the feed-forward layer; with experts, that of one expert."""
    gated: Flag | None = None
    """Whether the feed-forward layer has a gate (SwiGLU), and so three matrices instead of two."""
    vocabulary: Degree | None = None
    """Tokens that it knows."""
    dropout: Flag = False
    """Whether dropout is used, whose masks are kept."""
    experts: Degree | None = None
    """Routed experts a layer; left out, the model is dense."""
    experts_chosen: Degree | None = None
    """Experts that a token is sent to."""
    expert_hidden: Degree | None = None
    """Width of what experts work on; left out, `hidden`. Less where tokens are compressed on their way
    to them (LatentMoE: 1,024 of Nemotron 3 Super's 4,096)."""


class TrainedModel(WorkModel):
    """A model in training."""

    sequence: Tokens | None = None
    """Tokens of a sequence."""
    precision: Literal["bf16", "fp16", "fp32"] | None = None
    """Number format of weights and activations."""


class ServedModel(WorkModel):
    """A model that is served."""

    weights: Literal["bf16", "fp16", "fp8", "int8", "fp4", "mxfp4", "nvfp4", "int4"] | None = None
    """Number format of weights; with experts, that of the experts."""
    weights_size: Bytes | None = None
    """Size of all weights, as their publication gives it, where they have several formats: gpt-oss-120b's
    experts are `mxfp4`, and all its weights 65.3 GB. Left out, all parameters have the format `weights`."""
    products: Literal["bf16", "fp8", "int8", "fp4"] | None = None
    """Number format of the matrix products; left out, that of the weights, and `bf16` for weights in `int4`
    and for those of 4 bits on an accelerator that does not multiply them (Hopper, Ada, CDNA 3)."""
    cache: Literal["bf16", "fp16", "fp8", "int8", "nvfp4"] | None = None
    """Number format of the KV cache."""
    cache_width: Degree | None = None
    """Numbers that a layer keeps of a token where keys and values are compressed together (MLA): the rank
    and the rotary part, such as 512 + 64; left out, keys and values are kept."""
    cache_layers: Degree | None = None
    """Layers that keep a cache; left out, all. Fewer where others have a state of fixed size (Mamba, linear
    attention), which is not counted."""
    window: Tokens | None = None
    """Tokens of a sliding window, with `window_layers`."""
    window_layers: Degree | None = None
    """Layers, of those with a cache, that keep the tokens of a sliding window alone."""
    uri: Uri | None = None
    """Where its weights lie in the factory, for KServe, which loads them: `pvc://CLAIM/FOLDER` of a volume of
    the tenant, or `oci://REGISTRY/MODEL` of a declared registry."""


class Parallel(Model):
    """The degrees of parallelism; their product, without `expert`, is the number of GPUs."""

    tensor: Degree = 1
    """GPUs that share each matrix product."""
    pipeline: Degree = 1
    """Stages that the layers are divided into."""
    context: Degree = 1
    """GPUs that share each sequence."""
    data: Degree | None = None
    """Copies that work on different sequences; left out, as many as the job's GPUs are enough for."""
    expert: Degree = 1
    """GPUs that share the experts of a layer, out of those of `data` x `context`."""
    expert_tensor: Degree | None = None
    """GPUs that share each product of an expert; left out, as many as `tensor`. With 1, as Megatron's recipes
    have it, each expert lies whole on a GPU, and those of `tensor` share the experts as well."""
    sequence: Flag | None = None
    """Whether what tensor parallelism does not divide is divided along the sequence."""


class Optimizer(Model):
    """The optimizer and where its state lies."""

    kind: Literal["adam", "muon", "momentum", "sgd"]
    """Adam keeps momentum and variance, `muon` and `momentum` the first, `sgd` neither."""
    gradients: Literal["bf16", "fp16", "fp32"]
    """Number format in which gradients are summed up."""
    moments: Literal["fp32", "bf16", "fp8", "int8"] = "fp32"
    """Number format of momentum and variance; `int8` for 8-bit optimizers."""
    master: Literal["fp32", "none"] = "fp32"
    """The optimizer's own copy of weights that have fewer than 32 bits, or none."""
    sharding: Literal["none", "optimizer", "gradients", "parameters"]
    """What is divided over `data` x `context`: ZeRO stage 0 to 3. Each divides what those before do."""


class Adapter(Model):
    """Parameters that are trained beside a model whose own stay as they are (LoRA, QLoRA)."""

    parameters: Large
    """Parameters of all adapters."""
    base: Literal["bf16", "fp16", "fp32", "fp8", "int8", "nf4"]
    """Number format in which the model's own parameters lie."""


class Checkpoint(Model):
    """Where and how often the job saves its state."""

    tier: Name
    """The storage tier."""
    interval: Seconds | None = None
    """Time between two."""


class Elastic(Model):
    """The sizes between which the job may shrink and grow, by whole copies."""

    min_nodes: Degree
    """Servers with which it still runs."""


class TrainingJob(Model):
    """A synchronous training job."""

    kind: Literal["TrainingJob"]
    """The kind of work."""
    name: Name
    """Its name."""
    tenant: Name | None = None
    """The tenant whose quota it takes."""
    team: Name | None = None
    """The team of the tenant that it is accounted to."""
    pool: Name
    """The pool that it runs on."""
    devices: Literal["counts", "claims"] = "counts"
    """How its pods ask for GPUs: by a number of the extended resource, or by resource claims (DRA)."""
    nodes: Degree | None = None
    """Servers that it uses at once; or `gpus`."""
    gpus: Degree | None = None
    """GPUs that it uses at once; or `nodes`."""
    model: TrainedModel = _all_defaults()
    """The model."""
    parallel: Parallel = _all_defaults()
    """Degrees of parallelism."""
    optimizer: Optimizer | None = None
    """Optimizer and sharding."""
    adapter: Adapter | None = None
    """What is trained where it is not the whole model."""
    attention: Literal["fused", "plain"] | None = None
    """`fused` (FlashAttention) keeps no scores of sequence x sequence, `plain` does."""
    recompute: Literal["none", "selective", "full"] | None = None
    """Which activations are calculated again: none, those of the attention's core, or all of a layer."""
    micro_batch: Degree | None = None
    """Sequences that a copy works on at once."""
    checkpoint: Checkpoint | None = None
    """Checkpoints."""
    elastic: Elastic | None = None
    """Limits of size; left out, the size is fixed."""

    def problems(self) -> Iterator[Problem]:
        """Yield what contradicts itself, by field."""
        if (self.nodes is None) == (self.gpus is None):
            given = "both are given" if self.nodes else "neither is given"
            message = f"a job has either nodes or gpus, and {given}"
            yield Problem("nodes-or-gpus", message, Where(field="nodes"), "write one of them: nodes: 16")
        yield from model_problems(self.model)
        yield from self._adapter_problems()
        parallel = self.parallel
        if parallel.expert > 1 and self.model.experts is None:
            message = f"{parallel.expert} GPUs share experts, and the model has none"
            hint = "write model.experts, or leave parallel.expert out"
            yield Problem("no-experts", message, Where(field="parallel.expert"), hint)
        elif parallel.expert_tensor is not None and self.model.experts is None:
            shared = counted(parallel.expert_tensor, "GPU shares", "GPUs share")
            message = f"{shared} each expert, and the model has none"
            hint = "write model.experts, or leave parallel.expert_tensor out"
            yield Problem("no-experts", message, Where(field="parallel.expert_tensor"), hint)
        if self.checkpoint is None and self.elastic is not None:
            message = "an elastic job starts again from a checkpoint when its size changes, and it has none"
            hint = "write checkpoint: {tier: NAME, interval: 30 min}"
            yield Problem("no-checkpoint", message, Where(field="elastic"), hint)
        interval = self.checkpoint.interval if self.checkpoint else None
        if interval is not None and not interval.count:
            message = f"{interval} between two checkpoints leaves no time for work"
            hint = "write interval: 30 min, or leave it out where it is not known"
            yield Problem("out-of-range", message, Where(field="checkpoint.interval"), hint)

    def _adapter_problems(self) -> Iterator[Problem]:
        """Yield adapters that are larger than the model that they are trained beside."""
        whole = self.model.parameters
        if self.adapter is not None and whole is not None and self.adapter.parameters > whole:
            parameters = counted(self.adapter.parameters, "parameter")
            message = f"adapters of {parameters}, and the model has {whole:,}"
            hint = "adapters are a small part of it: fix one of them"
            yield Problem("more-than-whole", message, Where(field="adapter.parameters"), hint)


class Replicas(Model):
    """Replicas of a model that do one kind of work."""

    replicas: Degree
    """Copies of the model."""
    tensor: Degree
    """GPUs of a copy that share each matrix product."""
    data: Degree = 1
    """Groups of such GPUs in a copy: each works on requests of its own, and all of them share the experts."""
    pipeline: Degree = 1
    """Stages that the layers of a copy are divided into, of `tensor` x `data` GPUs each."""
    expert_copies: Annotated[int, Field(ge=0, le=100_000, strict=True)] = 0
    """Experts a layer that a copy holds a second time, to balance their load."""
    concurrent: Degree | None = None
    """Requests that all of these copies work on at once; left out, those of the whole service."""


class LatencyTargets(Model):
    """What a request may wait for."""

    ttft_ms: Millis | None = None
    """Milliseconds to the first token."""
    tpot_ms: Millis | None = None
    """Milliseconds for each further token."""


class InferenceService(Model):
    """A model that answers requests."""

    kind: Literal["InferenceService"]
    """The kind of work."""
    name: Name
    """Its name."""
    tenant: Name | None = None
    """The tenant whose quota it takes."""
    team: Name | None = None
    """The team of the tenant that it is accounted to."""
    pool: Name
    """The pool that it runs on."""
    devices: Literal["counts", "claims"] = "counts"
    """How its pods ask for GPUs: by a number of the extended resource, or by resource claims (DRA)."""
    replicas: Degree | None = None
    """Copies of the model, each for prefill and decode; or `prefill` and `decode`."""
    tensor: Degree | None = None
    """GPUs of a copy that share each matrix product; with `replicas`."""
    data: Degree = 1
    """Groups of such GPUs in a copy, as of `prefill` and `decode`; with `replicas`."""
    pipeline: Degree = 1
    """Stages of a copy, as of `prefill` and `decode`; with `replicas`."""
    prefill: Replicas | None = None
    """Copies that work on prompts alone; with `decode`."""
    decode: Replicas | None = None
    """Copies that write answers alone; with `prefill`."""
    model: ServedModel = _all_defaults()
    """The model."""
    prompt: Tokens | None = None
    """Tokens of a prompt when it is longest."""
    context: Tokens | None = None
    """Tokens of a request when it is longest, prompt and answer together."""
    concurrent: Degree | None = None
    """Requests that are worked on at once, over all replicas."""
    targets: LatencyTargets = _all_defaults()
    """Latency targets."""

    def problems(self) -> Iterator[Problem]:
        """Yield what contradicts itself, by field."""
        is_joint = self.replicas is not None and self.tensor is not None
        is_split = self.prefill is not None and self.decode is not None
        given = [
            name for name in ("replicas", "tensor", "prefill", "decode") if getattr(self, name) is not None
        ]
        if is_joint == is_split or len(given) != 2:
            names = ", ".join(given) or "none"
            message = f"a service has replicas and tensor, or prefill and decode; given: {names}"
            yield Problem(
                "replicas-or-pools", message, Where(field="replicas"), "write replicas: 2 and tensor: 8"
            )
        for field, noun in (("data", "groups of GPUs"), ("pipeline", "stages")):
            count = getattr(self, field)
            if count > 1 and not is_joint:
                message = f"{count} {noun} of a copy, and no replicas that have them"
                hint = "write it below prefill and decode"
                yield Problem("replicas-or-pools", message, Where(field=field), hint)
        yield from model_problems(self.model)
        yield from _cache_problems(self.model)
        yield from _size_problems(self.model)
        yield from _place_problems(self.model)
        yield from self._expert_problems()
        if self.prompt is not None and self.context is not None and self.prompt > self.context:
            tokens_text = counted(self.prompt, "token")
            message = f"a prompt of {tokens_text} is longer than the context of {self.context:,}"
            hint = "context holds prompt and answer together"
            yield Problem("prompt-too-long", message, Where(field="prompt"), hint)

    def _expert_problems(self) -> Iterator[Problem]:
        """Yield groups that share experts which the model does not have, by field."""
        pools = (("", self), ("prefill.", self.prefill), ("decode.", self.decode))
        for place, pool in pools:
            copies = getattr(pool, "expert_copies", 0)
            if pool is not None and (pool.data > 1 or copies) and self.model.experts is None:
                message = "groups of GPUs share experts, and the model has none"
                hint = "write model.experts, or replicas in place of data"
                yield Problem("no-experts", message, Where(field=f"{place}data"), hint)


def _size_problems(model: ServedModel) -> Iterator[Problem]:
    """Yield a size of all weights that is less than that of the experts alone, or than a bit a parameter."""
    size, precision = model.weights_size, model.weights
    figures = (model.parameters, model.active, model.experts, model.experts_chosen)
    if size is None or precision is None or model.parameters is None:
        return
    parameters, active, experts, chosen = (float(figure or 1) for figure in figures)
    routed = 0.0
    if None not in figures:
        routed = expert_parameters(parameters, active, experts, chosen) * SIZES[precision]
    if size.count < parameters / 8:
        message = f"all weights are {size}, less than a bit for each of {parameters:,.0f} parameters"
        hint = "write the size of all files of weights"
        yield Problem("weights-size", message, Where(field="model.weights_size"), hint)
    elif size.count <= routed:
        message = f"all weights are {size}, and the experts alone {Bytes(int(routed))} in {precision}"
        hint = "write the size of all files of weights, or the format of the experts"
        yield Problem("weights-size", message, Where(field="model.weights_size"), hint)


def _place_problems(model: ServedModel) -> Iterator[Problem]:
    """Yield a place of a model that is a public hub, or that does not say where it is."""
    if model.uri is not None and not model.uri.startswith(_PLACES):
        scheme, _, _ = model.uri.partition("://")
        message = f"{scheme}:// does not say that the model lies in the factory"
        hint = "write pvc://CLAIM/FOLDER, or oci://REGISTRY/MODEL of a declared registry"
        yield Problem("model-place", message, Where(field="model.uri"), hint)


def _cache_problems(model: ServedModel) -> Iterator[Problem]:
    """Yield what contradicts itself about the layers that keep a cache, by field."""
    if (model.window is None) != (model.window_layers is None):
        message = "window and window_layers belong together, and one of them is missing"
        hint = "write window: 128 and window_layers: 18, or leave both out"
        yield Problem("half-a-window", message, Where(field="model.window"), hint)
    parts = (("cache_layers", "layers"), ("window_layers", "cache_layers"), ("window_layers", "layers"))
    # The first says it: a number above one of them is often above all.
    yield from islice(_larger_parts(model, parts), 1)


def _larger_parts(model: object, parts: Iterable[tuple[str, str]]) -> Iterator[Problem]:
    """Yield the figures of a model that are more than the whole that they are a part of, by field."""
    for part, whole in parts:
        least, most = getattr(model, part), getattr(model, whole)
        if least is not None and most is not None and least > most:
            message = f"{least:,} is more than the {whole} of the model, {most:,}"
            place = Where(field=f"model.{part}")
            yield Problem("more-than-whole", message, place, f"write at most {most:,}, or fix model.{whole}")


def model_problems(model: WorkModel) -> Iterator[Problem]:
    """Yield the figures of a model that contradict each other, by field."""
    parts = (
        ("own_layers", "layers"),
        ("kv_heads", "heads"),
        ("heads", "hidden"),
        ("active", "parameters"),
        ("experts_chosen", "experts"),
        ("expert_hidden", "hidden"),
    )
    yield from _larger_parts(model, parts)
    heads, hidden = model.heads, model.hidden
    if heads is not None and hidden is not None and model.head_width is None and hidden % heads:
        message = f"{counted(heads, 'head does', 'heads do')} not divide the width of {hidden:,} evenly"
        hint = "fix one of them, or write model.head_width"
        yield Problem("uneven-heads", message, Where(field="model.heads"), hint)
    if model.heads is not None and model.kv_heads is not None and model.heads % model.kv_heads:
        heads_text = counted(model.heads, "head")
        message = f"{model.kv_heads:,} key and value heads do not divide the {heads_text} evenly"
        yield Problem(
            "uneven-heads", message, Where(field="model.kv_heads"), "write a divisor of model.heads"
        )
    yield from _active_problems(model)
    yield from _shape_problems(model)
    of_experts = (model.active, model.experts_chosen, model.expert_hidden)
    if of_experts != (None, None, None) and model.experts is None:
        message = "active, experts_chosen and expert_hidden describe a mixture of experts, and there are none"
        yield Problem(
            "no-experts", message, Where(field="model.active"), "write model.experts, or leave them out"
        )


def _active_problems(model: WorkModel) -> Iterator[Problem]:
    """Yield parameters that work on a token which are fewer than its experts alone have.

    Were all parameters in experts, the chosen ones would have chosen / experts of them; whatever is dense
    works on each token beside them.
    """
    figures = (model.parameters, model.active, model.experts, model.experts_chosen)
    if None in figures:
        return
    parameters, active, experts, chosen = (int(figure or 1) for figure in figures)
    least = parameters * chosen // experts
    if active < least:
        working = counted(active, "parameter works", "parameters work")
        experts_text = counted(experts, "expert")
        message = f"{working} on a token, and {chosen:,} of {experts_text} have more"
        hint = f"at least {chosen} / {experts} of all work on it, {least:,}: fix one of the four"
        yield Problem("too-few-active", message, Where(field="model.active"), hint)


def _shape_problems(model: WorkModel) -> Iterator[Problem]:
    """Yield parameters of another order than layers, widths and experts make, by a zero more or less.

    Layers without experts or attention, compressed attention and shared experts are not described, so that
    published models are off by up to two.
    """
    layers, hidden = model.own_layers or model.layers, model.hidden
    heads, width = model.heads, model.feed_forward
    if model.parameters is None or layers is None or hidden is None or heads is None or width is None:
        return
    if model.gated is None:
        return
    head = model.head_width or hidden // heads
    inner, matrices = width * (model.experts or 1), 3 if model.gated else 2
    if model.expert_hidden is not None:
        inner = inner * model.expert_hidden // hidden
    keys = (model.kv_heads or heads) * head
    made = shape_parameters(layers, hidden, heads * head, keys, inner, matrices, model.vocabulary or 0)
    if made > model.parameters * _OFF or made * _OFF < model.parameters:
        parameters = counted(model.parameters, "parameter")
        message = f"{parameters}, and layers, widths and experts make about {plain(made)}"
        hint = "fix one of them: a zero too many or too few, or millions for billions"
        if made > model.parameters:
            hint += "; where layers share parameters, write model.own_layers"
        if made > model.parameters and model.experts is not None:
            hint += ", and where experts work on a compressed stream, model.expert_hidden"
        yield Problem("other-size", message, Where(field="model.parameters"), hint)
