"""Rules on a running cluster: who reaches what by all rights together, and whether policies are as rendered.

Each rule gets every live object of the kinds that matter, and the rendered ones. Whoever is neither rendered
nor one of the control plane's own identities is reported. A label never makes anybody one of those, since
whoever may write the object can set it. A right also counts if other rights lead to it (`rbac/closure.py`).
The finding then names the subject, the path and the binding that opens it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sovereign_ai.rules.controls import (
    C3A_LOCATION,
    C3A_STAFF,
    ECSF_DATA,
    ECSF_KEYS,
    GDPR_SECURITY,
    PSS_RESTRICTED,
)
from sovereign_ai.rules.duties import NIS2_ACCESS, NIS2_CONTINUITY
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.rbac.closure import Rights
from sovereign_ai.rules.rbac.control_plane import is_control_plane
from sovereign_ai.rules.rbac.grants import (
    LEVELS,
    NODES,
    POLICIES,
    SECRETS,
    SHELLS,
    Right,
    RoleGrant,
    effective_grants,
)
from sovereign_ai.rules.rbac.unresolved_rights import unfollowed
from sovereign_ai.rules.rule import DecisionPlace, Rule

Object = Mapping[str, Any]
_LIVE: frozenset[DecisionPlace] = frozenset({"live"})
_OTHER_PLACES: tuple[DecisionPlace, ...] = ("plan", "bundle", "pulumi", "admission")
_NEEDS_ALL_ROLES = (
    "who has a right follows from every role and binding of the cluster together, and only the cluster has "
    "them all"
)
_NEEDS_LIVE_POLICIES = "it is about what has become of rendered policies"
_ELSEWHERE = tuple((place, _NEEDS_ALL_ROLES) for place in _OTHER_PLACES)


def _find_undeclared_grants(
    rule: Rule, live: Sequence[Object], rendered: Sequence[Object], right: Right
) -> Iterator[RuleFinding]:
    """Yield the grants of a right in the factory's namespaces that were not rendered."""
    namespaces = _namespace_names(rendered)
    bindings = set()
    for obj in rendered:
        if obj["kind"] in {"RoleBinding", "ClusterRoleBinding"}:
            bindings.add(_resource_of(obj))
    declared = set()
    for grant in effective_grants(Rights(rendered), right):
        for verb in grant.verbs:
            declared.add((grant.subject, grant.namespace, verb))
    for grant in effective_grants(Rights(live), right):
        verbs = [verb for verb in grant.verbs if (grant.subject, grant.namespace, verb) not in declared]
        reaches_factory = grant.namespace in {"", *namespaces}
        if not verbs or not reaches_factory or is_control_plane(grant.subject, grant.binding):
            continue
        opening = _opening_binding(grant, bindings)
        message = _describe(grant, verbs)
        yield RuleFinding(rule.id, rule.severity, opening, "subjects", message, rule.remediation)


def _opening_binding(grant: RoleGrant, rendered: Collection[str]) -> str:
    """Return the binding that opens a path.

    A path may begin with a rendered binding: the first one that was not rendered opens it.
    """
    for binding in grant.bindings:
        if binding not in rendered:
            return binding
    return grant.binding


def _namespace_names(rendered: Iterable[Object]) -> set[str]:
    """Return the names of the factory's namespaces."""
    return {obj["metadata"]["name"] for obj in rendered if obj["kind"] == "Namespace"}


def _resource_of(obj: Object) -> str:
    """Return an object's name as findings write it: `Kind/namespace/name` or `Kind/name`."""
    metadata = obj["metadata"]
    parts = (obj["kind"], metadata.get("namespace"), metadata["name"])
    return "/".join(part for part in parts if part)


def _describe(grant: RoleGrant, verbs: Sequence[str]) -> str:
    """Return who has a right, and by which path if the binding itself does not give it."""
    scope = f"in {grant.namespace}" if grant.namespace else "everywhere"
    sentence = f"{grant.subject} may {', '.join(verbs)} {grant.noun} {scope}"
    if grant.path:
        sentence += ": " + ", ".join(grant.path)
    return sentence


def _find_secret_readers(
    rule: Rule, live: Sequence[Object], rendered: Sequence[Object]
) -> Iterable[RuleFinding]:
    """Yield who can read secrets in the factory's namespaces."""
    return _find_undeclared_grants(rule, live, rendered, SECRETS)


def _find_shell_users(
    rule: Rule, live: Sequence[Object], rendered: Sequence[Object]
) -> Iterable[RuleFinding]:
    """Yield who can get into pods in the factory's namespaces."""
    return _find_undeclared_grants(rule, live, rendered, SHELLS)


def _find_policy_writers(
    rule: Rule, live: Sequence[Object], rendered: Sequence[Object]
) -> Iterable[RuleFinding]:
    """Yield who can change admission policies."""
    return _find_undeclared_grants(rule, live, rendered, POLICIES)


def _find_node_writers(
    rule: Rule, live: Sequence[Object], rendered: Sequence[Object]
) -> Iterable[RuleFinding]:
    """Yield who can write nodes, and so try to set the zone or country of one."""
    return _find_undeclared_grants(rule, live, rendered, NODES)


def _find_level_writers(
    rule: Rule, live: Sequence[Object], rendered: Sequence[Object]
) -> Iterable[RuleFinding]:
    """Yield who can change how the API server shares its work among tenants."""
    return _find_undeclared_grants(rule, live, rendered, LEVELS)


def _find_unfollowed_rights(
    rule: Rule, live: Sequence[Object], rendered: Sequence[Object]
) -> Iterator[RuleFinding]:
    """Yield rights in the factory's namespaces whose consequences are not known."""
    namespaces = _namespace_names(rendered)
    declared = set(unfollowed(rendered))
    for gap in unfollowed(live):
        reaches_factory = gap.namespace in {"", *namespaces}
        if reaches_factory and gap not in declared and not is_control_plane(gap.subject, gap.binding):
            yield RuleFinding(rule.id, rule.severity, gap.binding, gap.field, str(gap), rule.remediation)


_DEFAULTS = {
    "matchPolicy": "Equivalent",
    "scope": "*",
    "failurePolicy": "Fail",
    "reinvocationPolicy": "Never",
}
"""Values that the API server writes for fields that a policy leaves out, and that weaken nothing."""

_KEPT = ("FlowSchema", "PriorityLevelConfiguration")
"""Kinds beside admission policies that must be as rendered, which no policy in the API keeps from going."""


def _find_changed_policies(
    rule: Rule, live: Sequence[Object], rendered: Sequence[Object]
) -> Iterable[RuleFinding]:
    """Yield policies, bindings and priority levels that are missing or differ from what was rendered."""
    existing = _policies_by_name(live)
    for policy in rendered:
        if not _is_kept(policy):
            continue
        key = (policy["kind"], policy["metadata"]["name"])
        resource = "/".join(key)
        live_policy = existing.get(key)
        if live_policy is None:
            is_level = policy["kind"] in _KEPT
            message = "it is gone: " + (
                "one tenant can take the API server from others" if is_level else "what it refused is let in"
            )
            yield RuleFinding(rule.id, rule.severity, resource, "", message, rule.remediation)
            continue
        for field in _differences(policy["spec"], live_policy.get("spec"), "spec"):
            message = "it is not as it was rendered"
            yield RuleFinding(rule.id, rule.severity, resource, field, message, rule.remediation)


def _is_kept(obj: Object) -> bool:
    """Return whether an object is an admission policy, a binding of one, or a priority level."""
    return "AdmissionPolicy" in obj["kind"] or obj["kind"] in _KEPT


def _policies_by_name(objects: Iterable[Object]) -> dict[tuple[str, str], Object]:
    """Return admission policies, their bindings and priority levels by kind and name."""
    policies = {}
    for obj in objects:
        if _is_kept(obj):
            policies[obj["kind"], obj["metadata"]["name"]] = obj
    return policies


def _differences(wanted: Any, actual: Any, path: str) -> Iterator[str]:
    """Yield the paths of fields that differ.

    A field that was not rendered counts, unless it is empty or holds a default of the API server.
    """
    if isinstance(wanted, Mapping) and isinstance(actual, Mapping):
        for key in sorted({*wanted, *actual}):
            if key in wanted:
                yield from _differences(wanted[key], actual.get(key), f"{path}.{key}")
            elif actual[key] not in ({}, [], "", None) and actual[key] != _DEFAULTS.get(key):
                yield f"{path}.{key}"
        return
    are_lists = isinstance(wanted, list) and isinstance(actual, list)
    if are_lists and len(wanted) == len(actual):
        for number, (wanted_item, actual_item) in enumerate(zip(wanted, actual, strict=True)):
            yield from _differences(wanted_item, actual_item, f"{path}[{number}]")
        return
    # The API server leaves out what was rendered empty.
    is_empty = wanted in ({}, []) and actual is None
    if wanted != actual and not is_empty:
        yield path


SECRETS_RULE = Rule(
    id="LIV-001",
    title="Nobody beyond the description can read secrets in our namespaces",
    severity="critical",
    rationale=(
        "Admission sees no reads. Who can get, list or watch secrets follows from all roles and bindings "
        "together, and from nothing else."
    ),
    remediation="remove the subject from the binding, or the secrets from its role",
    controls=(NIS2_ACCESS, C3A_STAFF, ECSF_KEYS, GDPR_SECURITY),
    places=_LIVE,
    decide_live=_find_secret_readers,
    elsewhere=_ELSEWHERE,
)
SHELLS_RULE = Rule(
    id="LIV-002",
    title="Nobody beyond the description can get into pods in our namespaces",
    severity="critical",
    rationale="A shell in a pod reads what the pod reads, past every rule on what may be deployed.",
    remediation=(
        "remove the subject from the binding; in an emergency give access that ends with `sovereign-ai "
        "access grant`"
    ),
    controls=(NIS2_ACCESS, C3A_STAFF, GDPR_SECURITY),
    places=_LIVE,
    decide_live=_find_shell_users,
    elsewhere=_ELSEWHERE,
)
POLICIES_RULE = Rule(
    id="LIV-003",
    title="Nobody beyond the description can change admission policies",
    severity="critical",
    rationale="Who can change a guard is not guarded by it.",
    remediation="remove the subject from the binding; policies are changed by deploying the description",
    controls=(NIS2_ACCESS, GDPR_SECURITY),
    places=_LIVE,
    decide_live=_find_policy_writers,
    elsewhere=_ELSEWHERE,
)
INTACT_RULE = Rule(
    id="LIV-004",
    title="Admission policies, their bindings and priority levels stand as rendered",
    severity="critical",
    rationale=(
        "A binding that is deleted, or that warns where it denied, leaves everything else looking as it was."
    ),
    remediation="run `sovereign-ai up`, and find out who changed it",
    controls=(PSS_RESTRICTED, GDPR_SECURITY),
    places=_LIVE,
    decide_live=_find_changed_policies,
    elsewhere=tuple((place, _NEEDS_LIVE_POLICIES) for place in _OTHER_PLACES),
)

UNFOLLOWED_RULE = Rule(
    id="LIV-005",
    title="Every right can be followed to what it leads to",
    severity="medium",
    rationale=(
        "A right whose end nobody knows may be any right: a binding to a role that somebody else will make, "
        "a verb or a kind of an add-on whose controller acts with rights of its own."
    ),
    remediation=(
        "remove the subject from the binding, or the right from its role; give an add-on's rights to the "
        "platform alone"
    ),
    controls=(NIS2_ACCESS, C3A_STAFF, GDPR_SECURITY),
    places=_LIVE,
    decide_live=_find_unfollowed_rights,
    elsewhere=_ELSEWHERE,
)
MACHINES_RULE = Rule(
    id="LIV-006",
    title="Nobody beyond the description can write machines",
    severity="high",
    rationale=(
        "Zones and countries are believed from a machine's labels. Admission lets the factory's own "
        "identity alone write them; whoever may write machines has only admission between himself and every "
        "zone."
    ),
    remediation="remove the subject from the binding, or nodes from its role",
    controls=(NIS2_ACCESS, C3A_LOCATION, ECSF_DATA),
    places=_LIVE,
    decide_live=_find_node_writers,
    elsewhere=_ELSEWHERE,
)

LEVELS_RULE = Rule(
    id="LIV-007",
    title="Nobody beyond the description can change how the API server shares its work",
    severity="high",
    rationale=(
        "Admission keeps priority levels as they were rendered, and does not keep them from being deleted. "
        "Without its level one tenant's requests hold up those of everybody."
    ),
    remediation="remove the subject from the binding, or flowschemas and priority levels from its role",
    controls=(NIS2_ACCESS, NIS2_CONTINUITY),
    places=_LIVE,
    decide_live=_find_level_writers,
    elsewhere=_ELSEWHERE,
)

RULES = (SECRETS_RULE, SHELLS_RULE, POLICIES_RULE, INTACT_RULE, UNFOLLOWED_RULE, MACHINES_RULE, LEVELS_RULE)
