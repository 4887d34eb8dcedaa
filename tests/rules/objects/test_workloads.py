from __future__ import annotations

from typing import Any

import pytest

from tests.rules.deciding import obj, refused_by
from tests.rules.subject import pod


def _token(seconds: int) -> dict[str, Any]:
    source = {"serviceAccountToken": {"path": "token", "expirationSeconds": seconds}}
    return {"name": "token", "projected": {"sources": [source]}}


@pytest.mark.parametrize(
    ("spec", "rules"),
    [
        ({"automountServiceAccountToken": True}, {"PRV-011"}),
        ({"automountServiceAccountToken": False}, set()),
        ({"volumes": [_token(86_400)]}, set()),
        ({"volumes": [_token(86_401)]}, {"PRV-012"}),
        ({"priorityClassName": "system-node-critical"}, {"PRV-013"}),
        ({"priorityClassName": "sovereign-high"}, set()),
    ],
)
def test_a_pod_takes_no_token_and_no_priority_of_the_system(spec: dict[str, Any], rules: set[str]) -> None:
    assert refused_by(pod(**spec)) == rules


@pytest.mark.parametrize(
    ("name", "value", "rules"),
    [
        ("kubernetes.io/config.mirror", "x", {"PRV-014"}),
        ("kubernetes.io/config.source", "file", {"PRV-014"}),
        ("kubernetes.io/config.source", "api", set()),
        ("container.apparmor.security.beta.kubernetes.io/main", "unconfined", {"PRV-010"}),
    ],
)
def test_annotations_neither_fake_a_static_pod_nor_turn_off_apparmor(
    name: str, value: str, rules: set[str]
) -> None:
    annotated = pod()
    annotated["metadata"]["annotations"] = {name: value}
    assert refused_by(annotated) == rules


def test_a_service_account_mounts_its_token_nowhere() -> None:
    assert refused_by(obj("ServiceAccount", automountServiceAccountToken=True)) == {"PRV-011"}
    assert refused_by(obj("ServiceAccount")) == set()
