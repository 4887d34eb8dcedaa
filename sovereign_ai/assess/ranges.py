"""The numbers that a user's figure may have: by its unit, and by its name where the unit does not decide.

A figure that is counted, weighed, paid or waited for is not below zero: that is the rule for every unit that
the tables do not name. A number without a unit is a share between nothing and the whole, with few exceptions
that are no shares: a PUE is all energy over that of IT, light is not faster in glass than in vacuum, a
transient is the most that is drawn over what is typical. The price of electricity may fall below zero, as it
does in hours with too much of it; no other price does. A figure that is a part of another, such as the
experts that a token is sent to, is at most the whole.

A range ends where a number becomes impossible, not where it becomes unlikely: unlikely figures are the user's
business. Where nature or arithmetic sets no end (seconds, degrees, failures a day, euro a kilowatt-hour, the
shape of a distribution), the end is a choice of this project, far beyond anything seen, that catches a slip
of unit.

    >>> permitted("utilisation", "1").words, permitted("site.fra1.pue", "1").holds(0.2)
    ('0 to 1', False)
    >>> permitted("stall", "s").holds(-1)
    False
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from fnmatch import fnmatchcase

from sovereign_ai.frozen_dataclass import frozen_dataclass


@frozen_dataclass
class Range:
    """A range of permitted numbers.

    Attributes:
        holds: returns whether a number is permitted.
        words: the permitted numbers in words.
        why: the reason, or how to write the number; empty where it is plain.
    """

    holds: Callable[[float], bool]
    words: str
    why: str = ""


def _from(least: float, why: str = "") -> Range:
    """Return the range of a number and everything above it."""
    return Range(lambda number: number >= least, f"at least {least:g}", why)


def _above(limit: float, why: str = "") -> Range:
    """Return the range of everything above a number."""
    return Range(lambda number: number > limit, f"more than {limit:g}", why)


def _between(least: float, most: float, why: str = "") -> Range:
    """Return the range of two numbers and everything between them."""
    return Range(lambda number: least <= number <= most, f"{least:,} to {most:,}", why)


def _is_day(number: float) -> bool:
    """Return whether a number is a day of the calendar, written as 20270131."""
    try:
        day = date.fromisoformat(f"{number:.0f}")
    except ValueError:
        return False
    # The text above is rounded, so 20270131.4 would pass as a day without the check for a fraction.
    return date(1950, 1, 1) <= day <= date(2100, 12, 31) and not number % 1


_PARTS = "a share is a part of one: write 90 % as 0.9"
_LESS_THAN_ALL = Range(
    lambda number: 0 <= number < 1,
    "0 to less than 1",
    f"{_PARTS}; of the whole nothing would be left to divide by",
)
_YES_OR_NO = Range(lambda number: number in (0, 1), "0 or 1", "write 1 for yes and 0 for no")
_NOT_NEGATIVE = _from(0, "what is counted, weighed, paid or waited for is not below zero")
_BY_UNIT = {
    # A ratio. Those that are no shares, such as a PUE, are in the table of names.
    "1": _between(0, 1, _PARTS),
    "1/a": _between(0, 1, "a share of a year: write 7 % as 0.07"),
    "1/GPU-d": Range(
        lambda number: 0 < number <= 24,
        "more than 0, at most 24",
        "failures of one GPU in a day: one that fails every hour does no work; "
        "for one that hardly ever fails write a small rate, 0.000000001",
    ),
    # Negative prices happen: a grid with too much wind pays for being relieved of it.
    "EUR/kWh": _between(-10, 10, "euro a kilowatt-hour: write 62 EUR/MWh as 0.062"),
    "USD/EUR": _above(0),
    "a": _above(0, "what lasts no time cannot be written off over it"),
    "degC": _between(-100, 200, "write degrees Celsius"),
    "experts": _from(1, "1 is a dense model"),
    "heads": _from(1),
    "layers": _from(1),
    "parameters": _from(1),
    # A Julian year of 365.25 days, far above any delay: catches milliseconds.
    "s": _between(0, 31_557_600, "write seconds: there are 31,557,600 in a year"),
    "yyyymmdd": Range(
        _is_day, "a day from 19500101 to 21001231", "write the 31st of January 2027 as 20270131"
    ),
}
_BY_NAME = {
    "*wet-bulb": _between(
        -90,
        40,
        "write degrees Celsius, not Fahrenheit: no place on Earth is known to have had a wet bulb of 37 degC",
    ),
    "confidence": _LESS_THAN_ALL,
    "fibre.index": _from(1, "light is not faster in glass than in vacuum"),
    "hall.*.bypass": _LESS_THAN_ALL,
    "service.*.head-width": _from(1),
    "site.*.fan-share": _LESS_THAN_ALL,
    "site.*.public": _YES_OR_NO,
    "site.*.pue": _from(1, "a PUE is all energy of a site over that of its IT"),
    "site.*.warm": _YES_OR_NO,
    "site.*.water-stress": _YES_OR_NO,
    "tier.*.snapshots": _NOT_NEGATIVE,
    "transient": _from(1, "the most that is drawn for a moment, over what is typical"),
    "weibull.shape": _between(0.1, 10, "below and above, failures come all at once"),
}
_WHOLE = {
    "job.*.active": ("parameters",),
    "service.*.active": ("parameters",),
    "service.*.experts-chosen": ("experts",),
    "system.*.idle": ("peak", "typical-share"),
}
"""Figures that are at most another, or the product of some: their names have the same prefix."""


def permitted(name: str, unit: str) -> Range:
    """Return the range of a figure: the one of its name, if there is any, else the one of its unit."""
    for pattern, allowed in _BY_NAME.items():
        if fnmatchcase(name, pattern):
            return allowed
    return _BY_UNIT.get(unit, _NOT_NEGATIVE)


def whole_of(name: str) -> tuple[str, ...]:
    """Return the names of the figures whose product limits a figure; none where nothing does.

    >>> whole_of("system.dgx-h100.idle")
    ('system.dgx-h100.peak', 'system.dgx-h100.typical-share')
    """
    beside = name.rpartition(".")[0]
    for pattern, factors in _WHOLE.items():
        if fnmatchcase(name, pattern):
            return tuple(f"{beside}.{factor}" for factor in factors)
    return ()
