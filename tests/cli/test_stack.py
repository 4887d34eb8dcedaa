"""Opening a stack: which of its clusters is meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.cli.stack import evidence_log_path, open_stack
from sovereign_ai.errors import SpecError

STACKS = Path(__file__).resolve().parents[2] / "stacks"


def test_the_only_cluster_needs_no_name_and_another_name_is_refused() -> None:
    stack = open_stack(STACKS / "lab")
    assert stack.cluster() == stack.cluster("lab") == "lab"
    with pytest.raises(SpecError, match="none is called"):
        stack.cluster("west")


def test_a_file_opens_the_stack_of_its_folder() -> None:
    stack = open_stack(STACKS / "lab" / "factory.yaml")
    assert stack.folder == (STACKS / "lab").resolve()


def test_the_log_is_the_named_file_or_the_factory_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert evidence_log_path(Path("x.jsonl"), "lab") == Path("x.jsonl")
    assert evidence_log_path(None, "lab") == tmp_path / "sovereign-ai" / "evidence" / "lab.jsonl"
