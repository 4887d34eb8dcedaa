r"""From a rule's expression to text that an evaluator takes: constants baked in, named parts spelled out.

>>> bake("$regions.exists(r, r == 'fra1')", {"regions": ["fra1"]})
'["fra1"].exists(r, r == \'fra1\')'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from sovereign_ai.rules.kinds import Group, Kind, of_group

_CONSTANT = re.compile(r"\$([a-z_]+)")
_VARIABLE = re.compile(r"\bvariables\.([a-z_]+)")

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
    pod = {"pod": kind.pod, **_POD} if kind.pod else {}
    return {**(_NAMESPACED if kind.namespaced else {}), **pod}


def variables_of_group(group: Group) -> dict[str, str]:
    """Give the named parts of an admission policy, whose kinds may hold the pod in different places."""
    kinds = of_group(group)
    found: dict[str, str] = dict(_NAMESPACED) if any(kind.namespaced for kind in kinds) else {}
    holders = [kind for kind in kinds if kind.pod]
    if holders:
        usual = max({kind.pod for kind in holders}, key=lambda path: sum(kind.pod == path for kind in holders))
        path = usual
        for kind in holders:
            if kind.pod != usual:
                path = f'object.kind == "{kind.name}" ? {kind.pod} : ({path})'
        found |= {"pod": path, **_POD}
    return found


def spell_out(expression: str, parts: Mapping[str, str]) -> str:
    """Replace `variables.name` by its definition, for an evaluator without variables.

    Raises:
        KeyError: there is no such part.
    """
    while _VARIABLE.search(expression):
        expression = _VARIABLE.sub(lambda match: f"({parts[match[1]]})", expression)
    return expression


def bind(expression: str, parts: Mapping[str, str]) -> str:
    """Compute each named part once around the expression, for an evaluator without variables.

    `[definition].all(name, expression)` is the one way to name a value in plain CEL.

    >>> bind("variables.a > 1", {"a": "object.x"})
    '[object.x].all(v_a, v_a > 1)'
    """
    named = _VARIABLE.sub(r"v_\1", expression)
    for name in reversed(list(parts)):
        if re.search(rf"\bv_{name}\b", named):
            definition = _VARIABLE.sub(r"v_\1", parts[name])
            named = f"[{definition}].all(v_{name}, {named})"
    return named
