"""Runs a description written in Python, and turns whatever goes wrong in it into a problem with a line.

The file is the user's own program: it is run, not sandboxed. What it prints goes to standard
error, what it imports from its own folder is forgotten afterwards, and no bytecode is written.
"""

from __future__ import annotations

import contextlib
import runpy
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from sovereign_ai.errors import Problem, SovereignError, SpecError, Where
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.secrets import may_be_secret

_RUN_NAME = "factory"
_MOST_TEXT = 200


def run(file: Path) -> AIFactory:
    """Run a Python file and give the `AIFactory` in its module-level name `factory`.

    Raises:
        SpecError: the file fails, or leaves no such name; the problem names the line.
    """
    with _surroundings(file):
        try:
            names = runpy.run_path(str(file), run_name=_RUN_NAME)
        except SovereignError:
            raise
        except SyntaxError as error:
            where = Where(error.filename or str(file), error.lineno, error.offset)
            raise SpecError(Problem("python-syntax", f"this is no Python: {error.msg}", where, "mend the line")) from None
        except (Exception, SystemExit, BaseExceptionGroup) as error:  # noqa: BLE001 - whatever the user's program raises is a problem of the description
            raise SpecError(_problem(error, file)) from None
    factory = names.get("factory")
    if isinstance(factory, AIFactory):
        return factory
    what = "leaves no name 'factory'" if factory is None else f"leaves a {type(factory).__name__} in 'factory'"
    raise SpecError(Problem("no-description", f"the file {what}", Where(str(file)), "end it with: factory = AIFactory(...)"))


def _problem(error: BaseException, file: Path) -> Problem:
    """Name the line of the user's own code in which an exception arose."""
    folder = str(file.resolve().parent)
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file) or frame.filename.startswith(folder)
    ]
    where = Where(frames[-1].filename, frames[-1].lineno) if frames else Where(str(file))
    if isinstance(error, SystemExit):
        return Problem("python-error", "the program ends itself here", where, "a description only leaves a name 'factory'")
    text = " ".join(str(error).split())[:_MOST_TEXT]
    said = "" if not text else ": (its text is not shown)" if may_be_secret(text) else f": {text}"
    return Problem("python-error", f"{type(error).__name__}{said}", where, "mend the line, or what it calls")


@contextlib.contextmanager
def _surroundings(file: Path) -> Iterator[None]:
    """Make the file's folder importable for the time of the run, and leave no trace."""
    folder = str(file.resolve().parent)
    before, path, bytecode = set(sys.modules), list(sys.path), sys.dont_write_bytecode
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        sys.path[:] = path
        sys.dont_write_bytecode = bytecode
        for name in set(sys.modules) - before:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(folder):
                del sys.modules[name]
