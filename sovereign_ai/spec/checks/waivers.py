"""Waivers: short, approved by somebody else, for one resource, and never two for the same at one time.

Whether a waiver still counts today is decided elsewhere, with the time as an argument. Here an expired waiver
is as good as any other, so that old records stay readable.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from sovereign_ai.errors import Problem, Where
from sovereign_ai.names import normal_name
from sovereign_ai.text import counted

if TYPE_CHECKING:
    from sovereign_ai.spec.factory import AIFactory

MOST_DAYS = 90
"""The longest life of a waiver."""
_DER_BYTES, _POINT_BYTES = 44, 32
"""An Ed25519 key in DER, which ends with the point."""
_WEAK = frozenset(
    bytes.fromhex(point)
    for point in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)
"""Every encoding of a point of small order on Ed25519's curve, without the bit of its sign.

For such a key a signature that fits a text is found by a few guesses (Chalkias, Garillot, Nikolaenko: Taming
the many EdDSAs, 2020), and RFC 8032 does not have verifiers refuse it.
"""


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
    """Refuse approvers that share a name or a key: they could approve their own requests.

    A key is compared by its bytes, since base64 has four spellings of each.
    """
    for field in ("name", "key"):
        first: dict[str | bytes, int] = {}
        for index, approver in enumerate(factory.approvers):
            value: str | bytes = normal_name(approver.name)
            if field == "key":
                value = _bytes_of(approver.key)
                if _is_weak(value):
                    message = "everybody can sign for this key: it is no point of full order"
                    hint = "have the approver make one: openssl genpkey -algorithm ed25519"
                    yield Problem("bad-approver", message, Where(field=f"approvers[{index}].key"), hint)
            if value and value in first:
                message = f"it has the same {field} as approver {factory.approvers[first[value]].name!r}"
                hint = "give each approver a key of its own" if field == "key" else "list each approver once"
                yield Problem("bad-approver", message, Where(field=f"approvers[{index}].{field}"), hint)
            first.setdefault(value, index)


def _bytes_of(key: str) -> bytes:
    """Return a key's bytes; none where it is no base64, or left out, which the reader of fields reports."""
    try:
        return base64.b64decode(key, validate=True)
    except (ValueError, TypeError):
        return b""


def _is_weak(key: bytes) -> bool:
    """Return whether a key in DER is a point of small order."""
    if len(key) != _DER_BYTES:
        return False
    point = key[-_POINT_BYTES:]
    return point[:-1] + bytes([point[-1] & 0x7F]) in _WEAK
