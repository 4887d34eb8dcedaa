"""Runs a description written in Python, and turns every failure of it into a problem with a line.

The file is the user's own program: it is run, not sandboxed. Its output, and that of its child processes,
goes to standard error. Modules that it imports from its own folder are removed afterwards, and no bytecode is
written.
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
from typing import TextIO

from sovereign_ai.errors import Problem, SovereignError, SpecError, Where
from sovereign_ai.files import DESCRIPTION, may_be_secret, read
from sovereign_ai.spec.factory import AIFactory

_RUN_NAME = "factory"
_MOST_TEXT = 200
_NOT_THERE = re.compile(r"cannot import name '(\w+)'")
# The file of a module behind Python's own message; the problem names the user's line instead.
_FILE = re.compile(r" \(/[^()]*\)$")


def run(file: Path) -> AIFactory:
    """Run a Python file and return the `AIFactory` in its module-level name `factory`.

    Raises:
        SpecError: the file fails, or leaves no such name; the problem names the line.
    """
    read(file, DESCRIPTION)  # Python itself would wait for /proc/kmsg, which is a regular file
    with _surroundings(file):
        try:
            names = runpy.run_path(str(file), run_name=_RUN_NAME)
        except (SovereignError, KeyboardInterrupt):
            raise
        except SyntaxError as error:
            where = Where(error.filename or str(file), error.lineno, error.offset)
            message = f"this is no Python: {error.msg}"
            raise SpecError(Problem("python-syntax", message, where, "fix the line")) from None
        # Also `SystemExit`: whatever the user's program raises is a problem of the description.
        except BaseException as error:  # noqa: BLE001 - see above
            raise SpecError(_error_problem(error, file)) from None
    factory = names.get("factory")
    if isinstance(factory, AIFactory):
        return factory
    message = f"the file leaves a {type(factory).__name__} in 'factory'"
    if factory is None:
        message = "the file leaves no name 'factory'"
    hint = "end it with: factory = AIFactory(...)"
    raise SpecError(Problem("no-description", message, Where(str(file)), hint))


def _error_problem(error: BaseException, file: Path) -> Problem:
    """Return the problem of an exception, at the line of the user's own code in which it arose."""
    folder = str(file.resolve().parent)
    where = Where(str(file))
    # The last frame of the user's code is the nearest to the mistake; those after it are of libraries.
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == str(file) or frame.filename.startswith(folder):
            where = Where(frame.filename, frame.lineno)
    if isinstance(error, SystemExit):
        hint = "a description only leaves a name 'factory'"
        return Problem("python-error", "the program ends itself here", where, hint)
    message = type(error).__name__
    text = " ".join(_FILE.sub("", _error_text(error)).split())[:_MOST_TEXT]
    if text:
        message += ": (its text is not shown)" if may_be_secret(text) else f": {text}"
    return Problem("python-error", message, where, _error_hint(error))


def _error_text(error: BaseException) -> str:
    """Return an exception's own text, shortened; empty where it cannot be formatted."""
    try:
        # Longer than shown, since blanks and the name of a file are removed from it.
        return str(error)[: _MOST_TEXT * 8]
    except Exception:  # noqa: BLE001 - it is the user's own class
        return ""


def _error_hint(error: BaseException) -> str:
    """Return the most similar name where a name is wrong, else a general hint."""
    if isinstance(error, ModuleNotFoundError):
        name = error.name
        return f"put {name}.py beside the description, or install {name} where sovereign-ai is installed"
    known: list[str] = []
    wrong = ""
    if isinstance(error, ImportError) and error.name in sys.modules:
        match = _NOT_THERE.match(str(error))
        known, wrong = _public_names(sys.modules[error.name]), match.group(1) if match else ""
    elif isinstance(error, AttributeError) and error.obj is not None:
        known, wrong = _public_names(error.obj), str(error.name)
    elif isinstance(error, NameError):
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        known, wrong = [*dir(builtins), *frame.f_globals, *frame.f_locals], str(error.name)
    close = difflib.get_close_matches(wrong, known, n=1, cutoff=0.6) if known else []
    return f"did you mean {close[0]!r}?" if close else "fix the line, or what it calls"


def _public_names(holder: object) -> list[str]:
    """Return the public names of a module or an object."""
    # A module's own list may name only what it recommends.
    names = {*getattr(holder, "__all__", ()), *dir(holder)}
    return sorted(name for name in names if not name.startswith("_"))


@contextlib.contextmanager
def _nothing_on_standard_output() -> Iterator[None]:
    """Redirect the output of child processes as well: standard output belongs to the command."""
    # Child processes write to the descriptor, which replacing `sys.stdout` does not change.
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
def _own_error_stream() -> Iterator[TextIO]:
    """Provide a stream on standard error that the program may close or replace."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    try:
        stream = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    except OSError:  # there is none
        yield sys.stderr
        return
    try:
        yield stream
    finally:
        with contextlib.suppress(OSError, ValueError):
            stream.close()


@contextlib.contextmanager
def _surroundings(file: Path) -> Iterator[None]:
    """Make the file's folder importable during the run, and restore everything afterwards."""
    folder = str(file.resolve().parent)
    before, path, bytecode = set(sys.modules), list(sys.path), sys.dont_write_bytecode
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    try:
        with (
            _own_error_stream() as stream,
            contextlib.redirect_stdout(stream),
            contextlib.redirect_stderr(stream),
            _nothing_on_standard_output(),
        ):
            yield
    finally:
        sys.path[:] = path
        sys.dont_write_bytecode = bytecode
        # Another description may have modules of the same names.
        for name in set(sys.modules) - before:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(folder):
                del sys.modules[name]
