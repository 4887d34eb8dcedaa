"""Which deployed stacks a description leaves behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.deploy.removal.left_behind import unplanned_stacks

DEPLOYED = b'{"checkpoint": {"latest": {"resources": [{"type": "kubernetes:core/v1:Namespace"}]}}}'
REMOVED = b'{"checkpoint": {"latest": {"resources": []}}}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stack's folder."""
    made = tmp_path / "lab"
    made.mkdir()
    (made / "Pulumi.yaml").write_text("name: lab\nruntime: python\n")
    return made


def keep(state: Path, project: str, stack: str, content: bytes) -> None:
    """Write the checkpoint of a stack."""
    file = state / ".pulumi" / "stacks" / project / f"{stack}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def test_a_stack_under_the_former_name_of_the_factory_is_named(folder: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert unplanned_stacks(folder, state, ["other"]) == []
    keep(state, "lab", "lab", DEPLOYED)
    assert unplanned_stacks(folder, state, ["other"]) == ["lab"]


def test_stacks_that_are_planned_removed_or_of_another_project_are_not_named(
    folder: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    keep(state, "lab", "lab", DEPLOYED)
    keep(state, "lab", "gone", REMOVED)
    keep(state, "plural", "plural", DEPLOYED)
    assert unplanned_stacks(folder, state, ["lab"]) == []
