"""Rights: no role or binding in a zone's namespaces reopens what everything else closes.

Admission sees no reads and no `exec` into a pod that already runs: who may do these is a matter of
the roles, so the roles are judged. A tenant's own people may work in their own namespace; nobody
else's rights may lead there.
"""

from __future__ import annotations

from sovereign_ai.rules.controls import (
    C3A_STAFF,
    CIS_ADMIN,
    CIS_CSR,
    CIS_ESCALATION,
    CIS_MASTERS,
    CIS_NODE_PROXY,
    CIS_SECRETS,
    CIS_TOKEN_CREATION,
    CIS_WILDCARDS,
    NSA_ACCESS,
    Control,
)
from sovereign_ai.rules.duties import NIS2_ACCESS
from sovereign_ai.rules.judge import Severity
from sovereign_ai.rules.rule import OBJECT_PLACES, Check, Rule

_READ, _WRITE = '["get", "list", "watch"]', '["create", "update", "patch", "delete", "deletecollection"]'
_WAYS_IN = (
    '["pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy", "nodes/proxy", "pods/ephemeralcontainers",'
    ' "pods/binding", "bindings"]'
)
_ISSUERS = '["serviceaccounts/token", "certificatesigningrequests", "certificatesigningrequests/approval", "signers"]'
_FENCES = '["networkpolicies", "resourcequotas", "limitranges", "endpoints", "endpointslices", "serviceaccounts"]'
_RIGHTS = '["roles", "rolebindings"]'
_TENANT = '(object.metadata.namespace in $tenants ? $tenants[object.metadata.namespace] : "?")'


def _rule(
    number: int, title: str, severity: Severity, rationale: str, remediation: str, controls: tuple[Control, ...], *checks: Check
) -> Rule:
    """Make one rule of this room; each serves the same three requirements on access."""
    common = (NIS2_ACCESS, NSA_ACCESS, C3A_STAFF)
    return Rule(f"RBC-{number:03}", title, severity, rationale, remediation, (*common, *controls), OBJECT_PLACES, checks)


def _role(condition: str, message: str) -> Check:
    """Write that each rule of a role meets a condition."""
    return Check(("Role",), "rules", f"!has(object.rules) || object.rules == null || object.rules.all(r, {condition})", message)


def _without(resources: str, verbs: str = "") -> str:
    """Write that a rule of a role grants none of the verbs (or nothing at all) on resources."""
    none = f"!has(r.resources) || r.resources.all(x, !(x in {resources}))"
    return f"{none} || r.verbs.all(v, !(v in {verbs}))" if verbs else none


WILDCARDS = _rule(
    1,
    "Roles name what they grant",
    "critical",
    "A wildcard grants what nobody has thought of: exec, tokens, secrets, and whatever the next release adds.",
    "list API groups, resources and verbs",
    (CIS_WILDCARDS,),
    _role(
        '(!has(r.apiGroups) || !("*" in r.apiGroups)) && (!has(r.resources) || r.resources.all(x, !x.contains("*"))) && !("*" in r.verbs)',
        "it grants by wildcard",
    ),
)
SECRETS = _rule(
    2,
    "Only a tenant's own role reads its secrets",
    "high",
    "A list of secrets shows their content: keys, tokens and passwords of everything in the namespace.",
    "grant `get` on secrets by resourceNames, or nothing",
    (CIS_SECRETS,),
    _role(
        f'!has(r.resources) || !("secrets" in r.resources) || r.verbs.all(v, !(v in {_READ}))'
        " || object.metadata.name in $secret_readers"
        ' || (has(r.resourceNames) && size(r.resourceNames) > 0 && r.verbs.all(v, !(v in ["list", "watch"])))',
        "it reads every secret of the namespace",
    ),
)
ESCALATION = _rule(
    3,
    "No role grants the making of rights",
    "critical",
    "Whoever may escalate, bind or impersonate has every right that there is to be had.",
    "leave roles, bindings, escalate, bind and impersonate to the platform",
    (CIS_ESCALATION,),
    _role('r.verbs.all(v, !(v in ["escalate", "bind", "impersonate"]))', "it may escalate, bind or impersonate"),
    _role(_without(_RIGHTS, _WRITE), "it writes roles or their bindings"),
)
WAYS_IN = _rule(
    4,
    "No role grants a way into running pods, services or nodes",
    "critical",
    "exec, attach, port-forward and the proxies reach into a pod past every network policy, and no admission sees what is done there.",
    "leave the subresources out; in an emergency give access that ends with `sovereign-ai access grant`",
    (CIS_NODE_PROXY,),
    _role(_without(_WAYS_IN), "it reaches into running pods, services or nodes"),
)
ISSUERS = _rule(
    5,
    "No role in a zone makes tokens or certificates",
    "high",
    "Whoever issues identities is whoever they like, and outlives the binding that is taken away.",
    "leave tokens to the pods' own projection and certificates to the platform",
    (CIS_TOKEN_CREATION, CIS_CSR),
    _role(_without(_ISSUERS), "it makes tokens or certificates"),
)
FENCES = _rule(
    6,
    "No role in a zone writes its own fence",
    "critical",
    "Network policies add up: whoever may write one opens the zone. Quotas, endpoints and service accounts are fences too.",
    "leave network policies, quotas, limits, endpoints and service accounts to the platform",
    (),
    _role(_without(_FENCES, _WRITE), "it writes network policies, quotas, limits, endpoints or service accounts"),
)
EVERYBODY = _rule(
    7,
    "No binding in a zone is for everybody",
    "critical",
    "Groups such as system:authenticated hold every identity of the cluster, also those of other tenants.",
    "bind the tenant's own group",
    (CIS_MASTERS,),
    Check(
        ("RoleBinding",),
        "subjects",
        "!has(object.subjects) || object.subjects.all(s,"
        ' !(s.kind == "Group" && s.name.startsWith("system:") && s.name != "system:serviceaccounts:" + object.metadata.namespace)'
        ' && !(s.kind == "User" && s.name == "system:anonymous"))',
        "it is for a group of the system, which other tenants are in, or for nobody in particular",
    ),
)
STRANGERS = _rule(
    8,
    "No binding in a tenant's namespace is for another tenant",
    "critical",
    "A right that leads from one tenant's people or workloads into another's namespace joins what the zones keep apart.",
    "bind the groups of the namespace's own tenant, or service accounts of its own namespaces",
    (),
    Check(
        ("RoleBinding",),
        "subjects",
        'variables.zone == "" || !has(object.subjects) || object.subjects.all(s, s.kind != "Group" || !s.name.startsWith("tenant:")'
        f' || s.name == "tenant:" + {_TENANT} || s.name == "tenant:" + {_TENANT} + ":viewers")',
        "it lets another tenant's people in",
    ),
    Check(
        ("RoleBinding",),
        "subjects",
        '!has(object.subjects) || object.subjects.all(s, s.kind != "ServiceAccount" || !has(s.namespace) || s.namespace == ""'
        " || s.namespace == object.metadata.namespace || s.namespace == $system"
        f" || (s.namespace in $tenants && $tenants[s.namespace] == {_TENANT}))",
        "it lets workloads of another namespace in",
    ),
)
CLUSTER_ROLES = _rule(
    9,
    "Bindings in a zone refer to roles of the zone",
    "high",
    "The cluster's own roles change with each release and each add-on that aggregates into them; `admin` and `edit` reach into pods.",
    "refer to a Role of the namespace; of the cluster's roles only `view` shows no secrets",
    (CIS_ADMIN,),
    Check(
        ("RoleBinding",),
        "roleRef",
        'object.roleRef.kind == "Role" || object.roleRef.name == "view"',
        "it grants a role of the cluster, whose content is not the zone's",
    ),
)
CLUSTER_WIDE = _rule(
    10,
    "No tenant has rights on the whole cluster",
    "critical",
    "A binding for the whole cluster holds in every namespace, those of other zones among them.",
    "bind a role in the tenant's own namespace",
    (CIS_ADMIN,),
    Check(
        ("ClusterRoleBinding",),
        "subjects",
        '!has(object.subjects) || object.subjects.all(s, !(s.kind == "Group" && s.name.startsWith("tenant:"))'
        ' && !(s.kind == "ServiceAccount" && has(s.namespace) && s.namespace in $tenants))',
        "it gives a tenant's people or workloads rights in every namespace",
    ),
)

RULES = (WILDCARDS, SECRETS, ESCALATION, WAYS_IN, ISSUERS, FENCES, EVERYBODY, STRANGERS, CLUSTER_ROLES, CLUSTER_WIDE)
