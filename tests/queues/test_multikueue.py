"""Two control planes: the Kueue of one sends a job to the other, where it runs on simulated machines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from sovereign_ai.assess.fit import TrainingJob, manifests
from sovereign_ai.cluster.api.client import Api, ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.cluster.worker_kubeconfig import make_worker_kubeconfig
from sovereign_ai.deploy.enforcement import enforce
from sovereign_ai.operate import submit, with_simulated_duration
from sovereign_ai.plan import Plan
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.sim.factory import simulate
from sovereign_ai.spec import AIFactory
from sovereign_ai.verify import find_workload, observe_queues, reason_of, verify
from sovereign_ai.verify.queue_state import is_true
from tests.plan.multikueue import MANAGER, WORKER, two_sites, worker
from tests.queues.test_pending import KUEUE, until
from tests.rules.subject import pod

pytestmark = pytest.mark.queues

MULTIKUEUE = "kueue.x-k8s.io/multikueue"
PARAMETERS = {"apiGroup": "kueue.x-k8s.io", "kind": "MultiKueueConfig", "name": "abroad"}
SPACE = "kubernetes.io/metadata.name"
PLATFORM = {"queueing": "kueue", "jobs": ["jobset", "trainer"], "multikueue": [worker()]}
TRAIN_JOB = ("trainer.kubeflow.org/v1alpha1", "TrainJob")
JOB_SET = ("jobset.x-k8s.io/v1alpha2", "JobSet")
IMAGE = f"registry.example.com/ai/train@sha256:{'a' * 64}"
ENDS_AFTER = {"sovereign-ai.internal/simulated-duration": "3s"}


@dataclass(frozen=True)
class Pair:
    """Manager and worker, deployed."""

    manager: Api
    worker: Api
    worker_kubeconfig: Path
    factory: AIFactory
    plan: Plan


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Start both planes, and deploy each one's own objects and machines."""
    root = tmp_path_factory.mktemp("clusters")
    factory = two_sites(platform=PLATFORM)
    derived = plan(factory)
    apis = {}
    kubeconfigs = {}
    try:
        for name in (WORKER, MANAGER):
            made = up(
                name,
                root=root,
                queueing=True,
                multikueue=name == MANAGER,
                workload_controllers=PLATFORM["jobs"],
                wait_seconds=300,
            )
            kubeconfigs[name], apis[name] = made.kubeconfig, open_cluster(made.kubeconfig)
            objects = render(factory, derived, name).objects
            for obj in objects:
                until(partial(_applied, apis[name], obj), 1800)
            enforce(apis[name], objects, lambda _line: None, wait_seconds=900)
            simulate(apis[name], factory, derived, name)
        yield Pair(apis[MANAGER], apis[WORKER], kubeconfigs[WORKER], factory, derived)
    finally:
        for name in (MANAGER, WORKER):
            down(name, root=root)


def _applied(api: Api, obj: dict[str, Any]) -> bool:
    """Apply an object; False where a busy server took too long over a large policy."""
    try:
        api.apply(obj)
    except UnreachableError:
        return False
    return True


def job(name: str, namespace: str, queue: str, **spec: Any) -> dict[str, Any]:
    """A job of two pods of eight GPUs that asks for one rack."""
    made = pod()["spec"] | {"restartPolicy": "Never"}
    made["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": "8"}}
    template = {"metadata": {"annotations": ENDS_AFTER}, "spec": made}
    metadata = {"name": name, "namespace": namespace, "labels": {"kueue.x-k8s.io/queue-name": queue}}
    body = {"parallelism": 2, "completions": 2, "suspend": True, "template": template, **spec}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": body}


def connected(api: Api) -> bool:
    live = api.get(KUEUE, "MultiKueueCluster", WORKER) or {}
    return is_true((live.get("status") or {}).get("conditions"), "Active")


def findings(pair: Pair, api: Api, cluster: str) -> list[str]:
    bundle = render(pair.factory, pair.plan, cluster)
    verdict = verify(api, pair.factory, pair.plan, bundle, cluster=cluster, probes=False)
    return [str(finding) for finding in verdict.findings]


def secret(content: bytes) -> dict[str, Any]:
    metadata = {"name": WORKER, "namespace": "kueue-system"}
    body = {"stringData": {"kubeconfig": content.decode()}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **body}


def why(pair: Pair, name: str) -> Any:
    state = observe_queues(pair.manager)
    return reason_of(find_workload(state, name), state)


def test_without_a_kubeconfig_nothing_is_sent_and_verify_and_why_say_so_in_kueues_words(pair: Pair) -> None:
    assert findings(pair, pair.worker, WORKER) == []
    [found] = until(
        lambda: [line for line in findings(pair, pair.manager, MANAGER) if "BadKubeConfig" in line]
    )
    assert f"changed MultiKueueCluster/{WORKER}: no work is sent" in found
    pair.manager.create(job("early", "t", "there"))
    until(lambda: pair.manager.list(KUEUE, "Workload", "t"))
    reason = until(lambda: _said(why(pair, "t/early"), "inactive-queue"))
    assert f"admission check there: Inactive clusters: [{WORKER}]" in reason.message


def _said(reason: Any, code: str) -> Any:
    return reason if reason.code == code else None


def test_no_kubeconfig_for_another_cluster_is_admitted(pair: Pair) -> None:
    made = make_worker_kubeconfig(pair.worker, pair.worker_kubeconfig, WORKER, None, 1)
    for content in (
        made.content.replace(b"127.0.0.1", b"192.0.2.10"),
        made.content[:-1] + b',"clusters":[{"name":"worker","cluster":{"server":"https://192.0.2.10"}}]}',
        orjson.dumps(orjson.loads(made.content)),
    ):
        with pytest.raises(ApiError, match="PLC-012"):
            pair.manager.create(secret(content))
    other = secret(b"anything")
    other["metadata"]["name"] = "certificate"
    pair.manager.create(other)


def test_work_is_sent_runs_at_the_worker_and_its_end_is_seen_at_the_manager(pair: Pair) -> None:
    made = make_worker_kubeconfig(pair.worker, pair.worker_kubeconfig, WORKER, None, 1)
    pair.manager.create(secret(made.content))
    until(lambda: connected(pair.manager))
    pair.manager.create(job("far", "t", "there"))
    until(lambda: pair.worker.get("batch/v1", "Job", "far", "t"))
    until(lambda: pair.worker.list("v1", "Pod", "t"))
    assert pair.manager.list("v1", "Pod", "t") == []
    assert (
        f"cluster {WORKER}, where its pods are"
        in until(lambda: _said(why(pair, "t/far"), "admitted")).message
    )
    done = until(lambda: _ended(pair.manager, "far"))
    assert done["spec"]["managedBy"] == MULTIKUEUE
    assert done["status"]["succeeded"] == 2
    # What waited for the connection was sent too.
    until(lambda: _ended(pair.manager, "early"))
    until(lambda: pair.worker.list("batch/v1", "Job", "t") == [])
    assert findings(pair, pair.manager, MANAGER) == []
    assert findings(pair, pair.worker, WORKER) == []


def _ended(api: Api, name: str) -> Any:
    live = api.get("batch/v1", "Job", name, "t") or {}
    return live if _has_ended(live, "Complete") else None


@pytest.mark.parametrize(
    ("kind", "jobs", "end"),
    [(TRAIN_JOB, ("jobset", "trainer"), "Complete"), (JOB_SET, ("jobset",), "Completed")],
    ids=["TrainJob", "JobSet"],
)
def test_the_kinds_in_which_training_is_submitted_are_sent_as_a_job_is(
    pair: Pair, kind: tuple[str, str], jobs: tuple[str, ...], end: str
) -> None:
    platform = pair.factory.platform.model_copy(update={"jobs": jobs})
    factory = pair.factory.model_copy(update={"platform": platform})
    name = f"by-{kind[1].lower()}"
    work = TrainingJob(kind="TrainingJob", name=name, tenant="t", pool="there", nodes=2)
    [made] = manifests(factory, plan(factory), work, IMAGE)
    assert (made["apiVersion"], made["kind"]) == kind
    with_simulated_duration([made], "3s")
    submit(pair.manager, [made], dry_run=False)
    until(lambda: pair.worker.get(*kind, name, "t"))
    pods = until(lambda: pair.worker.list("v1", "Pod", "t"))
    assert all(pod["metadata"]["name"].startswith(name) for pod in pods)
    assert pair.manager.list("v1", "Pod", "t") == []
    until(lambda: _has_ended(pair.manager.get(*kind, name, "t"), end))
    until(lambda: pair.worker.get(*kind, name, "t") is None)
    pair.manager.delete(*kind, name, "t")


def _has_ended(live: dict[str, Any] | None, condition: str) -> bool:
    return is_true(((live or {}).get("status") or {}).get("conditions"), condition)


def test_a_job_asks_for_more_than_the_worker_has_and_waits_in_the_managers_queue(pair: Pair) -> None:
    pair.manager.create(job("large", "u", "there", parallelism=3, completions=3))
    until(lambda: pair.manager.list(KUEUE, "Workload", "u"))
    reason = until(lambda: _said(why(pair, "u/large"), "over-quota"))
    assert "there" in reason.message
    pair.manager.delete("batch/v1", "Job", "large", "u")


def _is_seen(queue: dict[str, Any] | None) -> bool:
    """Return whether Kueue has looked at a queue: it writes its status."""
    return bool(((queue or {}).get("status") or {}).get("conditions"))


def test_work_of_a_zone_whose_data_may_not_be_there_is_never_sent(pair: Pair) -> None:
    """Not by its own queues, by a queue that leads to the zone that may, nor by a wider queue."""
    assert [queue["metadata"]["name"] for queue in pair.manager.list(KUEUE, "LocalQueue", "v")] == ["mine"]
    assert pair.worker.list("v1", "Namespace", label_selector="sovereign-ai.internal/zone=s") == []
    local = {"apiVersion": KUEUE, "kind": "LocalQueue", "metadata": {"name": "there", "namespace": "v"}}
    pair.manager.create(local | {"spec": {"clusterQueue": "there"}})
    with pytest.raises(ApiError, match="PLC-009"):
        pair.manager.create(job("closed", "v", "there", managedBy=MULTIKUEUE))
    queue = pair.manager.get(KUEUE, "ClusterQueue", "there") or {}
    for selector in ({}, {"matchExpressions": [{"key": SPACE, "operator": "In", "values": ["t", "v"]}]}):
        wider = {**queue, "apiVersion": KUEUE, "kind": "ClusterQueue"}
        wider["spec"] = {**queue["spec"], "namespaceSelector": selector}
        with pytest.raises(ApiError, match="RES-012"):
            pair.manager.replace(wider)
    # Of a job that says nothing of its manager Kueue's webhook makes one that it sends, by its queue.
    until(lambda: _is_seen(pair.manager.get(KUEUE, "LocalQueue", "there", "v")))
    with pytest.raises(ApiError, match="PLC-009"):
        pair.manager.create(job("closed", "v", "there"))
    for kind, name, spec in (
        ("AdmissionCheck", "abroad", {"controllerName": MULTIKUEUE, "parameters": PARAMETERS}),
        ("MultiKueueConfig", "abroad", {"clusters": [WORKER]}),
        ("MultiKueueCluster", "abroad", {"clusterSource": {"kubeConfig": {"location": WORKER}}}),
    ):
        with pytest.raises(ApiError, match="RES-012"):
            pair.manager.create({"apiVersion": KUEUE, "kind": kind, "metadata": {"name": name}, "spec": spec})
    assert pair.worker.list(KUEUE, "Workload", "v") == []
    assert pair.worker.list("batch/v1", "Job", "v") == []
