"""The arguments and options that many commands share, each with one wording."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

import typer

from sovereign_ai.errors import Problem, UsageError

DescriptionArgument = Annotated[
    Path, typer.Argument(help="A stack's folder, or a description in YAML, JSON or Python.")
]
StackArgument = Annotated[Path, typer.Argument(help="The stack's folder.")]


def day(text: str | None) -> date:
    """Return the day of the option `--on`; today in UTC if it is left out.

    Raises:
        UsageError: the text is no day of the calendar.
    """
    if text is None:
        return datetime.now(tz=UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"--on: {text!r} is no day of the calendar"
        raise UsageError(Problem("bad-date", message, hint="write --on 2026-12-31")) from None
