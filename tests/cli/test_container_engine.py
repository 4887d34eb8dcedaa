"""`cluster engine`: the state of the container engine in words."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from sovereign_ai.cli.main import app
from sovereign_ai.toolchain.container_engine import daemon
from sovereign_ai.toolchain.container_engine.daemon import EngineState


@pytest.mark.parametrize(
    ("engine", "code", "text"),
    [
        (EngineState("", None, ()), 3, "no container engine answers"),
        (EngineState("28.1", None, ()), 0, "Docker 28.1"),
        (EngineState("28.1", 7, ()), 0, "started by sovereign-ai as process 7"),
        (EngineState("28.1", 7, ("sys_resource",)), 0, "through a runtime that does not request it"),
        (EngineState("28.1", None, ("sys_resource",)), 0, "nodes may not start in it"),
    ],
)
def test_an_engine_is_reported_with_what_the_computer_withholds(
    engine: EngineState, code: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "state", lambda: engine)
    result = CliRunner().invoke(app, ["cluster", "engine", "status"])
    assert result.exit_code == code
    assert text in " ".join(result.stdout.split())
