"""What is there and was declared by nobody: rights, openings and limits that do not come from the description.

In our namespaces every object of a governed kind must be declared. Outside them foreign is what
reaches in: a binding that gives rights to our tenants' groups or our service accounts, or to
everybody; a namespace that claims a zone or a tenant of ours; a binding of our admission policies. Break-glass
access is foreign for as long as it is open, whoever gave it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sovereign_ai.names import KEYS, OWNER
from sovereign_ai.rules import break_glass
from sovereign_ai.verify.findings import Finding, foreign, resource
from sovereign_ai.verify.kinds import ADMISSION, GOVERNED, MACHINES, RBAC
from sovereign_ai.verify.observe import Observed

_EVERYBODY = frozenset({"system:authenticated", "system:unauthenticated", "system:anonymous", "system:serviceaccounts"})
_STOCK = frozenset(
    {
        ("system:basic-user", "system:authenticated"),
        ("system:cluster-trust-bundle-discovery", "system:serviceaccounts"),
        ("system:discovery", "system:authenticated"),
        ("system:public-info-viewer", "system:authenticated"),
        ("system:public-info-viewer", "system:unauthenticated"),
        ("system:service-account-issuer-discovery", "system:serviceaccounts"),
    }
)
"""Cluster role bindings that every API server makes for everybody, with their groups (bootstrappolicy/policy.go of Kubernetes 1.37).
They are known by name and group: a label that marks them can be set by anybody, and one more group on a stock binding is foreign."""
_DECLARE = "remove it, or declare it in the description and run `sovereign-ai up`"

Object = Mapping[str, Any]


def strangers(observed: Observed, wanted: Iterable[Object]) -> Iterator[Finding]:
    """Give a finding for every foreign object.

    Args:
        observed: the cluster as it was seen.
        wanted: the rendered objects.
    """
    declared = list(wanted)
    known = {_key(obj) for obj in declared}
    ours = {obj["metadata"]["name"] for obj in declared if obj["kind"] == "Namespace"}
    principals = _principals(declared, ours)
    for kind, objects in sorted(observed.objects.items()):
        if kind in MACHINES:
            continue
        for obj in objects:
            if _key(obj) not in known:
                why = _opened(obj) or _why(observed.factory, kind, obj, ours, principals)
                if why:
                    yield foreign(resource(obj), why, _DECLARE)


def _opened(obj: Object) -> str:
    """Say what break-glass access an object gives; empty if it gives none."""
    opened = break_glass.access(obj) if obj["kind"] in {"RoleBinding", "ClusterRoleBinding"} else ""
    return f"break-glass access is open: {opened}" if opened else ""


def _why(factory: str, kind: tuple[str, str], obj: Object, ours: set[str], principals: set[str]) -> str:
    """Say why an object that is not declared is foreign; empty if it is none of our business."""
    metadata = obj["metadata"]
    labels = metadata.get("labels") or {}
    if labels.get(KEYS.owner) == OWNER and labels.get(KEYS.factory) == factory:
        return "it carries our labels, but the description holds it no more"
    if kind in GOVERNED and metadata.get("namespace") in ours:
        default = obj["kind"] == "ServiceAccount" and metadata["name"] == "default"
        return "" if default else f"nobody declared this {obj['kind']} in a namespace of ours"
    if kind in {(RBAC, "RoleBinding"), (RBAC, "ClusterRoleBinding")}:
        return _reaches_in(obj, ours, principals)
    if kind == ("v1", "Namespace") and (KEYS.namespace_zone in labels or KEYS.tenant in labels):
        return "it claims a zone or a tenant, so that flows meant for ours are open to it"
    if kind[0] == ADMISSION and obj["kind"].endswith("Binding") and f"{obj['kind']}:{obj['spec'].get('policyName')}" in principals:
        return "it binds an admission policy of ours in another way"
    return ""


def _reaches_in(obj: Object, ours: set[str], principals: set[str]) -> str:
    """Say to whom of ours, or to what everybody, a binding gives rights."""
    for subject in obj.get("subjects") or []:
        name = subject["name"]
        if subject["kind"] == "ServiceAccount" and subject.get("namespace", obj["metadata"].get("namespace")) in ours:
            return f"it gives rights to service account {subject.get('namespace')}/{name} of ours"
        if subject["kind"] == "Group" and name.removeprefix("system:serviceaccounts:") in ours:
            return f"it gives rights to every service account in namespace {name.removeprefix('system:serviceaccounts:')} of ours"
        if subject["kind"] in {"Group", "User"} and f"{subject['kind']}:{name}" in principals:
            return f"it gives rights to {subject['kind'].lower()} {name}, which the description knows"
        if name in _EVERYBODY and obj["kind"] == "ClusterRoleBinding" and (obj["metadata"]["name"], name) not in _STOCK:
            return f"it gives rights to {name}, and so to every tenant"
    return ""


def _principals(declared: Iterable[Object], ours: set[str]) -> set[str]:
    """Collect the users and groups that declared bindings in our namespaces know, and our admission policies, by what may bind them."""
    found = set()
    for obj in declared:
        if obj["kind"] == "RoleBinding" and obj["metadata"].get("namespace") in ours:
            found |= {f"{one['kind']}:{one['name']}" for one in obj.get("subjects") or [] if one["kind"] in {"Group", "User"}}
        if obj["kind"].endswith("AdmissionPolicy"):
            found.add(f"{obj['kind']}Binding:{obj['metadata']['name']}")
    return found


def _key(obj: Object) -> tuple[str, str, str, str]:
    """Tell objects apart."""
    metadata = obj["metadata"]
    return str(obj["apiVersion"]), str(obj["kind"]), metadata.get("namespace", ""), metadata["name"]
