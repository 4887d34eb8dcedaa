"""`jobs`: what is refused without a cluster, and a job's life on a real control plane."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import orjson
import pytest
from typer.testing import CliRunner, Result

import sovereign_ai.operate
from sovereign_ai.cli import jobs as commands
from sovereign_ai.cli.main import app
from tests.life import Lab

LAB = str(Path(__file__).resolve().parents[2] / "stacks" / "lab")
IMAGE = "registry.example.com/ai/train@sha256:" + "1f" * 32
JOB = """
kind: TrainingJob
name: pretrain
tenant: research
pool: train
gpus: 64
model: {parameters: 70000000000, layers: 80, hidden: 8192, heads: 64, kv_heads: 8, feed_forward: 28672,
        gated: true, sequence: 8192, precision: bf16}
parallel: {tensor: 8, pipeline: 4, data: 2, sequence: true}
optimizer: {kind: adam, gradients: fp32, sharding: optimizer}
attention: fused
recompute: full
micro_batch: 1
checkpoint: {tier: scratch, interval: 30 min}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "job.yaml"
    file.write_text(JOB)
    return file


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["jobs", *map(str, arguments)])


def test_a_job_that_does_not_fit_is_not_submitted_and_says_why(file: Path) -> None:
    file.write_text(JOB.replace("gpus: 64", "gpus: 6400").replace("data: 2", "data: 200"))
    result = call("run", LAB, file, "--image", IMAGE)
    assert result.exit_code == 1
    assert result.stdout.startswith("TrainingJob pretrain: does not fit; it was not submitted")
    assert "servers of the pool: does not fit" in result.stdout


def test_a_job_of_which_too_little_is_known_is_not_submitted(file: Path) -> None:
    file.write_text(JOB.replace("recompute: full\n", ""))
    result = call("run", LAB, file, "--image", IMAGE, "--json")
    assert result.exit_code == 2
    assert orjson.loads(result.stdout)["verdict"] == "not known"


def test_an_image_that_a_rule_refuses_is_not_submitted(file: Path) -> None:
    result = call("run", LAB, file, "--image", "nginx", "--json")
    assert result.exit_code == 2
    problems = orjson.loads(result.stdout)["problems"]
    assert {problem["code"] for problem in problems} == {"IMG-001", "IMG-002"}
    # The message of a rule is the same in every factory; the registries that may be used are this one's.
    assert "`images.registries`: registry.example.com/ai" in problems[0]["hint"]


def test_a_command_that_cannot_be_read_is_refused(file: Path) -> None:
    result = call("run", LAB, file, "--image", IMAGE, "--command", "'a", "--json")
    assert result.exit_code == 2
    assert orjson.loads(result.stdout)["problems"][0]["code"] == "bad-command"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    made = Lab(tmp_path_factory.mktemp("jobs"))
    try:
        made.on_plane("up")
        yield made
    finally:
        made.end()


def jobs(lab: Lab, verb: str, *words: str, code: int = 0) -> dict[str, Any]:
    return lab.call("jobs", verb, str(lab.stack), *words, code=code)


@pytest.mark.cluster
def test_a_job_is_judged_submitted_listed_and_cancelled(lab: Lab, file: Path) -> None:
    (problem,) = jobs(lab, "run", str(file), "--image", IMAGE, code=3)["problems"]
    assert problem["code"] == "no-queue-controller"
    judged = jobs(lab, "run", str(file), "--image", IMAGE, "--dry-run", "--anyway")
    assert [obj["kind"] for obj in judged["objects"]] == ["Job"]
    assert "it waits until one does" in judged["notes"][-1]
    assert jobs(lab, "list")["work"] == []
    jobs(lab, "run", str(file), "--image", IMAGE, "--command", "python train.py", "--no-queue")
    (problem,) = jobs(lab, "run", str(file), "--image", IMAGE, "--no-queue", code=2)["problems"]
    assert problem["code"] == "work-exists"
    (work,) = jobs(lab, "list")["work"]
    assert (work["namespace"], work["name"], work["queue"]) == ("research", "pretrain", "train")
    assert work["state"] in {"starting", "running", "succeeded"}
    assert jobs(lab, "status", "research/pretrain")["name"] == "pretrain"
    assert not jobs(lab, "cancel", "pretrain", "--dry-run")["cancelled"]
    assert jobs(lab, "cancel", "pretrain")["cancelled"]
    (problem,) = jobs(lab, "status", "pretrian", code=2)["problems"]
    assert problem["code"] == "work-unknown"


def test_logs_of_simulated_machines_are_not_asked_of_a_kubelet(monkeypatch: pytest.MonkeyPatch) -> None:
    """KWOK has no kubelet: the API server's own words are of an address that nobody listens on."""
    annotations = {"kwok.x-k8s.io/node": "fake"}
    nodes = [
        {"metadata": {"name": "train-0001", "annotations": annotations}},
        {"metadata": {"name": "real-0001"}},
    ]
    asked: list[str] = []

    def read(_api: object, _namespace: str, pod: str, _lines: int) -> str:
        asked.append(pod)
        return "a line"

    pods = tuple(MagicMock(node=node) for node in ("train-0001", "real-0001"))
    pods[0].name, pods[1].name = "simulated", "real"
    work, api = MagicMock(pods=pods), MagicMock()
    api.list.return_value = nodes
    monkeypatch.setattr(commands, "_observe", lambda *_: ("lab", api, [work]))
    monkeypatch.setattr(sovereign_ai.operate, "find_work", lambda *_: work, raising=False)
    monkeypatch.setattr(sovereign_ai.operate, "read_log", read, raising=False)
    done = CliRunner().invoke(app, ["jobs", "logs", LAB, "pretrain"])
    assert (done.exit_code, asked) == (0, ["real"])
    assert done.stdout.splitlines() == [
        "real: a line",
        "simulated is on train-0001, a simulated machine, which runs no containers",
    ]
