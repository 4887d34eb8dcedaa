"""A sound waiver, and what a test changes in it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sovereign_ai.cli.waiver import sign_waiver
from sovereign_ai.spec.waiver import Waiver
from tests.support.approvals import key_of

TODAY = date(2026, 11, 24)


def waiver(**changes: Any) -> Waiver:
    """A sound waiver of the factory `lab`, signed by its approver.

    `model_construct` lets a test break what the description's own checks refuse.
    """
    values: dict[str, Any] = {
        "id": "w1",
        "rule": "PRV-001",
        "resource": "Pod/research/job",
        "reason": "a driver under test",
        "owner": "head of platform",
        "requester": "research lead",
        "approver": "security officer",
        "compensating_control": "a machine of its own",
        "created": TODAY - timedelta(days=1),
        "expires": TODAY + timedelta(days=30),
    }
    made = Waiver.model_construct(None, **{**values, **changes})
    if "signature" in changes:
        return made
    return made.model_copy(update={"signature": sign_waiver(made, "lab", key_of(made.approver))})
