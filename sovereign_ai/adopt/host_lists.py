"""Host lists as Slurm and Topograph write them, expanded within a bound.

>>> list(expanded("train-[001-003,007],serve-001", 10))
['train-001', 'train-002', 'train-003', 'train-007', 'serve-001']
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9_])?")
_PART = re.compile(r"\[([^\[\]]*)\]|([^\[\]]+)")
_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_MOST_BRACKETS = 4


class HostListError(ValueError):
    """A text is no host list; its message says why."""


def expanded(text: str, most: int) -> Iterator[str]:
    """Yield the names of a host list, in its order.

    Args:
        text: the host list: names with commas between, and runs of numbers in brackets.
        most: the most names.

    Raises:
        HostListError: it is no host list, or has more names.
    """
    left = most
    for item in _items(text):
        pieces = list(_pieces(item))
        count = 1
        for piece in pieces:
            count *= len(piece)
            # Counted before anything is multiplied out: a few characters can name billions.
            if count > left:
                message = f"the list has more than {most:,} names"
                raise HostListError(message)
        left -= count
        for name in _joined(pieces):
            if _NAME.fullmatch(name) is None:
                message = f"{name[:60]!r} is no name of a host"
                raise HostListError(message)
            yield name


def _items(text: str) -> Iterator[str]:
    """Yield the items between commas that stand outside of brackets."""
    start = depth = 0
    for at, letter in enumerate(text):
        if letter in "[]":
            depth += 1 if letter == "[" else -1
        if depth not in (0, 1):
            break
        if letter == "," and not depth:
            yield text[start:at].strip()
            start = at + 1
    if depth:
        message = f"the brackets of {text[start:][:60]!r} do not match"
        raise HostListError(message)
    yield text[start:].strip()


class _Numbers:
    """The numbers of one pair of brackets, as text of their width."""

    def __init__(self, inner: str) -> None:
        self.runs: list[tuple[int, int, int]] = []
        for run in inner.split(","):
            match = _RANGE.fullmatch(run.strip())
            if match is None:
                message = f"{run[:60]!r} is no run of numbers such as 01-12"
                raise HostListError(message)
            first, last = int(match[1]), int(match[2] or match[1])
            if last < first:
                message = f"{run[:60]!r} ends before it begins"
                raise HostListError(message)
            self.runs.append((first, last, len(match[1])))

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last, _ in self.runs)

    def __iter__(self) -> Iterator[str]:
        for first, last, width in self.runs:
            for number in range(first, last + 1):
                yield f"{number:0{width}d}"


def _pieces(item: str) -> Iterator[_Numbers | tuple[str]]:
    """Yield the pieces of an item: the numbers of brackets, and the text beside them."""
    if item.count("[") > _MOST_BRACKETS:
        message = f"{item[:60]!r} has more than {_MOST_BRACKETS} pairs of brackets"
        raise HostListError(message)
    for match in _PART.finditer(item):
        if match[2] is not None:
            yield (match[2],)
        else:
            yield _Numbers(match[1])


def _joined(pieces: list[_Numbers | tuple[str]]) -> Iterable[str]:
    """Return every text that one part of each piece makes."""
    texts = [""]
    for piece in pieces:
        longer: list[str] = []
        for text in texts:
            for part in piece:
                longer.append(text + part)
        texts = longer
    return texts
