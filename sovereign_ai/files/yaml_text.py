r"""The bounded reader of YAML and JSON text: plain data, and the place of every field.

It reads the part of YAML 1.2 that means the same to every reader and refuses the rest by name:
aliases and anchors, tags, merge keys, duplicate keys, a second document, numbers in any but the
decimal form. `NO`, `on`, `1:1` and `2026-01-31` stay text; only `true`, `false` and `null` are
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

from sovereign_ai.errors import Problem, SovereignError, Where
from sovereign_ai.files.confusables import hidden
from sovereign_ai.files.decoding import locate_character, secret_problem
from sovereign_ai.files.kinds import DESCRIPTION, FileKind
from sovereign_ai.files.secrets import shown
from sovereign_ai.files.source import SourceMap, below
from sovereign_ai.files.yaml_errors import explain_error
from sovereign_ai.text import secret_at

MOST_NODES = 100_000
"""The most scalars, lists and mappings together."""
MOST_DEPTH = 32
"""The deepest nesting of lists and mappings."""
MOST_DIGITS = 18
"""The longest number, in digits; 10^18 is below every 64-bit limit."""
MOST_PROBLEMS = 100
"""After this number of problems the rest of the file is not read."""
_LONGEST_KEY = 128
_LONGEST_PATH = 600
"""A longer path has no place of its own, but that of the value around it, since nested paths need memory."""
_LONGEST_NUMBER = 64

# The loader of libyaml is much faster, but PyYAML may be built without it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLACEHOLDER = re.compile(r"\$\{|\{\{|\{%|<%")
"""How placeholders of templates begin."""
_FILL_IN = "fill in the template's placeholder first"
_MERGE_MARK = re.compile(r"^(?:<{7} |={7}$|>{7} )", re.MULTILINE)
"""The lines that Git writes into a file around two versions that it could not merge."""
_NUMBERISH = re.compile(r"[-+]?\.?[0-9]")
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+")
_ODD_NUMBER = re.compile(
    r"(?P<octal>[-+]?0[0-7]+|[-+]?0o[0-7_]+)|(?P<hex>[-+]?0[xX][0-9a-fA-F_]+)|(?P<binary>[-+]?0b[01_]+)"
    r"|(?P<zeros>[-+]?0[0-9]+(\.[0-9]*)?)|(?P<power>[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+)"
    r"|(?P<half>[-+]?(\.[0-9]+|[0-9]+\.))"
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
_COMMENT = re.compile(r"(?:^|(?<=[\s]))#[^\n]*", re.MULTILINE)
_AFTER_COMMA = re.compile(r"(?P<digits>[0-9]{1,18})(?P<unit> ?[A-Za-z%/°][A-Za-z0-9%/°]{0,15})?")
_THOUSAND = 3
"""Digits behind a comma that separates thousands; behind any other there are decimals."""
_QUOTE = "put it in quotation marks if it is text; else write it as a plain decimal number"


class Refused:
    """The placeholder of a value that the reader refused; its problem is recorded already."""

    def __repr__(self) -> str:
        """Show no value."""
        return "<refused>"


class Parsed(NamedTuple):
    """The data of a text.

    Attributes:
        data: plain lists, dicts and scalars.
        source: the place of every field.
        problems: all problems; with any of them, `data` is incomplete.
    """

    data: Any
    source: SourceMap
    problems: list[Problem]


@dataclass(slots=True)
class _Open:
    """A list or mapping that has begun and not ended.

    Attributes:
        value: its entries by now.
        path: its dotted path.
        keys: the place of each of its keys.
        key: the key whose value comes next; None where a key comes next.
        skip: whether that value is dropped, because its key was refused.
        flow: whether it is written in brackets.
        last: the key before; empty before the first.
        end: where the text of its value ends, from the file's beginning; -1 where it is no plain scalar.
    """

    value: list[Any] | dict[str, Any]
    path: str
    keys: dict[str, Where] = field(default_factory=dict)
    key: str | None = None
    skip: bool = False
    flow: bool = False
    last: str = ""
    end: int = -1


class _Reader:
    """One pass over the events of one text."""

    def __init__(self, file: str, kind: FileKind, *, lenient: bool) -> None:
        self.file = file
        self.kind = kind
        self.lenient = lenient
        self.values: dict[str, Where] = {}
        self.keys: dict[str, Where] = {}
        self.problems: list[Problem] = []
        self.open: list[_Open] = []
        self.root: Any = None
        self.nodes = 0

    def refuse(self, code: str, message: str, where: Where, hint: str) -> None:
        """Record a problem; when there are too many, raise them all."""
        self.add(Problem(code, message, where, hint))

    def add(self, problem: Problem) -> None:
        """Record a problem; when there are too many, raise them all."""
        self.problems.append(problem)
        if len(self.problems) >= MOST_PROBLEMS:
            message = "the rest of the file was not read"
            last = Problem("too-many-problems", message, problem.where, "fix these first")
            raise self.kind.error([*self.problems, last])

    def stop(self, code: str, message: str, where: Where, hint: str) -> SovereignError:
        """Return the error that ends the reading, with every problem so far."""
        return self.kind.error([*self.problems, Problem(code, message, where, hint)])

    def place(self, event: Any, path: str) -> Where:
        """Return an event's place; users count lines and columns from one."""
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
            self.refuse_merge_marks(text)
            raise self.syntax_error(error, text) from None
        except yaml.YAMLError:
            message = "the text holds a character that YAML does not allow"
            raise self.stop("yaml-syntax", message, Where(self.file), "remove it") from None
        finally:
            # Parser and scanner refer to each other; without this the text stays in memory for longer.
            loader.dispose()

    def refuse_merge_marks(self, text: str) -> None:
        """Refuse a text that is no YAML because a merge was left undone in it, at its first mark."""
        mark = _MERGE_MARK.search(text)
        if mark is None:
            return
        message = "a merge of two versions of this file is not finished here"
        hint = "keep one of the versions, and remove the lines that start with <<<<<<<, ======= and >>>>>>>"
        raise self.stop("unfinished-merge", message, locate_character(text, mark.start(), self.file), hint)

    def syntax_error(self, error: yaml.MarkedYAMLError, text: str) -> SovereignError:
        """Return the error of a text that is no YAML, at the place where the user has to change it."""
        mark = error.problem_mark or error.context_mark
        # What is unexpected comes far behind its cause: the context is where the quotation mark or bracket
        # was opened.
        if "unexpected" in (error.problem or ""):
            mark = error.context_mark or error.problem_mark
        where = Where(self.file, mark.line + 1, mark.column + 1) if mark else Where(self.file)
        message, hint = explain_error(error.problem or "", error.context or "")
        at = mark.index if mark else 0
        line = text[:at].rpartition("\n")[2] + text[at:].partition("\n")[0]
        if _PLACEHOLDER.search(line):
            hint = _FILL_IN
        return self.stop("too-deep" if "deep" in message else "yaml-syntax", message, where, hint)

    def document(self, event: Any, count: int) -> bool:
        """Check the start of a document; return whether to read on."""
        where = self.place(event, "")
        if count > 1:
            message = f"a second document starts here; {self.kind.noun} is one document"
            hint = "remove the line '---' and what follows it"
            self.refuse("several-documents", message, where, hint)
            return False
        if event.tags or (event.version and tuple(event.version) != (1, 2)):
            message = "a YAML directive other than '%YAML 1.2' is not taken"
            hint = "remove the line that starts with '%'"
            self.refuse("yaml-feature", message, where, hint)
        return True

    def node(self, event: Any) -> None:
        """Process a scalar, or the start or end of a list or mapping."""
        if isinstance(event, yaml.CollectionEndEvent):
            self.open.pop()
            return
        self.nodes += 1
        parent = self.open[-1] if self.open else None
        expects_key = parent is not None and isinstance(parent.value, dict) and parent.key is None
        if parent is not None and expects_key and isinstance(event, yaml.ScalarEvent):
            self.key(event, parent)
            return
        path = self.path_of(parent, event)
        where = self.place(event, path)
        if self.nodes > MOST_NODES:
            message = f"more than {MOST_NODES:,} values, the most for {self.kind.noun}"
            raise self.stop("too-many-nodes", message, where, self.kind.hint)
        self.put(parent, path, self.value(event, path, where), where)
        if parent is not None:
            is_plain = isinstance(event, yaml.ScalarEvent) and event.style in (None, "")
            parent.end = event.end_mark.index if is_plain else -1

    def path_of(self, parent: _Open | None, event: Any) -> str:
        """Return the dotted path of a value that starts."""
        if parent is None:
            return ""
        if isinstance(parent.value, list):
            return f"{parent.path}[{len(parent.value)}]"
        if parent.key is None:
            where = self.place(event, parent.path)
            # `{{ nodes }}` is a mapping that is a mapping's key.
            is_placeholder = parent.flow and isinstance(event, yaml.MappingStartEvent)
            hint = _FILL_IN if is_placeholder else "write the key as one word, followed by a colon"
            raise self.stop("bad-key", "a key is a list or a mapping", where, hint)
        return below(parent.path, parent.key)

    def key(self, event: Any, parent: _Open) -> None:
        """Process a mapping's key: keep it, or refuse it and drop its value."""
        name = event.value
        path = below(parent.path, name if len(name) <= _LONGEST_KEY else "…")
        where = self.place(event, path)
        parent.key, parent.skip = name, False
        self.features(event, where)
        if self.refuse_comma(event, parent):
            parent.skip = True
            return
        if problem := self.key_problem(event, parent, where):
            self.add(problem)
            parent.skip = True
            return
        parent.keys[name] = where
        if path not in self.keys and len(path) <= _LONGEST_PATH:
            self.keys[path] = where

    def refuse_comma(self, event: Any, parent: _Open) -> bool:
        """Refuse the number before a key that is the rest of it: `{power: 1,500}` has a key `500`."""
        follows = parent.flow and event.implicit[0] and event.start_mark.index == parent.end + 1
        rest = _AFTER_COMMA.fullmatch(event.value)
        if not follows or not isinstance(parent.value, dict) or rest is None:
            return False
        number = parent.value[parent.last]
        # In Python, True is an int.
        if type(number) is not int:
            return False
        point = "" if len(rest["digits"]) == _THOUSAND else "."
        whole = f"{number}{point}{event.value}"
        hint = f"write '{whole}'" if rest["unit"] else f"write {whole}"
        message = f"'{number},{event.value}' has a comma, which ends a value between brackets"
        path = below(parent.path, parent.last)
        self.refuse("bad-number", message, self.values.get(path, self.place(event, path)), hint)
        parent.value[parent.last] = Refused()
        return True

    def key_problem(self, event: Any, parent: _Open, where: Where) -> Problem | None:
        """Return why a key is refused; None if it is not."""
        name = event.value
        if not self.kind.private and secret_at(name) is not None:
            return secret_problem(where)
        if name == "<<" and event.implicit[0]:
            return Problem("yaml-feature", "a merge key '<<' is not taken", where, "write the fields out")
        if not name or len(name) > _LONGEST_KEY or hidden(name, ""):
            message = f"a key must be a word of 1 to {_LONGEST_KEY} visible characters"
            return Problem("bad-key", message, where, "write the field's name before the colon")
        if name in parent.keys:
            first = parent.keys[name]
            place = f"the first is at line {first.line}, column {first.column}"
            message = f"{shown(name)} stands here a second time; {place}"
            return Problem("duplicate-key", message, where, "keep one of the two")
        return None

    def features(self, event: Any, where: Where) -> None:
        """Refuse features that only some readers support: anchors and tags."""
        if event.anchor is not None and not isinstance(event, yaml.AliasEvent):
            hint = "write the value out where it is needed"
            self.refuse("yaml-feature", "an anchor ('&') is not taken", where, hint)
        if getattr(event, "tag", None) is not None:
            hint = "remove the tag; the field decides the type"
            self.refuse("yaml-feature", "a tag ('!') is not taken", where, hint)

    def value(self, event: Any, path: str, where: Where) -> Any:
        """Return the value of a scalar, or the empty list or mapping that an event starts."""
        if isinstance(event, yaml.AliasEvent):
            hint = "write the value out; if it is text that starts with '*', quote it"
            self.refuse("yaml-feature", "an alias ('*') is not taken", where, hint)
            return Refused()
        self.features(event, where)
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, where)
        if len(self.open) >= MOST_DEPTH:
            message = f"lists and mappings nest deeper than {MOST_DEPTH}"
            raise self.stop("too-deep", message, where, "check the brackets and the indentation")
        value: list[Any] | dict[str, Any] = [] if isinstance(event, yaml.SequenceStartEvent) else {}
        self.open.append(_Open(value, path, flow=bool(event.flow_style)))
        return value

    def scalar(self, event: Any, where: Where) -> Any:
        """Return a scalar by YAML 1.2's core schema, with decimal numbers only.

        A scalar with hidden characters and a secret are refused.
        """
        text: str = event.value
        letter = hidden(text)
        if letter is not None:
            hint = "remove it; write plain letters and spaces"
            self.refuse("hidden-character", f"the value holds {letter.say}", where, hint)
            return Refused()
        if not self.kind.private and secret_at(text) is not None:
            self.add(secret_problem(where))
            return Refused()
        # Quotation marks and block scalars make a text of anything.
        return self.plain(text, where) if event.style in (None, "") else text

    def plain(self, text: str, where: Where) -> Any:
        """Return a scalar without quotation marks."""
        if text in _NOTHING:
            return None
        if text in _TRUTH:
            return _TRUTH[text]
        if text.lower() in _NOT_FINITE:
            hint = "write a decimal number, or leave the field out"
            self.refuse("bad-number", f"{text} is not a finite number", where, hint)
            return Refused()
        return self.number(text, where) if _NUMBERISH.match(text) else text

    def number(self, text: str, where: Where) -> Any:
        """Return a decimal number; text that only starts like one stays text."""
        whole = _INT.fullmatch(text) is not None
        if whole or _DECIMAL.fullmatch(text):
            # Sign and point are no digits; a number of twice the digits is too long whatever follows.
            digits = sum(map(str.isdigit, text[: MOST_DIGITS * 2]))
            if digits > MOST_DIGITS:
                if self.lenient:
                    return text
                self.refuse("bad-number", f"a number of more than {MOST_DIGITS} digits", where, _QUOTE)
                return Refused()
            return int(text) if whole else float(text)
        if len(text) > _LONGEST_NUMBER or self.lenient:
            return text
        odd = _ODD_NUMBER.fullmatch(text)
        if odd is None:
            return text
        # Readers of YAML 1.1 and 1.2 build different numbers of these forms, or a number and a text.
        form = _ODD_WORDS[odd.lastgroup or "half"]
        self.refuse("bad-number", f"{shown(text)} {form}", where, _QUOTE)
        return Refused()

    def put(self, parent: _Open | None, path: str, value: Any, where: Where) -> None:
        """Store a value in its list or mapping, and its place."""
        if parent is None:
            self.root = value
        elif isinstance(parent.value, list):
            parent.value.append(value)
        else:
            key, parent.key = parent.key or "", None
            if parent.skip:
                return
            parent.value[key], parent.last = value, key
        if len(path) <= _LONGEST_PATH:
            self.values.setdefault(path, where)


def parse(
    text: str, file: str, kind: FileKind = DESCRIPTION, *, tabs: bool = False, lenient: bool = False
) -> Parsed:
    """Read one document.

    Args:
        text: the text.
        file: the file's name, for messages.
        kind: the expected kind of file.
        tabs: whether tab characters may separate tokens, as in JSON.
        lenient: whether a text that only some readers build a number of is read as text; for files of other
            programs.

    Raises:
        SovereignError: the kind's own error: the text is no YAML, or exceeds a limit, so that the rest cannot
            be read.
    """
    _refuse_hidden(text, file, kind, tabs=tabs)
    reader = _Reader(file, kind, lenient=lenient)
    if not kind.private:
        reader.problems += _secrets_in_comments(text, file)
    reader.run(text)
    return Parsed(reader.root, SourceMap(reader.values, reader.keys, file), reader.problems)


def _refuse_hidden(text: str, file: str, kind: FileKind, *, tabs: bool) -> None:
    """Refuse a text with hidden characters, at the first of them."""
    letter = hidden(text, "\n\r\t" if tabs else "\n\r")
    if letter is None:
        return
    where = locate_character(text, letter.at, file)
    if text[letter.at] == "\t":
        message = "a tab character; YAML is indented by spaces"
        raise kind.error(Problem("tab", message, where, "replace it by spaces"))
    hint = "remove it; write plain letters and spaces"
    raise kind.error(Problem("hidden-character", f"the file holds {letter.say}", where, hint))


def _secrets_in_comments(text: str, file: str) -> list[Problem]:
    """Return the problems of secrets in comments, which are in no value: a report prints the whole file."""
    problems: list[Problem] = []
    for comment in _COMMENT.finditer(text):
        if secret_at(comment[0]) is not None:
            problems.append(secret_problem(locate_character(text, comment.start(), file)))
        if len(problems) == MOST_PROBLEMS:
            break
    return problems
