"""Rules on RBAC: no role or binding in a zone's namespaces reopens what other rules close.

Admission sees no reads and no `exec` into a running pod. Roles decide who may do these, so the roles are
judged. A tenant's own people may work in their own namespace; nobody else's rights may lead there.
"""

from __future__ import annotations

from collections.abc import Iterable

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
from sovereign_ai.rules.judgement import Severity
from sovereign_ai.rules.rbac.escalation import SHOW_SECRETS
from sovereign_ai.rules.rbac.subjects import (
    ACCOUNT,
    ACCOUNTS,
    ALL_USERS,
    ANONYMOUS,
    NODE,
    STOCK,
    TENANT,
    each_in_cel,
    is_account_in_cel,
)
from sovereign_ai.rules.rule import OBJECT_PLACES, DecisionPlace, Rule, RuleCheck

_READ = '["get", "list", "watch"]'
_WRITE = '["create", "update", "patch", "delete", "deletecollection"]'
_WAYS_IN = (
    '["pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy", "nodes/proxy", '
    '"pods/ephemeralcontainers",'
    ' "pods/binding", "bindings"]'
)
_ISSUERS = (
    '["serviceaccounts/token", "certificatesigningrequests", "certificatesigningrequests/approval", '
    '"signers"]'
)
# The API server takes the word of whoever makes one for the pod and the account that it is for.
_OF_PODS = '["podcertificaterequests", "podcertificaterequests/approval", "podcertificaterequests/status"]'
_FENCES = (
    '["networkpolicies", "resourcequotas", "resourcequotas/status", "limitranges", "endpoints", '
    '"endpointslices", "serviceaccounts",'
    ' "services/status", "resourceclaims/status", "namespaces", "namespaces/finalize", "namespaces/status",'
    ' "pods/status"]'
)
"""Resources that confine a namespace.

A role in a namespace may grant writing the namespace itself, whose labels are its Pod Security level: whoever
also makes pods there has the machine. By its status a quota counts as unused, a service receives the traffic
to others' addresses, and a claim holds others' devices. Where a pod is, its status says: a service leads
there, and network plugins take its address for that of the pod.
"""
_OTHER_FENCES = (
    "(?:[a-z]networkpolicies|networksets|cidrgroups|egressfirewalls|authorizationpolicies|ciliumendpoints)$"
)
"""Network policies in the languages of network plugins and meshes, and what says there whose an address is.

Also a kind that a plugin adds later ends so, such as Calico's `stagednetworkpolicies`.
"""
_RIGHTS = '["roles", "rolebindings"]'
# `?` is no tenant's name: a namespace without a tenant shares its rights with nobody.
_TENANT = '(object.metadata.namespace in $tenants ? $tenants[object.metadata.namespace] : "?")'


def _rule(
    number: int,
    title: str,
    severity: Severity,
    rationale: str,
    remediation: str,
    controls: tuple[Control, ...],
    *checks: RuleCheck,
    elsewhere: tuple[tuple[DecisionPlace, str], ...] = (),
) -> Rule:
    """Return one rule of this module; each serves the same three requirements on access."""
    common = (NIS2_ACCESS, NSA_ACCESS, C3A_STAFF)
    places = OBJECT_PLACES - {place for place, _ in elsewhere}
    return Rule(
        f"RBC-{number:03}",
        title,
        severity,
        rationale,
        remediation,
        (*common, *controls),
        places,
        checks,
        elsewhere=elsewhere,
    )


def _words(words: Iterable[str]) -> str:
    """Return a CEL list of texts."""
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"


_STOCK = [f"{role} Group {group}" for role, group in STOCK]
_SHOWN_BY_READING = (
    '["secrets", "pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy"]'
)
"""Resources that show secrets, or reach into pods, to whoever may `get` them; those below `nodes` too."""
# `*/exec` is a wildcard too, so every `*` in a resource counts.
_NO_WILDCARD = (
    '(!has(r.apiGroups) || !("*" in r.apiGroups)) && (!has(r.resources)'
    ' || r.resources.all(x, !x.contains("*"))) && !("*" in r.verbs)'
)
# Resources of the whole cluster, which no role that is bound in a namespace needs.
# To look at them shows nothing of a tenant's; metrics-server adds `nodes` of its own group to `edit`.
_CLUSTER_RESOURCES = (
    *("apiservices", "certificatesigningrequests", "clusterrolebindings", "clusterroles"),
    *("clustertrustbundles", "csidrivers", "csinodes", "customresourcedefinitions", "deviceclasses"),
    *("devicetaintrules", "flowschemas", "ingressclasses", "ipaddresses", "leasecandidates"),
    *("mutatingadmissionpolicies", "mutatingadmissionpolicybindings", "mutatingwebhookconfigurations"),
    *("namespaces", "nodes", "persistentvolumes", "priorityclasses", "prioritylevelconfigurations"),
    *("resourcepoolstatusrequests", "resourceslices", "runtimeclasses", "servicecidrs", "storageclasses"),
    *("storageversionmigrations", "storageversions", "validatingadmissionpolicies"),
    *("validatingadmissionpolicybindings", "validatingwebhookconfigurations", "volumeattachments"),
    *("volumeattributesclasses", "volumegroupsnapshotclasses", "volumegroupsnapshotcontents"),
    *("volumesnapshotclasses", "volumesnapshotcontents"),
)
"""Resources outside namespaces that Kubernetes 1.37 and its snapshots have."""
_NAMES_OF_OTHERS = '["signers", "users", "groups", "userextras", "uids"]'
_LABELLED = (
    '(has(object.metadata.labels) && "rbac.authorization.k8s.io/aggregate-to-{0}" in object.metadata.labels'
    ' && object.metadata.labels["rbac.authorization.k8s.io/aggregate-to-{0}"] == "true")'
)
_ADDS_TO_VIEW = f'(object.metadata.name == "view" || {_LABELLED.format("view")})'
_ADDS_TO_EDIT = (
    f'(object.metadata.name in ["edit", "admin"] || {_LABELLED.format("edit")}'
    f" || {_LABELLED.format('admin')})"
)
_OPEN_URLS = (
    "/.well-known/openid-configuration",
    "/.well-known/openid-configuration/",
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    "/openid/v1/jwks",
    "/openid/v1/jwks/",
    "/readyz",
    "/version",
    "/version/",
)
_ABOUT_ONESELF = ("selfsubjectaccessreviews", "selfsubjectreviews", "selfsubjectrulesreviews")
"""What Kubernetes 1.37 lets everybody reach (bootstrappolicy/policy.go): reviews about oneself."""


def _role(condition: str, message: str) -> RuleCheck:
    """Return a check that each rule of a role meets a condition."""
    # The API server may give an empty list of rules as null.
    return RuleCheck(
        ("Role",),
        "rules",
        f"!has(object.rules) || object.rules == null || object.rules.all(r, {condition})",
        message,
    )


def _cluster_role(which: str, condition: str, message: str) -> RuleCheck:
    """Return a check that each rule of some cluster roles meets a condition."""
    rules = f"!has(object.rules) || object.rules == null || object.rules.all(r, {condition})"
    return RuleCheck(("ClusterRole",), "rules", f"!({which}) || {rules}", message)


def _without(resources: str, verbs: str = "") -> str:
    """Return CEL: a rule of a role grants none of the verbs (or nothing at all) on resources."""
    none = f"!has(r.resources) || r.resources.all(x, !(x in {resources}))"
    return f"{none} || r.verbs.all(v, !(v in {verbs}))" if verbs else none


WILDCARDS = _rule(
    1,
    "Roles name what they grant",
    "critical",
    "A wildcard grants what nobody has thought of: exec, tokens, secrets, and whatever the next release "
    "adds.",
    "list API groups, resources and verbs",
    (CIS_WILDCARDS,),
    _role(_NO_WILDCARD, "it grants by wildcard"),
)
# The answer to a patch or a deletion holds the secret, too. These show all, even where the rule names some.
_SHOW_ALL = '["deletecollection", "list", "watch"]'
_READS_NAMED_SECRETS = (
    f'!has(r.resources) || !("secrets" in r.resources) || r.verbs.all(v, !(v in {_words(SHOW_SECRETS)}))'
    " || object.metadata.name in $secret_readers"
    " || (has(r.resourceNames) && size(r.resourceNames) > 0"
    f" && r.verbs.all(v, !(v in {_SHOW_ALL})))"
)
SECRETS = _rule(
    2,
    "Only a tenant's own role reads its secrets",
    "high",
    "A list of secrets shows their content: keys, tokens and passwords of everything in the namespace. So do "
    "the answers to a patch and to a deletion, also to a dry run.",
    "grant `get` on secrets by resourceNames, or nothing",
    (CIS_SECRETS,),
    _role(
        _READS_NAMED_SECRETS,
        "it reads every secret of the namespace",
    ),
)
_ESCALATES_NOTHING = 'r.verbs.all(v, !(v in ["escalate", "bind"]) && !v.startsWith("impersonate"))'
_WRITES_NO_RIGHTS = _without(_RIGHTS, _WRITE)
ESCALATION = _rule(
    3,
    "No role grants the making of rights",
    "critical",
    "Whoever may escalate, bind or impersonate has every right that there is to be had.",
    "leave roles, bindings, escalate, bind and impersonate to the platform",
    (CIS_ESCALATION,),
    # Since 1.35 there are verbs such as `impersonate:serviceaccount` beside `impersonate`.
    _role(
        _ESCALATES_NOTHING,
        "it may escalate, bind or impersonate",
    ),
    _role(_WRITES_NO_RIGHTS, "it writes roles or their bindings"),
)
_HAS_NO_WAY_IN = _without(_WAYS_IN)
WAYS_IN = _rule(
    4,
    "No role grants a way into running pods, services or nodes",
    "critical",
    "exec, attach, port-forward and the proxies reach into a pod past every network policy, and no "
    "admission sees what is done there.",
    "leave the subresources out; in an emergency give access that ends with `sovereign-ai access grant`",
    (CIS_NODE_PROXY,),
    _role(_HAS_NO_WAY_IN, "it reaches into running pods, services or nodes"),
)
_ISSUES_NOTHING = f"({_without(_ISSUERS)}) && ({_without(_OF_PODS, _WRITE)})"
ISSUERS = _rule(
    5,
    "No role in a zone makes tokens or certificates",
    "high",
    "Whoever issues identities is whoever they like, and outlives the binding that is taken away.",
    "leave tokens to the pods' own projection and certificates to the platform",
    (CIS_TOKEN_CREATION, CIS_CSR),
    _role(_ISSUES_NOTHING, "it makes tokens or certificates"),
)
_IS_NO_FENCE = f'!(x in {_FENCES}) && !x.matches("{_OTHER_FENCES}")'
_WRITES_NO_FENCE = (
    f"!has(r.resources) || r.resources.all(x, {_IS_NO_FENCE}) || r.verbs.all(v, !(v in {_WRITE}))"
)
FENCES = _rule(
    6,
    "No role in a zone writes its own fence",
    "critical",
    "Network policies add up: whoever may write one opens the zone. Quotas, endpoints and service accounts "
    "are fences too.",
    "leave network policies, quotas, limits, endpoints, service accounts and namespaces to the platform",
    (),
    _role(
        _WRITES_NO_FENCE,
        "it writes network policies, quotas, limits, endpoints, service accounts or its namespace",
    ),
)
# The group of the namespace's own service accounts is the one exception.
_HAS_NAMED_SUBJECTS = each_in_cel(
    f'!(p.startsWith("Group system:") && p != "Group {ACCOUNTS}:" + object.metadata.namespace)'
    f' && p != "User {ANONYMOUS}" && !p.startsWith("User {NODE}")'
)
FOR_ALL_USERS = _rule(
    7,
    "No binding in a zone is for everybody",
    "critical",
    "Groups such as system:authenticated hold every identity of the cluster, also those of other tenants.",
    "bind the tenant's own group",
    (CIS_MASTERS,),
    RuleCheck(
        ("RoleBinding",),
        "subjects",
        _HAS_NAMED_SUBJECTS,
        "it is for a group of the system, which other tenants are in, for a machine, or for nobody in "
        "particular",
    ),
)
_PEOPLE_ARE_OWN = 'variables.zone == "" || ' + each_in_cel(
    f'!p.startsWith("Group {TENANT}") || p == "Group {TENANT}" + {_TENANT}'
    f' || p == "Group {TENANT}" + {_TENANT} + ":viewers"'
)
_WORKLOADS_ARE_OWN = each_in_cel(
    f'!p.startsWith("User {ACCOUNT}") || {is_account_in_cel("object.metadata.namespace")}'
    f" || {is_account_in_cel('$system')}"
    f" || $tenants.exists(n, $tenants[n] == {_TENANT} && {is_account_in_cel('n')})"
)
OTHER_TENANTS = _rule(
    8,
    "No binding in a tenant's namespace is for another tenant",
    "critical",
    "A right that leads from one tenant's people or workloads into another's namespace joins what the zones "
    "keep apart.",
    "bind the groups of the namespace's own tenant, or service accounts of its own namespaces",
    (),
    RuleCheck(
        ("RoleBinding",),
        "subjects",
        _PEOPLE_ARE_OWN,
        "it lets another tenant's people in",
    ),
    RuleCheck(
        ("RoleBinding",),
        "subjects",
        _WORKLOADS_ARE_OWN,
        "it lets workloads of another namespace in",
    ),
)
# Of the cluster's roles only `view` leaves out secrets in every release.
_ROLE_IS_OWN = 'object.roleRef.kind == "Role" || object.roleRef.name == "view"'
CLUSTER_ROLES = _rule(
    9,
    "Bindings in a zone refer to roles of the zone",
    "high",
    "The cluster's own roles change with each release and each add-on that aggregates into them; `admin` "
    "and `edit` reach into pods.",
    "refer to a Role of the namespace; of the cluster's roles only `view` shows no secrets",
    (CIS_ADMIN,),
    RuleCheck(
        ("RoleBinding",),
        "roleRef",
        _ROLE_IS_OWN,
        "it grants a role of the cluster, whose content is not the zone's",
    ),
)
_IS_FOR_NO_TENANT = each_in_cel(
    f'!p.startsWith("Group {TENANT}") && !$tenants.exists(n, {is_account_in_cel("n")}'
    f' || p == "Group {ACCOUNTS}:" + n)',
    '""',
)
# The bindings that every API server creates for everybody are permitted.
_IS_NOT_FOR_ALL_USERS = each_in_cel(
    f'!(p in {_words(ALL_USERS)}) || object.roleRef.name + " " + p in {_words(_STOCK)}', '""'
)
CLUSTER_WIDE = _rule(
    10,
    "No tenant has rights on the whole cluster",
    "critical",
    "A binding for the whole cluster holds in every namespace, those of other zones among them.",
    "bind a role in the tenant's own namespace",
    (CIS_ADMIN,),
    RuleCheck(
        ("ClusterRoleBinding",),
        "subjects",
        _IS_FOR_NO_TENANT,
        "it gives a tenant's people or workloads rights in every namespace",
    ),
    RuleCheck(
        ("ClusterRoleBinding",),
        "subjects",
        _IS_NOT_FOR_ALL_USERS,
        "it gives everybody rights in every namespace, tenants' people and workloads among them",
    ),
)
# A role that is bound in a namespace opens no URL there, so that one is added for whoever has it everywhere.
_OPENS_NO_URL = "!has(r.nonResourceURLs)"
_READS_NO_SECRET = (
    f'!has(r.resources) || r.resources.all(x, !x.startsWith("nodes/") && !(x in {_SHOWN_BY_READING}))'
)
_IS_READ_ONLY = f"r.verbs.all(v, v in {_READ}) && {_NO_WILDCARD} && ({_READS_NO_SECRET}) && {_OPENS_NO_URL}"
# Of a machine everything below it is its kubelet: commands in pods, logs, the memory of containers.
_IS_BEYOND_EDIT = f'(x.startsWith("nodes/") || x.split("/")[0] in {_NAMES_OF_OTHERS})'
_IS_OF_CLUSTER = f'x.split("/")[0] in {_words(_CLUSTER_RESOURCES)}'
_STAYS_IN_NAMESPACE = (
    f"{_NO_WILDCARD} && {_OPENS_NO_URL}"
    f" && (!has(r.resources) || r.resources.all(x, !{_IS_BEYOND_EDIT}))"
    f" && (!has(r.resources) || r.resources.all(x, !({_IS_OF_CLUSTER})) || r.verbs.all(v, v in {_READ}))"
    ' && r.verbs.all(v, !(v in ["escalate", "bind"])'
    ' && (!v.startsWith("impersonate")'
    ' || (has(r.resources) && r.resources.all(x, x == "serviceaccounts"))))'
)
_IS_AS_IN_KUBERNETES = (
    f"(!has(r.nonResourceURLs) || r.nonResourceURLs.all(u, u in {_words(_OPEN_URLS)}))"
    f" && (!has(r.resources) || r.resources.all(x, x in {_words(_ABOUT_ONESELF)})"
    f' || (r.resources.all(x, x == "clustertrustbundles") && r.verbs.all(v, v in {_READ})))'
)
WIDENED = _rule(
    11,
    "No role of the cluster that tenants hold is widened",
    "critical",
    "Roles that are labelled for it add to `view`, `edit` and `admin`, and to the right of everybody who "
    "has these already; so does a change to a role that every API server binds to everybody.",
    "give rights in a role of its own, and bind that; leave Kubernetes' own roles as they come",
    (CIS_ESCALATION, CIS_WILDCARDS),
    _cluster_role(
        _ADDS_TO_VIEW,
        _IS_READ_ONLY,
        "it adds more to `view` than looking at what holds no secret",
    ),
    _cluster_role(
        _ADDS_TO_EDIT,
        _STAYS_IN_NAMESPACE,
        "it adds rights to `edit` or `admin` that lead out of the namespace",
    ),
    _cluster_role(
        f"object.metadata.name in {_words(sorted({role for role, _ in STOCK}))}",
        _IS_AS_IN_KUBERNETES,
        "it gives everybody more than Kubernetes does",
    ),
)
_IS_NOT_ENDLESS = '!has(object.type) || object.type != "kubernetes.io/service-account-token"'
ENDLESS = _rule(
    12,
    "No secret is a service account's token without an end",
    "high",
    "A token that is stored as a secret ends with the secret alone, whatever becomes of the pod, the person "
    "and the reason for it.",
    "let pods have the token that is projected into them, which ends within the hour",
    (CIS_TOKEN_CREATION, CIS_SECRETS),
    RuleCheck(
        ("Secret",),
        "type",
        _IS_NOT_ENDLESS,
        "it has the control plane write a token that never ends into it",
    ),
    elsewhere=(
        (
            "live",
            "the audit reads no secrets; LIV-001 names who can, and so use tokens that are stored in them",
        ),
    ),
)

RULES = (
    WILDCARDS,
    SECRETS,
    ESCALATION,
    WAYS_IN,
    ISSUERS,
    FENCES,
    FOR_ALL_USERS,
    OTHER_TENANTS,
    CLUSTER_ROLES,
    CLUSTER_WIDE,
    WIDENED,
    ENDLESS,
)
