"""The GPU Operator's objects: what each field follows from, and that nothing comes from NVIDIA's registry."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sovereign_ai.errors import SpecError
from sovereign_ai.names import KEYS
from sovereign_ai.render.kubernetes import yaml_stream
from tests.render.kubernetes.operators.described import (
    DIGEST,
    GPU_PARTS,
    REGISTRY,
    SWITCHED_OFF,
    Object,
    described,
    gpus,
    network,
    of_kind,
    policy,
    settings_of,
)

GOLDEN = Path(__file__).parent / "golden"
DRIVER = "driver:580.95.05-debian12"
IMAGE = {"repository": REGISTRY, "image": "driver"}


def with_drivers(*versions: str) -> Callable[[Object], None]:
    """Return a change that gives the pools of a stack drivers in their order."""

    def change(data: Object) -> None:
        for pool, version in zip(data["pools"], versions, strict=False):
            pool["driver"] = version

    return change


def test_a_factory_with_one_driver_has_one_policy_as_its_golden_file_says(
    golden: Callable[[Path, str], None],
) -> None:
    factory = described("superpod", gpus(DRIVER), network())
    golden(GOLDEN / "superpod.gpu-operator.yaml", yaml_stream(settings_of(factory, "gpu-operator").objects))


def test_no_image_is_of_another_registry_than_the_factorys() -> None:
    settings = settings_of(described("lab", gpus(DRIVER)), "gpu-operator")
    text = yaml_stream(settings.objects)
    assert "nvcr.io" not in text
    assert text.count("repository:") == text.count(f"repository: {REGISTRY}") == 7


def test_a_part_without_a_described_image_names_none_and_is_told_of() -> None:
    factory = described("lab", gpus(DRIVER, parts=("gpu-operator",)))
    settings = settings_of(factory, "gpu-operator")
    assert policy(settings)["toolkit"] == policy(settings)["gfd"] == {"enabled": True}
    assert "validator" not in policy(settings)
    assert "gdrcopy" not in policy(settings)
    told = {note.partition(":")[0] for note in settings.notes}
    assert told == {"toolkit", "devicePlugin", "gfd", "dcgmExporter", "validator", "gdrcopy"}


@pytest.mark.parametrize(
    ("image", "fields"),
    [
        (DRIVER, {"version": DIGEST, "usePrecompiled": False}),
        ("driver", {"version": DIGEST, "usePrecompiled": False}),
    ],
)
def test_a_driver_that_is_built_on_the_machine_is_pinned_by_its_digest(image: str, fields: Object) -> None:
    driver = policy(settings_of(described("lab", gpus(image)), "gpu-operator"))["driver"]
    assert driver.items() >= (IMAGE | fields).items()


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("driver", "580"),
        ("driver:580", "580"),
        ("driver:580-6.1.0-40-amd64-debian12", "580"),
        ("driver:580.95.05-6.1.0-40-amd64-debian12", "580.95.05"),
    ],
)
def test_without_packages_at_run_time_drivers_are_precompiled_and_go_by_their_tag(
    image: str, version: str
) -> None:
    """The operator refuses a digest of a precompiled driver."""
    settings = settings_of(described("lab", gpus(image, contacts=[SWITCHED_OFF])), "gpu-operator")
    fields = IMAGE | {"version": version, "usePrecompiled": True}
    assert policy(settings)["driver"].items() >= fields.items()
    assert any("digest of a precompiled driver" in note for note in settings.notes)


@pytest.mark.parametrize("images", [(), ("driver:570.86.15-debian12",), ("driver:580.95.0-debian12",)])
@pytest.mark.parametrize("contacts", [(), (SWITCHED_OFF,)])
def test_a_driver_without_an_image_in_the_registry_is_refused_with_the_line_to_add(
    images: tuple[str, ...], contacts: tuple[Object, ...]
) -> None:
    factory = described("lab", gpus(*images, contacts=list(contacts)))
    with pytest.raises(SpecError) as refused:
        settings_of(factory, "gpu-operator")
    (problem,) = refused.value.problems
    assert (problem.code, problem.where.field) == ("missing-image", "platform.controllers[0].images")
    assert 'add "registry.example.com/ai/driver:580.95.05-SYSTEM@sha256:…"' in problem.hint


def test_nothing_described_of_the_operator_is_refused_at_the_platform() -> None:
    with pytest.raises(SpecError) as refused:
        settings_of(described("lab"), "gpu-operator")
    (problem,) = refused.value.problems
    assert (problem.code, problem.where.field) == ("missing-image", "platform.controllers")


def test_pools_with_two_drivers_have_one_object_each_that_selects_their_own_machines() -> None:
    images = ("driver:580.95.05-debian12", "driver:570.86.15-debian12")
    factory = described("lab", gpus(*images), network(), change=with_drivers("570.86.15"))
    settings = settings_of(factory, "gpu-operator")
    driver = policy(settings)["driver"]
    assert driver == {"enabled": True, "upgradePolicy": {"autoUpgrade": False}, "useNvidiaDriverCRD": True}
    assert "gdrcopy" not in policy(settings)
    train, serve = of_kind(settings, "NVIDIADriver")
    for obj, pool in ((train, "train"), (serve, "serve")):
        assert obj["metadata"]["name"] == pool
        assert obj["spec"]["nodeSelector"] == {KEYS.pool: pool}
        assert obj["spec"].items() >= (IMAGE | {"driverType": "gpu", "rdma": {"enabled": True}}).items()
        assert obj["spec"]["gdrcopy"]["image"] == "gdrdrv"


def test_two_drivers_are_told_apart_by_their_tags_and_never_share_an_image() -> None:
    change = with_drivers("580.65.6")
    for images, contacts in (
        (("driver",), []),
        (("driver:580.95.05-debian12",), []),
        (("driver:580-6.1.0-40-amd64-debian12",), [SWITCHED_OFF]),
    ):
        factory = described("lab", gpus(*images, contacts=contacts), change=change)
        with pytest.raises(SpecError) as refused:
            settings_of(factory, "gpu-operator")
        assert any("580.65.06" in problem.message for problem in refused.value.problems)
    both = ("driver:580.95.05-k-debian12", "driver:580.65.06-k-debian12")
    factory = described("lab", gpus(*both, contacts=[SWITCHED_OFF]), change=change)
    drivers = of_kind(settings_of(factory, "gpu-operator"), "NVIDIADriver")
    assert [driver["spec"]["version"] for driver in drivers] == ["580.65.06", "580.95.05"]


def test_drivers_of_two_branches_may_have_tags_of_their_branches() -> None:
    images = ("driver:580-k-debian12", "driver:570-k-debian12")
    factory = described(
        "lab", gpus(*images, contacts=[SWITCHED_OFF]), change=with_drivers("570.86.15", "580.95.5")
    )
    drivers = of_kind(settings_of(factory, "gpu-operator"), "NVIDIADriver")
    assert [driver["spec"]["version"] for driver in drivers] == ["570", "580"]


def test_machines_of_other_vendors_have_no_driver_and_are_not_tolerated() -> None:
    settings = settings_of(described("plural", gpus(DRIVER)), "gpu-operator")
    assert [obj["kind"] for obj in settings.objects] == ["ClusterPolicy"]
    zones = [each["value"] for each in policy(settings)["daemonsets"]["tolerations"]]
    assert "research" in zones
    assert not {"industry", "open"} & set(zones)


def test_a_factory_without_gpus_of_nvidia_has_no_object_and_needs_no_image() -> None:
    def only_others(data: Object) -> None:
        for pool in data["pools"]:
            pool |= {"system": "mi300x-oam8", "driver": "6.4.1", "nodes_per_rack": 4}

    settings = settings_of(described("lab", change=only_others), "gpu-operator")
    assert (settings.objects, settings.notes) == ((), ("no pool has GPUs of NVIDIA",))


def test_spares_and_dedicated_zones_are_tolerated() -> None:
    tolerations = policy(settings_of(described("plural", gpus(DRIVER)), "gpu-operator"))["daemonsets"][
        "tolerations"
    ]
    keys = {each["key"]: each["operator"] for each in tolerations}
    assert keys == {f"{KEYS.domain}/spare": "Equal", KEYS.namespace_zone: "Equal"}


def test_where_devices_are_claimed_the_device_plugin_does_not_run() -> None:
    factory = described("lab", gpus(DRIVER), devices="dra-driver-nvidia-gpu")
    fields = policy(settings_of(factory, "gpu-operator"))
    assert fields["devicePlugin"] == {"enabled": False}
    assert fields["toolkit"]["enabled"] is True


def test_divided_gpus_have_the_strategy_of_the_plan_and_a_note_on_the_label() -> None:
    def divide(data: Object) -> None:
        data["pools"][1]["mig"] = "1g.10gb"

    settings = settings_of(described("lab", gpus(DRIVER), change=divide), "gpu-operator")
    assert policy(settings)["mig"] == {"strategy": "single"}
    assert policy(settings)["migManager"]["image"] == "k8s-mig-manager"
    assert any("pool serve" in note and "mig.config=all-1g.10gb" in note for note in settings.notes)
    whole = policy(settings_of(described("lab", gpus(DRIVER)), "gpu-operator"))
    assert (whole["mig"], whole["migManager"]) == ({"strategy": "none"}, {"enabled": False})


def without_compute(data: Object) -> None:
    """Take the compute fabrics out of a description."""
    data["fabrics"] = [fabric for fabric in data["fabrics"] if fabric["role"] != "compute"]


def test_peer_memory_and_gdrcopy_need_a_compute_fabric_and_peer_memory_the_network_driver() -> None:
    both = policy(settings_of(described("lab", gpus(DRIVER), network()), "gpu-operator"))
    assert both["driver"]["rdma"] == {"enabled": True}
    assert both["gdrcopy"]["enabled"] is True
    alone = policy(settings_of(described("lab", gpus(DRIVER), network=[]), "gpu-operator"))
    assert "rdma" not in alone["driver"]
    assert alone["gdrcopy"]["enabled"] is True
    none = policy(settings_of(described("lab", gpus(DRIVER), change=without_compute), "gpu-operator"))
    assert "rdma" not in none["driver"]
    assert "gdrcopy" not in none


def test_an_image_without_tag_and_digest_is_as_good_as_none() -> None:
    images = [f"{REGISTRY}/{name}" for name in (*GPU_PARTS, "driver")]
    factory = described("lab", {"name": "gpu-operator", "images": images})
    with pytest.raises(SpecError):
        settings_of(factory, "gpu-operator")
