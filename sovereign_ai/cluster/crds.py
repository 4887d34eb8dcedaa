"""Install custom resource definitions and wait until they are served.

install_crds(api, Path("crds"))
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from sovereign_ai.cluster.api.answers import contains_fields
from sovereign_ai.cluster.api.client import Api
from sovereign_ai.errors import BadFileError, EnvironmentLacksError, Problem, SovereignError, Where
from sovereign_ai.files import CACHED, DEFINITIONS, content_if_whole, decode, parse_objects, read
from sovereign_ai.files.writing import write_private
from sovereign_ai.names import KEYS
from sovereign_ai.toolchain import cache_dir, ensure, polling

_VERSION, _KIND = "apiextensions.k8s.io/v1", "CustomResourceDefinition"
WITHOUT_CONTROLLER = f"{KEYS.domain}/without-controller"
"""The label of a definition that is kept for the objects that are left, though nobody looks after them."""
_POLL_SECONDS = 0.1
_MOST_FILES = 2_000


def install_crds(api: Api, folder: Path, *, wait_seconds: float = 30) -> tuple[str, ...]:
    """Apply every CustomResourceDefinition in the YAML files of a folder and wait until all are established.

    Other objects in these files are left alone. Definitions are applied with force: they belong to the client
    that installs them.

    Args:
        api: the cluster.
        folder: searched with its subfolders.
        wait_seconds: how long they may take to be established.

    Returns:
        Their names, sorted.

    Raises:
        EnvironmentLacksError: the folder holds none, a file holds no objects, or one was not established in
            time.
        ApiError: the API server refused some.
        UnreachableError: there was no answer.
    """
    definitions = _definitions(folder)
    listed = api.list(_VERSION, _KIND)
    live = {obj["metadata"]["name"]: obj for obj in listed}
    # Unchanged definitions are not applied: the API server merges one of Kueue field by field, which takes it
    # longer than everything else in a deployment without changes.
    changed = []
    names = []
    for definition in definitions:
        name = definition["metadata"]["name"]
        names.append(str(name))
        if not contains_fields(live.get(name), definition):
            changed.append(partial(api.apply, definition, force=True))
    api.many(changed)
    waiting = set(names) - (set() if changed else _established(listed))
    for is_last in polling(wait_seconds, _POLL_SECONDS):
        if not waiting:
            break
        waiting = set(names) - _established(api.list(_VERSION, _KIND))
        if waiting and is_last:
            raise _not_established(sorted(waiting), wait_seconds)
    return tuple(sorted(names))


def _not_established(names: Iterable[str], seconds: float) -> EnvironmentLacksError:
    """Return the error that definitions were not established in time, one problem each."""
    hint = "`kubectl describe crd` shows the reason"
    problems = []
    for name in names:
        message = f"{name} is not established after {seconds:g} s"
        problems.append(Problem("crd-not-established", message, hint=hint))
    return EnvironmentLacksError(problems)


def _definitions(folder: Path) -> list[dict[str, Any]]:
    """Return the definitions in all files of a folder, in the order of the files' paths.

    A `kustomization.yaml` lists files of its folder, and is no object.
    """
    definitions: list[dict[str, Any]] = []
    paths = sorted([*folder.rglob("*.yaml"), *folder.rglob("*.yml")])
    paths = [path for path in paths if path.stem != "kustomization"]
    if len(paths) > _MOST_FILES:
        message = f"the folder holds more than {_MOST_FILES:,} YAML files"
        hint = "name the folder of the definitions alone"
        raise BadFileError(Problem("too-many-files", message, Where(str(folder)), hint))
    contents = {path: read(path, DEFINITIONS) for path in paths}
    cache_file = _cache_file(contents.values())
    cached = _read_cache(cache_file)
    if cached is not None:
        return cached
    for path, content in contents.items():
        documents = parse_objects(decode(content, str(path), DEFINITIONS), str(path), DEFINITIONS)
        for document in documents:
            is_definition = document.get("kind") == _KIND and document.get("apiVersion") == _VERSION
            if is_definition:
                definitions.append(document)
    if not definitions:
        hint = "name the folder that holds them"
        message = "it holds no CustomResourceDefinition"
        raise EnvironmentLacksError(Problem("crd-missing", message, Where(file=str(folder)), hint))
    # A cache that cannot be written costs a third of a second in each deployment, and nothing else.
    with contextlib.suppress(OSError, SovereignError):
        ensure(cache_file.parent)
        write_private(cache_file, orjson.dumps(definitions), durable=False)
    return definitions


def _cache_file(contents: Iterable[bytes]) -> Path:
    """Return the file that caches the definitions of some files, named by the digest of their contents."""
    digest = hashlib.sha256()
    for content in contents:
        # Each by its own digest: the same bytes split into other files are other contents.
        digest.update(hashlib.sha256(content).digest())
    return cache_dir() / "definitions" / f"{digest.hexdigest()}.json"


def _read_cache(file: Path) -> list[dict[str, Any]] | None:
    """Return cached definitions; None where there are none, or the file is damaged."""
    try:
        definitions = orjson.loads(content_if_whole(file, CACHED) or b"")
    except ValueError:
        return None
    if not isinstance(definitions, list) or not definitions:
        return None
    return definitions if all(isinstance(definition, dict) for definition in definitions) else None


def _established(definitions: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the names of those definitions that are served."""
    names = set()
    for definition in definitions:
        for condition in definition.get("status", {}).get("conditions") or []:
            if condition["type"] == "Established" and condition["status"] == "True":
                names.add(definition["metadata"]["name"])
    return names
