"""Write the files of several clusters, each into a folder of its own.

A list in the outer folder names the files, as for every other command that writes a folder. Files that a run
for one cluster wrote, flat or into a cluster's folder, are known by its kustomization and belong to the
program as well: so a factory that grows to a second cluster is written over the files of the first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.render.folder import WrittenFolder, write
from sovereign_ai.render.kubernetes.bundle import COMMAND, KUSTOMIZATION, earlier_files


def write_clusters(folder: Path, files: Mapping[str, str], progress: Callable[[str], None]) -> WrittenFolder:
    """Write files below a folder, and remove those of earlier runs that are not written again.

    Args:
        folder: made where it is missing.
        files: path below the folder to text.
        progress: called with a message every few thousand files.

    Returns:
        How many files were written and removed.

    Raises:
        UsageError: every kustomization and other file in the way that no earlier run wrote, or that was
            changed since; nothing is written then.
        OSError: the folder cannot be written.
    """

    def contents() -> Iterator[tuple[str, bytes]]:
        for name, text in files.items():
            yield name, text.encode()

    return write(folder, COMMAND, contents, progress, _earlier(folder, files))


def _earlier(folder: Path, files: Mapping[str, str]) -> set[str]:
    """Return the files that the kustomizations of earlier runs list.

    Raises:
        UsageError: every kustomization in a folder that gets one, where it is not an earlier run's.
    """
    known: set[str] = set()
    problems: list[Problem] = []
    for parent in _listed_folders(files):
        try:
            names = earlier_files(folder / parent)
        except UsageError as error:
            problems += error.problems
            continue
        known.update(str(parent / name) for name in names)
    if problems:
        raise UsageError(problems)
    if KUSTOMIZATION not in files:
        known |= _flat(folder)
    return known


def _listed_folders(files: Mapping[str, str]) -> list[PurePosixPath]:
    """Return the folders that get a kustomization."""
    paths = [PurePosixPath(name) for name in files]
    return sorted(path.parent for path in paths if path.name == KUSTOMIZATION)


def _flat(folder: Path) -> frozenset[str]:
    """Return the files that a run for one cluster wrote into the outer folder.

    A kustomization of somebody else may stand there, such as one that joins the clusters' folders: no file is
    written over it, so it is no obstacle.
    """
    try:
        return earlier_files(folder)
    except UsageError:
        return frozenset()
