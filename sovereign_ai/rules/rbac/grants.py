"""Grants: who has a right that matters, directly by a role or indirectly by rights that lead to it.

>>> rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
>>> role = {"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": rules}
>>> reference = {"kind": "ClusterRole", "name": "r"}
>>> eve = {"kind": "User", "name": "eve"}
>>> binding = {"kind": "ClusterRoleBinding", "metadata": {"name": "b"}, "roleRef": reference}
>>> binding["subjects"] = [eve]
>>> [str(grant) for grant in direct_grants([role, binding], SECRETS)]
['User eve may get secrets everywhere by ClusterRoleBinding/b']
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sovereign_ai.frozen_dataclass import frozen_dataclass
from sovereign_ai.rules.rbac.closure import ClosureStep, HeldRight, Rights
from sovereign_ai.rules.rbac.escalation import SHOW_SECRETS
from sovereign_ai.rules.rbac.matching import Object, covers
from sovereign_ai.rules.rbac.subjects import shown


@frozen_dataclass
class Right:
    """Some verbs on some resources, whose holders are looked for.

    Attributes:
        noun: the resources in words.
        resources: pairs of API group and resource.
        verbs: any of them counts.
        namespaced: whether the resources lie in namespaces; a RoleBinding grants nothing on others.
    """

    noun: str
    resources: tuple[tuple[str, str], ...]
    verbs: tuple[str, ...]
    namespaced: bool = True


# The answer to a patch is the whole object, to a deletion in the foreground too, and to that of a collection
# every object; as dry runs they change nothing (seen on Kubernetes 1.37).
SECRETS = Right("secrets", (("", "secrets"),), SHOW_SECRETS)

_SHELL_RESOURCES = (
    ("", "pods/exec"),
    ("", "pods/attach"),
    ("", "pods/portforward"),
    ("", "pods/ephemeralcontainers"),
    ("", "pods/proxy"),
    # A service leads to its pods, on every port that it has.
    ("", "services/proxy"),
)
# `get` counts: exec, attach, port-forward and proxy over a WebSocket are GET requests.
_SHELL_VERBS = ("get", "create", "update", "patch")
SHELLS = Right("shells in pods", _SHELL_RESOURCES, _SHELL_VERBS)

_ADMISSION = "admissionregistration.k8s.io"
_POLICY_RESOURCES = (
    (_ADMISSION, "validatingadmissionpolicies"),
    (_ADMISSION, "validatingadmissionpolicybindings"),
    (_ADMISSION, "mutatingadmissionpolicies"),
    (_ADMISSION, "mutatingadmissionpolicybindings"),
)
# A policy that is deleted refuses nothing any more, so deleting counts as changing.
_POLICY_VERBS = ("create", "update", "patch", "delete", "deletecollection")
POLICIES = Right("admission policies", _POLICY_RESOURCES, _POLICY_VERBS, namespaced=False)

_FLOW_CONTROL = "flowcontrol.apiserver.k8s.io"
_LEVEL_RESOURCES = ((_FLOW_CONTROL, "flowschemas"), (_FLOW_CONTROL, "prioritylevelconfigurations"))
# Without its FlowSchema a tenant's requests go where everybody's go, so deleting counts.
LEVELS = Right("priority levels of requests", _LEVEL_RESOURCES, _POLICY_VERBS, namespaced=False)

# Admission judges a node's status too, since an update of the status writes labels.
_NODE_RESOURCES = (("", "nodes"), ("", "nodes/status"))
NODES = Right("machines", _NODE_RESOURCES, ("create", "update", "patch"), namespaced=False)


@dataclass(frozen=True, slots=True, order=True)
class RoleGrant:
    """A right that somebody has.

    Attributes:
        subject: `User NAME`, `Group NAME` or `ServiceAccount NAMESPACE/NAME`.
        noun: the resources in words.
        verbs: the granted verbs, sorted.
        namespace: where it holds; empty for everywhere.
        binding: the object that gives it, or that gives the first right on the path to it.
        path: each step from the subject to the right, in words; empty if the binding itself gives it.
        bindings: every binding on the path, in its order.
    """

    subject: str
    noun: str
    verbs: tuple[str, ...]
    namespace: str
    binding: str
    path: tuple[str, ...] = ()
    bindings: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it as a sentence."""
        verbs = ", ".join(self.verbs)
        scope = f"in {self.namespace}" if self.namespace else "everywhere"
        sentence = f"{self.subject} may {verbs} {self.noun} {scope}"
        if self.path:
            return f"{sentence}: {', '.join(self.path)}"
        return f"{sentence} by {self.binding}"

    def to_data(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "subject": self.subject,
            "what": self.noun,
            "verbs": list(self.verbs),
            "namespace": self.namespace,
            "binding": self.binding,
            "path": list(self.path),
        }


def direct_grants(objects: Iterable[Object], right: Right) -> list[RoleGrant]:
    """Return the grants of a right by bindings themselves, sorted; a right to one named object counts."""
    return sorted(set(_direct_grants(Rights(objects), right)))


def effective_grants(rights: Rights, right: Right) -> list[RoleGrant]:
    """Return the grants of a right, direct ones and those at the end of a path, sorted.

    A path is left out if a direct grant gives the same. Of the paths that begin with the same binding those
    count that give the most verbs, and of them a shortest: without that binding none of them exists.
    """
    direct = set(_direct_grants(rights, right))
    known = _granted_verbs(direct)
    paths: dict[tuple[str, str, str], list[RoleGrant]] = {}
    for start in rights.bound:
        for grant in _indirect_grants(rights, start, right):
            verbs = _verbs_beyond(grant, known)
            if verbs:
                key = (grant.subject, grant.binding, grant.namespace)
                paths.setdefault(key, []).append(replace(grant, verbs=verbs))
    chosen = set(direct)
    for (subject, binding, namespace), grants_of_key in paths.items():
        # What the same binding leads to everywhere needs no second grant for a namespace.
        everywhere = paths.get((subject, binding, ""), []) if namespace else []
        verbs_everywhere: set[str] = set()
        for grant in everywhere:
            verbs_everywhere.update(grant.verbs)
        chosen.update(_shortest(grants_of_key, verbs_everywhere))
    return sorted(chosen)


def _granted_verbs(grants_of_right: Iterable[RoleGrant]) -> set[tuple[str, str, str]]:
    """Return subject, namespace and verb of each verb of grants."""
    granted = set()
    for grant in grants_of_right:
        for verb in grant.verbs:
            granted.add((grant.subject, grant.namespace, verb))
    return granted


def _verbs_beyond(grant: RoleGrant, known: Collection[tuple[str, str, str]]) -> tuple[str, ...]:
    """Return the verbs of a grant that are known neither everywhere nor in its namespace, in their order."""
    verbs = []
    for verb in grant.verbs:
        is_known_everywhere = (grant.subject, "", verb) in known
        is_known_there = (grant.subject, grant.namespace, verb) in known
        if not is_known_everywhere and not is_known_there:
            verbs.append(verb)
    return tuple(verbs)


def _shortest(paths: Sequence[RoleGrant], excluded: Collection[str]) -> Iterator[RoleGrant]:
    """Yield the fewest and shortest paths that give all verbs that others do not give already.

    Args:
        paths: the paths of one subject that begin with the same binding and end in the same namespace.
        excluded: verbs that the subject has everywhere.
    """
    missing: set[str] = set()
    for grant in paths:
        missing.update(grant.verbs)
    missing -= set(excluded)
    while missing:
        # The path itself is the last part of the key, so that equal ones are always chosen alike.
        best = min(paths, key=lambda grant: (-len(missing & set(grant.verbs)), len(grant.path), grant))
        yield replace(best, verbs=tuple(sorted(missing & set(best.verbs))))
        missing -= set(best.verbs)


def _indirect_grants(rights: Rights, start: str, right: Right) -> Iterator[RoleGrant]:
    """Yield the grants of a right at the end of each path from a principal that is bound to anything."""
    for position, path in rights.reached(start).items():
        if not path:
            continue
        for held in rights.held(position):
            verbs = _verbs(held, right)
            if not verbs:
                continue
            bindings = _bindings_on(path, held)
            # What a node reads without any binding is no grant of anybody's.
            if not bindings:
                continue
            words = [str(step) for step in path]
            if held.binding:
                words.append(f"by {held.binding}")
            subject = shown(start)
            yield RoleGrant(subject, right.noun, verbs, held.namespace, bindings[0], tuple(words), bindings)


def _bindings_on(path: Iterable[ClosureStep], held: HeldRight) -> tuple[str, ...]:
    """Return the bindings of a path and of the rule at its end; steps without a binding have none."""
    bindings = [step.binding for step in path if step.binding]
    if held.binding:
        bindings.append(held.binding)
    return tuple(bindings)


def _direct_grants(rights: Rights, right: Right) -> Iterator[RoleGrant]:
    """Yield the grants of a right that a binding itself gives."""
    for name in rights.bound:
        verbs_by_binding: dict[tuple[str, str], set[str]] = {}
        for held in rights.held(name):
            # A right of the position itself has no binding, and is no direct grant.
            verbs = _verbs(held, right) if held.binding else ()
            if verbs:
                key = (held.namespace, held.binding)
                verbs_by_binding.setdefault(key, set()).update(verbs)
        for (namespace, binding), granted in verbs_by_binding.items():
            yield RoleGrant(shown(name), right.noun, tuple(sorted(granted)), namespace, binding)


def _verbs(held: HeldRight, right: Right) -> tuple[str, ...]:
    """Return the verbs of a right that a rule grants on any of the resources, sorted."""
    # A RoleBinding grants nothing on resources outside namespaces, whatever its role says.
    if held.namespace and not right.namespaced:
        return ()
    if not any(covers(held.rule, group, resource) for group, resource in right.resources):
        return ()
    wanted = set(right.verbs)
    granted = set(held.rule.get("verbs") or ())
    if "*" in granted:
        return tuple(sorted(wanted))
    return tuple(sorted(granted & wanted))
