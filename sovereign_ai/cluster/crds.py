"""Install custom resource definitions and wait until they are served.

install_crds(api, Path("crds"))
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from sovereign_ai.cluster.access import Api
from sovereign_ai.errors import EnvironmentLacksError, Problem, Where

_VERSION, _KIND = "apiextensions.k8s.io/v1", "CustomResourceDefinition"
_POLL_SECONDS = 0.1


def install_crds(api: Api, folder: Path, *, wait_seconds: float = 30) -> tuple[str, ...]:
    """Apply every CustomResourceDefinition in the YAML files of a folder and wait until all are established.

    Other objects in these files are left alone. Definitions are applied with force: they belong
    to whoever installs them.

    Args:
        api: the cluster.
        folder: searched with its subfolders.
        wait_seconds: how long they may take to be established.

    Returns:
        Their names, sorted.

    Raises:
        EnvironmentLacksError: the folder holds none, a file is no YAML, or one was not established in time.
        ApiError: the API server refused some.
        UnreachableError: there was no answer.
    """
    definitions = _definitions(folder)
    api.many(partial(api.apply, one, force=True) for one in definitions)
    names = sorted(str(one["metadata"]["name"]) for one in definitions)
    deadline = time.monotonic() + wait_seconds
    while waiting := sorted(set(names) - _established(api)):
        if time.monotonic() > deadline:
            hint = "`kubectl describe crd` says why"
            raise EnvironmentLacksError(
                [Problem("crd-not-established", f"{name} is not established after {wait_seconds:g} s", hint=hint) for name in waiting]
            )
        time.sleep(_POLL_SECONDS)
    return tuple(names)


def _definitions(folder: Path) -> list[dict[str, Any]]:
    """Read the definitions out of all files, in the order of their paths."""
    found: list[dict[str, Any]] = []
    for path in sorted([*folder.rglob("*.yaml"), *folder.rglob("*.yml")]):
        try:
            documents = list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            hint = "mend the file, or take it out of the folder"
            raise EnvironmentLacksError(Problem("crd-unreadable", "it is not YAML", Where(file=str(path)), hint)) from error
        found += [one for one in documents if isinstance(one, dict) and one.get("kind") == _KIND and one.get("apiVersion") == _VERSION]
    if not found:
        hint = "name the folder that holds them"
        raise EnvironmentLacksError(Problem("crd-missing", "it holds no CustomResourceDefinition", Where(file=str(folder)), hint))
    return found


def _established(api: Api) -> set[str]:
    """Give the names of all definitions that are served."""
    return {
        one["metadata"]["name"]
        for one in api.list(_VERSION, _KIND)
        if any(
            condition["type"] == "Established" and condition["status"] == "True"
            for condition in one.get("status", {}).get("conditions") or []
        )
    }
