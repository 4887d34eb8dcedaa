"""Waivers: short, agreed by another, for one thing, and never two for the same at once.

Whether one still counts today is judged elsewhere, with the time as an argument; here an expired
waiver is as good as any other, so that old records stay readable.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory

MOST_DAYS = 90
"""The longest life of a waiver."""


def check_waivers(factory: AIFactory) -> Iterator[Problem]:
    """Give waivers that nobody could honour."""
    same: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for index, waiver in enumerate(factory.waivers):
        days = (waiver.expires - waiver.created).days
        where = Where(field=f"waivers[{index}].expires")
        if days <= 0:
            yield Problem("bad-waiver", "it expires before it begins", where, f"write a day after {waiver.created}")
        if days > MOST_DAYS:
            yield Problem(
                "bad-waiver", f"it lasts {days} days; the most is {MOST_DAYS}", where, "write an earlier day, and renew it when it ends"
            )
        if waiver.approver.strip().casefold() == waiver.requester.strip().casefold():
            where = Where(field=f"waivers[{index}].approver")
            yield Problem("bad-waiver", "who asks cannot agree", where, "name another role that agreed")
        same[waiver.rule, waiver.resource].append(index)
    for indexes in same.values():
        indexes.sort(key=lambda index: (factory.waivers[index].created, index))
        for earlier, later in pairwise(indexes):
            if factory.waivers[later].created < factory.waivers[earlier].expires:
                message = f"it overlaps {factory.waivers[earlier].id!r}, which is for the same rule and resource"
                yield Problem("bad-waiver", message, Where(field=f"waivers[{later}]"), "let one end before the other begins, or keep one")
