"""Variables of a node: mounts, registries, labels of its kubelet."""

from __future__ import annotations

import dataclasses

import pytest
import yaml

from sovereign_ai.catalog.accelerator import Accelerator, needed_accelerator
from sovereign_ai.catalog.system import System
from sovereign_ai.render.hosts import machine
from sovereign_ai.render.hosts.machine import unit_name
from tests.render.hosts.test_hosts import FULL, PLAYBOOKS, of


def test_a_machine_mounts_the_tiers_of_its_own_zone_alone() -> None:
    shared = of("lab").shared
    assert [one["path"] for one in shared["pool_train"]["storage_files"]] == [
        "/etc/sovereign/storage/scratch.json"
    ]
    assert (shared["pool_train"]["storage_mounts"], shared["pool_train"]["storage_others"]) == (
        [],
        ["scratch"],
    )
    assert (shared["pool_serve"]["storage_mounts"], shared["pool_serve"]["storage_others"]) == (
        ["srv-models.automount"],
        [],
    )
    units = {one["path"].rpartition("/")[2]: one["content"] for one in shared["pool_serve"]["storage_files"]}
    assert "What=10.64.1.119:/models\nWhere=/srv/models\n" in units["srv-models.mount"]
    assert "Where=/srv/models\n" in units["srv-models.automount"]
    assert unit_name("hot-data") == r"srv-hot\x2ddata"


def test_a_registry_that_is_not_listed_has_no_server() -> None:
    files = {
        one["path"].split("/")[-2]: one["content"] for one in of("lab").shared["pool_train"]["registry_files"]
    }
    assert files.keys() == {"_default", "registry.example.com"}
    assert 'server = "https://127.0.0.1:1"' in files["_default"]


def test_a_kubelet_is_told_no_label_that_only_the_control_plane_may_set() -> None:
    host = next(one for one in of("lab", FULL).hosts if one.name == "train-001")
    join = yaml.safe_load(host.variables["join"])
    arguments = {one["name"]: one["value"] for one in join["nodeRegistration"]["kubeletExtraArgs"]}
    assert "node-restriction" not in arguments["node-labels"]
    assert arguments["node-ip"] == "10.64.0.2"
    assert join["discovery"] == {"file": {"kubeConfigPath": "/etc/kubernetes/discovery.conf"}}


def test_a_vendor_that_only_a_description_names_has_no_packages_and_the_role_passes_over_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def renamed(server: System) -> Accelerator:
        return dataclasses.replace(needed_accelerator(server), vendor="our-maker")

    monkeypatch.setattr(machine, "accelerator_of", renamed)
    gpu = of("lab").shared["pool_train"]["gpu"]
    assert (gpu["vendor"], gpu["pci"], gpu["packages"], gpu["runtime"]) == ("our-maker", "", [], "")
    tasks = yaml.safe_load((PLAYBOOKS / "roles" / "gpu" / "tasks" / "main.yml").read_text())
    for task in tasks:
        if "pci_count" in task or "ansible.builtin.apt" in task:
            assert "gpu.pci != ''" in task["when"]
