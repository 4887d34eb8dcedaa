"""The labels of the vendors' feature discovery."""

from __future__ import annotations

from sovereign_ai.catalog.accelerator import accelerator
from sovereign_ai.catalog.system import system
from sovereign_ai.sim.features import feature_labels


def labels(name: str, *, mig: str = "", resource: str = "", driver: str = "580.95.05") -> dict[str, str]:
    row = system(name)
    chip = accelerator(row.accelerator)
    return feature_labels(row, chip, driver=driver, mig=mig, resource=resource or chip.resource)


def test_the_last_number_of_a_driver_keeps_its_two_digits() -> None:
    assert labels("dgx-h100", driver="580.95.5")["nvidia.com/cuda.driver-version.full"] == "580.95.05"


def test_whole_gpus_are_counted_without_a_mig_strategy() -> None:
    found = labels("dgx-h100")
    assert (found["nvidia.com/gpu.count"], found["nvidia.com/mig.strategy"]) == ("8", "none")


def test_instances_under_the_resource_of_whole_gpus_are_strategy_single() -> None:
    found = labels("dgx-h100", mig="1g.10gb")
    assert (found["nvidia.com/gpu.count"], found["nvidia.com/mig.strategy"]) == ("56", "single")
    assert found["nvidia.com/gpu.product"].endswith("-MIG-1g.10gb")


def test_instances_under_a_resource_of_their_own_are_strategy_mixed_beside_whole_gpus() -> None:
    found = labels("dgx-h100", mig="1g.10gb", resource="nvidia.com/mig-1g.10gb")
    assert found["nvidia.com/mig.strategy"] == "mixed"
    assert found["nvidia.com/gpu.count"] == "8"
    assert found["nvidia.com/mig-1g.10gb.count"] == "56"


def test_amd_has_the_labels_of_its_own_labeller_and_intel_has_none() -> None:
    found = labels("mi300x-oam8", driver="6.10.5")
    assert {key.partition("/")[0] for key in found} == {"amd.com"}
    assert found["amd.com/gpu.driver-version"] == "6.10.5"
    assert labels("gaudi3-oam8", driver="1.22.0") == {}
