"""Export control: how far each accelerator lies beyond the thresholds, from dense rates that the catalogue sources.

`TPP = 2 x MacTOPS x bits`, the largest over precisions. `2 x MacTOPS` is what data sheets print as
TOPS or TFLOPS, since a multiply-accumulate counts as two operations there; so TPP is the printed
dense rate times the bits. Performance density is TPP by die area in mm2; no area, no density.
A threshold reached is an exposure, not a classification.

    >>> row = exposure("h100-sxm")
    >>> row.tpp, row.density, row.reaches
    (15832, 19.45, ('3A090.a',))
    >>> exposure("b200").density is None
    True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sovereign_ai.assess.sovereignty.tables import table
from sovereign_ai.catalog.accelerators import accelerator

BITS = {"bf16": 16, "fp8": 8, "fp4": 4}
"""Bits of an operation's operands."""
_RULE: Mapping[str, Any] = table("exports.json")["rules"][0]
_DIES: Mapping[str, Mapping[str, Any]] = {row["name"]: row["die"] for row in table("chips.json")["rows"] if row["die"]}


@dataclass(frozen=True, slots=True)
class Exposure:
    """One accelerator against the thresholds.

    Attributes:
        accelerator: catalogue name.
        tpp: total processing performance; None where no dense rate is sourced.
        low: its lower end where the rate is uncertain.
        high: its upper end.
        precision: the precision that gives it.
        partial: precisions that no source gives, so that the true figure may be higher.
        density: performance density, TPP a mm2, to two digits; None where no die area is sourced.
        reaches: rules whose threshold it reaches.
        why: the arithmetic with its sources.
    """

    accelerator: str
    tpp: int | None
    low: int | None
    high: int | None
    precision: str
    partial: tuple[str, ...]
    density: float | None
    reaches: tuple[str, ...]
    why: str

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        data: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**data, "partial": list(self.partial), "reaches": list(self.reaches)}


def exposure(name: str) -> Exposure:
    """Hold one accelerator against the thresholds."""
    chip = accelerator(name)
    rates = [(rate * BITS[precision], rate, precision) for precision, rate in chip.dense_tflops.items()]
    if not rates:
        return Exposure(name, None, None, None, "", tuple(BITS), None, (), "no source gives a dense rate: unknown")
    tpp, rate, precision = max(rates)
    figure = chip.source_of(f"dense_tflops.{precision}")
    low = int(figure.low * BITS[precision]) if figure and figure.low is not None else tpp
    high = int(figure.high * BITS[precision]) if figure and figure.high is not None else tpp
    die = _DIES.get(name)
    density = round(tpp / die["value"], 2) if die else None
    reaches = _RULE["id"] if low >= _RULE["tpp"] or (low >= _RULE["tpp_dense"] and (density or 0) >= _RULE["density"]) else ""
    area = (
        f"; {tpp:,} / {die['value']} mm2 = {density} ({die['grade']}: {die['source']})" if die else "; die area unsourced: density unknown"
    )
    why = f"{rate:,} dense TFLOPS at {precision} x {BITS[precision]} bits = {tpp:,} ({figure.grade if figure else 'unsourced'}){area}"
    partial = tuple(one for one in BITS if one not in chip.dense_tflops)
    return Exposure(name, tpp, low, high, precision, partial, density, (reaches,) if reaches else (), why)


def reached(name: str) -> str:
    """Give the rule whose threshold an accelerator reaches; empty for none or unknown."""
    return next(iter(exposure(name).reaches), "")


def rules() -> list[dict[str, Any]]:
    """Give the rules with thresholds, status, source and date."""
    return [dict(row) for row in table("exports.json")["rules"]]


def notes() -> list[dict[str, Any]]:
    """Give what is uncertain about the rules."""
    return [dict(row) for row in table("exports.json")["notes"]]
