"""Wraps a command so that no error reaches a user as a traceback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from sovereign_ai.cli.output import Output
from sovereign_ai.errors import SovereignError


def speak(command: str, as_json: bool, work: Callable[[Output], None]) -> None:
    """Run a command's work and turn its errors into text or JSON and an exit code."""
    output = Output(command, as_json)
    try:
        work(output)
    except SovereignError as error:
        output.fail(error)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def example(text: str) -> dict[str, Any]:
    """Give the epilogue of a help text: an example that runs."""
    return {"epilog": f"Example: {text}"}
