"""Texts of up to a mebibyte that exhaust a reader: deep, wide, repeated, or of one huge value."""

from __future__ import annotations

from pathlib import Path

SMALL = (Path(__file__).parent / "small.yaml").read_text()
MEBIBYTE = 2**20
_POOL = "  - {{name: p{0}, site: nowhere, system: dgx-h100, nodes: 1, purpose: training, zone: z{0}}}\n"

HOSTILE = (
    "[" * MEBIBYTE,
    "{a: " * (MEBIBYTE // 4),
    "- " * (MEBIBYTE // 2),
    "a: [" + "1," * (MEBIBYTE // 2 - 4),
    "a: &a [x]\nb: *a\n" * (MEBIBYTE // 17),
    "".join(f"k{index}: 1\n" for index in range(60_000)),
    "pools:\n" + "  - {nam: 1, sit: 2}\n" * 20_000,
    SMALL.replace("fabrics:\n", "".join(_POOL.format(index) for index in range(7_000)) + "fabrics:\n", 1),
    SMALL.replace("120 kW", "1" * (MEBIBYTE - 2_000) + " kW"),
    SMALL.replace("nodes: 4", "nodes: " + "1" * (MEBIBYTE - 2_000)),
    SMALL.replace("Example Compute", "аb " * (MEBIBYTE // 6)),  # noqa: RUF001 - a Cyrillic letter on purpose
    SMALL.replace("tenants: [research]", "tenants: [" + "x," * 90_000 + "]"),
    '"' + "\\x41" * (MEBIBYTE // 4 - 8),
    "? " * (MEBIBYTE // 2),
    "%TAG !a! b\n" * 50_000,
)
