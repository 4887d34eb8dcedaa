"""Check where a command is to write before it works: what takes minutes must not fail at its last line.

Where nothing can be written the system's own error is raised, as writing would raise it later. What a
command reads is never written over: `plan STACK -o STACK/factory.yaml` would leave a plan in place of the
description.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sovereign_ai.errors import Problem, SovereignError, UsageError, Where
from sovereign_ai.files.writing import destination, require_new_files, require_own_links


def require_place(path: Path, *, is_folder: bool = False) -> None:
    """Check one place.

    Args:
        path: the file or folder that is to be written.
        is_folder: whether it may be a folder, which a command makes with all that is missing above it.

    Raises:
        UsageError: it is a link that leads nowhere, or the way there leads over a link of another user.
        OSError: nothing can be written there.
    """
    require_own_links(path)
    if path.is_dir():
        if not is_folder:
            raise _error(errno.EISDIR, path)
        require_new_files(path, path)
        return
    if os.path.lexists(path):
        _require_writable(path)
        return
    above = path.parent
    if not is_folder and not os.path.lexists(above):
        raise _error(errno.ENOENT, path)
    while not os.path.lexists(above):
        above = above.parent
    if not above.is_dir():
        raise _error(errno.ENOTDIR, path)
    require_new_files(above, path)


def _require_writable(path: Path) -> None:
    """Check a place where something is already: a file gets another one in its place, a device is written."""
    place = destination(path)
    if place.is_file():
        require_new_files(place.parent, path)
    elif not os.access(place, os.W_OK):
        raise _error(errno.EACCES, path)


def require_other_files(outputs: Sequence[Path], given: Mapping[str, Any]) -> None:
    """Refuse a place whose file the command reads, or that two of its outputs share.

    Args:
        outputs: the places that are to be written.
        given: the value of each of the command's arguments and options, with these outputs among them.

    Raises:
        UsageError: every such place.
    """
    problems: list[Problem] = []
    for at, output in enumerate(outputs):
        # Folders are written by lists of what is theirs, and devices hold nothing.
        if output.exists() and not output.is_file():
            continue
        if any(_is_same(output, other) for other in outputs[:at]):
            message = "two of the command's files would have this place"
            problems.append(Problem("same-output", message, Where(str(output)), "name another file for each"))
        if _is_read(output, outputs, given):
            message = "the command reads this file, and would write over it"
            problems.append(Problem("output-is-input", message, Where(str(output)), "name another file"))
    if problems:
        raise UsageError(problems)


def _is_read(output: Path, outputs: Sequence[Path], given: Mapping[str, Any]) -> bool:
    """Return whether an output is one of the files that a command reads, under whatever name."""
    for value in given.values():
        values = value if isinstance(value, list | tuple) else [value]
        for each in values:
            if any(each is place for place in outputs):
                continue
            if any(_is_same(file, output) for file in _files_of(each)):
                return True
    return False


def _is_same(file: Path, other: Path) -> bool:
    """Return whether two paths are one file, or would be: neither may be there yet, such as a log."""
    # What is no path, or too long for one, is no file either; a loop of links ends here.
    with suppress(OSError, ValueError):
        return os.path.realpath(file) == os.path.realpath(other) or file.samefile(other)
    return False


def _files_of(value: Any) -> Iterator[Path]:
    """Yield the files that a value names: a file, a stack's folder, or a file of a site, `fra1=FILE`."""
    from sovereign_ai.spec import description_file

    if isinstance(value, Path):
        yield value
        with suppress(SovereignError):
            yield description_file(value)
    elif isinstance(value, str) and "=" in value:
        yield Path(value.partition("=")[2])


def _error(number: int, path: Path) -> OSError:
    """Return the system's error about a path."""
    return OSError(number, os.strerror(number), str(path))
