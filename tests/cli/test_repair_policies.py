"""`repair status --policies`: what only a policy makes a fault is listed, as `repair run` repairs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from sovereign_ai.cli import repair
from sovereign_ai.cli.main import app
from sovereign_ai.cli.stack import open_stack
from tests.operate.repair.test_controller import Cluster

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"
POLICIES = "groups:\n  - name: canaries\n    nodes: [train-00?]\n    conditions: [FrequentKubeletRestart]\n"


class Reached:
    """A cluster in which two machines report that their kubelets restart again and again."""

    def __init__(self) -> None:
        self.api = Cluster()
        for name in ("train-003", "train-010"):
            condition = {"type": "FrequentKubeletRestart", "status": "True"}
            self.api.nodes[name]["status"]["conditions"].append(condition)


def status(*options: str) -> tuple[int, list[str]]:
    result = CliRunner().invoke(app, ["repair", "status", str(LAB), "--json", *options])
    document: dict[str, Any] = orjson.loads(result.stdout)
    return result.exit_code, [machine["machine"] for machine in document["machines"]]


def test_a_condition_of_a_policy_is_listed_for_the_machines_of_its_group_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(repair, "_open", lambda *_: (open_stack(LAB), "lab", Reached()))
    assert status() == (0, [])
    file = tmp_path / "policies.yaml"
    file.write_text(POLICIES)
    assert status("--policies", str(file)) == (1, ["train-003"])
