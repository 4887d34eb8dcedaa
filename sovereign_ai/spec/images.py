"""Where container images may come from, and the form of their registries."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from sovereign_ai.spec.base import Model
from sovereign_ai.spec.error_location import TextForm

_HOST = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
"""A part of a repository's path, which is never `..` (OCI Distribution Specification 1.1, pulling
manifests)."""
REGISTRY_PATTERN = rf"{_HOST}(:[0-9]{{1,5}})?(/{_PART})*"
"""A registry, with a port and a path, as a regular expression without anchors."""

Registry = Annotated[
    str,
    StringConstraints(pattern=rf"^{REGISTRY_PATTERN}/?$", max_length=253),
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
