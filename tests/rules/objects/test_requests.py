"""What the API server maintains by itself must pass, or it would not start (as read from Kubernetes 1.37)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rules.deciding import obj, refused_by

API = "flowcontrol.apiserver.k8s.io/v1"
EVERYTHING = {
    "apiGroups": ["*"],
    "resources": ["*"],
    "verbs": ["*"],
    "namespaces": ["*"],
    "clusterScope": True,
}
PATHS = {"nonResourceURLs": ["*"], "verbs": ["*"]}


def group(name: str) -> dict[str, Any]:
    return {"kind": "Group", "group": {"name": name}}


def flow(name: str, precedence: int, level: str, *subjects: dict[str, Any], **rules: Any) -> dict[str, Any]:
    rule = {"subjects": list(subjects), "resourceRules": [EVERYTHING], "nonResourceRules": [PATHS], **rules}
    spec = {
        "matchingPrecedence": precedence,
        "priorityLevelConfiguration": {"name": level},
        "rules": [rule],
    }
    return obj("FlowSchema", API, namespace="", metadata={"name": name}, spec=spec)


def level(name: str, kind: str, **fields: Any) -> dict[str, Any]:
    return obj(
        "PriorityLevelConfiguration",
        API,
        namespace="",
        metadata={"name": name},
        spec={"type": kind, **fields},
    )


HEALTH = [{"nonResourceURLs": ["/healthz", "/readyz", "/livez"], "verbs": ["get"]}]
SCHEDULER = {"kind": "User", "user": {"name": "system:kube-scheduler"}}
ACCOUNTS = {"kind": "ServiceAccount", "serviceAccount": {"name": "*", "namespace": "kube-system"}}
OWN = [
    flow("exempt", 1, "exempt", group("system:masters")),
    flow(
        "probes",
        2,
        "exempt",
        group("system:unauthenticated"),
        group("system:authenticated"),
        resourceRules=[],
        nonResourceRules=HEALTH,
    ),
    flow("system-nodes", 500, "system", group("system:nodes")),
    flow("kube-scheduler", 800, "workload-high", SCHEDULER),
    flow("kube-system-service-accounts", 900, "workload-high", ACCOUNTS),
    flow("service-accounts", 9000, "workload-low", group("system:serviceaccounts")),
    flow("global-default", 9900, "global-default", group("system:authenticated")),
    flow("catch-all", 10000, "catch-all", group("system:unauthenticated"), group("system:authenticated")),
    level("exempt", "Exempt", exempt={"nominalConcurrencyShares": 0, "lendablePercent": 0}),
    level("workload-low", "Limited", limited={"nominalConcurrencyShares": 100, "lendablePercent": 90}),
]


@pytest.mark.parametrize("own", OWN, ids=lambda own: str(own["metadata"]["name"]))
def test_what_the_api_server_maintains_passes(own: dict[str, Any]) -> None:
    assert refused_by(own) == set()


def test_the_exempt_level_itself_gets_no_shares_by_the_thousand() -> None:
    grown = level("exempt", "Exempt", exempt={"nominalConcurrencyShares": 1000, "lendablePercent": 0})
    assert refused_by(grown) == {"APF-002"}
