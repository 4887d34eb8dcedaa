"""Sensitivity of the cost to each figure, and the utilisation from which owning is cheaper than renting.

    break-even utilisation = yearly cost / (GPUs x hours x rent)

Owning costs the same whether GPUs work or not; renting is paid by the hour. Above that utilisation owning is
cheaper. A break-even above 1 means that it never is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sovereign_ai.assess.sheet import Sheet, weighted_sum
from sovereign_ai.assess.sources import figures
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import Shape


@frozen_dataclass
class Bar:
    """One bar of the tornado diagram: the cost at the two ends of a figure, the others in the middle.

    Attributes:
        leaf: the figure's name.
        low: cost of a GPU-hour at the figure's low end.
        high: at its high end.
    """

    leaf: str
    low: float
    high: float

    def to_data(self) -> dict[str, Any]:
        """Return plain data, numbers cut to nine significant digits."""
        data = asdict(self)
        data["low"] = float(f"{self.low:.9g}")
        data["high"] = float(f"{self.high:.9g}")
        return data


def tornado(sheet: Sheet, name: str = "gpu-hour.known", most: int = 12) -> tuple[Bar, ...]:
    """Return the figures that move a number most, the widest first."""
    return tuple(Bar(*swing) for swing in sheet.swings(name)[:most])


def add_break_even(sheet: Sheet, shapes: Sequence[Shape]) -> None:
    """Add the rent of the same GPUs and the utilisation from which owning is cheaper."""
    chips: Counter[str] = Counter()
    for shape in shapes:
        # Nobody rents out machines that run a factory: what they cost is in the hour of a GPU.
        if shape.system.accelerator is not None:
            chips[shape.system.accelerator] += shape.nodes * shape.system.gpus
    parts: list[str] = []
    for chip, count in sorted(chips.items()):
        name = f"rent.{chip}"
        question = f"What does an hour of a {chip} rent for, in dollars?"
        rent = figures("prices").get(name)
        parts.append(sheet.plan(f"gpus.{chip}", count, "GPUs", "machines counted on"))
        parts.append(sheet.figure(name, rent, unit="USD/GPU-h", question=question))
    formula = "sum over accelerators of GPUs x rent / exchange"
    sheet.derive("rent.hour", "EUR/h", formula, _rent, "exchange.usd-per-eur", *parts)
    work = lambda hour, gpus: hour / gpus  # noqa: E731 - the formula, used once
    sheet.derive("rent.gpu-hour", "EUR/GPU-h", "rent of all / GPUs", work, "rent.hour", "gpus")
    _break_even(sheet, "", "above this utilisation owning is cheaper; above 1 never")
    _break_even(sheet, ".known", "a lower bound: what is not known would raise it")


def _break_even(sheet: Sheet, suffix: str, note: str) -> None:
    """Add the break-even of a yearly cost: the whole one without a suffix, or the known part of it."""
    formula = "yearly cost / (rent of an hour x hours)"
    work = lambda year, hour, hours: year / (hour * hours)  # noqa: E731 - the formula, used once
    inputs = (f"year.total{suffix}", "rent.hour", "hours")
    sheet.derive(f"break-even{suffix}", "1", formula, work, *inputs, note=note)


def _rent(rate: float, *numbers: float) -> float:
    """Return the rent of an hour in euro.

    Args:
        rate: dollars a euro.
        numbers: the GPUs of each accelerator, each followed by its rent in dollars.
    """
    return weighted_sum(numbers[::2], numbers[1::2]) / rate
