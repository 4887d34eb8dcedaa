"""What a statement of break-glass access says, in the tests that sign one."""

from __future__ import annotations

from datetime import UTC, datetime

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
FACTS = {
    "id": "1f2e3d4c",
    "person": "on-call",
    "approver": "security-lead",
    "reason": "a job hangs",
    "seat": "DE",
    "namespace": "research",
    "kind": "look",
    "begins": "2026-11-24T12:00:00+00:00",
    "ends": "2026-11-24T13:00:00+00:00",
}
