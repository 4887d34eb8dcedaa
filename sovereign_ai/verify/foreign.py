"""Find foreign objects: rights, openings and limits that are live and do not come from the description.

In the stack's namespaces every object of a governed kind must be declared. Outside them an object is foreign
where it reaches in: a binding that gives rights to the tenants' groups, to the stack's service accounts or to
everybody, a namespace that claims one of the zones or tenants, and a binding of one of the stack's admission
policies. Break-glass access is foreign for as long as it is open, whoever granted it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.render.kubernetes import is_of_platform
from sovereign_ai.rules.objects import break_glass
from sovereign_ai.rules.rbac import ALL_USERS, STOCK, account_of, accounts_in, principal
from sovereign_ai.verify.findings import ClusterFinding, foreign, resource
from sovereign_ai.verify.kinds import ADMISSION, GOVERNED, MACHINES, RBAC, WORKLOADS
from sovereign_ai.verify.manifest_fields import is_applied
from sovereign_ai.verify.observation import Observed

_STOCK = frozenset((name, f"Group {group}") for name, group in STOCK)
"""The cluster role bindings that every API server creates for everybody, with their groups.

Each is called as its role. They are known by name and group: anybody can set the label that marks them, and
one more group on a stock binding is foreign.
"""
_DECLARE = "remove it, or declare it in the description and run `sovereign-ai up`"

Object = Mapping[str, Any]


def foreign_objects(observed: Observed, wanted: Iterable[Object]) -> Iterator[ClusterFinding]:
    """Yield a finding for every foreign object.

    Args:
        observed: the cluster as it was observed.
        wanted: the rendered objects.
    """
    rendered = list(wanted)
    known = set(map(_key, rendered))
    # In the namespaces of controllers these make objects themselves.
    namespaces = set()
    for obj in rendered:
        if obj["kind"] == "Namespace" and not is_of_platform(obj):
            namespaces.add(obj["metadata"]["name"])
    principals = _principals(rendered, namespaces)
    for kind, objects in sorted(observed.objects.items()):
        # Nodes and devices are compared with the plan, and pods by where they run: none is declared.
        if kind in MACHINES | WORKLOADS:
            continue
        for obj in objects:
            if _key(obj) in known:
                continue
            why = _open_access(obj) or _why(observed.factory, kind, obj, namespaces, principals)
            if why:
                yield foreign(resource(obj), why, _DECLARE)


def _open_access(obj: Object) -> str:
    """Return which break-glass access an object gives, in words; empty if it gives none."""
    if obj["kind"] not in {"RoleBinding", "ClusterRoleBinding"}:
        return ""
    access = break_glass.describe_access(obj)
    return f"break-glass access is open: {access}" if access else ""


def _why(factory: str, kind: tuple[str, str], obj: Object, namespaces: set[str], principals: set[str]) -> str:
    """Return why an object that is not declared is foreign; empty if it does not concern the stack."""
    metadata = obj["metadata"]
    labels = metadata.get("labels") or {}
    # Controllers copy labels of their own objects to those that they make.
    is_copy = is_of_platform(obj) and not is_applied(metadata)
    if labels.get(KEYS.owner) == OWNER and labels.get(KEYS.factory) == factory and not is_copy:
        return "it carries the stack's labels, but the description does not hold it any more"
    if kind in GOVERNED and metadata.get("namespace") in namespaces:
        # Kubernetes creates the account `default` in each namespace.
        is_default = obj["kind"] == "ServiceAccount" and metadata["name"] == "default"
        why = f"the description does not declare this {obj['kind']} in a namespace of the stack"
        return "" if is_default else why
    if kind in {(RBAC, "RoleBinding"), (RBAC, "ClusterRoleBinding")}:
        return _reach_of_binding(obj, namespaces, principals)
    if kind == ("v1", "Namespace") and (KEYS.namespace_zone in labels or KEYS.tenant in labels):
        return "it claims a zone or a tenant, so that flows meant for the stack's namespaces are open to it"
    if kind[0] == ADMISSION and obj["kind"].endswith("Binding"):
        return _rebinding(obj, principals)
    return ""


def _rebinding(obj: Object, principals: set[str]) -> str:
    """Return, in words, that a binding binds one of the stack's admission policies; empty if it does not."""
    policy = f"{obj['kind']}:{obj['spec'].get('policyName')}"
    return "it binds one of the stack's admission policies in another way" if policy in principals else ""


def _reach_of_binding(obj: Object, namespaces: set[str], principals: set[str]) -> str:
    """Return which subject that concerns the stack a binding gives rights to, in words; empty if none."""
    metadata = obj["metadata"]
    for subject in obj.get("subjects") or []:
        who = principal(subject, metadata.get("namespace", ""))
        kind, _, name = who.partition(" ")
        account = account_of(who)
        if account:
            if account[0] in namespaces:
                return f"it gives rights to the stack's service account {'/'.join(account)}"
        elif accounts_in(who) in namespaces:
            return f"it gives rights to every service account in the stack's namespace {accounts_in(who)}"
        if f"{kind}:{name}" in principals:
            return f"it gives rights to {kind.lower()} {name}, which the description knows"
        is_for_everybody = who in ALL_USERS and obj["kind"] == "ClusterRoleBinding"
        if is_for_everybody and (metadata["name"], who) not in _STOCK:
            return f"it gives rights to {name}, and so to every tenant"
    return ""


def _principals(rendered: Iterable[Object], namespaces: set[str]) -> set[str]:
    """Return who and what may not be bound elsewhere.

    Returns:
        `User:name` and `Group:name` of declared bindings in the stack's namespaces, and `KindBinding:name` of
        the stack's admission policies, where `KindBinding` is the kind that may bind them.
    """
    principals = set()
    for obj in rendered:
        metadata = obj["metadata"]
        if obj["kind"] == "RoleBinding" and metadata.get("namespace") in namespaces:
            for subject in obj.get("subjects") or []:
                name = principal(subject, metadata["namespace"])
                # Service accounts are judged by their namespace.
                if account_of(name) is None:
                    principals.add(":".join(name.split(" ", 1)))
        if obj["kind"].endswith("AdmissionPolicy"):
            principals.add(f"{obj['kind']}Binding:{metadata['name']}")
    return principals


def _key(obj: Object) -> tuple[str, str, str, str]:
    """Return what identifies an object."""
    metadata = obj["metadata"]
    return str(obj["apiVersion"]), str(obj["kind"]), metadata.get("namespace", ""), metadata["name"]
