"""One hostile input, and what may come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Run = tuple[str, ...] | Callable[[], object]
"""A command's arguments, or a function that reads and prints through `cli.command.speak`."""

REFUSED = frozenset({2})
ANY = frozenset({0, 1, 2})
"""A wrong value may still be a value: what counts is that nothing worse happens."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An input that was written, and how it is read.

    Attributes:
        target: the file that a hostile one replaces.
        run: what reads it.
        environment: variables to set.
    """

    target: Path
    run: Run
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """One input for one reader.

    Attributes:
        name: `reader/class/variant`.
        build: writes the input into an empty folder and returns how it is read.
        codes: the exit codes that are right.
        is_control: whether the input is valid, so that its exit code alone is judged.
        unprivileged: whether the reader runs without the right to read what it may not.
        secrets: texts that no output may hold.
    """

    name: str
    build: Callable[[Path], Prepared]
    codes: frozenset[int]
    is_control: bool = False
    unprivileged: bool = False
    secrets: tuple[str, ...] = ()
