"""Elements of a power chain: how many the load needs, and what each carries before and after one is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from fractions import Fraction

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.plan.rounding import ceil_div

SPARE: Mapping[str, int] = {"N": 0, "N+1": 1, "N+2": 2}
"""Elements beyond those that the load needs; `2N` has as many again."""


@frozen_dataclass
class ChainElement:
    """One kind of element of a site's power chain, all of them alike.

    Attributes:
        element: what it is, such as `transformer`.
        unit: the unit of the whole numbers below: `W`, `VA` or `mA`.
        rating: what each carries continuously.
        needed: elements that carry the load, redundancy included.
        installed: elements that are there; as many as are needed where the description counts none.
        load: what they carry together, or what the fullest carries where each has a load of its own.
        each: what the fullest carries in the normal state.
        after_loss: what the fullest carries after the loss of one, or of a feed where that is worse.
        left: what the ratings leave after that loss; negative where they are overloaded.
        losses: watts that they turn into heat at this load.
        grade: how well the figure of the losses is known; empty where there is none.
        why: field to the rule and its inputs in words.
    """

    element: str
    unit: str
    rating: int
    needed: int
    installed: int
    load: int
    each: int
    after_loss: int
    left: int
    losses: int = 0
    grade: str = ""
    why: Mapping[str, str] = field(default_factory=dict)


def needed_for(load: int | Fraction, rating: int, redundancy: str) -> int:
    """Return the elements that carry a load with their redundancy.

    >>> needed_for(2_100, 1_000, "N+1"), needed_for(2_100, 1_000, "2N")
    (4, 6)
    """
    bare = max(ceil_div(load, rating), 1)
    return 2 * bare if redundancy == "2N" else bare + SPARE[redundancy]


def parallel(
    element: str,
    unit: str,
    rating: int,
    load: int | Fraction,
    redundancy: str,
    count: int | None,
    *,
    losses: int = 0,
    grade: str = "",
    why: Mapping[str, str],
) -> ChainElement:
    """Return elements that share a load evenly.

    Args:
        element: what they are.
        unit: the unit of rating and load.
        rating: what each carries.
        load: what they carry together.
        redundancy: elements beyond those that the load needs.
        count: elements installed; None where the description leaves it to the plan.
        losses: watts that they lose together.
        grade: how well the losses are known.
        why: the reasons, field to words.
    """
    needed = needed_for(load, rating, redundancy)
    installed = needed if count is None else count
    after = ceil_div(load, installed - 1) if installed > 1 else ceil_div(load, 1)
    bare = max(ceil_div(load, rating), 1)
    spare = needed - bare
    rule = f"{load_text(load, unit)} over {load_text(rating, unit)} each are {bare:,}"
    reasons = {"needed": f"{rule}; {redundancy} adds {spare:,}", **why}
    return ChainElement(
        element=element,
        unit=unit,
        rating=rating,
        needed=needed,
        installed=installed,
        load=ceil_div(load, 1),
        each=ceil_div(load, installed),
        after_loss=after,
        left=(installed - 1) * rating - ceil_div(load, 1),
        losses=losses,
        grade=grade,
        why=reasons,
    )


def load_text(amount: int | Fraction, unit: str) -> str:
    """Return an amount in its unit, with thousands separated: `1,250 kW`, `1,386 A`.

    >>> load_text(1_250_000, "VA"), load_text(1_386_000, "mA")
    ('1,250 kVA', '1,386 A')
    """
    name = "A" if unit == "mA" else f"k{unit}"
    number = float(amount) / 1000
    text = f"{number:,.1f}".removesuffix(".0")
    return f"{text} {name}"
