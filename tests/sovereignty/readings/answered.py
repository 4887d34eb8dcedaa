"""The answer to one criterion, for the tests of readings."""

from __future__ import annotations

from sovereign_ai.sovereignty.answers import CriterionAnswer
from tests.sovereignty.described import Data, report


def answer(name: str, data: Data) -> CriterionAnswer:
    """One answer on the description alone."""
    return next(one for one in report(data).answers if one.criterion == name)
