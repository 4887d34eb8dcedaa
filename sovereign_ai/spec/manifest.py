"""One object of a controller's manifests: its form, and what may be in none.

The objects are written by the controllers' publishers, and deployed as they are but for the labels of their
owner. So they are checked for what would take effect beside the description: a secret, a policy, an object of
a chart's hook, or what an API server wrote into an object that was read from a cluster.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from sovereign_ai.errors import Problem, Where
from sovereign_ai.files import shown
from sovereign_ai.names import KEYS, SYSTEM_NAMESPACE, is_label
from sovereign_ai.spec.base import frozen
from sovereign_ai.spec.field_location import TextForm
from sovereign_ai.spec.manifest_shapes import RBAC, wrong_shapes

MOST_OBJECTS = 2_000
"""The most objects of all controllers together; a chart of a hundred definitions has a few hundred."""
OTHERS_NAMESPACE = "kube-system"
"""The namespace of Kubernetes in which controllers may have objects: roles to read its settings, services."""
# Groups of definitions have a dot. Pulumi calls the core group `core`, and would read `core/v1` as `v1`.
_API_VERSION = re.compile(
    r"(?:(?:apps|autoscaling|batch|policy|(?=[^/]*\.)[a-z0-9][a-z0-9.-]{0,251}[a-z0-9])/)?v[a-z0-9]{1,30}"
)
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")
# Names of roles hold colons. Pulumi divides the names of its resources by `/` and `::`.
_NAME = re.compile(r"(?!.*::)[A-Za-z0-9](?:[A-Za-z0-9._:-]{0,251}[A-Za-z0-9])?")
_DEFINITION = ("apiextensions.k8s.io", "CustomResourceDefinition")
_ADMISSION = "admissionregistration.k8s.io"
_REFUSED_KINDS = (
    ("/Node", "machines come from the plan", "take it out"),
    (
        "/Pod",
        "nothing makes a pod anew that stands alone",
        "take it out, or mirror the chart's Deployment or Job",
    ),
    (
        """admissionregistration.k8s.io/ValidatingAdmissionPolicy
        admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding
        admissionregistration.k8s.io/MutatingAdmissionPolicy
        admissionregistration.k8s.io/MutatingAdmissionPolicyBinding
        flowcontrol.apiserver.k8s.io/FlowSchema flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration""",
        "admission policies and priority levels come from the description alone",
        "take it out, or install it beside the description",
    ),
    (
        """kueue.x-k8s.io/ClusterQueue kueue.x-k8s.io/Cohort kueue.x-k8s.io/LocalQueue
        kueue.x-k8s.io/ResourceFlavor kueue.x-k8s.io/Topology kueue.x-k8s.io/Workload""",
        "quotas and queues come from the description alone",
        "take it out",
    ),
    (
        "resource.k8s.io/ResourceSlice resource.k8s.io/DeviceTaintRule",
        "devices and their faults come from their machines",
        "take it out",
    ),
    (
        "/Event events.k8s.io/Event coordination.k8s.io/Lease coordination.k8s.io/LeaseCandidate",
        "whoever it is about writes it; one with a made-up holder keeps others waiting",
        "take it out",
    ),
    (
        """/Binding policy/Eviction authentication.k8s.io/SelfSubjectReview authentication.k8s.io/TokenRequest
        authentication.k8s.io/TokenReview authorization.k8s.io/LocalSubjectAccessReview
        authorization.k8s.io/SelfSubjectAccessReview authorization.k8s.io/SelfSubjectRulesReview
        authorization.k8s.io/SubjectAccessReview""",
        "it asks the API server for something, and no server keeps it",
        "take it out",
    ),
)
"""Objects that may be in no manifest: each group with its kind, the reason, and what to do."""
_REFUSED: dict[str, tuple[str, str]] = {}
for _kinds, _reason, _hint in _REFUSED_KINDS:
    _REFUSED |= dict.fromkeys(_kinds.split(), (_reason, _hint))
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_EMPTY_SECRET = frozenset({"apiVersion", "kind", "metadata", "type"})
_OF_A_SERVER = ("deletionTimestamp", "managedFields", "ownerReferences", "resourceVersion", "selfLink", "uid")
"""Metadata that only an API server writes."""
_HOOK = "helm.sh/hook"
_AUTHORITY = ("", "ConfigMap", "kube-root-ca.crt")
"""The object of every namespace by which pods know the API server."""
_RESERVED_ANNOTATIONS = ("pulumi.com/",)
# What Kubernetes 1.37, kubeadm and their DNS make in every cluster: the API server's policy.go of its roles,
# kubeadm's constants.go, and the manifests of its add-ons, read 2026-11-28.
_NAMES_OF_A_CLUSTER = re.compile(
    r"coredns|extension-apiserver-authentication(?:-reader)?"
    r"|kube-(?:apiserver-legacy-service-account-token-tracking|dns|proxy|root-ca\.crt)"
    r"|kubeadm-config|kubelet-config(?:-1\.[0-9]+)?"
)
_ROLES_OF_A_CLUSTER = re.compile(
    r"admin|cluster-admin|edit|view|kubeadm:.*"
    r"|system:(?:aggregate-to-|certificates\.k8s\.io:|controller:|kube-|node:).*"
    r"|system:(?:auth-delegator|basic-user|cloud-provider|coredns|discovery|heapster|monitoring|node"
    r"|node-bootstrapper|node-problem-detector|node-proxier|persistent-volume-provisioner|public-info-viewer"
    r"|service-account-issuer-discovery|volume-scheduler)"
)
_RBAC_KINDS = frozenset({"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"})
_MOST_INTEGER = 1 << 63


def _as_manifest(value: Any) -> Any:
    """Read an object of a manifest.

    The reader of a description replaces the name of a file by its objects first, so a name here is a mistake.
    """
    # pydantic turns a ValueError into a problem, and no TypeError.
    if isinstance(value, str):
        message = f"{shown(value)} names a file, and only the file of a description has files beside it"
        raise ValueError(message)  # noqa: TRY004 - see above
    if not isinstance(value, Mapping):
        message = f"{shown(value)} is no Kubernetes object"
        raise ValueError(message)  # noqa: TRY004 - see above
    # A name such as `on` is true to YAML 1.1, and would become the text `True`.
    for path in _names_beyond_texts(value, ""):
        message = f"{manifest_title(value)}: the name {shown(path)} is no text; write it in quotation marks"
        raise ValueError(message)
    return value


def _names_beyond_texts(value: Any, path: str) -> Iterator[str]:
    """Yield the path of each name in a value that is no text."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            below = f"{path}.{name}" if path else str(name)
            if not isinstance(name, str):
                yield below
            yield from _names_beyond_texts(inner, below)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _names_beyond_texts(inner, path)


Manifest = Annotated[
    dict[str, Any],
    BeforeValidator(_as_manifest, json_schema_input_type=str | dict[str, Any]),
    AfterValidator(frozen),
    TextForm(
        "bad-manifest",
        "a Kubernetes object, or in a file of YAML the name of a file of objects beside it",
    ),
]
"""A Kubernetes object of a controller, as its publisher writes it."""


def manifest_key(obj: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return kind, namespace and name of an object; empty texts for what it lacks."""
    metadata = obj.get("metadata")
    if not isinstance(metadata, Mapping):
        metadata = {}
    return str(obj.get("kind", "")), str(metadata.get("namespace") or ""), str(metadata.get("name") or "")


def manifest_title(obj: Mapping[str, Any]) -> str:
    """Return an object's name for messages, `Kind/namespace/name`."""
    return "/".join(part for part in manifest_key(obj) if part)


def api_group(obj: Mapping[str, Any]) -> str:
    """Return the API group of an object; empty for the core group."""
    return str(obj.get("apiVersion", "")).rpartition("/")[0]


def is_definition(obj: Mapping[str, Any]) -> bool:
    """Return whether an object defines a kind."""
    return (api_group(obj), obj.get("kind")) == _DEFINITION


def check_manifest(obj: Mapping[str, Any], field: str) -> Iterator[Problem]:
    """Refuse an object that has no valid form, or that may be in no manifest.

    Args:
        obj: the object.
        field: its field of the description.
    """
    wrong = list(_check_form(obj, field))
    yield from wrong
    if wrong:
        return
    title = manifest_title(obj)
    refused = _REFUSED.get(f"{api_group(obj)}/{obj['kind']}")
    if refused:
        reason, hint = refused
        yield Problem("refused-manifest", f"{title}: {reason}", Where(field=field), hint)
    yield from _check_secret(obj, title, field)
    if (api_group(obj), obj["kind"], obj["metadata"]["name"]) == _AUTHORITY:
        message = f"{title}: by it pods know the API server, and Kubernetes writes it"
        yield Problem("refused-manifest", message, Where(field=field), "take it out")
    if obj["kind"] == "PriorityClass" and obj.get("globalDefault"):
        message = f"{title} would be the priority of every pod of the cluster that names none"
        yield Problem(
            "refused-manifest", message, Where(field=f"{field}.globalDefault"), "take the field out"
        )
    if _is_of_a_cluster(obj):
        message = f"{title}: every cluster has it already, and nothing may replace it"
        yield Problem("refused-manifest", message, Where(field=field), "take it out")
    yield from _check_metadata(obj, title, field)
    yield from _check_namespace(obj, title, field)
    defined = defined_kind(obj)
    if defined and f".{defined[0]}".endswith(f".{KEYS.domain}"):
        message = f"{title}: kinds of {KEYS.domain} are defined by this program alone"
        yield Problem("refused-manifest", message, Where(field=f"{field}.spec.group"), "take it out")
    if is_definition(obj) and defined is None:
        message = f"{title} defines no kind: spec.group, spec.names.kind and spec.scope are texts"
        hint = "mirror the definition as its publisher writes it"
        yield Problem("bad-manifest", message, Where(field=f"{field}.spec"), hint)


def _check_secret(obj: Mapping[str, Any], title: str, field: str) -> Iterator[Problem]:
    """Refuse a secret that holds something.

    Empty ones are permitted: publishers bring them for the certificate that a controller makes for its
    webhook. The controller does not make the object itself, and its pods wait until it is there.
    """
    if (api_group(obj), obj["kind"]) != ("", "Secret"):
        return
    if obj.get("type", "Opaque") != "Opaque":
        message = f"{title}: a secret of the type {shown(obj['type'])} is not empty"
        hint = "take it out; the controller, cert-manager or an operator makes it in the cluster"
        yield Problem("refused-manifest", message, Where(field=f"{field}.type"), hint)
    annotations = obj["metadata"].get("annotations")
    if isinstance(annotations, Mapping) and _APPLIED in annotations:
        message = f"{title}: the annotation {_APPLIED} holds what the secret held"
        where = Where(field=f"{field}.metadata.annotations")
        yield Problem("refused-manifest", message, where, "take the annotation out")
    for name, value in obj.items():
        # What holds nothing has no entry either; an entry without a text would be written again and again.
        if name not in _EMPTY_SECRET and value not in (None, {}):
            message = f"{title}: it is a secret, and a description is no place for one"
            hint = f"take {name} out: an empty secret is filled by its controller; or take all of it out"
            yield Problem("refused-manifest", message, Where(field=f"{field}.{name}"), hint)


def _is_of_a_cluster(obj: Mapping[str, Any]) -> bool:
    """Return whether an object has the name of one that every cluster has by itself."""
    _, namespace, name = manifest_key(obj)
    if api_group(obj) == RBAC and obj["kind"] in _RBAC_KINDS and _ROLES_OF_A_CLUSTER.fullmatch(name):
        return True
    return namespace == OTHERS_NAMESPACE and _NAMES_OF_A_CLUSTER.fullmatch(name) is not None


def _defined(definition: Mapping[str, Any]) -> tuple[str, str, bool] | None:
    """Return group and kind that a definition defines, and whether it lies in namespaces; None if none."""
    spec = definition.get("spec")
    names = spec.get("names") if isinstance(spec, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(names, Mapping):
        return None
    group, kind, scope = spec.get("group"), names.get("kind"), spec.get("scope")
    if not isinstance(group, str) or not isinstance(kind, str) or scope not in ("Namespaced", "Cluster"):
        return None
    return group, kind, scope == "Namespaced"


def defined_kind(obj: Mapping[str, Any]) -> tuple[str, str, bool] | None:
    """Return group and kind that an object defines, and whether it lies in namespaces.

    None for an object that is no definition.
    """
    return _defined(obj) if is_definition(obj) else None


def _check_form(obj: Mapping[str, Any], field: str) -> Iterator[Problem]:
    """Refuse an object without version, kind or name, or with values that are not JSON's."""
    form = {
        "apiVersion": (obj.get("apiVersion"), _API_VERSION),
        "kind": (obj.get("kind"), _KIND),
    }
    metadata = obj.get("metadata")
    if isinstance(metadata, Mapping) and metadata.get("generateName") and not metadata.get("name"):
        message = "the object has a generated name, so that each deployment would make another one"
        yield Problem("bad-manifest", message, Where(field=f"{field}.metadata"), "give it a name")
        return
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    form["metadata.name"] = (name, _NAME)
    for path, (value, pattern) in form.items():
        if not isinstance(value, str) or not pattern.fullmatch(value):
            message = f"the object has no valid {path}" + (f": {shown(value)}" if value is not None else "")
            hint = "mirror what `helm template` or `kustomize build` writes"
            yield Problem("bad-manifest", message, Where(field=f"{field}.{path}"), hint)
    if "items" in obj:
        # kubectl and kustomize take such an object apart, whatever its kind.
        message = f"{manifest_title(obj)} is a list of objects, which nothing here would judge"
        hint = "write each object by itself; `kind: List` is taken apart in a file"
        yield Problem("bad-manifest", message, Where(field=f"{field}.items"), hint)
    for path, expected in wrong_shapes(obj, api_group(obj)):
        message = f"{manifest_title(obj)}: {path} is not {expected}"
        hint = "mirror what `helm template` or `kustomize build` writes"
        yield Problem("bad-manifest", message, Where(field=f"{field}.{path}"), hint)
    for path, reason in _values_beyond_json(obj, ""):
        message = f"{manifest_title(obj)}: {path} {reason}"
        hint = "write it in quotation marks"
        yield Problem("bad-manifest", message, Where(field=f"{field}.{path}"), hint)


def _values_beyond_json(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the path of each value that JSON does not have, such as a date of YAML, and the reason."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _values_beyond_json(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _values_beyond_json(inner, f"{path}[{index}]")
    elif isinstance(value, bool) or value is None or isinstance(value, str):
        return
    elif isinstance(value, int):
        if not -_MOST_INTEGER <= value < _MOST_INTEGER:
            yield path, "is a number that no API server reads"
    elif not isinstance(value, float) or not math.isfinite(value):
        yield path, f"is a {type(value).__name__}, which JSON does not have"


def _check_metadata(obj: Mapping[str, Any], title: str, field: str) -> Iterator[Problem]:
    """Refuse hooks of charts, this program's own labels, and what an API server wrote."""
    metadata = obj["metadata"]
    at = f"{field}.metadata"
    for name in ("labels", "annotations"):
        entries = metadata.get(name)
        if entries is None:
            continue
        is_texts = isinstance(entries, Mapping) and all(isinstance(text, str) for text in entries.values())
        if not is_texts:
            message = f"{title}: its {name} are no mapping of texts"
            yield Problem(
                "bad-manifest", message, Where(field=f"{at}.{name}"), "write texts in quotation marks"
            )
            continue
        for key in entries:
            if key.startswith((f"{KEYS.domain}/", f"{KEYS.restricted}/", *_RESERVED_ANNOTATIONS)):
                message = f"{title}: {key} is written by this program alone"
                yield Problem("refused-manifest", message, Where(field=f"{at}.{name}"), "take it out")
    annotations = metadata.get("annotations")
    if isinstance(annotations, Mapping) and _HOOK in annotations:
        message = f"{title} is run by a hook of Helm, which nothing runs here"
        yield Problem("refused-manifest", message, Where(field=at), "mirror `helm template --no-hooks`")
    if metadata.get("finalizers"):
        message = f"{title} has finalizers: once its controller is gone, nothing would delete it"
        where = Where(field=f"{at}.finalizers")
        yield Problem("refused-manifest", message, where, "take them out; the controller adds its own")
    for name in _OF_A_SERVER:
        if metadata.get(name) is not None:
            message = f"{title}: metadata.{name} is of an object that was read from a cluster"
            hint = "mirror what its publisher writes, and not what a cluster holds"
            yield Problem("refused-manifest", message, Where(field=f"{at}.{name}"), hint)


def _check_namespace(obj: Mapping[str, Any], title: str, field: str) -> Iterator[Problem]:
    """Refuse a namespace that is no name, and the one of this program."""
    namespace = obj["metadata"].get("namespace")
    if namespace is not None and (not isinstance(namespace, str) or not is_label(namespace)):
        message = f"{title}: its namespace is no DNS label"
        yield Problem("bad-manifest", message, Where(field=f"{field}.metadata.namespace"), "correct it")
    is_own = (api_group(obj), obj["kind"], obj["metadata"]["name"]) == ("", "Namespace", SYSTEM_NAMESPACE)
    if namespace == SYSTEM_NAMESPACE or is_own:
        message = f"{title}: {SYSTEM_NAMESPACE} is this program's own namespace"
        hint = "install the controller into another namespace"
        yield Problem("foreign-namespace", message, Where(field=f"{field}.metadata"), hint)
