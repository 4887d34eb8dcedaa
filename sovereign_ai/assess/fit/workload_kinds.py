"""The kinds that jobs and services are rendered to: the fields that each has, from its definition, as data.

A manifest is held to them before anybody sees it: a field that the definition lacks, or of another type, and
one that it requires and that is missing. Pod templates are Kubernetes' own, and are not looked into.

    >>> workload_kind("JobSet").api_version
    'jobset.x-k8s.io/v1alpha2'
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import orjson

from sovereign_ai.frozen_dataclass import frozen_dataclass

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "map": (dict,),
    "objects": (dict,),
    "pod-template": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "int-or-string": (int, str),
}
"""Type in a definition to the types of its values as plain data."""
_WHOLE = frozenset({"map", "pod-template"})
"""Types whose content the definition does not name. Values of `objects` have fields, whatever their names."""


@frozen_dataclass
class WorkloadKind:
    """One kind.

    Attributes:
        api_version: its API group and version.
        kind: its name.
        source: module, version and file of the definition.
        required: fields that must be there where the part around them is.
        fields: path to type, as in `spec.replicatedJobs[].name` and `spec.services{}.replicas`.
    """

    api_version: str
    kind: str
    source: str
    required: tuple[str, ...]
    fields: Mapping[str, str]


@cache
def _kinds() -> Mapping[str, WorkloadKind]:
    """Read the table once."""
    # `get_data` also reads from a zip archive, where there is no path to open.
    data = pkgutil.get_data("sovereign_ai.assess", "data/workload_kinds.json")
    kinds: dict[str, WorkloadKind] = {}
    for row in orjson.loads(data or b"{}")["kinds"]:
        required = tuple(row["required"])
        kind = WorkloadKind(row["api_version"], row["kind"], row["source"], required, row["fields"])
        kinds[kind.kind] = kind
    return kinds


def workload_kind(name: str) -> WorkloadKind:
    """Return one kind.

    Raises:
        KeyError: there is none of that name.
    """
    return _kinds()[name]


def deviations(manifest: Mapping[str, Any]) -> list[str]:
    """Return where a manifest deviates from the definition of its kind, each as `path: what`."""
    kind = workload_kind(str(manifest["kind"]))
    wrong = list(_walk(kind, "spec", manifest.get("spec")))
    if manifest.get("apiVersion") != kind.api_version:
        wrong.insert(0, f"apiVersion: expected {kind.api_version}")
    return wrong


def _walk(kind: WorkloadKind, path: str, value: Any) -> Iterator[str]:
    """Yield what is wrong with a value and everything below it."""
    wanted = kind.fields.get(path)
    if wanted is None:
        yield f"{path}: {kind.kind} has no such field"
        return
    # In Python, True is an int; in a definition it is none.
    is_wrong_flag = isinstance(value, bool) and wanted != "boolean"
    if is_wrong_flag or not isinstance(value, _TYPES[wanted]):
        yield f"{path}: expected {wanted}"
        return
    if wanted in _WHOLE:
        return
    if wanted == "objects" and isinstance(value, dict):
        for inner in value.values():
            yield from _walk(kind, f"{path}{{}}", inner)
        return
    if isinstance(value, dict):
        yield from _missing(kind, path, value)
        for name, inner in value.items():
            yield from _walk(kind, f"{path}.{name}", inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(kind, f"{path}[]", inner)


def _missing(kind: WorkloadKind, path: str, value: Mapping[str, Any]) -> Iterator[str]:
    """Yield the required fields of a part that are not in it."""
    for required in kind.required:
        part, _, name = required.rpartition(".")
        if part == path and name not in value:
            yield f"{required}: it is missing"
