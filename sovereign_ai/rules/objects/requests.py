"""Requests: rules on how the API server shares its work among tenants (API priority and fairness).

Each tenant and the platform have a priority level of their own (`plan/priority_levels.py`). These rules keep
the levels as rendered, whoever writes them, and keep everybody else's FlowSchemas and levels from coming
before them. Without them one object would be enough: a FlowSchema of a lower precedence that takes a tenant
to a level without a limit, or another tenant to none.

What the API server itself maintains obeys these rules: its own FlowSchemas before ours are for components of
the control plane, and for health probes.
"""

from __future__ import annotations

from sovereign_ai.plan import FLOW_PRECEDENCE, HAND_SIZE, QUEUE_LENGTH, QUEUES
from sovereign_ai.rules.controls import GDPR_SECURITY
from sovereign_ai.rules.duties import NIS2_CONTINUITY
from sovereign_ai.rules.rule import OBJECT_PLACES, Rule, RuleCheck

MOST_SHARES = 100
"""Shares that a level may have which is not ours: as many as the largest of Kubernetes' own."""
_NAME = "object.metadata.name"
_IS_RENDERED = f"$request_levels.exists(l, l[0] == {_NAME})"
_RULES = "(has(object.spec) && has(object.spec.rules) ? object.spec.rules : [])"
_SUBJECTS = (
    f'[{_NAME}] + object.spec.rules[0].subjects.map(s, s.kind == "Group" ? "Group " + s.group.name'
    ' : s.kind == "User" ? "User " + s.user.name : "")'
)
_MATCHES_EVERY_REQUEST = (
    "has(object.spec.rules[0].resourceRules) && object.spec.rules[0].resourceRules.exists(r,"
    ' "*" in r.verbs && "*" in r.apiGroups && "*" in r.resources'
    ' && has(r.clusterScope) && r.clusterScope && has(r.namespaces) && "*" in r.namespaces)'
    " && has(object.spec.rules[0].nonResourceRules) && object.spec.rules[0].nonResourceRules.exists(r,"
    ' "*" in r.verbs && "*" in r.nonResourceURLs)'
)
# Left out, or 0, it is 1000 by the API server's own defaults (DefaultFlowSchemaMatchingPrecedence).
_PRECEDENCE = (
    "(has(object.spec.matchingPrecedence) && object.spec.matchingPrecedence != 0"
    " ? object.spec.matchingPrecedence : 1000)"
)
_FLOW_IS_AS_RENDERED = (
    f"!({_IS_RENDERED}) || (size({_RULES}) == 1 && {_PRECEDENCE} == {FLOW_PRECEDENCE}"
    f" && object.spec.priorityLevelConfiguration.name == {_NAME}"
    ' && has(object.spec.distinguisherMethod) && object.spec.distinguisherMethod.type == "ByUser"'
    f" && $request_flows.exists(f, f == {_SUBJECTS}) && {_MATCHES_EVERY_REQUEST})"
)
_IS_LATER = f"(has(object.spec) && {_PRECEDENCE} > {FLOW_PRECEDENCE})"
# A name of a person says nothing about the person's groups, so that no person may come before us.
_IS_COMPONENT = (
    '(s.kind == "ServiceAccount" ? !(s.serviceAccount.namespace in $namespaces)'
    ' : s.kind == "Group" ? s.group.name.startsWith("system:")'
    ' && !(s.group.name in ["system:authenticated", "system:unauthenticated", "system:serviceaccounts"])'
    ' && $namespaces.all(n, s.group.name != "system:serviceaccounts:" + n)'
    ' : s.kind == "User" ? s.user.name.startsWith("system:") && s.user.name != "system:anonymous"'
    ' && $namespaces.all(n, !s.user.name.startsWith("system:serviceaccount:" + n + ":"))'
    " : false)"
)
# Of the API server's own `probes`: whoever is alive may ask whether it is.
_IS_HEALTH = (
    "((!has(r.resourceRules) || size(r.resourceRules) == 0) && has(r.nonResourceRules)"
    ' && r.nonResourceRules.all(p, p.nonResourceURLs.all(u, u in ["/healthz", "/livez", "/readyz"])))'
)
_LEAVES_PRECEDENCE = (
    f"{_IS_RENDERED} || {_IS_LATER} || {_RULES}.all(r, r.subjects.all(s, {_IS_COMPONENT}) || {_IS_HEALTH})"
)
_LEAVES_LEVELS = (
    f"{_IS_RENDERED} || !has(object.spec) || !has(object.spec.priorityLevelConfiguration)"
    " || !$request_levels.exists(l, l[0] == object.spec.priorityLevelConfiguration.name)"
)
FLOWS = Rule(
    id="APF-001",
    title="Requests of each tenant go to the tenant's own priority level, and those of nobody else",
    severity="high",
    rationale=(
        "The API server takes the first FlowSchema that matches. One that comes before the tenants' frees a "
        "tenant from its limit, or takes the seats of another."
    ),
    remediation=(
        "leave the rendered FlowSchemas as they are; give others a matchingPrecedence above "
        f"{FLOW_PRECEDENCE} and a level of their own"
    ),
    controls=(NIS2_CONTINUITY, GDPR_SECURITY),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(("FlowSchema",), "spec", _FLOW_IS_AS_RENDERED, "it is not as it was rendered"),
        RuleCheck(
            ("FlowSchema",),
            "spec.matchingPrecedence",
            _LEAVES_PRECEDENCE,
            "it comes before those of the tenants, and is not for components of the control plane alone",
        ),
        RuleCheck(
            ("FlowSchema",),
            "spec.priorityLevelConfiguration",
            _LEAVES_LEVELS,
            "it takes seats of a tenant or of the platform for others",
        ),
    ),
)

_LIMITED = "object.spec.limited"
_QUEUING = f"{_LIMITED}.limitResponse.queuing"
_LEVEL_IS_AS_RENDERED = (
    f'!({_IS_RENDERED}) || (has(object.spec) && object.spec.type == "Limited" && has({_LIMITED})'
    f" && has({_LIMITED}.nominalConcurrencyShares)"
    f" && $request_levels.exists(l, l[0] == {_NAME}"
    f" && l[1] == string({_LIMITED}.nominalConcurrencyShares))"
    f" && (!has({_LIMITED}.lendablePercent) || {_LIMITED}.lendablePercent == 0)"
    f" && has({_LIMITED}.borrowingLimitPercent) && {_LIMITED}.borrowingLimitPercent == 0"
    f' && has({_LIMITED}.limitResponse) && {_LIMITED}.limitResponse.type == "Queue" && has({_QUEUING})'
    f" && {_QUEUING}.queues == {QUEUES} && {_QUEUING}.handSize == {HAND_SIZE}"
    f" && {_QUEUING}.queueLengthLimit == {QUEUE_LENGTH})"
)


def _has_few_shares(part: str) -> str:
    """Return CEL that a part of a level's specification states no more shares than others may have."""
    path = f"object.spec.{part}"
    shares = f"{path}.nominalConcurrencyShares"
    return f"(!has({path}) || !has({shares}) || {shares} <= {MOST_SHARES})"


_LEVEL_IS_LIMITED = (
    f'{_IS_RENDERED} || !has(object.spec) || ((object.spec.type == "Limited" || {_NAME} == "exempt")'
    f" && {_has_few_shares('limited')} && {_has_few_shares('exempt')})"
)
LEVELS = Rule(
    id="APF-002",
    title="Priority levels of tenants and platform have their planned shares, and no other level takes them",
    severity="high",
    rationale=(
        "A level's seats are its part of the sum of all shares. A level without a limit, or with shares by "
        "the thousand, leaves nothing to the tenants."
    ),
    remediation=(
        "leave the rendered levels as they are; "
        f"give others the type Limited and at most {MOST_SHARES} shares"
    ),
    controls=(NIS2_CONTINUITY, GDPR_SECURITY),
    places=OBJECT_PLACES,
    checks=(
        RuleCheck(
            ("PriorityLevelConfiguration",), "spec", _LEVEL_IS_AS_RENDERED, "it is not as it was rendered"
        ),
        RuleCheck(
            ("PriorityLevelConfiguration",),
            "spec",
            _LEVEL_IS_LIMITED,
            "it has no limit, or so many shares that others have no seats",
        ),
    ),
)

RULES = (FLOWS, LEVELS)
