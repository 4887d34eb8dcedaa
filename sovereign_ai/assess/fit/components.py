"""The two kinds of work that a file may hold: a training job and an inference service.

A field that is left out and has no default is unknown. Checks that need it are then *not known* and name it;
nothing is put in its place. A field with a default says so in the report.

    >>> job = TrainingJob(kind="TrainingJob", name="a", pool="train", nodes=2)
    >>> job.parallel.tensor, job.optimizer
    (1, None)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, Strict

from sovereign_ai.errors import Problem, Where
from sovereign_ai.spec import Model, Name
from sovereign_ai.units import Seconds

Flag = Annotated[bool, Strict()]
Degree = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
"""A degree of parallelism, or another whole number from one to a million."""
Large = Annotated[int, Field(ge=1, le=10**15, strict=True)]
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


class TrainedModel(WorkModel):
    """A model in training."""

    sequence: Degree | None = None
    """Tokens of a sequence."""
    precision: Literal["bf16", "fp16", "fp32"] | None = None
    """Number format of weights and activations."""


class ServedModel(WorkModel):
    """A model that is served."""

    weights: Literal["bf16", "fp16", "fp8", "fp4"] | None = None
    """Number format of weights, and of the matrix products."""
    cache: Literal["bf16", "fp16", "fp8"] | None = None
    """Number format of the KV cache."""
    cache_width: Degree | None = None
    """Numbers that a layer keeps of a token where keys and values are compressed together (MLA): the rank
    and the rotary part, such as 512 + 64; left out, keys and values are kept."""


class Parallel(Model):
    """The degrees of parallelism; their product, without `expert`, is the number of GPUs."""

    tensor: Degree = 1
    """GPUs that share each matrix product."""
    pipeline: Degree = 1
    """Stages that the layers are divided into."""
    context: Degree = 1
    """GPUs that share each sequence."""
    data: Degree = 1
    """Copies that work on different sequences."""
    expert: Degree = 1
    """GPUs that share the experts of a layer, out of those of `data` x `context`."""
    sequence: Flag | None = None
    """Whether what tensor parallelism does not divide is divided along the sequence."""


class Optimizer(Model):
    """The optimizer and where its state lies."""

    kind: Literal["adam", "momentum", "sgd"]
    """Adam keeps momentum and variance, `momentum` the first, `sgd` neither."""
    gradients: Literal["bf16", "fp16", "fp32"]
    """Number format in which gradients are summed up."""
    sharding: Literal["none", "optimizer", "gradients", "parameters"]
    """What is divided over `data` x `context`: ZeRO stage 0 to 3. Each divides what those before do."""


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
        parallel = self.parallel
        if parallel.expert > 1 and self.model.experts is None:
            message = f"{parallel.expert} GPUs share experts, and the model has none"
            hint = "write model.experts, or leave parallel.expert out"
            yield Problem("no-experts", message, Where(field="parallel.expert"), hint)
        if self.checkpoint is None and self.elastic is not None:
            message = "an elastic job starts again from a checkpoint when its size changes, and it has none"
            hint = "write checkpoint: {tier: NAME, interval: 30 min}"
            yield Problem("no-checkpoint", message, Where(field="elastic"), hint)


class Replicas(Model):
    """Replicas of a model that do one kind of work."""

    replicas: Degree
    """Copies of the model."""
    tensor: Degree
    """GPUs of a copy."""


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
    pool: Name
    """The pool that it runs on."""
    devices: Literal["counts", "claims"] = "counts"
    """How its pods ask for GPUs: by a number of the extended resource, or by resource claims (DRA)."""
    replicas: Degree | None = None
    """Copies of the model, each for prefill and decode; or `prefill` and `decode`."""
    tensor: Degree | None = None
    """GPUs of a copy; with `replicas`."""
    prefill: Replicas | None = None
    """Copies that work on prompts alone; with `decode`."""
    decode: Replicas | None = None
    """Copies that write answers alone; with `prefill`."""
    model: ServedModel = _all_defaults()
    """The model."""
    prompt: Degree | None = None
    """Tokens of a prompt when it is longest."""
    context: Degree | None = None
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
        yield from model_problems(self.model)
        if self.prompt is not None and self.context is not None and self.prompt > self.context:
            message = f"a prompt of {self.prompt:,} tokens is longer than the context of {self.context:,}"
            hint = "context holds prompt and answer together"
            yield Problem("prompt-too-long", message, Where(field="prompt"), hint)


def model_problems(model: WorkModel) -> Iterator[Problem]:
    """Yield the figures of a model that contradict each other, by field."""
    for part, whole in (
        ("kv_heads", "heads"),
        ("heads", "hidden"),
        ("active", "parameters"),
        ("experts_chosen", "experts"),
    ):
        least, most = getattr(model, part), getattr(model, whole)
        if least is not None and most is not None and least > most:
            message = f"{least:,} is more than the {whole} of the model, {most:,}"
            place = Where(field=f"model.{part}")
            yield Problem("more-than-whole", message, place, f"write at most {most:,}, or fix model.{whole}")
    heads, hidden = model.heads, model.hidden
    if heads is not None and hidden is not None and model.head_width is None and hidden % heads:
        message = f"{heads:,} heads do not divide the width of {hidden:,} evenly"
        hint = "fix one of them, or write model.head_width"
        yield Problem("uneven-heads", message, Where(field="model.heads"), hint)
    if model.heads is not None and model.kv_heads is not None and model.heads % model.kv_heads:
        message = f"{model.kv_heads:,} key and value heads do not divide the {model.heads:,} heads evenly"
        yield Problem(
            "uneven-heads", message, Where(field="model.kv_heads"), "write a divisor of model.heads"
        )
    if (model.active is not None or model.experts_chosen is not None) and model.experts is None:
        message = "active and experts_chosen describe a mixture of experts, and the model has no experts"
        yield Problem(
            "no-experts", message, Where(field="model.active"), "write model.experts, or leave them out"
        )
