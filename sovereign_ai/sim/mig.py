"""How many MIG instances of one profile fit a GPU.

A MIG-capable GPU has seven compute slices and eight memory slices; a profile `<c>g.<m>gb` takes
`c` of the first and as many of the second as `m` gigabytes need. The number of equal instances is
what the scarcer kind allows (NVIDIA Multi-Instance GPU user guide, supported profiles).

    >>> instances("1g.10gb", Bytes.parse("80 GB")), instances("3g.40gb", Bytes.parse("80 GB"))
    (7, 2)
    >>> instances("1g.20gb", Bytes.parse("80 GB")), instances("3g.71gb", Bytes.parse("141 GB"))
    (4, 2)
"""

from __future__ import annotations

import re
from fractions import Fraction

from sovereign_ai.units import Bytes

_COMPUTE_SLICES, _MEMORY_SLICES = 7, 8
_PROFILE = re.compile(r"^([1-7])g\.([0-9]{1,3})gb$")


def instances(profile: str, memory: Bytes) -> int:
    """Give the number of instances of one profile that a GPU holds at once.

    Args:
        profile: such as `1g.10gb`.
        memory: the GPU's memory.

    Raises:
        ValueError: it is no profile, or the GPU is too small for it.
    """
    compute, memory_slices = _slices(profile, memory)
    if memory_slices > _MEMORY_SLICES:
        message = f"{profile!r} does not fit a GPU of {memory}"
        raise ValueError(message)
    return min(_COMPUTE_SLICES // compute, _MEMORY_SLICES // memory_slices)


def instance_memory(profile: str, memory: Bytes) -> Bytes:
    """Give one instance's memory: its memory slices' share of the GPU's, rounded down to a byte."""
    return Bytes(memory.count * _slices(profile, memory)[1] // _MEMORY_SLICES)


def _slices(profile: str, memory: Bytes) -> tuple[int, int]:
    """Give compute slices and memory slices of a profile; a profile's gigabytes are rounded, so the nearest slice counts."""
    match = _PROFILE.match(profile)
    if match is None:
        message = f"{profile!r} is no MIG profile; write '1g.10gb'"
        raise ValueError(message)
    slice_bytes = Fraction(memory.count, _MEMORY_SLICES)
    return int(match[1]), max(1, round(int(match[2]) * 10**9 / slice_bytes))
