"""Names of models as makers' controllers write them, and as the catalogue does."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache

from sovereign_ai.catalog.accelerators import accelerators

_NOISE = re.compile(r"[^a-z0-9]")


def plain(name: str) -> str:
    """Give a name in lower case without blanks and signs."""
    return _NOISE.sub("", name.lower())


def same_model(system: str, reported: str, also: Collection[str]) -> bool:
    """Tell whether a reported model is a catalogue's system.

    Args:
        system: the catalogue's name, `dgx-h100`.
        reported: what the controller says, `DGXH100`.
        also: further names of that system, which the user gave.
    """
    return plain(reported) in {plain(name) for name in (system, *also)}


@cache
def _accelerators() -> tuple[tuple[str, str], ...]:
    """Give (plain short name, catalogue's name), the longest first, so that `gb200` is not taken for `b200`."""
    return tuple(sorted(((plain(one.name.partition("-")[0]), one.name) for one in accelerators()), key=lambda pair: -len(pair[0])))


def gpu_of(reported: str) -> str | None:
    """Give the catalogue's accelerator whose name a reported model holds; None if it holds none.

    >>> gpu_of("H100 80GB HBM3"), gpu_of("Tesla V100")
    ('h100-sxm', None)
    """
    text = plain(reported)
    return next((name for short, name in _accelerators() if short in text), None)
