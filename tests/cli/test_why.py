"""`why`: its text and exit codes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

import sovereign_ai.operate
import sovereign_ai.verify
from sovereign_ai.cli import why
from sovereign_ai.cli.main import app
from sovereign_ai.cluster.api import Api, Resource
from sovereign_ai.operate import ServedWork
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


class Served(Api):
    """A cluster without queues that takes whatever is tried, and answers nothing else."""

    def create(self, obj: Any, dry_run: bool = False, *, upsert: bool = False) -> dict[str, Any]:  # noqa: ARG002
        assert dry_run
        return dict(obj)

    def kinds(self) -> tuple[Resource, ...]:
        return ()

    def list(self, *_: Any, **__: Any) -> list[dict[str, Any]]:
        return []


class Target:
    """Where the cluster is."""

    api = Served.__new__(Served)


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that sets what the arithmetic answers."""

    def give(*reasons: QueueReason) -> None:
        monkeypatch.setattr(why, "open_deployed", lambda *_: Target())
        monkeypatch.setattr(sovereign_ai.verify, "observe_queues", lambda *_: QueueState(), raising=False)
        monkeypatch.setattr(sovereign_ai.verify, "find_workload", lambda *_: {}, raising=False)
        monkeypatch.setattr(sovereign_ai.verify, "reason_of", lambda *_: reasons[0], raising=False)
        monkeypatch.setattr(sovereign_ai.verify, "reasons_of", lambda *_: [*reasons], raising=False)

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


def test_a_long_reason_keeps_to_80_columns(answer: Any) -> None:
    reason = "it asks for 64 of nvidia.com/gpu, and flavor train.restricted has 32 free of 96: 32 are missing"
    change = Change("wait", "research/job-pretrain-6effe", "")
    answer(QueueReason("research/a", "waits", "Pending", "no room " * 20, "waits-for-quota", reason, change))
    assert max(map(len, call(LAB, "research/a").stdout.splitlines())) <= 80


def test_a_running_workload_exits_with_0(answer: Any):
    answer(QueueReason("research/a", "runs", "Admitted", "", "admitted", "queue train"))
    assert call(LAB, "research/a").exit_code == 0


def test_a_job_that_would_fit_exits_with_0_and_one_that_would_not_with_1(answer: Any, tmp_path: Path):
    file = tmp_path / "job.yaml"
    file.write_text(JOB)
    answer(QueueReason("research/a", "waits", "", "", "fits", "it fits"))
    fits = call(LAB, "--before", str(file))
    assert (fits.exit_code, fits.stdout.splitlines()[0]) == (0, "research/a fits")
    answer(QueueReason("research/a", "waits", "", "", "over-quota", "too large"))
    waits = call(LAB, "--before", str(file))
    assert (waits.exit_code, waits.stdout.splitlines()[0]) == (1, "research/a would wait: over-quota")


@pytest.mark.parametrize("is_before", [True, False])
def test_it_counts_by_the_strategies_of_the_description(
    answer: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_before: bool
) -> None:
    seen: list[object] = []

    def observe(_api: object, strategies: object) -> QueueState:
        seen.append(strategies)
        return QueueState()

    answer(QueueReason("research/a", "runs", "Admitted", "", "fits", "queue train"))
    monkeypatch.setattr(sovereign_ai.verify, "observe_queues", observe, raising=False)
    folder = tmp_path / "lab"
    folder.mkdir()
    text = (Path(LAB) / "factory.yaml").read_text()
    lent = text.replace("tenants: [research]", "tenants: [research]\n    idle_quota: lent")
    shared = "\nplatform: {queueing: kueue, fair_sharing: [LessThanInitialShare]}\n"
    (folder / "factory.yaml").write_text(lent + shared)
    file = tmp_path / "job.yaml"
    file.write_text(JOB)
    assert call(str(folder), *(("--before", str(file)) if is_before else ("research/a",))).exit_code == 0
    assert seen == [("LessThanInitialShare",)]


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


def test_a_job_that_the_cluster_would_refuse_exits_with_1_whatever_room_there_is(answer: Any, tmp_path: Path):
    file = tmp_path / "job.yaml"
    file.write_text(JOB)
    answer(QueueReason("research/a", "waits", "", "", "refused", "the cluster would not take it: no"))
    result = call(LAB, "--before", str(file))
    assert result.exit_code == 1
    assert "refused" in result.stdout


FITS = QueueReason("research/a", "waits", "", "", "fits", "it fits")
SERVICE = "---\napiVersion: v1\nkind: Service\nmetadata: {name: chat}\n"


def test_of_several_pieces_each_has_its_line_and_one_that_waits_is_a_finding(answer: Any, tmp_path: Path):
    file = tmp_path / "work.yaml"
    file.write_text(JOB + "---" + JOB.replace("name: a,", "name: b,") + SERVICE)
    waits = QueueReason("research/b", "waits", "", "", "over-quota", "it asks for 40")
    answer(FITS, waits)
    result = call(LAB, "--before", str(file), "--json")
    assert result.exit_code == 1
    data = orjson.loads(result.stdout)
    assert [each["code"] for each in data["work"]] == ["fits", "over-quota"]
    assert "Service chat of v1" in data["notes"][0]


@pytest.mark.parametrize("text", [JOB_SET, GROUP])
def test_a_job_set_and_a_leader_worker_set_are_asked_about(
    text: str, answer: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    file = tmp_path / "work.yaml"
    file.write_text(text)
    asked: list[Any] = []

    def reasons(pieces: Any, state: QueueState) -> list[QueueReason]:
        asked.extend([*pieces, state])
        return [FITS]

    answer(FITS)
    monkeypatch.setattr(sovereign_ai.verify, "reasons_of", reasons, raising=False)
    result = call(LAB, "--before", str(file), "--json")
    assert result.exit_code == 0, result.stdout
    (workload,) = asked[0].workloads
    assert sum(each["count"] for each in workload["spec"]["podSets"]) == 2
    namespaces = [each["metadata"]["namespace"] for each in asked[1].claim_templates]
    assert namespaces == (["research"] if text == JOB_SET else [])


@pytest.mark.parametrize(
    ("text", "pods"),
    [
        ("kind: TrainingJob\nname: tune\ntenant: research\npool: train\nnodes: 3\n", 3),
        ("kind: InferenceService\nname: chat\ntenant: startups\npool: serve\nreplicas: 2\ntensor: 16\n", 2),
    ],
)
def test_a_description_of_work_is_asked_about_as_jobs_run_would_submit_it(
    text: str, pods: int, answer: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    file = tmp_path / "job.yaml"
    file.write_text(f"# for the assessment\n{text}")
    resource = Resource("batch/v1", "Job", "jobs", namespaced=True, verbs=(), subresources=())
    served = ServedWork({"Job": resource}, is_queued=True, has_controller=True)
    asked: list[Any] = []
    answer(FITS)
    monkeypatch.setattr(sovereign_ai.operate, "served_work", lambda _: served, raising=False)
    monkeypatch.setattr(Served, "create", held)
    monkeypatch.setattr(
        sovereign_ai.verify, "reasons_of", lambda pieces, _: asked.extend(pieces) or [FITS], raising=False
    )
    result = call(LAB, "--before", str(file), "--json")
    assert result.exit_code == 0, result.stdout
    for piece in asked:
        assert piece.problem == ""
        (workload,) = piece.workloads
        assert [each["count"] for each in workload["spec"]["podSets"]] == [pods]


def held(_: Served, obj: Any, dry_run: bool = False) -> dict[str, Any]:
    """Answer as Kueue's webhook does."""
    assert dry_run
    return {**obj, "spec": {**obj["spec"], "suspend": True}}


def test_a_wrong_field_of_a_description_is_named_with_its_line(tmp_path: Path):
    file = tmp_path / "job.yaml"
    file.write_text("kind: TrainingJob\nname: tune\ntenant: research\npool: trian\nnodes: 3\n")
    result = call(LAB, "--before", str(file))
    assert result.exit_code == 2
    assert "job.yaml:4:7" in result.stderr
    assert "did you mean 'train'?" in result.stderr


@pytest.mark.parametrize(
    "broken",
    [
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n",
        JOB + "---" + JOB.replace("kind: Job", "kind: Jop"),
        "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {template: []}\n",
        JOB.replace("spec: {template", "spec: {parallelism: many, template"),
        JOB_SET.replace("template: {spec: {containers", "pods: {spec: {containers"),
        JOB_SET.replace("replicatedJobs:\n  -", "jobs:\n  -"),
        GROUP.replace("size: 2", "size: two"),
        GROUP.replace("workerTemplate", "worker"),
        JOB_SET.replace("parallelism: 2", "parallelism: many"),
    ],
)
def test_a_file_without_whole_work_is_refused_before_a_cluster_is_asked(broken: str, tmp_path: Path):
    file = tmp_path / "work.yaml"
    file.write_text(broken)
    result = call(LAB, "--before", str(file))
    assert result.exit_code == 2
    assert re.search("expected is|found .*, expected |the field '[A-Za-z]+' is missing", result.stderr)


def test_another_maker_s_kind_of_the_same_name_is_an_object(tmp_path: Path):
    file = tmp_path / "service.yaml"
    file.write_text("apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: a}\n")
    result = call(LAB, "--before", str(file))
    assert result.exit_code == 2
    assert "it holds InferenceService a of serving.kserve.io/v1beta1" in result.stderr
