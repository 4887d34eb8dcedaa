"""Volumes with topology: a claim's volume lies in its zone, and a claim outside gets none, with the reason."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sovereign_ai.cluster.access import ApiError
from sovereign_ai.names import KEYS
from tests.kind.pods import HOST, Site, until

pytestmark = pytest.mark.kind
CLASS, ZONE = "scratch", "restricted"


def claim(namespace: str, name: str, kind: str = CLASS, size: str = "1Gi") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"storageClassName": kind, "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
    }


def with_claim(pod: dict[str, Any], name: str) -> dict[str, Any]:
    """A pod that has a claim at /data."""
    changed = copy.deepcopy(pod)
    changed["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": name}}]
    changed["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    changed["spec"]["securityContext"]["fsGroup"] = 65532
    return changed


def test_what_one_pod_writes_the_next_one_finds_on_a_volume_of_the_claims_zone(site: Site) -> None:
    namespace = site.place(ZONE).namespace.name
    wish = claim(namespace, "kept")
    writer = with_claim(site.pod("writer", ZONE, "copy", "/etc/hostname", "/data/written"), "kept")
    reader = with_claim(site.pod("reader", ZONE, "list", "/data"), "kept")
    with site.there(wish):
        with site.there(writer):
            site.said(writer)
            assert site.phase(writer) == "Succeeded"
        with site.there(reader):
            assert site.said(reader).split() == ["written"]
        bound = site.api.get("v1", "PersistentVolumeClaim", "kept", namespace)
        assert bound is not None
        volume = site.api.get("v1", "PersistentVolume", bound["spec"]["volumeName"])
        assert volume is not None
        (term,) = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
        places = {one["key"]: one["values"] for one in term["matchExpressions"]}
        assert places[KEYS.zone] == [ZONE]
        assert places[HOST] == [site.real(ZONE)]
    site.remove(volume)


def test_a_claim_waits_for_its_first_pod(site: Site) -> None:
    namespace = site.place(ZONE).namespace.name
    wish = claim(namespace, "waiting")
    with site.there(wish):
        until(lambda: any("first consumer" in said for said in site.events(wish)), lambda: site.events(wish))
        assert site.api.get("v1", "PersistentVolumeClaim", "waiting", namespace)["status"]["phase"] == "Pending"  # type: ignore[index]


def test_another_zones_class_is_refused_to_a_tenant_at_admission(site: Site) -> None:
    with pytest.raises(ApiError, match="STO-001"):
        site.api.create(claim(site.place("open").namespace.name, "across"), dry_run=True)


def test_a_claim_on_a_machine_outside_its_zone_gets_no_volume_and_is_told_why(site: Site) -> None:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "storage-outside"}}
    outside = site.real("open")
    wish = claim("storage-outside", "outside")
    pod = with_claim(site.pod("outside", "open", "pause"), "outside")
    pod["metadata"] |= {"namespace": "storage-outside", "labels": {}}
    pod["spec"]["nodeSelector"] = {HOST: outside}
    with site.there(space, wish, pod):
        until(lambda: any("serves zone restricted" in said for said in site.events(wish)), lambda: site.events(wish))
        assert f"class scratch serves zone restricted; machine {outside} stands in zone open" in site.events(wish)
        assert site.phase(pod) == "Pending"
        claims = [one["spec"].get("claimRef", {}).get("namespace") for one in site.api.list("v1", "PersistentVolume")]
        assert "storage-outside" not in claims


def test_a_tier_gives_no_more_than_the_plan_has(site: Site) -> None:
    namespace = site.place(ZONE).namespace.name
    wish = claim(namespace, "too-large", size="501T")
    pod = with_claim(site.pod("too-large", ZONE, "pause"), "too-large")
    with site.there(wish, pod):
        until(lambda: any("left of 500 TB" in said for said in site.events(wish)), lambda: site.events(wish))
        assert site.phase(pod) == "Pending"
