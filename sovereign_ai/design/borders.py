"""The links to the outside of a design: every way that is tried, without those that another one dominates.

They are the in-band fabric's, which is the same around every compute fabric. So each way is sized by itself,
and one that is dearer, draws more and has more switches than another of the same models is left out: what is
around the in-band fabric grows with the number and height of switches alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sovereign_ai.design.candidates import borders, in_band_fabric
from sovereign_ai.design.request import DesignRequest
from sovereign_ai.design.score import Amount, Prices, count_parts
from sovereign_ai.errors import Problem, Where
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan import draft
from sovereign_ai.plan.fabric import FabricSize
from sovereign_ai.spec import AIFactory, Fabric

Border = Mapping[str, Any]
_FEWEST = 2
"""Switches with links to the outside, so that the loss of one leaves some."""


@frozen_dataclass
class SizedBorder:
    """An in-band fabric with links to the outside.

    Attributes:
        border: the links as described; None where none are wanted.
        cost: euro for the fabric's switches, links and their building.
        power: watts of its switches.
        switches: all of them.
        units: their height.
        models: names of their models.
    """

    border: Border | None
    cost: Amount
    power: int
    switches: int
    units: int
    models: frozenset[str]

    def at_least_as_good(self, other: SizedBorder) -> bool:
        """Return whether a factory with this one is as good as one with the other in every respect."""
        is_cheaper = self.cost.at_most(other.cost) and self.power <= other.power
        is_smaller = self.switches <= other.switches and self.units <= other.units
        # Other models have other vendors, which sovereignty depends on.
        return is_cheaper and is_smaller and self.models <= other.models


def best_borders(
    request: DesignRequest, base: AIFactory, prices: Prices
) -> tuple[list[Border | None], list[Problem]]:
    """Return the ways that none dominates, and why others were refused.

    Args:
        request: what is wanted.
        base: the factory without fabrics.
        prices: the prices.
    """
    kept: list[SizedBorder] = []
    refused: list[Problem] = []
    for border in borders(request):
        sized = _sized(request, base, border, prices)
        if isinstance(sized, Problem):
            refused.append(sized)
        elif sized is not None and not any(other.at_least_as_good(sized) for other in kept):
            kept = [other for other in kept if not sized.at_least_as_good(other)]
            kept.append(sized)
    if not request.border_ports:
        return [None], []
    return [sized.border for sized in kept], refused


def _sized(
    request: DesignRequest, base: AIFactory, border: Border, prices: Prices
) -> SizedBorder | Problem | None:
    """Return an in-band fabric with a border, why it cannot be built, or None where it has too few links."""
    fabric = Fabric.model_validate(in_band_fabric(border))
    # Storage servers join it as well, so it is sized with all that the factory has besides.
    drafted, problems = draft(base.model_copy(update={"fabrics": (fabric,)}), _where)
    if problems:
        return problems[0]
    [size] = drafted.sizes
    if size.outside < request.border_ports or _with_links(size) < _FEWEST:
        return None
    parts = count_parts([fabric], [size])
    return SizedBorder(
        border=border,
        cost=prices.of(parts, parts.watts),
        power=parts.watts,
        switches=parts.switches.total(),
        units=parts.units,
        models=frozenset(parts.switches),
    )


def _where(name: str) -> Where:
    """Return the place of a field in a description that is in no file."""
    return Where(field=name)


def _with_links(size: FabricSize) -> int:
    """Return how many switches have links to the outside."""
    outside = None if size.layout is None else size.layout.outside
    return 0 if outside is None else outside.count_switches(size.leaf, size.spine, size.core)
