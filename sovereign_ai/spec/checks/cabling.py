"""Cabling: shares within a whole, and no medium twice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where
from sovereign_ai.units import Percent

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory

_WHOLE = Percent(10_000)


def check_cabling(factory: AIFactory) -> Iterator[Problem]:
    """Refuse shares above 100 %, a medium that is listed twice, and a way between halls of no length."""
    cabling = factory.cabling
    if cabling is None:
        return
    for name, share in (("slack", cabling.slack), ("spares", cabling.spares)):
        if share > _WHOLE:
            message = f"{share} of {name} is more than the cables themselves"
            yield Problem("out-of-range", message, Where(field=f"cabling.{name}"), "write at most 100 %")
    for index, medium in enumerate(cabling.media):
        if medium in cabling.media[:index]:
            where = Where(field=f"cabling.media[{index}]")
            yield Problem("duplicate-entry", f"{medium!r} is listed twice", where, "keep the first")
    if cabling.between_halls is not None and cabling.between_halls.count == 0:
        where = Where(field="cabling.between_halls")
        hint = "write the length of the route, or leave it out"
        yield Problem("out-of-range", "0 m is no way from hall to hall", where, hint)
