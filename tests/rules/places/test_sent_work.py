"""What Kueue may send elsewhere: the objects of the plan, and whatever else leads to another cluster."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

import orjson
import pytest

from sovereign_ai.plan import kubeconfig_head
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.rules.context import Context, factory_context
from sovereign_ai.rules.engine import ObjectPlace, evaluate
from tests.plan.multikueue import MANAGER, WORKER, two_sites, worker
from tests.rules.subject import pod

KUEUE = "kueue.x-k8s.io/v1beta2"
MULTIKUEUE = "kueue.x-k8s.io/multikueue"
SERVER = "https://api.example.com:6443"
NAMES = "kubernetes.io/metadata.name"


@cache
def context(cluster: str | None = MANAGER, server: str | None = SERVER) -> Context:
    described = two_sites(worker(tenants=["t"], **({"server": server} if server else {})))
    return factory_context(described, plan(described), cluster)


def refused(obj: dict[str, Any], place: ObjectPlace = "bundle", **of: Any) -> set[str]:
    return {finding.rule for finding in evaluate([obj], context(**of), place)}


def made(kind: str, name: str, spec: dict[str, Any], namespace: str = "") -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": KUEUE, "kind": kind, "metadata": metadata, "spec": spec}


@pytest.mark.parametrize("cluster", [MANAGER, WORKER])
def test_what_is_rendered_for_manager_and_worker_is_permitted(cluster: str) -> None:
    described = two_sites(worker(tenants=["t"]))
    planned = plan(described)
    objects = render(described, planned, cluster).objects
    assert evaluate(objects, factory_context(described, planned, cluster), "bundle") == []


def check(name: str = "there", config: str = "there", controller: str = MULTIKUEUE) -> dict[str, Any]:
    parameters = {"apiGroup": "kueue.x-k8s.io", "kind": "MultiKueueConfig", "name": config}
    return made("AdmissionCheck", name, {"controllerName": controller, "parameters": parameters})


def source(location: str = WORKER, kind: str = "Secret") -> dict[str, Any]:
    return {"clusterSource": {"kubeConfig": {"location": location, "locationType": kind}}}


def queue(name: str = "there", checks: tuple[str, ...] = ("there",), **selector: Any) -> dict[str, Any]:
    by_name = {"matchExpressions": [{"key": NAMES, "operator": "In", "values": ["t"]}]}
    strategy = {"admissionChecks": [{"name": check_name} for check_name in checks]}
    spec = {"namespaceSelector": selector or by_name, "admissionChecksStrategy": strategy}
    return made("ClusterQueue", name, spec)


def workload(clusters: list[str], namespace: str = "t") -> dict[str, Any]:
    return made("Workload", "w", {"podSets": []}, namespace) | {"status": {"nominatedClusterNames": clusters}}


PERMITTED = {
    "the plan's check": check(),
    "the list of its workers": made("MultiKueueConfig", "there", {"clusters": [WORKER]}),
    "a worker by its own Secret": made("MultiKueueCluster", WORKER, source()),
    "the plan's queue": queue(),
    "a queue without checks": queue("here", ()),
    "a workload that is offered to the worker": workload([WORKER]),
    "a workload that runs there": workload([]) | {"status": {"clusterName": WORKER}},
    "another check": check("machines", "machines", "kueue.x-k8s.io/provisioning-request"),
}
REFUSED = {
    "a check of another name": check("abroad"),
    "a check with another list": check(config="abroad"),
    "a check of another controller": check(controller="example.org/dispatcher"),
    "a check without a list": made("AdmissionCheck", "there", {"controllerName": MULTIKUEUE}),
    "a list of another name": made("MultiKueueConfig", "abroad", {"clusters": [WORKER]}),
    "a list with another worker": made("MultiKueueConfig", "there", {"clusters": [WORKER, "abroad"]}),
    "another worker": made("MultiKueueCluster", "abroad", source("abroad")),
    "a worker by another Secret": made("MultiKueueCluster", WORKER, source("abroad")),
    "a worker by a file": made("MultiKueueCluster", WORKER, source(WORKER, "Path")),
    "a worker by a profile": made(
        "MultiKueueCluster", WORKER, {"clusterSource": {"clusterProfileRef": {"name": WORKER}}}
    ),
    "a worker of the older kind": made("MultiKueueCluster", WORKER, {"kubeConfig": {"location": WORKER}}),
    "a queue of another name": queue("here"),
    "a queue with another check": queue(checks=("abroad",)),
    "a queue with one check more": queue(checks=("there", "abroad")),
    "a queue for a tenant that is not sent": queue(
        matchExpressions=[{"key": NAMES, "operator": "In", "values": ["t", "u"]}]
    ),
    "a queue for everybody": queue(matchLabels={}),
    "a queue for all but one": queue(matchExpressions=[{"key": NAMES, "operator": "NotIn", "values": ["t"]}]),
    "a workload of a tenant that is not sent": workload([WORKER], "u"),
    "a workload of another zone": workload([WORKER], "v"),
    "a workload that is offered elsewhere": workload(["abroad"]),
}


@pytest.mark.parametrize("obj", PERMITTED.values(), ids=PERMITTED)
def test_kueues_objects_of_the_plan_are_permitted_in_the_manager_alone(
    obj: dict[str, Any],
) -> None:
    assert refused(obj) == set()
    is_about_workers = WORKER in str(obj) or "'there'" in str(obj)
    assert refused(obj, cluster=WORKER) == ({"RES-012"} if is_about_workers else set())


@pytest.mark.parametrize("obj", REFUSED.values(), ids=REFUSED)
def test_whatever_else_leads_to_another_cluster_is_refused(obj: dict[str, Any]) -> None:
    assert refused(obj) == {"RES-012"}


def job(namespace: str = "t", queue_name: str | None = "there", manager: str = MULTIKUEUE) -> dict[str, Any]:
    labels = {"labels": {"kueue.x-k8s.io/queue-name": queue_name}} if queue_name else {}
    spec = pod()["spec"] | {"restartPolicy": "Never"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j", "namespace": namespace, **labels},
        "spec": {"managedBy": manager, "template": {"spec": spec}},
    }


@pytest.mark.parametrize(
    ("obj", "rules"),
    [
        (job(), set()),
        (job(manager="kubernetes.io/job-controller", queue_name=None), set()),
        (job(queue_name="here"), {"PLC-009"}),
        (job(queue_name=None), {"PLC-009"}),
        (job("u"), {"PLC-009"}),
        (job("v"), {"PLC-009"}),
        (job(manager="example.org/dispatcher"), {"PLC-009"}),
    ],
)
def test_multikueue_manages_jobs_in_the_queues_from_which_work_is_sent(
    obj: dict[str, Any], rules: set[str]
) -> None:
    assert refused(obj) == rules


@pytest.mark.parametrize(
    "kind", ["jobset.x-k8s.io/v1alpha2/JobSet", "trainer.kubeflow.org/v1alpha1/TrainJob"]
)
def test_so_it_does_of_other_kinds_of_work(kind: str) -> None:
    api_version, _, name = kind.rpartition("/")
    for namespace, rules in (("t", set()), ("v", {"RES-012"})):
        obj = job(namespace)
        metadata, spec = obj["metadata"], {"managedBy": MULTIKUEUE}
        work = {"apiVersion": api_version, "kind": name, "metadata": metadata, "spec": spec}
        assert refused(work) == rules


def kubeconfig(server: str | None = SERVER, more: str = "}") -> str:
    authority = base64.b64encode(b"certificate" * 60).decode()
    port = "" if server else '6443"'
    context = '"contexts":[{"name":"worker","context":{"cluster":"worker","user":"worker"}}]'
    user = '"users":[{"name":"worker","user":{"token":"eyJhbGciOi.J9-_x"}}]'
    text = f'{kubeconfig_head(server)}{port},"certificate-authority-data":"{authority}"}}}}],{context},{user}'
    return text + more


def secret(text: str, name: str = WORKER, namespace: str = "kueue-system", **more: str) -> dict[str, Any]:
    data = {"kubeconfig": base64.b64encode(text.encode()).decode(), **more}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


def test_a_workers_kubeconfig_is_permitted_for_its_described_address_alone() -> None:
    assert orjson.loads(kubeconfig())["clusters"][0]["cluster"]["server"] == SERVER
    assert refused(secret(kubeconfig())) == set()
    assert refused(secret(kubeconfig("https://api.example.org:6443"))) == {"PLC-012"}
    assert refused(secret(kubeconfig()), server=None) == {"PLC-012"}
    assert refused(secret(kubeconfig(None)), server=None) == set()
    assert refused(secret(kubeconfig(None)), server=SERVER) == {"PLC-012"}
    account = kubeconfig(None).replace("6443", "6443@example.org")
    assert refused(secret(account), server=None) == {"PLC-012"}


@pytest.mark.parametrize("blanks", range(3))
@pytest.mark.parametrize(
    "more",
    [
        ',"clusters":[{"name":"worker","cluster":{"server":"https://abroad"}}]}',
        ',"clusters":[{"name":"worker","cluster":{"s\\u0065rver":"https://abroad"}}]}',
        ',"clusters":[{"name":"worker","cluster":{"proxy-url":"http://abroad"}}]}',
        ",!!binary c2VydmVy: x}",
        ',"a":"b@c"}',
    ],
)
def test_nothing_behind_it_leads_elsewhere_wherever_it_stands(blanks: int, more: str) -> None:
    """Base64 shows the same text in three ways, by its place."""
    assert refused(secret(kubeconfig(more=" " * blanks + "}"))) == set()
    assert refused(secret(kubeconfig(more=" " * blanks + more))) == {"PLC-012"}


def test_other_secrets_are_not_judged_so_and_a_worker_has_no_second_entry() -> None:
    assert refused(secret("anything", "certificate")) == set()
    assert refused(secret("anything", namespace="t")) == set()
    assert refused(secret("anything")) == {"PLC-012"}
    assert refused(secret(kubeconfig(), more="eA==")) == {"PLC-012"}
    assert refused(secret("anything"), cluster=WORKER) == set()
    empty = secret("anything")
    del empty["data"]
    assert refused(empty) == {"PLC-012"}
