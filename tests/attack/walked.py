"""The walk over everything that an API server serves, and what it tries on each resource and subresource.

What there is to try is read from the server's discovery, so that a kind of a later Kubernetes is tried by
itself. Each attempt is a write that would take a namespace, a machine, a pod, a policy or a binding out of
the rules: without the labels that say whose it is, where it lies and what Pod Security holds it to, or with
others in their place.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from sovereign_ai.cluster.api.client import Api, ApiError
from sovereign_ai.names import KEYS

Data = dict[str, Any]
_MERGE, _JSON, _STRATEGIC = (
    "application/merge-patch+json",
    "application/json-patch+json",
    "application/strategic-merge-patch+json",
)
_APPLY = "application/apply-patch+yaml"
_WRITES = frozenset({"create", "update", "patch"})
OURS = (f"{KEYS.domain}/", f"{KEYS.restricted}/", "pod-security.kubernetes.io/", "topology.kubernetes.io/")
"""What the labels start with that rules, network policies, Pod Security and placement read."""
_CONFINING = (
    "nodeSelector",
    "securityContext",
    "serviceAccountName",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "containers",
)
"""Fields that say where a pod runs and what it may do there."""


@dataclass(frozen=True)
class Served:
    """A resource or subresource, as discovery has it.

    Attributes:
        group_version: such as `v1` or `apps/v1`.
        name: such as `namespaces` or `namespaces/status`.
        kind: the kind that its body has.
        group_version_of_body: the group and version of that kind.
        namespaced: whether it lies in namespaces.
        verbs: those of create, update and patch that it has.
    """

    group_version: str
    name: str
    kind: str
    group_version_of_body: str
    namespaced: bool
    verbs: frozenset[str]

    @property
    def resource(self) -> str:
        """The resource without the subresource."""
        return self.name.partition("/")[0]

    @property
    def subresource(self) -> str:
        """The subresource; empty for the resource itself."""
        return self.name.partition("/")[2]

    @property
    def is_connection(self) -> bool:
        """Whether it connects to a machine, a pod or a service: its body is whatever that takes, and nothing
        is stored.
        """
        return self.kind.endswith("Options")

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.group_version.rpartition("/")[0]

    def path(self, name: str, namespace: str) -> str:
        """Return the path of one object; without a name that of all."""
        root = f"/apis/{self.group_version}" if "/" in self.group_version else f"/api/{self.group_version}"
        where = f"/namespaces/{namespace}" if self.namespaced else ""
        tail = "".join(f"/{part}" for part in (name, self.subresource) if part)
        return f"{root}{where}/{self.resource}{tail}"


def served(api: Api) -> list[Served]:
    """Return everything with create, update or patch that the server serves, in every version."""
    versions = [
        "v1",
        *(
            version["groupVersion"]
            for group in api.request("GET", "/apis")["groups"]
            for version in group["versions"]
        ),
    ]
    found = []
    for version in versions:
        for row in api.request("GET", f"/apis/{version}" if "/" in version else f"/api/{version}")[
            "resources"
        ]:
            verbs = frozenset(row["verbs"]) & _WRITES
            body = "/".join(part for part in (row.get("group", ""), row.get("version", "")) if part)
            if verbs:
                found.append(
                    Served(version, row["name"], row["kind"], body or version, row["namespaced"], verbs)
                )
    return found


@dataclass(frozen=True)
class Target:
    """An object that must stay within the rules.

    Attributes:
        api_version: its group and version.
        kind: its kind.
        resource: its resource.
        name: its name.
        namespace: its namespace; empty where it has none.
    """

    api_version: str
    kind: str
    resource: str
    name: str
    namespace: str = ""

    def live(self, api: Api) -> Data | None:
        """Read it."""
        return api.get(self.api_version, self.kind, self.name, self.namespace or None)

    def state(self, api: Api) -> Any:
        """Return what must not change: the labels that are read, all that a policy says, what confines a pod.

        A pod is in the rules by its namespace: its labels are its owner's.
        """
        live = self.live(api) or {"metadata": {}}
        if self.kind == "Pod":
            return {field: live.get("spec", {}).get(field) for field in _CONFINING}
        labels = {
            key: value
            for key, value in (live["metadata"].get("labels") or {}).items()
            if key.startswith(OURS)
        }
        taints = [
            taint for taint in live.get("spec", {}).get("taints") or [] if taint["key"].startswith(OURS)
        ]
        return {"labels": labels, "spec": live["spec"] if "AdmissionPolicy" in self.kind else taints}


def stripped(live: Mapping[str, Any], renamed: Mapping[str, str]) -> Data:
    """Return an object without the labels and taints that are read, or with others of the same keys."""
    obj = deepcopy(dict(live))
    labels = obj["metadata"].get("labels") or {}
    kept = {key: value for key, value in labels.items() if not key.startswith(OURS)}
    obj["metadata"]["labels"] = {**kept, **{key: renamed[key] for key in labels if key in renamed}}
    if obj.get("kind") == "Pod":
        for field in _CONFINING:
            obj["spec"].pop(field, None)
        obj["spec"] |= {"hostNetwork": True, "containers": live["spec"]["containers"]}
    obj["metadata"].pop("managedFields", None)
    obj["metadata"].pop("resourceVersion", None)
    if obj.get("spec", {}).get("taints"):
        obj["spec"]["taints"] = [
            taint for taint in obj["spec"]["taints"] if not taint["key"].startswith(OURS)
        ]
    return obj


def attempts(api: Api, what: Served, target: Target) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield every write of a resource or subresource that would take a target out of the rules, each with its
    words.
    """
    live = target.live(api)
    if live is None:
        return
    labels = [key for key in live["metadata"].get("labels") or {} if key.startswith(OURS)]
    others = {key: "privileged" if key.startswith("pod-security") else "other" for key in labels}
    is_own = what.resource == target.resource
    if not is_own:
        yield from _by_another_resource(api, what, target, live)
        return
    path = what.path(target.name, target.namespace or "research")
    for word, renamed in (("without labels", {}), ("with other labels", others)):
        body = stripped(live, renamed)
        if what.kind != target.kind:
            # A body of another kind carries the metadata alone: its content would be refused before anything
            # else.
            body = {"metadata": body["metadata"]}
        whole = {**body, "apiVersion": what.group_version_of_body, "kind": what.kind}
        if "create" in what.verbs:
            created = path if what.subresource else what.path("", target.namespace or "research")
            yield f"POST {created} {word}", _sent(api, "POST", created, whole)
        if "update" in what.verbs:
            yield f"PUT {path} {word}", _sent(api, "PUT", path, whole)
        if "patch" in what.verbs:
            yield from _patches(api, what, target, labels, renamed)


def _patches(
    api: Api, what: Served, target: Target, labels: list[str], renamed: Mapping[str, str]
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield a patch of each kind that takes labels off or gives them other values."""
    path, word = what.path(target.name, target.namespace), f"with {dict(renamed)}"
    change = {"metadata": {"labels": {key: renamed.get(key) for key in labels}}}
    for media in (_MERGE, _STRATEGIC):
        yield f"PATCH {path} {word} by {media}", _sent(api, "PATCH", path, change, media)
    applied = {
        "apiVersion": what.group_version_of_body,
        "kind": what.kind,
        "metadata": {"name": target.name, "labels": renamed},
    }
    for manager in ("sovereign-ai", "somebody"):
        query = {"force": "true", "fieldManager": manager}
        yield f"apply {path} {word} as {manager}", _sent(api, "PATCH", path, applied, _APPLY, query)
    steps = [_step(key, renamed) for key in labels]
    yield f"PATCH {path} {word} by {_JSON}", _sent(api, "PATCH", path, steps, _JSON)
    if target.kind == "Node":
        yield f"PATCH {path} without taints", _sent(api, "PATCH", path, {"spec": {"taints": None}}, _MERGE)
    if target.kind == "Pod":
        loose = {"spec": {"nodeSelector": None, "securityContext": None, "hostNetwork": True}}
        yield f"PATCH {path} without its confinement", _sent(api, "PATCH", path, loose, _MERGE)


def _by_another_resource(
    api: Api, what: Served, target: Target, live: Data
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield a write of each verb of a resource that is not the target's, under the target's name and with its
    bare metadata.
    """
    namespace = target.namespace or "research"
    metadata = {**stripped(live, {})["metadata"], **({"namespace": namespace} if what.namespaced else {})}
    whole = {"apiVersion": what.group_version_of_body, "kind": what.kind, "metadata": metadata}
    path = what.path(target.name, namespace)
    if "create" in what.verbs:
        created = path if what.subresource else what.path("", namespace)
        yield f"POST {created}", _sent(api, "POST", created, whole)
    if "update" in what.verbs:
        yield f"PUT {path}", _sent(api, "PUT", path, whole)
    if "patch" in what.verbs:
        yield (
            f"PATCH {path}",
            _sent(
                api,
                "PATCH",
                path,
                {"metadata": {"labels": dict.fromkeys(live["metadata"].get("labels") or ())}},
                _MERGE,
            ),
        )


def _step(key: str, renamed: Mapping[str, str]) -> Data:
    where = "/metadata/labels/" + key.replace("~", "~0").replace("/", "~1")
    return (
        {"op": "replace", "path": where, "value": renamed[key]}
        if key in renamed
        else {"op": "remove", "path": where}
    )


def _sent(
    api: Api, method: str, path: str, body: object, media: str = "application/json", query: Data | None = None
) -> Callable[[], object]:
    def send() -> object:
        with contextlib.suppress(ApiError):
            return api.request(method, path, body, query, media)
        return None

    return send
