"""A folder of files that is written again and again: what an earlier run left goes, and nobody else's file is touched.

A file is ours if a list in the folder, which an earlier run of ours left, names it, and if no link stands on the way to it:
no run of ours makes links. No name leads out of the folder, whatever a list says.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sovereign_ai.errors import Problem, UsageError, Where

_MOST_TOLD = 10
_OFTEN = 2_000


@dataclass(frozen=True, slots=True)
class Written:
    """What one run did to a folder.

    Attributes:
        files: how many files it wrote.
        size: bytes in them.
        removed: files of earlier runs that it removed.
    """

    files: int
    size: int
    removed: int


def write(folder: Path, what: str, make: Callable[[], Iterable[tuple[str, bytes]]], progress: Callable[[str], None]) -> Written:
    """Write files, and remove those that the last such run wrote and this one does not.

    A name is noted in the list before its file is written, so that a run that is killed leaves no file that nobody knows.

    Args:
        folder: made where it is missing.
        what: the command that writes; each has a list of its own in the folder.
        make: gives (path, content) of every file; asked twice where the folder holds more than our own files.
        progress: told now and then how far it is.

    Raises:
        UsageError: a file is in the way that no earlier run wrote; nothing is written then.
        OSError: the folder cannot be written.
    """
    listing = folder / f".sovereign-ai-{what.replace(' ', '-')}"
    ours = {name for name in (*_listed(listing), listing.name) if _stays(folder, name)}
    if not _alone(folder, ours):
        refuse_others(folder, [listing.name, *(name for name, _ in make())], ours)
    folder.mkdir(parents=True, exist_ok=True)
    written: set[str] = set()
    size = 0
    with listing.open("a", encoding="utf-8") as notes:
        for name, content in make():
            if name not in ours:
                notes.write(f"{name}\n")
                notes.flush()
            put(folder, name, content)
            written.add(name)
            size += len(content)
            if len(written) % _OFTEN == 0:
                progress(f"{len(written):,} files written")
    removed = remove(folder, ours - written - {listing.name})
    head = f"# Files of `sovereign-ai {what}`; its next run here removes those of them that it does not write again.\n"
    fresh = folder / f"{listing.name}.new"
    fresh.write_text(head + "".join(f"{name}\n" for name in sorted(written)), encoding="utf-8")
    fresh.replace(listing)
    return Written(len(written), size, removed)


def put(folder: Path, name: str, content: bytes) -> None:
    """Write one file, whole or not at all, and the folders on the way to it."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name[:200]}.new")
    fresh.write_bytes(content)
    fresh.replace(file)


def remove(folder: Path, names: Iterable[str]) -> int:
    """Remove files, and folders that become empty by it; a name that leads out of the folder or over a link is left alone.

    Returns:
        How many files it removed.
    """
    gone = [name for name in names if _stays(folder, name) and (folder / name).is_file()]
    for name in gone:
        (folder / name).unlink()
    above = {parent for name in gone for parent in PurePosixPath(name).parents if parent.parts}
    for parent in sorted(above, key=lambda one: len(one.parts), reverse=True):
        if not any((folder / parent).iterdir()):
            (folder / parent).rmdir()
    return len(gone)


def refuse_others(folder: Path, names: Iterable[str], ours: Collection[str]) -> None:
    """Refuse to write over what no earlier run of ours wrote.

    Args:
        folder: where names are to be written.
        names: what is to be written.
        ours: what an earlier run of ours wrote.

    Raises:
        UsageError: what is in the way, file by file.
    """
    found = list(dict.fromkeys(way for name in names if (way := _in_the_way(folder, name, ours)) is not None))
    if not found:
        return
    hint = "name another folder, or remove it"
    problems = [Problem("not-ours", "no earlier run wrote it here", Where(str(folder / name)), hint) for name in found[:_MOST_TOLD]]
    if len(found) > _MOST_TOLD:
        problems.append(Problem("not-ours", f"and {len(found) - _MOST_TOLD:,} more that no earlier run wrote here", hint=hint))
    raise UsageError(problems)


def _in_the_way(folder: Path, name: str, ours: Collection[str]) -> str | None:
    """Give what of others' keeps a file from being written: the file itself, or a part of the way to it; None if nothing."""
    for parent in PurePosixPath(name).parents:
        part = folder / parent
        if parent.parts and (part.is_symlink() or (part.exists() and not part.is_dir())):
            return str(parent)
    file = folder / name
    there = file.is_symlink() or file.is_dir() or (file.exists() and name not in ours)
    return name if there else None


def _stays(folder: Path, name: str) -> bool:
    """Tell whether a name of a list stays in the folder, with no link on its way."""
    way = PurePosixPath(name)
    if way.is_absolute() or ".." in way.parts or not way.parts:
        return False
    return not any((folder / part).is_symlink() for part in (way, *way.parents) if part.parts)


def _alone(folder: Path, ours: Collection[str]) -> bool:
    """Tell whether a folder holds our files alone; one that is not there does."""
    for here, folders, files in os.walk(folder):
        names = [*files, *(name for name in folders if (Path(here) / name).is_symlink())]
        if any((Path(here) / name).relative_to(folder).as_posix() not in ours for name in names):
            return False
    return True


def _listed(listing: Path) -> set[str]:
    """Give the names that an earlier run noted; none where there is no list."""
    if not listing.exists():
        return set()
    return {line for line in listing.read_text(encoding="utf-8", errors="replace").splitlines() if line and not line.startswith("#")}
