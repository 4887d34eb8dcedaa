"""What went wrong, where, and what to do next; and the one table of exit codes.

A `Problem` is plain data. Rooms collect every problem they find and raise one error that
carries them all, so that a user mends a file once and not once a mistake.

    >>> here = Where(file="factory.yaml", line=4, column=7, field="pools[0].zone")
    >>> print(Problem("unknown-name", "no zone is called 'opne'", here, hint="did you mean 'open'?"))
    factory.yaml:4:7: pools[0].zone: no zone is called 'opne' [unknown-name]
        did you mean 'open'?
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """The process exit codes of every command; nothing else in the project calls `sys.exit` with a number."""

    OK = 0
    """Done, and nothing to report."""
    FINDINGS = 1
    """Findings, violations or drift."""
    BAD_INPUT = 2
    """Bad input, an impossible wish, or wrong usage."""
    ENVIRONMENT = 3
    """The environment lacks something: a tool, a cluster, a permission."""
    DEPLOYMENT = 4
    """The deployment failed."""
    INTERRUPTED = 128 + 2
    """SIGINT or another request ended the command, as shells give it."""


@dataclass(frozen=True, slots=True, order=True)
class Where:
    """A place in the user's own text: file, line and column count from one; `field` is the dotted path."""

    file: str | None = None
    line: int | None = None
    column: int | None = None
    field: str = ""

    def __str__(self) -> str:
        """Write `file:line:column: field`, leaving out what is not known."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return ": ".join(part for part in (place, self.field) if part)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    `code` is stable and hyphenated, for machines; `message` says what was found and what was
    expected; `hint` says what to do next, and may be empty.
    """

    code: str
    message: str
    where: Where = field(default_factory=Where)
    hint: str = ""

    def __str__(self) -> str:
        """Write one line, and the hint indented below it."""
        place = str(self.where)
        line = f"{place}: {self.message} [{self.code}]" if place else f"{self.message} [{self.code}]"
        return f"{line}\n    {self.hint}" if self.hint else line

    def to_data(self) -> dict[str, Any]:
        """Give the flat mapping that `--json` prints: code, file, line, column, field, message, hint."""
        return {
            "code": self.code,
            "file": self.where.file,
            "line": self.where.line,
            "column": self.where.column,
            "field": self.where.field,
            "message": self.message,
            "hint": self.hint,
        }

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """Sort key: by place in the text, then by field and code."""
        where = self.where
        return (where.file or "", where.line or 0, where.column or 0, where.field, self.code)


class SovereignError(Exception):
    """The root of every error that a command turns into text and an exit code, never into a traceback."""

    exit_code = ExitCode.DEPLOYMENT

    def __init__(self, problems: Problem | Iterable[Problem]) -> None:
        """Keep the problems sorted by their place; an error without a problem is a defect and is refused."""
        found = [problems] if isinstance(problems, Problem) else list(problems)
        if not found:
            message = "an error must carry at least one problem"
            raise ValueError(message)
        self.problems: tuple[Problem, ...] = tuple(sorted(found, key=lambda problem: problem.order))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SpecError(SovereignError):
    """The description is wrong, or wishes for what cannot be: exit code 2."""

    exit_code = ExitCode.BAD_INPUT


class UsageError(SovereignError):
    """The command was called wrongly: exit code 2."""

    exit_code = ExitCode.BAD_INPUT


class EnvironmentLacksError(SovereignError):
    """A tool, a cluster, a port, a file or a permission is missing: exit code 3."""

    exit_code = ExitCode.ENVIRONMENT


class DeploymentError(SovereignError):
    """Pulumi, the API server or a probe's environment refused the work: exit code 4."""

    exit_code = ExitCode.DEPLOYMENT


_MOST_COMPARED = 300
_LONGEST_NAME = 64
_LIKE = 0.62
"""How much alike a name must be to be offered, of 1: `opne` and `open` are 0.75 alike, `title` and `sites` 0.6."""


def nearest(name: str, known: Collection[str]) -> str:
    """Give a hint with the nearest right name, or the first few that would do; bounded in time for any input.

    >>> nearest("opne", ["open", "restricted"])
    "did you mean 'open'?"
    """
    if not known:
        return "nothing of that kind is declared yet"
    name = name[:_LONGEST_NAME]
    compared = [one for one in known if len(one) <= _LONGEST_NAME]
    if len(compared) > _MOST_COMPARED:
        compared = [one for one in compared if one[:1] == name[:1] and abs(len(one) - len(name)) <= 2][:_MOST_COMPARED]
    close = difflib.get_close_matches(name, compared, n=1, cutoff=_LIKE)
    if close:
        return f"did you mean {close[0]!r}?"
    shown = ", ".join(one[:_LONGEST_NAME] for one in sorted(known)[:8])
    return f"known: {shown}" + (", …" if len(known) > 8 else "")
