from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sovereign_ai.names import KEYS
from sovereign_ai.plan.factory import plan
from sovereign_ai.render.kubernetes.bundle import render
from sovereign_ai.rules.whole_check import check as judge
from sovereign_ai.sim.nodes import node_objects
from sovereign_ai.sim.provisioner import Provisioner, _event
from sovereign_ai.spec.reader import load
from tests.verify.in_memory import InMemoryApi, refused

FACTORY = load(Path(__file__).resolve().parents[2] / "stacks" / "lab")
PLAN = plan(FACTORY)
BUNDLE = render(FACTORY, PLAN, "lab")
TRAIN, SERVE = (
    next(node.name for node in PLAN.nodes if node.zone == zone) for zone in ("restricted", "open")
)
SELECTED = "volume.kubernetes.io/selected-node"


class Api(InMemoryApi):
    """Knows the one patch that a provisioner sends."""

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Mapping[str, str] | None = None,  # noqa: ARG002 - nothing is asked
        content_type: str = "",
    ) -> dict[str, Any]:
        assert (method, content_type) == ("PATCH", "application/merge-patch+json")
        assert isinstance(body, dict)
        claim = self.live("PersistentVolumeClaim", path.rpartition("/")[2], path.split("/")[4])
        assert body["metadata"]["annotations"] == {SELECTED: None}
        del claim["metadata"]["annotations"][SELECTED]
        return claim


class Cluster:
    """The lab's storage classes and machines, of which the first of each zone is real."""

    def __init__(self, root: Path) -> None:
        self.api, self.root = Api(), root
        self.api.put(
            *(obj for obj in BUNDLE.objects if obj["kind"] == "StorageClass"),
            *node_objects(FACTORY, PLAN, "lab"),
        )
        for name in (TRAIN, SERVE):
            (root / name).mkdir()
        self.provisioner = Provisioner(self.api, PLAN, "lab", self.folder, "/volumes")

    def folder(self, machine: str) -> Path | None:
        return self.root / machine if (self.root / machine).is_dir() else None

    def claim(self, kind: str, machine: str, size: str = "10Gi", **spec: Any) -> str:
        provisioner = self.api.live("StorageClass", kind)["provisioner"]
        uid = str(uuid.uuid4())
        annotations = {SELECTED: machine, "volume.kubernetes.io/storage-provisioner": provisioner}
        self.api.put(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "data", "namespace": "research", "uid": uid, "annotations": annotations},
                "spec": {
                    "storageClassName": kind,
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": size}},
                    **spec,
                },
            }
        )
        return f"pvc-{uid}"

    def refusal(self) -> str:
        """The reason that the claim's owner reads; the scheduler may choose another machine then."""
        assert self.provisioner.keep() == 0
        assert self.api.list("v1", "PersistentVolume") == []
        assert (
            SELECTED
            not in self.api.live("PersistentVolumeClaim", "data", "research")["metadata"]["annotations"]
        )
        (event,) = self.api.list("v1", "Event")
        assert (event["reason"], event["involvedObject"]["name"]) == ("ProvisioningFailed", "data")
        return str(event["message"])


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def test_a_claim_gets_a_volume_in_its_zone_on_the_machine_that_was_chosen(cluster: Cluster) -> None:
    name = cluster.claim("scratch", TRAIN)
    assert cluster.provisioner.keep() == 1
    volume = cluster.api.live("PersistentVolume", name)
    (term,) = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert {one["key"]: one["values"] for one in term["matchExpressions"]} == {
        "topology.kubernetes.io/region": ["fra1"],
        "topology.kubernetes.io/zone": ["h1"],
        KEYS.zone: ["restricted"],
        "kubernetes.io/hostname": [TRAIN],
    }
    assert volume["spec"]["local"] == {"path": f"/volumes/{name}"}
    assert volume["spec"]["claimRef"]["uid"] == name.removeprefix("pvc-")
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert (cluster.root / TRAIN / name).stat().st_mode & 0o777 == 0o770
    assert not (cluster.root / SERVE / name).exists()


def test_a_class_of_a_csi_driver_is_served_where_the_cluster_has_no_such_driver(cluster: Cluster) -> None:
    cluster.api.live("StorageClass", "scratch")["provisioner"] = "csi.example.com"
    driver = {"apiVersion": "storage.k8s.io/v1", "kind": "CSIDriver", "metadata": {"name": "csi.example.com"}}
    cluster.api.put(driver)
    name = cluster.claim("scratch", TRAIN)
    assert cluster.provisioner.keep() == 0
    cluster.api.delete("storage.k8s.io/v1", "CSIDriver", "csi.example.com")
    assert cluster.provisioner.keep() == 1
    made_by = cluster.api.live("PersistentVolume", name)["metadata"]["annotations"]
    # Were it the driver's own name, the driver would take the volume for its own once it is installed.
    assert made_by == {"pv.kubernetes.io/provisioned-by": "sovereign-ai.internal/csi.example.com"}


def test_the_rules_for_volumes_find_nothing_in_ours(cluster: Cluster) -> None:
    name = cluster.claim("scratch", TRAIN)
    cluster.provisioner.keep()
    found = judge(
        FACTORY, PLAN, (*BUNDLE.objects, cluster.api.live("PersistentVolume", name)), now=date(2026, 11, 24)
    )
    assert [one for one in found.findings if name in one.resource] == []


def test_a_claim_on_a_machine_of_another_zone_is_refused_with_the_reason(cluster: Cluster) -> None:
    cluster.claim("scratch", SERVE)
    assert cluster.refusal() == f"class scratch serves zone restricted; node {SERVE} is in zone open"


def test_a_claim_in_a_hall_that_the_tier_does_not_reach_is_refused(cluster: Cluster) -> None:
    cluster.api.live("Node", TRAIN)["metadata"]["labels"]["topology.kubernetes.io/zone"] = "h9"
    cluster.claim("scratch", TRAIN)
    assert cluster.refusal() == f"class scratch does not reach fra1/h9, where node {TRAIN} is"


def test_a_claim_on_a_simulated_machine_is_refused(cluster: Cluster) -> None:
    other = next(node.name for node in PLAN.nodes if node.zone == "restricted" and node.name != TRAIN)
    cluster.claim("scratch", other)
    assert cluster.refusal() == f"node {other} is simulated: it can have no volume"


@pytest.mark.parametrize("size", ["1e9", "1500m"])
def test_a_claim_of_any_quantity_that_the_api_server_keeps_is_served(cluster: Cluster, size: str) -> None:
    name = cluster.claim("scratch", TRAIN, size)
    assert cluster.provisioner.keep() == 1
    assert cluster.api.live("PersistentVolume", name)["spec"]["capacity"] == {"storage": size}


def test_one_claim_that_the_server_does_not_take_stops_no_other(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.claim("scratch", TRAIN)
    (first,) = cluster.api.list("v1", "PersistentVolumeClaim")
    strange = {
        **first,
        "metadata": {**first["metadata"], "name": "a-strange-one"},
        "spec": {**first["spec"], "storageClassName": ""},
    }
    cluster.api.put(strange)
    get = cluster.api.get

    def strict(version: str, kind: str, name: str, *more: str) -> dict[str, Any] | None:
        if not name:
            raise refused(403, "a list is not yours to read")
        return get(version, kind, name, *more)

    monkeypatch.setattr(cluster.api, "get", strict)
    assert cluster.provisioner.keep() == 1


def test_the_event_of_a_claim_with_the_longest_name_has_a_name_that_the_server_takes(
    cluster: Cluster,
) -> None:
    cluster.claim("scratch", SERVE)
    (claim,) = cluster.api.list("v1", "PersistentVolumeClaim")
    claim["metadata"]["name"] = "a" * 253
    assert len(_event(claim, "no")["metadata"]["name"]) <= 253


def test_a_claim_larger_than_any_factory_is_refused_with_the_reason(cluster: Cluster) -> None:
    cluster.claim("scratch", TRAIN, "10E")
    assert "larger than any factory" in cluster.refusal()


def test_a_volume_that_somebody_made_under_our_name_stops_nothing(cluster: Cluster) -> None:
    cluster.claim("scratch", TRAIN)
    cluster.provisioner.keep()
    (volume,) = cluster.api.list("v1", "PersistentVolume")
    spec = {key: value for key, value in volume["spec"].items() if key != "nodeAffinity"}
    cluster.api.put(
        {
            **volume,
            "metadata": {**volume["metadata"], "name": "theirs"},
            "spec": spec,
            "status": {"phase": "Released"},
        }
    )
    name = cluster.claim("scratch", TRAIN)
    assert cluster.provisioner.keep() == 1
    assert cluster.api.live("PersistentVolume", name)


def test_a_tier_promises_no_more_than_the_plan_gives_it(cluster: Cluster) -> None:
    cluster.claim("scratch", TRAIN, "400T")
    assert cluster.provisioner.keep() == 1
    volume = cluster.api.list("v1", "PersistentVolume")[0]
    second = cluster.claim("scratch", TRAIN, "200T")
    assert cluster.provisioner.keep() == 0
    assert cluster.api.list("v1", "PersistentVolume") == [volume]
    (event,) = cluster.api.list("v1", "Event")
    assert event["message"] == "tier scratch has 100 TB left of 500 TB; the claim requests 200 TB"
    assert not (cluster.root / TRAIN / second).exists()


def test_block_devices_are_not_made(cluster: Cluster) -> None:
    cluster.claim("scratch", TRAIN, volumeMode="Block")
    assert "block devices are not made" in cluster.refusal()


@pytest.mark.parametrize("change", ["foreign provisioner", "no machine yet", "bound", "on its way out"])
def test_claims_that_are_not_ours_to_serve_are_left_alone(cluster: Cluster, change: str) -> None:
    cluster.claim("scratch", TRAIN)
    claim = cluster.api.live("PersistentVolumeClaim", "data", "research")
    if change == "foreign provisioner":
        claim["metadata"]["annotations"]["volume.kubernetes.io/storage-provisioner"] = "example.com/other"
    elif change == "no machine yet":
        del claim["metadata"]["annotations"][SELECTED]
    elif change == "bound":
        claim["spec"]["volumeName"] = "pvc-there"
    else:
        claim["metadata"]["deletionTimestamp"] = "2026-11-24T00:00:00Z"
    assert cluster.provisioner.keep() == 0
    assert cluster.api.list("v1", "PersistentVolume") == cluster.api.list("v1", "Event") == []


def test_a_run_that_was_killed_between_folder_and_volume_is_taken_up(cluster: Cluster) -> None:
    name = cluster.claim("scratch", TRAIN)
    (cluster.root / TRAIN / name).mkdir()
    assert cluster.provisioner.keep() == 1


@pytest.mark.parametrize(("policy", "goes"), [("Delete", True), ("Retain", False)])
def test_a_released_volume_goes_only_where_its_class_lets_it_go(
    cluster: Cluster, policy: str, goes: bool
) -> None:
    name = cluster.claim("scratch", TRAIN)
    cluster.provisioner.keep()
    (cluster.root / TRAIN / name / "file").write_text("data", encoding="utf-8")
    volume = cluster.api.live("PersistentVolume", name)
    volume["spec"]["persistentVolumeReclaimPolicy"] = policy
    volume["status"] = {"phase": "Released"}
    cluster.api.delete("v1", "PersistentVolumeClaim", "data", "research")
    cluster.provisioner.keep()
    assert (cluster.root / TRAIN / name).exists() is not goes
    assert (cluster.api.get("v1", "PersistentVolume", name) is None) is goes
