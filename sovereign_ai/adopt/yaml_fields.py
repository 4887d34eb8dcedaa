"""Fields of YAML files of other programs, each with its place and a problem where it is something else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sovereign_ai.adopt.standing import SiteDraft, SourceText
from sovereign_ai.errors import Where
from sovereign_ai.files import TOPOLOGY, Refused, SourceMap, below, parse
from sovereign_ai.frozen_dataclass import frozen_dataclass


@frozen_dataclass
class Document:
    """A parsed file.

    Attributes:
        data: its content.
        source: the place of each field.
        draft: receives problems.
    """

    data: Any
    source: SourceMap
    draft: SiteDraft

    def where(self, path: str) -> Where:
        """Return the place of a field."""
        return self.source.where(path)

    def mapping(self, value: Any, path: str) -> Mapping[str, Any]:
        """Return a value that must be a mapping; an empty one in place of nothing and of something else."""
        if isinstance(value, dict):
            return value
        if value is not None:
            self._unexpected(value, path, "fields")
        return {}

    def entries(self, value: Any, path: str) -> Iterator[tuple[str, Any]]:
        """Yield the entries of a value that must be a list, each with its path."""
        if isinstance(value, list):
            for number, entry in enumerate(value):
                yield below(path, number), entry
        elif value is not None:
            self._unexpected(value, path, "a list")

    def word(self, value: Any, path: str) -> str:
        """Return a value that must be text or a number, as text; the empty text in place of nothing."""
        if isinstance(value, str):
            return value.strip()
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is not None:
            self._unexpected(value, path, "a name")
        return ""

    def needed(self, entry: Mapping[str, Any], key: str, path: str) -> str:
        """Return a field that must be there, as text."""
        text = self.word(entry.get(key), below(path, key))
        if not text and not isinstance(entry.get(key), Refused):
            self.draft.refuse("no-field", f"expected {key}", self.where(path), f"write {key}: NAME")
        return text

    def hosts(self, value: Any, path: str) -> list[str]:
        """Return the names of a host list, or of a list of them."""
        names: list[str] = []
        entries = list(self.entries(value, path)) if isinstance(value, list) else [(path, value)]
        for place, entry in entries:
            text = self.word(entry, place)
            if text:
                names += self.draft.hosts(text, self.where(place))
        return names

    def _unexpected(self, value: Any, path: str, expected: str) -> None:
        # What the reader of the text refused has a problem already.
        if not isinstance(value, Refused):
            self.draft.refuse(
                "bad-field",
                f"expected {expected}",
                self.where(path),
                "see the format's own documentation",
            )


def document(source: SourceText, draft: SiteDraft) -> Document:
    """Return a parsed text; what is wrong with it goes to the draft's problems.

    Raises:
        SpecError: the text is no YAML, or exceeds a limit.
    """
    parsed = parse(source.text, source.file, TOPOLOGY, lenient=True)
    draft.problems += parsed.problems
    return Document(parsed.data, parsed.source, draft)
