"""The output of a command: tables and lines for a person, one JSON document for a program.

Progress goes to standard error, so that standard output can be piped. Every line passes through `text.clean`:
no text of a file, a host or a cluster moves the cursor, forges a line or shows a secret. In JSON the same
characters are written as escapes.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from shlex import join
from textwrap import wrap
from typing import Any, TextIO

import orjson
import typer

from sovereign_ai.errors import ExitCode, Problem, SovereignError
from sovereign_ai.text import SECRET, clean, clean_data, counted, is_hidden

_COLUMNS = 80
"""The width of a terminal that every text fits into."""
_PROGRESS_COLUMNS = 70
"""Characters of a progress line on a terminal: 80 columns without the seconds before it."""
_ERASE_LINE = "\r\x1b[2K"
"""Return to the first column and erase the line (ECMA-48, EL 2)."""

AsJson = typer.Option(
    "--json", help="Print one JSON document on standard output; progress goes to standard error."
)


@dataclass
class Output:
    """The output of one command.

    Attributes:
        command: the command's name, which the JSON document contains.
        as_json: whether to print JSON.
        started: when the command began, by the monotonic clock in seconds.
    """

    command: str
    as_json: bool = False
    started: float = field(default_factory=time.monotonic)

    def progress(self, line: str) -> None:
        """Report progress on standard error; on a terminal a line replaces the one before."""
        seconds = time.monotonic() - self.started
        line = clean(line)
        if sys.stderr.isatty():
            text = f"{_ERASE_LINE}{seconds:6.1f}s {line[:_PROGRESS_COLUMNS]}"
        else:
            text = f"{seconds:6.1f}s {line}\n"
        # A closed or full standard error must not end the work that it reports on.
        with contextlib.suppress(OSError):
            sys.stderr.write(text)
            sys.stderr.flush()

    def _end_progress(self) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(_ERASE_LINE)
            sys.stderr.flush()

    def finish(self, data: Mapping[str, Any], lines: Iterable[str], code: ExitCode = ExitCode.OK) -> None:
        """Print the result and exit with the code.

        The code stays the same where the reader has gone, as with `| head`.

        Args:
            data: members of the JSON document, beside `command` and `ok`.
            lines: the text for a person; not consumed with `--json`.
            code: the exit code.

        Raises:
            OSError: standard output cannot be written.
            typer.Exit: with the exit code, unless that is 0.
        """
        self._end_progress()
        try:
            if self.as_json:
                self._print_document({"ok": code is ExitCode.OK, **data})
            else:
                for line in lines:
                    sys.stdout.write(f"{clean(line)}\n")
            sys.stdout.flush()
        except BrokenPipeError:
            discard(sys.stdout)
        except OSError as error:
            # What is left in the buffer would fail once more at the end, with a second message. The first
            # goes to standard error, also with `--json`.
            discard(sys.stdout)
            self.as_json = False
            raise stream_error(error) from None
        if code is not ExitCode.OK:
            raise typer.Exit(int(code))

    def document(self, text: str, code: ExitCode = ExitCode.OK) -> None:
        """Print a complete document, such as SARIF, with hidden characters escaped, and exit with the code.

        Raises:
            OSError: standard output cannot be written.
            typer.Exit: with the exit code, unless that is 0.
        """
        Output(self.command).finish({}, text.rstrip("\n").split("\n"), code)

    def fail(self, error: SovereignError) -> None:
        """Print every problem of an error and exit with its exit code."""
        self._exit_with(error.problems, error.exit_code)

    def interrupted(self, folder: Path | None = None) -> None:
        """Report that a person or a signal ended the command, and exit with the code that shells expect.

        Args:
            folder: the folder that the command writes, whose files are whole each, and not together.
        """
        hint = "run it again: nothing half-done counts as done"
        if folder is not None and folder.is_dir():
            hint = f"{folder} may lack files of this run: run it again before they are used"
        problem = Problem("interrupted", f"{self.command or 'sovereign-ai'} was interrupted", hint=hint)
        self._exit_with([problem], ExitCode.INTERRUPTED)

    def _exit_with(self, problems: Sequence[Problem], code: ExitCode) -> None:
        """Print problems and exit.

        Where standard output cannot be written, standard error gets the problems as text, and the code stays
        the same.
        """
        lines = _lines_of(problems)
        if len(problems) > 1:
            lines.append(counted(len(problems), "problem"))
        if sys.stderr.isatty():
            lines = problem_lines(lines)
        text = "".join(f"{line}\n" for line in lines)
        stream = sys.stdout if self.as_json else sys.stderr
        try:
            self._end_progress()
            if self.as_json:
                documents = [problem.to_data() for problem in problems]
                self._print_document({"ok": False, "problems": documents})
                sys.stdout.flush()
            else:
                sys.stderr.write(text)
        except BrokenPipeError:
            discard(stream)
        except OSError:
            discard(stream)
            if self.as_json:
                with contextlib.suppress(OSError):
                    sys.stderr.write(text)
        raise typer.Exit(code)

    def _print_document(self, data: Mapping[str, Any]) -> None:
        """Print the one JSON document."""
        sys.stdout.write(json_text({"command": self.command, **data}))


def _lines_of(problems: Sequence[Problem]) -> list[str]:
    """Return the lines of problems for a person; of neighbours with one hint, the last one has it for all."""
    lines: list[str] = []
    for _, neighbours in groupby(problems, key=attrgetter("hint")):
        *others, last = neighbours
        for problem in others:
            lines += replace(problem, hint="").lines
        lines += last.lines
    return lines


_JSON = orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS
"""Indented, and sorted so that two runs give the same bytes."""
_NOT_PLAIN = re.compile(r"[^\n\x20-\x7e]")


def indented_json(data: Any) -> str:
    """Return plain data as indented JSON with sorted keys, without a line end.

    It is for files: their texts stay as they are.
    """
    return orjson.dumps(data, option=_JSON).decode()


def json_text(data: Mapping[str, Any]) -> str:
    r"""Return a document as JSON that is safe to print: without secrets, and with hidden characters escaped.

    >>> print(json_text({"model": "H100\x1b[2K \u202e"}), end="")
    {
      "model": "H100\u001b[2K \u202e"
    }
    """
    try:
        text = indented_json(data)
    except TypeError:
        # orjson refuses lone surrogates, which the name of a file that is not UTF-8 contains.
        text = indented_json(clean_data(data))
    # Cleaning the data is slow for a plan of a large factory, so it is done only where the text holds a
    # secret.
    if SECRET.search(text) is not None:
        text = indented_json(clean_data(data))
    return _NOT_PLAIN.sub(_escape, text) + "\n"


def _escape(match: re.Match[str]) -> str:
    """Return a hidden character as a JSON escape: a pair of surrogates above U+FFFF (RFC 8259, section 7)."""
    char = match[0]
    if not is_hidden(char):
        return char
    units = char.encode("utf-16-be")
    escapes = ""
    for at in range(0, len(units), 2):
        escapes += f"\\u{units[at]:02x}{units[at + 1]:02x}"
    return escapes


def stream_error(error: OSError) -> OSError:
    """Return an error about standard output with its name: the system names files alone."""
    return type(error)(error.errno, error.strerror, error.filename or "standard output")


def discard(stream: TextIO) -> None:
    """Redirect a stream to the null device, so that the program does not write its buffer at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, wraps: bool = False) -> list[str]:
    """Lay out rows in columns two blanks apart; a column of numbers is aligned to the right.

    Args:
        head: the titles of the columns.
        rows: the rows, each with a cell for every title.
        wraps: whether the last column is wrapped in 80 columns.

    >>> table(["pool", "nodes"], [["train", 12], ["serve", 4]])
    ['pool   nodes', 'train     12', 'serve      4']
    """
    cells = [[str(title) for title in head]]
    for row in rows:
        texts = [clean(str(cell)) for cell in row]
        cells.append(texts)
    widths = []
    are_numbers = []
    for column in range(len(head)):
        texts = [row[column] for row in cells]
        widths.append(max(map(len, texts)))
        are_numbers.append(len(cells) > 1 and all(map(_is_number, texts[1:])))
    lines = []
    for row in cells:
        line = _table_line(row, widths, are_numbers)
        if not wraps or len(line) <= _COLUMNS:
            lines.append(line)
            continue
        *left, last = row
        start = sum(widths[:-1]) + 2 * len(left)
        beside = _table_line(left, widths[:-1], are_numbers[:-1])
        if start + max(map(len, last.split())) <= _COLUMNS:
            lines += hanging(beside.ljust(start), last)
        else:
            # No room for its longest word: it stands below the row.
            lines += [beside, *wrapped(last, "    ")]
    return lines


def _table_line(row: Sequence[str], widths: Sequence[int], are_numbers: Sequence[bool]) -> str:
    """Return one line of a table, without blanks at its end."""
    padded = []
    for cell, width, is_number in zip(row, widths, are_numbers, strict=True):
        padded.append(cell.rjust(width) if is_number else cell.ljust(width))
    return "  ".join(padded).rstrip()


def wrapped(text: str, indent: str = "") -> list[str]:
    """Lay out a sentence in 80 columns; its further lines are indented by four blanks more.

    >>> wrapped("one two", "  ")
    ['  one two']
    """
    return _wrap(text, indent, f"{indent}    ")


def next_line(*words: object) -> str:
    """Return the line that says which command comes next, with all its options, so that it can be copied.

    >>> next_line("plan", "my factory")
    "next: sovereign-ai plan 'my factory'"
    """
    return f"next: {join(['sovereign-ai', *map(str, words)])}"


def laid_out(lines: Iterable[str]) -> list[str]:
    r"""Lay out sentences in 80 columns, each below its own indent; a line with the next command stays whole.

    >>> laid_out(["  one two", "three\n    four"])
    ['  one two', 'three', '    four']
    """
    text: list[str] = []
    # A problem is several lines: its hint has an indent of its own.
    for line in (part for several in lines for part in several.split("\n")):
        sentence = line.lstrip()
        # A command that is divided could not be copied, nor a path that stands alone behind its word.
        if len(line) <= _COLUMNS or sentence.startswith(("next: ", "log: ")):
            text.append(line)
        else:
            text += wrapped(sentence, line.removesuffix(sentence))
    return text


_HINT = "    "
"""What stands before a hint."""
_QUOTE = "    | "
"""What stands before the further lines of a message."""
_COMMAND = re.compile(r"(?:chmod|ibnetdiscover|lldpctl|openssl|pip|sovereign-ai) ")
"""How a hint begins that is a command as a whole."""
_QUOTED_COMMAND = re.compile(r"`[^`]*`")


def problem_lines(lines: Iterable[str]) -> list[str]:
    """Lay out the lines of problems in 80 columns, for a terminal: elsewhere a problem is one line to search.

    Commands stay whole, or are divided by backslashes, so that they can be copied.

    >>> problem_lines(["    chmod 600 key.pem"])
    ['    chmod 600 key.pem']
    """
    text: list[str] = []
    for line in lines:
        # What a message quotes stays as it is, with its blanks.
        if len(line) <= _COLUMNS or line.startswith(_QUOTE):
            text.append(line)
            continue
        rest = line.removeprefix(_HINT)
        if rest != line and _COMMAND.match(rest):
            text += continued(rest, _HINT)
            continue
        joined = _QUOTED_COMMAND.sub(lambda command: command[0].replace(" ", "\0"), rest)
        indent = _HINT if rest != line else ""
        # Two blanks more than the place, and no more than the hint: neither looks like the other.
        parts = _wrap(joined, indent, f"{indent}  ")
        text += [part.replace("\0", " ") for part in parts]
    return text


_SHELL_WORD = re.compile(r"""(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+""")
"""A word of a command line, with its quotation marks."""


def continued(command: str, indent: str = "") -> list[str]:
    r"""Lay out a command in 80 columns, with backslashes at line ends, so that a shell takes what is copied.

    >>> print(*continued(f"fio --name='read and write' --directory={'a' * 30} --size=64G"), sep="\n")
    fio --name='read and write' --directory=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa \
        --size=64G
    """
    if len(indent) + len(command) <= _COLUMNS:
        return [f"{indent}{command}"]
    words = _SHELL_WORD.findall(command)
    if " ".join(words) != command:
        # An instruction for a person, with an apostrophe.
        return wrapped(command, indent)
    lines: list[str] = []
    line = indent
    for word in words:
        # Two columns for the backslash.
        if line.strip() and len(line) + 1 + len(word) > _COLUMNS - 2:
            lines.append(f"{line} \\")
            line = f"{indent}    {word}"
        else:
            line = f"{line} {word}" if line.strip() else f"{line}{word}"
    return [*lines, line]


def hanging(head: str, text: str) -> list[str]:
    """Lay out a sentence beside a head in 80 columns; its further lines begin below the sentence.

    >>> hanging("a: ", "one two")
    ['a: one two']
    """
    return _wrap(text, head, " " * len(head))


def _wrap(text: str, first: str, further: str) -> list[str]:
    # Names and paths stay whole, so that they can be copied: a line with a long one is longer than 80
    # columns.
    return wrap(
        text,
        _COLUMNS,
        initial_indent=first,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _is_number(text: str) -> bool:
    """Return whether a cell is a number, with or without a unit after it."""
    return text[:1].isdigit()
