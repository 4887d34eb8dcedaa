"""Who set a field, read from what the API server remembers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sovereign_ai.verify.drift import find_drift, owner
from sovereign_ai.verify.observation import Observed

LIVE: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "NetworkPolicy",
    "metadata": {
        "name": "deny",
        "namespace": "research",
        "labels": {"example.com/a.b": "x"},
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "managedFields": [
            {
                "manager": "sovereign-ai",
                "time": "2026-01-09T00:00:00Z",
                "fieldsV1": {"f:spec": {"f:podSelector": {}, "f:ports": {}}},
            },
            {
                "manager": "eve",
                "time": "2026-01-02T00:00:00Z",
                "fieldsV1": {"f:metadata": {"f:labels": {"f:example.com/a.b": {}}}},
            },
            {"manager": "mallory", "time": "2026-01-03T00:00:00Z", "fieldsV1": {"f:spec": {"f:ingress": {}}}},
            {"manager": "late", "time": "2026-01-04T00:00:00Z", "fieldsV1": {"f:spec": {"f:ingress": {}}}},
            {
                "manager": "keyed",
                "time": "2026-01-05T00:00:00Z",
                "fieldsV1": {"f:spec": {"f:ports": {'k:{"name":"b"}': {"f:port": {}}}}},
            },
            {
                "manager": "status",
                "time": "2026-01-06T00:00:00Z",
                "subresource": "status",
                "fieldsV1": {"f:spec": {"f:status": {}}},
            },
        ],
    },
    "spec": {
        "podSelector": {},
        "ingress": [{}],
        "ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}],
        "hard": {},
    },
}


@pytest.mark.parametrize(
    ("path", "manager"),
    [
        ("spec.ingress", "late"),
        ("spec.ingress[0].from", "late"),
        ("metadata.labels[example.com/a.b]", "eve"),
        ("spec.ports[1].port", "keyed"),
        ("spec.ports[0].port", ""),
        ("spec.podSelector", ""),
        ("spec.status", ""),
        ("metadata.labels[example.com/a]", ""),
        ("spec.gone", ""),
    ],
)
def test_the_last_manager_that_is_not_ours_set_the_field(path: str, manager: str) -> None:
    assert owner(LIVE, path)[0] == manager


def test_changed_missing_and_foreign_objects_are_told_apart() -> None:
    wanted = [
        {
            **LIVE,
            "metadata": {"name": "deny", "namespace": "research"},
            "spec": {**LIVE["spec"], "ingress": []},
        },
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "research"}},
    ]
    stranger = {**LIVE, "metadata": {**LIVE["metadata"], "name": "other"}}
    observed = Observed(
        "lab", {("networking.k8s.io/v1", "NetworkPolicy"): (LIVE, stranger)}, (), {}, 0, datetime.now(UTC)
    )
    found = {(one.kind, one.resource, one.field): one for one in find_drift(observed, wanted)}
    changed = found["changed", "NetworkPolicy/research/deny", "spec.ingress"]
    assert (changed.old, changed.new, changed.manager, changed.time) == (
        [],
        [{}],
        "late",
        "2026-01-04T00:00:00Z",
    )
    assert found["missing", "Namespace/research", ""].manager == ""
    foreign = found["foreign", "NetworkPolicy/research/other", ""]
    assert (foreign.manager, foreign.time) == ("eve", "2026-01-01T00:00:00Z")
