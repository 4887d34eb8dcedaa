"""Systems: machines, each of which is one Kubernetes node.

A tray of an NVL72 rack is one node of four GPUs; the rack is a domain of 18 of them. A field that
no source gives is None: code that needs it asks the user for it.

    >>> tray = system("gb200-nvl72-tray")
    >>> tray.gpus, tray.cpu_arch, tray.nvlink_domain_nodes
    (4, 'arm64', 18)
    >>> system("dgx-b300").scalable_units
    (ScalableUnit(nodes=64, variant='dc-busbar'), ScalableUnit(nodes=72, variant='xdr'))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Literal

from sovereign_ai.catalog.figures import Row, Sourced, find_row, rows, rows_of_descriptions
from sovereign_ai.catalog.model_names import model_hint
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.units import BitsPerSecond, Bytes, Watts

CpuArch = Literal["amd64", "arm64"]


@frozen_dataclass
class ScalableUnit:
    """One published size of the block that a cluster grows by.

    Attributes:
        nodes: nodes in the block.
        variant: the reference architecture that uses this size; `reference` where there is only one.
    """

    nodes: int
    variant: str


@frozen_dataclass(kw_only=True)
class System(Sourced):
    """One machine, one Kubernetes node.

    Attributes:
        vendor: the supplier's name in `suppliers`, of the accelerators where the maker is open.
        accelerator: the accelerator's name in `accelerators`; None where it has none.
        gpus: accelerators in the machine.
        cpu_arch: `amd64` or `arm64`, as Kubernetes writes it.
        cpus: logical processors that the operating system sees, threads counted.
        memory: host memory.
        compute_nics: network ports for traffic between nodes.
        compute_nic_rate: rate of each of them.
        storage_nics: network ports for storage and in-band traffic.
        storage_nic_rate: rate of each of them.
        rack_units: height; None where unknown.
        weight_kg: weight in kilograms; None where unknown.
        max_power: the highest power draw; see `worst_power` where it is an estimate.
        idle_power: the power draw without work; None unless a source gives it.
        supplies: power supplies fitted; None where power comes from a rack's busbar or is unknown; see
            `decided_supplies` where it is an estimate.
        supply_rating: power of each supply.
        supplies_required: supplies that full load needs.
        nodes_per_rack: nodes of a rack in the reference design; None where there is none.
        scalable_unit: nodes of the default scalable unit; None where none is published.
        scalable_units: every published size, the default first.
        nvlink_domain_nodes: nodes that share one NVLink domain: 18 or 72, or 0 where it ends at the machine.
        cooling: kinds of cooling it is built for: `air`, `liquid`, `hybrid` (cold plates and air).
        rack_power: power of a full reference rack with what its machines share; None where unknown.
        rack_shared_power: power of what a rack's machines share (NVLink switch trays).
        compute_cages: cages for its `compute_nics`, where several ports share one. None: one a port.
    """

    vendor: str
    accelerator: str | None
    gpus: int
    cpu_arch: CpuArch
    cpus: int
    memory: Bytes
    compute_nics: int
    compute_nic_rate: BitsPerSecond
    storage_nics: int | None
    storage_nic_rate: BitsPerSecond | None
    rack_units: int | None
    weight_kg: float | None
    max_power: Watts
    idle_power: Watts | None
    supplies: int | None
    supply_rating: Watts | None
    supplies_required: int | None
    nodes_per_rack: int | None
    scalable_unit: int | None
    scalable_units: tuple[ScalableUnit, ...]
    nvlink_domain_nodes: int
    cooling: tuple[str, ...]
    rack_power: Watts | None
    rack_shared_power: Watts | None
    compute_cages: int | None = None

    @property
    def worst_power(self) -> Watts:
        """The upper end of `max_power` where it is a range, else `max_power`: what a feed must carry."""
        figure = self.source_of("max_power")
        return self.max_power if figure is None else figure.worst(Watts)

    @property
    def worst_weight_kg(self) -> float | None:
        """The upper end of `weight_kg` where it is a range, else `weight_kg`: what a floor must carry."""
        figure = self.source_of("weight_kg")
        return self.weight_kg if figure is None or figure.high is None else float(figure.high)

    @property
    def decided_supplies(self) -> tuple[int, int] | None:
        """Supplies fitted and required; None where a source lacks, or gives no more than a range.

        A guess decides neither that a machine survives the loss of a feed nor that it stops.
        """
        if self.supplies is None or self.supplies_required is None:
            return None
        for name in ("supplies", "supplies_required"):
            figure = self.source_of(name)
            if figure is not None and figure.low != figure.high:
                return None
        return self.supplies, self.supplies_required


def of_row(row: Row) -> System:
    """Build one system from its row."""
    # A figure is text; only these two values are architectures of a node.
    arch: CpuArch = "arm64" if row.text("cpu_arch") == "arm64" else "amd64"
    gpus = row.needed_whole("gpus")
    # The order is kept: the first unit is the default one.
    units = [ScalableUnit(unit["nodes"], unit["variant"]) for unit in row.raw.get("scalable_units", ())]
    return System(
        name=row.name(),
        figures=row.figures,
        vendor=row.name("vendor"),
        # A row without accelerators may name one, and still has none of it.
        accelerator=row.name("accelerator") if gpus else None,
        gpus=gpus,
        cpu_arch=arch,
        cpus=row.needed_whole("cpus"),
        memory=row.needed_quantity("memory", Bytes),
        compute_nics=row.needed_whole("compute_nics"),
        compute_nic_rate=row.needed_quantity("compute_nic_rate", BitsPerSecond),
        storage_nics=row.integer("storage_nics"),
        storage_nic_rate=row.quantity("storage_nic_rate", BitsPerSecond),
        rack_units=row.integer("rack_units"),
        weight_kg=row.number("weight_kg"),
        max_power=row.needed_quantity("max_power", Watts),
        idle_power=row.quantity("idle_power", Watts),
        supplies=row.integer("supplies"),
        supply_rating=row.quantity("supply_rating", Watts),
        supplies_required=row.integer("supplies_required"),
        nodes_per_rack=row.integer("nodes_per_rack"),
        scalable_unit=row.integer("scalable_unit"),
        scalable_units=tuple(units),
        nvlink_domain_nodes=row.needed_whole("nvlink_domain_nodes"),
        cooling=tuple(row.needed_text("cooling").split(", ")),
        rack_power=row.quantity("rack_power", Watts),
        rack_shared_power=row.quantity("rack_shared_power", Watts),
        compute_cages=row.integer("compute_cages"),
    )


# Frozen, since every caller shares the one mapping.
@cache
def _by_name() -> Mapping[str, System]:
    """Read the table once."""
    return MappingProxyType({row.name(): of_row(row) for row in rows("systems.json")})


def systems() -> tuple[System, ...]:
    """Return every system of the package, sorted by name, then those of descriptions."""
    return (*_by_name().values(), *rows_of_descriptions("system").values())


def system_hint(text: str, names: Iterable[str] | None = None) -> str:
    """Return a hint with the systems that a text may mean, also by their accelerators.

    >>> system_hint("GB200 NVL72"), system_hint("HGX H100 SXM5")
    ("did you mean 'gb200-nvl72-tray'?", "did you mean 'dgx-h100'?")

    Args:
        text: what the user wrote.
        names: the systems that may be named; all of them where it is left out.
    """
    also = {model.name: model.accelerator or "" for model in systems()}
    own = "a machine of your own is a row of kind system in 'catalog'"
    return model_hint(text, also if names is None else names, also, own=own)


def system(name: str) -> System:
    """Return one system.

    Raises:
        UnknownNameError: there is no such name.
    """
    return find_row("system", name, _by_name())
