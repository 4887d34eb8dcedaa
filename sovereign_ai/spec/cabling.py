"""How links are to be cabled, where it is said; every field has a default."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sovereign_ai.spec.base import Model
from sovereign_ai.units import Metres, Percent

LinkMediumName = Literal["dac", "acc", "aec", "aoc", "sr", "dr", "lpo", "fr"]
"""Passive, linear and retimed copper; active optical cables; multimode optics; single-mode optics of parallel
fibres, with and without a signal processor, and of one pair of fibres."""


class Cabling(Model):
    """Which cables and optics are ordered, and with which reserve."""

    media: tuple[LinkMediumName, ...] = Field(default=("dac", "acc", "aoc", "sr", "dr", "fr"), min_length=1)
    """What may be used, the preferred first: a link takes the first that reaches and fits its ports."""
    slack: Percent = Percent(0)
    """Added to the estimated length of a route before the next stock length is taken; the estimate has rise,
    fall and slack of 7 m between racks already."""
    spares: Percent = Percent(300)
    """Spare pieces of each kind and length, rounded up, so at least one; `0 %` orders none."""
    trunks: Literal[12, 24, 144] | None = None
    """Fibres of a trunk between rows, with patch panels at both ends; left out, each link between rows is a
    cable of its own."""
    between_halls: Metres | None = None
    """Length of a cable from hall to hall; left out, those cables are ordered without a length."""
