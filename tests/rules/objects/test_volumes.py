from __future__ import annotations

from typing import Any

import pytest

from tests.rules.deciding import obj, refused_by
from tests.rules.subject import pod


def _volume(region: str = "fra1", **spec: Any) -> dict[str, Any]:
    expression = {"key": "topology.kubernetes.io/region", "operator": "In", "values": [region]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    fields = {"storageClassName": "scratch", "nodeAffinity": {"required": terms}, **spec}
    return obj("PersistentVolume", namespace="", spec=fields)


@pytest.mark.parametrize(
    ("volume", "rules"),
    [
        (_volume(local={"path": "/mnt/x"}), set()),
        (_volume(region="us-east-1", local={"path": "/mnt/x"}), {"STO-005"}),
        (_volume(hostPath={"path": "/"}), {"STO-006"}),
        (_volume(claimRef={"namespace": "startups", "name": "c"}), {"STO-007"}),
        (_volume(nfs={"server": "nas.storage.svc", "path": "/"}), set()),
        (_volume(nfs={"server": "nas.example.com", "path": "/"}), {"STO-013"}),
        (_volume(csi={"driver": "d", "volumeHandle": "h"}), {"STO-013"}),
        (_volume(iscsi={"targetPortal": "203.0.113.9"}), {"STO-013"}),
    ],
)
def test_a_volume_lies_in_a_region_of_its_zone(volume: dict[str, Any], rules: set[str]) -> None:
    assert refused_by(volume) == rules


def test_a_pod_describes_no_volume_of_a_driver_itself() -> None:
    assert refused_by(pod(volumes=[{"name": "v", "csi": {"driver": "d"}}])) == {"STO-011"}
