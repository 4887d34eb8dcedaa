"""Files beside a description that bring a controller's objects, such as `manifests: [kueue.yaml]`.

What the files hold becomes part of the description, so that its digest covers every object and not the name
of a file. The place of each object is that of its document in its own file: a problem found later points
there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sovereign_ai.errors import Problem, SpecError, Where
from sovereign_ai.files import MANIFESTS, PlacedObject, SourceMap, decode, parse_placed_objects, shown
from sovereign_ai.files import read as read_file
from sovereign_ai.spec.manifest import MOST_OBJECTS

_SUFFIXES = (".yaml", ".yml", ".json")
_MOST_BYTES = 16 << 20
"""The most bytes of all files together: they become part of the description."""


@dataclass
class _Reading:
    """What was read so far.

    Attributes:
        places: the field of each object, and its place.
        problems: what is wrong with the files.
        size: bytes of all files.
        objects: how many objects they hold.
    """

    places: dict[str, Where] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    size: int = 0
    objects: int = 0


def with_manifests(
    platform: Mapping[str, Any], folder: Path, source: SourceMap
) -> tuple[dict[str, Any], SourceMap, list[Problem]]:
    """Replace the names of files in a platform by the objects that the files hold.

    Args:
        platform: the part `platform` as it is written.
        folder: the folder of the description.
        source: the places of the description's own fields.

    Returns:
        The part without names of files, the places with those of the objects, and the problems of the files.
        What has a problem is left out.
    """
    controllers = platform.get("controllers")
    if not isinstance(controllers, list):
        return dict(platform), source, []
    reading = _Reading()
    read: list[Any] = []
    for index, controller in enumerate(controllers):
        entries = controller.get("manifests") if isinstance(controller, dict) else None
        if not isinstance(entries, list):
            read.append(controller)
            continue
        at = f"platform.controllers[{index}].manifests"
        read.append({**controller, "manifests": _objects_of(entries, folder, source, at, reading)})
    values = {**source.values, **reading.places}
    return {**platform, "controllers": read}, replace(source, values=values), reading.problems


def _objects_of(entries: list[Any], folder: Path, source: SourceMap, at: str, reading: _Reading) -> list[Any]:
    """Return the objects of a controller, the names of files replaced by what the files hold."""
    objects: list[Any] = []
    for index, entry in enumerate(entries):
        where = source.where(f"{at}[{index}]")
        if not isinstance(entry, str):
            # Objects of files before it move it to another index.
            reading.places[f"{at}[{len(objects)}]"] = where
            objects.append(entry)
            continue
        # A name alone: a path could lead to any file of the computer that reads the description.
        if Path(entry).name != entry or not entry.endswith(_SUFFIXES):
            message = f"{shown(entry)} is no file of YAML or JSON beside the description"
            hint = "write its name alone, such as kueue.yaml"
            reading.problems.append(Problem("no-file", message, where, hint))
            continue
        for placed in _objects_in(folder / entry, where, reading):
            field_name = f"{at}[{len(objects)}]"
            reading.places[field_name] = Where(str(folder / entry), placed.line, 1, field_name)
            objects.append(placed.content)
    return objects


def _objects_in(file: Path, where: Where, reading: _Reading) -> list[PlacedObject]:
    """Return the objects of one file; none where it has a problem.

    Args:
        file: the file.
        where: the place of its name in the description.
        reading: what was read so far; what is read here is added.
    """
    # By a link the name would lead to any file of the computer. A folder that Kubernetes mounts has links.
    # A link to itself stays as it is, and cannot be opened.
    if not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(file.parent)):
        message = f"{shown(file.name)} is a link that leads out of the description's folder"
        reading.problems.append(Problem("no-file", message, where, "put a copy of the file there"))
        return []
    try:
        raw = read_file(file, MANIFESTS)
    except SpecError as error:
        reading.problems += [replace(problem, where=where) for problem in error.problems]
        return []
    reading.size += len(raw)
    if reading.size > _MOST_BYTES:
        message = f"the files of manifests have more than {_MOST_BYTES >> 20} MiB together"
        reading.problems.append(Problem("too-large", message, where, "mirror only what the controller needs"))
        return []
    name = str(file)
    try:
        objects = parse_placed_objects(decode(raw, name, MANIFESTS), name, MANIFESTS)
    except SpecError as error:
        reading.problems += error.problems
        return []
    reading.objects += len(objects)
    if not objects:
        reading.problems.append(Problem("no-objects", f"{file.name} holds no object", where, MANIFESTS.hint))
    if reading.objects > MOST_OBJECTS:
        message = f"the files of manifests hold more than {MOST_OBJECTS:,} objects together"
        reading.problems.append(Problem("too-large", message, where, "mirror only what the controller needs"))
        return []
    return objects
