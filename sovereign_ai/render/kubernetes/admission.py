"""Admission policies, made from the rules: a validating one for each group of kinds, and a mutating one.

The number of policies costs at each request, and the number of validations a little. So all rules of a group
are in one policy, and all checks of a rule for the same kinds in one validation. The policies fail closed,
deny, and apply to the factory's namespaces and to kinds outside namespaces.

* The namespaces are a list of names in the policy, not a label selector: a label can be written through
  subresources (`namespaces/status`, `namespaces/finalize`), a name cannot.
* An update is judged where something changed that could let more in (`judged_updates.py`). Existing objects
  are the audit's business.
* Each validating policy refuses one object by its name, `sovereign-revision`, and states its own revision in
  the message. A dry run of that object shows which revision the API server enforces (`revision.py`).
* Where a rule refuses an object that a waiver names, the policy asks the operator whether the waiver counts
  now (`rules/waiver_review.py`). It asks likewise for what a controller makes from a workload that a waiver
  names (`rules/owners.py`), and for a binding of break-glass access. Without an answer the object is refused.
* The mutating policy adds the zone's selector and toleration where a pod has none. It changes nothing that is
  set: the validating policy refuses what is wrong, and nothing corrects it silently.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.names import KEYS
from sovereign_ai.render.kubernetes.judged_updates import EVERYWHERE, changed
from sovereign_ai.render.kubernetes.objects import Maker, Object
from sovereign_ai.render.kubernetes.revision import with_revision
from sovereign_ai.rules import (
    CONFIGURES_DNS,
    CONFIGURES_PLUGIN,
    DNS_NAMESPACE,
    GROUPS,
    HARMLESS,
    KINDS,
    OTHER,
    REGISTRY,
    SENDS_OUT,
    Context,
    Group,
    Rule,
    RuleCheck,
    kinds_of_group,
    literal,
    makers,
    mandate_ends,
    paths_of,
    signed_waivers,
    variables_of_group,
    waiver_review,
    with_constants,
    with_paths,
    workloads,
)
from sovereign_ai.spec import AIFactory, Waiver

API = "admissionregistration.k8s.io/v1"
PLACEMENT = "sovereign-placement"
_OBJECT, _DYNAMIC = re.compile(r"\b(object|oldObject)\."), r"dyn(\1)."
"""Fields that only some kinds of a group have are read as dynamic values, which type checking accepts."""
_NODES: Group = "nodes"
_RIGHTS: Group = "rights"
_WRITES = ("CREATE", "UPDATE")
_LONGEST = 5_000
"""Characters of the checks that share a validation: the time to compile one grows with the square of them."""


@frozen_dataclass
class Signed:
    """The waivers that their approvers signed.

    Attributes:
        factory: the factory's name, which the signatures cover.
        waivers: the waivers, as they are signed.
        mandate_ends: the last day of approvers whose right to agree ends.
    """

    factory: str
    waivers: Sequence[Waiver]
    mandate_ends: Mapping[str, date]

    def questions(self, rule: str, kinds: Collection[str]) -> dict[str, str]:
        """Return the question for each resource of these kinds that a waiver of the rule names."""
        return waiver_review.questions(self.waivers, rule, kinds, self.factory, self.mandate_ends)


def policy_name(group: Group) -> str:
    """Return the name of the validating policy of a group of kinds."""
    return f"sovereign-{group}"


def objects(factory: AIFactory, context: Context) -> Iterator[Object]:
    """Yield every policy with its binding."""
    maker = Maker(factory.name)
    # Policies have no clock: the operator is told the approver's last day, and decides whether it has passed.
    signed = Signed(factory.name, signed_waivers(factory), mandate_ends(factory))
    for group in GROUPS:
        name, component = policy_name(group), f"policy.{group}"
        spec = with_revision(_validating_spec(group, context, signed))
        yield maker.make(API, "ValidatingAdmissionPolicy", name, component, spec=spec)
        binding = {"policyName": name, "validationActions": ["Deny"]}
        yield maker.make(API, "ValidatingAdmissionPolicyBinding", name, component, spec=binding)
    component = "policy.placement"
    spec = _mutating_spec(context)
    yield maker.make(API, "MutatingAdmissionPolicy", PLACEMENT, component, spec=spec)
    spec = {"policyName": PLACEMENT}
    yield maker.make(API, "MutatingAdmissionPolicyBinding", PLACEMENT, component, spec=spec)


def _validating_spec(group: Group, context: Context, signed: Signed) -> dict[str, Any]:
    """Return the spec of a group's validating policy."""
    constants = context.constants()
    kinds = [kind.name for kind in kinds_of_group(group)]
    parts = variables_of_group(group)
    # Parts that are mere paths are written into the expressions; only what is computed becomes a variable.
    paths = paths_of(parts)
    rules = [rule for rule in REGISTRY if _is_enforced(rule, context)]
    variables: list[dict[str, str]] = []
    for name, text in parts.items():
        if name not in paths:
            expression = with_constants(_in_group(text, group), constants)
            variables.append({"name": name, "expression": expression})
    variables += _waiver_variables(rules, kinds, signed)
    validations: list[dict[str, str]] = []
    for rule in rules:
        for names, checks in _checks_by_kinds(rule, kinds):
            expressions = [with_constants(_in_group(check.expression, group), constants) for check in checks]
            validation = _validation(rule, checks, expressions, names, kinds, signed)
            validations.append(validation)
    constraints: dict[str, Any] = {
        "matchPolicy": "Equivalent",
        "resourceRules": _resource_rules(group),
    }
    if group == OTHER.group:
        constraints["excludeResourceRules"] = _excluded_rules()
    spec: dict[str, Any] = {
        "failurePolicy": "Fail",
        "matchConstraints": constraints,
        "matchConditions": _conditions(group, context),
    }
    if variables:
        spec["variables"] = variables
    spec["validations"] = validations
    return spec


@lru_cache(maxsize=4096)
def _in_group(expression: str, group: Group) -> str:
    """Return an expression with the parts that are mere paths in a group in place of their names.

    It is the same for every factory, and texts are long.
    """
    return with_paths(expression, paths_of(variables_of_group(group)))


def _is_enforced(rule: Rule, context: Context) -> bool:
    """Return whether policies hold a rule: not where nothing that it is about is declared."""
    return "admission" in rule.places and not context.is_empty(rule.only_with)


def _waiver_variables(rules: Iterable[Rule], kinds: Sequence[str], signed: Signed) -> list[dict[str, str]]:
    """Return the variables that only the questions about waivers need."""
    variables: list[dict[str, str]] = []
    makers_kinds = workloads(kinds)
    if any(signed.questions(rule.id, kinds) for rule in rules):
        variables.append({"name": "resource", "expression": waiver_review.RESOURCE})
    if any(signed.questions(rule.id, makers_kinds) for rule in rules):
        variables.append({"name": "makers", "expression": makers(kinds)})
    return variables


def _conditions(group: Group, context: Context) -> list[dict[str, str]]:
    """Return the conditions on which a policy judges a request: in scope, and a change."""
    judged = {"name": "changed", "expression": changed(group)}
    if group in {_NODES, EVERYWHERE}:
        return [judged]
    namespaces = literal(sorted(name for name, _ in context.namespaces))
    in_scope = f'!has(request.namespace) || request.namespace == "" || request.namespace in {namespaces}'
    if group == OTHER.group:
        in_scope += f' || (request.namespace == "{DNS_NAMESPACE}" && {CONFIGURES_PLUGIN})'
    if group == OTHER.group and context.dns_zones:
        # Of the namespace of the cluster's DNS only what its DNS is configured by.
        in_scope += f' || (request.namespace == "{DNS_NAMESPACE}" && {CONFIGURES_DNS})'
    if group == _RIGHTS and context.queueing:
        # Of Kueue's namespace only the workers' kubeconfigs.
        of_kueue = (
            f'request.namespace == {literal(context.queueing)} && request.resource.resource == "secrets"'
        )
        in_scope += f" || ({of_kueue})"
    if group == OTHER.group and context.residency_zones:
        in_scope += f" || {with_constants(SENDS_OUT, context.constants())}"
    return [{"name": "scope", "expression": in_scope}, judged]


def _checks_by_kinds(rule: Rule, kinds: Sequence[str]) -> Iterator[tuple[tuple[str, ...], list[RuleCheck]]]:
    """Return a rule's checks by the kinds of a group that they apply to.

    Each validation costs a little at each request, so short checks for the same kinds share one. Those on
    kinds of add-ons stay apart.
    """
    if kinds == [OTHER.name]:
        for check in rule.checks_on(OTHER):
            yield (OTHER.name,), [check]
        return
    checks: dict[tuple[str, ...], list[RuleCheck]] = {}
    for check in rule.checks:
        names = tuple(name for name in kinds if name in check.kinds)
        if names:
            checks.setdefault(names, []).append(check)
    for names, listed in checks.items():
        for batch in _batches(listed):
            yield names, batch


def _batches(checks: Iterable[RuleCheck]) -> Iterator[list[RuleCheck]]:
    """Yield checks that share a validation; only a single check exceeds the limit."""
    batch: list[RuleCheck] = []
    length = 0
    for check in checks:
        if batch and length + len(check.expression) > _LONGEST:
            yield batch
            batch, length = [], 0
        batch.append(check)
        length += len(check.expression)
    yield batch


def _validation(
    rule: Rule,
    checks: Sequence[RuleCheck],
    expressions: Sequence[str],
    names: Sequence[str],
    kinds: Sequence[str],
    signed: Signed,
) -> dict[str, str]:
    """Return one validation for some checks of a rule.

    Args:
        rule: the rule.
        checks: the checks.
        expressions: the CEL of each check.
        names: the kinds that they apply to; objects of other kinds pass.
        kinds: all kinds of the group.
        signed: the signed waivers.
    """
    expression = expressions[0]
    if len(expressions) > 1:
        expression = " && ".join(f"({each})" for each in expressions)
    if [*names] != [*kinds]:
        listed = ", ".join(f'"{name}"' for name in names)
        expression = f"!(object.kind in [{listed}]) || ({_OBJECT.sub(_DYNAMIC, expression)})"
    exceptions = list(_exceptions(rule, names, signed))
    if exceptions:
        expression = " || ".join([f"({expression})", *exceptions])
    message = "; or ".join(check.message for check in checks)
    return {
        "expression": expression,
        "message": f"{rule.id}: {message}; {rule.remediation}",
        "reason": "Forbidden",
    }


_BOUND = (
    "metadata.namespace",
    "metadata.name",
    "roleRef.kind",
    "roleRef.name",
    "subjects[0].kind",
    "subjects[0].name",
)
"""Fields of a binding for break-glass access that the question to the operator carries."""


def _exceptions(rule: Rule, kinds: Sequence[str], signed: Signed) -> Iterator[str]:
    """Yield the CEL that admits an object that the rule refuses, for as long as the operator confirms it."""
    questions = signed.questions(rule.id, kinds)
    if questions:
        known = literal(questions)
        question = waiver_review.authorizer_check(waiver_review.WAIVERS, f"{known}[variables.resource]")
        yield f"(variables.resource in {known} && {question})"
    questions = signed.questions(rule.id, workloads(kinds))
    if questions:
        known = literal(questions)
        question = waiver_review.authorizer_check(waiver_review.WAIVERS, f"{known}[m]")
        yield f"variables.makers.exists(m, m in {known} && {question})"
    if rule.id == waiver_review.BINDING_RULE:
        name = ' + "/" + '.join(f"dyn(object).{field}" for field in _BOUND)
        # Exactly one subject, since the question names the first alone.
        bound = (
            f"dyn(object).metadata.name.startsWith({literal(waiver_review.BREAK_GLASS)})"
            " && has(dyn(object).subjects) && size(dyn(object).subjects) == 1"
        )
        yield f"({bound} && {waiver_review.authorizer_check(waiver_review.BINDINGS, name)})"


def _resource_rules(group: Group) -> list[dict[str, Any]]:
    """Return the rules that match the resources of a group, one for each API group and version."""
    resources: dict[tuple[str, str], list[str]] = {}
    for kind in kinds_of_group(group):
        resources.setdefault((kind.api_group, kind.version), []).extend(kind.resources)
    rules: list[dict[str, Any]] = []
    for (api_group, version), names in sorted(resources.items()):
        rule = _resource_rule(api_group, version, names)
        rules.append(rule)
    return rules


def _excluded_rules() -> list[dict[str, Any]]:
    """Return the rules that exclude resources from the policy for all other kinds.

    Excluded are resources with a policy of their own, and those in which no place is stated. The API server
    compares them before it reads the object, so that Pods, Events and Leases cost nothing here.
    """
    resources: dict[str, set[str]] = {}
    for kind in KINDS.values():
        resources.setdefault(kind.api_group, set()).update(kind.resources)
    for harmless in HARMLESS:
        if harmless.resource:
            resources.setdefault(harmless.api_group, set()).add(harmless.resource)
    rules: list[dict[str, Any]] = []
    for api_group in sorted(resources):
        rule = _resource_rule(api_group, "*", resources[api_group])
        rules.append(rule)
    return rules


def _resource_rule(api_group: str, version: str, resources: Iterable[str]) -> dict[str, Any]:
    """Return a rule that matches writes of some resources."""
    return {
        "apiGroups": [api_group],
        "apiVersions": [version],
        "operations": list(_WRITES),
        "resources": sorted(resources),
        "scope": "*",
    }


_TOLERATION = '{"effect": "NoSchedule", "key": $zone_taint, "operator": "Equal", "value": variables.zone}'
_PATCH = (
    "(has(object.spec.nodeSelector) ? variables.selectors.filter(k, !(k in object.spec.nodeSelector))"
    '.map(k, JSONPatch{op: "add", path: "/spec/nodeSelector/" + jsonpatch.escapeKey(k),'
    " value: variables.selectors[k]})"
    ' : [JSONPatch{op: "add", path: "/spec/nodeSelector", value: variables.selectors}])'
    " + (!has(object.spec.tolerations)"
    f' ? [JSONPatch{{op: "add", path: "/spec/tolerations", value: [{_TOLERATION}]}}]'
    " : object.spec.tolerations.exists(t, has(t.key) && t.key == $zone_taint) ? []"
    f' : [JSONPatch{{op: "add", path: "/spec/tolerations/-", value: {_TOLERATION}}}])'
)
"""The patch of a pod, with as few operations as possible: for each the API server parses the pod anew."""


def _mutating_spec(context: Context) -> dict[str, Any]:
    """Return the spec of the mutating policy; `rules/defaulting.py` does the same in Python."""
    countries_of = dict(context.jurisdictions)
    zoned: dict[str, str] = {}
    selectors: dict[str, dict[str, str]] = {}
    for namespace, zone in context.namespaces:
        if not zone:
            continue
        zoned[namespace] = zone
        selector = {KEYS.zone: zone}
        countries = countries_of.get(zone, ())
        # A node selector holds one value: with several countries none is added.
        if len(countries) == 1:
            selector[KEYS.jurisdiction] = countries[0]
        selectors[zone] = selector
    if not zoned:
        # CEL gives an empty map no type, and the API server refuses the patch then. No namespace has no name.
        zoned, selectors = {"": ""}, {"": {"": ""}}
    constants = context.constants() | {"selectors": selectors, "zoned": zoned}
    pods = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        # Placement cannot change after creation, so updates are not mutated.
        "operations": ["CREATE"],
        "resources": ["pods"],
        "scope": "*",
    }
    in_zone = with_constants("object.metadata.namespace in $zoned", constants)
    zone_variable = {
        "name": "zone",
        "expression": with_constants("$zoned[object.metadata.namespace]", constants),
    }
    selectors_variable = {
        "name": "selectors",
        "expression": with_constants("$selectors[variables.zone]", constants),
    }
    mutation = {"patchType": "JSONPatch", "jsonPatch": {"expression": with_constants(_PATCH, constants)}}
    return {
        "failurePolicy": "Fail",
        "reinvocationPolicy": "Never",
        "matchConstraints": {"matchPolicy": "Equivalent", "resourceRules": [pods]},
        "matchConditions": [{"name": "zone", "expression": in_zone}],
        "variables": [zone_variable, selectors_variable],
        "mutations": [mutation],
    }
