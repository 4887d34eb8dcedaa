"""The wrapper around every command: no error reaches a user as a traceback."""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import typer
from typer.main import get_current_context  # type: ignore[attr-defined] # Typer exports no other way to it

from sovereign_ai.cli.interrupt import was_requested
from sovereign_ai.cli.limits import find_resource_limit
from sovereign_ai.cli.output import Output
from sovereign_ai.cli.output_places import require_other_files, require_place
from sovereign_ai.cli.tracing import tracing
from sovereign_ai.cli.unread_files import with_other_files
from sovereign_ai.errors import DeploymentError, Problem, SovereignError

_LONGEST_SUMMARY = 200
"""Characters of an unexpected error's last line that are shown; the trace file holds the rest."""


def run_command(
    command: str,
    as_json: bool,
    work: Callable[[Output], None],
    *,
    outputs: Path | Sequence[Path] | None = None,
    folder: Path | None = None,
) -> None:
    """Run a command's work and turn its errors into text or JSON and an exit code.

    Args:
        command: the command's name, such as `cluster up`.
        as_json: whether to print one JSON document.
        work: the command itself; it prints its result through the output that it receives.
        outputs: the files that its option `--output` names, which are checked before it works.
        folder: the same of a folder, or of what may be either.

    Raises:
        typer.Exit: with the command's exit code, unless that is 0.
    """
    output = Output(command, as_json)
    try:
        with tracing(command, output.progress):
            _run(output, partial(_checked, work, outputs, folder), folder)
    except SovereignError as error:
        # The place that the trace should go to was refused, before the command began.
        output.fail(error)


def _checked(
    work: Callable[[Output], None],
    outputs: Path | Sequence[Path] | None,
    folder: Path | None,
    output: Output,
) -> None:
    """Do a command's work once what it names can be written.

    Raises:
        SovereignError: the work's own; of files that it was given and cannot read, all are named.
        UsageError: it would take the place of what the command reads.
        OSError: it cannot.
    """
    files = [outputs] if isinstance(outputs, Path) else [*(outputs or ())]
    for file in files:
        require_place(file)
    if folder is not None:
        require_place(folder, is_folder=True)
        files.append(folder)
    context = get_current_context(silent=True)
    given = context.params if context is not None else {}
    if files:
        require_other_files(files, given)
    try:
        work(output)
    except SovereignError as error:
        raise with_other_files(error, given, files) from None


def _run(output: Output, work: Callable[[Output], None], folder: Path | None) -> None:
    """Run a command's work and turn its errors into text or JSON and an exit code.

    Args:
        output: prints them.
        work: the command itself.
        folder: what it writes, where that is a folder.

    Raises:
        typer.Exit: with the command's exit code, unless that is 0.
    """
    try:
        work(output)
    except SovereignError as error:
        output.fail(error)
    except KeyboardInterrupt:
        output.interrupted(folder)
    except (typer.Exit, BrokenPipeError):
        # Neither is an error: the first carries the exit code, the second means that the reader has gone.
        raise
    except Exception as error:  # noqa: BLE001 - the last handler before the terminal
        if was_requested():
            # A library in C makes an error of its own of an interrupt that comes in what it calls.
            output.interrupted(folder)
        output.fail(find_resource_limit(error) or _defect(traceback.format_exc()))


def _defect(trace: str) -> SovereignError:
    """Keep a traceback in a file and return the error that names the file.

    An exception that no code expects is a defect of this program, and the trace is what a report of it needs.
    """
    last_line = trace.strip().splitlines()[-1][:_LONGEST_SUMMARY]
    try:
        # mkstemp creates the file with mode 0600: a trace may contain values of the user's description.
        descriptor, name = tempfile.mkstemp(prefix="sovereign-ai-", suffix=".trace")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(trace)
    except OSError as error:
        reason = os.strerror(error.errno or 0)
        details = f"the command that led to it; the details could not be kept in a file: {reason}"
    else:
        details = f"{name}, which holds the details"
    hint = f"that is a defect of sovereign-ai; please report it with {details}"
    return DeploymentError(Problem("defect", f"unexpected error: {last_line}", hint=hint))


def example(text: str) -> dict[str, Any]:
    """Return the epilogue of a help text: an example that runs."""
    return {"epilog": f"Example: {text}"}
