"""`why`: its text and exit codes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import sovereign_ai.verify
from sovereign_ai.cli import why
from sovereign_ai.cli.main import app
from sovereign_ai.verify.queue_change import Change
from sovereign_ai.verify.queue_reason import QueueReason
from sovereign_ai.verify.queue_state import QueueState

LAB = str(Path(__file__).resolve().parents[2] / "stacks" / "lab")
JOB = """
apiVersion: batch/v1
kind: Job
metadata: {name: a, namespace: research}
spec: {template: {spec: {containers: [{name: main}]}}}
"""


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["why", *arguments])


class Target:
    """A cluster that is never asked."""

    api = None


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that sets what the arithmetic answers."""

    def give(reason: QueueReason) -> None:
        monkeypatch.setattr(why, "open_target", lambda *_: Target())
        monkeypatch.setattr(sovereign_ai.verify, "observe_queues", lambda _: None, raising=False)
        monkeypatch.setattr(sovereign_ai.verify, "find_workload", lambda *_: {}, raising=False)
        monkeypatch.setattr(sovereign_ai.verify, "reason_of", lambda *_: reason, raising=False)
        monkeypatch.setattr(sovereign_ai.verify, "refusal_of", lambda *_: None, raising=False)

    return give


def test_a_waiting_workload_exits_with_1_and_names_the_change(answer: Any):
    change = Change("count", "main", "4")
    answer(QueueReason("research/a", "waits", "Pending", "no room", "over-quota", "it asks for 40", change))
    result = call(LAB, "research/a")
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "research/a waits: over-quota",
        "  it asks for 40",
        "  Kueue says Pending: no room",
        "  cheapest change: ask for 4 pods in main",
    ]


def test_a_running_workload_exits_with_0(answer: Any):
    answer(QueueReason("research/a", "runs", "Admitted", "", "admitted", "queue train"))
    assert call(LAB, "research/a").exit_code == 0


def test_a_job_that_would_fit_exits_with_0_and_one_that_would_not_with_1(answer: Any, tmp_path: Path):
    file = tmp_path / "job.yaml"
    file.write_text(JOB)
    answer(QueueReason("research/a", "waits", "", "", "fits", "it fits"))
    assert call(LAB, "--before", str(file)).exit_code == 0
    answer(QueueReason("research/a", "waits", "", "", "over-quota", "too large"))
    assert call(LAB, "--before", str(file)).exit_code == 1


@pytest.mark.parametrize("arguments", [(), ("research/a", "--before", "job.yaml")])
def test_one_workload_or_one_file_has_to_be_named(arguments: tuple[str, ...]):
    result = call(LAB, *arguments)
    assert result.exit_code == 2
    assert "name one workload, or one file with a job" in result.stderr


JOB_SET = """
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
metadata: {name: gpus}
spec: {}
---
apiVersion: jobset.x-k8s.io/v1alpha2
kind: JobSet
metadata: {name: a, namespace: research}
spec:
  replicatedJobs:
  - {name: node, template: {spec: {parallelism: 2, template: {spec: {containers: [{name: main}]}}}}}
"""
GROUP = """
apiVersion: leaderworkerset.x-k8s.io/v1
kind: LeaderWorkerSet
metadata: {name: a, namespace: research}
spec: {leaderWorkerTemplate: {size: 2, workerTemplate: {spec: {containers: [{name: main}]}}}}
"""


def test_a_job_that_the_cluster_would_refuse_exits_with_1_whatever_room_there_is(
    answer: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    file = tmp_path / "job.yaml"
    file.write_text(JOB)
    answer(QueueReason("research/a", "waits", "", "", "fits", "it fits"))
    refused = QueueReason("research/a", "waits", "", "", "refused", "the cluster would not take it: no")
    monkeypatch.setattr(sovereign_ai.verify, "refusal_of", lambda *_: refused, raising=False)
    result = call(LAB, "--before", str(file))
    assert result.exit_code == 1
    assert "refused" in result.stdout


@pytest.mark.parametrize("text", [JOB_SET, GROUP])
def test_a_job_set_and_a_leader_worker_set_are_asked_about(
    text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    file = tmp_path / "work.yaml"
    file.write_text(text)
    asked: list[Any] = []

    def reason(workload: Any, state: QueueState) -> QueueReason:
        asked.extend([workload, state])
        return QueueReason("research/a", "waits", "", "", "fits", "it fits")

    monkeypatch.setattr(why, "open_target", lambda *_: Target())
    monkeypatch.setattr(sovereign_ai.verify, "observe_queues", lambda _: QueueState(), raising=False)
    monkeypatch.setattr(sovereign_ai.verify, "reason_of", reason, raising=False)
    monkeypatch.setattr(sovereign_ai.verify, "refusal_of", lambda *_: None, raising=False)
    assert call(LAB, "--before", str(file)).exit_code == 0
    assert sum(each["count"] for each in asked[0]["spec"]["podSets"]) == 2
    namespaces = [each["metadata"]["namespace"] for each in asked[1].claim_templates]
    assert namespaces == (["research"] if text == JOB_SET else [])


@pytest.mark.parametrize(
    "broken",
    [
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
        JOB + "---" + JOB,
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {template: []}\n",
        JOB.replace("spec: {template", "spec: {parallelism: many, template"),
        JOB_SET.replace("template: {spec: {containers", "pods: {spec: {containers"),
        JOB_SET.replace("replicatedJobs:\n  -", "jobs:\n  -"),
        GROUP.replace("size: 2", "size: two"),
        GROUP.replace("workerTemplate", "worker"),
        JOB_SET.replace("parallelism: 2", "parallelism: many"),
    ],
)
def test_a_file_without_one_whole_piece_of_work_is_refused_before_a_cluster_is_asked(
    broken: str, tmp_path: Path
):
    file = tmp_path / "work.yaml"
    file.write_text(broken)
    result = call(LAB, "--before", str(file))
    assert result.exit_code == 2
    assert re.search("expected is one|found .*, expected |the field '[A-Za-z]+' is missing", result.stderr)


@pytest.mark.parametrize("kind", ["TrainingJob", "InferenceService"])
def test_a_description_of_work_is_told_from_an_object_with_what_to_ask_about(kind: str, tmp_path: Path):
    file = tmp_path / "job.yaml"
    file.write_text(f"# for the assessment\nkind: {kind}\nname: pretrain\n")
    result = call(LAB, "--before", str(file), "--json")
    assert result.exit_code == 2
    assert "--manifest" in result.stdout


def test_another_maker_s_kind_of_the_same_name_is_an_object(tmp_path: Path):
    file = tmp_path / "service.yaml"
    file.write_text("apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: a}\n")
    result = call(LAB, "--before", str(file))
    assert result.exit_code == 2
    assert "it holds InferenceService a of serving.kserve.io/v1beta1" in result.stderr
