"""Which figure moves the cost most, and from when owning beats renting.

    break-even utilisation = yearly cost / (GPUs x hours x rent)

Owning costs the same whether GPUs work or not; renting is paid by the hour. Above that share owning is
cheaper; above 1 it never is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sovereign_ai.assess.sheet import Sheet
from sovereign_ai.assess.sources import figures
from sovereign_ai.plan.shapes import Shape


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the tornado: a figure, and the cost at its two ends with everything else in the middle.

    Attributes:
        leaf: the figure's name.
        low: cost of a GPU-hour at the figure's low end.
        high: at its high end.
    """

    leaf: str
    low: float
    high: float

    def to_data(self) -> dict[str, Any]:
        """Give plain data, numbers cut to nine significant digits."""
        return asdict(self) | {"low": float(f"{self.low:.9g}"), "high": float(f"{self.high:.9g}")}


def tornado(sheet: Sheet, name: str = "gpu-hour.known", most: int = 12) -> tuple[Bar, ...]:
    """Give the figures that move a number most, the widest first."""
    return tuple(Bar(*swing) for swing in sheet.swings(name)[:most])


def add_break_even(sheet: Sheet, shapes: Sequence[Shape]) -> None:
    """Add the rent of the same GPUs and the utilisation from which owning is cheaper."""
    chips: Counter[str] = Counter()
    for shape in shapes:
        chips[shape.system.accelerator] += shape.nodes * shape.system.gpus
    parts: list[str] = []
    for chip, number in sorted(chips.items()):
        name = f"rent.{chip}"
        parts += [
            sheet.plan(f"gpus.{chip}", number, "GPUs", "machines counted on"),
            sheet.figure(
                name, figures("prices").get(name), unit="USD/GPU-h", question=f"What does an hour of a {chip} rent for, in dollars?"
            ),
        ]
    sheet.derive(
        "rent.hour",
        "EUR/h",
        "sum over accelerators of GPUs x rent / exchange",
        lambda rate, *all_: sum(count * each for count, each in zip(all_[::2], all_[1::2], strict=True)) / rate,
        "exchange.usd-per-eur",
        *parts,
    )
    sheet.derive("rent.gpu-hour", "EUR/GPU-h", "rent of all / GPUs", lambda hour, gpus: hour / gpus, "rent.hour", "gpus")
    for suffix in ("", ".known"):
        sheet.derive(
            f"break-even{suffix}",
            "1",
            "yearly cost / (rent of an hour x hours)",
            lambda year, hour, hours: year / (hour * hours),
            f"year.total{suffix}",
            "rent.hour",
            "hours",
            note="a lower bound: what is not known would raise it" if suffix else "above this utilisation owning is cheaper; above 1 never",
        )
