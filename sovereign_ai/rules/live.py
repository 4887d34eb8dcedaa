"""Live: what only a running cluster shows: who can reach what by all rights together, and whether the guards still stand.

Each rule gets every live object of the kinds that matter, and the rendered ones. Whoever is neither
rendered nor one of the control plane's own identities is a finding; a label never makes anybody one
of those, since a label can be set by whoever may write the object.

    >>> rules = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}]
    >>> role = {"kind": "ClusterRole", "metadata": {"name": "r"}, "rules": rules}
    >>> binding = {"kind": "ClusterRoleBinding", "metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": "r"},
    ...            "subjects": [{"kind": "User", "name": "eve"}]}
    >>> [str(one) for one in grants([role, binding], SECRETS)]
    ['User eve may get secrets everywhere by ClusterRoleBinding/b']
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sovereign_ai.rules.controls import C3A_STAFF, ECSF_KEYS, GDPR_SECURITY, PSS_RESTRICTED
from sovereign_ai.rules.duties import NIS2_ACCESS
from sovereign_ai.rules.judge import Finding
from sovereign_ai.rules.rule import Place, Rule

Object = Mapping[str, Any]
_LIVE: frozenset[Place] = frozenset({"live"})
_ELSEWHERE: tuple[tuple[Place, str], ...] = tuple(
    (place, "who has a right follows from every role and binding of the cluster together, and only the cluster has them all")
    for place in ("plan", "bundle", "pulumi", "admission")
)
_CONTROLLERS = (
    "clusterrole-aggregation-controller",
    "expand-controller",
    "generic-garbage-collector",
    "namespace-controller",
    "persistent-volume-binder",
    "resourcequota-controller",
    "storage-version-migrator-controller",
)
CONTROL_PLANE: frozenset[str] = frozenset(
    {"Group system:masters", "Group sovereign-ai:admins", "User system:kube-controller-manager"}
    | {f"ServiceAccount kube-system/{name}" for name in _CONTROLLERS}
)
"""The identities that an API server of Kubernetes 1.37 itself gives such rights, as read from one, and the administrators of our own planes."""


@dataclass(frozen=True, slots=True)
class Right:
    """What is asked about: some verbs on some resources.

    Attributes:
        noun: the resources in words.
        resources: API group to its resources.
        verbs: any of them counts.
    """

    noun: str
    resources: tuple[tuple[str, str], ...]
    verbs: tuple[str, ...]


SECRETS = Right("secrets", (("", "secrets"),), ("get", "list", "watch"))
SHELLS = Right(
    "shells in pods",
    tuple(("", f"pods/{name}") for name in ("exec", "attach", "portforward", "ephemeralcontainers", "proxy")),
    ("get", "create", "update", "patch"),
)
POLICIES = Right(
    "admission policies",
    tuple(
        ("admissionregistration.k8s.io", f"{kind}admission{part}")
        for kind in ("validating", "mutating")
        for part in ("policies", "policybindings")
    ),
    ("create", "update", "patch", "delete", "deletecollection"),
)


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """A right that somebody has.

    Attributes:
        subject: `User NAME`, `Group NAME` or `ServiceAccount NAMESPACE/NAME`.
        noun: what on.
        verbs: which verbs, sorted.
        namespace: where; empty for everywhere.
        binding: the object that gives it.
    """

    subject: str
    noun: str
    verbs: tuple[str, ...]
    namespace: str
    binding: str

    def __str__(self) -> str:
        """Write it as a sentence."""
        where = f"in {self.namespace}" if self.namespace else "everywhere"
        return f"{self.subject} may {', '.join(self.verbs)} {self.noun} {where} by {self.binding}"

    def to_data(self) -> dict[str, Any]:
        """Give plain data."""
        return {"subject": self.subject, "what": self.noun, "verbs": list(self.verbs), "namespace": self.namespace, "binding": self.binding}


def grants(objects: Iterable[Object], right: Right) -> list[Grant]:
    """Give everybody who has a right by roles and bindings, sorted; a right to one named object counts."""
    listed = list(objects)
    roles = {(obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]): obj for obj in listed if _is(obj, "Role")}
    found = set()
    for binding in (obj for obj in listed if _is(obj, "RoleBinding")):
        kind, metadata, reference = binding["kind"], binding["metadata"], binding["roleRef"]
        namespace = metadata.get("namespace", "") if kind == "RoleBinding" else ""
        role = roles.get((reference["kind"], namespace if reference["kind"] == "Role" else "", reference["name"]))
        verbs = _verbs(role, right) if role is not None else ()
        for subject in (binding.get("subjects") or []) if verbs else []:
            name = "/".join(part for part in (kind, namespace, metadata["name"]) if part)
            found.add(Grant(_subject(subject, namespace), right.noun, verbs, namespace, name))
    return sorted(found)


def _is(obj: Object, kind: str) -> bool:
    """Tell whether an object is of a kind, or of its kind for the whole cluster."""
    return obj["kind"] in {kind, f"Cluster{kind}"}


def _subject(subject: Object, namespace: str) -> str:
    """Name who has a right."""
    if subject["kind"] == "ServiceAccount":
        return f"ServiceAccount {subject.get('namespace') or namespace}/{subject['name']}"
    return f"{subject['kind']} {subject['name']}"


def _verbs(role: Object, right: Right) -> tuple[str, ...]:
    """Give which of the verbs a role grants on any of the resources."""
    found: set[str] = set()
    for rule in role.get("rules") or []:
        if any(_covers(rule, group, resource) for group, resource in right.resources):
            granted = set(rule.get("verbs") or [])
            found |= set(right.verbs) if "*" in granted else granted & set(right.verbs)
    return tuple(sorted(found))


def _covers(rule: Object, group: str, resource: str) -> bool:
    """Tell whether an RBAC rule is about a resource, as the API server's authorizer reads it."""
    groups, resources = set(rule.get("apiGroups") or []), set(rule.get("resources") or [])
    wide = {"*", resource} | ({f"*/{resource.partition('/')[2]}"} if "/" in resource else set())
    return bool(groups & {"*", group}) and bool(resources & wide)


def _beyond(rule: Rule, live: Sequence[Object], wanted: Sequence[Object], right: Right) -> Iterator[Finding]:
    """Find who has a right that reaches into our namespaces and that nobody rendered."""
    ours = {obj["metadata"]["name"] for obj in wanted if obj["kind"] == "Namespace"}
    declared = {(one.subject, one.namespace, verb) for one in grants(wanted, right) for verb in one.verbs}
    for one in grants(live, right):
        more = [verb for verb in one.verbs if (one.subject, one.namespace, verb) not in declared]
        if more and one.subject not in CONTROL_PLANE and (not one.namespace or one.namespace in ours):
            message = f"{one.subject} may {', '.join(more)} {one.noun} {f'in {one.namespace}' if one.namespace else 'everywhere'}"
            yield Finding(rule.id, rule.severity, one.binding, "subjects", message, rule.remediation)


def _secrets(rule: Rule, live: Sequence[Object], wanted: Sequence[Object]) -> Iterable[Finding]:
    """Find who can read secrets of ours."""
    return _beyond(rule, live, wanted, SECRETS)


def _shells(rule: Rule, live: Sequence[Object], wanted: Sequence[Object]) -> Iterable[Finding]:
    """Find who can get into pods of ours."""
    return _beyond(rule, live, wanted, SHELLS)


def _policies(rule: Rule, live: Sequence[Object], wanted: Sequence[Object]) -> Iterable[Finding]:
    """Find who can change admission policies."""
    return _beyond(rule, live, wanted, POLICIES)


_DEFAULTS = {"matchPolicy": "Equivalent", "scope": "*", "failurePolicy": "Fail", "reinvocationPolicy": "Never"}
"""What the API server writes where a policy leaves it out, and that takes nothing from it."""


def _intact(rule: Rule, live: Sequence[Object], wanted: Sequence[Object]) -> Iterable[Finding]:
    """Find admission policies and bindings that are gone or weaker than rendered."""
    there = {(obj["kind"], obj["metadata"]["name"]): obj for obj in live if "AdmissionPolicy" in obj["kind"]}
    for obj in wanted:
        if "AdmissionPolicy" not in obj["kind"]:
            continue
        resource = f"{obj['kind']}/{obj['metadata']['name']}"
        found = there.get((obj["kind"], obj["metadata"]["name"]))
        if found is None:
            yield Finding(rule.id, rule.severity, resource, "", "it is gone: what it refused is let in", rule.remediation)
            continue
        for field in _differences(obj["spec"], found.get("spec"), "spec"):
            yield Finding(rule.id, rule.severity, resource, field, "it is not as it was rendered", rule.remediation)


def _differences(wanted: Any, found: Any, path: str) -> Iterator[str]:
    """Give the fields that differ; what is more than wanted counts, unless it is empty or a default that takes nothing."""
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key in sorted({*wanted, *found}):
            if key in wanted:
                yield from _differences(wanted[key], found.get(key), f"{path}.{key}")
            elif found[key] not in ({}, [], "", None) and found[key] != _DEFAULTS.get(key):
                yield f"{path}.{key}"
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _differences(one, other, f"{path}[{number}]")
    elif wanted != found and not (wanted in ({}, []) and found is None):
        yield path


SECRETS_RULE = Rule(
    id="LIV-001",
    title="Nobody beyond the description can read secrets in our namespaces",
    severity="critical",
    rationale="Admission sees no reads. Who can get, list or watch secrets follows from all roles and bindings together, and from nothing else.",
    remediation="remove the subject from the binding, or the secrets from its role",
    controls=(NIS2_ACCESS, C3A_STAFF, ECSF_KEYS, GDPR_SECURITY),
    places=_LIVE,
    decide_live=_secrets,
    elsewhere=_ELSEWHERE,
)
SHELLS_RULE = Rule(
    id="LIV-002",
    title="Nobody beyond the description can get into pods in our namespaces",
    severity="critical",
    rationale="A shell in a pod reads what the pod reads, past every rule on what may be deployed.",
    remediation="remove the subject from the binding; in an emergency give access that ends with `sovereign-ai access grant`",
    controls=(NIS2_ACCESS, C3A_STAFF, GDPR_SECURITY),
    places=_LIVE,
    decide_live=_shells,
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
    decide_live=_policies,
    elsewhere=_ELSEWHERE,
)
INTACT_RULE = Rule(
    id="LIV-004",
    title="Admission policies and their bindings stand as rendered",
    severity="critical",
    rationale="A binding that is deleted, or that warns where it denied, leaves everything else looking as it was.",
    remediation="run `sovereign-ai up`, and find out who changed it",
    controls=(PSS_RESTRICTED, GDPR_SECURITY),
    places=_LIVE,
    decide_live=_intact,
    elsewhere=tuple((place, "it is about what has become of rendered policies") for place, _ in _ELSEWHERE),
)

RULES = (SECRETS_RULE, SHELLS_RULE, POLICIES_RULE, INTACT_RULE)
