r"""Load YAML that other programs read too, with all that they accept: anchors, merge keys and tags.

It is for files that are this program's neighbours, such as `Pulumi.yaml`, and for Kubernetes objects whose
size is checked before. Files for this program alone go through `yaml_text`, which places every field.

    >>> load_foreign("a: &x {b: 1}\nc: *x\n")
    {'a': {'b': 1}, 'c': {'b': 1}}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

# The loader of libyaml is ten times as fast, but PyYAML may be built without it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNCHECKED = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError)
"""What PyYAML raises of a text that its tag does not allow, as `!!bool x`, or of nesting that is too deep."""


def load_foreign(text: str) -> Any:
    """Return the data of the one document in a text; None where the text is empty.

    Raises:
        yaml.YAMLError: it is no YAML, or has several documents.
        ValueError: it has a value that its tag or its form does not allow.
    """
    try:
        return yaml.load(text, Loader=_LOADER)  # noqa: S506 - a safe loader
    except _UNCHECKED as error:
        raise _no_value(error) from None


def load_all_foreign(text: str) -> list[Any]:
    """Return the data of each document in a text.

    Raises:
        yaml.YAMLError: it is no YAML.
        ValueError: it has a value that its tag or its form does not allow.
    """
    try:
        return list(yaml.load_all(text, Loader=_LOADER))
    except _UNCHECKED as error:
        raise _no_value(error) from None


def top_keys(text: str) -> list[str]:
    """Return the keys of a text's mapping, also those that it has twice; none where it is no mapping.

    Raises:
        yaml.YAMLError: it is no YAML.
        ValueError: it is nested too deeply.
    """
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except _UNCHECKED as error:
        raise _no_value(error) from None
    return [str(key.value) for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []


def tags(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield each tag that a text states, such as `!!binary`, with its line and column, which begin at 1.

    Raises:
        yaml.YAMLError: it is no YAML.
    """
    for event in yaml.parse(text, Loader=_LOADER):
        tag, mark = getattr(event, "tag", None), event.start_mark
        if tag is not None and mark is not None:
            yield tag, mark.line + 1, mark.column + 1


def _no_value(error: Exception) -> ValueError:
    """Return the error of a value that cannot be built; its text is left out, which may be a secret."""
    return ValueError(f"a value is none of its tag's kind ({type(error).__name__})")
