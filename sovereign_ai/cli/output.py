"""What a command says: tables and lines for a person, one JSON document for a machine.

Progress always goes to standard error, so that standard output can be piped.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any, TextIO

import orjson
import typer

from sovereign_ai.errors import ExitCode, Problem, SovereignError

AsJson = typer.Option("--json", help="Print one JSON document on standard output; progress goes to standard error.")


@dataclass
class Output:
    """One command's way of speaking.

    Attributes:
        command: the command's name, kept in the JSON.
        as_json: whether a machine listens.
    """

    command: str
    as_json: bool = False
    started: float = field(default_factory=time.monotonic)

    def progress(self, line: str) -> None:
        """Say on standard error what goes on; on a terminal a line replaces the one before."""
        seconds = time.monotonic() - self.started
        told = f"\r\x1b[2K{seconds:6.1f}s {line[:70]}" if sys.stderr.isatty() else f"{seconds:6.1f}s {line}\n"
        with contextlib.suppress(OSError):  # nobody can be told; the work goes on
            sys.stderr.write(told)
            sys.stderr.flush()

    def _end_progress(self) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

    def finish(self, data: Mapping[str, Any], lines: Iterable[str], code: ExitCode = ExitCode.OK) -> None:
        """Print the result and leave with the exit code, also where its reader has gone, as with `| head`.

        Raises:
            OSError: standard output takes no more.
        """
        self._end_progress()
        try:
            if self.as_json:
                self._document({"ok": code is ExitCode.OK, **data})
            else:
                sys.stdout.writelines(f"{line}\n" for line in lines)
            sys.stdout.flush()
        except BrokenPipeError:
            _let_go(sys.stdout)
        if code is not ExitCode.OK:
            raise typer.Exit(int(code))

    def fail(self, error: SovereignError) -> None:
        """Print every problem of an error and leave with its exit code."""
        self._leave(error.problems, int(error.exit_code))

    def interrupted(self) -> None:
        """Say that a person or a signal ended the command, and leave as shells expect it."""
        hint = "run it again: nothing half-done counts as done"
        self._leave([Problem("interrupted", f"{self.command} was interrupted", hint=hint)], ExitCode.INTERRUPTED)

    def _leave(self, problems: Sequence[Problem], code: int) -> None:
        """Print problems and leave; where standard output takes nothing, they are told on standard error, and the code is the same."""
        lines = [f"{line}\n" for line in [*map(str, problems), *_count(len(problems))]]
        try:
            self._end_progress()
            if self.as_json:
                self._document({"ok": False, "problems": [problem.to_data() for problem in problems]})
                sys.stdout.flush()
            else:
                sys.stderr.writelines(lines)
        except BrokenPipeError:
            _let_go(sys.stdout if self.as_json else sys.stderr)
        except OSError:
            _let_go(sys.stdout if self.as_json else sys.stderr)
            with contextlib.suppress(OSError):
                sys.stderr.writelines(lines if self.as_json else [])
        raise typer.Exit(code)

    def _document(self, data: Mapping[str, Any]) -> None:
        """Print the one JSON document."""
        document = {"command": self.command, **data}
        sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n")


def _let_go(stream: TextIO) -> None:
    """Send what a stream still holds nowhere, so that it is not tried again when the program ends."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _count(number: int) -> list[str]:
    """Say how many problems there were, where it is not plain to see."""
    return [f"{number} problems"] if number > 1 else []


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lay out rows in columns two blanks apart; numbers stand to the right.

    >>> table(["pool", "nodes"], [["train", 12], ["serve", 4]])
    ['pool   nodes', 'train     12', 'serve      4']
    """
    cells = [list(map(str, head)), *([str(cell) for cell in row] for row in rows)]
    right = [all(_is_number(row[column]) for row in cells[1:]) and len(cells) > 1 for column in range(len(head))]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width) for cell, width, number in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cells
    ]


def wrapped(text: str, indent: str = "") -> list[str]:
    """Lay out a sentence in 80 columns; what follows its first line hangs.

    >>> wrapped("one two", "  ")
    ['  one two']
    """
    return wrap(text, 80, initial_indent=indent, subsequent_indent=f"{indent}    ", break_long_words=False, break_on_hyphens=False)


def hanging(head: str, text: str) -> list[str]:
    """Lay out a sentence beside a head in 80 columns; what follows its first line stands below the sentence.

    >>> hanging("a: ", "one two")
    ['a: one two']
    """
    return wrap(text, 80, initial_indent=head, subsequent_indent=" " * len(head), break_long_words=False, break_on_hyphens=False)


def _is_number(text: str) -> bool:
    """Tell whether a cell is a number, with or without a unit behind it."""
    return text[:1].isdigit()
