r"""The bounded reader of JSON: plain data, and the place of any value on request.

Depth and number of values are counted before anything is built, so that a small text cannot use much memory.
A name that occurs twice in an object is refused, because two readers would use two different values.

    >>> parsed = parse_json(b'{"a": [1, {"b": null}]}', "f.json", OBSERVATION)
    >>> parsed.data, str(parsed.where("a[1].b"))
    ({'a': [1, {'b': None}]}, 'f.json:1:17: a[1].b')
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from sovereign_ai.errors import Problem, Where
from sovereign_ai.files.decoding import decode, locate_character
from sovereign_ai.files.kinds import OBSERVATION, FileKind
from sovereign_ai.files.secrets import shown
from sovereign_ai.files.source import above, below
from sovereign_ai.text import counted

__all__ = ["OBSERVATION", "Json", "parse_json"]

MOST_VALUES = 500_000
"""The most values of a text; each entry of a list or an object counts."""
MOST_DEPTH = 64
"""The deepest nesting; documents of Kubernetes, Redfish and in-toto have less than 20 levels."""
MOST_ESCAPES = 200_000
"""The most backslashes; the parser allocates a piece of text for each."""
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
"""A string; a string that does not end extends to the end of the text, so that one pass is enough."""
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},:]|[^\s\[\]{},:"]+')


class Json:
    """The data of a JSON text, with the places of its values.

    Attributes:
        data: plain lists, dicts and scalars.
        file: the file's name, for messages.
        text: the text.
    """

    def __init__(self, data: Any, text: str, file: str) -> None:
        self.data = data
        self.file = file
        self.text = text

    @cached_property
    def _places(self) -> dict[str, int]:
        """The index at which each value begins, by its path; computed only once something is wrong."""
        return _begins(self.text)

    def where(self, field: str) -> Where:
        """Return the place of a value, or of the nearest value around it, with the field's own name."""
        path = field
        while path and path not in self._places:
            path = above(path)
        place = locate_character(self.text, self._places.get(path, 0), self.file)
        return Where(place.file, place.line, place.column, field)


def parse_json(
    raw: bytes, file: str, kind: FileKind, *, most_depth: int = MOST_DEPTH, most_values: int = MOST_VALUES
) -> Json:
    """Read a JSON text.

    Args:
        raw: the text's bytes.
        file: the file's name, for messages.
        kind: the expected kind of file.
        most_depth: the deepest nesting.
        most_values: the most values.

    Raises:
        SovereignError: the kind's own error: the text is too long, no UTF-8, no JSON, too deep, too large, or
            has a name twice in an object.
    """
    text = decode(raw, file, kind)

    def refuse(code: str, message: str, where: Where) -> None:
        raise kind.error(Problem(code, f"{message}; expected {kind.noun}", where, kind.hint))

    _require_bounds(raw, most_depth, most_values, lambda code, message: refuse(code, message, Where(file)))
    try:
        data = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if not text.strip():
            what = "it is empty"
        elif error.pos >= len(text.rstrip()):
            what = "it breaks off"
        else:
            what = "this is no JSON"
        where = locate_character(text, min(error.pos, len(text)), file)
        raise kind.error(Problem("bad-json", f"{what}; expected {kind.noun}", where, kind.hint)) from None
    except ValueError:
        # A lone surrogate, which `decode` lets through in no text; kept for a newer orjson.
        message = f"it is no JSON; expected {kind.noun}"
        raise kind.error(Problem("bad-json", message, Where(file), kind.hint)) from None
    name = _duplicate_name(text)
    if name is not None:
        # The last occurrence, which is the second one in most texts.
        at = text.rfind(orjson.dumps(name).decode())
        refuse(
            "duplicate-key",
            f"{shown(name)} stands twice in one object",
            locate_character(text, max(at, 0), file),
        )
    return Json(data, text, file)


def _require_bounds(
    raw: bytes, most_depth: int, most_values: int, refuse: Callable[[str, str], None]
) -> None:
    """Refuse a text that is too deep or too large, by its brackets and commas alone.

    Nothing of the text is parsed by then: parsing is what uses the memory.
    """
    if raw.count(b"\\") > MOST_ESCAPES:
        refuse("too-many-values", f"it holds more than {MOST_ESCAPES:,} backslashes")
    # Each value has at most two strings, its name and its text, of two quotation marks each.
    if raw.count(b'"') > 4 * most_values:
        refuse("too-many-values", f"it holds more than {counted(most_values, 'value')}")
    # Brackets and commas inside of strings are text.
    structure = _STRING.sub(b"", raw)
    values = structure.count(b",") + structure.count(b"[") + structure.count(b"{")
    if values > most_values:
        refuse("too-many-values", f"it holds more than {counted(most_values, 'value')}")
    depth = 0
    other_bytes = bytes(set(range(256)) - set(b"[]{}"))
    for bracket in structure.translate(None, other_bytes):
        depth += 1 if bracket in b"[{" else -1
        if depth > most_depth:
            refuse("too-deep", f"lists and objects nest deeper than {most_depth}")


@dataclass
class _DuplicateNameError(Exception):
    """A name occurs twice in an object."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def _duplicate_name(text: str) -> str | None:
    """Return a name that occurs twice in an object; None if there is none."""

    def check_names(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise _DuplicateNameError(name)
            seen.add(name)

    try:
        # orjson keeps the last of two names and does not report it. Numbers are not built: `len` is the
        # cheapest parser.
        json.loads(text, object_pairs_hook=check_names, parse_int=len, parse_float=len, parse_constant=len)
    except _DuplicateNameError as error:
        return error.name
    except (ValueError, RecursionError):
        # `json` refuses some texts that orjson reads, such as an escaped lone surrogate.
        return None
    return None


def _begins(text: str) -> dict[str, int]:
    """Return the index at which each value begins, by its dotted path."""
    starts: dict[str, int] = {"": 0}
    # The open lists and objects, from the outermost; a count is the index in a list, and -1 in an object.
    paths: list[str] = []
    counts: list[int] = []
    name, is_key = "", False
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign == ":":
            is_key = False
        elif sign == ",":
            if counts and counts[-1] >= 0:
                counts[-1] += 1
            is_key = bool(counts) and counts[-1] < 0
        elif sign in "]}":
            if paths:
                paths.pop()
                counts.pop()
        elif is_key and sign[0] == '"':
            name = str(orjson.loads(sign)) if sign.isprintable() else ""
        else:
            path = _path_of_value(paths, counts, name)
            starts.setdefault(path, token.start())
            if sign in "[{":
                paths.append(path)
                counts.append(0 if sign == "[" else -1)
                is_key = sign == "{"
    return starts


def _path_of_value(paths: list[str], counts: list[int], name: str) -> str:
    """Return the path of a value that begins inside of the open lists and objects."""
    if not paths:
        return ""
    if counts[-1] >= 0:
        return below(paths[-1], counts[-1])
    return below(paths[-1], name)
