"""Match the names of models that controllers report with the names in the catalogue."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache

from sovereign_ai.catalog.accelerator import accelerators

_NOISE = re.compile(r"[^a-z0-9]")
_BARE_FORMS = frozenset({"", "sxm"})
"""Forms that a controller leaves out of a model."""


def plain(name: str) -> str:
    """Return a name in lower case, letters and digits only."""
    return _NOISE.sub("", name.lower())


def same_model(system: str, reported: str, also: Collection[str]) -> bool:
    """Return whether a reported model is a system of the catalogue.

    Args:
        system: the catalogue's name, `dgx-h100`.
        reported: the model that the controller reports, `DGXH100`.
        also: further names of that system, which the user gave.
    """
    return plain(reported) in map(plain, (system, *also))


@cache
def _accelerators() -> tuple[tuple[str, str], ...]:
    """Return for each accelerator its plain name as controllers report it, and the catalogue's name.

    A controller reports a module of a baseboard by the bare model (`H200 141GB`) and a card with its form
    (`H200 NVL`).
    """
    names = []
    for accelerator in accelerators():
        model, _, form = accelerator.name.partition("-")
        reported = model if form in _BARE_FORMS else accelerator.name
        names.append((plain(reported), accelerator.name))
    # The longest first: `gb200` contains `b200`, and the first match counts.
    names.sort(key=lambda pair: -len(pair[0]))
    return tuple(names)


def gpu_of(reported: str) -> str | None:
    """Return the accelerator of the catalogue whose name a reported model contains; None if it contains none.

    >>> gpu_of("H100 80GB HBM3"), gpu_of("Tesla V100")
    ('h100-sxm', None)
    """
    text = plain(reported)
    for short, name in _accelerators():
        if short in text:
            return name
    return None
