from __future__ import annotations

from typing import Any

import pytest

from tests.rules.deciding import obj, refused_by
from tests.rules.subject import pod


@pytest.mark.parametrize(
    ("spec", "rules"),
    [
        ({"nodeName": "node-1"}, {"PLC-002"}),
        ({"schedulerName": "default-scheduler"}, set()),
        ({"schedulerName": "mine"}, {"PLC-003"}),
    ],
)
def test_a_pod_leaves_its_place_to_the_scheduler(spec: dict[str, Any], rules: set[str]) -> None:
    assert refused_by(pod(**spec)) == rules


def test_a_live_pod_keeps_the_node_that_the_scheduler_chose() -> None:
    assert "PLC-002" not in refused_by(pod(nodeName="node-1"), "live")


def test_a_job_is_run_by_the_clusters_own_controller() -> None:
    template = {key: value for key, value in pod().items() if key == "spec"}
    job = {"template": template, "managedBy": "kueue.x-k8s.io/multikueue"}
    assert refused_by(obj("Job", "batch/v1", spec=job)) == {"PLC-009"}
    assert refused_by(obj("Job", "batch/v1", spec={"template": template})) == set()


def test_a_claim_asks_for_no_access_of_an_administrator() -> None:
    for asks, rules in ((True, {"DEV-001"}), (False, set())):
        request = {"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com", "adminAccess": asks}}
        claim = obj("ResourceClaim", "resource.k8s.io/v1", spec={"devices": {"requests": [request]}})
        assert refused_by(claim) == rules
