"""A stack whose state was moved is not begun anew where it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.deploy.state.files import StackFiles
from sovereign_ai.deploy.state.moved_state import moved_to, note_move, require_unmoved
from sovereign_ai.errors import EnvironmentLacksError


def test_a_stack_that_was_moved_names_where_and_how_to_go_on(tmp_path: Path) -> None:
    files = StackFiles(tmp_path, "lab", "lab", "stacks/lab")
    require_unmoved(files)
    assert moved_to(files) == ""
    files.records.mkdir(parents=True)
    note_move(files, "/srv/state")
    assert moved_to(files) == "/srv/state"
    with pytest.raises(EnvironmentLacksError, match="state-moved") as refused:
        require_unmoved(files)
    assert "XDG_STATE_HOME=/srv/state" in refused.value.problems[0].hint


def test_a_damaged_note_still_says_that_the_state_is_elsewhere(tmp_path: Path) -> None:
    files = StackFiles(tmp_path, "lab", "lab", "stacks/lab")
    files.records.mkdir(parents=True)
    files.moved.write_bytes(b"")
    with pytest.raises(EnvironmentLacksError, match="another place"):
        require_unmoved(files)
