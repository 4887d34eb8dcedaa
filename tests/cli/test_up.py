"""`up`: the run of the engine in words, and what differs after it."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

import sovereign_ai.deploy
from sovereign_ai.cli import up
from sovereign_ai.cli.deployment import DeployOptions
from sovereign_ai.cli.up import _Deployment, _drifted, outcome_lines
from sovereign_ai.deploy.changes import Changes
from sovereign_ai.deploy.engine import PulumiOutcome
from sovereign_ai.errors import EnvironmentLacksError, Problem

ROLE, POLICY = "Role/research/admin", "ValidatingAdmissionPolicy/sovereign-pods"


def outcome(*steps: tuple[str, str]) -> PulumiOutcome:
    return PulumiOutcome("up", {"update": len(steps)} if steps else {}, 3, steps, Path("log"))


def test_a_run_is_reported_with_its_changes_and_its_log() -> None:
    assert outcome_lines(outcome()) == ["up: no changes; 3 unchanged", "log: log"]
    assert outcome_lines(outcome(("update", ROLE)))[0] == "up: 1 update; 3 unchanged"


def test_what_differed_and_was_no_step_of_the_engine_still_differs() -> None:
    changes = Changes(restore=(ROLE, POLICY))
    assert _drifted(changes, outcome(("update", ROLE)), leaves_drift=False) == {POLICY}
    assert _drifted(changes, outcome(), leaves_drift=False) == {ROLE, POLICY}


def test_where_drift_is_only_reported_policies_are_restored_nevertheless() -> None:
    assert _drifted(Changes(restore=(ROLE, POLICY)), outcome(), leaves_drift=True) == {POLICY}


STEPS = ("_checked", "_try_out", "change_queueing", "_claim")


@pytest.mark.parametrize("refusing", STEPS)
def test_kueue_is_changed_after_every_check_and_before_the_first_write(
    monkeypatch: pytest.MonkeyPatch, refusing: str
) -> None:
    """Whoever stops Kueue lets jobs run, so a refused deployment must not have stopped it."""
    taken: list[str] = []

    def step(name: str, answer: object = None) -> Any:
        def take(*_arguments: object, **_options: object) -> object:
            taken.append(name)
            if name == refusing:
                raise EnvironmentLacksError(Problem("refused", "somebody else's"))
            return answer

        return take

    engine = MagicMock()
    engine.return_value.hold.return_value = nullcontext()
    monkeypatch.setattr(sovereign_ai.deploy, "Engine", engine, raising=False)
    monkeypatch.setattr(sovereign_ai.deploy, "reading_of", MagicMock(), raising=False)
    monkeypatch.setattr(sovereign_ai.deploy, "reports_only", MagicMock(), raising=False)
    monkeypatch.setattr(_Deployment, "_checked", step("_checked", (MagicMock(), MagicMock(), MagicMock())))
    monkeypatch.setattr(_Deployment, "_try_out", step("_try_out"))
    monkeypatch.setattr(_Deployment, "_claim", step("_claim"))
    monkeypatch.setattr(up, "change_queueing", step("change_queueing", answer=True))
    deployment = _Deployment(MagicMock(), MagicMock(), MagicMock(), MagicMock(), [], DeployOptions())
    with pytest.raises(EnvironmentLacksError, match="somebody else's"):
        deployment.run(yes=True)
    assert tuple(taken) == STEPS[: STEPS.index(refusing) + 1]
