"""Waivers: short, approved by somebody else, for one resource, and never two for the same at one time.

Whether a waiver still counts today is decided elsewhere, with the time as an argument. Here an expired waiver
is as good as any other, so that old records stay readable.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where
from sovereign_ai.key_material import NEW_KEY, RefusedKeyError, ed25519_key
from sovereign_ai.names import normal_name
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory

MOST_DAYS = 90
"""The longest life of a waiver."""


def check_waivers(factory: AIFactory) -> Iterator[Problem]:
    """Refuse waivers that cannot be honoured."""
    same: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for index, waiver in enumerate(factory.waivers):
        days = (waiver.expires - waiver.created).days
        where = Where(field=f"waivers[{index}].expires")
        if days <= 0:
            hint = f"write a day after {waiver.created}"
            yield Problem("bad-waiver", "it expires before it begins", where, hint)
        if days > MOST_DAYS:
            message = f"it lasts {counted(days, 'day')}; the most is {MOST_DAYS}"
            yield Problem("bad-waiver", message, where, "write an earlier day, and renew it when it ends")
        # Names are compared in their normal form: `Jane Doe` and `jane  doe` are one person.
        if normal_name(waiver.approver) == normal_name(waiver.requester):
            where = Where(field=f"waivers[{index}].approver")
            yield Problem(
                "bad-waiver", "the requester cannot approve it", where, "name another role that approved it"
            )
        same[waiver.rule, waiver.resource].append(index)
    for indexes in same.values():
        yield from _overlaps(factory, indexes)


def _overlaps(factory: AIFactory, indexes: list[int]) -> Iterator[Problem]:
    """Refuse waivers of one rule and resource that count at the same time."""
    indexes.sort(key=lambda index: (factory.waivers[index].created, index))
    for earlier, later in pairwise(indexes):
        first = factory.waivers[earlier]
        if factory.waivers[later].created < first.expires:
            message = f"it overlaps {first.id!r}, which is for the same rule and resource"
            hint = "let one end before the other begins, or keep one"
            yield Problem("bad-waiver", message, Where(field=f"waivers[{later}]"), hint)


def check_approvers(factory: AIFactory) -> Iterator[Problem]:
    """Refuse keys that more than one can sign for, and approvers that share a name or a key.

    Two such approvers could approve each other's requests as one person.
    """
    names: dict[str, str] = {}
    keys: dict[str, str] = {}
    for index, approver in enumerate(factory.approvers):
        field = f"approvers[{index}]"
        name = normal_name(approver.name)
        if name and name in names:
            message = f"it has the same name as approver {names[name]!r}"
            yield Problem("bad-approver", message, Where(field=f"{field}.name"), "list each approver once")
        names.setdefault(name, approver.name)
        # A key that is left out, or of another form, the reader of fields reports.
        if not approver.key:
            continue
        where = Where(field=f"{field}.key")
        try:
            ed25519_key(approver.key)
        except RefusedKeyError as error:
            hint = f"have the approver make one: {NEW_KEY}"
            yield Problem("bad-approver", str(error), where, hint)
            continue
        # A key has one text only: `ed25519_key` refuses every other.
        if approver.key in keys:
            message = f"it has the same key as approver {keys[approver.key]!r}"
            yield Problem("bad-approver", message, where, "give each approver a key of its own")
        keys.setdefault(approver.key, approver.name)
