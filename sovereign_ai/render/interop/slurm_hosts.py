"""Slurm's host list expressions, which write runs of numbers in brackets.

>>> hostlist(["a-01", "a-02", "b"])
'a-[01-02],b'
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBERED = re.compile(r"(.*?)(\d+)")


def hostlist(names: Iterable[str]) -> str:
    """Return names as Slurm's host list expression: runs of numbers of one width in brackets.

    >>> hostlist(["train-001", "train-002", "train-003", "train-007", "serve-001"])
    'train-[001-003,007],serve-001'
    """
    groups: dict[tuple[str, int], list[int]] = {}
    plain: list[str] = []
    for name in names:
        match = _NUMBERED.fullmatch(name)
        if match is None:
            plain.append(name)
            continue
        prefix, digits = match.groups()
        # Slurm keeps the width of the numbers in brackets, so `1` and `01` are different groups.
        groups.setdefault((prefix, len(digits)), []).append(int(digits))
    parts: list[str] = []
    for (prefix, width), numbers in groups.items():
        parts.append(_bracketed(prefix, width, numbers))
    return ",".join([*parts, *plain])


def _bracketed(prefix: str, width: int, numbers: Iterable[int]) -> str:
    """Return the names of one prefix, `train-[001-003,007]`, or `train-007` alone."""
    runs: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    parts: list[str] = []
    for first, last in runs:
        text = f"{first:0{width}d}"
        if last != first:
            text += f"-{last:0{width}d}"
        parts.append(text)
    if len(parts) == 1 and "-" not in parts[0]:
        return f"{prefix}{parts[0]}"
    return f"{prefix}[{','.join(parts)}]"
