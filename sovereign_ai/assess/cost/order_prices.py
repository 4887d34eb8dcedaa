"""The order list of the cabling with what each line costs, as far as a price is known.

A price `price.<part>` is dated, has a range, and may be replaced by the user's own; `price.<part>-per-m` is
that of a metre, for cables that are cut to length. A part without a price has no cost and is in no total;
it is counted, so that a total says what it leaves out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sovereign_ai.assess.sheet import GivenValue
from sovereign_ai.assess.sources import figures
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.cabling import CableOrder, OrderLine
from sovereign_ai.text import spreadsheet_text

COLUMNS = (
    "site",
    "phase",
    "use",
    "kind",
    "part",
    "description",
    "connector",
    "polarity",
    "length_m",
    "pieces",
    "price_usd",
    "price_low_usd",
    "price_high_usd",
    "cost_usd",
    "price_grade",
    "price_source",
)
"""Columns of the list as CSV; further ones are added behind these, and none is renamed."""
OPEN = "open"
"""What stands for a length that is not known."""
_CENTIMETRES = 100


@frozen_dataclass
class PartPrice:
    """What one piece costs in dollars.

    Attributes:
        value: the price.
        low: the lower end of its range.
        high: the upper end.
        grade: how well it is known; `user` where the user gave it.
        source: where it was read.
    """

    value: float
    low: float
    high: float
    grade: str
    source: str


@frozen_dataclass
class PricedLine:
    """A line of the order with its price.

    Attributes:
        line: the line.
        price: of one piece; None where no source gives it.
    """

    line: OrderLine
    price: PartPrice | None

    def to_data(self) -> dict[str, Any]:
        """Return plain data, by the names of `COLUMNS`; what is not known is None."""
        line, price = self.line, self.price
        data: dict[str, Any] = {
            "site": line.site,
            "phase": line.phase,
            "use": line.use,
            "kind": line.part.kind,
            "part": line.part.name,
            "description": line.part.title,
            "connector": line.part.connector,
            "polarity": line.part.polarity,
            "length_m": length_text(line.length),
            "pieces": line.pieces,
        }
        data["price_usd"] = None if price is None else price.value
        data["price_low_usd"] = None if price is None else price.low
        data["price_high_usd"] = None if price is None else price.high
        data["cost_usd"] = None if price is None else round(price.value * line.pieces, 2)
        data["price_grade"] = None if price is None else price.grade
        data["price_source"] = None if price is None else price.source
        return data


@frozen_dataclass
class OrderCost:
    """What the priced part of some lines costs, in dollars.

    Attributes:
        low: at the lower end of every price.
        value: the cost.
        high: at the upper end.
        pieces: pieces that have a price.
        unpriced: pieces that have none, and are in no total.
        parts: names of the parts without a price.
    """

    low: float
    value: float
    high: float
    pieces: int
    unpriced: int
    parts: tuple[str, ...]

    def to_data(self) -> dict[str, Any]:
        """Return plain data; `complete` says whether every piece has a price."""
        known = [round(self.low, 2), round(self.value, 2), round(self.high, 2)]
        return {
            "known_usd": known if self.pieces else None,
            "priced_pieces": self.pieces,
            "unpriced_pieces": self.unpriced,
            "unpriced_parts": list(self.parts),
            "complete": not self.unpriced,
        }


def price_order(order: CableOrder, given: Mapping[str, GivenValue]) -> tuple[PricedLine, ...]:
    """Return the lines of an order with the price of each.

    Args:
        order: the order.
        given: the user's figures, by names such as `price.osfp-800g-2xsr4`.
    """
    return tuple(PricedLine(line, _line_price(line, given)) for line in order.lines)


def _line_price(line: OrderLine, given: Mapping[str, GivenValue]) -> PartPrice | None:
    """Return the price of a piece: its own, or that of a metre for as many as it has."""
    name = f"price.{line.part.name}"
    # What the user gives comes first, by piece or by metre.
    if name in given or f"{name}-per-m" not in given:
        piece = _price(name, given)
        if piece is not None:
            return piece
    metre = _price(f"{name}-per-m", given)
    if metre is None or not line.length:
        return None
    metres = line.length / _CENTIMETRES
    value, low, high = (round(end * metres, 2) for end in (metre.value, metre.low, metre.high))
    return PartPrice(value, low, high, metre.grade, metre.source)


def _price(name: str, given: Mapping[str, GivenValue]) -> PartPrice | None:
    """Return the price of a name, `price.<part>`."""
    own = given.get(name)
    if own is not None:
        low = own.value if own.low is None else own.low
        high = own.value if own.high is None else own.high
        return PartPrice(own.value, low, high, "user", own.source)
    figure = figures("prices").get(name)
    if figure is None or not isinstance(figure.value, int | float):
        return None
    value = float(figure.value)
    low = value if figure.low is None else float(figure.low)
    high = value if figure.high is None else float(figure.high)
    return PartPrice(value, low, high, str(figure.grade), figure.source)


def order_cost(lines: Iterable[PricedLine]) -> OrderCost:
    """Return what the priced part of some lines costs."""
    low = value = high = 0.0
    pieces = unpriced = 0
    parts: set[str] = set()
    for priced in lines:
        count = priced.line.pieces
        if priced.price is None:
            unpriced += count
            parts.add(priced.line.part.name)
            continue
        pieces += count
        low += priced.price.low * count
        value += priced.price.value * count
        high += priced.price.high * count
    return OrderCost(low, value, high, pieces, unpriced, tuple(sorted(parts)))


def order_csv(lines: Sequence[PricedLine]) -> str:
    """Return the lines as CSV in the columns of `COLUMNS`; what is not known is empty.

    Text that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in lines:
        data = line.to_data()
        cells = ["" if data[column] is None else data[column] for column in COLUMNS]
        writer.writerow(spreadsheet_text(cell) if isinstance(cell, str) else cell for cell in cells)
    return text.getvalue()


def length_text(centimetres: int | None) -> str:
    """Return a stock length in metres; nothing where a part has none.

    >>> length_text(150), length_text(0), length_text(None)
    ('1.5', '', 'open')
    """
    if centimetres is None:
        return OPEN
    return f"{centimetres / _CENTIMETRES:g}" if centimetres else ""
