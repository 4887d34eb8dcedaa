"""Makes a new stack's folder; the files of every stack are these and nothing else."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import orjson

from sovereign_ai.errors import Problem, UsageError
from sovereign_ai.names import is_label
from sovereign_ai.spec.schema import schema

_TEMPLATES = ("Pulumi.yaml", "__main__.py", "factory.yaml")


def contents(name: str) -> dict[str, str]:
    """Give file name to text for a new factory of that name."""
    folder = resources.files("sovereign_ai.deploy") / "templates"
    texts = {file: (folder / f"{file}.txt").read_text(encoding="utf-8").replace("FACTORY", name) for file in _TEMPLATES}
    texts["factory.schema.json"] = orjson.dumps(schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"
    return texts


def scaffold(folder: Path, name: str, *, dry_run: bool = False) -> list[Path]:
    """Write the files of a new stack and give their paths; nothing that exists is overwritten.

    Raises:
        UsageError: the name will not do, or a file is there already; then nothing is written.
    """
    problems = []
    if not is_label(name) or len(name) > 32:
        hint = "lower-case letters, digits and hyphens, starting with a letter, at most 32; choose one with --name"
        problems.append(Problem("bad-name", f"{name!r} cannot be a factory's name", hint=hint))
    texts = contents(name)
    there = [file for file in texts if (folder / file).exists()]
    problems += [Problem("exists", f"{folder / file} is there already", hint="choose another folder, or move it away") for file in there]
    if problems:
        raise UsageError(problems)
    if not dry_run:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
    return [folder / file for file in texts]
