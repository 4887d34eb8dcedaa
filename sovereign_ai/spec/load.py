"""The one reader of descriptions: a stack's folder, a YAML or JSON file, or a Python file.

A folder is read by its `factory.yaml`, else by its `factory.py`. Every problem of the file comes
at once, as `SpecError`, with its place; nothing else is ever raised for what a file holds, and
nothing is written. A `.py` file is a program: it is run with its own folder importable, its
standard output goes to standard error, and only its `factory` is kept. A stack's `__main__.py`
is never run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import ValidationError

from sovereign_ai.errors import Problem, SpecError, Where, nearest
from sovereign_ai.spec.checks import check, check_part
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.problems import from_validation
from sovereign_ai.spec.source import SourceMap, above, of_python
from sovereign_ai.spec.yaml_text import MOST_BYTES, decode, parse

_IN_FOLDER = ("factory.yaml", "factory.yml", "factory.json", "factory.py")
_YAML = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class Loaded:
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


def read(path: str | Path) -> Loaded:
    """Read a description together with the place of every field.

    Raises:
        SpecError: the file is missing, or holds problems; all of them at once.
    """
    file = _file(Path(path))
    if file.suffix == ".py":
        from sovereign_ai.spec.python_file import run  # noqa: PLC0415 - a YAML reader needs no runpy

        factory = run(file)
        return Loaded(factory, of_python(factory, str(file)))
    return read_text(_bytes(file), str(file))


def read_text(raw: bytes, file: str) -> Loaded:
    """Read a description from the bytes of a YAML or JSON file; `file` is only for messages.

    Raises:
        SpecError: every problem that the text holds.
    """
    data, source, problems = parse(decode(raw, file), file, tabs=file.endswith(".json"))
    if not isinstance(data, dict):
        what = "the file is empty" if data is None else "the file holds no mapping"
        where = source.where("") if source.values else Where(file, 1, 1)
        hint = "start with 'name:'; 'sovereign-ai init' writes an example"
        raise SpecError([*problems, Problem("wrong-type", f"{what}; a description is a mapping of fields", where, hint)])
    try:
        factory = AIFactory.model_validate(data)
    except ValidationError as error:
        problems += _uncovered(from_validation(error, AIFactory, where=source.where, key=source.key), problems)
        wrong = {str(item["loc"][0]) for item in error.errors(include_url=False, include_context=False) if item["loc"]}
        problems += _uncovered(_check_rest(data, wrong, source), problems)
        raise SpecError(problems) from None
    problems += _uncovered(check(factory, source.where), problems)
    if problems:
        raise SpecError(problems)
    factory._source = source  # noqa: SLF001 - the one reader tells the description where it stands
    return Loaded(factory, source)


def _check_rest(data: dict[str, Any], wrong: set[str], source: SourceMap) -> list[Problem]:
    """Check the fields of the factory that are right by themselves, so that every problem comes at once."""
    from pydantic import TypeAdapter  # noqa: PLC0415 - only a wrong description needs it

    right: dict[str, Any] = {}
    for name, info in AIFactory.model_fields.items():
        if name in wrong:
            continue
        if name in data or not info.is_required():
            kind: Any = Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
            value = data[name] if name in data else info.get_default(call_default_factory=True, validated_data={})
            right[name] = TypeAdapter(kind).validate_python(value)
    return check_part(AIFactory.model_construct(**right), data, right, source.where)


def _uncovered(found: list[Problem], before: list[Problem]) -> list[Problem]:
    """Leave out problems of a field that has one already."""
    refused = {problem.where.field for problem in before}
    return [problem for problem in found if not _covered(problem.where.field, refused)]


def _covered(field: str, refused: set[str]) -> bool:
    """Tell whether this field or a part around it has a problem already."""
    while field:
        if field in refused:
            return True
        field = above(field)
    return False


def _file(path: Path) -> Path:
    """Find the file that a path means."""
    try:
        if path.is_dir():
            found = next((path / name for name in _IN_FOLDER if (path / name).is_file()), None)
            if found is None:
                hint = "write factory.yaml there; 'sovereign-ai init' writes an example"
                folders = [name for name in _IN_FOLDER if (path / name).is_dir()]
                what = f"{folders[0]} in it is a folder" if folders else "the folder holds neither factory.yaml nor factory.py"
                raise SpecError(Problem("no-description", what, Where(str(path)), hint))
            return found
        if not path.exists():
            raise SpecError(Problem("no-file", "there is no such file or folder", Where(str(path)), _near(path)))
        if not path.is_file():
            raise SpecError(Problem("no-file", "this is neither a file nor a folder", Where(str(path)), "name a regular file"))
    except (OSError, ValueError):
        raise SpecError(
            Problem("no-file", "the path cannot be looked up", Where(str(path)[:200]), "check its spelling and permissions")
        ) from None
    if path.suffix not in (*_YAML, ".py"):
        raise SpecError(Problem("no-description", "a description is a .yaml, .yml, .json or .py file", Where(str(path)), "rename the file"))
    return path


def _near(path: Path) -> str:
    """Offer the nearest file name beside a missing one."""
    folder = path.parent
    if not folder.is_dir():
        return f"the folder {folder} does not exist either"
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() or entry.suffix in (*_YAML, ".py"))
    return nearest(path.name, names) if names else f"the folder {folder} holds no description"


def _bytes(file: Path) -> bytes:
    """Read a file, at most one byte more than is allowed."""
    try:
        with file.open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    except OSError as error:
        hint = "check the file's permissions"
        raise SpecError(
            Problem("no-file", f"the file cannot be read: {error.strerror or 'unknown reason'}", Where(str(file)), hint)
        ) from None
