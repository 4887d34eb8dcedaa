"""Admission policies, made from the rules: one validating policy for each group of kinds, one mutating policy.

The number of policies costs at each request, and the number of validations a little, so all rules of
a group stand in one policy, and all checks of a rule for the same kinds in one validation. They fail
closed, deny, and hold in namespaces that carry our labels and for kinds outside namespaces. An update
that leaves `spec`, labels and annotations as they were is let through, so that finalizers can go from
objects that an older rule let in; what stands there is the audit's business.

Where a rule says no and a waiver names the very object, the policy asks whether the waiver counts now
(`rules/asked.py`); so it does for what a controller makes from a workload that a waiver names (`rules/makers.py`),
and for a binding of break-glass access. No answer is a no.

The mutating policy fills in the zone's selector and toleration where a pod has none. It changes
nothing that is set: what is wrong is refused by the validating one, not mended in silence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.render.kubernetes.maker import Maker, Object
from sovereign_ai.rules import asked
from sovereign_ai.rules.context import Context
from sovereign_ai.rules.expressions import bake, literal, paths_of, variables_of_group, with_paths
from sovereign_ai.rules.kinds import GROUPS, Group, of_group
from sovereign_ai.rules.makers import makers, workloads
from sovereign_ai.rules.registry import REGISTRY
from sovereign_ai.rules.rule import Check, Rule
from sovereign_ai.spec.factory import AIFactory
from sovereign_ai.spec.supplier import Waiver

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
        yield maker.make(API, "ValidatingAdmissionPolicy", name, component, spec=_validating(group, context, factory.waivers))
        binding: dict[str, Any] = {"policyName": name, "validationActions": ["Deny"]}
        if group != _EVERYWHERE:
            binding["matchResources"] = selector
        yield maker.make(API, "ValidatingAdmissionPolicyBinding", name, component, spec=binding)
    yield maker.make(API, "MutatingAdmissionPolicy", PLACEMENT, "policy.placement", spec=_mutating(context))
    yield maker.make(
        API, "MutatingAdmissionPolicyBinding", PLACEMENT, "policy.placement", spec={"policyName": PLACEMENT, "matchResources": selector}
    )


def _validating(group: Group, context: Context, waivers: Sequence[Waiver]) -> dict[str, Any]:
    """Write one validating policy."""
    constants = context.constants()
    kinds = [kind.name for kind in of_group(group)]
    parts = variables_of_group(group)
    paths = paths_of(parts)
    variables = [
        {"name": name, "expression": bake(with_paths(text, paths), constants)} for name, text in parts.items() if name not in paths
    ]
    rules = [rule for rule in REGISTRY if "admission" in rule.places]
    if any(asked.questions(waivers, rule.id, kinds) for rule in rules):
        variables.append({"name": "resource", "expression": asked.RESOURCE})
    if any(asked.questions(waivers, rule.id, workloads(kinds)) for rule in rules):
        variables.append({"name": "makers", "expression": makers(kinds)})
    validations = [
        _validation(rule, checks, meant, kinds, [bake(with_paths(check.expression, paths), constants) for check in checks], waivers)
        for rule in rules
        for meant, checks in _alike(rule, kinds).items()
    ]
    return {
        "failurePolicy": "Fail",
        "matchConstraints": {"matchPolicy": "Equivalent", "resourceRules": _resource_rules(group)},
        "matchConditions": [{"name": "changed", "expression": _CHANGED}],
        **({"variables": variables} if variables else {}),
        "validations": validations,
    }


def _alike(rule: Rule, kinds: Sequence[str]) -> dict[tuple[str, ...], list[Check]]:
    """Gather a rule's checks by the kinds of a group that they are for; each validation costs, so checks for the same kinds share one."""
    found: dict[tuple[str, ...], list[Check]] = {}
    for check in rule.checks:
        if meant := tuple(name for name in kinds if name in check.kinds):
            found.setdefault(meant, []).append(check)
    return found


def _validation(
    rule: Rule, checks: Sequence[Check], meant: Sequence[str], kinds: Sequence[str], expressions: Sequence[str], waivers: Sequence[Waiver]
) -> dict[str, Any]:
    """Write one expression for some checks of a rule; where they are not for all kinds of the group, the others pass it by."""
    expression = expressions[0] if len(expressions) == 1 else " && ".join(f"({one})" for one in expressions)
    if [*meant] != [*kinds]:
        names = ", ".join(f'"{name}"' for name in meant)
        expression = f"!(object.kind in [{names}]) || ({_OBJECT.sub(_DYNAMIC, expression)})"
    expression = " || ".join([f"({expression})", *lifts] if (lifts := [*_lifts(rule, meant, waivers)]) else [expression])
    message = "; or ".join(check.message for check in checks)
    return {"expression": expression, "message": f"{rule.id}: {message}; {rule.remediation}", "reason": "Forbidden"}


_BOUND = ("metadata.namespace", "metadata.name", "roleRef.kind", "roleRef.name", "subjects[0].kind", "subjects[0].name")
"""What the operator is told of a binding for break-glass access."""


def _lifts(rule: Rule, kinds: Sequence[str], waivers: Sequence[Waiver]) -> Iterator[str]:
    """Write what lets an object in that the rule refuses, for as long as the operator says so."""
    if questions := asked.questions(waivers, rule.id, kinds):
        known = literal(questions)
        yield f"(variables.resource in {known} && {asked.ask(asked.WAIVERS, f'{known}[variables.resource]')})"
    if questions := asked.questions(waivers, rule.id, workloads(kinds)):
        known = literal(questions)
        yield f"variables.makers.exists(m, m in {known} && {asked.ask(asked.WAIVERS, f'{known}[m]')})"
    if rule.id == asked.BINDING_RULE:
        name = ' + "/" + '.join(f"dyn(object).{field}" for field in _BOUND)
        one = f"dyn(object).metadata.name.startsWith({literal(asked.BREAK_GLASS)}) && has(dyn(object).subjects) && size(dyn(object).subjects) == 1"
        yield f"({one} && {asked.ask(asked.BINDINGS, name)})"


def _resource_rules(group: Group) -> list[dict[str, Any]]:
    """Name the resources of a group, one rule for each API group and version."""
    found: dict[tuple[str, str], list[str]] = {}
    for kind in of_group(group):
        found.setdefault((kind.api_group, kind.version), []).extend(kind.resources)
    return [
        {"apiGroups": [api], "apiVersions": [version], "operations": ["CREATE", "UPDATE"], "resources": sorted(resources), "scope": "*"}
        for (api, version), resources in sorted(found.items())
    ]


_TOLERATION = '{"effect": "NoSchedule", "key": $zone_taint, "operator": "Equal", "value": variables.zone}'
_PATCH = (
    "(has(object.spec.nodeSelector) ? variables.wished.filter(k, !(k in object.spec.nodeSelector))"
    '.map(k, JSONPatch{op: "add", path: "/spec/nodeSelector/" + jsonpatch.escapeKey(k), value: variables.wished[k]})'
    ' : [JSONPatch{op: "add", path: "/spec/nodeSelector", value: variables.wished}])'
    f' + (!has(object.spec.tolerations) ? [JSONPatch{{op: "add", path: "/spec/tolerations", value: [{_TOLERATION}]}}]'
    " : object.spec.tolerations.exists(t, has(t.key) && t.key == $zone_taint) ? []"
    f' : [JSONPatch{{op: "add", path: "/spec/tolerations/-", value: {_TOLERATION}}}])'
)
"""As few operations as can be: each one makes the API server take the pod's JSON apart again."""


def _mutating(context: Context) -> dict[str, Any]:
    """Write the mutating policy; `rules/admitted.py` says the same in Python."""
    laws = {zone: countries[0] for zone, countries in context.jurisdictions if len(countries) == 1}
    wished = {
        zone: {KEYS.zone: zone, **({KEYS.jurisdiction: laws[zone]} if zone in laws else {})} for _, zone in context.namespaces if zone
    }
    zoned = {namespace: zone for namespace, zone in context.namespaces if zone}
    constants = context.constants() | {"wished": wished, "zoned": zoned}
    return {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConstraints": {
            "matchPolicy": "Equivalent",
            "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"], "scope": "*"}],
        },
        "matchConditions": [{"name": "zone", "expression": bake("object.metadata.namespace in $zoned", constants)}],
        "variables": [
            {"name": "zone", "expression": bake("$zoned[object.metadata.namespace]", constants)},
            {"name": "wished", "expression": bake("$wished[variables.zone]", constants)},
        ],
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": bake(_PATCH, constants)}}],
    }
