"""What is said of pods that a budget keeps is what an API server says to their eviction; it is asked.

And what it does with a pod that is being deleted, whose eviction is requested with less time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import Api, ApiError, open_cluster
from sovereign_ai.cluster.embedded.lifecycle import down, up
from sovereign_ai.cluster.evictions import cut_grace, evict_pod
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


def running(api: Api, name: str, grace: int) -> dict[str, Any]:
    """Return a pod that is ready on a machine without a kubelet, so that nobody ends it."""
    if api.get("v1", "Node", "quiet") is None:
        api.create(made("v1", "Node", "quiet", {}))
    spec = {"nodeName": "quiet", "terminationGracePeriodSeconds": grace}
    spec |= {"containers": [{"name": "main", "image": "registry.invalid/a"}]}
    api.create(made("v1", "Pod", name, spec, namespace=SPACE, labels={"app": name}))
    ready = [{"type": "Ready", "status": "True"}]
    live = api.get("v1", "Pod", name, SPACE)
    assert live is not None
    return api.update_status(live | {"status": {"phase": "Running", "conditions": ready}})


def test_a_deletion_gets_shorter_under_a_budget_and_never_longer(api: Api) -> None:
    year, limit = 31_536_000, timedelta(hours=1)
    pod = running(api, "long", year)
    budget(api, "long", "long", 1, minAvailable=1)
    now = datetime.now(UTC)
    assert cut_grace(pod, limit, now, now) == 3600
    # As long as it runs, the budget holds it, however little time it is given.
    assert "long" in evict_pod(api, pod, 3600)
    api.delete("v1", "Pod", "long", SPACE)
    deleted = api.get("v1", "Pod", "long", SPACE)
    assert deleted is not None
    assert deleted["metadata"]["deletionGracePeriodSeconds"] == year
    seconds = cut_grace(deleted, limit, now, now + timedelta(minutes=10))
    assert seconds is not None
    assert 2990 <= seconds <= 3600
    for given in (seconds, 7200):
        assert evict_pod(api, deleted, given) == ""
        cut = api.get("v1", "Pod", "long", SPACE)
        assert cut is not None
        assert cut["metadata"]["deletionGracePeriodSeconds"] == seconds
        assert cut_grace(cut, limit, now, now + timedelta(minutes=10)) is None


def test_an_eviction_of_a_pod_that_runs_gives_it_the_time_of_the_request(api: Api) -> None:
    pod = running(api, "cut", 2**62)
    now = datetime.now(UTC)
    assert evict_pod(api, pod, cut_grace(pod, timedelta(hours=1), now, now)) == ""
    ending = api.get("v1", "Pod", "cut", SPACE)
    assert ending is not None
    assert ending["metadata"]["deletionGracePeriodSeconds"] == 3600
    assert cut_grace(ending, timedelta(hours=1), now, now) is None


def test_a_deletion_with_a_period_beyond_all_calendars_gets_a_date(api: Api) -> None:
    running(api, "endless", 2**62)
    api.delete("v1", "Pod", "endless", SPACE)
    ending = api.get("v1", "Pod", "endless", SPACE)
    assert ending is not None
    now = datetime.now(UTC)
    assert cut_grace(ending, timedelta(hours=1), now, now) == 3600
    assert evict_pod(api, ending, 3600) == ""
    cut = api.get("v1", "Pod", "endless", SPACE)
    assert cut is not None
    assert cut_grace(cut, timedelta(hours=1), now, now) is None
