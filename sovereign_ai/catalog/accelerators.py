"""Accelerators: one GPU or AI processor, as its vendor or a benchmark file states it.

Peak rates are dense; sparsity is never counted in. Memory is what software can use; `memory_raw`
is what is soldered on, where the two differ. Kubernetes names are here because they belong to the
vendor: the extended resource, the DRA driver and the product string of feature discovery.

    >>> b200 = accelerator("b200")
    >>> str(b200.memory), str(b200.memory_raw), b200.dense_tflops["fp8"]
    ('180 GB', '192 GB', 4500)
    >>> accelerator("b20")
    Traceback (most recent call last):
    ...
    sovereign_ai.catalog.figures.UnknownNameError: no accelerator is called 'b20'; did you mean 'b200'?
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

from sovereign_ai.catalog.figures import Row, Sourced, UnknownNameError, rows
from sovereign_ai.catalog.suppliers import supplier
from sovereign_ai.units import Bytes, BytesPerSecond, Watts

PRECISIONS = ("bf16", "fp8", "fp4")
"""The precisions `dense_tflops` may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator(Sourced):
    """One accelerator.

    Attributes:
        vendor: the supplier's name in `suppliers`, `nvidia`.
        product: the product string that feature discovery and NVML report; None where unknown.
        architecture: the vendor's name of the generation, `Hopper`.
        compute_capability: CUDA compute capability, `9.0`; None for others than NVIDIA.
        memory: what software can use.
        memory_raw: what is fitted; None where no source tells them apart.
        memory_reported: what NVML reports, and feature discovery's memory label in MiB; None where
            no node was seen. It is larger than `memory`: vendors print binary gigabytes as GB.
        memory_bandwidth: peak bytes a second.
        dense_tflops: precision (`bf16`, `fp8`, `fp4`) to dense peak TFLOPS; a precision without an
            undisputed source is missing.
        tdp: thermal design power.
        resource: the Kubernetes extended resource, `nvidia.com/gpu`.
        dra_driver: the driver of its DRA ResourceSlices; None where we drive it by its extended resource alone.
        scale_up: bytes a second to its neighbours, both directions together; None where unknown.
    """

    vendor: str
    product: str | None
    architecture: str
    compute_capability: str | None
    memory: Bytes
    memory_raw: Bytes | None
    memory_reported: Bytes | None
    memory_bandwidth: BytesPerSecond
    dense_tflops: Mapping[str, int] = field(hash=False)
    tdp: Watts
    resource: str
    dra_driver: str | None
    scale_up: BytesPerSecond | None

    @property
    def seat(self) -> str:
        """The country whose law reaches its vendor, by the vendor's ultimate parent."""
        return supplier(self.vendor).seat


def _accelerator(row: Row) -> Accelerator:
    """Build one accelerator from its row."""
    rates = {precision: row.whole(f"dense_tflops.{precision}") for precision in PRECISIONS}
    return Accelerator(
        name=row.name(),
        figures=row.figures,
        vendor=row.name("vendor"),
        product=row.text("product"),
        architecture=row.needed("architecture", row.text("architecture")),
        compute_capability=row.text("compute_capability"),
        memory=row.needed("memory", row.quantity("memory", Bytes)),
        memory_raw=row.quantity("memory_raw", Bytes),
        memory_reported=row.quantity("memory_reported", Bytes),
        memory_bandwidth=row.needed("memory_bandwidth", row.quantity("memory_bandwidth", BytesPerSecond)),
        dense_tflops=MappingProxyType({precision: rate for precision, rate in rates.items() if rate is not None}),
        tdp=row.needed("tdp", row.quantity("tdp", Watts)),
        resource=row.needed("resource", row.text("resource")),
        dra_driver=row.text("dra_driver"),
        scale_up=row.quantity("scale_up", BytesPerSecond),
    )


@cache
def _by_name() -> Mapping[str, Accelerator]:
    """Read the table once."""
    return MappingProxyType({row.name(): _accelerator(row) for row in rows("accelerators.json")})


def accelerators() -> tuple[Accelerator, ...]:
    """Give every accelerator, sorted by name."""
    return tuple(_by_name().values())


def accelerator(name: str) -> Accelerator:
    """Give one accelerator.

    Raises:
        UnknownNameError: there is none of that name.
    """
    try:
        return _by_name()[name]
    except KeyError:
        raise UnknownNameError("accelerator", name, _by_name()) from None
