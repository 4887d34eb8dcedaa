"""The guard: an admission policy that no API call can touch, and that keeps the others as they were rendered.

Whoever may write admission policies could delete or loosen ours, and by the API alone nothing stops them: the API
server exempts policies from policies. From 1.36 on it also takes policies from files, which are not seen in
the API, hold from the first request on, and may judge policies too (KEP-5793; beta and on in 1.37). On planes
of ours the guard is such a file. It refuses, to everybody, to delete one of our policies or bindings and to
create or change one into anything but what the description says; its metadata may be written. The file lies in
the plane's folder: the program writes it anew before it deploys, `down` opens it.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from sovereign_ai.cluster.access import Api
from sovereign_ai.cluster.explain import last_lines
from sovereign_ai.cluster.state import Place, write_json, write_private
from sovereign_ai.errors import EnvironmentLacksError, Problem

GUARD = "sovereign-guard.static.k8s.io"
"""The guard's name; the suffix is reserved for policies from files."""
GUARDED = {
    "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
    "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
    "MutatingAdmissionPolicy": "mutatingadmissionpolicies",
    "MutatingAdmissionPolicyBinding": "mutatingadmissionpolicybindings",
}
"""Kind to resource."""
_GROUP = "admissionregistration.k8s.io"
_SELECTORS: dict[str, Any] = {"matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}}
_LOAD_SECONDS = 90.0


def admission_folder(where: Place) -> Path:
    """Give the folder from which the API server takes policies."""
    return where.folder / "admission"


def write_admission_settings(where: Place, seen: str = "") -> None:
    """Tell the API server where its policies from files are.

    Args:
        where: the plane.
        seen: how the API server calls the folder of policies, where it sees another file system than we do.
    """
    configuration = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyConfiguration",
        "staticManifestsDir": seen or str(admission_folder(where)),
    }
    plugins = [{"name": "ValidatingAdmissionPolicy", "configuration": configuration}]
    head = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration"}
    write_json(where.config / "admission.json", head | {"plugins": plugins})


def guard(where: Place, api: Api, objects: Iterable[Mapping[str, Any]]) -> bool:
    """Keep the policies and bindings among these objects as they are, from now on and over every restart.

    Args:
        where: the plane, which runs.
        api: its API.
        objects: what is about to be deployed, or is.

    Returns:
        Whether the guard is another one than before.

    Raises:
        EnvironmentLacksError: the API server did not take the guard.
    """
    return _reads_files(where) and _put(where, api, guard_objects(objects))


def _reads_files(where: Place) -> bool:
    """Tell whether the plane was started with policies from files; one that an older version started reads none until its next start."""
    return (where.config / "admission.json").exists()


def open_guard(where: Place, api: Api) -> bool:
    """Let policies be changed and deleted again; False if nothing was guarded.

    Raises:
        EnvironmentLacksError: the API server did not take that.
    """
    return (admission_folder(where) / "guard.json").exists() and _put(where, api, [])


def guard_objects(objects: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Write the guard for the policies and bindings among some objects; nothing if there are none."""
    kept = [one for one in objects if one["kind"] in GUARDED]
    if not kept:
        return []
    rules = [
        {
            "apiGroups": [_GROUP],
            "apiVersions": ["*"],
            "operations": ["CREATE", "UPDATE", "DELETE"],
            "resources": sorted(GUARDED.values()),
            "scope": "*",
        }
    ]
    spec = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": rules},
        "variables": [
            {"name": "held", "expression": 'request.operation == "DELETE" ? oldObject : object'},
            # Pulumi's provider writes to an object's metadata alone before it applies what is new.
            {"name": "same", "expression": 'request.operation == "UPDATE" && object.spec == oldObject.spec'},
        ],
        "validations": list(_validations(kept)),
    }
    return [
        _object("ValidatingAdmissionPolicy", spec),
        _object("ValidatingAdmissionPolicyBinding", {"policyName": GUARD, "validationActions": ["Deny"]}),
    ]


def _validations(kept: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """One validation for each object: it is not deleted, and is nothing else than what it should be."""
    for one in kept:
        kind, name = one["kind"], one["metadata"]["name"]
        meant = f'request.resource.resource == "{GUARDED[kind]}" && variables.held.metadata.name == "{name}"'
        expected = _literal(_as_stored(kind, one["spec"]))
        message = (
            f"{kind} {name} is guarded: it may be neither deleted nor loosened; to change it, change the description and deploy; "
            "to remove the factory, run `sovereign-ai down`, and not `pulumi destroy`"
        )
        yield {
            "expression": f'!({meant}) || (request.operation != "DELETE" && (variables.same || dyn(object.spec) == dyn({expected})))',
            "message": message,
            "reason": "Forbidden",
        }


def _as_stored(kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Add what the API server adds (pkg/apis/admissionregistration/v1/defaults.go of Kubernetes 1.37)."""
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
    """Write a plain value in CEL, whose lists and maps must be of one type: each value in them is made dynamic."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)}: dyn({_literal(item)})" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(f"dyn({_literal(item)})" for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _object(kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": f"{_GROUP}/v1", "kind": kind, "metadata": {"name": GUARD}, "spec": dict(spec)}


def _put(where: Place, api: Api, objects: list[dict[str, Any]]) -> bool:
    """Write the file, and wait until the API server holds to it."""
    path = admission_folder(where) / "guard.json"
    data = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, sort_keys=True).encode()
    is_new = not path.exists() or path.read_bytes() != data
    if is_new:
        write_private(path, data)
    deadline = time.monotonic() + _LOAD_SECONDS
    wanted = f'hash="sha256:{hashlib.sha256(data + bytes(1)).hexdigest()}"'
    while not _holds_to(api, wanted):
        if time.monotonic() > deadline:
            said = [line for line in last_lines(where.log("kube-apiserver"), 200) if "manifest config" in line]
            message = f"the API server did not take the guard of its policies: {said[-1] if said else 'it said nothing'}"
            raise EnvironmentLacksError(Problem("guard-not-taken", message, hint=f"see {path} and the API server's log"))
        time.sleep(0.2)
    return is_new


def _holds_to(api: Api, wanted: str) -> bool:
    """Tell whether the API server says that it has loaded these files: the digest of their contents, each closed by a zero byte."""
    lines = str(api.request("GET", "/metrics").get("text", "")).splitlines()
    return any("last_config_info{" in line and 'plugin="ValidatingAdmissionPolicy"' in line and wanted in line for line in lines)
