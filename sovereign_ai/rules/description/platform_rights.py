"""Rules on what the platform's controllers may do: by their roles, and by what the API server asks them.

A controller's objects are deployed with the factory, so its rights are declared ones, which the audit of a
cluster does not report. They are judged here instead, before anything is deployed: all rights together, and
what they lead to. What is meant to be so is a waiver.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from sovereign_ai.names import KEYS, SYSTEM_NAMESPACE
from sovereign_ai.plan import Plan, is_namespaced, plan_manifests
from sovereign_ai.rules.controls import C3A_STAFF, CIS_ADMIN, CIS_SECRETS, CIS_WEBHOOKS, ECSF_DATA
from sovereign_ai.rules.description.residency import PLAN, make_finding
from sovereign_ai.rules.duties import NIS2_ACCESS
from sovereign_ai.rules.judgement import RuleFinding
from sovereign_ai.rules.rbac.closure import Rights
from sovereign_ai.rules.rbac.control_plane import CONTROLLER_ACCOUNTS
from sovereign_ai.rules.rbac.grants import LEVELS, NODES, POLICIES, SECRETS, SHELLS, effective_grants
from sovereign_ai.rules.rule import Rule
from sovereign_ai.spec import (
    ADMISSION,
    RBAC,
    AIFactory,
    api_group,
    defined_kind,
    manifest_title,
    wrong_shapes,
)

Object = Mapping[str, Any]
_RIGHTS = (SECRETS, SHELLS, POLICIES, NODES, LEVELS)
_EVERYWHERE = frozenset({"", "kube-system", SYSTEM_NAMESPACE})
"""Namespaces in which a controller has nothing of its own; what it holds in its own is its own business."""
_CONTROL_PLANE = "kube-system"
_ACCOUNT_FIELDS = frozenset({"serviceAccount", "serviceAccountName"})
_WEBHOOKS = frozenset({"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"})
_GROUPS = {
    **dict.fromkeys(("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"), RBAC),
    **dict.fromkeys(_WEBHOOKS, ADMISSION),
}
"""Kind to API group of what gives rights and of what is asked."""
_SECRETS = frozenset({"secrets", "*", "*/*", "secrets/*"})
_KNOWN_ROLES = frozenset(
    {
        "ClusterRole system:auth-delegator",
        "ClusterRole system:discovery",
        "ClusterRole view",
        "Role extension-apiserver-authentication-reader",
    }
)
"""Roles of Kubernetes 1.37 that show no secret and change nothing (its bootstrappolicy/policy.go)."""
_ALL = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, {"nonResourceURLs": ["*"], "verbs": ["*"]}]
_WITHIN = [
    {"apiGroups": [""], "resources": ["secrets", "pods", "pods/exec", "services"], "verbs": ["*"]},
    {"apiGroups": ["apps", "batch"], "resources": ["*"], "verbs": ["*"]},
]
"""Of `admin` and `edit`, what matters here."""
_STOCK = {"cluster-admin": _ALL, "admin": _WITHIN, "edit": _WITHIN}
_OUTSIDE_GROUPS = (
    "metrics.k8s.io",
    "custom.metrics.k8s.io",
    "external.metrics.k8s.io",
    "visibility.kueue.x-k8s.io",
)
"""API groups of Kubernetes and its projects that are left to servers beside the API server."""
_OF_KUBERNETES = re.compile(r"(?:.+[.-])?k8s\.io")
"""API groups of Kubernetes, and of its projects: `x-k8s.io` and what is below it."""


def _find_rights(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterator[RuleFinding]:
    """Yield the rights of controllers that reach what is not theirs, at the binding that opens each."""
    manifests = plan_manifests(factory)
    fields = {manifest.title: manifest.field for manifest in manifests}
    if not fields:
        return
    # A kind of that name in another group may be a role there too, as OpenShift's are, or anything else.
    objects: list[Object] = [
        manifest.obj
        for manifest in manifests
        if not any(wrong_shapes(manifest.obj, _GROUPS.get(manifest.obj["kind"], "")))
    ]
    objects += (role for role in _stock_roles() if manifest_title(role) not in fields)
    rights = Rights(objects)
    for right in _RIGHTS:
        for grant in effective_grants(rights, right):
            if grant.namespace in _EVERYWHERE and grant.binding in fields:
                yield make_finding(rule, grant.binding, fields[grant.binding], str(grant))
    for dangling in rights.dangling:
        if dangling.role not in _KNOWN_ROLES and dangling.binding in fields:
            message = (
                f"it binds {dangling.role}, which is not among the manifests: nobody knows what it grants"
            )
            yield make_finding(rule, dangling.binding, fields[dangling.binding], message)


def _stock_roles() -> Iterator[Object]:
    """Yield the roles of Kubernetes that give many rights."""
    for name, rules in _STOCK.items():
        yield {"kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}


def _find_all_rights(rule: Rule, factory: AIFactory, plan: Plan) -> Iterator[RuleFinding]:
    """Yield the rights of controllers by bindings, and by accounts that are not theirs."""
    yield from _find_rights(rule, factory, plan)
    manifests = plan_manifests(factory)
    titles = {manifest.title for manifest in manifests}
    for manifest in manifests:
        for message in _account_problems(manifest.obj, titles):
            yield make_finding(rule, manifest.title, manifest.field, message)


def _account_problems(obj: Object, titles: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with the accounts that pods of an object run as in the control plane's namespace.

    Whoever runs there as an account of Kubernetes' own controllers has their rights, without any binding.

    Args:
        obj: the object.
        titles: the names of all objects of the manifests.
    """
    if obj["metadata"].get("namespace") != _CONTROL_PLANE:
        return
    for name in sorted(set(_accounts(obj)) - {"", "default"}):
        account = f"ServiceAccount/{_CONTROL_PLANE}/{name}"
        if name in CONTROLLER_ACCOUNTS:
            yield f"it runs as {account}, which has the rights of Kubernetes' own controller"
        elif account not in titles:
            yield f"it runs as {account}, which is not among the manifests: nobody knows what it may do"


def _accounts(value: Any) -> Iterator[str]:
    """Yield the names of service accounts in a value, wherever a pod stands in it."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name in _ACCOUNT_FIELDS and isinstance(inner, str):
                yield inner
            else:
                yield from _accounts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _accounts(inner)


def _find_listeners(rule: Rule, factory: AIFactory, _plan: Plan) -> Iterator[RuleFinding]:
    """Yield webhooks that are sent secrets, and servers that answer for kinds that are not theirs."""
    manifests = plan_manifests(factory)
    objects = {manifest.title: manifest.obj for manifest in manifests}
    for manifest in manifests:
        for reason in (*_reasons(manifest.obj), *_reasons_of_server(manifest.obj, objects)):
            yield make_finding(rule, manifest.title, manifest.field, reason)


def _reasons(obj: Object) -> Iterator[str]:
    """Yield what is wrong with what a webhook is asked; nothing for any other object."""
    if obj["kind"] in _WEBHOOKS and api_group(obj) == ADMISSION:
        for webhook in obj.get("webhooks") or ():
            if any(map(_is_about_secrets, webhook.get("rules") or ())):
                yield f"the webhook {webhook.get('name')} is sent every secret that is written"


def _reasons_of_server(obj: Object, objects: Mapping[str, Object]) -> Iterator[str]:
    """Yield what is wrong with a server beside the API server; nothing for any other object.

    Args:
        obj: the object.
        objects: all objects of the manifests by their titles.
    """
    if (api_group(obj), obj["kind"]) != ("apiregistration.k8s.io", "APIService"):
        return
    spec = obj.get("spec") or {}
    service = spec.get("service")
    # Without one the API server answers by itself.
    if not service:
        return
    group = str(spec.get("group", ""))
    is_of_kubernetes = is_namespaced(group, "") is not None or _OF_KUBERNETES.fullmatch(group) is not None
    if is_of_kubernetes and group not in _OUTSIDE_GROUPS:
        yield f"its server answers for the API group {group or 'core'}, which is Kubernetes' own"
    elif group in _kept_groups(objects.values()):
        yield f"its server answers for the API group {group}, whose kinds are defined in the cluster"
    title = f"Service/{service.get('namespace')}/{service.get('name')}"
    server = objects.get(title)
    if server is None:
        yield f"{title} is not among the manifests: nobody knows who answers for {group or 'core'}"
    elif not (server.get("spec") or {}).get("selector"):
        yield f"{title} selects no pods: whoever writes its endpoints answers for {group or 'core'}"
    if spec.get("insecureSkipTLSVerify"):
        yield f"the API server does not check who answers for {group or 'core'}"


def _kept_groups(objects: Iterable[Object]) -> set[str]:
    """Return the API groups whose kinds the API server keeps: those that are defined, and the factory's."""
    groups = {KEYS.domain}
    for obj in objects:
        if defined := defined_kind(obj):
            groups.add(defined[0])
    return groups


def _is_about_secrets(rule: Object) -> bool:
    """Return whether a webhook's rule is about secrets."""
    groups, resources = rule.get("apiGroups") or (), rule.get("resources") or ()
    return not {"", "*"}.isdisjoint(groups) and not _SECRETS.isdisjoint(resources)


def _rules() -> Iterable[Rule]:
    """Yield the rules of this module."""
    yield Rule(
        id="PLT-004",
        title="No controller reads all secrets, enters pods, or changes policies, machines or levels",
        severity="critical",
        rationale=(
            "Whoever takes over a controller has its rights in every zone. A right counts also where others "
            "lead to it: who makes pods anywhere mounts any secret."
        ),
        remediation=(
            "take the right out of the mirrored manifest or bind it in the controller's own namespace; where "
            "the controller does not work without it, record a waiver"
        ),
        controls=(NIS2_ACCESS, C3A_STAFF, CIS_SECRETS, CIS_ADMIN),
        places=PLAN,
        decide=_find_all_rights,
    )
    yield Rule(
        id="PLT-005",
        title="No controller is asked by the API server about secrets, or for kinds that are not its own",
        severity="critical",
        rationale=(
            "A webhook is sent whole objects before any of our policies sees them, and an aggregated server "
            "answers in the place of the API server."
        ),
        remediation=(
            "narrow `rules` of the webhook, bring the server's Service with the manifests, or take the "
            "registration out of the mirrored manifest"
        ),
        controls=(CIS_WEBHOOKS, ECSF_DATA, NIS2_ACCESS),
        places=PLAN,
        decide=_find_listeners,
    )


RULES = tuple(_rules())
