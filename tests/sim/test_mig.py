from __future__ import annotations

import pytest

from sovereign_ai.sim.mig import instance_memory, instances
from sovereign_ai.units import Bytes

H100, H200, B200 = Bytes.parse("80 GB"), Bytes.parse("141 GB"), Bytes.parse("180 GB")


@pytest.mark.parametrize(
    ("profile", "memory", "number"),
    [
        ("1g.10gb", H100, 7),
        ("1g.20gb", H100, 4),
        ("2g.20gb", H100, 3),
        ("3g.40gb", H100, 2),
        ("4g.40gb", H100, 1),
        ("7g.80gb", H100, 1),
        ("1g.18gb", H200, 7),
        ("1g.35gb", H200, 4),
        ("2g.35gb", H200, 3),
        ("3g.71gb", H200, 2),
        ("7g.141gb", H200, 1),
        ("1g.23gb", B200, 7),
        ("2g.45gb", B200, 3),
        ("3g.90gb", B200, 2),
    ],
)
def test_the_published_profiles_give_the_published_number_of_instances(profile: str, memory: Bytes, number: int) -> None:
    assert instances(profile, memory) == number


def test_a_profile_larger_than_the_gpu_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        instances("7g.141gb", H100)


def test_what_is_no_profile_is_refused_with_an_example() -> None:
    with pytest.raises(ValueError, match=r"write '1g\.10gb'"):
        instances("half", H100)


def test_the_instances_of_a_gpu_never_have_more_memory_than_the_gpu() -> None:
    for profile in ("1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb"):
        assert instances(profile, H100) * instance_memory(profile, H100).count <= H100.count
