"""What is said of pods that a budget keeps is what an API server says to their eviction; it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.operate.repair.held_pods import BUDGETS, held_pods
from tests.queues.test_pending import _reports, made, node, until

pytestmark = pytest.mark.cluster
SPACE = "budgets"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Start a control plane with two machines."""
    root = tmp_path_factory.mktemp("clusters")
    cluster = up("budgets", root=root, wait_seconds=300)
    try:
        api = open_cluster(cluster.kubeconfig)
        api.create(made("v1", "Namespace", SPACE, {}))
        for name in ("n1", "n2"):
            machine = node(name, "r1")
            api.create(machine)
            until(lambda machine=machine: _reports(api, machine))
        yield api
    finally:
        down("budgets", root=root)


def replicas(api: Api, name: str, count: int) -> None:
    """Run pods of a ReplicaSet, and wait until all are ready."""
    labels = {"app": name}
    pod = {"containers": [{"name": "main", "image": "registry.invalid/a"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": count, "selector": {"matchLabels": labels}, "template": template}
    if api.get("apps/v1", "ReplicaSet", name, SPACE) is None:
        api.create(made("apps/v1", "ReplicaSet", name, spec, namespace=SPACE))
    else:
        api.patch("apps/v1", "ReplicaSet", name, {"spec": {"replicas": count}}, SPACE)
    until(lambda: sum(map(is_ready, pods(api, name))) == count)


def pods(api: Api, name: str) -> list[dict[str, Any]]:
    return api.list("v1", "Pod", SPACE, f"app={name}")


def is_ready(pod: dict[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def budget(api: Api, name: str, app: str, expected: int, **limit: Any) -> None:
    """Create a budget, and wait until Kubernetes has computed it."""
    spec = {"selector": {"matchLabels": {"app": app}}, **limit}
    api.create(made(*BUDGETS, name, spec, namespace=SPACE))
    computed(api, name, expected)


def computed(api: Api, name: str, expected: int) -> None:
    def is_computed() -> bool:
        status = (api.get(*BUDGETS, name, SPACE) or {}).get("status") or {}
        return bool(status.get("expectedPods") == expected == status.get("currentHealthy"))

    until(is_computed)


def refusal(api: Api, pod: dict[str, Any]) -> str:
    """Return what the API server says to an eviction in a dry run; empty where it would evict."""
    name = pod["metadata"]["name"]
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": SPACE}}
    try:
        path = f"/api/v1/namespaces/{SPACE}/pods/{name}/eviction"
        api.request("POST", path, {**body, "deleteOptions": {"dryRun": ["All"]}}, {"dryRun": "All"})
    except ApiError as error:
        return "; ".join(error.causes) or error.problems[0].message
    return ""


def compared(api: Api, app: str) -> list[str]:
    """Return what is said of each pod, which is empty where the server would evict it."""
    budgets = api.list(*BUDGETS, SPACE)
    said = []
    for pod in pods(api, app):
        held = held_pods([pod], budgets)
        answer = refusal(api, pod)
        assert bool(held) == bool(answer), (held, answer)
        said.append(str(held[0]) if held else "")
    return said


def test_a_budget_of_all_its_pods_keeps_each_until_there_is_one_more(api: Api) -> None:
    replicas(api, "whole", 2)
    budget(api, "whole", "whole", 2, minAvailable=2)
    said = compared(api, "whole")
    assert len(said) == 2
    for text in said:
        assert "budgets/whole needs 2 healthy pods and has 2, since 20" in text
        assert "add a replica" in text
    replicas(api, "whole", 3)
    computed(api, "whole", 3)
    assert compared(api, "whole") == ["", "", ""]


def test_a_budget_with_room_and_a_pod_without_one_keep_nothing(api: Api) -> None:
    replicas(api, "room", 2)
    assert compared(api, "room") == ["", ""]
    budget(api, "room", "room", 2, maxUnavailable=1)
    assert compared(api, "room") == ["", ""]


def test_of_two_budgets_with_room_the_server_evicts_nothing(api: Api) -> None:
    replicas(api, "twice", 2)
    budget(api, "first", "twice", 2, maxUnavailable=1)
    budget(api, "second", "twice", 2, maxUnavailable=1)
    assert all("budgets/first, budgets/second" in text for text in compared(api, "twice"))
