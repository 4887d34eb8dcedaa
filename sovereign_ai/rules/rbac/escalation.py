"""Escalation: the rights and positions that a right leads to.

The steps follow Kubernetes' documentation (RBAC good practices, privilege escalation risks; Pod Security
Standards; read 2026-11-26), with the verbs and resources of 1.37. If the cluster's answer depends on
something outside RBAC, the step counts: a Secret may hold a token, some pod of a namespace runs under each of
its service accounts, and an approver has a request to approve. Writing roles or bindings is no step by
itself: the API server refuses to grant what the writer does not hold, unless the writer may `escalate` or
`bind`.

    >>> rule = {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}
    >>> list(leads(rule, "a", {"a": True}))
    [('get into pods in a', 'pods in a')]
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from sovereign_ai.rules.rbac.matching import (
    GROUP,
    Object,
    does,
    impersonates,
    in_group,
    may,
    on_whole_resources,
)
from sovereign_ai.rules.rbac.subjects import MASTERS, NODES, principal, shown

EVERYTHING = f"Group {MASTERS}"
"""The position with every right: the API server does not ask the authorizer about this group."""
MACHINES = f"Group {NODES}"
USERS = "any user"
PEOPLE = "whoever a certificate names"
HOOKS = "a webhook that is sent what is written"
DRIVERS = "a storage driver that is handed secrets"
BOOTSTRAPPERS = "whoever a bootstrap token names"
BOOTSTRAP_GROUPS = "system:bootstrappers"
"""The group of bootstrap tokens; a token may name groups below it, such as that of kubeadm's nodes."""

_CERTIFICATES = "certificates.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_EXTENSIONS = "apiextensions.k8s.io"
_WRITES = ("create", "update", "patch")
SHOW_SECRETS = ("get", "list", "watch", "patch", "delete", "deletecollection")
"""Verbs whose answer holds the content of a Secret."""
_WORKLOADS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ("replicationcontrollers",)),
    # A StatefulSet in the middle of a rollout makes pods from the revision of that name.
    ("apps", ("controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets")),
    ("batch", ("cronjobs", "jobs")),
)
"""API groups and resources from which Kubernetes' own controllers make pods."""
WORKLOAD_GROUPS: tuple[str, ...] = (
    "apps.kruise.io",
    "argoproj.io",
    "batch.volcano.sh",
    "flink.apache.org",
    "jobset.x-k8s.io",
    "kubeflow.org",
    "kubevirt.io",
    "leaderworkerset.x-k8s.io",
    "ray.io",
    "serving.knative.dev",
    "serving.kserve.io",
    "sparkoperator.k8s.io",
    "tekton.dev",
    "trainer.kubeflow.org",
    "workload.codeflare.dev",
)
"""API groups of custom resources from which controllers make pods."""
_RUNS_CODE = (
    ("create pods", "pods", ("create",)),
    ("change the images of pods", "pods", ("update", "patch")),
    ("put containers into pods", "pods/ephemeralcontainers", ("update", "patch")),
    ("get into pods", "pods/exec", ("get", "create")),
    ("attach to pods", "pods/attach", ("get", "create")),
)
_PRIVILEGED = frozenset(
    {"create pods", "put containers into pods", "write workloads", "write custom workloads"}
)
"""Rights that lead to a privileged container; an existing one keeps its privileges, and a pod its volumes."""
_LEVELS = ("namespaces", "namespaces/finalize", "namespaces/status")
"""Resources by which the labels of a namespace are written, and with them its Pod Security level."""
NEW = "+"
"""Stands for a namespace that does not exist yet; no namespace is called so."""
_CLIENT = "kubernetes.io/kube-apiserver-client"
_KUBELET = "kubernetes.io/kube-apiserver-client-kubelet"
_ALL_SIGNERS = "kubernetes.io/*"
_APPROVED_BY_ITSELF = ("certificatesigningrequests/nodeclient", "certificatesigningrequests/selfnodeclient")
"""Resources whose creation lets the controller manager approve a node's certificate by itself."""
_MUTATING = ("mutatingwebhookconfigurations", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings")
_CLASSES = (
    ("storage.k8s.io", "storageclasses"),
    ("snapshot.storage.k8s.io", "volumesnapshotclasses"),
    ("groupsnapshot.storage.k8s.io", "volumegroupsnapshotclasses"),
)
"""API groups and resources whose parameters have a storage driver log in somewhere with any Secret.

`csi.storage.k8s.io/provisioner-secret-name` and `…-namespace` choose the Secret, parameters of the driver the
server (kubernetes-csi.github.io, secrets-and-credentials-storage-class, read 2026-12-01).
"""
_IDENTITY_MAPS = frozenset({"aws-auth", "extension-apiserver-authentication"})
"""ConfigMaps in kube-system that map identities: Amazon EKS' user mapping, the authority of front proxies."""
_MACHINES_SETTINGS = frozenset({"kubeadm-config", "kubelet-config", "kube-proxy"})
"""ConfigMaps in kube-system from which kubeadm sets up kubelets, with their authentication and network."""
_BOOTSTRAP_PREFIX = "bootstrap-token-"


class RoleIn(NamedTuple):
    """The rights that a role grants where it is bound.

    Attributes:
        kind: `Role` or `ClusterRole`.
        name: its name.
        namespace: where it is bound; empty for everywhere.
    """

    kind: str
    name: str
    namespace: str


End = str | RoleIn
"""Where a right leads: the name of a principal or a position, or a role."""


def pods(namespace: str) -> str:
    """Return the name of the position of code in pods of a namespace; in any pod, if it is empty."""
    return f"pods in {namespace}" if namespace else "pods everywhere"


def accounts(namespace: str) -> str:
    """Return the name of the position of any service account of a namespace; of all, if it is empty."""
    return f"any service account in {namespace}" if namespace else "any service account"


def all_in(namespace: str) -> str:
    """Return the name of the position with every right in a namespace; everywhere, if it is empty."""
    return f"every right in {namespace}" if namespace else EVERYTHING


def leads(rule: Object, namespace: str, spaces: Mapping[str, bool]) -> Iterator[tuple[str, End]]:
    """Yield each right of a rule that leads to others, in words, and where it leads.

    Args:
        rule: the RBAC rule.
        namespace: where it holds; empty for everywhere.
        spaces: every namespace, with whether Pod Security keeps its pods from the node.
    """
    scope = f" in {namespace}" if namespace else ""
    names = tuple(rule.get("resourceNames") or ())
    steps = [
        *_identities(rule, namespace, names, spaces),
        *_code(rule, namespace, spaces),
        *_rights(rule, namespace, names),
        *_identity_maps(rule, namespace, names),
    ]
    # A RoleBinding grants nothing on resources outside namespaces.
    if not namespace:
        steps += _impersonated(rule, names)
        steps += _certified(rule, names)
        steps += _machinery(rule, names)
    for right, end in steps:
        yield f"{right}{scope}", end


def _identities(
    rule: Object, namespace: str, names: Sequence[str], spaces: Mapping[str, bool]
) -> Iterator[tuple[str, End]]:
    """Yield how a rule gives the identity of service accounts."""
    ends = _account_ends(namespace, names, spaces)
    if impersonates(rule, "serviceaccounts"):
        for account, end in ends:
            yield f"impersonate {account}", end
    if may(rule, "", "serviceaccounts/token", "create"):
        for account, end in ends:
            yield f"issue tokens of {account}", end
    # The API server takes the word of whoever makes one for the pod and the account that it is for.
    if may(rule, _CERTIFICATES, "podcertificaterequests", "create"):
        yield "request certificates of service accounts", accounts(namespace)
    # A name does not narrow it: who may also create secrets makes one of that name and of the type for
    # tokens.
    if may(rule, "", "secrets", *SHOW_SECRETS):
        yield "read secrets, which may hold tokens,", accounts(namespace)


def _account_ends(namespace: str, names: Sequence[str], spaces: Mapping[str, bool]) -> list[tuple[str, End]]:
    """Return the service accounts that a rule is about, in words, and where each leads."""
    if not names:
        return [("service accounts", accounts(namespace))]
    chosen = [namespace] if namespace else sorted(spaces)
    ends: list[tuple[str, End]] = []
    for space in chosen:
        for name in names:
            account = principal({"kind": "ServiceAccount", "name": name}, space)
            ends.append((shown(account), account))
    return ends


def _code(rule: Object, namespace: str, spaces: Mapping[str, bool]) -> Iterator[tuple[str, End]]:
    """Yield how a rule runs code in pods, and on the node, if nothing keeps a new pod from it."""
    is_kept_from_nodes = spaces.get(namespace, False) if namespace else all(spaces.values())
    is_open = not is_kept_from_nodes
    for right in _ways_to_run_code(rule):
        yield right, pods(namespace)
        if is_open and right in _PRIVILEGED:
            yield f"{right}, privileged ones too,", MACHINES


def _ways_to_run_code(rule: Object) -> Iterator[str]:
    """Yield each right of a rule that runs code in pods, in words."""
    for right, resource, verbs in _RUNS_CODE:
        if may(rule, "", resource, *verbs):
            yield right
    if _writes_workloads(rule):
        yield "write workloads"
    if _writes_custom_workloads(rule):
        yield "write custom workloads"


def opened(rule: Object, namespace: str, spaces: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield each right to lower a Pod Security level, in words, and the namespace; `NEW` for one to be made.

    It leads nowhere by itself, but together with a right to privileged containers there (`privileged`). A
    RoleBinding in a namespace gives rights on that namespace itself.

    Args:
        rule: the RBAC rule.
        namespace: where it holds; empty for everywhere.
        spaces: every namespace.
    """
    if not namespace and may(rule, "", "namespaces", "create"):
        yield "make namespaces without a Pod Security level", NEW
    if not any(may(rule, "", resource, "update", "patch") for resource in _LEVELS):
        return
    names = rule.get("resourceNames") or spaces
    for space in sorted(names):
        if namespace in {"", space}:
            yield f"change the Pod Security level of {space}", space


def privileged(rule: Object, namespace: str) -> Iterator[str]:
    """Yield each right to containers that are privileged where no Pod Security level forbids it, in words."""
    scope = f" in {namespace}" if namespace else ""
    for right in _ways_to_run_code(rule):
        if right in _PRIVILEGED:
            yield f"{right}, privileged ones too,{scope}"


def _writes_workloads(rule: Object) -> bool:
    """Return whether a rule writes resources from which Kubernetes' own controllers make pods."""
    for group, resources in _WORKLOADS:
        if any(may(rule, group, resource, *_WRITES) for resource in resources):
            return True
    return False


def _writes_custom_workloads(rule: Object) -> bool:
    """Return whether a rule writes custom resources from which controllers make pods."""
    # A subresource, such as a status, changes no template.
    if not does(rule, *_WRITES) or not on_whole_resources(rule):
        return False
    return any(in_group(rule, group) for group in WORKLOAD_GROUPS)


def _rights(rule: Object, namespace: str, names: Sequence[str]) -> Iterator[tuple[str, End]]:
    """Yield how a rule gives rights: by writing roles, or by binding them."""
    for kind, resource in (("Role", "roles"), ("ClusterRole", "clusterroles")):
        if may(rule, GROUP, resource, "escalate"):
            yield f"escalate {resource}", all_in(namespace)
        if not may(rule, GROUP, resource, "bind"):
            continue
        if not names:
            yield f"bind {resource}", all_in(namespace)
        for name in names:
            yield f"bind {kind} {name}", RoleIn(kind, name, namespace)


def _identity_maps(rule: Object, namespace: str, names: Sequence[str]) -> Iterator[tuple[str, End]]:
    """Yield how a rule changes the mapping of identities to rights."""
    covers_namespace = namespace in {"", "kube-system"}
    covers_name = not names or bool(_IDENTITY_MAPS & set(names))
    if covers_namespace and covers_name and may(rule, "", "configmaps", *_WRITES):
        yield "change the configmaps that map identities", EVERYTHING
    sets_up = bool(_MACHINES_SETTINGS & set(names))
    if covers_namespace and sets_up and may(rule, "", "configmaps", *_WRITES):
        yield "change the configmaps that set up kubelets", MACHINES
    # A Secret of that name and type in kube-system is a token, which its writer knows.
    makes_tokens = not names or any(name.startswith(_BOOTSTRAP_PREFIX) for name in names)
    if covers_namespace and makes_tokens and may(rule, "", "secrets", *_WRITES):
        yield "make bootstrap tokens", BOOTSTRAPPERS


def _impersonated(rule: Object, names: Sequence[str]) -> Iterator[tuple[str, End]]:
    """Yield how a rule gives the identity of people and nodes."""
    if impersonates(rule, "users"):
        for name in names:
            yield f"impersonate User {name}", f"User {name}"
        if not names:
            yield "impersonate users", USERS
    if impersonates(rule, "groups"):
        for name in names:
            yield f"impersonate Group {name}", f"Group {name}"
        # Any group includes system:masters.
        if not names:
            yield "impersonate groups", EVERYTHING
    if impersonates(rule, "nodes"):
        yield "impersonate machines", MACHINES


def _certified(rule: Object, names: Sequence[str]) -> Iterator[tuple[str, End]]:
    """Yield how a rule has certificates issued; no signer certifies members of system:masters."""
    if may(rule, _CERTIFICATES, "signers", "approve", "sign"):
        if not names or {_CLIENT, _ALL_SIGNERS} & set(names):
            yield "approve or sign certificates of people", PEOPLE
        if not names or {_KUBELET, _ALL_SIGNERS} & set(names):
            yield "approve or sign certificates of machines", MACHINES
    if any(may(rule, _CERTIFICATES, resource, "create") for resource in _APPROVED_BY_ITSELF):
        yield "have certificates of machines approved", MACHINES


def _machinery(rule: Object, names: Sequence[str]) -> Iterator[tuple[str, End]]:
    """Yield how a rule reaches what the cluster runs on: kubelets, webhooks, drivers, folders of nodes."""
    # `get` counts: a WebSocket to the kubelet's exec endpoint is a GET request.
    if may(rule, "", "nodes/proxy", "get", "create", "update", "patch", "delete"):
        yield "reach kubelets by nodes/proxy", pods("")
    if any(may(rule, _ADMISSION, resource, *_WRITES) for resource in _MUTATING):
        yield "change every object that is written", EVERYTHING
    if may(rule, _ADMISSION, "validatingwebhookconfigurations", *_WRITES):
        yield "have every object that is written sent to a webhook", HOOKS
    # A definition says which webhook converts the objects. Their controllers make pods from what it answers.
    is_of_workloads = not names or any(name.endswith(WORKLOAD_GROUPS) for name in names)
    if is_of_workloads and may(rule, _EXTENSIONS, "customresourcedefinitions", "update", "patch"):
        yield "have custom workloads converted by a webhook", pods("")
    if any(may(rule, group, resource, *_WRITES) for group, resource in _CLASSES):
        yield "have storage drivers log in anywhere with any secret", DRIVERS
    # A hostPath volume of any folder, bound by a claim, is past Pod Security, which judges pods alone.
    if may(rule, "", "persistentvolumes", "create"):
        yield "make volumes of any folder of a machine", EVERYTHING
