"""`up`: the run of the engine in words, and what differs after it."""

from __future__ import annotations

import ast
import inspect
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest

import sovereign_ai.deploy
from sovereign_ai.cli import down, up
from sovereign_ai.cli.deployment import DeployOptions
from sovereign_ai.cli.up import _Deployment, _drifted, outcome_lines
from sovereign_ai.cluster.api.client import ApiError
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.deploy.changes import Changes
from sovereign_ai.deploy.engine.runs import PulumiOutcome
from sovereign_ai.errors import DeploymentError, EnvironmentLacksError, ExitCode, Problem
from sovereign_ai.verify.findings import failing

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


def test_who_may_not_read_pods_is_told_so_and_the_deployment_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ApiError(Problem("api-403", "pods is forbidden"), status=403, reason="Forbidden", causes=())
    monkeypatch.setattr("sovereign_ai.verify.find_failing", MagicMock(side_effect=refused), raising=False)
    output, lines = MagicMock(), list[str]()
    assert up._failing(output, MagicMock(), MagicMock(), MagicMock(), lines) == []
    assert lines == []
    assert "pods is forbidden" in output.progress.call_args[0][0]


STEPS = ("_checked", "try_deployment", "change_queueing", "_claim")


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
    monkeypatch.setattr(up, "try_deployment", step("try_deployment"))
    monkeypatch.setattr(_Deployment, "_claim", step("_claim"))
    monkeypatch.setattr(up, "change_queueing", step("change_queueing", answer=True))
    deployment = _Deployment(MagicMock(), MagicMock(), MagicMock(), MagicMock(), [], DeployOptions(), list)
    with pytest.raises(EnvironmentLacksError, match="somebody else's"):
        deployment.run()
    assert tuple(taken) == STEPS[: STEPS.index(refusing) + 1]


def test_every_write_of_an_up_comes_after_a_look_at_the_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that was stopped for long may have lost the stack: it must not write into another's work."""
    engine, target = MagicMock(), MagicMock()
    monkeypatch.setattr(sovereign_ai.deploy, "Engine", engine, raising=False)
    monkeypatch.setattr(_Deployment, "apply", lambda self, _engine: ({"target": self.target}, []))
    data, _ = _Deployment(MagicMock(), MagicMock(), MagicMock(), target, [], DeployOptions(), list).run()
    target.fenced.assert_called_once_with(engine.return_value.require_hold)
    assert data["target"] is target.fenced.return_value


@pytest.mark.parametrize("command", [up, down])
def test_nothing_is_written_past_the_fence_while_a_stack_is_held(command: ModuleType) -> None:
    """Each function that writes gets the cluster of the method, which is the fenced one."""
    tree = ast.parse(inspect.getsource(command))
    holders = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.With) and "hold(" in ast.unparse(node.items[0])
    ]
    assert len(holders) == 1
    text = ast.unparse(holders[0])
    assert "open_cluster" not in text
    assert "self.target.api" not in text
    if command is down:
        assert ast.unparse(holders[0].body[0]) == "target = target.fenced(engine.require_hold)"


@pytest.mark.parametrize("fails", ["before", "after", "never"])
def test_a_further_attempt_asks_what_was_not_asked_yet_and_nothing_twice(
    monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """A server that is too busy before the question has not heard the answer to it."""
    questions: list[str] = []
    attempts: list[int] = []

    def run(deployment: _Deployment) -> tuple[dict[str, Any], list[str]]:
        attempts.append(len(attempts))
        busy = DeploymentError(Problem("cluster-slow", "it took too long"))
        if fails == "before" and len(attempts) == 1:
            raise busy
        deployment.ask()
        if fails == "after" and len(attempts) == 1:
            raise busy
        return {"drift": []}, []

    options = DeployOptions()
    target = MagicMock(simulated=False, has_real_nodes=False)
    monkeypatch.setattr("sovereign_ai.cli.stack.open_stack", MagicMock())
    for name in ("gate", "ready"):
        monkeypatch.setattr(sovereign_ai.deploy, name, MagicMock(), raising=False)
    monkeypatch.setattr("sovereign_ai.cluster.require_reachable", MagicMock(), raising=False)
    monkeypatch.setattr("sovereign_ai.cluster.busy_cluster._pause", lambda _seconds: None)
    monkeypatch.setattr(up, "require_own_description", MagicMock())
    monkeypatch.setattr(up, "name_unplanned", lambda *_: ["west"])
    monkeypatch.setattr(up, "start_target", MagicMock(return_value=target))
    monkeypatch.setattr(up, "on_target", MagicMock(return_value=MagicMock(objects=[])))
    monkeypatch.setattr(up, "change_monitoring", MagicMock(return_value=""))
    monkeypatch.setattr(up, "begin_fair_sharing", MagicMock())
    monkeypatch.setattr(up, "confirm", lambda _target, verb, *_: questions.append(verb))
    monkeypatch.setattr(_Deployment, "run", run)
    does_not_run = failing("Deployment/monitoring/prometheus", "pod p does not run", "read its log")
    monkeypatch.setattr("sovereign_ai.verify.find_failing", lambda *_: (does_not_run,), raising=False)
    output = MagicMock()
    up._up(output, Path(), Backend.KUBECONFIG, Path(__file__), None, yes=False, deploy_options=options)
    assert len(attempts) == (1 if fails == "never" else 2)
    assert questions == ["deploy to"]
    data, lines = output.finish.call_args[0][:2]
    assert [finding["resource"] for finding in data["failing"]] == ["Deployment/monitoring/prometheus"]
    assert lines[:2] == [f"{does_not_run}", "    read its log"]
    # A factory that was renamed leaves what stands under its old name.
    assert data["unplanned"] == ["west"]
    assert any(line.startswith("stack west is deployed and not planned any more") for line in lines)
    assert output.finish.call_args[0][2] == ExitCode.OK
    if fails == "never":
        assert "failed_attempts" not in data
        assert not any("failed attempts" in line for line in lines)
    else:
        assert data["failed_attempts"] == ["it took too long; trying again in 5 s (2 of 3)"]
        assert "failed attempts before this one, whose changes are not counted: 1" in lines
