"""The real nodes of a control plane."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sovereign_ai.cli.output import Output
from sovereign_ai.cli.real_nodes import agent, start
from sovereign_ai.cli.stack import open_stack
from sovereign_ai.cluster.backends import control_plane
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.cluster.kind.machine_status import folder_of
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.names import is_label

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"


def test_without_root_no_kind_cluster_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(EnvironmentLacksError, match="root-needed"):
        start(control_plane(Backend.KIND, "lab"), open_stack(LAB), Output("up"))
    assert not list(tmp_path.iterdir())


def test_the_folder_of_the_kubelets_process_is_no_cluster_of_the_list(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = agent(control_plane(Backend.KIND, "lab"))
    assert folder.parent == folder_of("lab").folder.parent
    assert not is_label(folder.name)
