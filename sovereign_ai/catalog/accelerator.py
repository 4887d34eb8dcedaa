"""Accelerators: GPUs and other AI processors, as their vendors or benchmark files state them.

Peak rates are dense: no rate counts sparsity. Memory is what software can use; `memory_raw`
is what is soldered on, where the two differ. Kubernetes names are here because they belong to the
vendor: the extended resource, the DRA driver and the product string of feature discovery.

    >>> b200 = accelerator("b200")
    >>> str(b200.memory), str(b200.memory_raw), b200.dense_tflops["fp8"]
    ('180 GB', '192 GB', 4500)
    >>> accelerator("b-200")
    Traceback (most recent call last):
    ...
    sovereign_ai.catalog.figures.UnknownNameError: no accelerator is called 'b-200'; did you mean 'b200'?
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from sovereign_ai.catalog.figures import Row, Sourced, find_row, rows, rows_of_descriptions
from sovereign_ai.catalog.supplier import supplier
from sovereign_ai.catalog.vendors import Vendor
from sovereign_ai.catalog.vendors import vendor as vendor_of
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.units import Bytes, BytesPerSecond, Watts

if TYPE_CHECKING:
    from sovereign_ai.catalog.system import System

PRECISIONS = ("bf16", "fp8", "fp4")
"""The precisions `dense_tflops` may have."""


@frozen_dataclass(kw_only=True)
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
        dra_driver: the driver of its DRA ResourceSlices; None where only its extended resource is used.
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
        """The country whose jurisdiction its vendor is under, by the seat of the vendor's ultimate parent."""
        return supplier(self.vendor).seat

    @property
    def gpu_vendor(self) -> Vendor:
        """Its vendor's software for hosts, containers and Kubernetes."""
        return vendor_of(self.vendor)


def of_row(row: Row) -> Accelerator:
    """Build one accelerator from its row."""
    rates = {}
    for precision in PRECISIONS:
        rate = row.integer(f"dense_tflops.{precision}")
        # A precision without an undisputed source is missing, and not zero.
        if rate is not None:
            rates[precision] = rate
    return Accelerator(
        name=row.name(),
        figures=row.figures,
        vendor=row.name("vendor"),
        product=row.text("product"),
        architecture=row.needed_text("architecture"),
        compute_capability=row.text("compute_capability"),
        memory=row.needed_quantity("memory", Bytes),
        memory_raw=row.quantity("memory_raw", Bytes),
        memory_reported=row.quantity("memory_reported", Bytes),
        memory_bandwidth=row.needed_quantity("memory_bandwidth", BytesPerSecond),
        dense_tflops=MappingProxyType(rates),
        tdp=row.needed_quantity("tdp", Watts),
        resource=row.needed_text("resource"),
        dra_driver=row.text("dra_driver"),
        scale_up=row.quantity("scale_up", BytesPerSecond),
    )


# Frozen, since every caller shares the one mapping.
@cache
def _by_name() -> Mapping[str, Accelerator]:
    """Read the table once."""
    return MappingProxyType({row.name(): of_row(row) for row in rows("accelerators.json")})


def accelerators() -> tuple[Accelerator, ...]:
    """Return every accelerator of the package, sorted by name, then those of descriptions."""
    return (*_by_name().values(), *rows_of_descriptions("accelerator").values())


def accelerator(name: str) -> Accelerator:
    """Return one accelerator.

    Raises:
        UnknownNameError: there is no such name.
    """
    return find_row("accelerator", name, _by_name())


def accelerator_of(machine: System) -> Accelerator | None:
    """Return the accelerator of a machine; None for one without accelerators."""
    return None if machine.accelerator is None else accelerator(machine.accelerator)


def needed_accelerator(machine: System) -> Accelerator:
    """Return the accelerator of a machine that has some.

    Raises:
        ValueError: it has none.
    """
    chip = accelerator_of(machine)
    if chip is None:
        raise ValueError(f"{machine.name} has no accelerators")
    return chip


def resource_of(machine: System) -> str:
    """Return the extended resource of a machine's accelerators; empty for one without accelerators."""
    chip = accelerator_of(machine)
    return chip.resource if chip else ""
