"""Admission policies, made from the rules: one validating policy for each group of kinds, one mutating policy.

The number of policies costs at each request, the number of validations hardly does, so all rules of
a group stand in one. They fail closed, deny, and hold in namespaces that carry our labels and for
kinds outside namespaces. An update that leaves `spec`, labels and annotations as they were is let through, so that finalizers
can go from objects that an older rule let in; what stands there is the audit's business.

The mutating policy fills in the zone's selector and toleration where a pod has none. It changes
nothing that is set: what is wrong is refused by the validating one, not mended in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.render.kubernetes.maker import Maker, Object
from sovereign_ai.rules.context import Context
from sovereign_ai.rules.expressions import bake, variables_of_group
from sovereign_ai.rules.kinds import GROUPS, Group, of_group
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.rules.rule import Check, Rule
from sovereign_ai.spec.factory import AIFactory

API = "admissionregistration.k8s.io/v1"
PLACEMENT = "sovereign-placement"
_OBJECT, _DYNAMIC = re.compile(r"\b(object|oldObject)\."), r"dyn(\1)."
"""Fields that only some kinds of a group have are read as dynamic values, so that type checking has nothing to warn of."""
_CHANGED = (
    'request.operation != "UPDATE" || oldObject == null || !has(object.spec) || !has(oldObject.spec) || object.spec != oldObject.spec'
    + "".join(
        f" || (has(object.metadata.{part}) ? object.metadata.{part} : {{}}) != (has(oldObject.metadata.{part}) ? oldObject.metadata.{part} : {{}})"
        for part in ("annotations", "labels")
    )
)
_EVERYWHERE: Group = "cluster"
"""The group whose kinds are judged whatever labels they carry: a namespace must not slip out by losing ours."""


def policy_name(group: Group) -> str:
    """Name the validating policy of a group of kinds."""
    return f"sovereign-{group}"


def objects(factory: AIFactory, context: Context) -> Iterator[Object]:
    """Give every policy with its binding."""
    maker = Maker(factory.name)
    selector = {"namespaceSelector": {"matchLabels": {KEYS.factory: factory.name, KEYS.owner: OWNER}}}
    for group in GROUPS:
        name, component = policy_name(group), f"policy.{group}"
        yield maker.make(API, "ValidatingAdmissionPolicy", name, component, spec=_validating(group, context))
        binding: dict[str, Any] = {"policyName": name, "validationActions": ["Deny"]}
        if group != _EVERYWHERE:
            binding["matchResources"] = selector
        yield maker.make(API, "ValidatingAdmissionPolicyBinding", name, component, spec=binding)
    yield maker.make(API, "MutatingAdmissionPolicy", PLACEMENT, "policy.placement", spec=_mutating(context))
    yield maker.make(
        API, "MutatingAdmissionPolicyBinding", PLACEMENT, "policy.placement", spec={"policyName": PLACEMENT, "matchResources": selector}
    )


def _validating(group: Group, context: Context) -> dict[str, Any]:
    """Write one validating policy."""
    constants = context.constants()
    variables = [{"name": name, "expression": bake(text, constants)} for name, text in variables_of_group(group).items()]
    validations = [
        _validation(rule, check, group, constants)
        for rule in REGISTRY
        if "admission" in rule.places
        for check in rule.checks
        if set(check.kinds) & {kind.name for kind in of_group(group)}
    ]
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {"matchPolicy": "Equivalent", "resourceRules": _resource_rules(group)},
        "matchConditions": [{"name": "changed", "expression": _CHANGED}],
        **({"variables": variables} if variables else {}),
        "validations": validations,
    }


def _validation(rule: Rule, check: Check, group: Group, constants: dict[str, Any]) -> dict[str, Any]:
    """Write one expression; where it is not for all kinds of the group, the others pass it by."""
    kinds = [kind.name for kind in of_group(group)]
    meant = [name for name in kinds if name in check.kinds]
    expression = bake(check.expression, constants)
    if meant != kinds:
        names = ", ".join(f'"{name}"' for name in meant)
        expression = f"!(object.kind in [{names}]) || ({_OBJECT.sub(_DYNAMIC, expression)})"
    return {"expression": expression, "message": f"{rule.id}: {check.message}; {rule.remediation}", "reason": "Forbidden"}


def _resource_rules(group: Group) -> list[dict[str, Any]]:
    """Name the resources of a group, one rule for each API group and version."""
    found: dict[tuple[str, str], list[str]] = {}
    for kind in of_group(group):
        found.setdefault((kind.api_group, kind.version), []).extend(kind.resources)
    return [
        {"apiGroups": [api], "apiVersions": [version], "operations": ["CREATE", "UPDATE"], "resources": sorted(resources), "scope": "*"}
        for (api, version), resources in sorted(found.items())
    ]


_PATCH = (
    '(has(object.spec.nodeSelector) ? [] : [JSONPatch{op: "add", path: "/spec/nodeSelector", value: {}}])'
    " + variables.wished.filter(k, !has(object.spec.nodeSelector) || !(k in object.spec.nodeSelector))"
    '.map(k, JSONPatch{op: "add", path: "/spec/nodeSelector/" + jsonpatch.escapeKey(k), value: variables.wished[k]})'
    ' + (has(object.spec.tolerations) ? [] : [JSONPatch{op: "add", path: "/spec/tolerations", value: []}])'
    " + (has(object.spec.tolerations) && object.spec.tolerations.exists(t, has(t.key) && t.key == $zone_taint) ? []"
    ' : [JSONPatch{op: "add", path: "/spec/tolerations/-", value: Object.spec.tolerations{'
    'key: $zone_taint, operator: "Equal", value: variables.zone, effect: "NoSchedule"}}])'
)


def _mutating(context: Context) -> dict[str, Any]:
    """Write the mutating policy; `rules/admitted.py` says the same in Python."""
    laws = {zone: countries[0] for zone, countries in context.jurisdictions if len(countries) == 1}
    wished = {
        zone: {KEYS.zone: zone, **({KEYS.jurisdiction: laws[zone]} if zone in laws else {})} for _, zone in context.namespaces if zone
    }
    constants = context.constants() | {"wished": wished}
    inside = "object.metadata.namespace in $namespaces && $namespaces[object.metadata.namespace] in $wished"
    return {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConstraints": {
            "matchPolicy": "Equivalent",
            "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"], "scope": "*"}],
        },
        "matchConditions": [{"name": "zone", "expression": bake(inside, constants)}],
        "variables": [
            {"name": "zone", "expression": bake("$namespaces[object.metadata.namespace]", constants)},
            {"name": "wished", "expression": bake("$wished[variables.zone]", constants)},
        ],
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": bake(_PATCH, constants)}}],
    }
