"""The bounded reader of Kubernetes objects in YAML, as other projects publish them.

A text may hold several documents. Its events are counted before anything is built: depth, values and aliases.
Anchors are refused, because with aliases to them a few lines could build gigabytes. A key that a mapping has
twice is refused too: readers differ in which of both they take, and a person reads the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import yaml

from sovereign_ai.errors import Problem, SovereignError, Where
from sovereign_ai.files.foreign_yaml import load_all_foreign, without_json
from sovereign_ai.files.kinds import FileKind
from sovereign_ai.files.secrets import shown
from sovereign_ai.files.source import SourceMap
from sovereign_ai.files.yaml_errors import explain_error

MOST_VALUES = 300_000
"""The most scalars, lists and mappings of one file; the largest definition of Kueue or KubeRay has 30,000."""
MOST_DEPTH = 64
_MOST_PROBLEMS = 100
"""Values of a document that JSON does not have and that are named; a file may have thousands."""
# The loader of libyaml is much faster, but PyYAML may be built without it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class PlacedObject(NamedTuple):
    """An object, and the line on which its document begins."""

    line: int
    content: dict[str, Any]


def parse_objects(text: str, file: str, kind: FileKind) -> list[dict[str, Any]]:
    """Read every object of a text, as `parse_placed_objects` does, without the lines."""
    return [placed.content for placed in parse_placed_objects(text, file, kind)]


def parse_placed_objects(text: str, file: str, kind: FileKind) -> list[PlacedObject]:
    """Read every object of a text; empty documents are left out, and lists of objects are taken apart.

    Args:
        text: the text.
        file: its name, for messages.
        kind: the expected kind of file.

    Raises:
        SovereignError: the kind's own error: it is no YAML, passes a limit, or an object lacks its kind,
            version or name.
    """
    try:
        lines = _require_bounds(text, file, kind)
        documents = load_all_foreign(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message, hint = explain_error(error.problem or "", error.context or "")
        where = Where(file, mark.line + 1, mark.column + 1) if mark else Where(file)
        raise kind.error(Problem("yaml-syntax", message, where, hint)) from None
    except (yaml.YAMLError, ValueError):
        # A ValueError is of a value that its tag does not allow.
        message = "the text holds a character or a value that YAML does not allow"
        raise kind.error(Problem("yaml-syntax", message, Where(file), kind.hint)) from None
    objects: list[PlacedObject] = []
    problems: list[Problem] = []
    for line, document in zip(lines, documents, strict=True):
        for path, message, hint in islice(without_json(document), _MOST_PROBLEMS):
            problems.append(Problem("no-json", message, Where(file, line, field=path), hint))
        for name, entry in _entries(document):
            if _is_object(entry):
                objects.append(PlacedObject(line, entry))
            else:
                message = f"{name} is no object with apiVersion, kind and metadata.name"
                problems.append(Problem("wrong-type", message, Where(file, line), kind.hint))
    if problems:
        raise kind.error(problems)
    return objects


def field_places(text: str, file: str) -> list[SourceMap]:
    """Return the places of the fields of each object of a text.

    Args:
        text: one that `parse_objects` has read: its objects are in the same order.
        file: its name.
    """
    maps = []
    for document in yaml.compose_all(text, Loader=_LOADER):
        for node in _object_nodes(document):
            values: dict[str, Where] = {}
            keys: dict[str, Where] = {}
            _add_places(node, "", file, (values, keys))
            maps.append(SourceMap(values, keys, file))
    return maps


def _object_nodes(node: Any) -> Iterator[Any]:
    """Yield the nodes of the objects of a document, as `_entries` does of what is built of it."""
    if not isinstance(node, yaml.MappingNode):
        return
    fields: Mapping[str, Any] = {str(key.value): value for key, value in node.value}
    items = fields.get("items")
    kind = fields.get("kind")
    is_list = isinstance(kind, yaml.ScalarNode) and kind.value == "List"
    if not is_list or not isinstance(items, yaml.SequenceNode):
        yield node
        return
    for item in items.value:
        yield from _object_nodes(item)


def _add_places(node: Any, path: str, file: str, found: tuple[dict[str, Where], dict[str, Where]]) -> None:
    """Add the place of a value, and of each value within it with its name."""
    values, keys = found
    values[path] = _where(node, path, file)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = f"{path}.{key.value}" if path else str(key.value)
            keys[inner] = _where(key, inner, file)
            _add_places(value, inner, file, found)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            _add_places(value, f"{path}[{number}]", file, found)


def _where(node: Any, path: str, file: str) -> Where:
    return Where(file, node.start_mark.line + 1, node.start_mark.column + 1, path)


def _entries(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield what stands for an object in a document, each with its name for messages; the items of a list."""
    if document is None:
        return
    is_list = isinstance(document, dict) and document.get("kind") == "List"
    items = document.get("items") if is_list else None
    if not isinstance(items, list):
        yield "the document", document
        return
    for number, item in enumerate(items, start=1):
        for _, entry in _entries({} if item is None else item):
            yield f"item {number} of the list", entry


@dataclass(slots=True)
class _Collection:
    """A list or mapping whose events are being read.

    Attributes:
        keys: the keys so far; None for a list.
        is_key_next: whether the next value of a mapping is a key.
    """

    keys: set[str] | None
    is_key_next: bool = True


class _Keys:
    """Notices a key that a mapping has twice, event by event."""

    def __init__(self) -> None:
        self._open: list[_Collection] = []

    @property
    def depth(self) -> int:
        """How many lists and mappings are open."""
        return len(self._open)

    def repeated(self, event: Any) -> str:
        """Return an event's key that its mapping has already; empty for any other event."""
        if isinstance(event, yaml.CollectionEndEvent):
            self._open.pop()
        if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
            return ""
        repeated = ""
        within = self._open[-1] if self._open else None
        if within is not None and within.keys is not None:
            if within.is_key_next and isinstance(event, yaml.ScalarEvent):
                key = str(getattr(event, "value", ""))
                repeated = key if key in within.keys else ""
                within.keys.add(key)
            within.is_key_next = not within.is_key_next
        if isinstance(event, yaml.CollectionStartEvent):
            self._open.append(_Collection(set() if isinstance(event, yaml.MappingStartEvent) else None))
        return repeated


def _require_bounds(text: str, file: str, kind: FileKind) -> list[int]:
    """Count the events of a text before it is built, and return the line on which each document begins.

    Raises:
        SovereignError: there are too many, they nest too deeply, one is an anchor or alias, or a key is
            there twice.
    """
    values = 0
    lines: list[int] = []
    keys = _Keys()

    def refuse(code: str, message: str, event: Any) -> SovereignError:
        where = Where(file, event.start_mark.line + 1, event.start_mark.column + 1)
        return kind.error(Problem(code, message, where, kind.hint))

    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise refuse("yaml-feature", "an anchor ('&') or alias ('*') is not taken", event)
        if repeated := keys.repeated(event):
            raise refuse("duplicate-key", f"the key {shown(repeated)} is in this mapping twice", event)
        if isinstance(event, yaml.DocumentStartEvent):
            begins: Any = event.start_mark
            lines.append(begins.line + 1)
        if isinstance(event, yaml.CollectionStartEvent | yaml.ScalarEvent):
            values += 1
        if values > MOST_VALUES:
            message = f"more than {MOST_VALUES:,} values, the most for {kind.noun}"
            raise refuse("too-many-nodes", message, event)
        if keys.depth > MOST_DEPTH:
            raise refuse("too-deep", f"lists and mappings nest deeper than {MOST_DEPTH}", event)
    return lines


def _is_object(document: Any) -> bool:
    """Return whether a document has the form of a Kubernetes object."""
    if not isinstance(document, dict):
        return False
    if not isinstance(document.get("apiVersion"), str) or not isinstance(document.get("kind"), str):
        return False
    metadata = document.get("metadata")
    # A list of objects has metadata without a name.
    return isinstance(metadata, dict) and isinstance(metadata.get("name", ""), str)
