"""The arguments and options that many commands share, each with one wording."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.errors import Problem, UsageError

DescriptionArgument = Annotated[
    Path, typer.Argument(help="A stack's folder, or a description in YAML, JSON or Python.")
]
StackArgument = Annotated[Path, typer.Argument(help="The stack's folder.")]


_LONGEST_DAY = 40
"""Characters of a text that is no day which are shown."""


def day(text: str | None, option: str = "--on") -> date:
    """Return the day of an option; today in UTC if it is left out.

    Args:
        text: what was given for it.
        option: its name.

    Raises:
        UsageError: the text is no day of the calendar.
    """
    if text is None:
        return datetime.now(tz=UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"{option}: {text[:_LONGEST_DAY]!r} is no day of the calendar"
        raise UsageError(Problem("bad-date", message, hint=f"write a day as {option} 2026-12-31")) from None


def pairs(option: str, texts: Sequence[str], form: str, example: str) -> dict[str, str]:
    """Return the names and values of an option that may be repeated and is written NAME=VALUE.

    Args:
        option: its name.
        texts: what was given for it.
        form: what it is written as, such as `SITE=FILE`.
        example: such a text.

    Raises:
        UsageError: every text without a name or a value, and every name with a second value.
    """
    values: dict[str, str] = {}
    problems: list[Problem] = []
    for text in texts:
        name, _, value = text.partition("=")
        if not name or not value:
            problems.append(
                Problem("bad-option", f"{option} {text!r} is no {form}", hint=f"such as {example}")
            )
        elif name in values:
            message = f"{option} {name} is given twice: {values[name]!r} and {value!r}"
            problems.append(Problem("bad-option", message, hint="leave one of the two out"))
        values.setdefault(name, value)
    if problems:
        raise UsageError(problems)
    return values
