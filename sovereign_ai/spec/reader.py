"""The reader of descriptions: a stack's folder, a YAML or JSON file, or a Python file.

A folder is read from its `factory.yaml`, else from its `factory.py`. Every problem of the file is reported at
once, as `SpecError`, with its place. The content of a file raises nothing else, and nothing is written. A
`.py` file is a program: it runs with its own folder importable, its standard output goes to standard error,
and only its `factory` is kept. A stack's `__main__.py` is never run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sovereign_ai.errors import Problem, SpecError, Where, nearest
from sovereign_ai.files import DESCRIPTION, SourceMap, decode, parse, shown, type_and_step
from sovereign_ai.files import read as read_file
from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.spec.catalog_files import with_files
from sovereign_ai.spec.checks.every_check import check, check_part
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.field_location import full_type
from sovereign_ai.spec.manifest_files import with_manifests
from sovereign_ai.spec.partial import partial, without_unknown
from sovereign_ai.spec.problems import from_validation, uncovered
from sovereign_ai.spec.signature_files import with_signatures
from sovereign_ai.spec.source import of_python

_IN_FOLDER = ("factory.yaml", "factory.yml", "factory.json", "factory.py")
_YAML = (".yaml", ".yml", ".json")


@frozen_dataclass
class LoadedDescription:
    """A description and the places of its fields.

    Attributes:
        factory: the description, checked.
        source: dotted field to file, line and column.
    """

    factory: AIFactory
    source: SourceMap


def load(path: str | Path) -> AIFactory:
    """Read a description.

    Raises:
        SpecError: the file is missing, or holds problems; all of them at once.
    """
    return read(path).factory


def read(path: str | Path) -> LoadedDescription:
    """Read a description together with the place of every field.

    Raises:
        SpecError: the file is missing, or holds problems; all of them at once.
    """
    file = _resolve_file(Path(path))
    if file.suffix == ".py":
        from sovereign_ai.spec.python_file import run  # noqa: PLC0415 - a YAML reader needs no runpy

        factory = run(file)
        return LoadedDescription(factory, of_python(factory, str(file)))
    return read_text(read_file(file, DESCRIPTION), str(file), file.parent)


def read_text(raw: bytes, file: str, folder: Path | None = None) -> LoadedDescription:
    """Read a description from the bytes of a YAML or JSON file; `file` is only for messages.

    Args:
        raw: the bytes.
        file: the file's name in messages.
        folder: the folder of the files that its `catalog`, `images` and `platform` name; without it, it can
            name none.

    Raises:
        SpecError: every problem of the text.
    """
    data, source, problems = parse(decode(raw, file), file, tabs=file.endswith(".json"))
    if not isinstance(data, dict):
        content = "the file is empty" if data is None else "the file holds no mapping"
        where = source.where("") if source.values else Where(file, 1, 1)
        hint = "start with 'name:'; 'sovereign-ai init' writes an example"
        message = f"{content}; a description is a mapping of fields"
        raise SpecError([*problems, Problem("wrong-type", message, where, hint)])
    if folder is not None and isinstance(data.get("images"), dict):
        images, image_problems = with_signatures(data["images"], folder, source)
        data = {**data, "images": images}
        problems += image_problems
    if folder is not None and isinstance(data.get("platform"), dict):
        platform, source, manifest_problems = with_manifests(data["platform"], folder, source)
        data = {**data, "platform": platform}
        problems += manifest_problems
    if folder is None or not isinstance(data.get("catalog"), list):
        return _check_description(data, source, problems)
    rows, file_problems = with_files(data["catalog"], folder, source)
    if not file_problems:
        return _check_description({**data, "catalog": rows}, source, problems)
    raise SpecError(_without_files(data, rows, source, problems, file_problems))


def _without_files(
    data: dict[str, Any],
    rows: list[Any],
    source: SourceMap,
    problems: list[Problem],
    file_problems: list[Problem],
) -> list[Problem]:
    """Return all problems of a description whose catalogue files are wrong: the rest is checked all the same.

    Args:
        data: the description.
        rows: its rows of hardware, as far as files could be read.
        source: the places of its fields.
        problems: the problems of its text.
        file_problems: the problems of its catalogue files.
    """
    own_rows = [entry for entry in data["catalog"] if not isinstance(entry, str)]
    try:
        _check_description({**data, "catalog": own_rows}, source, [*problems, *file_problems])
    except SpecError as error:
        # Hardware of a file with problems is not reported as unknown as well.
        known = tuple(f"called {shown(row.get('name'))}" for row in rows if isinstance(row, dict))
        left: list[Problem] = []
        for problem in error.problems:
            is_row_of_file = problem.code == "unknown-name" and problem.message.endswith(known)
            if not is_row_of_file:
                left.append(problem)
        return left
    return [*problems, *file_problems]


def description_file(path: str | Path) -> Path:
    """Return the file that a path refers to, without reading it; one that ends in `.py` is a program.

    Raises:
        SpecError: there is none.
    """
    return _resolve_file(Path(path))


def read_data(data: dict[str, Any], name: str) -> LoadedDescription:
    """Read a description that another program passes as plain data.

    Args:
        data: the fields, as in a YAML file.
        name: its name in problems, in place of a file; these have the field and no line.

    Raises:
        SpecError: every problem of the data.
    """
    return _check_description(data, SourceMap({}, {}, name), [])


def _check_description(data: dict[str, Any], source: SourceMap, problems: list[Problem]) -> LoadedDescription:
    """Make the description and check its parts against each other.

    Raises:
        SpecError: every problem, together with those of the text itself.
    """
    try:
        factory = AIFactory.model_validate(data)
    except ValidationError as error:
        problems += uncovered(from_validation(error, AIFactory, where=source.where, key=source.key), problems)
        problems += uncovered(_check_rest(without_unknown(AIFactory, data, error), source), problems)
        raise SpecError(problems) from None
    problems += uncovered(check(factory, source.where), problems)
    if problems:
        raise SpecError(problems)
    factory._source = source  # noqa: SLF001 - only this reader knows the places of the fields
    return LoadedDescription(factory, source)


def _check_rest(data: dict[str, Any], source: SourceMap) -> list[Problem]:
    """Check what is correct by itself in a description with wrong fields, to report all problems at once.

    Args:
        data: the description; of the fields that do not exist only those that are misspelt.
        source: the places of its fields.
    """
    try:
        return check(AIFactory.model_validate(data), source.where)
    except ValidationError as error:
        wrong_fields = {str(item["loc"][0]) for item in error.errors(include_url=False) if item["loc"]}
    right: dict[str, Any] = {}
    for name, info in AIFactory.model_fields.items():
        kind = full_type(info)
        if name in data:
            right[name] = partial(kind, data[name])
        elif not info.is_required():
            right[name] = partial(kind, info.get_default(call_default_factory=True, validated_data={}))
    fields = frozenset(right) - wrong_fields
    return check_part(AIFactory.model_construct(**right), data, fields, source.where)


def _resolve_file(path: Path) -> Path:
    """Return the file that a path refers to.

    Raises:
        SpecError: there is none, or it cannot be a description.
    """
    try:
        if path.is_dir():
            return _file_in(path)
        if not path.exists():
            message = "there is no such file or folder"
            if path.is_symlink():
                message = f"it is a link to {path.readlink()}, which does not exist"
            raise SpecError(Problem("no-file", message, Where(str(path)), _near_hint(path)))
        if not path.is_file():
            # A device or a pipe, which might never end.
            file_type, hint = type_and_step(path.stat().st_mode)
            message = f"it is {file_type}, expected a folder or a description in a regular file"
            raise SpecError(Problem("no-file", message, Where(str(path)), hint))
    except (OSError, ValueError) as error:
        message = f"the path cannot be looked up: {getattr(error, 'strerror', None) or 'it is no path'}"
        hint = "check its spelling and permissions"
        raise SpecError(Problem("no-file", message, Where(str(path)[:200]), hint)) from None
    if path.suffix not in (*_YAML, ".py"):
        message = "a description is a .yaml, .yml, .json or .py file"
        raise SpecError(Problem("no-description", message, Where(str(path)), "rename the file"))
    return path


def _file_in(folder: Path) -> Path:
    """Return the description in a folder.

    Raises:
        SpecError: there is none, or more than one.
    """
    found = [folder / name for name in _IN_FOLDER if (folder / name).is_file()]
    if len({file.resolve() for file in found}) > 1:
        names = ", ".join(file.name for file in found)
        message = f"the folder holds several descriptions, and which one is meant is not known: {names}"
        hint = f"name the file, such as {found[0]}, or move the other out of the folder"
        raise SpecError(Problem("several-descriptions", message, Where(str(folder)), hint))
    if found:
        return found[0]
    message = "the folder holds neither factory.yaml nor factory.py"
    hint = "write factory.yaml there; 'sovereign-ai init' writes an example"
    for entry in sorted(folder.iterdir()):
        if entry.name in _IN_FOLDER:
            message = f"{entry.name} in it is {_what_is(entry)}"
            break
        if entry.name.lower() in _IN_FOLDER:
            hint = f"rename {entry.name} to {entry.name.lower()}"
    raise SpecError(Problem("no-description", message, Where(str(folder)), hint))


def _what_is(path: Path) -> str:
    """Return what something is that is no regular file."""
    if path.is_symlink() and not path.exists():
        return f"a link to {path.readlink()}, which does not exist"
    return type_and_step(path.stat().st_mode)[0]


def _near_hint(path: Path) -> str:
    """Return a hint with the most similar file name beside a missing one."""
    folder = path.parent
    if not folder.is_dir():
        return f"the folder {folder} does not exist either"
    suffixes = (*_YAML, ".py")
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() or entry.suffix in suffixes)
    return nearest(path.name, names) if names else f"the folder {folder} holds no description"
