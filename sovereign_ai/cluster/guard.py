"""The guard: an admission policy that no API call can change, and that keeps the others as rendered.

A user who may write admission policies could delete or loosen the stack's, and the API alone does not prevent
it: the API server exempts policies from policies. Since 1.36 it also reads policies from files. These are not
visible in the API, hold from the first request on, and may judge policies too (KEP-5793; beta and on by
default in 1.37). On local control planes the guard is such a file, in the control plane's folder. Its duties,
towards everybody:

- It refuses to delete one of the stack's policies or bindings, and to create or change one into anything but
  the rendered object. Their metadata may be written, apart from the labels that name the owner.
- It refuses to delete the priority levels of tenants and platform. Their content is kept by policies, which
  see an object only while it is there.
- It refuses one binding by name, and states its own revision in that message: a deployment asks for it in a
  dry run, to know which content the API server has loaded.
- It repeats the policies on namespaces and nodes. Where these lost their labels, network policies, Pod
  Security and placement would select other objects, though no policy was touched.

A deployment writes the file anew before its own first write; `down` empties it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.api.client import Api
from sovereign_ai.cluster.api.errors import ApiError
from sovereign_ai.cluster.guard_record import (
    GuardRecord,
    guard_file,
    is_in_force,
    note_guard,
    read_record,
    write_guard_file,
)
from sovereign_ai.cluster.start_errors import last_lines
from sovereign_ai.cluster.state import ClusterDir, write_json
from sovereign_ai.errors import EnvironmentLacksError, Problem
from sovereign_ai.files import CLUSTER, content_if_whole
from sovereign_ai.names import KEYS
from sovereign_ai.toolchain import wait_until

GUARD = "sovereign-guard.static.k8s.io"
"""The guard's name; the API server reserves the suffix for policies from files."""
GUARDED = {
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    "MutatingAdmissionPolicy": "mutatingadmissionpolicies",
    "MutatingAdmissionPolicyBinding": "mutatingadmissionpolicybindings",
}
"""Kind to resource."""
LEVELS = {
    "FlowSchema": "flowschemas",
    "PriorityLevelConfiguration": "prioritylevelconfigurations",
}
"""Kinds, with their resources, that the guard keeps from being deleted; rules keep them as rendered."""
KEPT = frozenset({*GUARDED, *LEVELS})
"""Kinds whose objects can be deleted only while the guard is open."""
LEVELS_GUARD = "sovereign-levels.static.k8s.io"
"""The name of the part of the guard that is about priority levels."""
REPEATED = {
    "sovereign-cluster": "sovereign-cluster.static.k8s.io",
    "sovereign-nodes": "sovereign-nodes.static.k8s.io",
}
"""Policies that the guard repeats, each with the name of its copy."""
_GROUP = "admissionregistration.k8s.io"
_KEPT_LABELS = (KEYS.owner, KEYS.factory)
_SELECTORS: dict[str, Any] = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}
_LOAD_SECONDS = 90.0
_POLL_SECONDS = 0.05
_REVISION = "policy revision "
_PROBE = "sovereign-guard-revision"
"""Name of a binding that the guard refuses, with its own revision in the message."""
_STATED = re.compile(rb"guard revision ([0-9a-f]{16})\b")
_EXISTS = 409
_LONGEST = 60_000
"""Characters of one comparison.

The API server's parser accepts 100,000 in an expression (cel-go, `ExpressionSizeCodePointLimit`).
"""


def admission_folder(cluster_dir: ClusterDir) -> Path:
    """Return the folder from which the API server reads policies."""
    return cluster_dir.folder / "admission"


def write_admission_settings(
    cluster_dir: ClusterDir, seen: str = "", others: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Write the setting that names the folder of policies for the API server.

    Args:
        cluster_dir: the control plane's folder.
        seen: the folder's path for the API server, where it has another file system than this process.
        others: the settings of other admission plugins.
    """
    configuration = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyConfiguration",
        "staticManifestsDir": seen or str(admission_folder(cluster_dir)),
    }
    plugins = [{"name": "ValidatingAdmissionPolicy", "configuration": configuration}, *others]
    head = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration"}
    write_json(cluster_dir.config / "admission.json", head | {"plugins": plugins})


def guard_policies(cluster_dir: ClusterDir, api: Api, objects: Iterable[Mapping[str, Any]]) -> bool:
    """Keep the policies and bindings among these objects as they are, from now on and over every restart.

    Args:
        cluster_dir: the control plane's folder; the control plane runs.
        api: its API.
        objects: the objects of a deployment.

    Returns:
        Whether the guard changed.

    Raises:
        EnvironmentLacksError: the API server did not load the guard.
    """
    return _reads_files(cluster_dir) and _write_guard(cluster_dir, api, guard_objects(objects))


def _reads_files(cluster_dir: ClusterDir) -> bool:
    """Return whether the control plane reads policies from files; one of an older version does not."""
    return (cluster_dir.config / "admission.json").exists()


def open_guard(cluster_dir: ClusterDir, api: Api) -> bool:
    """Remove the guard, so that policies can be changed and deleted.

    Returns:
        Whether the guard changed; False if there was none.

    Raises:
        EnvironmentLacksError: the API server did not load the change.
    """
    return guard_file(cluster_dir).exists() and _write_guard(cluster_dir, api, [])


def guard_objects(objects: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the guard for the policies and bindings among some objects; nothing if there are none."""
    listed = list(objects)
    kept = [obj for obj in listed if obj["kind"] in GUARDED]
    if not kept:
        return []
    resources = []
    for resource in GUARDED.values():
        # A subresource lets a client write no more than a status today; a later version may have others.
        resources += [resource, f"{resource}/status"]
    rule = {
        "apiGroups": [_GROUP],
        "apiVersions": ["*"],
        "operations": ["CREATE", "UPDATE", "DELETE"],
        "resources": sorted(resources),
        "scope": "*",
    }
    spec: dict[str, Any] = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "variables": [
            {"name": "held", "expression": 'request.operation == "DELETE" ? oldObject : object'},
            # Pulumi's provider writes to an object's metadata alone before it applies what is new.
            {"name": "same", "expression": 'request.operation == "UPDATE" && object.spec == oldObject.spec'},
        ],
        "validations": list(_validations(kept)),
    }
    guard_and_copies = _bound(GUARD, spec)
    for policy in kept:
        guard_and_copies += _repeated(policy)
    guard_and_copies += _guarded_levels(listed)
    # First, since the API server reports the first validation that fails.
    spec["validations"].insert(0, _statement(guard_and_copies))
    return guard_and_copies


def _statement(objects: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the validation that refuses the probe, and states the revision of some objects."""
    revision = hashlib.sha256(json.dumps(objects, sort_keys=True).encode()).hexdigest()[:16]
    return {
        "expression": f'variables.held.metadata.name != "{_PROBE}"',
        "message": f"guard revision {revision}",
        "reason": "Forbidden",
    }


def _guarded_levels(objects: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield what keeps the priority levels among some objects from being deleted; nothing if there are none.

    A tenant whose FlowSchema is gone shares the seats of everybody, and takes them from the others.
    """
    names: dict[str, list[str]] = {}
    for obj in objects:
        if obj["kind"] in LEVELS:
            names.setdefault(LEVELS[obj["kind"]], []).append(obj["metadata"]["name"])
    if not names:
        return
    rule = {
        "apiGroups": ["flowcontrol.apiserver.k8s.io"],
        "apiVersions": ["*"],
        "operations": ["DELETE"],
        "resources": sorted(names),
        "scope": "*",
    }
    validations = []
    for resource, own in sorted(names.items()):
        is_ours = f"oldObject.metadata.name in {json.dumps(sorted(own))}"
        is_guarded = f'request.resource.resource == "{resource}" && {is_ours}'
        message = (
            f"these {resource} are guarded: without them a tenant takes the API server from the others; "
            "to change them, change the description and deploy; "
            "to remove the factory, run `sovereign-ai down`, and not `pulumi destroy`"
        )
        validations.append({"expression": f"!({is_guarded})", "message": message, "reason": "Forbidden"})
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule]},
        "validations": validations,
    }
    yield from _bound(LEVELS_GUARD, spec)


def _repeated(policy: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the copy of a policy that the guard repeats, with its binding; nothing for any other policy."""
    name = policy["metadata"]["name"]
    if policy["kind"] != "ValidatingAdmissionPolicy" or name not in REPEATED:
        return
    # Without the validation that reports a revision: a deployment waits for the revision of the policy in the
    # API.
    validations = []
    for validation in policy["spec"]["validations"]:
        is_revision = validation.get("message", "").startswith(_REVISION)
        if not is_revision:
            validations.append(validation)
    yield from _bound(REPEATED[name], {**policy["spec"], "validations": validations})


def _bound(name: str, spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a policy and the binding that makes it deny."""
    binding = {"policyName": name, "validationActions": ["Deny"]}
    return [
        _object("ValidatingAdmissionPolicy", name, spec),
        _object("ValidatingAdmissionPolicyBinding", name, binding),
    ]


def _validations(kept: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the validations of each object: it is not deleted, and does not differ from the rendered one."""
    for obj in kept:
        kind, name = obj["kind"], obj["metadata"]["name"]
        is_object = (
            f'request.resource.resource == "{GUARDED[kind]}" && variables.held.metadata.name == "{name}"'
        )
        message = (
            f"{kind} {name} is guarded: it may be neither deleted nor loosened; "
            "to change it, change the description and deploy; "
            "to remove the factory, run `sovereign-ai down`, and not `pulumi destroy`"
        )
        labels_kept = _labels_kept(obj)
        for part in _parts(_as_stored(kind, obj["spec"])):
            allowed = f'request.operation != "DELETE" && {labels_kept} && (variables.same || ({part}))'
            yield {
                "expression": f"!({is_object}) || ({allowed})",
                "message": message,
                "reason": "Forbidden",
            }


def _parts(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield CEL expressions that are true together where a specification is the rendered one.

    The API server accepts expressions of up to 100,000 characters, and a policy's specification may be
    longer. So a long one is compared field by field, and a list in it in pieces.
    """
    whole = _literal(spec)
    if len(whole) <= _LONGEST:
        yield f"dyn(object.spec) == dyn({whole})"
        return
    yield f"dyn(object.spec).all(f, f in {json.dumps(sorted(spec))})"
    for field, value in sorted(spec.items()):
        if isinstance(value, list):
            yield f"size(object.spec.{field}) == {len(value)}"
            yield from _pieces(field, value)
        else:
            yield f"dyn(object.spec.{field}) == dyn({_literal(value)})"


def _pieces(field: str, items: Iterable[Any]) -> Iterator[str]:
    """Yield CEL expressions that each compare some items of a list; an item alone may exceed the limit."""
    piece: list[str] = []
    for number, item in enumerate(items):
        text = f"dyn(object.spec.{field}[{number}]) == dyn({_literal(item)})"
        if piece and sum(map(len, piece)) + len(text) > _LONGEST:
            yield " && ".join(piece)
            piece = []
        piece.append(text)
    if piece:
        yield " && ".join(piece)


def _labels_kept(policy: Mapping[str, Any]) -> str:
    """Return the CEL expression that an update keeps the owner labels, or sets their rendered values."""
    rendered = policy["metadata"].get("labels") or {}
    wanted = {key: rendered[key] for key in _KEPT_LABELS if key in rendered}
    new, old = "object.metadata.labels", "oldObject.metadata.labels"
    is_kept = f"has({new}) && k in {new} && ({new}[k] == {old}[k] || {new}[k] == {json.dumps(wanted)}[k])"
    all_kept = f"{json.dumps(sorted(wanted))}.all(k, !(k in {old}) || ({is_kept}))"
    return f'(request.operation != "UPDATE" || !has({old}) || {all_kept})'


def _as_stored(kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a specification with the API server's defaults.

    Source: pkg/apis/admissionregistration/v1/defaults.go of Kubernetes 1.37.
    """
    full = deepcopy(dict(spec))
    part = "matchResources" if kind.endswith("Binding") else "matchConstraints"
    if not kind.endswith("Binding"):
        full.setdefault("failurePolicy", "Fail")
    if part in full:
        full[part] = deepcopy(_SELECTORS) | dict(full[part])
        for rules in ("resourceRules", "excludeResourceRules"):
            for rule in full[part].get(rules, ()):
                rule.setdefault("scope", "*")
    return full


def _literal(value: Any) -> str:
    """Return a plain value as a CEL literal."""
    # The items of a CEL list or map must be of one type, so each is made dynamic.
    if isinstance(value, Mapping):
        items = [f"{json.dumps(key)}: dyn({_literal(item)})" for key, item in value.items()]
        return "{" + ", ".join(items) + "}"
    if isinstance(value, list | tuple):
        items = [f"dyn({_literal(item)})" for item in value]
        return "[" + ", ".join(items) + "]"
    return json.dumps(value, ensure_ascii=False)


def _object(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": f"{_GROUP}/v1", "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}


def _write_guard(cluster_dir: ClusterDir, api: Api, objects: list[dict[str, Any]]) -> bool:
    """Record the content of the guard's file, write it, and wait until the API server has loaded it."""
    data = _content(objects)
    if is_in_force(cluster_dir, data):
        return False
    # The record first: a file that differs from it was not written by this program.
    note_guard(cluster_dir, data)
    is_new = load_guard(cluster_dir, api, data)
    # Another command may have opened the guard meanwhile, and recorded that.
    if read_record(cluster_dir) == GuardRecord(data):
        note_guard(cluster_dir, data, loaded=True)
    return is_new


def _content(objects: list[dict[str, Any]]) -> bytes:
    """Return the content of the file for some objects."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, sort_keys=True).encode()


NOTHING = _content([])
"""The content of a file that guards nothing."""


def load_guard(cluster_dir: ClusterDir, api: Api, data: bytes) -> bool:
    """Write the guard's file, and wait until the API server has loaded it.

    Args:
        cluster_dir: the local control plane.
        api: its API.
        data: the file's content.

    Returns:
        Whether the file changed.

    Raises:
        EnvironmentLacksError: the API server did not load it.
        UnreachableError: there was no answer.
    """
    path = guard_file(cluster_dir)
    before = content_if_whole(path, CLUSTER) or b""
    is_new = before != data
    if is_new:
        write_guard_file(cluster_dir, data)
    if not wait_until(_loaded(api, before, data), _LOAD_SECONDS, _POLL_SECONDS):
        message = f"the API server did not take the guard of its policies: {_reason(cluster_dir)}"
        hint = f"see {path} and the API server's log"
        raise EnvironmentLacksError(Problem("guard-not-taken", message, hint=hint))
    return is_new


def _reason(cluster_dir: ClusterDir) -> str:
    """Return the API server's last line about its policies from files."""
    for line in reversed(last_lines(cluster_dir.log("kube-apiserver"), 200)):
        if "manifest config" in line:
            return line
    return "it reports no reason"


def _loaded(api: Api, before: bytes, data: bytes) -> Callable[[], bool]:
    """Return a function that tells whether the API server has loaded a file's content in place of another.

    It asks for the revision that the guard states. Only where neither content states one, as in a file of an
    older version, does it look among the API server's metrics: these are megabytes, and take it a fifth of a
    second.
    """
    stated = _revision_in(data)
    if stated or _revision_in(before):
        return partial(_states, api, stated)
    # The API server reports the digest of all files together, each closed by a zero byte.
    digest = hashlib.sha256(data + bytes(1)).hexdigest()
    return partial(_reports, api, f'hash="sha256:{digest}"')


def _revision_in(text: bytes) -> bytes | None:
    """Return the revision that a guard's file or refusal states; None where it states none."""
    match = _STATED.search(text)
    return match[1] if match else None


def _states(api: Api, revision: bytes | None) -> bool:
    """Return whether the guard that the API server enforces states a revision; None for no guard at all."""
    binding = {"policyName": _PROBE, "validationActions": ["Deny"]}
    try:
        api.create(_object("ValidatingAdmissionPolicyBinding", _PROBE, binding), dry_run=True)
    except ApiError as error:
        # Somebody may have made one while there was no guard; admission comes before that.
        is_admitted = error.status == _EXISTS
        return is_admitted if revision is None else _revision_in(str(error).encode()) == revision
    return revision is None


def _reports(api: Api, digest: str) -> bool:
    """Return whether the API server's metrics report that it has loaded files of a digest."""
    text = str(api.request("GET", "/metrics").get("text", ""))
    for line in text.splitlines():
        is_metric = "last_config_info{" in line and 'plugin="ValidatingAdmissionPolicy"' in line
        if is_metric and digest in line:
            return True
    return False
