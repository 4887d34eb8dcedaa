from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.names import KEYS, MANAGEMENT_ROLE
from sovereign_ai.rules.context import SPARE_TAINT
from tests.rules.deciding import refused_by
from tests.rules.subject import pod


@pytest.mark.parametrize(
    ("spec", "rules"),
    [
        ({"nodeSelector": {KEYS.zone: "open"}}, {"PLC-001"}),
        ({"nodeSelector": {KEYS.jurisdiction: "US"}}, {"PLC-001"}),
        ({"tolerations": [{"operator": "Exists"}]}, {"PLC-004"}),
        ({"tolerations": [{"key": SPARE_TAINT, "operator": "Exists"}]}, {"PLC-004"}),
        ({"tolerations": [{"key": MANAGEMENT_ROLE, "operator": "Exists"}]}, {"PLC-004"}),
        ({"tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}]}, set()),
        ({"tolerations": [{"key": "virtual-kubelet.io/provider", "operator": "Exists"}]}, {"PLC-007"}),
        ({"runtimeClassName": "kata-remote"}, {"PLC-010"}),
        ({"runtimeClassName": "nvidia"}, set()),
    ],
)
def test_a_pod_stays_on_nodes_of_its_zone(spec: dict[str, Any], rules: set[str]) -> None:
    assert refused_by(pod(**spec)) == rules


@pytest.mark.parametrize(("operator", "rules"), [("In", {"PLC-006"}), ("NotIn", set())])
def test_a_term_of_the_affinity_may_narrow_and_not_name_another_zone(operator: str, rules: set[str]) -> None:
    expression = {"key": KEYS.zone, "operator": operator, "values": ["open"]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    assert refused_by(pod(affinity=affinity)) == rules


def test_an_annotation_may_not_join_a_pod_to_another_network() -> None:
    joined = pod()
    joined["metadata"]["annotations"] = {"k8s.v1.cni.cncf.io/networks": "vlan7"}
    assert refused_by(joined) == {"PLC-011"}
