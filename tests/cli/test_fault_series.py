"""A replay of a file through the command: each fault is told, and a slow API server is told as one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Self

import pytest

from sovereign_ai.cli.fault_series import replay_faults, series_of
from sovereign_ai.cli.output import Output
from sovereign_ai.cluster import embedded
from sovereign_ai.sim.factory import simulate
from tests.sim.test_fault_replay import Versioned

LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"


class Slow:
    """Stands in for the process that makes a server slow."""

    asked: ClassVar[list[tuple[object, float]]] = []

    def __init__(self, cluster_dir: object, seconds: float) -> None:
        self.asked.append((cluster_dir, round(seconds)))

    def wait(self, stop: object) -> None:
        """Wait for nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind."""


def test_a_slow_server_of_a_file_is_that_of_the_control_plane_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(embedded, "SlowServer", Slow, raising=False)
    file = tmp_path / "faults.csv"
    rows = ["seconds,domain,unit,gpu,code,repair", "0,api-server,lab,,0,7200", "0,node,train-003,,0,60"]
    file.write_text("\n".join(rows) + "\n")
    series = series_of(LAB, None, None, 30.0, file)
    api = Versioned()
    simulate(api, series.stack.factory, series.stack.plan, "lab")
    target: Any = SimpleNamespace(api=api, control_plane=SimpleNamespace(cluster_dir=tmp_path))
    replay_faults(Output("repair inject"), series, target, 3_600.0)
    assert Slow.asked == [(tmp_path, 2)]
    said = capsys.readouterr()
    assert "api-server lab: its API server is slow for 2.0 s" in said.err + said.out
    assert "node train-003: reported by 1" in said.err + said.out
