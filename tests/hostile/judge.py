"""What may not come of a hostile input, decided without the package's own filters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.hostile.case import Case
from tests.hostile.texts import FORGED, SECRET_CORES

MOST_CPU_SECONDS = 3.0
MOST_MEMORY = 400 << 20
"""Bytes of resident memory at the most, with everything that is imported."""
MOST_OUTPUT = 1 << 20
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_BLANK = frozenset(
    map(
        chr,
        (
            0x034F,
            0x115F,
            0x1160,
            0x17B4,
            0x17B5,
            *range(0x180B, 0x1810),
            0x2800,
            0x3164,
            *range(0xFE00, 0xFE10),
            0xFFA0,
            0xFFFC,
        ),
    )
)
"""Letters without ink that have none of those categories (Unicode 16, DerivedCoreProperties.txt; U+2800 has
no dot raised)."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a run came to.

    Attributes:
        code: its exit code; negative for the signal that ended it.
        output: all of standard output and standard error.
        cpu: seconds of processor time.
        memory: bytes of resident memory at the most.
        timed_out: whether it was ended because it waited.
        written: names that are new or changed beside the input, with what happened to them.
    """

    code: int
    output: bytes
    cpu: float
    memory: int
    timed_out: bool
    written: Mapping[str, str]


def faults(case: Case, done: Done) -> Iterator[str]:
    """Return everything that is wrong with what came of a case."""
    if done.timed_out:
        yield "it did not end"
    if done.code not in case.codes:
        yield f"exit code {done.code}, expected {' or '.join(map(str, sorted(case.codes)))}"
    if done.cpu > MOST_CPU_SECONDS:
        yield f"{done.cpu:.1f} s of processor time"
    if done.memory > MOST_MEMORY:
        yield f"{done.memory >> 20} MiB of memory"
    text = done.output.decode("utf-8", "replace")
    if "Traceback (most recent call last)" in text:
        yield "a traceback"
    if "defect" in text:
        yield "it calls itself a defect"
    if not case.is_control:
        yield from _harm(case, done, text)


def _harm(case: Case, done: Done, text: str) -> Iterator[str]:
    """Return what a hostile input did beside ending wrongly."""
    if done.code != 0:
        yield from (f"{what} {name}" for name, what in done.written.items())
    if done.code != 0 and not text.strip():
        yield "it ends in silence"
    if len(done.output) > MOST_OUTPUT:
        yield f"it prints {len(done.output):,} bytes"
    yield from _unsafe(text, (*SECRET_CORES, *case.secrets))


def _unsafe(text: str, secrets: tuple[str, ...]) -> Iterator[str]:
    """Return what a terminal would obey, a reader would believe, or nobody may see."""
    odd = {
        char for char in set(text) - {"\n", "\t"} if unicodedata.category(char) in _UNSEEN or char in _BLANK
    }
    if odd:
        yield f"characters that hide: {', '.join(sorted(f'U+{ord(char):04X}' for char in odd))}"
    if any(line.startswith(FORGED) for line in text.splitlines()):
        yield "a forged line"
    yield from (f"a secret: {secret[:4]}…" for secret in secrets if secret in text)
