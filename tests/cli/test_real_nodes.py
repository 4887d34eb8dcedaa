"""The real nodes of a control plane."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from sovereign_ai.cli import real_nodes
from sovereign_ai.cli.output import Output
from sovereign_ai.cli.real_nodes import agent, start
from sovereign_ai.cli.stack import open_stack
from sovereign_ai.cluster import api
from sovereign_ai.cluster.backends import control_plane
from sovereign_ai.cluster.control_plane import Backend
from sovereign_ai.cluster.kind.machine_status import folder_of
from sovereign_ai.errors import EnvironmentLacksError
from sovereign_ai.names import KEYS, is_label
from tests.verify.in_memory import InMemoryApi

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


@pytest.mark.parametrize(
    ("labels", "before_deployment", "placed"),
    [
        ({f"{KEYS.domain}/zone": "open"}, True, []),
        ({f"{KEYS.domain}/zone": "open"}, False, ["lab"]),
        ({"kubernetes.io/hostname": "train-001"}, True, ["lab"]),
        ({}, False, ["lab"]),
    ],
    ids=["planned already", "without a deployment", "new", "new and without a deployment"],
)
def test_nodes_that_are_planned_machines_already_stay_as_they_are_until_the_deployment(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    labels: dict[str, str],
    before_deployment: bool,
    placed: list[str],
) -> None:
    live = InMemoryApi()
    for name, shown in (("train-001", {f"{KEYS.domain}/pool": "train"}), ("serve-001", labels)):
        live.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": shown}})
    monkeypatch.setattr(live, "close", lambda: None)
    running = MagicMock(machines={"train-001": "lab-worker", "serve-001": "lab-worker2"})
    running.name = "lab"
    plane = MagicMock(has_real_nodes=True)
    plane.up.return_value = running
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(api, "open_cluster", lambda *_args, **_options: live)
    seen = []
    monkeypatch.setattr(real_nodes, "place", lambda *args: seen.append(args[3].name))
    start(plane, open_stack(LAB), Output("up"), before_deployment=before_deployment)
    assert seen == placed
