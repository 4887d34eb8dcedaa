"""A row to fill in, with every figure that its kind may have, its unit, and whether it is required."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sovereign_ai.catalog.user_rows import KINDS, UNFILLED

_NEEDED = {
    "system": {
        "gpus": "8",
        "cpu_arch": "amd64",
        "cpus": "256",
        "memory": "2 TB",
        "compute_nics": "8",
        "compute_nic_rate": "400 Gbps",
        "max_power": "11 kW",
        "nvlink_domain_nodes": "0",
        "cooling": "air",
    },
    "accelerator": {
        "architecture": "Example",
        "memory": "192 GB",
        "memory_bandwidth": "5 TB/s",
        "dense_tflops.bf16": "1000",
        "tdp": "750 W",
        "resource": "example.com/gpu",
    },
    "switch": {"kind": "ethernet", "ports": "64", "rate": "800 Gbps"},
    "supplier": {"seat": "DE"},
    "controller": {
        "function": "queueing",
        "repository": "git.example.com/queues",
        "licence": "Apache-2.0",
        "namespace": "queues",
    },
}
"""Figures that a row of a kind must have, each with an example."""
_OPTIONAL = {
    "system": {
        "weight_kg": "130",
        "rack_units": "8",
        "supplies": "6",
        "supply_rating": "3.3 kW",
        "supplies_required": "4",
        "nodes_per_rack": "4",
        "idle_power": "2 kW",
        "storage_nics": "2",
        "storage_nic_rate": "400 Gbps",
        "compute_cages": "8",
    },
    "accelerator": {"dense_tflops.fp8": "2000", "scale_up": "900 GB/s", "product": "Example-GPU"},
    "switch": {
        "power": "1900 W",
        "rack_units": "2",
        "uplink_ports": "4",
        "uplink_rate": "100 Gbps",
        "cages": "64",
    },
    "supplier": {},
    "controller": {
        "version": "v1.0.0",
        "images.manager": "registry.example.com/ai/queues",
        "needs.cert-manager": "certificates",
        "telemetry.usage": "usage.example.com",
        "packages.install": "packages.example.com",
        "heartbeats.licence": "licence.example.com",
        "endpoints.updates": "updates.example.com",
    },
    "nic": {"ports": "1", "rate": "400 Gbps", "power": "25 W"},
    "optic": {"rate": "800 Gbps", "reach": "500 m", "fibres": "16", "power": "15 W"},
    "storage-server": {
        "ports": "2",
        "rate": "200 Gbps",
        "read": "40 GB/s",
        "write": "20 GB/s",
        "power": "1200 W",
        "rack_units": "2",
    },
    "power-shelf": {
        "rating": "33 kW",
        "supplies": "6",
        "supply_rating": "5.5 kW",
        "power": "1 kW",
        "rack_units": "1",
        "weight_kg": "25",
    },
    "cdu": {"rating": "1300 kW", "flow": "1200 L/min", "power": "12 kW", "weight_kg": "1200"},
}
"""Figures that a row of a kind may have, each with an example.

`own.blocks` returns what a missing one blocks.
"""


def template(kind: str, name: str, read: date) -> str:
    """Return the text of a file with one row of a kind to fill in; everything but its sources is right.

    Args:
        kind: the kind of the row, one of `kinds()`.
        name: the row's name.
        read: the day on which the sources are read, which is the day of writing.

    >>> print(template("optic", "our-optic", date(2026, 12, 31)).splitlines()[2])
      - kind: optic
    """
    return "\n".join(_lines(kind, name, read)) + "\n"


def _lines(kind: str, name: str, read: date) -> Iterator[str]:
    """Yield the lines of the file."""
    yield "# Name this file in the description: catalog: [hardware.yaml]"
    yield "rows:"
    yield f"  - kind: {kind}"
    yield f"    name: {name}"
    yield from _member_lines(kind, name)
    yield (
        "    # Each figure: value, unit, source, the day it was read, and how far it can be trusted:"
        " official, datasheet, quote,"
    )
    yield "    # measured, secondary, calculated (say how in 'note') or estimate (give 'low' and 'high')."
    yield "    figures:"
    # Mappings of figures come last, because YAML allows each of their keys once.
    nested: dict[str, list[str]] = {}
    required = _NEEDED.get(kind, {})
    for field, example in {**required, **_OPTIONAL.get(kind, {})}.items():
        comment = "" if field in required else "  # may be left out"
        outer, _, inner = field.partition(".")
        if inner:
            line = f"        {inner}: {_figure(example, read)}{comment}"
            nested.setdefault(outer, []).append(line)
        else:
            yield f"      {field}: {_figure(example, read)}{comment}"
    for outer, lines in nested.items():
        yield f"      {outer}:"
        yield from lines


def _member_lines(kind: str, name: str) -> Iterator[str]:
    """Yield the members of a row that are no figures."""
    if kind == "supplier":
        yield f"    title: {name}"
        yield "    makes: [machines]"
    else:
        vendor = "a supplier of the catalogue, or one that a row of kind supplier before this one brings"
        yield f"    vendor: supermicro  # {vendor}"
    if kind == "controller":
        yield f"    title: {name}"
    if kind == "system":
        accelerator = "an accelerator of the catalogue, or one that a row before this one brings"
        yield f"    accelerator: h100-sxm  # {accelerator}"


def _figure(example: str, read: date) -> str:
    """Return a figure as YAML; its source is in quotes, for what is filled in may have a comma."""
    value, _, unit = example.partition(" ")
    if unit:
        value += f", unit: {unit}"
    return f'{{value: {value}, source: "{UNFILLED}", read: {read}, grade: datasheet}}'


def kinds() -> list[str]:
    """Return every kind that a template can be written for."""
    return sorted(KINDS)
