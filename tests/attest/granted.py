"""What a statement of break-glass access says, in the tests that sign one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from tests.operate.given import GRANT, NOW
from tests.support.approvals import approved_grant

__all__ = ["FACTS", "NOW", "facts", "facts_at"]
_GRANT = replace(GRANT, approver="security-lead", kind="look", seconds="3600")


def facts(**changes: Any) -> dict[str, str]:
    """Return the facts of a grant with some of its own, agreed to by its approver as they then are."""
    return approved_grant(replace(_GRANT, **changes)).to_data()


def facts_at(begins: datetime, **changes: Any) -> dict[str, str]:
    """Return the facts of a grant of one hour."""
    times = {"begins": begins, "ends": begins + timedelta(hours=1), "use_before": begins.isoformat()}
    return facts(**times, **changes)


FACTS = facts()
