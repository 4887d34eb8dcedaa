"""The operator's answers to SubjectAccessReviews: a yes, or a no that no other authorizer overrides.

Pure: the clock is an argument.

>>> from datetime import UTC
>>> asked = {"spec": {"user": "eve", "resourceAttributes": {}}}
>>> decide(asked, [], ListedApprovers("", {}), datetime(2026, 11, 24, tzinfo=UTC))
OperatorAnswer(honoured='', why='it is none of the questions of admission')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.operate.records import GrantRecord
from sovereign_ai.rules import ListedApprovers
from sovereign_ai.rules.waiver_review import BINDINGS, GROUP, REVIEW_USER, VERB, WAIVERS, answer

_FOREIGN = "it is none of the questions of admission"


@frozen_dataclass
class OperatorAnswer:
    """An answer.

    Attributes:
        honoured: the waiver or grant that counts; empty for no.
        why: the reason of a no.
    """

    honoured: str = ""
    why: str = ""

    def to_review(self) -> dict[str, Any]:
        """Return it as the API server expects it."""
        status = {
            "allowed": bool(self.honoured),
            # `denied` ends the review: without it, a right on everything would turn the no into a yes.
            "denied": not self.honoured,
            "reason": self.honoured or self.why,
        }
        return {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "status": status}


def decide(
    review: Mapping[str, Any], records: Iterable[GrantRecord], listed: ListedApprovers, now: datetime
) -> OperatorAnswer:
    """Answer a SubjectAccessReview of the API server; anything that is not understood is a no.

    Args:
        review: the request's body.
        records: the grants of break-glass access.
        listed: the approvers whose keys count.
        now: the current moment, UTC.
    """
    spec = review.get("spec")
    attributes = spec.get("resourceAttributes") if isinstance(spec, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(attributes, Mapping):
        return OperatorAnswer(why="it cannot be read")
    # Admission policies ask in the name of one user, about one group and verb, and never about a subresource.
    is_admissions = spec.get("user") == REVIEW_USER and attributes.get("group") == GROUP
    if not is_admissions or attributes.get("verb") != VERB or attributes.get("subresource"):
        return OperatorAnswer(why=_FOREIGN)
    text = attributes.get("name")
    if not isinstance(text, str):
        return OperatorAnswer(why="it asks about nothing")
    if attributes.get("resource") == WAIVERS:
        return OperatorAnswer(answer(text, listed, now.date()), "no waiver counts today")
    if attributes.get("resource") == BINDINGS:
        return OperatorAnswer(_open_grant(text, records, now), "no such grant is open")
    return OperatorAnswer(why=_FOREIGN)


def _open_grant(question: str, records: Iterable[GrantRecord], now: datetime) -> str:
    """Return the id of the open grant whose binding a query is about; empty if there is none."""
    for record in records:
        if record.is_active(now) and record.grant.question == question:
            return record.grant.id
    return ""
