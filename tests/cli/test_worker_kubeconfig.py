"""`platform kubeconfig`: a file for its owner alone, and what to do with it; no token in any output."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from sovereign_ai import cluster
from sovereign_ai.cli import worker_kubeconfig
from sovereign_ai.cli.main import app
from sovereign_ai.cluster.worker_kubeconfig import WorkerKubeconfig
from tests.plan.multikueue import MANAGER, WORKER, two_sites, worker

TOKEN = "a-token-that-nobody-prints"  # noqa: S105 - not a password


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack with a worker, which gives a kubeconfig."""
    made = WorkerKubeconfig(TOKEN.encode(), "https://127.0.0.1:6443", "2026-11-30T03:00:00Z")
    target = SimpleNamespace(api=None, kubeconfig=tmp_path / "admin")
    monkeypatch.setattr(worker_kubeconfig, "open_deployed", lambda *_: target)
    monkeypatch.setattr(cluster, "make_worker_kubeconfig", lambda *_: made, raising=False)
    folder = tmp_path / "stack"
    folder.mkdir()
    _describe(folder, worker())
    return folder


def _describe(folder: Path, *workers: dict[str, Any], **more: Any) -> None:
    data = two_sites(*workers, **more).to_data()
    (folder / "factory.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")


def call(stack: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["platform", "kubeconfig", str(stack), *more])


def test_the_file_is_for_its_owner_alone_and_the_output_says_where_it_goes(stack: Path) -> None:
    file = stack / "worker"
    result = call(stack, "--stack", WORKER, "-o", str(file))
    assert result.exit_code == 0, result.output
    assert file.read_bytes() == TOKEN.encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    words = " ".join(result.output.replace("\\\n", " ").split())
    assert f"secret generic {WORKER} -n kueue-system --from-file=kubeconfig={file}" in words
    assert TOKEN not in result.output


def test_json_has_address_and_end_and_no_token(stack: Path) -> None:
    result = call(stack, "--stack", WORKER, "-o", str(stack / "worker"), "--json")
    data = json.loads(result.stdout)
    assert data["secret"] == f"kueue-system/{WORKER}"
    assert data["ends"] == "2026-11-30T03:00:00Z"
    assert TOKEN not in result.output


def test_there_is_none_for_a_cluster_that_no_work_is_sent_to(stack: Path) -> None:
    result = call(stack, "--stack", MANAGER, "-o", str(stack / "worker"))
    assert result.exit_code == 2
    assert f"no work is sent to '{MANAGER}'" in result.output
    assert WORKER in result.output
    _describe(stack, platform={"queueing": "kueue"})
    result = call(stack, "--stack", WORKER, "-o", str(stack / "worker"))
    assert result.exit_code == 2
    assert "list the cluster under 'platform.multikueue'" in result.output
    assert not (stack / "worker").exists()


@pytest.mark.parametrize("hours", ["0", "721"])
def test_it_lasts_hours_and_no_longer_than_a_month(stack: Path, hours: str) -> None:
    result = call(stack, "--stack", WORKER, "-o", str(stack / "worker"), "--hours", hours)
    assert result.exit_code == 2
