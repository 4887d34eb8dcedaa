"""GPU node pools."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from sovereign_ai.spec.base import Count, Model, Name, SystemName
from sovereign_ai.spec.field_location import TextForm


class GpuNodePool(Model):
    """Servers of one model, in one hall, in one security zone."""

    name: Name
    """Unique in the factory; node names start with it."""
    site: Name
    """Its site."""
    hall: Name | None = None
    """The hall; may be left out where the site has one."""
    system: SystemName
    """Catalogue name of the server, such as `dgx-h100`; a server is one Kubernetes node."""
    nodes: Count
    """Servers that count; spares come in addition."""
    purpose: Literal["training", "inference", "mixed"]
    """Its use; assessments separate training and inference."""
    zone: Name
    """Its security zone."""
    spares: Literal["auto"] | Annotated[int, Field(ge=0, le=100_000, strict=True)] = 0
    """Servers kept ready in addition; `auto` sizes them from failure rates and the machines of one NVLink
    domain."""
    driver: Annotated[
        str,
        StringConstraints(pattern=r"^[0-9]{1,4}\.[0-9]{1,4}\.[0-9]{1,4}$"),
        TextForm("bad-version", "a version of three numbers, such as 580.95.5"),
    ] = "580.95.5"
    """Driver version, one a pool."""
    mig: (
        Annotated[
            str,
            StringConstraints(pattern=r"^[1-7]g\.[0-9]{1,3}gb$"),
            TextForm("bad-profile", "a MIG profile, such as 1g.10gb"),
        ]
        | None
    ) = None
    """MIG profile of every GPU, such as `1g.10gb`; left out, GPUs are whole."""
    nodes_per_rack: Annotated[int, Field(ge=1, le=128, strict=True)] | None = None
    """Servers in a rack; left out, the system's published figure."""
    scalable_unit: Annotated[int, Field(ge=1, le=4096, strict=True)] | None = None
    """Servers in a scalable unit; left out, the system's published figure."""
