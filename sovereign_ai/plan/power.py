"""Power: what each site draws, through which feed, and what stays up when a feed is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SitePower:
    """One site's power at full load.

    Attributes:
        site: the site.
        it_load: watts of all machines, switches and storage servers whose power is known.
        it_budget: watts allowed.
        feeds: feed name to watts it carries with all feeds up.
        after_loss: lost feed to (surviving feed to watts) where machines run on.
        survives: lost feed to whether every machine keeps the supplies it requires and no
            surviving feed is overloaded; absent where supplies are not known (see `unknown`).
        unknown: systems whose supplies no source gives, so survival is not decided for them.
        why: field to the formula and its inputs in words.
    """

    site: str
    it_load: int
    it_budget: int
    feeds: Mapping[str, int]
    after_loss: Mapping[str, Mapping[str, int]]
    survives: Mapping[str, bool]
    unknown: tuple[str, ...]
    why: Mapping[str, str]
