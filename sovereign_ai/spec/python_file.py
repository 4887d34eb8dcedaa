"""Runs a description written in Python, and turns whatever goes wrong in it into a problem with a line.

The file is the user's own program: it is run, not sandboxed. What it prints, and what its child
processes print, goes to standard error, what it imports from its own folder is forgotten afterwards, and no bytecode is written.
"""

from __future__ import annotations

import builtins
import contextlib
import difflib
import os
import re
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
_NOT_THERE = re.compile(r"cannot import name '(\w+)'")
_FILE = re.compile(r" \(/[^()]*\)$")
"""The file of a module behind Python's own message; the problem names the user's line instead."""


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
    text = " ".join(_FILE.sub("", str(error)).split())[:_MOST_TEXT]
    said = "" if not text else ": (its text is not shown)" if may_be_secret(text) else f": {text}"
    return Problem("python-error", f"{type(error).__name__}{said}", where, _hint(error))


def _hint(error: BaseException) -> str:
    """Say what to do: the nearest right name, where a name is wrong."""
    if isinstance(error, ModuleNotFoundError):
        return f"put {error.name}.py beside the description, or install {error.name} where sovereign-ai is installed"
    known: list[str] = []
    wrong = ""
    if isinstance(error, ImportError) and error.name in sys.modules:
        found = _NOT_THERE.match(str(error))
        known, wrong = _names(sys.modules[error.name]), found.group(1) if found else ""
    elif isinstance(error, AttributeError) and error.obj is not None:
        known, wrong = _names(error.obj), str(error.name)
    elif isinstance(error, NameError):
        frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        known, wrong = [*dir(builtins), *frames[-1].f_globals, *frames[-1].f_locals], str(error.name)
    close = difflib.get_close_matches(wrong, known, n=1, cutoff=0.6) if known else []
    return f"did you mean {close[0]!r}?" if close else "mend the line, or what it calls"


def _names(holder: object) -> list[str]:
    """Give the public names of a module or an object."""
    return [name for name in getattr(holder, "__all__", None) or dir(holder) if not name.startswith("_")]


@contextlib.contextmanager
def _nothing_on_standard_output() -> Iterator[None]:
    """Lead also what the program's own child processes print to standard error: standard output is the command's alone."""
    try:
        kept = os.dup(1)
    except OSError:  # there is none
        yield
        return
    try:
        os.dup2(2, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


@contextlib.contextmanager
def _surroundings(file: Path) -> Iterator[None]:
    """Make the file's folder importable for the time of the run, and leave no trace."""
    folder = str(file.resolve().parent)
    before, path, bytecode = set(sys.modules), list(sys.path), sys.dont_write_bytecode
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    try:
        with contextlib.redirect_stdout(sys.stderr), _nothing_on_standard_output():
            yield
    finally:
        sys.path[:] = path
        sys.dont_write_bytecode = bytecode
        for name in set(sys.modules) - before:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(folder):
                del sys.modules[name]
