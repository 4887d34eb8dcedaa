"""Handles of disks: who names another namespace's is found, whatever its name and annotations say."""

from __future__ import annotations

from typing import Any

import pytest

from sovereign_ai.rules.registry import find_rule

Data = dict[str, Any]
OURS = [{"kind": "Namespace", "metadata": {"name": name}} for name in ("research", "startups")]


def volume(name: str, namespace: str, handle: str = "vol-1", driver: str = "d", **metadata: Data) -> Data:
    spec: Data = {"csi": {"driver": driver, "volumeHandle": handle}}
    if namespace:
        spec["claimRef"] = {"namespace": namespace, "name": "c"}
    return {"kind": "PersistentVolume", "metadata": {"name": name, **metadata}, "spec": spec}


def content(namespace: str, handle: str = "vol-1", driver: str = "d") -> Data:
    spec = {
        "driver": driver,
        "source": {"volumeHandle": handle},
        "volumeSnapshotRef": {"namespace": namespace},
    }
    return {"kind": "VolumeSnapshotContent", "metadata": {"name": "snapcontent-1"}, "spec": spec}


def group(namespace: str, *handles: str, driver: str = "d") -> Data:
    spec = {
        "driver": driver,
        "source": {"volumeHandles": list(handles)},
        "volumeGroupSnapshotRef": {"namespace": namespace},
    }
    return {"kind": "VolumeGroupSnapshotContent", "metadata": {"name": "groupsnapcontent-1"}, "spec": spec}


def found(*live: Data) -> list[str]:
    rule = find_rule("STO-014")
    assert rule.decide_live is not None
    return [one.resource for one in rule.decide_live(rule, live, OURS)]


TRADE = volume("pvc-1", "startups")
FORGED: Data = {"annotations": {"pv.kubernetes.io/provisioned-by": "d"}}


@pytest.mark.parametrize(
    "others",
    [
        pytest.param([content("research")], id="content-of-another-tenant"),
        pytest.param([content("default")], id="content-outside-the-zones"),
        pytest.param([content("kube-system")], id="content-of-the-system"),
        pytest.param([group("research", "vol-1")], id="group-of-another-tenant"),
        pytest.param([group("research", "vol-9", "vol-1")], id="second-of-a-group"),
        pytest.param([group("default", "vol-1")], id="group-outside-the-zones"),
        pytest.param([volume("pvc-2", "research")], id="second-volume"),
        pytest.param([volume("pvc-2", "research", **FORGED)], id="second-volume-with-a-forged-annotation"),
        pytest.param([volume("pvc-2", "default")], id="second-volume-outside-the-zones"),
        pytest.param([content("startups"), content("research")], id="beside-an-own-one"),
        pytest.param([volume("free", ""), content("research")], id="beside-a-volume-that-nobody-claims"),
    ],
)
def test_whoever_names_the_disk_of_another_namespace_is_found(others: list[Data]) -> None:
    names = {f"{other['kind']}/{other['metadata']['name']}" for other in others}
    assert set(found(TRADE, *others)) & names
    assert found(*others) == []


@pytest.mark.parametrize(
    "others",
    [
        pytest.param([content("startups")], id="content-of-the-own-namespace"),
        pytest.param([group("startups", "vol-1", "vol-2")], id="group-of-the-own-namespace"),
        pytest.param([content("research", handle="vol-2")], id="another-disk"),
        pytest.param([content("research", driver="e")], id="another-driver"),
        pytest.param([volume("pvc-2", "startups")], id="the-same-disk-in-one-namespace"),
        pytest.param([volume("free", "")], id="a-volume-that-nobody-claims"),
        pytest.param([volume("x", "a", "vol-3"), content("b", "vol-3")], id="namespaces-of-others"),
        pytest.param([{"kind": "PersistentVolume", "metadata": {"name": "l"}, "spec": {}}], id="no-handle"),
    ],
)
def test_what_takes_its_own_disk_is_let_be(others: list[Data]) -> None:
    assert found(TRADE, *others) == []
