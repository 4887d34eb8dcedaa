"""Why a program refused its deployment, handed from the program to the command whose engine runs it.

The engine passes a program's error on as text alone: a wrong argument and a violated rule would look like a
failed deployment. So the program leaves its problems and their exit code in the working copy of the run,
beside the notes of the command (`judged.py`), and the command reports them as its own.

What is wrong with the input and what a rule forbids is handed over, and that the API server was too busy for
the program's own requests, which the command then repeats. Whatever else lacks on the way to the cluster has
many texts, and `engine_causes` knows them all. A plain `pulumi up` has no such command, and shows the text.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import orjson

from sovereign_ai.cluster import is_busy
from sovereign_ai.deploy.state.stack_record import backend_folder
from sovereign_ai.errors import DeploymentError, ExitCode, Problem, SovereignError, Where
from sovereign_ai.files import RUN, content_if_whole
from sovereign_ai.files.writing import write_private

REFUSAL_FILE = "refusal.json"
_HANDED_OVER = frozenset({ExitCode.BAD_INPUT, ExitCode.FINDINGS})


def note_refusal(backend: str, error: SovereignError) -> None:
    """Leave the problems of a refused deployment for the command; where there is none, do nothing.

    Args:
        backend: the URL of the backend that the engine of the run uses.
        error: why the program refuses.
    """
    folder = backend_folder(backend)
    if error.exit_code not in _HANDED_OVER and not is_busy(error, has_new_webhooks=True):
        return
    # Only the working copy of a command's run has room for notes: a backend of the user's own gets none.
    if folder is None or not (folder / REFUSAL_FILE).is_file():
        return
    problems = [problem.to_data() for problem in error.problems]
    # A full disk must not hide the error itself, which the engine passes on as text.
    with suppress(OSError):
        content = orjson.dumps({"exit_code": int(error.exit_code), "problems": problems})
        write_private(folder / REFUSAL_FILE, content, durable=False)


def expect_refusal(folder: Path) -> None:
    """Make room for the note of one run in its working copy; a note of an earlier run goes."""
    write_private(folder / REFUSAL_FILE, b"", durable=False)


def read_refusal(folder: Path) -> DeploymentError | None:
    """Return the error with which the program of a run refused its deployment; None if it did not.

    Args:
        folder: the working copy of the run.
    """
    try:
        note = orjson.loads(content_if_whole(folder / REFUSAL_FILE, RUN) or b"")
        exit_code = ExitCode(note["exit_code"])
        error = DeploymentError(_problem(data) for data in note["problems"])
    except (ValueError, LookupError, TypeError):
        return None
    error.exit_code = exit_code
    return error


def _problem(data: dict[str, str | int | None]) -> Problem:
    """Return a problem from its plain data."""
    where = Where(*(data[name] for name in ("file", "line", "column", "field")))  # type: ignore[arg-type]
    return Problem(str(data["code"]), str(data["message"]), where, str(data["hint"]))
