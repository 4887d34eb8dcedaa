"""All cases: each reader by each class of hostile input, arguments, environment variables, names, and one bad
unit of many.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any
from zlib import crc32

from sovereign_ai.files.kinds import KINDS
from tests.hostile.case import Case, Prepared
from tests.hostile.contents import (
    SIZES,
    bytes_for_all,
    csv_texts,
    json_texts,
    long_texts,
    number_texts,
    oversized,
    pem_texts,
    python_texts,
    yaml_texts,
)
from tests.hostile.fields import replaced, variants
from tests.hostile.meanings import controls, meanings
from tests.hostile.options import option_cases, variable_cases
from tests.hostile.readers import READERS, Reader, document_of
from tests.hostile.special import specials
from tests.hostile.units import unit_cases

_ANYTHING = frozenset({"opaque", "line"})
"""Forms of which any content may be one."""


_OWN = frozenset(kind.name for kind in KINDS if not kind.follows)
"""Kinds of files that only this program writes."""
_LONGEST = 1 << 20
"""The most bytes of a text with a long line."""
_KEPT = {"bytes": 7, "size": 2, "long": 3, "text": 18, "field": 24}
"""Class to how many of its cases a reader has in the usual run; of the others it has all."""


def all_cases(*, thorough: bool = False) -> Iterator[Case]:
    """Return the cases.

    Args:
        thorough: every text and every value for every reader and field (about 25,000 cases), not a fixed
            choice of them.
    """
    for reader in READERS:
        yield Case(f"{reader.name}/control/valid", reader.prepare, reader.control, is_control=True)
        mine = list(_of(reader))
        for sort in sorted({_sort(case) for case in mine}):
            same = [case for case in mine if _sort(case) == sort]
            yield from same if thorough else chosen(same, _KEPT.get(sort, len(same)))
    yield from controls()
    yield from meanings()
    yield from unit_cases()
    for others in (option_cases(), variable_cases()):
        yield from others if thorough else chosen(list(others), 300)


def _sort(case: Case) -> str:
    """Return the class of a case."""
    return case.name.split("/")[1]


def chosen(cases: list[Case], count: int, seed: bytes = b"") -> list[Case]:
    """Return so many cases, the same in each run, spread over all by a checksum of their names."""
    return sorted(cases, key=lambda case: crc32(seed + case.name.encode("utf-8", "backslashreplace")))[:count]


def _of(reader: Reader) -> Iterator[Case]:
    """Return the hostile cases of a reader."""
    yield from _special_cases(reader) if reader.is_file else ()
    for name in _names("bytes", reader.form):
        is_taken = (
            reader.form in _ANYTHING
            or name in _TAKEN.get(reader.form, ())
            or name in _TAKEN.get(reader.name, ())
        )
        codes = reader.refused | reader.control if is_taken else reader.refused
        yield _content(reader, "bytes", name, partial(_picked, "bytes", reader, name), codes)
    if reader.limit is not None:
        for name, unit in SIZES.items():
            yield _content(reader, "size", name, partial(oversized, unit, reader.limit), reader.refused)
    # What a program in Python takes to be parsed is Python's own business.
    for name, _ in () if reader.form == "python" else long_texts(b"", 9):
        codes = reader.refused | reader.fields | reader.control
        yield _content(reader, "long", name, partial(_long, reader, name), codes)
    for name in _names("text", reader.form):
        yield _content(
            reader, "text", name, partial(_picked, "text", reader, name), reader.refused | reader.fields
        )
    if reader.form in ("yaml", "json"):
        document = document_of(reader, _valid(reader.name))
        codes = reader.refused | reader.fields | reader.control
        for name, at, value in variants(document):
            yield _content(reader, "field", name, partial(_document, document, at, value), codes)


def _special_cases(reader: Reader) -> Iterator[Case]:
    """Return the cases in which something else than a file of its own is in the place of a reader's file."""
    for name, make in specials():
        codes = reader.absent | reader.control if name in _PERMITTED.get(reader.name, ()) else reader.absent
        yield Case(
            f"{reader.name}/special/{name}",
            partial(_made, reader, make),
            codes,
            unprivileged=name == "unreadable",
        )
    if _OWN.intersection(reader.kinds):
        # Of what only this program writes, a link in its place is none of it, wherever it leads.
        yield Case(f"{reader.name}/special/link-out", partial(_linked, reader), reader.absent)


_TAKEN = {
    "pem": (
        "nul-first",
        "form-feed",
        "surrogate-bytes",
        "overlong",
        "truncated-utf-8",
        "latin-1",
        "escape-first",
        "two-marks",
    ),
    "python": ("form-feed",),
}
"""Form or reader to what it may pass over: PEM takes any text outside its lines (RFC 7468), Python a form
feed in a line's start."""
_PERMITTED = {
    "answers": ("absent", "null"),
    "description": ("null",),
}
"""Reader to what it may find at its path beside a file."""


def _texts(sort: str, form: str, valid: bytes) -> Iterator[tuple[str, str | bytes]]:
    """Return the hostile contents of a class for a form: name and content."""
    text = valid.decode()
    if sort == "bytes":
        yield from bytes_for_all(valid)
    elif form == "yaml":
        yield from yaml_texts(text)
        yield from (
            (f"json-{name}", other)
            for name, other in json_texts(text)
            if name not in {"comment", "single-quotes"}
        )
    elif form == "json":
        yield from json_texts(text)
    elif form == "csv":
        yield from csv_texts(text)
    elif form == "pem":
        yield from pem_texts(text)
    elif form == "python":
        yield from python_texts()
    else:
        yield from number_texts()


@cache
def _names(sort: str, form: str) -> tuple[str, ...]:
    """Return the names of the contents of a class for a form."""
    return tuple(name for name, _ in _texts(sort, form, b"a,b\n1,2\n"))


def _picked(sort: str, reader: Reader, wanted: str) -> bytes:
    """Make one content anew: all of them together would take much memory."""
    content = next(
        content for name, content in _texts(sort, reader.form, _valid(reader.name)) if name == wanted
    )
    return content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")


def _long(reader: Reader, wanted: str) -> bytes:
    """Make one text with a long line anew."""
    limit = min(reader.limit or _LONGEST, _LONGEST)
    return next(text for name, text in long_texts(_valid(reader.name), limit) if name == wanted)


def _document(document: Any, at: tuple[str | int, ...], value: Any) -> bytes:
    """Write a document with another value in one place, as JSON, which is YAML too."""
    return json.dumps(replaced(document, at, value)).encode("utf-8", "surrogatepass")


def _content(reader: Reader, sort: str, name: str, make: Callable[[], bytes], codes: frozenset[int]) -> Case:
    return Case(f"{reader.name}/{sort}/{name}", partial(_written, reader, make), codes)


def _written(reader: Reader, make: Callable[[], bytes], folder: Path) -> Prepared:
    """Write the valid input, and the hostile content in place of its file."""
    prepared = reader.prepare(folder)
    prepared.target.write_bytes(make())
    return prepared


def _linked(reader: Reader, folder: Path) -> Prepared:
    """Write the valid input elsewhere, and a link to it in place of its file."""
    prepared = reader.prepare(folder)
    outside = prepared.target.rename(folder / "outside")
    prepared.target.symlink_to(outside)
    return prepared


def _made(reader: Reader, make: Callable[[Path], None], folder: Path) -> Prepared:
    """Write the valid input, and something that is no file in place of its file."""
    prepared = reader.prepare(folder)
    make(prepared.target)
    return prepared


@cache
def _valid(name: str) -> bytes:
    """Return the valid content of a reader's file."""
    (reader,) = [reader for reader in READERS if reader.name == name]
    with tempfile.TemporaryDirectory(prefix="hostile-valid-") as folder:
        return reader.prepare(Path(folder)).target.read_bytes()
