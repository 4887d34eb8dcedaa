"""What a statement of break-glass access says, in the tests that sign one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sovereign_ai.operate.grants import USE_WITHIN, AccessGrant
from tests.support.approvals import approved_grant

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
_GRANT = AccessGrant(
    id="1f2e3d4c",
    person="on-call",
    approver="security-lead",
    reason="a job hangs",
    seat="DE",
    namespace="research",
    kind="look",
    begins=NOW,
    ends=NOW + timedelta(hours=1),
    factory="lab",
    cluster="lab",
    seconds="3600",
    use_before=(NOW + USE_WITHIN).isoformat(),
)


def facts(**changes: Any) -> dict[str, str]:
    """Return the facts of a grant with some of its own, agreed to by its approver as they then are."""
    return approved_grant(replace(_GRANT, **changes)).to_data()


def facts_at(begins: datetime, **changes: Any) -> dict[str, str]:
    """Return the facts of a grant of one hour."""
    times = {"begins": begins, "ends": begins + timedelta(hours=1), "use_before": begins.isoformat()}
    return facts(**times, **changes)


FACTS = facts()
