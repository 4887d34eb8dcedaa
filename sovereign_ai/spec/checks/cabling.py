"""Cabling: no medium twice, and trunks only of fibres that some permitted optics use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory

_OVER_TRUNKS = ("sr", "dr", "lpo")
"""Optics of parallel fibres, which trunks of MPO connectors carry."""


def check_cabling(factory: AIFactory) -> Iterator[Problem]:
    """Refuse a medium that is listed twice, and trunks that no medium of the list can use."""
    cabling = factory.cabling
    if cabling is None:
        return
    for index, medium in enumerate(cabling.media):
        if medium in cabling.media[:index]:
            where = Where(field=f"cabling.media[{index}]")
            yield Problem("duplicate-entry", f"{medium!r} is listed twice", where, "keep the first")
    if cabling.trunks is not None and not set(cabling.media) & set(_OVER_TRUNKS):
        where = Where(field="cabling.trunks")
        hint = f"add one of {', '.join(_OVER_TRUNKS)} to 'media', or leave 'trunks' out"
        yield Problem("contradiction", "no medium of the list goes over trunks", where, hint)
