"""Grants and planes for tests of the operator."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.approvers import record_approvers
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.operate.grants import MOST, USE_WITHIN, AccessGrant
from sovereign_ai.spec import Approver
from tests.support.approvals import approved_grant, public_key_of

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
GRANT = approved_grant(
    AccessGrant(
        id="1f2e3d4c",
        person="on-call",
        approver="lead",
        reason="a job hangs",
        seat="DE",
        namespace="research",
        kind="shell",
        begins=NOW,
        ends=NOW + timedelta(hours=1),
        factory="lab",
        cluster="lab",
        seconds=str(int(MOST.total_seconds())),
        use_before=(NOW + USE_WITHIN).isoformat(),
    )
)


def grant(**changes: Any) -> AccessGrant:
    """A grant with some facts of its own, signed by its approver as it then is."""
    changed = replace(GRANT, **changes)
    return approved_grant(replace(changed, use_before=(changed.begins + USE_WITHIN).isoformat()))


def plane(tmp_path: Path) -> ClusterDir:
    """A plane's folder, of which nothing runs; the approvers of `grant` and of waivers are listed."""
    where = ClusterDir("lab", tmp_path / "lab")
    where.make()
    listed = [Approver(name=name, key=public_key_of(name)) for name in ("lead", "security officer")]
    record_approvers(where, "lab", listed)
    return where
