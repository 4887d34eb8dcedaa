"""Name every file that a command cannot read, where its work stopped at the first of them."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from sovereign_ai.errors import Problem, SovereignError, Where

_MAY_BE_MISSING = frozenset({"log", "to"})
"""Parameters of a log, which begins with its first line, and of a folder that is made."""


def with_other_files(
    error: SovereignError, given: Mapping[str, Any], written: Collection[Path]
) -> SovereignError:
    """Return a command's error, with a problem for each further file that it was given and cannot read.

    Args:
        error: the error; one about anything else than such a file stays as it is.
        given: the value of each of the command's arguments and options.
        written: what the command writes.
    """
    unread = {str(path): reason for path, reason in _unread(given) if path not in written}
    named = {problem.where.file for problem in error.problems}
    if not named & unread.keys():
        return error
    hint = "name a file that can be read"
    others = []
    for path, reason in unread.items():
        if path not in named:
            others.append(Problem("no-file", reason, Where(path), hint))
    return error.with_problems(others) if others else error


def _unread(given: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield each path that is given and cannot be read, with the system's reason."""
    from sovereign_ai.attest import is_key_uri

    for name, value in given.items():
        values = value if isinstance(value, list | tuple) else [value]
        for path in values:
            # A key may lie in a module, which its URI names.
            is_file = isinstance(path, Path) and name not in _MAY_BE_MISSING and not is_key_uri(path)
            if is_file and (reason := _reason(path)):
                yield path, reason


def _reason(path: Path) -> str:
    """Return why a path cannot be read; empty if it can."""
    try:
        path.stat()
    # A path may have a character that the system does not take.
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return "" if os.access(path, os.R_OK) else os.strerror(errno.EACCES)
