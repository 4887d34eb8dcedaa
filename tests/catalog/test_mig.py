"""MIG profiles against NVIDIA's Multi-Instance GPU user guide."""

from __future__ import annotations

import pytest

from sovereign_ai.catalog.accelerator import Accelerator, accelerator, accelerators
from sovereign_ai.catalog.mig import instance_memory, instances, profiles


@pytest.mark.parametrize(
    ("chip", "profile", "number"),
    [
        ("h100-sxm", "1g.10gb", 7),
        ("h100-sxm", "1g.20gb", 4),
        ("h100-sxm", "2g.20gb", 3),
        ("h100-sxm", "3g.40gb", 2),
        ("h100-sxm", "4g.40gb", 1),
        ("h100-sxm", "7g.80gb", 1),
        ("h200-sxm", "1g.18gb", 7),
        ("h200-sxm", "1g.35gb", 4),
        ("h200-sxm", "2g.35gb", 3),
        ("h200-sxm", "3g.71gb", 2),
        ("h200-sxm", "7g.141gb", 1),
        ("b200", "1g.23gb", 7),
        ("b200", "1g.45gb", 4),
        ("b200", "2g.45gb", 3),
        ("b200", "3g.90gb", 2),
        ("gb200", "3g.93gb", 2),
        ("b300", "1g.34gb", 7),
        ("gb300", "2g.70gb", 3),
    ],
)
def test_the_published_profiles_give_the_published_number_of_instances(
    chip: str, profile: str, number: int
) -> None:
    assert instances(profile, accelerator(chip)) == number


@pytest.mark.parametrize("profile", ["7g.141gb", "7g.900gb", "4g.90gb", "5g.80gb", "1g.5gb", "half"])
def test_a_profile_that_the_gpu_does_not_have_is_refused_with_those_it_has(profile: str) -> None:
    with pytest.raises(ValueError, match=r"write one of 1g\.10gb, 1g\.20gb"):
        instances(profile, accelerator("h100-sxm"))


SPLIT = ("h100-sxm", "h200-sxm", "b200", "gb200", "b300", "gb300")
"""GPUs whose profiles NVIDIA's guide lists; of later ones none was read."""


def test_every_gpu_whose_profiles_are_known_has_six_and_no_other_has_any() -> None:
    found = {chip.name: len(profiles(chip)) for chip in accelerators()}
    assert found == {chip.name: 6 if chip.name in SPLIT else 0 for chip in accelerators()}


@pytest.mark.parametrize(
    "chip", [chip for chip in accelerators() if chip.name in SPLIT], ids=lambda chip: chip.name
)
def test_the_instances_of_a_gpu_never_have_more_memory_than_the_gpu(chip: Accelerator) -> None:
    for profile in profiles(chip):
        assert instances(profile, chip) * instance_memory(profile, chip).count <= chip.memory.count
