"""Slurm's text, read as Slurm does."""

from __future__ import annotations

import re


def expand(text: str) -> list[str]:
    """Return the names of a host list expression."""
    names = []
    for part in re.findall(r"[^,\[]+(?:\[[^\]]*\])?", text):
        match = re.fullmatch(r"([^\[]+)\[([^\]]*)\]", part)
        if match is None:
            names.append(part)
            continue
        for run in match[2].split(","):
            first, _, last = run.partition("-")
            for number in range(int(first), int(last or first) + 1):
                names.append(f"{match[1]}{number:0{len(first)}d}")
    return names


def fields(line: str) -> dict[str, str]:
    """Return the fields of one line of a configuration file."""
    return dict(word.split("=", 1) for word in line.split() if "=" in word)
