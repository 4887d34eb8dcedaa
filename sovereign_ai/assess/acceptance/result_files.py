"""The result files of a burn-in, by name.

A file is read only when it is judged, so that a large site needs no large memory.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sovereign_ai.errors import Problem, SovereignError, UsageError, Where
from sovereign_ai.files import RESULTS, decode, files_in, read, refuse_secrets

_MOST_FILES = 1_000_000
_MOST_PROBLEMS = 50


class Results(Mapping[str, str]):
    """Result files by name; an access reads the file.

    Args:
        files: path by name.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def __getitem__(self, name: str) -> str:
        """Return the text of one file.

        Raises:
            UsageError: it cannot be read, is no text, or contains a secret.
        """
        file = self._files[name]
        text = decode(read(file, RESULTS), str(file), RESULTS)
        refuse_secrets(text, str(file), RESULTS)
        return text

    def __contains__(self, name: object) -> bool:
        """Return whether there is such a file, without reading it."""
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        """Return an iterator over the names."""
        return iter(self._files)

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self._files)


def results(places: Iterable[Path]) -> Results:
    """Return the result files of some files and folders by name.

    Args:
        places: files, and folders whose files are all result files.

    Raises:
        UsageError: a place does not exist, a folder contains a folder, or a name occurs twice; all at once.
    """
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    for place in places:
        try:
            listed = files_in(place, RESULTS, _MOST_FILES) if _is_folder(place) else [place]
        except SovereignError as error:
            problems += error.problems
            continue
        for file in listed:
            problem = _problem(file, files, is_listed=place != file)
            if problem is not None:
                problems.append(problem)
            else:
                files[_name(file)] = file
    if problems:
        raise UsageError(problems[:_MOST_PROBLEMS])
    return Results(files)


def _name(file: Path) -> str:
    """Return a result's name: the file's name without its last ending, if it has one."""
    return file.name.rpartition(".")[0] or file.name


def _problem(file: Path, earlier: Mapping[str, Path], *, is_listed: bool) -> Problem | None:
    """Return what is wrong with a result file; None if nothing is.

    Args:
        file: the file.
        earlier: the files before it, by name.
        is_listed: whether it comes from a folder.
    """
    # A folder that the user names is read; one inside it would hide what else it holds.
    if is_listed and file.is_dir():
        message, hint = "a folder in a folder is not read", "name that folder itself"
        return Problem("no-result", message, Where(str(file)), hint)
    name = _name(file)
    if name in earlier:
        message = f"{name!r} stands twice; the other file is {earlier[name].name}"
        return Problem("result-twice", message, Where(str(file)), "keep one file a subject and test")
    return None


def _is_folder(place: Path) -> bool:
    """Return whether a path is a folder.

    Raises:
        UsageError: it does not exist.
    """
    try:
        return stat.S_ISDIR(place.stat().st_mode)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it cannot be looked up"
        raise UsageError(Problem("no-result", reason, Where(str(place)), RESULTS.hint)) from None
