"""Rights that the closure cannot follow, so that they are reported and not passed over.

Three kinds: a binding to a role that does not exist, whose content is whatever the next person writes; a verb
that no component of Kubernetes 1.37 checks; and writing of custom resources, whose controller acts with
rights of its own.

    >>> rules = [{"apiGroups": ["cd.example.com"], "resources": ["syncs"], "verbs": ["create"]}]
    >>> role = {"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": rules}
    >>> reference, eve = {"kind": "ClusterRole", "name": "r"}, {"kind": "User", "name": "eve"}
    >>> binding = {"kind": "ClusterRoleBinding", "metadata": {"name": "b"}, "roleRef": reference}
    >>> binding["subjects"] = [eve]
    >>> [str(gap) for gap in unfollowed([role, binding])]
    ['User eve may create syncs of cd.example.com, and what their controller does with them is not known']
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sovereign_ai.names import KEYS
from sovereign_ai.rules.rbac.closure import HeldRight, Rights
from sovereign_ai.rules.rbac.escalation import WORKLOAD_GROUPS
from sovereign_ai.rules.rbac.matching import Object
from sovereign_ai.rules.rbac.subjects import MASTERS, shown

_VERBS = frozenset(
    {
        *("*", "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"),
        *("approve", "attest", "bind", "escalate", "impersonate", "sign"),
        # A kubelet requests tokens of another audience with it (ServiceAccountNodeAudienceRestriction).
        "request-serviceaccounts-token-audience",
    }
)
"""Verbs that components of Kubernetes 1.37 ask the authorizer about."""
_WRITES = frozenset({"create", "update", "patch"})
_BUILT_IN = frozenset({"", "apps", "autoscaling", "batch", "extensions", "policy"})
_BUILT_IN_SUFFIX = ".k8s.io"
"""API groups under k8s.io are those of Kubernetes and its projects, unlike those under x-k8s.io."""
_KNOWN_GROUPS = frozenset({*WORKLOAD_GROUPS, "kueue.x-k8s.io", "openreports.io", f"exceptions.{KEYS.domain}"})
"""API groups of custom resources that the closure follows, or whose controllers do nothing for the writer."""
_BY_ITS_OWN_RIGHTS = frozenset(
    {
        *(("argoproj.io", resource) for resource in ("applications", "applicationsets", "appprojects")),
        ("kubeflow.org", "profiles"),
    }
)
"""Custom resources of groups that are followed, from which controllers make more than pods, anywhere.

Argo CD deploys what an Application says, and Kubeflow makes the owner of a Profile an administrator.
"""
_SENT_TO_SERVERS = ("apiregistration.k8s.io", "apiservices")
_CONTENT = "roleRef"


@dataclass(frozen=True, slots=True, order=True)
class Gap:
    """A right that cannot be followed.

    Attributes:
        subject: the principal that has it, as `subjects.shown` writes it.
        binding: the binding that gives it.
        namespace: where it holds; empty for everywhere.
        field: the binding's field that shows it.
        message: what is not known.
    """

    subject: str
    binding: str
    namespace: str
    field: str
    message: str

    def __str__(self) -> str:
        """Return it as a sentence."""
        return f"{self.subject} {self.message}"


def unfollowed(objects: Iterable[Object]) -> list[Gap]:
    """Return each right that cannot be followed, sorted."""
    rights = Rights(objects)
    gaps = set(_dangling_gaps(rights))
    for name in rights.bound:
        # The authorizer never reads the rules of system:masters: its rights are known to be all.
        if name == f"Group {MASTERS}":
            continue
        for held in rights.held(name):
            for message in _unknown_consequences(held):
                gaps.add(Gap(shown(name), held.binding, held.namespace, "subjects", message))
    return sorted(gaps)


def _dangling_gaps(rights: Rights) -> Iterator[Gap]:
    """Yield a gap for each subject of a binding to a role that does not exist."""
    for dangling in rights.dangling:
        message = (
            f"is bound to {dangling.role}, which does not exist: whoever makes it decides what it grants"
        )
        for name in dangling.subjects:
            yield Gap(shown(name), dangling.binding, dangling.namespace, _CONTENT, message)


def _unknown_consequences(held: HeldRight) -> Iterator[str]:
    """Yield what is not known about a rule that a principal holds."""
    rule = held.rule
    verbs = [str(verb) for verb in rule.get("verbs") or ()]
    groups = [str(group) for group in rule.get("apiGroups") or ()]
    resources = ", ".join(rule.get("resources") or ())
    # Verbs of constrained impersonation have the form `impersonate:serviceaccount`.
    odd_verbs = [verb for verb in verbs if verb not in _VERBS and not verb.startswith("impersonate")]
    if odd_verbs and not _KNOWN_GROUPS.issuperset(groups):
        odd = ", ".join(odd_verbs)
        yield f"may {odd} {resources}, and no component of Kubernetes is known to ask about that"
    writing_verbs = [verb for verb in verbs if verb in _WRITES or verb == "*"]
    if not writing_verbs:
        return
    writes = ", ".join(writing_verbs)
    for group in groups:
        if _writes_api_services(rule, group):
            resource = _SENT_TO_SERVERS[1]
            yield f"may {writes} {resource}, and what such a server does with requests is not known"
        # A wildcard of groups is every right, which the closure follows.
        elif group != "*" and (not _is_known(group) or _is_done_elsewhere(rule, group)):
            yield (
                f"may {writes} {resources} of {group}, and what their controller does with them is not known"
            )


def _writes_api_services(rule: Object, group: str) -> bool:
    """Return whether a rule is about registrations of API servers, which get the requests of users."""
    api_group, resource = _SENT_TO_SERVERS
    resources = set(rule.get("resources") or ())
    return group == api_group and not resources.isdisjoint({"*", resource})


def _is_done_elsewhere(rule: Object, group: str) -> bool:
    """Return whether a rule names custom resources whose controller acts anywhere, by rights of its own."""
    return any((group, resource) in _BY_ITS_OWN_RIGHTS for resource in rule.get("resources") or ())


def _is_known(group: str) -> bool:
    """Return whether the closure follows the kinds of an API group."""
    return group in _BUILT_IN or group in _KNOWN_GROUPS or group.endswith(_BUILT_IN_SUFFIX)
