"""Each field of a valid document, replaced by each of many values that are wrong in kind, size or letters."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from tests.hostile.texts import ESCAPES, SECRETS, TEMPLATES

Path = tuple[str | int, ...]

_DEEP: Any = []
for _ in range(30):
    _DEEP = [_DEEP]

VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "empty-list": [],
    "empty-mapping": {},
    "list": [[1], {"a": 1}],
    "mapping": {"a": {"b": []}},
    "deep": _DEEP,
    "zero": 0,
    "minus": -1,
    "large": 10**17,
    "larger": 10**30,
    "float": 1.5,
    "huge-float": 1e308,
    "empty": "",
    "space": " ",
    "long": "x" * 20_000,
    "many": ["x"] * 5_000,
    "many-mappings": [{"name": f"n{number}"} for number in range(2_000)],
    "digits": "9" * 60,
    "nan-text": "NaN",
    "date": "2026-13-45",
    "mask": "10.0.0.0/255.0.0.0",
    "octal": "10.0.0.0/010",
    "mapped": "::ffff:10.0.0.0/104",
    "unit": "1e400 kW",
    **{f"escape-{name}": text for name, text in ESCAPES.items()},
    **{f"secret-{name}": text for name, text in SECRETS.items()},
    **{f"template-{name}": text for name, text in TEMPLATES.items()},
}
"""Name to value."""


def places(data: Any, at: Path = ()) -> Iterator[Path]:
    """Return the path of each value; of a list only its first and last entries."""
    if at:
        yield at
    if isinstance(data, dict):
        for name, value in data.items():
            yield from places(value, (*at, name))
    elif isinstance(data, list):
        for index in sorted({0, len(data) - 1}) if data else ():
            yield from places(data[index], (*at, index))


def replaced(data: Any, at: Path, value: Any) -> Any:
    """Return a copy with another value in one place."""
    whole = copy.deepcopy(data)
    inner = whole
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = value
    return whole


def variants(data: Any) -> Iterator[tuple[str, Path, Any]]:
    """Return each hostile change of a document: a value in place of a field's own, or a field more, with the
    change's name.
    """
    for at in places(data):
        yield from ((f"{'.'.join(map(str, at))}={kind}", at, value) for kind, value in VALUES.items())
    mappings = [at for at in ((), *places(data)) if isinstance(_get(data, at), dict)]
    for at in mappings:
        for kind, key in [*ESCAPES.items(), *SECRETS.items(), *TEMPLATES.items()]:
            yield f"{'.'.join(map(str, at))}+{kind}", (*at, key), 1


def _get(data: Any, at: Path) -> Any:
    for step in at:
        data = data[step]
    return data
