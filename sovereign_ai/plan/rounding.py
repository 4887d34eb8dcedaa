"""Whole-number arithmetic that counts of racks, leaves, drives and blocks share.

>>> ceil_div(7, 2), ceil_div(8, 2), ceil_div(0, 2)
(4, 4, 0)
"""

from __future__ import annotations

from fractions import Fraction


def ceil_div(number: int | Fraction, by: int) -> int:
    """Divide and round up, exactly: no float is involved, so large counts stay right."""
    return -(-number // by)
