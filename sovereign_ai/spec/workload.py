"""Workloads: the jobs and services that a factory runs, and the sizes of their models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sovereign_ai.spec.base import Count, Model, Name, added_later
from sovereign_ai.spec.images import ImageReference


class ModelSize(Model):
    """The model that a workload trains or serves; its time and energy follow from it."""

    parameters: Annotated[int, Field(ge=1, le=10**15, strict=True)]
    """Parameters, all of them."""
    active: Annotated[int, Field(ge=1, le=10**15, strict=True)] | None = None
    """Parameters that work on a token, in a mixture of experts; left out, all."""
    tokens: Annotated[int, Field(ge=1, le=10**18, strict=True)] | None = None
    """Tokens that it is trained on."""
    layers: Annotated[int, Field(ge=1, le=10_000, strict=True)] | None = None
    """Layers, each with a cache of keys and values."""
    kv_heads: Annotated[int, Field(ge=1, le=10_000, strict=True)] | None = None
    """Key and value heads of a layer."""
    head_width: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = None
    """Numbers in a key or a value."""
    context: Annotated[int, Field(ge=1, le=10**9, strict=True)] | None = None
    """Tokens of a sequence when it is longest."""
    experts: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = None
    """Routed experts a layer; left out, the model is dense."""
    experts_chosen: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = None
    """Experts that a token is sent to."""


class Workload(Model):
    """A job or service that the factory runs."""

    name: Name
    """Unique in the factory."""
    tenant: Name
    """Its tenant."""
    pool: Name
    """The pool that it runs on."""
    kind: Literal["training", "inference"] = "training"
    """Its use."""
    nodes: Count = 1
    """Servers that it uses at once."""
    image: ImageReference
    """Container image with its registry, pinned by digest."""
    data: tuple[Name, ...] = ()
    """Data classes it reads or writes."""
    model: ModelSize | None = added_later()
    """The model's size; left out, training time and energy are open."""
