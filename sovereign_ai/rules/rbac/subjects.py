"""Subjects of bindings: each identity under one name, in Python and in CEL.

An identity can be written in several ways. The API server's authorizer knows users and groups alone: a
service account is a user with a reserved name, in groups that follow from its namespace. So every subject is
converted to that form, its *principal*, before a rule compares it (kubernetes 1.37,
pkg/registry/rbac/validation/rule.go, `appliesToUser`, and k8s.io/apiserver,
pkg/authentication/serviceaccount).

    >>> account = {"kind": "ServiceAccount", "name": "ci"}
    >>> principal(account, "research")
    'User system:serviceaccount:research:ci'
    >>> shown(principal(account, "research"))
    'ServiceAccount research/ci'
    >>> groups_of("User system:serviceaccount:research:ci")
    ('system:serviceaccounts', 'system:serviceaccounts:research', 'system:authenticated')
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ACCOUNT = "system:serviceaccount:"
"""Prefix of the user name of every service account."""
ACCOUNTS = "system:serviceaccounts"
"""The group of all service accounts; with a colon and a namespace, the group of that namespace's."""
AUTHENTICATED, UNAUTHENTICATED, ANONYMOUS = (
    "system:authenticated",
    "system:unauthenticated",
    "system:anonymous",
)
MASTERS, NODES, NODE = "system:masters", "system:nodes", "system:node:"
TENANT = "tenant:"
"""Prefix of the groups of tenants' people."""

ALL_USERS = (f"Group {AUTHENTICATED}", f"Group {UNAUTHENTICATED}", f"Group {ACCOUNTS}", f"User {ANONYMOUS}")
"""Principals that other tenants' people or workloads are among."""
STOCK: tuple[tuple[str, str], ...] = (
    ("system:basic-user", AUTHENTICATED),
    ("system:cluster-trust-bundle-discovery", ACCOUNTS),
    ("system:discovery", AUTHENTICATED),
    ("system:public-info-viewer", AUTHENTICATED),
    ("system:public-info-viewer", UNAUTHENTICATED),
    ("system:service-account-issuer-discovery", ACCOUNTS),
)
"""Cluster roles that every API server binds to everybody, with the group.

Source: bootstrappolicy/policy.go of Kubernetes 1.37.
"""

Subject = Mapping[str, Any]


def principal(subject: Subject, namespace: str = "") -> str:
    """Return a subject as the authorizer compares it: `User NAME` or `Group NAME`.

    Args:
        subject: a subject of a binding.
        namespace: the binding's namespace, which counts for a service account without one; empty for the
            cluster's.
    """
    if subject["kind"] == "ServiceAccount":
        account_namespace = subject.get("namespace") or namespace
        return f"User {ACCOUNT}{account_namespace}:{subject['name']}"
    return f"{subject['kind']} {subject['name']}"


def account_of(name: str) -> tuple[str, str] | None:
    """Return namespace and name of the service account that a principal is; None for any other."""
    if not name.startswith(f"User {ACCOUNT}"):
        return None
    # `system:serviceaccount:NAMESPACE:NAME`; a name of any other form is that of an ordinary user.
    parts = name.removeprefix("User ").split(":")
    if len(parts) != 4:
        return None
    _, _, namespace, account = parts
    return (namespace, account) if namespace and account else None


def accounts_in(name: str) -> str:
    """Return the namespace of which a principal is one or all service accounts; empty if it is none."""
    account = account_of(name)
    if account:
        return account[0]
    group = f"Group {ACCOUNTS}:"
    return name.removeprefix(group) if name.startswith(group) else ""


def groups_of(name: str) -> tuple[str, ...]:
    """Return the groups of a user that follow from its name; for a group, those of all its members.

    Groups of an identity provider are not among them.
    """
    kind, _, rest = name.partition(" ")
    if kind == "Group":
        return _groups_of_group(rest)
    account = account_of(name)
    if account:
        return (ACCOUNTS, f"{ACCOUNTS}:{account[0]}", AUTHENTICATED)
    if rest == ANONYMOUS:
        return (UNAUTHENTICATED,)
    if rest.startswith(NODE):
        return (NODES, AUTHENTICATED)
    return (AUTHENTICATED,)


def _groups_of_group(group: str) -> tuple[str, ...]:
    """Return the groups that all members of a group are in."""
    if group.startswith(f"{ACCOUNTS}:"):
        return (ACCOUNTS, AUTHENTICATED)
    if group in {AUTHENTICATED, UNAUTHENTICATED}:
        return ()
    return (AUTHENTICATED,)


def shown(name: str) -> str:
    """Return a principal as people write it: a service account with its namespace."""
    account = account_of(name)
    if account is None:
        return name
    namespace, account_name = account
    return f"ServiceAccount {namespace}/{account_name}"


def principals_in_cel(namespace: str) -> str:
    """Return CEL for the principals of an object's subjects, as `principal` writes them.

    Args:
        namespace: CEL expression of the binding's namespace.
    """
    account = (
        f'"User {ACCOUNT}" + (has(s.namespace) && s.namespace != "" ? s.namespace'
        f' : {namespace}) + ":" + s.name'
    )
    return f'object.subjects.map(s, s.kind == "ServiceAccount" ? {account} : s.kind + " " + s.name)'


def each_in_cel(condition: str, namespace: str = "object.metadata.namespace") -> str:
    """Return CEL that is true if a condition on `p` holds for the principal of every subject.

    Args:
        condition: CEL on `p`.
        namespace: CEL expression of the binding's namespace.
    """
    return f"!has(object.subjects) || {principals_in_cel(namespace)}.all(p, {condition})"


def is_account_in_cel(namespace: str) -> str:
    """Return CEL that is true if `p` is a service account of a namespace, given as a CEL expression."""
    return f'p.startsWith("User {ACCOUNT}" + {namespace} + ":")'
