"""Grants and planes for tests of the operator."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.state import Place
from sovereign_ai.operate.grants import Grant

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
GRANT = Grant(
    id="1f2e3d4c",
    person="on-call",
    approver="lead",
    reason="a job hangs",
    seat="DE",
    namespace="research",
    kind="shell",
    begins=NOW,
    ends=NOW + timedelta(hours=1),
)


def grant(**changes: Any) -> Grant:
    return replace(GRANT, **changes)


def plane(tmp_path: Path) -> Place:
    """A plane's folder, of which nothing runs."""
    where = Place("lab", tmp_path / "lab")
    where.make()
    return where
