"""Problems with place, message and hint; the errors that carry them; and the table of exit codes.

A `Problem` is plain data. Rooms collect all problems and raise one error that carries them, so that
a user fixes a file once, and not once per mistake.

    >>> place = Where(file="factory.yaml", line=4, column=7, field="pools[0].zone")
    >>> print(Problem("unknown-name", "no zone is called 'opne'", place, hint="did you mean 'open'?"))
    factory.yaml:4:7: pools[0].zone: no zone is called 'opne' [unknown-name]
        did you mean 'open'?
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from itertools import islice
from typing import Any, Self, TypeVar

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import clean, clean_lines, clean_path, hide_announced

T = TypeVar("T")


class ExitCode(IntEnum):
    """The process exit codes of every command; nothing else in the project calls `sys.exit` with a number."""

    OK = 0
    """Done, and nothing to report."""
    FINDINGS = 1
    """Findings, violations or drift."""
    BAD_INPUT = 2
    """Bad input, a description that cannot be built, or wrong usage."""
    ENVIRONMENT = 3
    """The environment lacks something: a tool, a cluster, a permission."""
    DEPLOYMENT = 4
    """The deployment failed."""
    INTERRUPTED = 128 + 2
    """Ctrl-C ended the command: shells add 128 to a signal's number.

    Where another signal did, as SIGTERM, the process exits with 128 and that signal's number.
    """


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in the user's text.

    Attributes:
        file: the file's name.
        line: the line, from one.
        column: the column, from one.
        field: the dotted path.
    """

    file: str | None = None
    line: int | None = None
    column: int | None = None
    field: str = ""

    def __str__(self) -> str:
        """Return `file:line:column: field` on one line, without unknown parts and without a secret."""
        position = (self.shown_file, self.line, self.column)
        known = [str(part) for part in position if part is not None]
        place = ":".join(known)
        field = clean_path(self.field)
        if place and field:
            return f"{place}: {field}"
        return place or field

    @property
    def shown_file(self) -> str | None:
        """The file's name as it may be printed: users choose it, and it may contain a secret."""
        return None if self.file is None else clean(hide_announced(self.file))


@frozen_dataclass
class Problem:
    """One thing that is wrong.

    Attributes:
        code: a stable, hyphenated name, for programs.
        message: what is wrong, and what was expected.
        where: the place in the user's text, if it is known.
        hint: what to do next; may be empty.
    """

    code: str
    message: str
    where: Where = field(default_factory=Where)
    hint: str = ""

    def __str__(self) -> str:
        """Return one line, and below it, indented, the further lines of the message, and the hint."""
        return "\n".join(self.lines)

    @property
    def lines(self) -> list[str]:
        """The lines for a person: the first has place and code."""
        place = str(self.where)
        first, *further = clean_lines(self.message)
        head = f"{first} [{self.code}]"
        # Further lines are indented: a message may quote a text of others, which could look like a problem of
        # its own.
        lines = [f"{place}: {head}" if place else head]
        lines += [f"    | {line}" for line in further]
        if self.hint:
            lines += [f"    {line}" for line in clean_lines(self.hint)]
        return lines

    def to_data(self) -> dict[str, Any]:
        """Return the flat mapping that `--json` prints: code, file, line, column, field, message and hint."""
        return {
            "code": self.code,
            "file": self.where.shown_file,
            "line": self.where.line,
            "column": self.where.column,
            "field": clean_path(self.where.field),
            "message": "\n".join(clean_lines(self.message)),
            "hint": "\n".join(clean_lines(self.hint)),
        }

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """Sort key: by place in the text, then by field and code."""
        where = self.where
        # A problem without a line comes first: it is about the file as a whole.
        return (where.file or "", where.line or 0, where.column or 0, where.field, self.code)


class SovereignError(Exception):
    """The base of every error that a command turns into text and an exit code, never into a traceback."""

    exit_code = ExitCode.DEPLOYMENT

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        """Keep the problems, sorted by their place.

        Raises:
            ValueError: there is no problem, which is a defect of the caller.
        """
        unsorted = [problems] if isinstance(problems, Problem) else list(problems)
        if not unsorted:
            message = "an error must carry at least one problem"
            raise ValueError(message)
        self.problems: tuple[Problem, ...] = tuple(sorted(unsorted, key=lambda problem: problem.order))
        super().__init__("\n".join(map(str, self.problems)))

    def with_problems(self, problems: Iterable[Problem]) -> Self:
        """Return the same error with further problems; what its own kind keeps besides stays."""
        # A kind may be made of something else than problems, such as an answer of the API server.
        whole = type(self).__new__(type(self))
        whole.__dict__.update(self.__dict__)
        SovereignError.__init__(whole, [*self.problems, *problems])
        return whole


class SpecError(SovereignError):
    """The description is wrong, or cannot be built: exit code 2."""

    exit_code = ExitCode.BAD_INPUT


class UsageError(SovereignError):
    """The command was called wrongly: exit code 2."""

    exit_code = ExitCode.BAD_INPUT


class EnvironmentLacksError(SovereignError):
    """A tool, a cluster, a port, a file or a permission is missing: exit code 3."""

    exit_code = ExitCode.ENVIRONMENT


class BadFileError(EnvironmentLacksError):
    """A file that leads to a tool, a cluster or a key exists, but holds something else: exit code 2."""

    exit_code = ExitCode.BAD_INPUT


class DeploymentError(SovereignError):
    """Pulumi, the API server or a probe's environment refused the work: exit code 4."""

    exit_code = ExitCode.DEPLOYMENT


_MOST_COMPARED = 300
_LONGEST_NAME = 64
_MOST_SHOWN = 8
_SIMILARITY = 0.62
"""How similar a name must be to be suggested, of 1: `opne` and `open` have 0.75, `title` and `sites` 0.6."""

_LIKENESS = 0.3
"""How similar a name must be to be listed before others that are not suggested either."""


def results_of(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Make all calls, also after one that fails, and return their results in order.

    Who gives three files that cannot be read learns of three.

    Args:
        calls: functions without arguments, such as the reading of a file each.

    Raises:
        SovereignError: some calls failed; it is of the first one's kind, with the problems of all.
    """
    results: list[T] = []
    errors: list[SovereignError] = []
    for call in calls:
        try:
            results.append(call())
        except SovereignError as error:
            errors.append(error)
    if errors:
        raise errors[0].with_problems(problem for error in errors[1:] for problem in error.problems)
    return results


def nearest(name: str, known: Collection[str]) -> str:
    """Return a hint with the nearest right name, or with the first right names if none is near.

    The time is bounded for any input: comparing two names takes time that grows with the product of their
    lengths.

    >>> nearest("opne", ["open", "restricted"])
    "did you mean 'open'?"
    """
    if not known:
        return "nothing of that kind is declared yet"
    if suggestion := closest(name, known):
        return f"did you mean {suggestion!r}?"
    return listed_nearest(name, known)


def with_more(advice: str, more: str) -> str:
    """Return a hint with what else can be done; no semicolon follows a question mark.

    >>> with_more("did you mean 'open'?", "or declare a zone"), with_more("known: open", "or declare a zone")
    ("did you mean 'open'? or declare a zone", 'known: open; or declare a zone')
    """
    return f"{advice} {more}" if advice.endswith("?") else f"{advice}; {more}"


def listed_nearest(name: str, known: Collection[str]) -> str:
    """Return a hint with the right names; of many, those that are spelt most alike, in the order of letters.

    >>> listed_nearest("dgx-a100", ["dgx-h100", "dgx-b200"])
    'known: dgx-b200, dgx-h100'
    """
    shown = sorted(known)
    if len(shown) > _MOST_SHOWN:
        wrong = name[:_LONGEST_NAME]
        compared = _comparable(wrong, shown)
        alike = difflib.get_close_matches(wrong.casefold(), compared, n=_MOST_SHOWN, cutoff=_LIKENESS)
        first = dict.fromkeys([*alike, *shown])
        shown = sorted(islice(first, _MOST_SHOWN))
    short = [right[:_LONGEST_NAME] for right in shown[:_MOST_SHOWN]]
    more = ", …" if len(known) > _MOST_SHOWN else ""
    return f"known: {', '.join(short)}{more}"


def closest(name: str, known: Collection[str]) -> str:
    """Return the right name that is nearest to a wrong one; empty where none is near.

    >>> closest("opne", ["open", "restricted"]), closest("x", ["open"])
    ('open', '')
    """
    name = name[:_LONGEST_NAME]
    compared = _comparable(name, known)
    # By the folded name to the right one; of two that differ in case only, the first one counts.
    folded = {right.casefold(): right for right in reversed(compared)}
    close = difflib.get_close_matches(name, compared, n=1, cutoff=_SIMILARITY)
    if not close:
        close = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=_SIMILARITY)
    return folded.get(close[0], close[0]) if close else ""


def _comparable(name: str, known: Collection[str]) -> list[str]:
    """Return the right names that are compared with a name; of many, only those that begin alike."""
    short = [right for right in known if len(right) <= _LONGEST_NAME]
    if len(short) <= _MOST_COMPARED:
        return short
    similar = filter(partial(_is_alike, name), short)
    return list(islice(similar, _MOST_COMPARED))


def _is_alike(name: str, right: str) -> bool:
    """Return whether two names have the same first letter, and almost the same length."""
    return right[:1] == name[:1] and abs(len(right) - len(name)) <= 2
