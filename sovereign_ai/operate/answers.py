"""The operator's answers: a review of access in, yes or a no that nobody overrules out. Pure: the clock is an argument.

>>> from datetime import UTC
>>> decide({"spec": {"user": "eve", "resourceAttributes": {}}}, [], datetime(2026, 11, 24, tzinfo=UTC))
Answer(honoured='', why='it is none of the questions of admission')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sovereign_ai.operate.records import Record
from sovereign_ai.rules.asked import ASKER, BINDINGS, GROUP, VERB, WAIVERS, answer


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered.

    Attributes:
        honoured: the waiver or grant that counts; empty for no.
        why: why not.
    """

    honoured: str = ""
    why: str = ""

    def to_review(self) -> dict[str, Any]:
        """Give it as the API server wants it; a no ends the asking, so that no right on everything turns it into a yes."""
        status = {"allowed": bool(self.honoured), "denied": not self.honoured, "reason": self.honoured or self.why}
        return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "status": status}


def decide(review: Mapping[str, Any], records: Iterable[Record], now: datetime) -> Answer:
    """Answer a SubjectAccessReview of the API server; whatever is not understood is a no.

    Args:
        review: the request's body.
        records: the grants of break-glass access.
        now: the moment that counts, UTC.
    """
    spec = review.get("spec")
    asked = spec.get("resourceAttributes") if isinstance(spec, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(asked, Mapping):
        return Answer(why="it cannot be read")
    if spec.get("user") != ASKER or asked.get("group") != GROUP or asked.get("verb") != VERB or asked.get("subresource"):
        return Answer(why="it is none of the questions of admission")
    text = asked.get("name")
    if not isinstance(text, str):
        return Answer(why="it asks about nothing")
    if asked.get("resource") == WAIVERS:
        return Answer(answer(text, now.date()), "no waiver counts today")
    if asked.get("resource") == BINDINGS:
        standing = next((one.grant.id for one in records if one.stands(now) and one.grant.question == text), "")
        return Answer(standing, "no such grant stands")
    return Answer(why="it is none of the questions of admission")
