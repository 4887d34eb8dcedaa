"""Write files into a folder, and remove those that an earlier run wrote and this one does not.

A file counts as written by an earlier run if the list that such a run left in the folder names it, and if no
part of its path is a link: no run makes links. Files of anybody else are never written over or removed. No
name leads out of the folder, whatever the list contains.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from pathlib import Path, PurePosixPath

from sovereign_ai.errors import Problem, UsageError, Where
from sovereign_ai.files import LISTING, read
from sovereign_ai.files.writing import naming, open_to_append, replace, require_own_links
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.text import counted

_MOST_REPORTED = 10
"""Files in the way that are listed by name; the rest is counted."""
_PROGRESS_EVERY = 2_000
"""Files between two reports of progress."""
_LONGEST_PATH = 4_096
"""Linux' PATH_MAX: a longer line of a list names no file."""


@frozen_dataclass
class WrittenFolder:
    """What one run did to a folder.

    Attributes:
        files: how many files it wrote.
        size: bytes in them.
        removed: files of earlier runs that it removed.
    """

    files: int
    size: int
    removed: int


def write(
    folder: Path,
    what: str,
    make: Callable[[], Iterable[tuple[str, bytes]]],
    progress: Callable[[str], None],
    known: Collection[str] = (),
) -> WrittenFolder:
    """Write files, and remove those that the last such run wrote and this one does not.

    Args:
        folder: made where it is missing.
        what: the command that writes; each has a list of its own in the folder.
        make: yields (path, content) of every file; called twice where the folder holds files of others.
        progress: called with a message every few thousand files.
        known: further files that earlier runs wrote, where another list than this command's names them.

    Returns:
        How many files were written and removed.

    Raises:
        UsageError: a file is in the way that no earlier run wrote, or the folder is reached over a link of
            another user; nothing is written then.
        OSError: the folder cannot be written.
    """
    require_own_links(folder)
    listing = _listing(folder, what)
    earlier: set[str] = set()
    for name in (*_listed_names(listing), *known, listing.name):
        if _stays_inside(folder, name):
            earlier.add(name)
    if not _holds_only(folder, earlier):
        planned = [listing.name]
        for name, _ in make():
            planned.append(name)
        refuse_others(folder, planned, earlier)
    folder.mkdir(parents=True, exist_ok=True)
    written: set[str] = set()
    size = 0
    with os.fdopen(open_to_append(listing, 0o666), "a", encoding="utf-8") as notes:
        for name, content in make():
            # The name goes into the list before the file is written: a run that is killed in between leaves
            # no file that the next run takes for somebody else's.
            if name not in earlier:
                with naming(listing):
                    notes.write(f"{name}\n")
                    notes.flush()
            put(folder, name, content)
            written.add(name)
            size += len(content)
            if len(written) % _PROGRESS_EVERY == 0:
                progress(f"{counted(len(written), 'file')} written")
    removed = remove(folder, earlier - written - {listing.name})
    head = (
        f"# Files of `sovereign-ai {what}`; "
        "its next run here removes those of them that it does not write again."
    )
    text = "\n".join([head, *sorted(written)]) + "\n"
    replace(listing, text.encode(), durable=False)
    return WrittenFolder(len(written), size, removed)


def earlier_names(folder: Path, what: str) -> set[str]:
    """Return the files that the last such run wrote, and its list; none where there is no list.

    A name that leads out of the folder or over a link is left out.

    Args:
        folder: the folder that was written to.
        what: the command that wrote.
    """
    listing = _listing(folder, what)
    if not os.path.lexists(listing):
        return set()
    names = {*_listed_names(listing), listing.name}
    return {name for name in names if _stays_inside(folder, name)}


def _listing(folder: Path, what: str) -> Path:
    """Return the file that lists what a command wrote."""
    return folder / f".sovereign-ai-{what.replace(' ', '-')}"


def put(folder: Path, name: str, content: bytes) -> None:
    """Write one file, whole or not at all, and make the folders that it lies in."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    replace(file, content, durable=False)


def remove(folder: Path, names: Iterable[str]) -> int:
    """Remove files, and the folders that become empty by that.

    A name that leads out of the folder or over a link is skipped.

    Returns:
        How many files were removed.
    """
    removable = [name for name in names if _stays_inside(folder, name) and (folder / name).is_file()]
    parents: set[PurePosixPath] = set()
    for name in removable:
        (folder / name).unlink()
        parents.update(parent for parent in PurePosixPath(name).parents if parent.parts)
    # The deepest first, so that a folder is empty before its parent is looked at.
    for parent in sorted(parents, key=_depth, reverse=True):
        if not any((folder / parent).iterdir()):
            (folder / parent).rmdir()
    return len(removable)


def _depth(path: PurePosixPath) -> int:
    """Return how many parts a path has."""
    return len(path.parts)


def refuse_others(folder: Path, names: Iterable[str], earlier: Collection[str]) -> None:
    """Refuse to write over what no earlier run wrote.

    Args:
        folder: the folder that the names are written to.
        names: paths that are to be written.
        earlier: paths that an earlier run wrote.

    Raises:
        UsageError: what is in the way, file by file.
    """
    obstacles: dict[str, None] = {}
    for name in names:
        obstacle = _obstacle(folder, name, earlier)
        if obstacle is not None:
            obstacles.setdefault(obstacle)
    if not obstacles:
        return
    hint = "name another folder, or remove it"
    problems: list[Problem] = []
    for path in list(obstacles)[:_MOST_REPORTED]:
        where = Where(str(folder / path))
        problems.append(Problem("not-ours", "no earlier run wrote it here", where, hint))
    if len(obstacles) > _MOST_REPORTED:
        message = f"and {len(obstacles) - _MOST_REPORTED:,} more that no earlier run wrote here"
        problems.append(Problem("not-ours", message, hint=hint))
    raise UsageError(problems)


def _obstacle(folder: Path, name: str, earlier: Collection[str]) -> str | None:
    """Return what of others keeps a file from being written; None if there is nothing."""
    for parent in PurePosixPath(name).parents:
        if not parent.parts:
            continue
        path = folder / parent
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            return str(parent)
    file = folder / name
    if file.is_symlink() or file.is_dir():
        return name
    if file.exists() and name not in earlier:
        return name
    return None


def _stays_inside(folder: Path, name: str) -> bool:
    """Return whether a name of a list stays in the folder, with no link in its path."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        return False
    return not any((folder / part).is_symlink() for part in (path, *path.parents) if part.parts)


def _holds_only(folder: Path, earlier: Collection[str]) -> bool:
    """Return whether a folder holds no files but these; a folder that does not exist holds none."""
    for parent, folders, files in os.walk(folder):
        # `os.walk` lists a link to a folder among the folders, and does not follow it.
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        for name in (*files, *links):
            path = (Path(parent) / name).relative_to(folder)
            if path.as_posix() not in earlier:
                return False
    return True


def _listed_names(listing: Path) -> set[str]:
    """Return the names that an earlier run noted; none where there is no list."""
    if not os.path.lexists(listing):
        return set()
    text = read(listing, LISTING).decode("utf-8", errors="replace")
    names: set[str] = set()
    for line in text.split("\n"):
        if line and not line.startswith("#") and len(line) <= _LONGEST_PATH:
            names.add(line)
    return names
