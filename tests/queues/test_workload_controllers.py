"""JobSet, LeaderWorkerSet and Kubeflow Trainer beside the real Kueue, on the lab as `up` deploys it.

Everything that decides is real: API server, admission policies of the deployment, scheduler, Kueue and the
three controllers. Machines and pods are simulated.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from sovereign_ai.assess.fit import TrainingJob, manifests, read_workload
from sovereign_ai.cluster.api.client import Api, ApiError, UnreachableError, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import down, status
from sovereign_ai.cluster.state import cluster_dir_of
from sovereign_ai.deploy import scaffold
from sovereign_ai.names import KEYS
from sovereign_ai.operate import submit, with_simulated_duration
from sovereign_ai.plan import plan
from sovereign_ai.spec import Platform, load
from sovereign_ai.verify import tried_pieces
from sovereign_ai.verify.pod_requests import requests_of_pod

pytestmark = pytest.mark.queues
LAB = Path(__file__).resolve().parents[2] / "stacks" / "lab"
IMAGE = f"registry.example.com/ai/train@sha256:{'a' * 64}"
KUEUE = "kueue.x-k8s.io/v1beta2"
JOB_SET = ("jobset.x-k8s.io/v1alpha2", "JobSet")
TRAIN_JOB = ("trainer.kubeflow.org/v1alpha1", "TrainJob")
GROUPS = ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet")
ALL = "platform: {queueing: kueue, jobs: [jobset, trainer], gangs: [lws]}\n"
KUEUE_ALONE = "platform: {queueing: kueue}\n"


def until(holds: Callable[[], Any], seconds: float = 240) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        # An answer that a busy machine owes is asked for again.
        with suppress(UnreachableError):
            if value := holds():
                return value
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.2)


@dataclass
class Lab:
    """The deployed lab.

    Attributes:
        stack: its folder.
        api: its cluster, as its administrator.
    """

    stack: Path
    api: Api = field(init=False)

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the program as a user would."""
        argv = [sys.executable, "-m", "sovereign_ai.cli", *words]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    def done(self, *words: str) -> Any:
        """Run a command that has to succeed; return what it writes as JSON."""
        finished = self.command(*words, "--json")
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return orjson.loads(finished.stdout)

    def describe(self, platform: str) -> None:
        """Write the description with another platform."""
        (self.stack / "factory.yaml").write_text((LAB / "factory.yaml").read_text() + platform)

    def file(self, text: str) -> str:
        """Write a job or service; return its file."""
        file = self.stack.parent / "work.yaml"
        file.write_text(text)
        return str(file)

    def work(self, name: str) -> Mapping[str, Any]:
        """Return what `jobs status` says of a piece of work."""
        finished = self.command("jobs", "status", str(self.stack), name, "--json")
        return dict(orjson.loads(finished.stdout))

    def pods(self, selector: str, namespace: str = "research") -> list[dict[str, Any]]:
        return self.api.list("v1", "Pod", namespace, selector)

    def workloads(self, owner: str, namespace: str = "research") -> list[dict[str, Any]]:
        """Return the workloads that Kueue made of something."""
        found = []
        for workload in self.api.list(KUEUE, "Workload", namespace):
            owners = workload["metadata"].get("ownerReferences") or ()
            if owner in {each["name"] for each in owners}:
                found.append(workload)
        return found

    def conditions(self, owner: str, namespace: str = "research") -> dict[str, str]:
        """Return the conditions of the workload of something that are true, with their reasons."""
        true = {}
        for workload in self.workloads(owner, namespace):
            for each in (workload.get("status") or {}).get("conditions") or ():
                if each["status"] == "True":
                    true[each["type"]] = each["reason"]
        return true

    def submit_job_set(self, name: str, nodes: int, duration: str, **changes: Any) -> None:
        """Submit a JobSet: the objects of a job on a factory whose platform has no Trainer."""
        factory = load(LAB).model_copy(update={"platform": Platform(queueing=("kueue",), jobs=("jobset",))})
        job = TrainingJob(kind="TrainingJob", name=name, tenant="research", pool="train", nodes=nodes)
        objects = manifests(factory, plan(factory), job, IMAGE)
        with_simulated_duration(objects, duration)
        for obj in objects:
            obj["metadata"]["labels"] |= changes
        submit(self.api, objects, dry_run=False)

    def units(self, pods: list[dict[str, Any]]) -> set[str]:
        """Return the scalable units in which pods run."""
        nodes = {node["metadata"]["name"]: node["metadata"]["labels"] for node in self.api.list("v1", "Node")}
        return {nodes[pod["spec"]["nodeName"]][KEYS.scalable_unit] for pod in pods}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Deploy the lab with all controllers."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("lab")
        patch.setenv("XDG_STATE_HOME", str(root / "state"))
        folder = root / "lab"
        scaffold(folder, "lab")
        made = Lab(folder)
        made.describe(ALL)
        try:
            made.done("up", str(folder))
            made.api = open_cluster(cluster_dir_of("lab").kubeconfig)
            yield made
            made.api.close()
        finally:
            down("lab")


def phases(pods: list[dict[str, Any]]) -> list[str]:
    return [pod["status"].get("phase", "") for pod in pods]


JOB_PODS, GROUP_PODS = "jobset.sigs.k8s.io/jobset-name", "leaderworkerset.sigs.k8s.io/name"


def test_a_job_set_is_admitted_whole_placed_in_one_scalable_unit_and_ends(lab: Lab) -> None:
    lab.submit_job_set("short", 4, "8s")
    until(lambda: phases(lab.pods(f"{JOB_PODS}=short")) == ["Running"] * 4)
    assert "Admitted" in lab.conditions("short")
    assert len(lab.units(lab.pods(f"{JOB_PODS}=short"))) == 1
    until(lambda: lab.work("research/short")["state"] == "succeeded")
    until(lambda: lab.conditions("short").get("Finished") == "Succeeded")


def test_a_job_set_that_is_cancelled_gives_its_place_back_and_leaves_nothing(lab: Lab) -> None:
    lab.submit_job_set("long", 12, "10h")
    until(lambda: phases(lab.pods(f"{JOB_PODS}=long")) == ["Running"] * 12)
    lab.submit_job_set("next", 2, "10h")
    until(lambda: lab.work("research/next")["state"] == "queued" and lab.workloads("next"))
    why = lab.command("why", str(lab.stack), "research/next", "--json")
    assert why.returncode == 1, why.stdout + why.stderr
    assert "long" in why.stdout
    lab.done("jobs", "cancel", str(lab.stack), "long")
    until(lambda: phases(lab.pods(f"{JOB_PODS}=next")) == ["Running"] * 2)
    until(lambda: not lab.workloads("long") and not lab.pods(f"{JOB_PODS}=long"))
    lab.done("jobs", "cancel", str(lab.stack), "next")
    until(lambda: not lab.pods(f"{JOB_PODS}=next"))


def test_a_job_set_of_higher_priority_takes_the_place_of_a_lower_one_which_comes_back(lab: Lab) -> None:
    metadata = {"name": "urgent"}
    lab.api.create({"apiVersion": KUEUE, "kind": "WorkloadPriorityClass", "metadata": metadata, "value": 9})
    lab.submit_job_set("low", 12, "10h")
    until(lambda: phases(lab.pods(f"{JOB_PODS}=low")) == ["Running"] * 12)
    lab.submit_job_set("high", 12, "10h", **{"kueue.x-k8s.io/priority-class": "urgent"})
    until(lambda: phases(lab.pods(f"{JOB_PODS}=high")) == ["Running"] * 12)
    assert lab.conditions("low")["Preempted"] == "InClusterQueue"
    assert lab.work("research/low")["state"] == "queued"
    lab.done("jobs", "cancel", str(lab.stack), "high")
    until(lambda: phases(lab.pods(f"{JOB_PODS}=low")) == ["Running"] * 12)
    lab.done("jobs", "cancel", str(lab.stack), "low")
    until(lambda: not lab.pods(f"{JOB_PODS}=low"))


def service(replicas: int) -> str:
    """Write a service of copies of the model of two machines each."""
    return (
        "kind: InferenceService\nname: chat\ntenant: startups\npool: serve\n"
        f"replicas: {replicas}\ntensor: 16\n"
    )


def is_admitted(workload: Mapping[str, Any]) -> bool:
    conditions = (workload.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Admitted" and each["status"] == "True" for each in conditions)


def running(lab: Lab, name: str) -> int:
    return phases(lab.pods(f"{GROUP_PODS}={name}", "startups")).count("Running")


def test_a_service_is_admitted_group_by_group_scales_waits_for_room_and_goes(lab: Lab) -> None:
    where = [str(lab.stack), lab.file(service(1)), "--image", IMAGE]
    lab.done("jobs", "run", *where, "--anyway")
    until(lambda: running(lab, "chat") == 2)
    assert len(lab.workloads("chat", "startups")) == 1
    assert lab.work("startups/chat")["state"] == "running"
    lab.file(service(2))
    lab.done("jobs", "scale", *where)
    until(lambda: running(lab, "chat") == 4 and len(lab.workloads("chat", "startups")) == 2)
    # There is no room for a third group: it waits in its queue, and the others run on.
    lab.file(service(3))
    lab.done("jobs", "scale", *where)
    until(lambda: len(lab.workloads("chat", "startups")) == 3)
    until(lambda: lab.command("why", str(lab.stack), "startups/chat").returncode == 1)
    assert sorted(is_admitted(workload) for workload in lab.workloads("chat", "startups")) == [
        False,
        True,
        True,
    ]
    assert running(lab, "chat") == 4
    lab.file(service(1))
    lab.done("jobs", "scale", *where)
    until(lambda: running(lab, "chat") == 2 and len(lab.workloads("chat", "startups")) == 1)
    lab.done("jobs", "cancel", str(lab.stack), "chat")
    until(lambda: not lab.workloads("chat", "startups"))
    until(lambda: not lab.pods(GROUP_PODS, "startups"))


TUNE = "kind: TrainingJob\nname: tune\ntenant: research\npool: train\nnodes: 3\n"


def test_a_training_job_is_a_train_job_admitted_by_its_runtime_and_ends(lab: Lab) -> None:
    where = [str(lab.stack), lab.file(TUNE), "--image", IMAGE]
    submitted = lab.done("jobs", "run", *where, "--anyway", "--simulated-duration", "8s")
    assert [obj["kind"] for obj in submitted["objects"]] == ["TrainJob"]
    until(lambda: phases(lab.pods(f"{JOB_PODS}=tune")) == ["Running"] * 3)
    (workload,) = lab.workloads("tune")
    assert workload["metadata"]["ownerReferences"][0]["kind"] == "TrainJob"
    assert len(lab.units(lab.pods(f"{JOB_PODS}=tune"))) == 1
    environment = lab.pods(f"{JOB_PODS}=tune")[0]["spec"]["containers"][0]["env"]
    assert {"name": "PET_NNODES", "value": "3"} in environment
    listed = lab.done("jobs", "list", str(lab.stack))["work"]
    assert [work["kind"] for work in listed if work["name"] == "tune"] == ["TrainJob"]
    until(lambda: lab.work("research/tune")["state"] == "succeeded")
    until(lambda: lab.conditions("tune").get("Finished") == "Succeeded")
    lab.done("jobs", "cancel", str(lab.stack), "tune")
    until(lambda: not lab.pods(f"{JOB_PODS}=tune") and not lab.workloads("tune"))


def test_what_admission_refuses_to_a_tenant_it_refuses_whichever_controller_would_make_the_pods(
    lab: Lab,
) -> None:
    with pytest.raises(ApiError, match="IMG-00"):
        lab.api.create(job_set("elsewhere", image="docker.io/library/busybox:latest"), dry_run=True)
    with pytest.raises(ApiError):
        lab.api.create(job_set("host", hostNetwork=True), dry_run=True)
    lab.api.create(job_set("fine"), dry_run=True)


def job_set(name: str, image: str = IMAGE, **pod: Any) -> dict[str, Any]:
    """Return a JobSet of one pod."""
    container: dict[str, Any] = {"name": "main", "image": image}
    container["securityContext"] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container["resources"] = {"limits": {"nvidia.com/gpu": "8"}, "requests": {"nvidia.com/gpu": "8"}}
    security = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"restartPolicy": "Never", "securityContext": security, "containers": [container], **pod}
    replicated = {"name": "node", "template": {"spec": {"template": {"spec": spec}}}}
    labels = {"kueue.x-k8s.io/queue-name": "train"}
    metadata = {"name": name, "namespace": "research", "labels": labels}
    api_version, kind = JOB_SET
    body = {"suspend": True, "replicatedJobs": [replicated]}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": body}


def described_objects(text: str, lab: Lab) -> list[dict[str, Any]]:
    """Return the objects of a job or service on the lab with all controllers."""
    factory = load(lab.stack)
    return manifests(factory, plan(factory), read_workload(Path(lab.file(text)), factory), IMAGE)


def asked_of(workload: Mapping[str, Any]) -> list[tuple[int, Mapping[str, Any], Mapping[str, Any]]]:
    """Return what Kueue counts of each pod set: its pods, what each requests, and its topology."""
    asked = []
    for pod_set in workload["spec"]["podSets"]:
        request = pod_set.get("topologyRequest") or {}
        topology = {key: request[key] for key in _TOPOLOGY if key in request}
        asked.append((pod_set["count"], requests_of_pod(pod_set["template"]["spec"]), topology))
    return asked


_TOPOLOGY = ("required", "preferred", "podSetSliceRequiredTopology", "podSetSliceSize", "podSetGroupName")


@pytest.mark.parametrize(
    ("text", "kind", "owner"),
    [
        (
            "kind: TrainingJob\nname: asked\ntenant: research\npool: train\nnodes: 3\n",
            "TrainJob",
            "research/asked",
        ),
        (
            "kind: InferenceService\nname: asked\ntenant: startups\npool: serve\nreplicas: 2\ntensor: 16\n",
            "LeaderWorkerSet",
            "startups/asked",
        ),
        ("", "JobSet", "research/asked"),
    ],
)
def test_before_it_is_submitted_work_has_the_pods_that_kueue_then_counts(
    lab: Lab, text: str, kind: str, owner: str
) -> None:
    objects = described_objects(text, lab) if text else [job_set("asked")]
    assert [obj["kind"] for obj in objects] == [kind]
    (piece,) = tried_pieces(lab.api, objects)
    assert piece.problem == ""
    namespace, name = owner.split("/")
    try:
        submit(lab.api, objects, dry_run=False)
        until(lambda: len(lab.workloads(name, namespace)) == len(piece.workloads))
        for workload in lab.workloads(name, namespace):
            assert asked_of(workload) in [asked_of(expected) for expected in piece.workloads]
    finally:
        lab.done("jobs", "cancel", str(lab.stack), owner)
        until(lambda: not lab.workloads(name, namespace))


def test_a_file_is_answered_whole_and_what_kueue_does_not_hold_is_said(lab: Lab) -> None:
    tune = lab.done("why", str(lab.stack), "--before", lab.file(TUNE))
    assert tune["code"] == "fits"
    # Each fits by itself, and both do not.
    jobs = [job_set("one"), job_set("two")]
    for job in jobs:
        job["spec"]["replicatedJobs"][0]["template"]["spec"] |= {"parallelism": 8, "completions": 8}
    asked = lab.command("why", str(lab.stack), "--before", lab.file(orjson_documents(jobs)), "--json")
    codes = [each["code"] for each in orjson.loads(asked.stdout)["work"]]
    assert codes[0] == "fits"
    assert codes[1] in {"waits-for-quota", "over-quota", "topology"}
    assert asked.returncode == 1
    labels = {"kueue.x-k8s.io/queue-name": "train"}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": plain_pod()}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    metadata = {"name": "web", "namespace": "research", "labels": labels}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    asked = lab.command("why", str(lab.stack), "--before", lab.file(orjson_documents([deployment])), "--json")
    assert orjson.loads(asked.stdout)["code"] == "not-queued", asked.stdout


def orjson_documents(objects: list[dict[str, Any]]) -> str:
    """Return objects as documents of YAML, of which JSON is a part."""
    return "\n---\n".join(orjson.dumps(obj).decode() for obj in objects)


def plain_pod() -> dict[str, Any]:
    """Return a pod without GPUs that the lab's admission lets in."""
    pod = job_set("plain")["spec"]["replicatedJobs"][0]["template"]["spec"]["template"]["spec"]
    pod["containers"][0]["resources"] = {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}
    return {**pod, "restartPolicy": "Always"}


@pytest.mark.parametrize("name", ["jobset", "lws", "trainer", "kueue"])
def test_a_controller_that_is_killed_is_back_and_what_was_submitted_runs(lab: Lab, name: str) -> None:
    (before,) = (each for each in status("lab").components if each.name == name)
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)

    def is_back() -> bool:
        (now,) = (each for each in status("lab").components if each.name == name)
        return now.healthy and now.pid != before.pid

    until(is_back)
    lab.done(
        "jobs",
        "run",
        str(lab.stack),
        lab.file(TUNE),
        "--image",
        IMAGE,
        "--anyway",
        "--simulated-duration",
        "1s",
    )
    until(lambda: lab.work("research/tune")["state"] == "succeeded")
    lab.done("jobs", "cancel", str(lab.stack), "tune")
    until(lambda: not lab.workloads("tune"))


def test_no_controller_was_refused_anything_that_it_asked_for(lab: Lab) -> None:
    for name in ("jobset", "lws", "trainer", "kueue"):
        log = (cluster_dir_of("lab").log(name)).read_text()
        refused = [line for line in log.splitlines() if "is forbidden" in line and " cannot " in line]
        assert refused == []
    assert lab.work("research/short")["state"] == "succeeded"


def test_taken_back_to_kueue_alone_nothing_waits_for_a_controller_that_is_gone(lab: Lab) -> None:
    lab.submit_job_set("left", 2, "10h")
    until(lambda: phases(lab.pods(f"{JOB_PODS}=left")) == ["Running"] * 2)
    lab.describe(KUEUE_ALONE)
    change = lab.done("preview", str(lab.stack))["queueing"]
    assert change["controllers"] == {"start": [], "stop": ["JobSet", "LeaderWorkerSet", "Kubeflow Trainer"]}
    assert change["costs"] == ["nobody looks after the work of JobSet from then on: research/left"]
    lab.done("up", str(lab.stack))
    names = {each.name for each in status("lab").components}
    assert "kueue" in names
    assert not names & {"jobset", "lws", "trainer"}
    served = {resource.kind for resource in lab.api.kinds()}
    assert not served & {"LeaderWorkerSet", "TrainJob", "ClusterTrainingRuntime"}
    # The definition of JobSets is kept for those that are left, and no more of them are made.
    assert "JobSet" in served
    once = ("--image", IMAGE, "--anyway", "--simulated-duration", "1s")
    submitted = lab.done("jobs", "run", str(lab.stack), lab.file(TUNE), *once)
    assert [obj["kind"] for obj in submitted["objects"]] == ["Job"]
    until(lambda: lab.work("research/tune")["state"] == "succeeded")
    for name in ("left", "short"):
        lab.done("jobs", "cancel", str(lab.stack), name)
    until(lambda: not lab.pods(f"{JOB_PODS}=left") and not lab.workloads("left"))
    lab.done("up", str(lab.stack))
    assert "JobSet" not in {resource.kind for resource in lab.api.kinds()}
