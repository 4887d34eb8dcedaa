"""What is known of a stack before its cluster is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.deploy.state.pulumi_environment import RECORDS, pulumi_state
from sovereign_ai.deploy.state.stack_context import context_of_program, context_of_stack
from tests.deploy.state.test_objects import below, resource, root


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv(RECORDS, raising=False)
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack" / "Pulumi.yaml").write_text("name: project\nruntime: python\n")
    return tmp_path / "stack"


def save(*resources: dict[str, Any], backend: Path | None = None) -> Path:
    backend = backend or pulumi_state()
    path = backend / ".pulumi" / "stacks" / "project" / "lab.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": 3, "checkpoint": {"latest": {"resources": resources}}}))
    return backend


def test_a_command_and_the_program_that_it_runs_know_the_same(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    backend = save(*below("main", resource("ConfigMap", "a")))
    command = context_of_stack(folder, "lab", "factory")
    assert command.deployment == "main", "the program calls it so"
    assert list(map(str, command.held or ())) == ["ConfigMap/a"]
    # The engine works on a copy of the state.
    copy = save(*below("main", resource("ConfigMap", "b")), backend=tmp_path / "copy")
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{copy}")
    monkeypatch.setenv(RECORDS, str(backend))
    program = context_of_program("organization", "project", "lab", "main")
    assert program.identity == command.identity
    assert list(map(str, program.held or ())) == ["ConfigMap/b"]


def test_a_plain_program_finds_the_record_beside_the_state_that_pulumi_uses(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{pulumi_state()}")
    plain = context_of_program("organization", "project", "lab", "lab")
    assert plain.held == {}
    assert plain.identity == context_of_stack(folder, "lab", "lab").identity


def test_of_a_state_elsewhere_nothing_is_known_but_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://bucket")
    found = context_of_program("organization", "project", "lab", "lab")
    assert found.held is None
    assert found.identity


@pytest.mark.parametrize(
    ("roots", "expected"),
    [
        ([], "factory"),
        ([root("main", "elsewhere")], "main"),
        ([root("main", "elsewhere"), root("second", "lab")], "second"),
        ([root("main", "lab"), root("factory", "elsewhere")], "factory"),
        ([root("main", "lab"), root("second", "lab")], "factory"),
    ],
    ids=["none", "one", "by cluster", "by name", "no telling"],
)
def test_a_command_means_the_deployment_of_its_factory_or_cluster(
    folder: Path, roots: list[dict[str, Any]], expected: str
) -> None:
    save(*roots)
    assert context_of_stack(folder, "lab", "factory").deployment == expected


def test_a_lost_record_is_made_again_with_the_uuid_that_the_objects_carry(folder: Path) -> None:
    save(*below("lab", resource("ConfigMap", "a", stack="known")))
    assert context_of_stack(folder, "lab", "lab").identity == "known"
