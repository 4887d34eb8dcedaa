r"""From a rule's expression to text that an evaluator takes: constants baked in, named parts spelled out.

>>> bake("$regions.exists(r, r == 'fra1')", {"regions": ["fra1"]})
'["fra1"].exists(r, r == \'fra1\')'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from sovereign_ai.rules.kinds import Group, Kind, of_group

_CONSTANT = re.compile(r"\$([a-z_]+)")
_VARIABLE = re.compile(r"\bvariables\.([a-z_]+)")
_PATH = re.compile(r"object(\.\w+)+")

_NAMESPACED = {
    "known": "has(object.metadata.namespace) && object.metadata.namespace in $namespaces",
    "zone": 'variables.known ? $namespaces[object.metadata.namespace] : "?"',
}
_POD = {
    "containers": "variables.pod.containers"
    " + (has(variables.pod.initContainers) ? variables.pod.initContainers : [])"
    " + (has(variables.pod.ephemeralContainers) ? variables.pod.ephemeralContainers : [])",
    "volumes": "has(variables.pod.volumes) ? variables.pod.volumes : []",
    "selector": "has(variables.pod.nodeSelector) ? variables.pod.nodeSelector : {}",
}


def bake(expression: str, constants: Mapping[str, Any]) -> str:
    """Put constants in as CEL literals; JSON text is one.

    Raises:
        KeyError: the expression uses a constant that there is not.
    """
    return _CONSTANT.sub(lambda match: literal(constants[match[1]]), expression)


def literal(value: Any) -> str:
    """Write plain data as a CEL literal, sorted."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def variables_of(kind: Kind) -> dict[str, str]:
    """Give the named parts of one kind, each defined by those before it."""
    pod = {"pod": kind.pod, **_POD, **_metadata(kind.pod_metadata)} if kind.pod else {}
    return {**(_NAMESPACED if kind.namespaced else {}), **pod}


def variables_of_group(group: Group) -> dict[str, str]:
    """Give the named parts of an admission policy, whose kinds may hold the pod in different places."""
    kinds = of_group(group)
    found: dict[str, str] = dict(_NAMESPACED) if any(kind.namespaced for kind in kinds) else {}
    holders = [kind for kind in kinds if kind.pod]
    if holders:
        usual = max({kind.pod for kind in holders}, key=lambda path: sum(kind.pod == path for kind in holders))
        odd = [kind for kind in holders if kind.pod != usual]
        parts = {
            name: {kind.name: text for kind in holders for text in [variables_of(kind)[name]]} for name in ("pod", "annotations", "labels")
        }
        common = next(kind.name for kind in holders if kind.pod == usual)
        chosen = {name: texts[common] for name, texts in parts.items()}
        for kind in odd:
            chosen = {name: f'object.kind == "{kind.name}" ? ({parts[name][kind.name]}) : ({text})' for name, text in chosen.items()}
        found |= {"pod": chosen["pod"], **_POD, "annotations": chosen["annotations"], "labels": chosen["labels"]}
    return found


def paths_of(parts: Mapping[str, str]) -> dict[str, str]:
    """Give the named parts that are a plain path of the object: the API server reads a path faster than a variable.

    >>> paths_of({"pod": "object.spec", "volumes": "has(variables.pod.volumes) ? variables.pod.volumes : []"})
    {'pod': 'object.spec'}
    """
    return {name: text for name, text in parts.items() if _PATH.fullmatch(text)}


def with_paths(expression: str, paths: Mapping[str, str]) -> str:
    """Write these parts in place of their names, and leave all others named.

    >>> with_paths("has(variables.pod.volumes) && variables.known", {"pod": "object.spec"})
    'has(object.spec.volumes) && variables.known'
    """
    return _VARIABLE.sub(lambda match: paths.get(match[1], match[0]), expression)


def _metadata(path: str) -> dict[str, str]:
    """Give the annotations and labels that a pod gets; a template may have no metadata at all."""
    there = "" if path == "object.metadata" else f"has({path}) && "
    return {part: f"{there}has({path}.{part}) ? {path}.{part} : {{}}" for part in ("annotations", "labels")}


def list_of(expressions: Iterable[str], parts: Mapping[str, str]) -> str:
    """Write one expression that gives each expression's answer, with the named parts computed once.

    >>> list_of(["variables.a > 1", "variables.a < 3"], {"a": "object.x"})
    '[object.x].map(v_a, [(v_a > 1), (v_a < 3)])[0]'
    """
    return _bound("[" + ", ".join(f"({one})" for one in expressions) + "]", parts, "[{0}].map(v_{1}, {2})[0]")


def spell_out(expression: str, parts: Mapping[str, str]) -> str:
    """Replace `variables.name` by its definition, for an evaluator without variables.

    Raises:
        KeyError: there is no such part.
    """
    while _VARIABLE.search(expression):
        expression = _VARIABLE.sub(lambda match: f"({parts[match[1]]})", expression)
    return expression


def _bound(expression: str, parts: Mapping[str, str], around: str) -> str:
    """Wrap the expression in each named part that it uses, the last-defined innermost."""
    named = _VARIABLE.sub(r"v_\1", expression)
    for name in reversed(list(parts)):
        if re.search(rf"\bv_{name}\b", named):
            named = around.format(_VARIABLE.sub(r"v_\1", parts[name]), name, named)
    return named
