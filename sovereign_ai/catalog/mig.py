"""MIG: the instances that a GPU can be partitioned into, by the profile names of its vendor.

A GPU that supports MIG has seven compute slices and eight memory slices. A profile `<c>g.<m>gb` uses `c`
compute slices; `m` is the memory of the memory slices that it uses, as the vendor rounds it. The scarcer kind
of slice limits the number of equal instances.

Sources (read 2026-11-25): NVIDIA Multi-Instance GPU user guide, supported MIG profiles, for H100, H200 and
B200; the list of AWS SageMaker HyperPod (aws/sagemaker-hyperpod-cli) for GB200; the release notes of NVIDIA's
GPU Operator 25.10.0, as others repeat them, for B300; NVIDIA's playbooks for GB300 with drivers of 59x (61x
names the same profiles otherwise). Profiles with media extensions (`+me`), of which a GPU has one, are left
out.

    >>> from sovereign_ai.catalog.accelerator import accelerator
    >>> profiles(accelerator("h100-sxm"))
    ('1g.10gb', '1g.20gb', '2g.20gb', '3g.40gb', '4g.40gb', '7g.80gb')
    >>> instances("1g.10gb", accelerator("h100-sxm")), instances("3g.71gb", accelerator("h200-sxm"))
    (7, 2)
    >>> instances("5g.80gb", accelerator("h100-sxm"))
    Traceback (most recent call last):
    ...
    ValueError: h100-sxm has no MIG profile '5g.80gb'; write one of 1g.10gb, 1g.20gb, ...
"""

from __future__ import annotations

from sovereign_ai.catalog.accelerator import Accelerator
from sovereign_ai.units import Bytes

MOST_INSTANCES = 7
"""A GPU has at most as many instances as compute slices."""
_MEMORY_SLICES = 8
_SHAPES = ((1, 1), (1, 2), (2, 2), (3, 4), (4, 4), (7, 8))
"""Compute slices and memory slices of each profile."""
_GIGABYTES = {
    "h100-sxm": {1: 10, 2: 20, 4: 40, 8: 80},
    "h200-sxm": {1: 18, 2: 35, 4: 71, 8: 141},
    "b200": {1: 23, 2: 45, 4: 90, 8: 180},
    "gb200": {1: 23, 2: 47, 4: 93, 8: 186},
    "b300": {1: 34, 2: 67, 4: 135, 8: 269},
    "gb300": {1: 35, 2: 70, 4: 139, 8: 278},
}
"""Accelerator to memory slices to the gigabytes in a profile's name."""


def profiles(chip: Accelerator) -> tuple[str, ...]:
    """Return the profiles of a GPU, the smallest first; none where it has no MIG or no source names them."""
    return tuple(_shapes(chip))


def instances(profile: str, chip: Accelerator) -> int:
    """Return the number of instances of one profile that a GPU holds at once.

    Args:
        profile: such as `1g.10gb`.
        chip: the GPU.

    Raises:
        ValueError: the GPU has no such profile.
    """
    compute, memory = _slices(profile, chip)
    by_compute = MOST_INSTANCES // compute
    by_memory = _MEMORY_SLICES // memory
    return min(by_compute, by_memory)


def instance_memory(profile: str, chip: Accelerator) -> Bytes:
    """Return one instance's memory: its memory slices' share of the GPU's, rounded down to a byte.

    Raises:
        ValueError: the GPU has no such profile.
    """
    _, memory_slices = _slices(profile, chip)
    share = chip.memory.count * memory_slices // _MEMORY_SLICES
    return Bytes(share)


def _shapes(chip: Accelerator) -> dict[str, tuple[int, int]]:
    """Return each profile of a GPU with its compute and memory slices."""
    gigabytes = _GIGABYTES.get(chip.name, {})
    shapes = {}
    for compute, memory in _SHAPES:
        if memory in gigabytes:
            shapes[f"{compute}g.{gigabytes[memory]}gb"] = (compute, memory)
    return shapes


def _slices(profile: str, chip: Accelerator) -> tuple[int, int]:
    """Return the compute slices and memory slices of a profile.

    Raises:
        ValueError: the GPU has no such profile.
    """
    shapes = _shapes(chip)
    if profile not in shapes:
        known = ", ".join(shapes) or "none"
        raise ValueError(f"{chip.name} has no MIG profile {profile!r}; write one of {known}")
    return shapes[profile]
