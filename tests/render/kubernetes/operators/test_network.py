"""The Network Operator's objects: a policy of what is described, and a network for each port of a rail."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from sovereign_ai.names import KEYS
from sovereign_ai.render.kubernetes import yaml_stream
from tests.render.kubernetes.operators.described import (
    DIGEST,
    REGISTRY,
    SWITCHED_OFF,
    Object,
    described,
    network,
    of_kind,
    policy,
    settings_of,
)
from tests.render.kubernetes.operators.test_gpu import without_compute

GOLDEN = Path(__file__).parent / "golden"
RAILS = [f"compute{number}" for number in range(8)]


def test_a_factory_on_infiniband_has_what_its_golden_file_says(golden: Callable[[Path, str], None]) -> None:
    factory = described("superpod", network(contacts=[SWITCHED_OFF]))
    settings = settings_of(factory, "network-operator")
    golden(GOLDEN / "superpod.network-operator.yaml", yaml_stream(settings.objects))
    assert settings.notes == ()


def test_each_rail_has_a_network_and_a_resource_of_its_port() -> None:
    settings = settings_of(described("lab", network()), "network-operator")
    networks = of_kind(settings, "HostDeviceNetwork")
    assert [obj["metadata"]["name"] for obj in networks] == RAILS
    assert networks[3]["spec"] == {"networkNamespace": "nvidia-network-operator", "resourceName": "compute3"}
    resources = json.loads(policy(settings)["sriovDevicePlugin"]["config"])["resourceList"]
    assert [resource["resourceName"] for resource in resources] == RAILS
    assert resources[3]["selectors"] == {"isRdma": True, "pfNames": ["compute3"]}


def test_the_second_plane_has_ports_by_the_names_that_linux_has_for_them() -> None:
    def two_planes(data: Object) -> None:
        data["fabrics"][0] |= {"planes": 2, "link": "200 Gbps", "radix": 64}

    settings = settings_of(described("lab", network(), change=two_planes), "network-operator")
    names = [obj["metadata"]["name"] for obj in of_kind(settings, "HostDeviceNetwork")]
    assert len(names) == 16
    assert {"compute0p1", "compute0p2"} <= set(names)
    assert not any("/" in name for name in names)


def test_networks_have_no_addresses_and_on_ethernet_that_is_told() -> None:
    settings = settings_of(described("lab", network()), "network-operator")
    assert not any("ipam" in obj["spec"] for obj in of_kind(settings, "HostDeviceNetwork"))
    assert any("no addresses of rails for pods" in note for note in settings.notes)


def test_images_are_the_factorys_own_and_drivers_precompiled_where_packages_are_switched_off() -> None:
    settings = settings_of(described("lab", network()), "network-operator")
    text = yaml_stream(settings.objects)
    assert text.count("repository:") == text.count(f"repository: {REGISTRY}") == 4
    driver = policy(settings)["ofedDriver"]
    assert (driver["image"], driver["version"]) == ("doca-driver", DIGEST)
    assert driver["forcePrecompiled"] is False
    closed = settings_of(described("lab", network(contacts=[SWITCHED_OFF])), "network-operator")
    assert policy(closed)["ofedDriver"]["forcePrecompiled"] is True


def test_parts_without_an_image_are_left_out_since_their_objects_would_be_refused() -> None:
    settings = settings_of(described("lab"), "network-operator")
    assert set(policy(settings)) == {"nodeAffinity", "tolerations"}
    told = {note.partition(":")[0] for note in settings.notes}
    assert told == {"ofedDriver", "sriovDevicePlugin", "cniPlugins", "multus", "networks"}


def test_only_machines_whose_ports_are_known_to_be_nvidias_are_selected_and_tolerated() -> None:
    settings = settings_of(described("plural", network()), "network-operator")
    affinity = policy(settings)["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (term,) = affinity["nodeSelectorTerms"][0]["matchExpressions"]
    assert term == {"key": KEYS.pool, "operator": "In", "values": ["hopper", "grace"]}
    zones = {each["value"] for each in policy(settings)["tolerations"] if each["key"] == KEYS.namespace_zone}
    assert zones == {"research"}


def test_a_factory_without_a_compute_fabric_has_no_object() -> None:
    settings = settings_of(described("lab", change=without_compute), "network-operator")
    assert settings.objects == ()
    assert settings.notes == ("no pool has ports of NVIDIA on a compute fabric of InfiniBand or RoCE",)
