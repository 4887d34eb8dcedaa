"""`preview`: what it refuses before the engine runs."""

from __future__ import annotations

from pathlib import Path

import pytest

STACKS = Path(__file__).resolve().parents[2] / "stacks"


def test_a_policy_pack_that_is_not_there_is_wrong_usage_before_anything_runs(tmp_path: Path) -> None:
    from sovereign_ai.deploy.engine import _require_pack
    from sovereign_ai.errors import UsageError

    with pytest.raises(UsageError, match="PulumiPolicy"):
        _require_pack(tmp_path)
    assert _require_pack(STACKS.parent / "policies" / "sovereign").is_absolute()
