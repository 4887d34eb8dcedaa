"""Export control: each accelerator compared with the thresholds, from the dense rates of the catalogue.

`TPP = 2 x MacTOPS x bits`, the largest over precisions. `2 x MacTOPS` is the TOPS or TFLOPS of data sheets,
which count a multiply-accumulate as two operations; so TPP is the printed dense rate times the bits.
Performance density is TPP divided by the die area in mm2; without an area it is unknown. A threshold reached
is an exposure, not a classification.

    >>> row = exposure("h100-sxm")
    >>> row.tpp, row.density, row.reaches
    (15832, 19.45, ('3A090.a',))
    >>> exposure("b200").density is None
    True
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sovereign_ai.catalog.accelerator import accelerator
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.json_members import members
from sovereign_ai.sovereignty.tables import table
from sovereign_ai.text import counted

BITS = {"bf16": 16, "fp8": 8, "fp4": 4}
"""Bits of an operation's operands."""
_RULE: Mapping[str, Any] = table("exports.json")["rules"][0]
_DIES: Mapping[str, Mapping[str, Any]] = {
    row["name"]: row["die"] for row in table("chips.json")["rows"] if row["die"]
}


@frozen_dataclass
class Exposure:
    """One accelerator compared with the thresholds.

    Attributes:
        accelerator: catalogue name.
        tpp: total processing performance; None where no dense rate is sourced.
        low: its lower end where the rate is uncertain.
        high: its upper end.
        precision: the precision of the largest rate.
        partial: precisions without a sourced rate, so that the true figure may be higher.
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
        """Return plain data."""
        data = members(self)
        data["partial"] = list(self.partial)
        data["reaches"] = list(self.reaches)
        return data


def exposure(name: str) -> Exposure:
    """Compare one accelerator with the thresholds."""
    chip = accelerator(name)
    rates = [(rate * BITS[precision], rate, precision) for precision, rate in chip.dense_tflops.items()]
    if not rates:
        why = "no source gives a dense rate: unknown"
        return Exposure(name, None, None, None, "", tuple(BITS), None, (), why)
    # The rule takes the largest product of rate and operand length over all precisions.
    tpp, rate, precision = max(rates)
    bits = BITS[precision]
    figure = chip.source_of(f"dense_tflops.{precision}")
    low = high = tpp
    if figure and figure.low is not None:
        low = int(figure.low * bits)
    if figure and figure.high is not None:
        high = int(figure.high * bits)
    density = None
    area = "; die area unsourced: density unknown"
    die = _DIES.get(name)
    if die:
        density = round(tpp / die["value"], 2)
        area = f"; {tpp:,} / {die['value']} mm2 = {density} ({die['grade']}: {die['source']})"
    grade = figure.grade if figure else "unsourced"
    partial = [other for other in BITS if other not in chip.dense_tflops]
    return Exposure(
        accelerator=name,
        tpp=tpp,
        low=low,
        high=high,
        precision=precision,
        partial=tuple(partial),
        density=density,
        reaches=(_RULE["id"],) if _reaches(low, density) else (),
        why=f"{rate:,} dense TFLOPS at {precision} x {counted(bits, 'bit')} = {tpp:,} ({grade}){area}",
    )


def _reaches(tpp: int, density: float | None) -> bool:
    """Return whether an accelerator reaches a threshold: by performance, or by a lower one with high density.

    Args:
        tpp: the lower end of its performance, so that an uncertain rate alone reaches nothing.
        density: its performance density; None if unknown, which reaches nothing either.
    """
    is_dense = density is not None and density >= _RULE["density"]
    return bool(tpp >= _RULE["tpp"] or (tpp >= _RULE["tpp_dense"] and is_dense))


def reached(name: str) -> str:
    """Return the rule whose threshold an accelerator reaches; an empty text for none or unknown."""
    return next(iter(exposure(name).reaches), "")


def rules() -> list[dict[str, Any]]:
    """Return the rules with thresholds, status, source and date."""
    return [dict(row) for row in table("exports.json")["rules"]]


def notes() -> list[dict[str, Any]]:
    """Return the notes on uncertain points of the rules."""
    return [dict(row) for row in table("exports.json")["notes"]]
