r"""Load YAML that other programs read too, with all that they accept: anchors, merge keys and tags.

It is for files that are this program's neighbours, such as `Pulumi.yaml`, and for Kubernetes objects whose
size is checked before. Files for this program alone go through `yaml_text`, which places every field.

    >>> load_foreign("a: &x {b: 1}\nc: *x\n")
    {'a': {'b': 1}, 'c': {'b': 1}}
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import yaml

from sovereign_ai.files.secrets import shown

# The loader of libyaml is ten times as fast, but PyYAML may be built without it.
_FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_INT64 = 1 << 63


def _without_dates() -> dict[str | None, list[tuple[str, Any]]]:
    """Return the forms by which PyYAML knows what a plain scalar is, by their first letter, but for dates."""
    kept: dict[str | None, list[tuple[str, Any]]] = {}
    for first, forms in _FAST.yaml_implicit_resolvers.items():
        kept[first] = [(tag, form) for tag, form in forms if tag != _TIMESTAMP]
    return kept


class _Loader(_FAST):  # type: ignore[misc] # either of two classes
    """A loader to which a date is a text, as it is to the libraries of Go."""

    yaml_implicit_resolvers = _without_dates()


_UNCHECKED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError)
"""What PyYAML raises of a text that its tag does not allow, as `!!bool x`, or of nesting that is too deep."""


def load_foreign(text: str) -> Any:
    """Return the data of the one document in a text; None where the text is empty.

    Raises:
        yaml.YAMLError: it is no YAML, or has several documents.
        ValueError: it has a value that its tag or its form does not allow.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except _UNCHECKED as error:
        raise _no_value(error) from None


def load_all_foreign(text: str) -> list[Any]:
    """Return the data of each document in a text.

    Raises:
        yaml.YAMLError: it is no YAML.
        ValueError: it has a value that its tag or its form does not allow.
    """
    try:
        return list(yaml.load_all(text, Loader=_Loader))
    except _UNCHECKED as error:
        raise _no_value(error) from None


def top_keys(text: str) -> list[str]:
    """Return the keys of a text's mapping, also those that it has twice; none where it is no mapping.

    Raises:
        yaml.YAMLError: it is no YAML.
        ValueError: it is nested too deeply.
    """
    try:
        node = yaml.compose(text, Loader=_Loader)
    except _UNCHECKED as error:
        raise _no_value(error) from None
    return [str(key.value) for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []


def tags(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each tag that a text states, such as `!!binary`, with its line and column, which begin at 1.

    Raises:
        yaml.YAMLError: it is no YAML.
    """
    for event in yaml.parse(text, Loader=_Loader):
        tag, mark = getattr(event, "tag", None), event.start_mark
        if tag is not None and mark is not None:
            yield tag, mark.line + 1, mark.column + 1


def without_json(value: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield each part of loaded data that JSON does not have: its path, what is wrong, what to write.

    An API server takes JSON, and a rule is decided on it. The data has no cycles: its text has no aliases.

    >>> list(without_json({"a": {1: 2}}))
    [('a', "the key '1' is no text", "put it in quotation marks: '1'")]
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                word = str(key).lower() if isinstance(key, bool) or key is None else str(key)
                yield path, f"the key {shown(word)} is no text", f"put it in quotation marks: {shown(word)}"
            yield from without_json(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from without_json(inner, f"{path}[{number}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield path, "a number that is not finite is no JSON", "write a finite number, or a text in quotes"
    elif isinstance(value, int) and not -_INT64 <= value < _INT64:
        yield path, "the number does not fit into 64 bits", "put it in quotation marks if it is a text"
    elif not isinstance(value, bool | int | float | str | None):
        message = "a value with a tag such as !!binary or !!set is no JSON"
        yield path, message, "write it as a text, a list or a mapping"


def _no_value(error: Exception) -> ValueError:
    """Return the error of a value that cannot be built; its text is left out, which may be a secret."""
    return ValueError(f"a value is none of its tag's kind ({type(error).__name__})")
