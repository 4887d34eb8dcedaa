r"""The bounded reader of YAML and JSON text: plain data out, and the place of every field.

It takes the part of YAML 1.2 that means the same to every reader and refuses the rest by name:
aliases and anchors, tags, merge keys, duplicate keys, a second document, numbers in any but the
decimal form. `NO`, `on`, `1:1` and `2026-01-31` stay text; `true`, `false` and `null` alone are
special. Time and memory are bounded whatever the file holds: libyaml scans in one pass, and the
limits below end the work early.

    >>> data, source, problems = parse("pools:\n  - {name: train, nodes: 12}\n", "factory.yaml")
    >>> data, problems
    ({'pools': [{'name': 'train', 'nodes': 12}]}, [])
    >>> str(source.where("pools[0].nodes"))
    'factory.yaml:2:26: pools[0].nodes'
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from sovereign_ai.errors import Problem, SpecError, Where
from sovereign_ai.spec.letters import hidden
from sovereign_ai.spec.secrets import shown
from sovereign_ai.spec.source import SourceMap, below
from sovereign_ai.spec.yaml_words import in_our_words

MOST_BYTES = 1 << 20
"""The longest file: 1 MiB."""
MOST_NODES = 100_000
"""The most scalars, lists and mappings together."""
MOST_DEPTH = 32
"""The deepest nesting of lists and mappings."""
MOST_DIGITS = 18
"""The longest number, in digits; 10^18 is below every 64-bit limit."""
MOST_PROBLEMS = 100
"""After so many problems of its own the reader gives up on the rest of the file."""
_LONGEST_KEY = 128
_LONGEST_NUMBER = 64

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NUMBERISH = re.compile(r"[-+]?\.?[0-9]")
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+")
_ODD_NUMBER = re.compile(
    r"(?P<octal>[-+]?0[0-7]+|[-+]?0o[0-7_]+)|(?P<hex>[-+]?0[xX][0-9a-fA-F_]+)|(?P<binary>[-+]?0b[01_]+)"
    r"|(?P<zeros>[-+]?0[0-9]+(\.[0-9]*)?)|(?P<power>[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+)|(?P<half>[-+]?(\.[0-9]+|[0-9]+\.))"
)
_ODD_WORDS = {
    "octal": "looks like an octal number",
    "hex": "is a hexadecimal number",
    "binary": "is a binary number",
    "zeros": "has leading zeros",
    "power": "is a number with an exponent",
    "half": "is a number with digits on one side of the point only",
}
_NOT_FINITE = frozenset({".inf", "-.inf", "+.inf", ".nan"})
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_QUOTE = "put it in quotation marks if it is text; else write it as a plain decimal number"


class Refused:
    """Stands in the data for a value that the reader refused; its problem is already recorded."""

    def __repr__(self) -> str:
        """Show no value."""
        return "<refused>"


class Parsed(NamedTuple):
    """What a text holds.

    Attributes:
        data: plain lists, dicts and scalars.
        source: the place of every field.
        problems: what was refused; where there are some, `data` is incomplete.
    """

    data: Any
    source: SourceMap
    problems: list[Problem]


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    value: list[Any] | dict[str, Any]
    path: str
    keys: dict[str, Where] = field(default_factory=dict)
    key: str | None = None
    skip: bool = False


class _Reader:
    """One pass over the events of one text."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.values: dict[str, Where] = {}
        self.keys: dict[str, Where] = {}
        self.problems: list[Problem] = []
        self.open: list[_Open] = []
        self.root: Any = None
        self.nodes = 0

    def refuse(self, code: str, message: str, where: Where, hint: str) -> None:
        """Record a problem; when there are too many, raise them all."""
        self.problems.append(Problem(code, message, where, hint))
        if len(self.problems) >= MOST_PROBLEMS:
            raise SpecError([*self.problems, Problem("too-many-problems", "the rest of the file was not read", where, "mend these first")])

    def stop(self, code: str, message: str, where: Where, hint: str) -> SpecError:
        """Make the error that ends the reading, with everything found so far."""
        return SpecError([*self.problems, Problem(code, message, where, hint)])

    def place(self, event: Any, path: str) -> Where:
        """Give an event's place as a user counts it."""
        mark = event.start_mark
        return Where(self.file, mark.line + 1, mark.column + 1, path)

    def run(self, text: str) -> None:
        """Read every event of the text."""
        loader = _LOADER(text)
        documents = 0
        try:
            while True:
                event = loader.get_event()
                if event is None or isinstance(event, yaml.StreamEndEvent):
                    return
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if not self.document(event, documents):
                        return
                elif isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
                    self.node(event)
        except yaml.MarkedYAMLError as error:
            marks = (
                (error.context_mark, error.problem_mark)
                if "unexpected" in (error.problem or "")
                else (error.problem_mark, error.context_mark)
            )
            mark = marks[0] or marks[1]
            where = Where(self.file, mark.line + 1, mark.column + 1) if mark else Where(self.file)
            message, hint = in_our_words(error.problem or "", error.context or "")
            raise self.stop("too-deep" if "deep" in message else "yaml-syntax", message, where, hint) from None
        except yaml.YAMLError:
            raise self.stop("yaml-syntax", "the text holds a character that YAML does not allow", Where(self.file), "remove it") from None
        finally:
            loader.dispose()

    def document(self, event: Any, count: int) -> bool:
        """Check the start of a document; tell whether to read on."""
        where = self.place(event, "")
        if count > 1:
            self.refuse(
                "several-documents",
                "a second document starts here; a description is one document",
                where,
                "remove the line '---' and what follows it",
            )
            return False
        if event.tags or (event.version and tuple(event.version) != (1, 2)):
            self.refuse(
                "yaml-feature", "a YAML directive other than '%YAML 1.2' is not taken", where, "remove the line that starts with '%'"
            )
        return True

    def node(self, event: Any) -> None:
        """Take one scalar, or the start or end of a list or mapping."""
        if isinstance(event, yaml.CollectionEndEvent):
            self.open.pop()
            return
        self.nodes += 1
        parent = self.open[-1] if self.open else None
        if isinstance(event, yaml.ScalarEvent) and parent is not None and isinstance(parent.value, dict) and parent.key is None:
            self.key(event, parent)
            return
        path = self.path_of(parent, event)
        where = self.place(event, path)
        if self.nodes > MOST_NODES:
            raise self.stop(
                "too-many-nodes",
                f"more than {MOST_NODES:,} values; a description is compact",
                where,
                "give counts instead of a list of single machines",
            )
        self.put(parent, path, self.value(event, path, where), where)

    def path_of(self, parent: _Open | None, event: Any) -> str:
        """Give the dotted path of a value that starts now."""
        if parent is None:
            return ""
        if isinstance(parent.value, list):
            return f"{parent.path}[{len(parent.value)}]"
        if parent.key is None:
            raise self.stop(
                "bad-key", "a key is a list or a mapping", self.place(event, parent.path), "write the key as one word, followed by a colon"
            )
        return below(parent.path, parent.key)

    def key(self, event: Any, parent: _Open) -> None:
        """Take a mapping's key."""
        name = event.value
        path = below(parent.path, name if len(name) <= _LONGEST_KEY else "…")
        where = self.place(event, path)
        parent.key, parent.skip = name, False
        self.features(event, where)
        if name == "<<" and event.implicit[0]:
            self.refuse("yaml-feature", "a merge key '<<' is not taken", where, "write the fields out")
            parent.skip = True
        elif not name or len(name) > _LONGEST_KEY or hidden(name, ""):
            self.refuse(
                "bad-key",
                f"a key must be a word of 1 to {_LONGEST_KEY} visible characters",
                where,
                "write the field's name before the colon",
            )
            parent.skip = True
        elif name in parent.keys:
            first = parent.keys[name]
            message = f"{shown(name)} stands here a second time; the first is at line {first.line}, column {first.column}"
            self.refuse("duplicate-key", message, where, "keep one of the two")
            parent.skip = True
        else:
            parent.keys[name] = where
            if path not in self.keys:
                self.keys[path] = where

    def features(self, event: Any, where: Where) -> None:
        """Refuse what only some readers understand: anchors and tags."""
        if event.anchor is not None and not isinstance(event, yaml.AliasEvent):
            self.refuse("yaml-feature", "an anchor ('&') is not taken", where, "write the value out where it is needed")
        if getattr(event, "tag", None) is not None:
            self.refuse("yaml-feature", "a tag ('!') is not taken", where, "remove the tag; the field decides the type")

    def value(self, event: Any, path: str, where: Where) -> Any:
        """Give the value that an event starts."""
        if isinstance(event, yaml.AliasEvent):
            self.refuse(
                "yaml-feature", "an alias ('*') is not taken", where, "write the value out; if it is text that starts with '*', quote it"
            )
            return Refused()
        self.features(event, where)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, where)
        if len(self.open) >= MOST_DEPTH:
            raise self.stop(
                "too-deep", f"lists and mappings nest deeper than {MOST_DEPTH}", where, "check the brackets and the indentation"
            )
        value: list[Any] | dict[str, Any] = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        self.open.append(_Open(value, path))
        return value

    def scalar(self, event: Any, where: Where) -> Any:
        """Give a scalar by YAML 1.2's core rules, decimal numbers only."""
        text: str = event.value
        letter = hidden(text)
        if letter is not None:
            self.refuse("hidden-character", f"the value holds {letter.say}", where, "remove it; write plain letters and spaces")
            return Refused()
        if event.style is not None and event.style != "":
            return text
        if text in _NOTHING:
            return None
        if text in _TRUTH:
            return _TRUTH[text]
        if text.lower() in _NOT_FINITE:
            self.refuse("bad-number", f"{text} is not a finite number", where, "write a decimal number, or leave the field out")
            return Refused()
        return self.number(text, where) if _NUMBERISH.match(text) else text

    def number(self, text: str, where: Where) -> Any:
        """Give a decimal number; text that only starts like one stays text."""
        whole = _INT.fullmatch(text) is not None
        if whole or _DECIMAL.fullmatch(text):
            if sum(map(str.isdigit, text[: MOST_DIGITS * 2])) > MOST_DIGITS:
                self.refuse("bad-number", f"a number of more than {MOST_DIGITS} digits", where, _QUOTE)
                return Refused()
            return int(text) if whole else float(text)
        odd = _ODD_NUMBER.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None
        if odd is None:
            return text
        self.refuse("bad-number", f"{shown(text)} {_ODD_WORDS[odd.lastgroup or 'half']}", where, _QUOTE)
        return Refused()

    def put(self, parent: _Open | None, path: str, value: Any, where: Where) -> None:
        """Store a value where it belongs, and its place."""
        if parent is None:
            self.root = value
        elif isinstance(parent.value, list):
            parent.value.append(value)
        else:
            key, parent.key = parent.key or "", None
            if parent.skip:
                return
            parent.value[key] = value
        self.values.setdefault(path, where)


def decode(raw: bytes, file: str) -> str:
    """Decode UTF-8 with or without a byte order mark.

    Raises:
        SpecError: too long, or not UTF-8; the problem names the byte.
    """
    if len(raw) > MOST_BYTES:
        hint = "a description is compact: give counts instead of lists of machines"
        raise SpecError(Problem("too-large", f"the file is longer than {MOST_BYTES:,} bytes", Where(file), hint))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        offset = error.start + (3 if raw.startswith(b"\xef\xbb\xbf") else 0)
        raise SpecError(Problem("not-utf8", f"byte {offset:,} is not UTF-8", Where(file, line), "save the file as UTF-8")) from None


def _letters(text: str, file: str, *, tabs: bool) -> None:
    """Refuse a text with characters that hide, at the first of them."""
    letter = hidden(text, "\n\r\t" if tabs else "\n\r")
    if letter is None:
        return
    line = text.count("\n", 0, letter.at) + 1
    where = Where(file, line, letter.at - text.rfind("\n", 0, letter.at))
    if text[letter.at] == "\t":
        raise SpecError(Problem("tab", "a tab character; YAML is indented by spaces", where, "replace it by spaces"))
    raise SpecError(Problem("hidden-character", f"the file holds {letter.say}", where, "remove it; write plain letters and spaces"))


def parse(text: str, file: str, *, tabs: bool = False) -> Parsed:
    """Read one document; `tabs` allows tab characters between tokens, as JSON does.

    Raises:
        SpecError: the text is no YAML, or passes a limit, so that nothing after it can be read.
    """
    _letters(text, file, tabs=tabs)
    reader = _Reader(file)
    reader.run(text)
    return Parsed(reader.root, SourceMap(reader.values, reader.keys, file), reader.problems)
