"""Wraps a command so that no error reaches a user as a traceback."""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Callable
from typing import Any

import typer

from sovereign_ai.cli.files import problem_of
from sovereign_ai.cli.output import Output
from sovereign_ai.errors import DeploymentError, Problem, SovereignError


def speak(command: str, as_json: bool, work: Callable[[Output], None]) -> None:
    """Run a command's work and turn its errors into text or JSON and an exit code."""
    output = Output(command, as_json)
    try:
        work(output)
    except SovereignError as error:
        output.fail(error)
    except KeyboardInterrupt:
        output.interrupted()
    except (typer.Exit, BrokenPipeError):
        raise
    except OSError as error:
        output.fail(problem_of(error) or _defect(traceback.format_exc()))
    except Exception:  # noqa: BLE001 - the last stop before a user's terminal: kept in a file, told in one line
        output.fail(_defect(traceback.format_exc()))


def _defect(trace: str) -> SovereignError:
    """Keep a traceback in a file of mode 0600 and say where; what was not foreseen is our defect."""
    descriptor, name = tempfile.mkstemp(prefix="sovereign-ai-", suffix=".trace")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(trace)
    last = trace.strip().splitlines()[-1][:200]
    hint = f"that is a defect of sovereign-ai; please report it with {name}, which holds the details"
    return DeploymentError(Problem("defect", f"something went wrong that should not: {last}", hint=hint))


def example(text: str) -> dict[str, Any]:
    """Give the epilogue of a help text: an example that runs."""
    return {"epilog": f"Example: {text}"}
