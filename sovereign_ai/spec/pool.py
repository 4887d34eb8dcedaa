"""Pools of nodes: machines with GPUs, machines without, and those that run the factory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints

from sovereign_ai.spec.base import Count, Model, Name, SystemName
from sovereign_ai.spec.field_location import TextForm

if TYPE_CHECKING:
    from sovereign_ai.spec.fabric import Fabric


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
    purpose: Literal["training", "inference", "mixed", "management"]
    """Its use; assessments separate training and inference. `management`: machines without GPUs that run the
    factory (login, head, control plane, fabric managers, provisioning), and no tenant's work."""
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

    @property
    def is_management(self) -> bool:
        """Whether its servers run the factory, and no tenant's work."""
        return self.purpose == "management"

    @property
    def trains(self) -> bool:
        """Whether its servers train, all the time or at times."""
        return self.purpose in ("training", "mixed")

    def is_on(self, fabric: Fabric) -> bool:
        """Return whether a fabric connects its servers: by its list of pools, else all that it is meant for.

        A compute fabric is not meant for management servers, nor for servers that have neither GPUs nor ports
        for it; a storage fabric not for management servers without ports for it.
        """
        if fabric.sites and self.site not in fabric.sites:
            return False
        if fabric.pools:
            return self.name in fabric.pools
        if fabric.role == "compute":
            return not self.is_management and self._computes
        return not (self.is_management and fabric.role == "storage" and self._row("storage_nics") == 0)

    @property
    def _computes(self) -> bool:
        """Whether its servers have GPUs, or ports for a compute fabric."""
        return self._row("gpus") != 0 or self._row("compute_nics") != 0

    def _row(self, figure: str) -> int | None:
        """Return a figure of its servers' row; None where no catalogue knows them, or the row has none."""
        from sovereign_ai.catalog import UnknownNameError  # noqa: PLC0415 - only fabrics ask for it
        from sovereign_ai.catalog.system import system  # noqa: PLC0415

        try:
            value: int | None = getattr(system(self.system), figure)
        except UnknownNameError:
            return None
        return value
