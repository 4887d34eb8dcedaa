r"""From a rule's expression to text that an evaluator runs: constants baked in, named parts resolved.

The *named parts* of a kind are what Kubernetes calls the variables of an admission policy: `variables.pod`,
`variables.containers`. Each may use those before it.

>>> with_constants("$regions.exists(r, r == 'fra1')", {"regions": ["fra1"]})
'["fra1"].exists(r, r == \'fra1\')'
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from typing import Any

from sovereign_ai.rules.addons.field_values import gathered, templates
from sovereign_ai.rules.cel.bindings import OUTSIDE
from sovereign_ai.rules.cel.field_paths import nested
from sovereign_ai.rules.cel.literals import literal
from sovereign_ai.rules.kinds import OTHER, Group, ResourceKind, kinds_of_group
from sovereign_ai.rules.places.config_map_entries import parts_of_entries
from sovereign_ai.rules.places.container_texts import command_texts, environment_texts
from sovereign_ai.rules.places.environment_variables import OWN_ENVIRONMENT
from sovereign_ai.rules.places.fields import GATHERED
from sovereign_ai.rules.places.model_hubs import lines_of_variables, variables_set_hub
from sovereign_ai.rules.places.opaque_settings import parts_of_opaque
from sovereign_ai.rules.places.permitted_places import PRIVATE_RANGES
from sovereign_ai.rules.places.unknown_kinds import parts_of_unknown_kinds

_CONSTANT = re.compile(r"\$([a-z_]+)")
_VARIABLE = re.compile(r"\bvariables\.([a-z_0-9]+)")
_PATH = re.compile(r"object(\.\w+)+")

_NAMESPACED = {
    "known": "has(object.metadata.namespace) && object.metadata.namespace in $namespaces",
    "zone": 'variables.known ? $namespaces[object.metadata.namespace] : "?"',
    "outside": OUTSIDE,
}
# A text and no list: every element of a list adds to the time in which the API server checks types.
_PUBLIC_DOMAINS = {"public_domains": "$public_domains"}
# What controllers and add-ons are mostly installed in, and what no resolver passes on (RFC 6761).
_USUAL = (
    "argocd",
    "kafka",
    "keycloak",
    "kubeflow",
    "localhost",
    "logging",
    "minio",
    "monitoring",
    "observability",
    "rabbitmq",
    "vault",
)
_OWN_NAMESPACE = (
    f"{literal(list(_USUAL))} + (has(object.metadata.namespace) ? [object.metadata.namespace] : [])"
)
_OWN_DOMAINS = {"own_domains": _OWN_NAMESPACE}
_POD = {
    "containers": "variables.pod.containers"
    " + (has(variables.pod.initContainers) ? variables.pod.initContainers : [])"
    " + (has(variables.pod.ephemeralContainers) ? variables.pod.ephemeralContainers : [])",
    "environment_texts": environment_texts("variables.containers"),
    "command_texts": command_texts("variables.containers"),
    "volumes": "has(variables.pod.volumes) ? variables.pod.volumes : []",
    "selector": "has(variables.pod.nodeSelector) ? variables.pod.nodeSelector : {}",
    # Only a StatefulSet has the field, so that the type of others knows none.
    "own_domains": f"{_OWN_NAMESPACE} + (has(variables.pod.subdomain) ? [variables.pod.subdomain] : [])"
    " + (has(dyn(object).spec) && has(dyn(object).spec.serviceName)"
    " ? [string(dyn(object).spec.serviceName)] : [])",
}
# What claims of devices tell the devices' drivers, in a claim, a template, and what was allocated.
_PARAMETERS = nested(
    *(f"{path}.devices.config[].opaque.parameters" for path in ("spec", "spec.spec", "status.allocation")),
    base="dyn(object)",
)
_CLAIM = parts_of_opaque(_PARAMETERS)
_NODE = {
    "labels": "has(object.metadata.labels) ? object.metadata.labels : {}",
    "before": "oldObject != null && has(oldObject.metadata.labels) ? oldObject.metadata.labels : {}",
    "notes": "has(object.metadata.annotations) ? object.metadata.annotations : {}",
    "notes_before": "oldObject != null && has(oldObject.metadata.annotations)"
    " ? oldObject.metadata.annotations : {}",
    "taints": "has(object.spec) && has(object.spec.taints) ? object.spec.taints : []",
    "taints_before": "oldObject != null && has(oldObject.spec) && has(oldObject.spec.taints)"
    " ? oldObject.spec.taints : []",
}
_POD_METADATA = ("annotations", "labels")
_NAMING_HOSTS: frozenset[Group] = frozenset({"pods", "templates", "network", "storage", "claims", "others"})
"""The admission policies with rules on hosts."""


# JobSet (jobset.sigs.k8s.io, "Network") and LeaderWorkerSet make a headless service: of their own name, or of
# the name that the former states. Volcano's plugin `svc` and MPIJob make one of the job's name.
_MAKE_SERVICE = (
    "batch.volcano.sh/Job",
    "jobset.x-k8s.io/JobSet",
    "kubeflow.org/MPIJob",
    "leaderworkerset.x-k8s.io/LeaderWorkerSet",
)
_OWN_DOMAINS_OF_OTHER = (
    f"{_OWN_NAMESPACE} + (variables.key in {literal(list(_MAKE_SERVICE))} && has(object.metadata.name)"
    " ? [object.metadata.name] : [])"
    f' + (variables.key == "{_MAKE_SERVICE[1]}" && has(object.spec) && has(object.spec.network)'
    " && has(object.spec.network.subdomain) ? [object.spec.network.subdomain] : [])"
)


def _own_domains_of_other(templates: str) -> str:
    """Return CEL for the domains of an object's own pods: of any of its templates, in one namespace."""
    if templates == "[]":
        return _OWN_DOMAINS_OF_OTHER
    subdomains = "variables.templates.filter(pt, has(pt.spec.subdomain)).map(pt, string(pt.spec.subdomain))"
    return f"{_OWN_DOMAINS_OF_OTHER} + {subdomains}"


def _parts_of_other(key: str = "") -> dict[str, str]:
    """Return the named parts of a kind that is not listed by itself.

    These are API group, group with kind, pod templates, and the values of gathered fields.
    """
    of_templates = templates(key)
    parts = {
        "api": 'object.apiVersion.contains("/") ? object.apiVersion.split("/")[0] : ""',
        "key": 'variables.api + "/" + object.kind',
        "templates": of_templates,
        **_texts_of_templates(of_templates),
        "own_domains": _own_domains_of_other(of_templates),
        **parts_of_unknown_kinds(PRIVATE_RANGES),
        **parts_of_entries(),
    }
    for must in GATHERED:
        whole = f"{must}_values"
        *pieces, last = gathered(must, key)
        names = []
        for number, piece in enumerate(pieces, 1):
            names.append(f"variables.{whole}_{number}")
            parts[f"{whole}_{number}"] = piece
        if must == "text":
            names.append("[variables.scripts_of_listed]")
        parts[whole] = " + ".join((*names, last))
    parts["hub_is_set"] = _hub_is_set(of_templates)
    parts["env"] = _environment_lines(of_templates)
    if parts["opaque_values"] == "[]":
        # A check on an empty list is left out offline.
        return parts | dict.fromkeys(parts_of_opaque(""), "[]")
    return parts | parts_of_opaque("variables.opaque_values")


# In parentheses, since these texts are put into expressions. A template of an add-on may lack any of its
# fields. No expression may call an item of its own `pt`, which would hide the template.
_CONTAINERS_OF_TEMPLATE = (
    "((has(pt.spec.containers) ? pt.spec.containers : [])"
    " + (has(pt.spec.initContainers) ? pt.spec.initContainers : [])"
    " + (has(pt.spec.ephemeralContainers) ? pt.spec.ephemeralContainers : []))"
)
_OF_TEMPLATE = {
    "pod": "pt.spec",
    "containers": _CONTAINERS_OF_TEMPLATE,
    "volumes": "(has(pt.spec.volumes) ? pt.spec.volumes : [])",
    "selector": "(has(pt.spec.nodeSelector) ? pt.spec.nodeSelector : {})",
    "annotations": "(has(pt.metadata) && has(pt.metadata.annotations) ? pt.metadata.annotations : {})",
    "labels": "(has(pt.metadata) && has(pt.metadata.labels) ? pt.metadata.labels : {})",
}
_TEXTS = ("environment_texts", "command_texts")
"""Named parts of a pod that are parts of an object of another kind too: a list for each of its templates."""


def _hub_is_set(templates: str) -> str:
    """Return CEL: every container of an object's pods sets the endpoint of the hub of models.

    An object without pod templates sets the variables of its pods itself.
    """
    of_itself = f"variables.variable_values.exists(l, {variables_set_hub('l')})"
    if templates == "[]":
        return of_itself
    stated = f"variables.templates.all(pt, {_CONTAINERS_OF_TEMPLATE}.all(c, {variables_set_hub()}))"
    return f"size(variables.templates) > 0 ? {stated} : {of_itself}"


def _environment_lines(templates: str) -> str:
    """Return CEL for the variables of an object's pods, as lines of a text."""
    of_itself = f"variables.variable_values.map(l, {lines_of_variables('l')})"
    if templates == "[]":
        return f'{of_itself}.join("")'
    lines = f'{_CONTAINERS_OF_TEMPLATE}.map(c, {lines_of_variables(OWN_ENVIRONMENT)}).join("")'
    return f'(variables.templates.map(pt, {lines}) + {of_itself}).join("")'


# LeaderWorkerSet states this variable itself in each container of its pods: the name of a pod of its own
# service (lws.sigs.k8s.io, "Labels, Annotations and Environment Variables", read 2026-11-29).
_GIVEN = [{"name": "LWS_LEADER_ADDRESS", "value": "localhost"}]
_GIVEN_TO_TEMPLATE = f"(variables.key == {literal(_MAKE_SERVICE[-1])} ? dyn({literal(_GIVEN)}) : dyn([]))"
# What the container states comes last, and counts.
_ENVIRONMENT_OF_TEMPLATE = f"({_GIVEN_TO_TEMPLATE} + dyn({OWN_ENVIRONMENT}))"


def is_about_pods(expression: str) -> bool:
    """Return whether an expression reads anything of the pod that an object holds.

    >>> is_about_pods("!has(variables.pod.nodeName)"), is_about_pods("variables.known")
    (True, False)
    """
    return not {*_OF_TEMPLATE, *_TEXTS}.isdisjoint(variables_in(expression)[1])


def on_each_template(expression: str) -> str:
    """Return the expression of a check on a pod template as one on each pod template of an object.

    >>> on_each_template("!has(variables.pod.nodeName)")
    'variables.templates.all(pt, !has(pt.spec.nodeName))'
    """
    for name in _TEXTS:
        part = f"variables.{name}"
        if part in expression:
            return f"{part}.all(pt, {expression.replace(part, 'pt')})"
    return f"variables.templates.all(pt, {_of_template(expression)})"


def _of_template(expression: str) -> str:
    """Return an expression on a pod as one on a pod template `pt`."""
    return with_paths(expression, _OF_TEMPLATE).replace(OWN_ENVIRONMENT, _ENVIRONMENT_OF_TEMPLATE)


def _texts_of_templates(templates: str) -> dict[str, str]:
    """Return the named parts with the texts of all pod templates; empty lists for a kind without any."""
    if templates == "[]":
        return dict.fromkeys(_TEXTS, "[]")
    return {name: f"variables.templates.map(pt, {_of_template(_POD[name])})" for name in _TEXTS}


def with_constants(expression: str, constants: Mapping[str, Any]) -> str:
    """Return an expression with its constants as CEL literals.

    Raises:
        KeyError: the expression uses a constant that does not exist.
    """
    return _CONSTANT.sub(lambda match: literal(constants[match[1]]), expression)


def as_evaluated(expression: str) -> str:
    r"""Return an expression as it is evaluated offline: constants are variables, matches are remembered.

    The evaluator makes a literal list anew wherever it meets it, and for another factory the text would be
    another one, to be compiled again. And its `matches` compiles the regular expression at every call.

    >>> as_evaluated("$regions.exists(r, r.matches('^fra'))")
    "c_regions.exists(r, r.remembered_matches('^fra'))"
    """
    return _CONSTANT.sub(r"c_\1", expression).replace(".matches(", ".remembered_matches(")


def named_constants(expressions: Iterable[str], constants: Mapping[str, Any]) -> dict[str, Any]:
    """Return the constants that some expressions use, by their names as variables.

    >>> named_constants(["'fra1' in $regions"], {"regions": ["fra1"], "classes": {}})
    {'c_regions': ['fra1']}

    Raises:
        KeyError: an expression uses a constant that does not exist.
    """
    used: set[str] = set()
    for expression in expressions:
        used.update(_CONSTANT.findall(expression))
    return {f"c_{name}": constants[name] for name in sorted(used)}


def _parts_of_hosts(group: Group) -> dict[str, str]:
    """Return the named parts that conditions on hosts need; none in policies without such conditions.

    Kinds with pods, and kinds that are not listed by themselves, have further domains of their own.
    """
    if group not in _NAMING_HOSTS:
        return {}
    has_more = group in {"pods", "templates", OTHER.group}
    return dict(_PUBLIC_DOMAINS) if has_more else {**_PUBLIC_DOMAINS, **_OWN_DOMAINS}


def variables_of(kind: ResourceKind, key: str = "") -> dict[str, str]:
    """Return the named parts of one kind, each defined by those before it.

    Args:
        kind: the kind.
        key: API group and kind of an object whose kind is not listed by itself. If empty, the parts are for
            every such object.
    """
    # A fresh mapping, which the caller may change.
    return dict(_variables_of(kind, key))


@lru_cache(maxsize=512)
def _variables_of(kind: ResourceKind, key: str) -> Mapping[str, str]:
    parts = _parts_of_hosts(kind.group)
    if kind.namespaced or kind is OTHER:
        parts |= _NAMESPACED
    if kind is OTHER:
        parts |= _parts_of_other(key)
        return parts
    if kind.pod:
        parts["pod"] = kind.pod
        parts |= _POD
        parts |= _metadata_parts(kind.pod_metadata)
    if kind.group == "claims":
        parts |= _CLAIM
    if kind.name == "Node":
        parts |= _NODE
    return parts


def variables_of_group(group: Group) -> dict[str, str]:
    """Return the named parts of an admission policy, whose kinds may hold the pod at different paths."""
    return dict(_variables_of_group(group))


@cache
def _variables_of_group(group: Group) -> Mapping[str, str]:
    kinds = kinds_of_group(group)
    if kinds == (OTHER,):
        return variables_of(OTHER)
    parts = _parts_of_hosts(group)
    if any(kind.namespaced for kind in kinds):
        parts |= _NAMESPACED
    if group == "claims":
        parts |= _CLAIM
    if group == "nodes":
        parts |= _NODE
    holders = [kind for kind in kinds if kind.pod]
    if holders:
        usual, exceptions = _usual_and_exceptions(holders)
        parts["pod"] = _by_kind("pod", usual, exceptions)
        parts |= _POD
        for name in _POD_METADATA:
            parts[name] = _by_kind(name, usual, exceptions)
    return parts


def _usual_and_exceptions(holders: list[ResourceKind]) -> tuple[ResourceKind, list[ResourceKind]]:
    """Return a kind with the path of the pod that most kinds share, and the kinds with another path."""
    paths = [kind.pod for kind in holders]
    usual = max(holders, key=lambda kind: paths.count(kind.pod))
    exceptions = [kind for kind in holders if kind.pod != usual.pod]
    return usual, exceptions


def _by_kind(name: str, usual: ResourceKind, exceptions: Iterable[ResourceKind]) -> str:
    """Return the text of a named part that chooses by the object's kind, the usual path last."""
    text = variables_of(usual)[name]
    for kind in exceptions:
        text = f'object.kind == "{kind.name}" ? ({variables_of(kind)[name]}) : ({text})'
    return text


def paths_of(parts: Mapping[str, str]) -> dict[str, str]:
    """Return the named parts that are a plain path of the object.

    The API server reads a path faster than a variable.

    >>> paths_of({"pod": "object.spec", "volumes": "has(variables.pod.volumes) ? variables.pod.volumes : []"})
    {'pod': 'object.spec'}
    """
    return {name: text for name, text in parts.items() if _PATH.fullmatch(text)}


def with_paths(expression: str, paths: Mapping[str, str]) -> str:
    """Return an expression with these parts in place of their names, all others named.

    >>> with_paths("has(variables.pod.volumes) && variables.known", {"pod": "object.spec"})
    'has(object.spec.volumes) && variables.known'
    """
    return _VARIABLE.sub(lambda match: paths.get(match[1], match[0]), expression)


def _metadata_parts(path: str) -> dict[str, str]:
    """Return the annotations and labels that a pod gets, given the path of its metadata."""
    # A template may have no metadata at all, an object always has.
    guard = "" if path == "object.metadata" else f"has({path}) && "
    parts = {}
    for name in _POD_METADATA:
        parts[name] = f"{guard}has({path}.{name}) ? {path}.{name} : {{}}"
    return parts


def list_of(expressions: Iterable[str], parts: Mapping[str, str]) -> str:
    """Return one expression that lists the answer of each expression, with the named parts computed once.

    >>> list_of(["variables.a > 1", "variables.a < 3"], {"a": "object.x"})
    '[object.x].map(v_a, [(v_a > 1), (v_a < 3)])[0]'
    """
    items = ", ".join(f"({expression})" for expression in expressions)
    used = set(_VARIABLE.findall(items))
    text = _with_local_names(f"[{items}]")
    # CEL has no `let`: a map over a list of one item binds a name. The last-defined part is the innermost.
    for name in reversed(list(parts)):
        if name in used:
            used.update(_VARIABLE.findall(parts[name]))
            text = f"[{_with_local_names(parts[name])}].map(v_{name}, {text})[0]"
    return text


def without_variables(expression: str, parts: Mapping[str, str]) -> str:
    """Return an expression with each `variables.name` replaced by its definition.

    Raises:
        KeyError: a named part does not exist.
    """
    # A definition may itself use earlier parts, so this repeats until none is left.
    while _VARIABLE.search(expression):
        expression = _VARIABLE.sub(lambda match: f"({parts[match[1]]})", expression)
    return expression


def variables_in(expression: str) -> tuple[str, frozenset[str]]:
    """Return an expression with nothing in place of each `variables.name`, and these names.

    >>> variables_in("variables.a > 1")
    ('() > 1', frozenset({'a'}))
    """
    return _VARIABLE.sub("()", expression), frozenset(_VARIABLE.findall(expression))


def _with_local_names(expression: str) -> str:
    """Return an expression with `v_name` in place of each `variables.name`."""
    return _VARIABLE.sub(r"v_\1", expression)
