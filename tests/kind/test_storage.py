"""Volumes with topology: a claim's volume lies in its zone, and a claim outside gets none, with the
reason.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sovereign_ai.cluster.api.client import ApiError
from sovereign_ai.names import KEYS
from tests.kind.pods import HOST, Site, until

pytestmark = pytest.mark.kind
CLASS, ZONE = "scratch", "restricted"


def claim(namespace: str, name: str, kind: str = CLASS, size: str = "1Gi") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "storageClassName": kind,
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
        },
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
        assert (
            site.api.get("v1", "PersistentVolumeClaim", "waiting", namespace)["status"]["phase"] == "Pending"
        )  # type: ignore[index]


def test_another_zones_class_is_refused_to_a_tenant_at_admission(site: Site) -> None:
    with pytest.raises(ApiError, match="STO-001"):
        site.api.create(claim(site.place("open").namespace.name, "across"), dry_run=True)


def outside(
    site: Site, name: str, zone: str, size: str = "1Gi"
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A namespace that no rule governs, with a claim and a pod on a zone's machine: only the provisioner can
    refuse them.
    """
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    pod = with_claim(site.pod("holder", zone, "pause"), "wish")
    pod["metadata"] |= {"namespace": name, "labels": {}}
    pod["spec"]["nodeSelector"] = {HOST: site.real(zone)}
    return space, claim(name, "wish", size=size), pod


def test_a_claim_on_a_machine_outside_its_zone_gets_no_volume_and_is_told_why(site: Site) -> None:
    space, wish, pod = outside(site, "storage-outside", "open")
    with site.there(space, wish, pod):
        until(
            lambda: any("serves zone restricted" in said for said in site.events(wish)),
            lambda: site.events(wish),
        )
        assert (
            f"class scratch serves zone restricted; node {site.real('open')} is in zone open"
            in site.events(wish)
        )
        assert site.phase(pod) == "Pending"
        claims = [
            one["spec"].get("claimRef", {}).get("namespace")
            for one in site.api.list("v1", "PersistentVolume")
        ]
        assert "storage-outside" not in claims


def test_a_tier_gives_no_more_than_the_plan_has(site: Site) -> None:
    with pytest.raises(ApiError, match="exceeded quota"):
        site.api.create(claim(site.place(ZONE).namespace.name, "too-large", size="501T"), dry_run=True)
    space, wish, pod = outside(site, "storage-large", ZONE, "501T")
    with site.there(space, wish, pod):
        until(lambda: any("left of 500 TB" in said for said in site.events(wish)), lambda: site.events(wish))
        assert site.phase(pod) == "Pending"
