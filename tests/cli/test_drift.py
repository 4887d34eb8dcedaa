"""`drift`: its text and exit code."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from sovereign_ai.cli import drift
from sovereign_ai.cli.main import app
from sovereign_ai.verify.drift import Drift

CHANGE = Drift("changed", "Role/research/admin", "rules", [], [1], "eve", "2026-11-26T10:00:00Z")


@pytest.mark.parametrize(
    ("policy", "option"), [("restore", "up stacks/lab"), ("report", "up stacks/lab --restore")]
)
def test_drift_exits_with_1_and_names_the_next_step(
    policy: str, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = drift.DriftCheck("lab", policy, (CHANGE,), 3, datetime.now(UTC))
    monkeypatch.setattr(drift, "drift_of", lambda *_: check)
    result = CliRunner().invoke(app, ["drift", "stacks/lab"])
    assert result.exit_code == 1
    assert "lab: 1 difference in 3 objects" in result.stdout
    assert result.stdout.splitlines()[-1] == f"next: sovereign-ai {option}"


def test_without_drift_the_cluster_is_as_described(monkeypatch: pytest.MonkeyPatch) -> None:
    check = drift.DriftCheck("lab", "restore", (), 3, datetime.now(UTC))
    monkeypatch.setattr(drift, "drift_of", lambda *_: check)
    result = CliRunner().invoke(app, ["drift", "stacks/lab"])
    assert (result.exit_code, result.stdout) == (0, "lab: as described\n")
