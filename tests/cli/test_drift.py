"""`drift`: its text and exit code."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest
from typer.testing import CliRunner

from sovereign_ai.cli import drift
from sovereign_ai.cli.main import app
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.names import KEYS
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


@pytest.mark.parametrize(("held", "is_marked"), [({}, False), ({"an object": "its URN"}, True), (None, True)])
def test_drift_without_a_state_leaves_the_stacks_identity_out_and_makes_none(
    held: dict[str, str] | None, is_marked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[dict[str, Any]] = []
    stack = MagicMock(held=held, identity="uuid") if is_marked else SimpleNamespace(held=held)
    monkeypatch.setattr(drift, "open_deployed", MagicMock())
    monkeypatch.setattr("sovereign_ai.cli.deployment.on_target", lambda _output, bundle, _target: bundle)
    monkeypatch.setattr("sovereign_ai.cli.deployment.deployment_of", lambda *_: SimpleNamespace(stack=stack))
    monkeypatch.setattr(
        "sovereign_ai.verify.observe", lambda *_: MagicMock(observed_at=datetime.now(UTC)), raising=False
    )

    def find_drift(_observed: object, objects: tuple[dict[str, Any], ...]) -> tuple[Drift, ...]:
        compared.extend(objects)
        return ()

    monkeypatch.setattr("sovereign_ai.verify.find_drift", find_drift, raising=False)
    drift.drift_of(MagicMock(), Path("stacks/lab"), Backend.EMBEDDED, None, None)
    assert {KEYS.stack in obj["metadata"]["labels"] for obj in compared} == {is_marked}
