"""A program's refusal reaches the command with its problems and their exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.cluster import is_busy
from sovereign_ai.cluster.api import UnreachableError
from sovereign_ai.deploy.components.rule_check import ViolationError
from sovereign_ai.deploy.engine.events import EngineEvents, failure
from sovereign_ai.deploy.refusal import REFUSAL_FILE, expect_refusal, note_refusal, read_refusal
from sovereign_ai.errors import (
    DeploymentError,
    EnvironmentLacksError,
    ExitCode,
    Problem,
    SovereignError,
    SpecError,
    UsageError,
    Where,
)

PROBLEM = Problem("deployed-twice", "both declare it", Where("factory.yaml", 3, 5, "pools[0]"), "rename one")


@pytest.mark.parametrize("kind", [UsageError, SpecError, ViolationError])
def test_bad_input_and_violations_keep_their_problems_and_their_exit_code(
    tmp_path: Path, kind: type[SovereignError]
) -> None:
    expect_refusal(tmp_path)
    note_refusal(f"file://{tmp_path}?no_tmp_dir=true", kind(PROBLEM))
    told = EngineEvents(failures=["FactoryDeployment lab: both declare it"], refused=read_refusal(tmp_path))
    error = failure("up", told, tmp_path / "log")
    assert (error.problems, error.exit_code) == ((PROBLEM,), kind.exit_code)


@pytest.mark.parametrize("kind", [DeploymentError, EnvironmentLacksError])
def test_what_lacks_on_the_way_to_the_cluster_is_told_from_the_engine(
    tmp_path: Path, kind: type[SovereignError]
) -> None:
    expect_refusal(tmp_path)
    note_refusal(f"file://{tmp_path}", kind(PROBLEM))
    assert read_refusal(tmp_path) is None
    assert failure("up", EngineEvents(failures=["x"]), tmp_path / "log").exit_code is ExitCode.DEPLOYMENT


def test_a_server_that_was_too_busy_for_the_program_is_asked_again_by_the_command(tmp_path: Path) -> None:
    expect_refusal(tmp_path)
    mute = "https://127.0.0.1:1 gave no answer: it accepts connections and does not answer"
    note_refusal(f"file://{tmp_path}", UnreachableError(Problem("cluster-unreachable", mute)))
    error = failure("up", EngineEvents(failures=["x"], refused=read_refusal(tmp_path)), tmp_path / "log")
    assert is_busy(error)
    assert error.exit_code is ExitCode.ENVIRONMENT
    expect_refusal(tmp_path)
    gone = "https://127.0.0.1:1 gave no answer: connection refused"
    note_refusal(f"file://{tmp_path}", UnreachableError(Problem("cluster-unreachable", gone)))
    assert read_refusal(tmp_path) is None


def test_a_refusal_of_an_earlier_run_is_forgotten(tmp_path: Path) -> None:
    expect_refusal(tmp_path)
    note_refusal(f"file://{tmp_path}", UsageError(PROBLEM))
    expect_refusal(tmp_path)
    assert read_refusal(tmp_path) is None


@pytest.mark.parametrize("backend", ["", "s3://bucket", "file:///nonexistent"])
def test_a_plain_pulumi_up_gets_no_note(backend: str) -> None:
    note_refusal(backend, UsageError(PROBLEM))


def test_a_backend_of_the_users_own_gets_no_file(tmp_path: Path) -> None:
    note_refusal(f"file://{tmp_path}", UsageError(PROBLEM))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "note", [b"{", b"[]", b'{"exit_code": 99, "problems": []}', b'{"exit_code": 2, "problems": []}']
)
def test_a_note_that_was_cut_short_is_none(tmp_path: Path, note: bytes) -> None:
    (tmp_path / REFUSAL_FILE).write_bytes(note)
    assert read_refusal(tmp_path) is None
