from __future__ import annotations

from pathlib import Path

import pytest

from sovereign_ai.cluster.lock import alone
from sovereign_ai.cluster.state import ClusterDir
from sovereign_ai.errors import EnvironmentLacksError


def test_a_second_command_waits_and_is_refused_while_the_first_holds_the_lock(tmp_path: Path) -> None:
    place = ClusterDir("lab", tmp_path / "root" / "lab")
    lines: list[str] = []
    with (
        alone(place, lines.append, 1),
        pytest.raises(EnvironmentLacksError, match="another command holds"),
        alone(place, lines.append, 0.1),
    ):
        raise AssertionError("the lock was given twice")
    assert lines == ["lab: waiting for another command"]


def test_the_lock_is_free_after_a_failed_command(tmp_path: Path) -> None:
    place = ClusterDir("lab", tmp_path / "root" / "lab")
    with pytest.raises(ValueError, match="failed"), alone(place, print, 1):
        raise ValueError("failed")
    with alone(place, print, 0.1):
        assert not place.folder.exists(), "the lock is beside the folder"
