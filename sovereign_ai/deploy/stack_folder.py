"""Create a new stack's folder; every stack has these files and no others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import orjson

from sovereign_ai.errors import EnvironmentLacksError, Problem, UsageError
from sovereign_ai.files import package_file
from sovereign_ai.files.writing import create, require_own_links
from sovereign_ai.names import is_label
from sovereign_ai.spec import schema

_TEMPLATES = ("Pulumi.yaml", "__main__.py", "factory.yaml")


def contents(name: str) -> dict[str, str]:
    """Return the files of a new factory: file name to text."""
    folder = Path(__file__).parent / "templates"
    texts = {}
    for file in _TEMPLATES:
        template = package_file(folder / f"{file}.txt").decode()
        texts[file] = template.replace("FACTORY", name)
    # Editors validate factory.yaml by this schema, which its first line names.
    data = orjson.dumps(schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    texts["factory.schema.json"] = data.decode() + "\n"
    return texts


def _require_folder(folder: Path) -> None:
    """Refuse a folder where the nearest existing part of its path is a file.

    Raises:
        EnvironmentLacksError: it is.
    """
    for part in (folder, *folder.parents):
        # `exists` follows links, so a link to a folder is one.
        if part.exists() and not part.is_dir():
            message = f"{part} is a file, and {folder} would be below it"
            if part == folder:
                message = f"{folder} is a file, and a stack is a folder"
            raise EnvironmentLacksError(Problem("file-refused", message, hint="name another folder"))
        if part.exists():
            break


def scaffold(folder: Path, name: str, *, description: str | None = None, dry_run: bool = False) -> list[Path]:
    """Write the files of a new stack and return their paths; no existing file is overwritten.

    Args:
        folder: the stack's folder.
        name: the factory's name.
        description: the text of its `factory.yaml`; left out, an example.
        dry_run: check everything and write nothing.

    Raises:
        UsageError: the name is not allowed, a file exists already, or the folder is reached over a link of
            another user; nothing is written then.
        EnvironmentLacksError: the folder would be below a file; nothing is written then.
        OSError: a file cannot be written; then nothing is left.
    """
    problems = []
    if not is_label(name) or len(name) > 32:
        rule = "lower-case letters, digits and hyphens, starting with a letter, at most 32"
        hint = f"{rule}; choose one with --name"
        problems.append(Problem("bad-name", f"{name!r} cannot be a factory's name", hint=hint))
    texts = contents(name)
    if description is not None:
        texts["factory.yaml"] = description
    for file in texts:
        # A dangling link exists too: a write would create its target.
        if os.path.lexists(folder / file):
            message = f"{folder / file} exists already"
            problems.append(Problem("exists", message, hint="choose another folder, or move it away"))
    if problems:
        raise UsageError(problems)
    _require_folder(folder)
    require_own_links(folder)
    if folder.is_symlink() and not folder.exists():
        message = f"{folder} is a link that leads nowhere"
        hint = "remove it, or name another folder"
        raise UsageError(Problem("dangling-link", message, hint=hint))
    if not dry_run:
        _write(folder, texts)
    return [folder / file for file in texts]


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write all files or none: what a full disk left would be in the way of the next run.

    Raises:
        OSError: a file cannot be written.
    """
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    try:
        for file, text in texts.items():
            create(folder / file, text.encode())
            written.append(folder / file)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        if is_new:
            with suppress(OSError):
                folder.rmdir()
        raise
