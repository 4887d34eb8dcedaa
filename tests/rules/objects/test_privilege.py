from __future__ import annotations

from typing import Any

import pytest

from tests.rules.deciding import refused_by
from tests.rules.subject import pod

BOX = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def _contained(**context: Any) -> dict[str, Any]:
    changed = pod()
    changed["spec"]["containers"][0]["securityContext"] = {**BOX, **context}
    return changed


@pytest.mark.parametrize(
    ("context", "rules"),
    [
        ({}, set()),
        ({"privileged": True}, {"PRV-003"}),
        ({"allowPrivilegeEscalation": True}, {"PRV-003"}),
        ({"capabilities": {"drop": ["NET_RAW"]}}, {"PRV-004"}),
        ({"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}, set()),
        ({"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}, {"PRV-004"}),
        ({"runAsNonRoot": False}, {"PRV-005"}),
        ({"runAsUser": 0}, {"PRV-005"}),
        ({"seccompProfile": {"type": "Unconfined"}}, {"PRV-006"}),
        ({"procMount": "Unmasked"}, {"PRV-008"}),
    ],
)
def test_a_container_has_no_more_than_the_restricted_level(context: Any, rules: set[str]) -> None:
    assert refused_by(_contained(**context)) == rules


def test_the_host_stays_out_of_reach() -> None:
    assert refused_by(pod(hostPID=True)) == {"PRV-001"}
    assert refused_by(pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}])) == {"PRV-002"}
    assert refused_by(pod(volumes=[{"name": "v", "emptyDir": {}}])) == set()
