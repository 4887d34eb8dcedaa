"""Kueue as its publisher ships it: its manifests in the description, its manager in a container of a real
kubelet, and the certificate that it makes for its webhooks in an empty secret.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from sovereign_ai.cluster.kind.containers import load as load_image
from sovereign_ai.toolchain.install import find, module_files
from sovereign_ai.toolchain.node_image.archive import ArchiveEntry, Image, write_layer, write_oci
from sovereign_ai.toolchain.source import fetching_environment
from tests.kind.lab import KindLab
from tests.life import within
from tests.support.approvals import signed_data

pytestmark = pytest.mark.kind
MANAGER_ROLE, SPACE, TENANT, QUEUE = "kueue-manager-role", "kueue-system", "startups", "serve"
BINDING = "ClusterRoleBinding/kueue-manager-rolebinding"
KUEUE, SECRET = "kueue.x-k8s.io/v1beta2", "kueue-webhook-server-cert"
NOBODY = 65532
CONTROL = {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"}
IMAGE = f"registry.example.com/ai/work@sha256:{'a' * 64}"


@pytest.fixture(scope="module")
def image(kind_lab: KindLab, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The manager, built from the pinned module with the libraries that it names, in every node."""
    folder = tmp_path_factory.mktemp("kueue")
    go, manager, archive = find("go"), folder / "manager", folder / "image.tar"
    command = [str(go), "build", "-mod=readonly", "-trimpath", "-o", str(manager), "./cmd/kueue"]
    subprocess.run(command, cwd=module_files("kueue", "."), env=fetching_environment(go), check=True)
    layer = write_layer(folder / "layer.tar", [ArchiveEntry("manager", manager, 0o755)])
    name = f"registry.example.com/ai/kueue@{Image((), (layer,), ('/manager',)).digest}"
    write_oci(archive, [Image((name,), (layer,), ("/manager",))])
    for container in ("lab-control-plane", *kind_lab.machines.values()):
        load_image(kind_lab.docker, container, archive)
    return name


def manifests(image: str) -> Iterator[dict[str, Any]]:
    """Yield the publisher's objects as a careful administrator mirrors them.

    Taken out are the servers of `visibility.kueue.x-k8s.io`, whose certificate nobody checks; webhooks and
    definitions may be updated by their names alone.
    """
    command = [str(find("kubectl")), "kustomize", str(module_files("kueue", "config/default"))]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    objects = [obj for obj in yaml.safe_load_all(printed) if obj and obj["kind"] != "APIService"]
    for obj in objects:
        if obj["metadata"]["name"] == MANAGER_ROLE:
            obj["rules"] = list(narrowed(obj["rules"], objects))
        if obj["kind"] == "Deployment":
            pod = obj["spec"]["template"]["spec"]
            pod["tolerations"] = [CONTROL]
            container = pod["containers"][0]
            container |= {"image": image, "imagePullPolicy": "IfNotPresent"}
            container["args"].append("--feature-gates=VisibilityOnDemand=false")
            container["securityContext"]["runAsUser"] = NOBODY
        yield obj


def narrowed(rules: list[dict[str, Any]], objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the manager's rights, of which those to update webhooks and definitions are for its own."""
    own = {
        "admissionregistration.k8s.io": [
            obj["metadata"]["name"] for obj in objects if obj["kind"].endswith("WebhookConfiguration")
        ],
        "apiextensions.k8s.io": [
            obj["metadata"]["name"] for obj in objects if obj["kind"] == "CustomResourceDefinition"
        ],
    }
    for rule in rules:
        names = own.get(rule["apiGroups"][0])
        if names:
            yield {**rule, "verbs": [verb for verb in rule["verbs"] if verb != "update"]}
            yield {**rule, "verbs": ["update"], "resourceNames": names}
        elif rule["apiGroups"] != ["flowcontrol.apiserver.k8s.io"]:
            yield rule


def waiver() -> dict[str, Any]:
    """Return the exception that remains: whoever may update a webhook may change what it is asked about."""
    today = datetime.now(UTC).date()
    return {
        "id": "kueue-webhooks",
        "rule": "PLT-004",
        "resource": BINDING,
        "reason": "Kueue writes the authority of its certificate into its own webhooks",
        "owner": "head of platform",
        "requester": "platform lead",
        "approver": "security officer",
        "compensating_control": "the image is pinned by its digest, and its source was reviewed",
        "created": today.isoformat(),
        "expires": (today + timedelta(days=30)).isoformat(),
    }


@pytest.fixture(scope="module")
def lab(kind_lab: KindLab, image: str) -> KindLab:
    """The lab, which stood without a controller, with Kueue from its manifests, by one `up`."""
    texts = [yaml.safe_dump(json.loads(json.dumps(obj))) for obj in manifests(image)]
    (kind_lab.stack / "kueue.yaml").write_text("---\n".join(texts), encoding="utf-8")
    file = kind_lab.stack / "factory.yaml"
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    details = {"name": "kueue", "version": "v0.17.0", "namespace": SPACE, "manifests": ["kueue.yaml"]}
    data |= {"platform": {"queueing": "kueue", "controllers": [details]}, "waivers": [waiver()]}
    file.write_text(yaml.safe_dump(signed_data(data), sort_keys=False), encoding="utf-8")
    kind_lab.on_plane("up")
    return kind_lab


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


def test_one_up_deploys_it_verify_finds_nothing_and_a_second_up_changes_nothing(lab: KindLab) -> None:
    assert lab.verify() == []
    again = lab.on_plane("up")
    assert (again["changes"], again["restored"], again["strays"]) == ({}, [], [])


def test_its_webhooks_answer_with_the_certificate_that_it_put_into_the_empty_secret(lab: KindLab) -> None:
    found = lab.api.get("v1", "Secret", SECRET, SPACE)
    assert found is not None
    assert set(found["data"]) >= {"tls.crt", "tls.key"}
    queue = {"apiVersion": KUEUE, "kind": "ClusterQueue", "metadata": {"name": "wrong"}}
    borrowing = {"queueingStrategy": "BestEffortFIFO", "cohortName": "no/name"}
    with pytest.raises(Exception, match=r"cohortName|vclusterqueue"):
        lab.api.create({**queue, "spec": borrowing}, dry_run=True)


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


def test_taken_out_again_its_queues_stay_and_what_waited_for_it_starts(lab: KindLab) -> None:
    lab.api.create(job("left", 9))
    assert within(60, lambda: bool(lab.api.list(KUEUE, "Workload", TENANT)))
    file = lab.stack / "factory.yaml"
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    del data["platform"], data["waivers"]
    file.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    done = lab.on_plane("up")
    assert "CustomResourceDefinition/clusterqueues.kueue.x-k8s.io" in done["kept"]
    waiting = lab.api.get("batch/v1", "Job", "left", TENANT)
    assert waiting is not None
    assert not waiting["spec"].get("suspend")
    lab.api.delete("batch/v1", "Job", "left", TENANT)
    assert within(60, lambda: not lab.api.list(KUEUE, "Workload", TENANT))
    assert lab.api.list(KUEUE, "ClusterQueue")
    assert lab.verify() == []
    again = lab.on_plane("up")
    assert (again["changes"], again["restored"], again["strays"]) == ({}, [], [])
