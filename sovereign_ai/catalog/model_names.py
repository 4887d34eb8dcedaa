"""The catalogue's name of a product that a user calls by its marketing name or its order number.

What tells two products apart is their number: `gb200` and `dgx-b200` differ by few letters and are different
machines, as are `mi325x` and `mi355x`. A row is therefore meant only where it has the number that the text
has, with the same letters around it. A product that the catalogue lacks gets no other one in its place.

    >>> meant_names("HGX H100 SXM5 80GB", ["dgx-b200", "dgx-h100", "xe9680-h200"])
    ['dgx-h100']
    >>> meant_names("GB200", ["dgx-b200", "gb200-nvl72-tray"])
    ['gb200-nvl72-tray']
    >>> meant_names("dgx-a100", ["dgx-h100"])
    []
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from string import ascii_lowercase

from sovereign_ai.errors import closest, listed_nearest

_LONGEST_TEXT = 64
_MOST_NAMES = 4
"""Names that one hint proposes; more of them tell nobody which one is meant."""
# A number with its letters, `mi300x`, `7060x6`, or a word. `h100sxm5` is two numbers.
_PART = re.compile(r"[a-z]*[0-9]+(?:[a-z][0-9]+)*[a-z]?(?![a-z0-9])|[a-z]*[0-9]+|[a-z]+")
# What follows from the product, or counts it: 80 GB, 8x, 2U.
_QUALIFIER = re.compile(r"[0-9]{1,2}|[0-9]+(?:gb?|tb?|x|u|w)|x[0-9]+")


def meant_names(text: str, names: Iterable[str], also: Mapping[str, str] | None = None) -> list[str]:
    """Return the names of the rows that a text may mean, none where it has a number that no row has.

    Args:
        text: what the user wrote.
        names: the rows' names.
        also: by a row's name, what else it is known by, such as its accelerator.
    """
    text = text[:_LONGEST_TEXT].lower()
    rows: dict[str, set[str]] = {}
    squeezed = _squeezed(text)
    for name in names:
        if _squeezed(name) == squeezed:
            return [name]
        rows[name] = _parts(f"{name} {(also or {}).get(name, '')}".lower())
    parts = _parts(text)
    words = {part for part in parts if part.isalpha()}
    numbers = {part for part in parts - words if _QUALIFIER.fullmatch(part) is None}
    if numbers:
        return _best(rows, numbers, words) or _begun(text, rows)
    named = [name for name, row in rows.items() if words and words <= row]
    close = closest(text, list(rows))
    return named or ([close] if close else [])


def _begun(text: str, names: Iterable[str]) -> list[str]:
    """Return the only name that a text is the beginning of: `dgx-h10` is no model, and may become one.

    >>> _begun("dgx-h10", ["dgx-h100", "dgx-h200"]), _begun("h20", ["h200-sxm"])
    (['dgx-h100'], [])
    """
    begun = [name for name in names if name.startswith(text)]
    # A product's number alone may be another product: neither is H20 H200, nor SN4600 SN4600C.
    return begun if len(begun) == 1 and len(_parts(text)) > 1 else []


def _best(rows: Mapping[str, set[str]], numbers: set[str], words: set[str]) -> list[str]:
    """Return the rows that share most numbers, and of these most words, with a text."""
    best: list[str] = []
    most = (1, 0)
    for name, row in rows.items():
        if any(_is_other(number, row) for number in numbers):
            continue
        shared = [number for number in numbers if _is_in(number, row)]
        score = (len(shared), len(words & row))
        if score >= most:
            best = [name] if score > most else [*best, name]
            most = score
    return best


def model_hint(
    text: str, names: Iterable[str], also: Mapping[str, str] | None = None, *, own: str = ""
) -> str:
    """Return a hint with the rows that a text may mean; else with names that are spelt alike, as such.

    >>> model_hint("dgx-a100", ["dgx-h100", "dgx-b200"])
    'known: dgx-b200, dgx-h100'

    Args:
        text: what the user wrote.
        names: the rows' names.
        also: by a row's name, what else it is known by.
        own: what to do where it is none of them.
    """
    every = list(names)
    meant = meant_names(text, every, also)
    if 0 < len(meant) <= _MOST_NAMES:
        *others, last = map(repr, meant)
        return f"did you mean {', '.join(others)} or {last}?" if others else f"did you mean {last}?"
    known = listed_nearest(text, meant or every)
    return f"{known}; {own}" if own else known


def _parts(text: str) -> set[str]:
    """Return the numbers with their letters, and the words, of a text in lower case."""
    return set(_PART.findall(text))


def _squeezed(text: str) -> str:
    """Return letters and digits alone, in lower case."""
    return re.sub(r"[\W_]+", "", text.lower())


def _is_in(number: str, row: set[str]) -> bool:
    """Return whether a row has this number; order numbers begin with an M, and letters may be left out."""
    if number in row or number.removeprefix("m") in row:
        return True
    return number[0].isdigit() and number in {part.lstrip(ascii_lowercase) for part in row}


def _is_other(number: str, row: set[str]) -> bool:
    """Return whether a row has another number after the same letters: `nvl36` is not `nvl72`."""
    letters = _letters_before(number)
    if _is_in(number, row) or not letters:
        return False
    return letters in {_letters_before(part) for part in row if not part.isalpha()}


def _letters_before(part: str) -> str:
    """Return the letters that a part begins with."""
    return part[: len(part) - len(part.lstrip(ascii_lowercase))]
