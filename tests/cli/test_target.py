"""The cluster that a command works on, by its options."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from sovereign_ai.cli.main import app
from sovereign_ai.cli.target import target_options
from sovereign_ai.cluster.control_plane import Backend

STACKS = Path(__file__).resolve().parents[2] / "stacks"
LAB = str(STACKS / "lab")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_a_cluster_of_the_users_is_named_and_never_guessed(tmp_path: Path) -> None:
    missing = call("up", str(STACKS / "lab"), "--cluster", "kubeconfig")
    assert missing.exit_code == 2
    assert "--kubeconfig" in missing.stderr
    absent = call(
        "up", str(STACKS / "lab"), "--cluster", "kubeconfig", "--kubeconfig", str(tmp_path / "none")
    )
    assert absent.exit_code == 3


@pytest.mark.parametrize("command", ["up", "preview", "verify", "audit", "down", "env"])
@pytest.mark.parametrize("backend", ["embedded", "kind"])
def test_a_kubeconfig_of_the_user_s_is_never_used_as_a_local_control_plane(
    command: str, backend: str, tmp_path: Path
) -> None:
    (tmp_path / "config").touch()
    words = [command, str(LAB), "--cluster", backend, "--kubeconfig", str(tmp_path / "config"), "--json"]
    said = CliRunner().invoke(app, words, env={"XDG_STATE_HOME": str(tmp_path / "state")})
    (problem,) = orjson.loads(said.stdout)["problems"]
    assert (said.exit_code, problem["code"]) == (2, "which-cluster")
    assert "--cluster kubeconfig" in problem["hint"]
    assert not (tmp_path / "state").exists()


def test_what_is_next_means_the_same_cluster() -> None:
    assert target_options(Backend.EMBEDDED, None, None) == []
    assert target_options(Backend.KIND, None, "west") == ["--cluster", "kind", "--stack", "west"]
    assert target_options(Backend.KUBECONFIG, Path("k"), None) == [
        "--cluster",
        "kubeconfig",
        "--kubeconfig",
        "k",
    ]
