"""Start and stop of the agent under its supervisor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sovereign_ai.cluster.state import write_json
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.sim.kubelet import account, run
from sovereign_ai.sim.kubelet.agent import STATUS
from sovereign_ai.sim.kubelet.run import start, stop
from tests.sim.kubelet.test_account import ADMINISTRATOR
from tests.sim.kubelet.test_agent import LAB, NAME


def test_an_agent_that_never_gets_ready_is_ended_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeconfig = tmp_path / "admin.kubeconfig"
    kubeconfig.write_text(json.dumps(account.kubeconfig(ADMINISTRATOR, "token")), encoding="utf-8")
    monkeypatch.setattr(account, "make", lambda *_args: None)
    with pytest.raises(EnvironmentLacksError, match="kubelets have no GPUs: their server ended 3 times"):
        start(tmp_path / "agent", LAB, "lab", kubeconfig, {NAME: "no-such-container"}, wait_seconds=300)
    assert not stop(tmp_path / "agent")
    assert "agent.kubeconfig" in (tmp_path / "agent" / "logs" / "gpu-agent.log").read_text(encoding="utf-8")


def test_workers_that_are_late_are_named(tmp_path: Path) -> None:
    write_json(tmp_path / STATUS, {"ready": {"train-002": False, "train-001": True}})
    with pytest.raises(EnvironmentLacksError, match="not ready after 0 s: train-002"):
        run._wait(tmp_path, 0)


def test_the_agent_gets_the_engines_variables_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/other.sock")
    monkeypatch.setenv("A_SECRET", "42")
    environment = run._environment()
    assert environment["DOCKER_HOST"] == "unix:///run/other.sock"
    assert "A_SECRET" not in environment


def test_an_agent_that_does_not_run_is_not_stopped(tmp_path: Path) -> None:
    assert not stop(tmp_path / "agent")
