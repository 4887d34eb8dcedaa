"""Suppliers, workloads, images and waivers: what the factory depends on and what it runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from sovereign_ai.spec.base import Count, Country, Day, Model, Name, Text, added_later
from sovereign_ai.spec.error_location import TextForm
from sovereign_ai.units import Seconds

_HOST = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
"""A part of a repository's path, which is never `..` (OCI Distribution Specification 1.1, pulling
manifests)."""
_REGISTRY = rf"{_HOST}(:[0-9]{{1,5}})?(/{_PART})*"


class Supplier(Model):
    """A part that another party makes, updates or can switch off."""

    name: Name
    """Unique in the factory."""
    component: Text
    """What is supplied, such as `GPU driver`."""
    vendor: Text
    """Legal name."""
    jurisdiction: Country
    """Country of the vendor's ultimate parent."""
    control_channel: Literal["none", "updates", "licence", "telemetry", "remote-control", "attestation"] = (
        "none"
    )
    """The strongest hold it keeps over the running part."""
    stock: Annotated[int, Field(ge=0, le=10_000_000, strict=True)] = 0
    """Pieces in store."""
    lead_time: Seconds | None = None
    """Time from order to delivery."""
    grace: Seconds | None = None
    """How long the part runs on once the channel is cut."""
    alternative: Text | None = None
    """A second source, where there is one."""


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
    image: Annotated[
        str,
        StringConstraints(
            pattern=rf"^{_REGISTRY}(:[A-Za-z0-9_][A-Za-z0-9._-]{{0,127}})?(@[a-z0-9]+:[A-Za-z0-9]+)?$",
            max_length=400,
        ),
        TextForm(
            "bad-image",
            "an image with its registry, such as registry.example.com/ai/train@sha256:…",
            digits=True,
        ),
    ]
    """Container image with its registry, pinned by digest."""
    data: tuple[Name, ...] = ()
    """Data classes it reads or writes."""
    model: ModelSize | None = added_later()
    """The model's size; left out, training time and energy are open."""


Registry = Annotated[
    str,
    StringConstraints(pattern=rf"^{_REGISTRY}/?$", max_length=253),
    TextForm(
        "bad-registry",
        "a registry's host, with a path or port if need be, such as registry.example.com/ai",
        digits=True,
    ),
]
"""A registry, or a part of one."""


class Images(Model):
    """Where container images may come from."""

    registries: tuple[Registry, ...] = Field(min_length=1)
    """Registries, with a path where only a part of one is trusted; matched whole, never by a bare prefix."""
    digests: Literal["required", "optional"] = "required"
    """Whether an image must be pinned by digest."""


class Approver(Model):
    """A role or person that may approve exceptions, with the public key of its signatures."""

    name: Text
    """The role or person, as waivers and break-glass access name it; unique in its normal form."""
    key: Annotated[
        str,
        StringConstraints(pattern=r"^MCowBQYDK2VwAyEA[A-Za-z0-9+/]{43}=$"),
        TextForm(
            "bad-approver-key", "an Ed25519 public key, as `sovereign-ai waiver key` prints it", digits=True
        ),
    ]
    """Ed25519 public key: base64 of its SubjectPublicKeyInfo, which is the line within its PEM file."""
    until: Day | None = added_later()
    """The last day on which it may approve; left out, no end."""


class Waiver(Model):
    """A recorded exception: one rule, one resource, an end."""

    id: Name
    """Unique in the factory."""
    rule: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Z]{2,5}-[0-9]{3}$"),
        TextForm("bad-rule", "a rule's id, such as RES-001"),
    ]
    """The rule's stable id."""
    resource: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Za-z]+(/[a-z0-9.-]+){1,2}$", max_length=500),
        TextForm("bad-resource", "one resource without wildcards, such as Pod/team-a/job"),
    ]
    """Exactly one resource, `Kind/namespace/name` or `Kind/name`; wildcards are refused."""
    reason: Text
    """Why it is needed."""
    owner: Text
    """The role that carries the risk."""
    requester: Text
    """The role that requested it."""
    approver: Text
    """The role that approved it; never the requester."""
    compensating_control: Text
    """What keeps the risk down in the meantime."""
    created: Day
    """The day of its approval."""
    expires: Day
    """The first day on which it no longer counts; at most 90 days after `created`."""
    signature: (
        Annotated[
            str,
            StringConstraints(pattern=r"^[A-Za-z0-9+/]{59}=:[A-Za-z0-9+/]{86}==$"),
            TextForm("bad-signature", "what `sovereign-ai waiver sign` printed", digits=True),
        ]
        | None
    ) = added_later()
    """The approver's own signature, which `sovereign-ai waiver sign` makes; without it the waiver covers
    nothing."""
