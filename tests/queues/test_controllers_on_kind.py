"""Controllers as their publishers ship them: their manifests in the description, their managers in containers
of a real kubelet, with their webhooks and the certificates that they make for these in empty secrets.

The tests follow each other on one cluster: Kueue, JobSet, LeaderWorkerSet and Trainer come by one `up`, work
of each runs in real pods to its end, and they leave again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from sovereign_ai.cluster.api import ApiError
from sovereign_ai.cluster.kind.containers import load as load_image
from tests.kind.lab import KindLab
from tests.life import within
from tests.queues.mirrored import (
    JOBSET,
    KUEUE,
    LWS,
    PUBLISHERS,
    TRAINER,
    Object,
    Publisher,
    binding_of,
    manager_image,
    manifests,
    shell_image,
    waiver,
)
from tests.support.approvals import signed_data

pytestmark = pytest.mark.kind
TENANT, QUEUE = "startups", "serve"
QUEUES = "kueue.x-k8s.io/v1beta2"
DEFINITION = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
IMAGE = f"registry.example.com/ai/work@sha256:{'a' * 64}"
FUNCTIONS = {"kueue": "queueing", "jobset": "jobs", "trainer": "jobs", "lws": "gangs"}
SECONDS = 300


class Mirror:
    """The lab with mirrored controllers, of which a description names some."""

    def __init__(self, lab: KindLab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.plain = yaml.safe_load((lab.stack / "factory.yaml").read_text(encoding="utf-8"))
        self.objects = {publisher.name: self._mirrored(publisher) for publisher in PUBLISHERS}
        self.work, archive = shell_image(folder)
        for container in lab.machines.values():
            load_image(lab.docker, container, archive)

    def _mirrored(self, publisher: Publisher) -> list[Object]:
        """Build one manager, give its image to the control plane's node, and write its manifests."""
        folder = self.folder / publisher.name
        folder.mkdir()
        image, archive = manager_image(publisher, folder)
        load_image(self.lab.docker, "lab-control-plane", archive)
        objects = list(manifests(publisher, image, folder))
        texts = [yaml.safe_dump(json.loads(json.dumps(obj))) for obj in objects]
        file = self.lab.stack / f"{publisher.name}.yaml"
        file.write_text("---\n".join(texts), encoding="utf-8")
        return objects

    def describe(self, *publishers: Publisher) -> None:
        """Write the description with some controllers."""
        platform: dict[str, Any] = {}
        for publisher in publishers:
            platform.setdefault(FUNCTIONS[publisher.name], []).append(publisher.name)
        data = dict(self.plain)
        if publishers:
            platform["controllers"] = [publisher.details() for publisher in publishers]
            data["platform"] = platform
            data["waivers"] = [waiver(each, binding_of(self.objects[each.name])) for each in publishers]
        text = yaml.safe_dump(signed_data(data), sort_keys=False)
        (self.lab.stack / "factory.yaml").write_text(text, encoding="utf-8")

    def run(self, text: str, command: str) -> list[Object]:
        """Submit a described job or service; return the objects that it became."""
        file = self.folder / "work.yaml"
        file.write_text(text, encoding="utf-8")
        words = ["--image", self.work, "--command", command, "--anyway", "--simulated-duration", "5s"]
        submitted = self.lab.call("jobs", "run", str(self.lab.stack), str(file), "--cluster", "kind", *words)
        objects: list[Object] = submitted["objects"]
        return objects

    def cancel(self, name: str) -> None:
        self.lab.call("jobs", "cancel", str(self.lab.stack), name, "--cluster", "kind")

    def pods(self, namespace: str, selector: str) -> list[Object]:
        return self.lab.api.list("v1", "Pod", namespace, selector)

    def real(self, namespace: str, selector: str) -> list[Object]:
        """Return the pods that run on real machines."""
        pods = self.pods(namespace, selector)
        return [pod for pod in pods if pod["spec"].get("nodeName") in self.lab.machines]

    def log(self, pod: Object) -> str:
        """Return what a pod has printed; nothing of one that has not started, or is gone."""
        where = pod["metadata"]
        path = f"/api/v1/namespaces/{where['namespace']}/pods/{where['name']}/log"
        try:
            return str(self.lab.api.request("GET", path).get("text", "")).strip()
        except ApiError:
            return ""

    def first_words(self, namespace: str, selector: str) -> str:
        """Wait until a pod on a real machine has printed something, and return it."""
        words: list[str] = []

        def has_spoken() -> bool:
            words.extend(filter(None, map(self.log, self.real(namespace, selector))))
            return bool(words)

        until(has_spoken, lambda: self.pods(namespace, selector))
        return words[0]

    def kinds(self) -> set[str]:
        """Return the kinds that definitions are there for."""
        return {each["spec"]["names"]["kind"] for each in self.lab.api.list(*DEFINITION)}


@pytest.fixture(scope="module")
def mirror(kind_lab: KindLab, tmp_path_factory: pytest.TempPathFactory) -> Mirror:
    """The lab, which stood without a controller, with all four from their manifests, by one `up`."""
    made = Mirror(kind_lab, tmp_path_factory.mktemp("mirror"))
    made.describe(*PUBLISHERS)
    kind_lab.on_plane("up")
    return made


@pytest.fixture
def lab(mirror: Mirror) -> KindLab:
    return mirror.lab


def until(holds: Callable[[], bool], why: Callable[[], Any]) -> None:
    assert within(SECONDS, holds), f"not within {SECONDS} s: {why()}"


def job(name: str, pods: int) -> dict[str, Any]:
    """Return a Job of machines with eight GPUs in the tenant's queue."""
    rights = {"allowPrivilegeEscalation": False, "runAsNonRoot": True, "runAsUser": 1000}
    rights |= {"capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}
    amounts = {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "8"}
    container = {"name": "main", "image": IMAGE, "securityContext": rights}
    container["resources"] = {"limits": amounts, "requests": amounts}
    pod = {"restartPolicy": "Never", "automountServiceAccountToken": False, "containers": [container]}
    labels = {"kueue.x-k8s.io/queue-name": QUEUE}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": TENANT, "labels": labels},
        "spec": {"parallelism": pods, "completions": pods, "template": {"spec": pod}},
    }


def is_unchanged(document: dict[str, Any]) -> bool:
    return (document["changes"], document["restored"], document["strays"]) == ({}, [], [])


def test_one_up_deploys_all_verify_finds_nothing_and_a_second_up_changes_nothing(lab: KindLab) -> None:
    assert lab.verify() == []
    assert is_unchanged(lab.on_plane("up"))


@pytest.mark.parametrize(
    ("publisher", "secret"),
    [
        (KUEUE, "kueue-webhook-server-cert"),
        (JOBSET, "jobset-webhook-server-cert"),
        (LWS, "lws-webhook-server-cert"),
        (TRAINER, "kubeflow-trainer-webhook-cert"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_each_puts_its_certificate_into_the_empty_secret(
    lab: KindLab, publisher: Publisher, secret: str
) -> None:
    found = lab.api.get("v1", "Secret", secret, publisher.namespace)
    assert found is not None
    assert set(found["data"]) >= {"tls.crt", "tls.key"}


WRONG: list[tuple[Object, str]] = [
    (
        {
            "apiVersion": QUEUES,
            "kind": "ClusterQueue",
            "metadata": {"name": "wrong"},
            "spec": {"queueingStrategy": "BestEffortFIFO", "cohortName": "no/name"},
        },
        r"cohortName|vclusterqueue",
    ),
    (
        {
            "apiVersion": "trainer.kubeflow.org/v1alpha1",
            "kind": "TrainJob",
            "metadata": {"name": "wrong", "namespace": TENANT},
            "spec": {"runtimeRef": {"kind": "ClusterTrainingRuntime", "name": "unknown"}},
        },
        r"unknown.*not found|not found.*unknown",
    ),
]


@pytest.mark.parametrize(("wrong", "reason"), WRONG, ids=["kueue", "trainer"])
def test_a_webhook_refuses_what_no_schema_refuses(lab: KindLab, wrong: Object, reason: str) -> None:
    with pytest.raises(Exception, match=reason):
        lab.api.create(wrong, dry_run=True)


def test_a_job_is_admitted_and_the_change_that_why_proposes_admits_another(lab: KindLab) -> None:
    def why(name: str, code: int = 0) -> dict[str, Any]:
        return lab.call("why", str(lab.stack), f"{TENANT}/{name}", "--cluster", "kind", code=code)

    def is_admitted(name: str) -> bool:
        found = lab.api.get("batch/v1", "Job", name, TENANT)
        return found is not None and not found["spec"].get("suspend")

    lab.api.create(job("fits", 1))
    lab.api.create(job("waits", 9))
    try:
        assert within(60, lambda: is_admitted("fits"))
        assert why("fits")["state"] == "runs"
        waiting = why("waits", code=1)
        assert (waiting["state"], waiting["code"]) == ("waits", "over-quota")
        pods = int(waiting["change"]["value"])
        lab.api.delete("batch/v1", "Job", "waits", TENANT)
        assert within(60, lambda: lab.api.get("batch/v1", "Job", "waits", TENANT) is None)
        lab.api.create(job("waits", pods))
        assert within(60, lambda: is_admitted("waits"))
    finally:
        for name in ("fits", "waits"):
            lab.api.delete("batch/v1", "Job", name, TENANT)


TUNE = "kind: TrainingJob\nname: tune\ntenant: research\npool: train\nnodes: 12\n"
TUNED = "jobset.sigs.k8s.io/jobset-name=tune"


def succeeded(lab: KindLab, kind: tuple[str, str], namespace: str, name: str) -> bool:
    found = lab.api.get(*kind, name, namespace) or {}
    conditions = (found.get("status") or {}).get("conditions") or ()
    return any(each["type"] in {"Complete", "Completed"} and each["status"] == "True" for each in conditions)


def test_a_training_job_runs_on_a_real_machine_and_eleven_simulated_ones_to_its_end(mirror: Mirror) -> None:
    command = "/bin/sh -c 'echo rank $PET_NODE_RANK of $PET_NNODES; sleep 5'"
    assert [obj["kind"] for obj in mirror.run(TUNE, command)] == ["TrainJob"]
    kind = ("trainer.kubeflow.org/v1alpha1", "TrainJob")
    said = mirror.first_words("research", TUNED)
    assert said.startswith("rank ")
    assert said.endswith(" of 12")
    until(lambda: succeeded(mirror.lab, kind, "research", "tune"), lambda: mirror.pods("research", TUNED))
    (workload,) = mirror.lab.api.list(QUEUES, "Workload", "research")
    assert workload["metadata"]["ownerReferences"][0]["kind"] == "TrainJob"


def test_a_job_set_runs_in_a_real_pod_to_its_end(mirror: Mirror) -> None:
    template = job("set", 1)["spec"]
    pod = template["template"]["spec"]
    pod["nodeSelector"] = {"kubernetes.io/hostname": "serve-001"}
    pod["containers"][0] |= {"image": mirror.work, "command": ["/bin/sh", "-c", "echo $JOB_INDEX; sleep 2"]}
    variable = {"fieldRef": {"fieldPath": "metadata.annotations['jobset.sigs.k8s.io/job-index']"}}
    pod["containers"][0]["env"] = [{"name": "JOB_INDEX", "valueFrom": variable}]
    spec = {"suspend": True, "replicatedJobs": [{"name": "node", "template": {"spec": template}}]}
    metadata = {"name": "set", "namespace": TENANT, "labels": {"kueue.x-k8s.io/queue-name": QUEUE}}
    kind = ("jobset.x-k8s.io/v1alpha2", "JobSet")
    mirror.lab.api.create({"apiVersion": kind[0], "kind": kind[1], "metadata": metadata, "spec": spec})
    selector = "jobset.sigs.k8s.io/jobset-name=set"
    assert mirror.first_words(TENANT, selector) == "0"
    until(lambda: succeeded(mirror.lab, kind, TENANT, "set"), lambda: mirror.pods(TENANT, selector))
    mirror.lab.api.delete(*kind, "set", TENANT)


CHAT = "kind: InferenceService\nname: chat\ntenant: startups\npool: serve\nreplicas: 2\ntensor: 16\n"


def test_a_service_of_two_groups_runs_with_a_real_pod_and_goes(mirror: Mirror) -> None:
    command = "/bin/sh -c 'echo $LWS_WORKER_INDEX of $LWS_GROUP_SIZE; sleep 100000'"
    assert [obj["kind"] for obj in mirror.run(CHAT, command)] == ["LeaderWorkerSet"]
    selector = "leaderworkerset.sigs.k8s.io/name=chat"

    def phases() -> list[str]:
        return [pod["status"].get("phase", "") for pod in mirror.pods(TENANT, selector)]

    until(lambda: phases() == ["Running"] * 4, phases)
    assert mirror.first_words(TENANT, selector) in {"0 of 2", "1 of 2"}
    mirror.cancel("chat")
    until(lambda: phases() == [], phases)


def test_a_controller_with_work_of_others_leaves_only_where_that_was_asked_for(mirror: Mirror) -> None:
    mirror.describe(KUEUE)
    refused = mirror.lab.on_plane("up", code=2)
    names = "trainjobs.trainer.kubeflow.org", "jobsets.jobset.x-k8s.io"
    hints = " ".join(problem["hint"] for problem in refused["problems"])
    assert {problem["code"] for problem in refused["problems"]} == {"deletes-data"}
    assert all(f"--allow-delete {name}" in hints for name in names)
    assert {"TrainJob", "JobSet", "LeaderWorkerSet"} <= mirror.kinds()
    mirror.lab.on_plane("up", *(word for name in names for word in ("--allow-delete", name)))
    assert not {"TrainJob", "ClusterTrainingRuntime", "JobSet", "LeaderWorkerSet"} & mirror.kinds()
    assert mirror.lab.verify() == []
    assert mirror.pods("research", TUNED) == []


def test_kueue_leaves_its_queues_stay_and_nothing_waits_for_it(mirror: Mirror) -> None:
    lab = mirror.lab
    lab.api.create(job("waits", 9))
    until(lambda: len(lab.api.list(QUEUES, "Workload", TENANT)) == 1, lambda: "no workload")
    mirror.describe()
    previewed = lab.on_plane("preview")
    assert len(previewed["kept"]) > 5
    done = lab.on_plane("up")
    assert done["kept"] == previewed["kept"]
    assert "CustomResourceDefinition/clusterqueues.kueue.x-k8s.io" in done["kept"]
    assert {"ClusterQueue", "LocalQueue", "Workload"} <= mirror.kinds()
    assert lab.api.list(QUEUES, "ClusterQueue")
    waiting = lab.api.get("batch/v1", "Job", "waits", TENANT)
    assert waiting is not None
    assert not waiting["spec"].get("suspend")
    lab.api.delete("batch/v1", "Job", "waits", TENANT)
    until(lambda: not lab.api.list(QUEUES, "Workload", TENANT), lambda: "a workload is held")
    assert lab.verify() == []
    assert is_unchanged(lab.on_plane("up"))


def test_kueue_comes_back_to_the_queues_that_stayed(mirror: Mirror) -> None:
    mirror.describe(KUEUE)
    mirror.lab.on_plane("up")
    assert mirror.lab.verify() == []
    mirror.lab.api.create(job("fits", 1))

    def is_admitted() -> bool:
        found = mirror.lab.api.get("batch/v1", "Job", "fits", TENANT)
        return found is not None and not found["spec"].get("suspend")

    until(is_admitted, lambda: "it waits")
    mirror.lab.api.delete("batch/v1", "Job", "fits", TENANT)
